//! Where to look next: methods that ask for outcomes at points and are told them.
//!
//! | method | for | [`Method`] |
//! |---|---|---|
//! | [`bayesian`] | expensive runs, one objective or several | `Bayesian` |
//! | [`evolution`] | cheap runs, one objective | `Evolution` |
//! | [`genetic`] | cheap runs, several objectives | `Genetic` |
//! | [`threshold`] | the smallest value of one parameter for which a constraint holds | `Threshold` |
//!
//! All objectives are minimised and a constraint holds where it is at most 0; who asks turns the
//! signs. Runs of one number use common random numbers at all points, and a method decides how many
//! replications a point deserves. A method is its own state: serialise it, and it goes on from
//! there; or make it anew with the same problem and tell it the same outcomes, and it asks the
//! same questions.

pub mod bayesian;
pub mod evolution;
mod gaussian;
pub mod genetic;
pub mod pareto;
mod strategy;
pub mod threshold;

use serde::{Deserialize, Serialize};

use crate::{Space, count};
pub use bayesian::Bayesian;
pub use evolution::Evolution;
pub use gaussian::{Belief, Process};
pub use genetic::Genetic;
pub use threshold::Threshold;

/// What to find.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// The parameters.
    pub space: Space,
    /// How many objectives, all to be minimised; 0 for a [`Threshold`].
    pub objectives: usize,
    /// How many constraints, each kept where it is at most 0.
    pub constraints: usize,
    /// Most runs, a run being one replication at one point; at least one is made.
    pub budget: usize,
    /// Replications of a point at first.
    pub replications: usize,
    /// Most replications of a point.
    pub most_replications: usize,
    /// Change of a parameter that does not matter, as a share of its range.
    pub parameter_tolerance: f64,
    /// Change of an objective that does not matter, as a share of the range it has shown.
    pub objective_tolerance: f64,
    /// The only source of chance.
    pub seed: u64,
}

/// Runs that a method wants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// Which trial they belong to.
    pub trial: usize,
    /// Values of the parameters.
    pub values: Vec<f64>,
    /// How many replications are wanted in all, from number 0; earlier ones count.
    pub replications: usize,
}

/// What the runs of a trial gave: the objectives, then the constraints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Means over replications; not a number where runs failed.
    #[serde(with = "numbers")]
    pub means: Vec<f64>,
    /// Standard errors of the means; 0 for a single replication.
    #[serde(with = "numbers")]
    pub errors: Vec<f64>,
}

impl Outcome {
    /// Means and standard errors of replications: for each, its objectives and constraints.
    #[must_use]
    pub fn of(replications: &[Vec<f64>]) -> Self {
        let width = replications.first().map_or(0, Vec::len);
        let column = |k: usize| replications.iter().map(|r| r[k]).collect::<Vec<f64>>();
        let of = |k: usize| {
            let column = column(k);
            // The mean of equal values may round to another one.
            if column.windows(2).all(|pair| pair[0].to_bits() == pair[1].to_bits()) {
                return (column[0], 0.0);
            }
            let error = sim_types::math::sqrt(crate::variance(&column) / count(column.len()));
            (crate::mean(&column), error)
        };
        let (means, errors) = (0..width).map(of).unzip();
        Self { means, errors }
    }

    /// Runs that failed.
    #[must_use]
    pub fn failed(problem: &Problem) -> Self {
        let width = problem.objectives + problem.constraints;
        Self { means: vec![f64::NAN; width], errors: vec![0.0; width] }
    }
}

/// Numbers that may be none: `null` in JSON.
mod numbers {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(values: &[f64], to: S) -> Result<S::Ok, S::Error> {
        let values: Vec<Option<f64>> = values.iter().map(|v| v.is_finite().then_some(*v)).collect();
        values.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
        let values = Vec::<Option<f64>>::deserialize(from)?;
        Ok(values.into_iter().map(|v| v.unwrap_or(f64::NAN)).collect())
    }
}

/// A point that was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Where in the unit cube.
    pub unit: Vec<f64>,
    /// Values of the parameters.
    pub values: Vec<f64>,
    /// Replications done; while the outcome is open, wanted.
    pub replications: usize,
    /// What they gave; `None` until told.
    pub outcome: Option<Outcome>,
}

/// How a search stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It goes on.
    Searching,
    /// Further runs would not change the answer by more than the tolerances.
    Converged,
    /// The runs are spent before that.
    OutOfBudget,
    /// No point kept all constraints.
    Infeasible,
}

/// How a search stands, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// How it stands.
    pub state: State,
    /// In one sentence without its stop.
    pub why: String,
}

/// The answer to a problem with one objective.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Values of the parameters.
    pub values: Vec<f64>,
    /// The trial at these values, if there was one.
    pub trial: Option<usize>,
    /// For each parameter, the values that do about as well, where the method can say.
    pub interval: Option<Vec<[f64; 2]>>,
}

/// By so many standard errors of its mean a constraint is kept beyond its noise: one side of a
/// normal law, 95 %.
const BEYOND_NOISE: f64 = 1.645;

/// Trials, their outcomes and what they cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trials {
    /// What to find.
    pub problem: Problem,
    /// In the order asked.
    pub list: Vec<Trial>,
    /// Runs asked for so far.
    pub spent: usize,
}

impl Trials {
    fn new(problem: Problem) -> Self {
        Self { problem, list: Vec::new(), spent: 0 }
    }

    /// Asks for a point with at least so many replications; a point tried before gets more of them
    /// if it has fewer. The trial, or `None` where the budget does not allow it.
    fn want(&mut self, unit: &[f64], replications: usize) -> Option<usize> {
        let unit = self.problem.space.snap(unit);
        let same = |t: &Trial| t.unit.iter().zip(&unit).all(|(a, b)| (a - b).abs() < 1e-12);
        let replications = replications.clamp(1, self.problem.most_replications.max(1));
        let known = self.list.iter().position(same);
        let done = known.map_or(0, |trial| self.list[trial].replications);
        let more = replications.saturating_sub(done);
        if self.spent > 0 && self.spent + more > self.problem.budget {
            return None;
        }
        self.spent += more;
        let Some(trial) = known else {
            let values = self.problem.space.values(&unit);
            self.list.push(Trial { unit, values, replications, outcome: None });
            return Some(self.list.len() - 1);
        };
        if more > 0 {
            self.list[trial].replications = replications;
            self.list[trial].outcome = None;
        }
        Some(trial)
    }

    /// What is wanted and not yet told.
    fn open(&self) -> Vec<Ask> {
        let asks = self.list.iter().enumerate().filter(|(_, t)| t.outcome.is_none());
        asks.map(|(trial, t)| Ask { trial, values: t.values.clone(), replications: t.replications })
            .collect()
    }

    /// Told trials.
    fn told<'a>(&'a self) -> impl Iterator<Item = (usize, &'a Trial, &'a Outcome)> {
        let told = |(i, t): (usize, &'a Trial)| t.outcome.as_ref().map(|o| (i, t, o));
        self.list.iter().enumerate().filter_map(told)
    }

    /// By how much an outcome misses the constraints, together, each in units of the largest miss
    /// seen; infinite for failed runs.
    fn violation(&self, outcome: &Outcome) -> f64 {
        if outcome.means.iter().any(|v| v.is_nan()) {
            return f64::INFINITY;
        }
        let from = self.problem.objectives;
        (from..from + self.problem.constraints)
            .map(|k| {
                let miss = outcome.means[k];
                let largest = self.told().map(|(.., o)| o.means[k]).fold(miss, f64::max);
                if miss > 0.0 { miss / largest } else { 0.0 }
            })
            .sum()
    }

    /// How far the mean of constraint `k` must keep away from 0 to be beyond the noise that
    /// these errors would have with the most replications.
    fn margin(&self, k: usize, outcome: &Outcome, replications: usize) -> f64 {
        let share = count(replications) / count(self.problem.most_replications.max(1));
        BEYOND_NOISE * outcome.errors[k] * sim_types::math::sqrt(share)
    }

    /// Whether all constraints are kept.
    #[must_use]
    pub fn feasible(&self, outcome: &Outcome) -> bool {
        outcome.means.iter().all(|v| v.is_finite())
            && outcome.means.iter().skip(self.problem.objectives).all(|v| *v <= 0.0)
    }

    /// Whether all constraints are kept, and not by the luck of these runs.
    #[must_use]
    pub fn surely_feasible(&self, outcome: &Outcome) -> bool {
        let constraints = outcome.means.iter().zip(&outcome.errors).skip(self.problem.objectives);
        outcome.means.iter().all(|v| v.is_finite())
            && constraints.into_iter().all(|(mean, error)| mean + BEYOND_NOISE * error <= 0.0)
    }

    /// Runs to keep for measuring the answer: under constraints the first ones may not stand.
    fn reserve(&self) -> usize {
        let answers = if self.problem.constraints > 0 { 6 } else { 1 };
        (answers * self.problem.most_replications).min(self.problem.budget / 2)
    }

    /// Asks for a place as often as the most replications or the budget allow.
    fn measure(&mut self, unit: &[f64]) -> Option<usize> {
        let left = self.problem.budget.saturating_sub(self.spent);
        let most = self.problem.most_replications;
        self.want(unit, most).or_else(|| self.want(unit, left.max(1)))
    }

    /// The trial that is the answer when a search of one objective is over. Without constraints
    /// that chance touches it is `last`, where the search ended. Else it is one whose runs leave no
    /// doubt about them, though few runs may have been lucky or unlucky: the way from there to the
    /// nearest better trials that do not keep them is halved, as long as it is longer than the
    /// parameters' tolerance.
    fn answer(&mut self, last: Option<usize>) -> Option<usize> {
        let most = self.problem.most_replications;
        let from = self.problem.objectives;
        let often = |trial: usize| self.list[trial].replications >= most;
        let told = |trial: usize| self.list[trial].outcome.as_ref();
        let value = |trial: usize| told(trial).map_or(f64::NAN, |outcome| outcome.means[0]);
        let sure = |trial: usize| told(trial).is_some_and(|o| self.surely_feasible(o));
        let noisy = |o: &Outcome| o.errors.iter().skip(from).any(|error| *error > 0.0);
        let settled = |trial: usize| sure(trial) && !told(trial).is_some_and(noisy);
        if self.problem.constraints == 0 || last.is_some_and(settled) {
            return last;
        }
        let best = |of: &dyn Fn(usize) -> bool| {
            let all = (0..self.list.len()).filter(|trial| of(*trial) && sure(*trial));
            all.min_by(|a, b| value(*a).total_cmp(&value(*b)))
        };
        let Some(safe) = best(&often) else {
            let Some(hope) = best(&|trial| !often(trial)) else { return last };
            let unit = self.list[hope].unit.clone();
            return self.want(&unit, most).or(last);
        };
        let clearly = |o: &Outcome| {
            let mut constraints = o.means.iter().zip(&o.errors).skip(from);
            constraints.any(|(mean, error)| mean - BEYOND_NOISE * error > 0.0)
        };
        let missed =
            |trial: usize| !sure(trial) && (often(trial) || told(trial).is_some_and(clearly));
        let apart = |trial: usize| {
            let pairs = self.list[safe].unit.iter().zip(&self.list[trial].unit);
            pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
        };
        let nearest = (0..self.list.len())
            .filter(|trial| missed(*trial) && value(*trial) < value(safe))
            .min_by(|a, b| apart(*a).total_cmp(&apart(*b)));
        let Some(beyond) = nearest.filter(|trial| apart(*trial) > self.problem.parameter_tolerance)
        else {
            return Some(safe);
        };
        let ends = self.list[safe].unit.iter().zip(&self.list[beyond].unit);
        let middle: Vec<f64> = ends.map(|(a, b)| f64::midpoint(*a, *b)).collect();
        // What was tried so often already asks for nothing; then this is as near as it gets.
        let asked = self.want(&middle, most);
        asked.filter(|trial| self.list[*trial].outcome.is_none()).or(Some(safe))
    }

    /// The answer that a search of one objective stands by.
    fn stands(&self, last: Option<usize>) -> Option<Best> {
        let kept = |trial: &usize| {
            let outcome = self.list[*trial].outcome.as_ref();
            outcome.is_some_and(|outcome| self.feasible(outcome))
        };
        let trial = last.filter(kept).or_else(|| self.best(0))?;
        let values = self.list[trial].values.clone();
        Some(Best { values, trial: Some(trial), interval: None })
    }

    /// How a search of one objective stands that is over for this reason, in the light of what
    /// its answer turned out to be.
    fn verdict(&self, state: State, why: &str, last: Option<usize>) -> Verdict {
        let verdict = |state, why| Verdict { state, why };
        if state == State::Searching || self.problem.constraints == 0 {
            return verdict(state, why.to_owned());
        }
        let answer = self.stands(last).and_then(|best| self.list[best.trial?].outcome.as_ref());
        match answer {
            None => {
                let why = format!("none of {} points kept all constraints", self.list.len());
                verdict(State::Infeasible, why)
            }
            Some(outcome) if self.surely_feasible(outcome) => verdict(state, why.to_owned()),
            Some(_) => {
                let why = format!("{why}; its runs keep a constraint, but not beyond their noise");
                verdict(State::OutOfBudget, why)
            }
        }
    }

    /// The feasible trial with the smallest value of an objective.
    #[must_use]
    pub fn best(&self, objective: usize) -> Option<usize> {
        let feasible = self.told().filter(|(.., outcome)| self.feasible(outcome));
        feasible
            .min_by(|a, b| a.2.means[objective].total_cmp(&b.2.means[objective]))
            .map(|(trial, ..)| trial)
    }

    /// Feasible trials that no other is better than in every objective, in the order of the first.
    #[must_use]
    pub fn front(&self) -> Vec<usize> {
        let feasible: Vec<(usize, &[f64])> = self
            .told()
            .filter(|(.., outcome)| self.feasible(outcome))
            .map(|(i, _, outcome)| (i, &outcome.means[..self.problem.objectives]))
            .collect();
        let mut front: Vec<(usize, &[f64])> = feasible
            .iter()
            .filter(|(_, a)| !feasible.iter().any(|(_, b)| pareto::dominates(b, a)))
            .copied()
            .collect();
        front.sort_by(|a, b| {
            let first = |p: &(usize, &[f64])| p.1.first().copied().unwrap_or(0.0);
            first(a).total_cmp(&first(b)).then(a.0.cmp(&b.0))
        });
        front.into_iter().map(|(trial, _)| trial).collect()
    }

    /// Smallest and largest value told of an objective or constraint.
    fn range(&self, k: usize) -> [f64; 2] {
        let values = self.told().map(|(.., o)| o.means[k]).filter(|v| v.is_finite());
        values.fold([f64::INFINITY, f64::NEG_INFINITY], |r, v| [r[0].min(v), r[1].max(v)])
    }

    /// The parameters whose best value lies at an end of its range, for a verdict.
    fn at_the_end(&self, unit: &[f64]) -> String {
        let names: Vec<String> = self
            .problem
            .space
            .parameters
            .iter()
            .zip(unit)
            .filter(|(p, u)| !p.integer && (**u < 0.005 || **u > 0.995))
            .map(|(p, _)| format!("`{}`", p.name))
            .collect();
        if names.is_empty() {
            return String::new();
        }
        format!(
            "; it lies at the end of the range of {}, beyond which it may go on",
            names.join(", ")
        )
    }
}

/// What every method does.
pub trait Search {
    /// Runs that it wants; the same again until they are told. None when it is done.
    fn ask(&mut self) -> Vec<Ask>;
    /// What the runs of a trial gave, all replications from number 0 together.
    fn tell(&mut self, trial: usize, outcome: Outcome);
    /// How it stands.
    fn verdict(&self) -> Verdict;
    /// What was tried.
    fn trials(&self) -> &Trials;
    /// The answer, where there is one objective or a threshold.
    fn best(&self) -> Option<Best>;
}

/// A method of any kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Bayesian optimisation.
    Bayesian(Bayesian),
    /// CMA-ES.
    Evolution(Evolution),
    /// NSGA-II.
    Genetic(Genetic),
    /// Noisy bisection.
    Threshold(Threshold),
}

impl Method {
    fn search(&self) -> &dyn Search {
        match self {
            Self::Bayesian(method) => method,
            Self::Evolution(method) => method,
            Self::Genetic(method) => method,
            Self::Threshold(method) => method,
        }
    }

    fn search_mut(&mut self) -> &mut dyn Search {
        match self {
            Self::Bayesian(method) => method,
            Self::Evolution(method) => method,
            Self::Genetic(method) => method,
            Self::Threshold(method) => method,
        }
    }
}

impl Search for Method {
    fn ask(&mut self) -> Vec<Ask> {
        self.search_mut().ask()
    }

    fn tell(&mut self, trial: usize, outcome: Outcome) {
        self.search_mut().tell(trial, outcome);
    }

    fn verdict(&self) -> Verdict {
        self.search().verdict()
    }

    fn trials(&self) -> &Trials {
        self.search().trials()
    }

    fn best(&self) -> Option<Best> {
        self.search().best()
    }
}

/// A share in per cent, for sentences.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent.abs() < 0.01 { format!("{percent:.1e} %") } else { format!("{percent:.2} %") }
}

/// Problems whose answers are known, and drivers, for the tests of all methods.
#[cfg(test)]
pub(crate) mod known {
    use super::*;
    use crate::Parameter;
    use crate::random::stream;

    pub(crate) fn problem(dimensions: usize, objectives: usize, constraints: usize) -> Problem {
        let parameters =
            (0..dimensions).map(|d| Parameter::real(format!("x{d}"), 0.0, 1.0)).collect();
        Problem {
            space: Space { parameters },
            objectives,
            constraints,
            budget: 400,
            replications: 1,
            most_replications: 1,
            parameter_tolerance: 0.01,
            objective_tolerance: 1e-3,
            seed: 11,
        }
    }

    /// Answers a method until it is done; `f` of the values and the stream of the replication.
    pub(crate) fn drive(
        method: &mut dyn Search,
        f: impl Fn(&[f64], &mut sim_types::Stream) -> Vec<f64>,
    ) {
        for _ in 0..10_000 {
            let asks = method.ask();
            if asks.is_empty() {
                return;
            }
            for ask in asks {
                let runs: Vec<Vec<f64>> = (0..ask.replications)
                    .map(|r| f(&ask.values, &mut stream(99, "replication", r as u64)))
                    .collect();
                method.tell(ask.trial, Outcome::of(&runs));
            }
        }
        panic!("it never ends: {:?}", method.verdict());
    }

    pub(crate) fn near(found: &Best, want: &[f64], by: f64) {
        for (found, want) in found.values.iter().zip(want) {
            assert!((found - want).abs() <= by, "{found} for {want}");
        }
    }

    /// The minimum of x + y over x y ≥ 1/4 is at (1/2, 1/2), where the constraint binds.
    pub(crate) fn binds(mut method: impl Search) {
        drive(&mut method, |x, _| vec![x[0] + x[1], 0.25 - x[0] * x[1]]);
        let best = method.best().expect("found");
        let trial = &method.trials().list[best.trial.expect("measured")];
        let outcome = trial.outcome.as_ref().expect("told");
        assert!(outcome.means[1] <= 0.0 && outcome.means[0] < 1.02, "{trial:?}");
    }

    pub(crate) fn says_what_cannot_be_kept(mut method: impl Search) {
        drive(&mut method, |x, _| vec![x[0], 1.0 + x[0]]);
        assert_eq!(method.verdict().state, State::Infeasible);
        assert!(method.verdict().why.starts_with("none of "), "{}", method.verdict().why);
        assert_eq!(method.best(), None);
    }

    /// Stopped at any question and brought back from text, it goes on as if nothing had been.
    pub(crate) fn goes_on<M>(new: impl Fn() -> M)
    where
        M: Search + Serialize + serde::de::DeserializeOwned + PartialEq + core::fmt::Debug,
    {
        let f = |x: &[f64]| vec![(x[0] - 0.2) * (x[0] - 0.2)];
        let (mut whole, mut parted) = (new(), new());
        drive(&mut whole, |x, _| f(x));
        loop {
            let asks = parted.ask();
            if asks.is_empty() {
                break;
            }
            for ask in asks {
                parted.tell(ask.trial, Outcome::of(&[f(&ask.values)]));
                let text = serde_json::to_string(&parted).expect("it serialises");
                parted = serde_json::from_str(&text).expect("and comes back");
            }
        }
        assert_eq!(parted, whole);
    }

    /// The smallest x with 1/2 − x + noise at most 0 on average, where all points meet the same
    /// noise, so that many of them are lucky together: the answer holds for runs that the search
    /// has not seen, for most seeds, and not for the price of being far off.
    pub(crate) fn holds_on_fresh_runs<M: Search>(new: impl Fn(Problem) -> M) {
        let mut held = 0;
        for seed in 0..8 {
            let mut method = new(Problem {
                budget: 2_000,
                replications: 4,
                most_replications: 32,
                seed,
                ..problem(1, 1, 1)
            });
            let run = |x: f64, chance: &mut sim_types::Stream| {
                let noise = stream(seed, "noise", chance.bits()).normal();
                vec![x, 0.5 - x + 0.2 * noise]
            };
            drive(&mut method, |x, chance| run(x[0], chance));
            let value = method.best().expect("found").values[0];
            // What these very runs ask for, had every place been tried.
            let all: Vec<Vec<f64>> =
                (0..32).map(|r| run(0.0, &mut stream(99, "replication", r))).collect();
            let all = Outcome::of(&all);
            let least = all.means[1] + BEYOND_NOISE * all.errors[1];
            assert!(value < least + 0.1, "seed {seed}: {value} for {least}");
            if method.verdict().state == State::Converged {
                assert!(value >= least - 1e-9, "seed {seed}: {value} for {least}");
            }
            held += u32::from(value >= 0.5);
        }
        assert!(held >= 6, "{held} of 8");
    }
}
