//! Bayesian optimisation: a Gaussian process for every objective and constraint says where a run
//! is expected to improve the most.
//!
//! One objective: expected improvement (Jones, Schonlau and Welch, 1998) of the outcome itself,
//! not of a noisy run, over the smallest mean believed at a point tried (plug-in, Picheny et al.,
//! Structural and Multidisciplinary Optimization 48, 2013), times the probability that all
//! constraints hold (Schonlau, Welch and Jones, 1998); while no point keeps them, that
//! probability alone. Several objectives: ParEGO (Knowles, IEEE Transactions on Evolutionary
//! Computation 10, 2006), the same on an augmented Chebyshev sum with fresh random weights at
//! each step.
//!
//! *Noise*: with common random numbers runs share most of it, so what is left is fitted, not
//! taken from the spread of replications. Where the noise of the best point's own value exceeds
//! the improvement that is expected elsewhere, the best point is run again, twice as often,
//! before any other.
//!
//! *Convergence*: three times in a row no improvement beyond the objective's tolerance was
//! expected, and the answer moved by no more than the parameters' tolerance.

use serde::{Deserialize, Serialize};

use super::gaussian::{Belief, Found, Process, Scales};
use super::pareto::hypervolume;
use super::{Ask, Best, Outcome, Problem, Search, State, Trials, Verdict, percent};
use crate::design;
use crate::distributions::{normal_cdf, normal_density};
use crate::mean;
use crate::random::stream;

/// Steps without hope that make convergence.
const PATIENCE: usize = 3;
/// The same where there are several objectives, each with fresh weights.
const FRONT_PATIENCE: usize = 12;

/// What one step expected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Step {
    /// Largest expected improvement, or gain in volume, as a share of the range seen.
    gain: f64,
    /// The answer as it was believed.
    answer: Vec<f64>,
}

/// The method and its state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bayesian {
    trials: Trials,
    scales: Vec<Option<Scales>>,
    steps: Vec<Step>,
    state: State,
    why: String,
    /// The trial that measures the answer.
    last: Option<usize>,
}

/// The processes at one step: of the objective, and of each constraint.
struct Model {
    objective: Process,
    constraints: Vec<Process>,
    /// How far each constraint must keep away from 0 to be beyond the noise of the runs that
    /// will measure the answer.
    margins: Vec<f64>,
}

impl Model {
    fn probability(&self, unit: &[f64]) -> f64 {
        self.constraints
            .iter()
            .map(|process| {
                let Belief { mean, deviation } = process.belief(unit);
                if deviation > 0.0 {
                    normal_cdf(-mean / deviation)
                } else {
                    f64::from(u8::from(mean <= 0.0))
                }
            })
            .product()
    }

    /// Whether all constraints are believed to hold with a standard deviation and the noise of
    /// runs to spare.
    fn holds(&self, unit: &[f64]) -> bool {
        self.constraints.iter().zip(&self.margins).all(|(process, margin)| {
            let Belief { mean, deviation } = process.belief(unit);
            mean + deviation + margin <= 0.0
        })
    }

    fn improvement(&self, unit: &[f64], best: Option<f64>) -> f64 {
        let Some(best) = best else { return self.probability(unit) };
        let Belief { mean, deviation } = self.objective.belief(unit);
        let ahead = best - mean;
        let expected = if deviation > 0.0 {
            let z = ahead / deviation;
            ahead * normal_cdf(z) + deviation * normal_density(z)
        } else {
            ahead.max(0.0)
        };
        expected.max(0.0) * self.probability(unit)
    }
}

impl Bayesian {
    /// A search that starts with a scrambled Sobol design of 2d + 4 points.
    #[must_use]
    pub fn new(problem: Problem) -> Self {
        let outcomes = 1 + problem.constraints;
        Self {
            trials: Trials::new(problem),
            scales: vec![None; outcomes],
            steps: Vec::new(),
            state: State::Searching,
            why: "the first points are not in yet".to_owned(),
            last: None,
        }
    }

    fn start(&mut self) {
        let Problem { seed, replications, budget, .. } = self.trials.problem;
        let dimensions = self.trials.problem.space.dimensions();
        let points = (2 * dimensions + 4).min((budget / (2 * replications.max(1))).max(3));
        for point in design::sobol(points, dimensions, seed) {
            self.trials.want(&point, replications);
        }
    }

    /// The value of the objective, or of the weighted sum of several, for every trial told;
    /// failed ones count as the worst seen.
    fn objective(&self, weights: &[f64]) -> Vec<f64> {
        let m = self.trials.problem.objectives;
        let ranges: Vec<[f64; 2]> = (0..m).map(|k| self.trials.range(k)).collect();
        let value = |outcome: &Outcome| -> f64 {
            if m == 1 {
                return outcome.means[0];
            }
            let scaled = (0..m).map(|k| {
                let [low, high] = ranges[k];
                let span = if high > low { high - low } else { 1.0 };
                weights[k] * (outcome.means[k] - low) / span
            });
            let scaled: Vec<f64> = scaled.collect();
            let largest = scaled.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
            largest + 0.05 * scaled.iter().sum::<f64>()
        };
        with_worst(self.trials.told().map(|(.., outcome)| value(outcome)).collect())
    }

    fn fit(&mut self, weights: &[f64]) -> Option<Model> {
        let (m, seed) = (self.trials.problem.objectives, self.trials.problem.seed);
        let mut columns = vec![self.objective(weights)];
        for k in m..m + self.trials.problem.constraints {
            columns.push(with_worst(self.trials.told().map(|(.., o)| o.means[k]).collect()));
        }
        let mut processes = Vec::new();
        for (k, column) in columns.iter().enumerate() {
            let found: Vec<Found<'_>> = self
                .trials
                .told()
                .zip(column)
                .map(|((_, trial, _), &value)| Found {
                    unit: &trial.unit,
                    value,
                    replications: trial.replications,
                })
                .collect();
            // Many points say the same from one to the next.
            let known = self.scales[k]
                .as_ref()
                .filter(|_| found.len() > 40 && !found.len().is_multiple_of(5));
            let process = match known {
                Some(scales) => Process::with(&found, scales),
                None => Process::fit(&found, self.scales[k].as_ref(), seed),
            }?;
            self.scales[k] = Some(process.scales().clone());
            processes.push(process);
        }
        let constraints = processes.split_off(1);
        let margin = |k: usize| {
            let each = self.trials.told().map(|(_, t, o)| self.trials.margin(k, o, t.replications));
            mean(&each.filter(|margin| margin.is_finite()).collect::<Vec<f64>>())
        };
        let margins = (m..m + constraints.len()).map(margin).collect();
        Some(Model { objective: processes.pop()?, constraints, margins })
    }

    /// The place of the cube where `score` is largest among places that can be had, of many
    /// candidates and the neighbourhood of the best of them.
    fn largest(&self, score: impl Fn(&[f64]) -> f64, near: &[Vec<f64>]) -> (Vec<f64>, f64) {
        let space = &self.trials.problem.space;
        let dimensions = space.dimensions();
        let step = self.steps.len() as u64;
        let seed = stream(self.trials.problem.seed, "candidates", step).bits();
        let mut candidates = design::sobol(256 * dimensions.min(4), dimensions, seed);
        let mut chance = stream(self.trials.problem.seed, "neighbours", step);
        for centre in near {
            candidates.push(centre.clone());
            for spread in [0.1, 0.03, 0.01, 0.003] {
                for _ in 0..8 {
                    let moved =
                        centre.iter().map(|x| (x + spread * chance.normal()).clamp(0.0, 1.0));
                    candidates.push(moved.collect());
                }
            }
        }
        let mut scored: Vec<(Vec<f64>, f64)> = candidates
            .iter()
            .map(|unit| {
                let unit = space.snap(unit);
                let value = score(&unit);
                (unit, value)
            })
            .collect();
        scored.sort_by(|a, b| b.1.total_cmp(&a.1));
        scored.truncate(3);
        for (unit, value) in &mut scored {
            compass(unit, value, |unit| space.snap(unit), &score);
        }
        scored.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or_default()
    }

    /// The trial with the smallest believed objective of those believed to keep the constraints.
    fn incumbent(&self, model: &Model) -> Option<(usize, f64)> {
        self.trials
            .told()
            .filter(|(_, trial, outcome)| {
                outcome.means.iter().all(|v| v.is_finite())
                    && (self.trials.feasible(outcome) || model.holds(&trial.unit))
            })
            .map(|(i, trial, _)| (i, model.objective.belief(&trial.unit).mean))
            .min_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// Where the objective is believed to be smallest, constraints kept; the incumbent where no
    /// place is better.
    fn answer(&self, model: &Model, incumbent: Option<usize>) -> Vec<f64> {
        let near: Vec<Vec<f64>> =
            incumbent.into_iter().map(|i| self.trials.list[i].unit.clone()).collect();
        let score = |unit: &[f64]| {
            if model.constraints.is_empty() || model.holds(unit) {
                -model.objective.belief(unit).mean
            } else {
                // Behind all that hold, the likelier the better.
                -1e300 * (2.0 - model.probability(unit))
            }
        };
        let (place, value) = self.largest(score, &near);
        match near.into_iter().next() {
            Some(tried) if value <= -1e299 => tried,
            _ => place,
        }
    }

    fn step(&mut self) {
        let objectives = self.trials.problem.objectives;
        let weights = self.weights();
        let Some(model) = self.fit(&weights) else {
            self.finish(State::OutOfBudget, "nothing can be fitted".to_owned(), None);
            return;
        };
        let incumbent = self.incumbent(&model);
        let best = incumbent.map(|(_, value)| value);
        let near: Vec<Vec<f64>> =
            incumbent.iter().map(|(i, _)| self.trials.list[*i].unit.clone()).collect();
        let known = |unit: &[f64]| {
            let same =
                |t: &super::Trial| t.unit.iter().zip(unit).all(|(a, b)| (a - b).abs() < 1e-6);
            self.trials.list.iter().any(same)
        };
        let score = |unit: &[f64]| {
            if known(unit) { f64::NEG_INFINITY } else { model.improvement(unit, best) }
        };
        let (place, improvement) = self.largest(score, &near);
        let values = self.objective(&weights);
        let low = values.iter().fold(f64::INFINITY, |a, b| a.min(*b));
        let high = values.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
        let span = if high > low { high - low } else { low.abs().max(1e-300) };
        let exhausted = improvement.is_infinite();
        let gain = match best {
            _ if exhausted => 0.0,
            Some(_) => improvement / span,
            None => 1.0,
        };
        let (gain, answer) = if objectives == 1 {
            (gain, self.answer(&model, incumbent.map(|(i, _)| i)))
        } else {
            (self.volume(), Vec::new())
        };
        self.steps.push(Step { gain, answer: answer.clone() });
        if incumbent.is_some() && (exhausted || self.settled()) {
            let why = self.reason(exhausted);
            self.finish(State::Converged, why, Some(answer));
            return;
        }
        // Is the best point known well enough to tell what would be better?
        let first = self.trials.problem.replications;
        let wanted = match incumbent {
            Some((trial, _)) if objectives == 1 => {
                let done = self.trials.list[trial].replications;
                let doubtful = model.objective.noise(done) > improvement;
                (doubtful && done < self.trials.problem.most_replications)
                    .then(|| (self.trials.list[trial].unit.clone(), 2 * done))
            }
            _ => None,
        };
        let (unit, replications) = wanted.unwrap_or((place, first));
        // The last trials measure the answer.
        let reserve = if objectives == 1 { self.trials.reserve() } else { 0 };
        let fits = self.trials.spent + replications + reserve <= self.trials.problem.budget;
        let asked = if exhausted || !fits { None } else { self.trials.want(&unit, replications) };
        if asked.is_none() || self.trials.open().is_empty() {
            let state = if incumbent.is_some() || self.trials.problem.constraints == 0 {
                State::OutOfBudget
            } else {
                State::Infeasible
            };
            let why = self.reason(exhausted);
            self.finish(state, why, Some(answer));
            return;
        }
        self.why = self.reason(false);
    }

    /// Of this step, a point of the simplex at random; one objective has the weight 1.
    fn weights(&self) -> Vec<f64> {
        let mut chance = stream(self.trials.problem.seed, "weights", self.steps.len() as u64);
        let raw: Vec<f64> =
            (0..self.trials.problem.objectives).map(|_| chance.exponential(1.0)).collect();
        let sum: f64 = raw.iter().sum();
        raw.iter().map(|w| w / sum).collect()
    }

    /// By how much the last trial enlarged the volume behind the front, as a share of it.
    fn volume(&self) -> f64 {
        let m = self.trials.problem.objectives;
        let ranges: Vec<[f64; 2]> = (0..m).map(|k| self.trials.range(k)).collect();
        let scaled = |trial: usize| -> Option<Vec<f64>> {
            let outcome = self.trials.list[trial].outcome.as_ref()?;
            let of = |k: usize| {
                let [low, high] = ranges[k];
                if high > low { (outcome.means[k] - low) / (high - low) } else { 0.0 }
            };
            Some((0..m).map(of).collect())
        };
        let front = self.trials.front();
        let last = self.trials.list.len() - 1;
        let points = |with: &dyn Fn(usize) -> bool| -> Vec<Vec<f64>> {
            front.iter().filter(|i| with(**i)).filter_map(|&i| scaled(i)).collect()
        };
        let reference = vec![1.1; m];
        let all = hypervolume(&points(&|_| true), &reference);
        if all <= 0.0 {
            return 1.0;
        }
        1.0 - hypervolume(&points(&|i| i != last), &reference) / all
    }

    fn settled(&self) -> bool {
        let Problem { objective_tolerance, parameter_tolerance, objectives, .. } =
            self.trials.problem;
        let patience = if objectives == 1 { PATIENCE } else { FRONT_PATIENCE };
        let Some(recent) = self.steps.len().checked_sub(patience).map(|from| &self.steps[from..])
        else {
            return false;
        };
        recent.iter().all(|step| step.gain <= objective_tolerance)
            && Self::moved(recent) <= parameter_tolerance
    }

    /// How far the answer moved over these steps: the most of any parameter.
    fn moved(recent: &[Step]) -> f64 {
        let Some(last) = recent.last() else { return 0.0 };
        recent
            .iter()
            .flat_map(|step| step.answer.iter().zip(&last.answer).map(|(a, b)| (a - b).abs()))
            .fold(0.0, f64::max)
    }

    fn reason(&self, exhausted: bool) -> String {
        if exhausted {
            return "every point that can be had was tried".to_owned();
        }
        let Problem { objective_tolerance, parameter_tolerance, objectives, .. } =
            self.trials.problem;
        let recent = &self.steps[self.steps.len().saturating_sub(PATIENCE)..];
        let gain = recent.iter().map(|step| step.gain).fold(0.0, f64::max);
        if objectives > 1 {
            let recent = &self.steps[self.steps.len().saturating_sub(FRONT_PATIENCE)..];
            let gain = recent.iter().map(|step| step.gain).fold(0.0, f64::max);
            return format!(
                "each of the last {} points enlarged the volume behind the front by at most {}; \
                 wanted {FRONT_PATIENCE} points below {}",
                recent.len(),
                percent(gain),
                percent(objective_tolerance)
            );
        }
        format!(
            "the largest improvement expected in the last {} steps is {} of the range seen, wanted at most {}, \
             and the answer moved by {} of a range, wanted at most {}",
            recent.len(),
            percent(gain),
            percent(objective_tolerance),
            percent(Self::moved(recent)),
            percent(parameter_tolerance)
        )
    }

    fn finish(&mut self, state: State, why: String, answer: Option<Vec<f64>>) {
        let end = answer.as_ref().map(|unit| self.trials.at_the_end(unit)).unwrap_or_default();
        (self.state, self.why) = (state, why + &end);
        if let Some(unit) = answer.filter(|unit| !unit.is_empty()) {
            self.last = self.trials.measure(&unit).or_else(|| self.trials.best(0));
        }
    }
}

/// Numbers that are none become the largest of the others: a failed run is a bad one.
fn with_worst(mut values: Vec<f64>) -> Vec<f64> {
    let finite = values.iter().copied().filter(|v| v.is_finite());
    let worst = finite.fold(f64::NEG_INFINITY, f64::max);
    for value in &mut values {
        if !value.is_finite() {
            *value = if worst.is_finite() { worst } else { 0.0 };
        }
    }
    values
}

/// Climbs along the coordinates with steps that halve.
fn compass(
    unit: &mut Vec<f64>,
    value: &mut f64,
    snap: impl Fn(&[f64]) -> Vec<f64>,
    score: impl Fn(&[f64]) -> f64,
) {
    let mut step = 0.05;
    while step > 1e-4 {
        let mut better = false;
        for dimension in 0..unit.len() {
            for sign in [-1.0, 1.0] {
                let mut moved = unit.clone();
                moved[dimension] = (moved[dimension] + sign * step).clamp(0.0, 1.0);
                let moved = snap(&moved);
                let found = score(&moved);
                if found > *value {
                    (*unit, *value, better) = (moved, found, true);
                }
            }
        }
        if !better {
            step /= 2.0;
        }
    }
}

impl Search for Bayesian {
    fn ask(&mut self) -> Vec<Ask> {
        if self.trials.list.is_empty() {
            self.start();
        }
        if self.state == State::Searching && self.trials.open().is_empty() {
            self.step();
        }
        if self.state != State::Searching && self.trials.open().is_empty() {
            self.last = self.trials.answer(self.last);
        }
        self.trials.open()
    }

    fn tell(&mut self, trial: usize, outcome: Outcome) {
        self.trials.list[trial].outcome = Some(outcome);
    }

    fn verdict(&self) -> Verdict {
        if self.trials.problem.objectives > 1 {
            return Verdict { state: self.state, why: self.why.clone() };
        }
        self.trials.verdict(self.state, &self.why, self.last)
    }

    fn trials(&self) -> &Trials {
        &self.trials
    }

    fn best(&self) -> Option<Best> {
        if self.trials.problem.objectives == 1 { self.trials.stands(self.last) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimise::known::{
        binds, drive, goes_on, holds_on_fresh_runs, near, problem, says_what_cannot_be_kept,
    };

    #[test]
    fn a_smooth_valley_is_found_with_few_runs() {
        let mut method = Bayesian::new(Problem { budget: 60, ..problem(2, 1, 0) });
        drive(&mut method, |x, _| {
            let (a, b) = (x[0] - 0.3, x[1] - 0.8);
            vec![2.0 + a * a + 3.0 * b * b + a * b]
        });
        near(&method.best().expect("found"), &[0.3, 0.8], 0.01);
        assert_eq!(method.verdict().state, State::Converged, "{}", method.verdict().why);
        assert!(method.trials().spent < 40, "{}", method.trials().spent);
    }

    /// Branin (Dixon and Szegő 1978): three equal minima of 0.397887.
    #[test]
    fn branin_is_solved() {
        let mut method = Bayesian::new(Problem { budget: 80, ..problem(2, 1, 0) });
        let branin = |u: &[f64]| {
            let (x, y) = (15.0 * u[0] - 5.0, 15.0 * u[1]);
            let pi = core::f64::consts::PI;
            let a = y - 5.1 / (4.0 * pi * pi) * x * x + 5.0 / pi * x - 6.0;
            a * a + 10.0 * (1.0 - 1.0 / (8.0 * pi)) * libm::cos(x) + 10.0
        };
        drive(&mut method, |u, _| vec![branin(u)]);
        let best = method.best().expect("found");
        assert!(branin(&best.values) < 0.397_887 + 0.02, "{best:?}");
    }

    /// Noise as large as a tenth of the range, the same in equal replications.
    #[test]
    fn noise_is_averaged_away() {
        let mut method = Bayesian::new(Problem {
            budget: 600,
            replications: 4,
            most_replications: 32,
            ..problem(1, 1, 0)
        });
        drive(&mut method, |x, chance| {
            let own = (x[0] * 1e4).floor().abs();
            let shared = 0.1 * chance.normal();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
            let noise = crate::random::stream(chance.bits(), "own", own as u64).normal();
            vec![(x[0] - 0.6) * (x[0] - 0.6) + shared + 0.02 * noise]
        });
        near(&method.best().expect("found"), &[0.6], 0.03);
        assert!(method.trials().list.iter().any(|t| t.replications > 4));
    }

    #[test]
    fn constraints_bind() {
        binds(Bayesian::new(Problem { budget: 80, ..problem(2, 1, 1) }));
    }

    #[test]
    fn what_cannot_be_kept_is_said() {
        says_what_cannot_be_kept(Bayesian::new(Problem { budget: 30, ..problem(1, 1, 1) }));
    }

    #[test]
    fn an_end_of_a_range_is_pointed_out() {
        let mut method = Bayesian::new(Problem { budget: 40, ..problem(1, 1, 0) });
        drive(&mut method, |x, _| vec![x[0]]);
        near(&method.best().expect("found"), &[0.0], 0.005);
        assert!(
            method.verdict().why.contains("end of the range of `x0`"),
            "{:?}",
            method.verdict()
        );
    }

    /// Schaffer: x² and (x − 2)² on [−1, 3]; the front is 0 ≤ x ≤ 2.
    #[test]
    fn a_front_is_spread() {
        let mut method = Bayesian::new(Problem { budget: 50, ..problem(1, 2, 0) });
        drive(&mut method, |u, _| {
            let x = 4.0 * u[0] - 1.0;
            vec![x * x, (x - 2.0) * (x - 2.0)]
        });
        let front = method.trials().front();
        assert!(front.len() >= 8, "{}", front.len());
        let means = |trial: usize| method.trials().list[trial].outcome.clone().expect("told").means;
        let volume = hypervolume(&front.into_iter().map(means).collect::<Vec<_>>(), &[4.0, 4.0]);
        // The whole of it: the integral of 4 − (√u − 2)² from 0 to 4.
        assert!(volume > 0.95 * 40.0 / 3.0 && volume <= 40.0 / 3.0, "{volume}");
    }

    #[test]
    fn it_goes_on_from_its_state() {
        goes_on(|| Bayesian::new(Problem { budget: 20, ..problem(1, 1, 0) }));
    }

    #[test]
    fn an_answer_at_a_bound_is_no_luck() {
        holds_on_fresh_runs(Bayesian::new);
    }

    #[test]
    fn failed_runs_are_avoided_not_fatal() {
        let mut method = Bayesian::new(Problem { budget: 40, ..problem(1, 1, 0) });
        drive(&mut method, |x, _| {
            vec![if x[0] > 0.7 { f64::NAN } else { (x[0] - 0.5) * (x[0] - 0.5) }]
        });
        near(&method.best().expect("found"), &[0.5], 0.02);
    }

    #[test]
    fn whole_numbers_are_exhausted() {
        let mut problem = Problem { budget: 60, ..problem(1, 1, 0) };
        problem.space.parameters[0] =
            crate::Parameter { integer: true, ..crate::Parameter::real("n", 1.0, 8.0) };
        let mut method = Bayesian::new(problem);
        drive(&mut method, |x, _| vec![(x[0] - 5.0).abs()]);
        near(&method.best().expect("found"), &[5.0], 1e-9);
        assert!(method.trials().list.len() <= 8);
        assert!(method.trials().spent <= 8);
    }
}
