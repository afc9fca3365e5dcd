//! An evolution strategy for one objective: CMA-ES on the unit cube.
//!
//! Samples beyond the cube are mirrored at its walls. Points that keep the constraints come
//! before points that do not, and of these the smaller miss comes first (Deb, Computer Methods in
//! Applied Mechanics and Engineering 186, 2000). When the values of a generation differ by less
//! than their standard errors, the next is run twice as often. The answer is the middle of the
//! law, not its luckiest sample.
//!
//! *Convergence*: the law is narrower than the parameters' tolerance in every direction.

use serde::{Deserialize, Serialize};

use super::strategy::Strategy;
use super::{Ask, Best, Outcome, Problem, Search, State, Trials, Verdict, percent};
use crate::random::stream;
use crate::{mean, variance};

/// The method and its state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evolution {
    trials: Trials,
    strategy: Strategy,
    /// Samples of this generation, not mirrored, with their trials.
    generation: Vec<(Vec<f64>, usize)>,
    number: u64,
    replications: usize,
    state: State,
    why: String,
    /// The trial that measures the answer.
    last: Option<usize>,
}

/// Mirrored at the walls of the unit interval.
fn mirror(x: f64) -> f64 {
    let turn = x - 2.0 * (x / 2.0).floor();
    if turn > 1.0 { 2.0 - turn } else { turn }
}

impl Evolution {
    /// A search that starts in the middle of the cube with a third of it as deviation.
    #[must_use]
    pub fn new(problem: Problem) -> Self {
        let dimensions = problem.space.dimensions();
        Self {
            strategy: Strategy::new(vec![0.5; dimensions], 1.0 / 3.0),
            generation: Vec::new(),
            number: 0,
            replications: problem.replications,
            state: State::Searching,
            why: "the first generation is not in yet".to_owned(),
            last: None,
            trials: Trials::new(problem),
        }
    }

    fn samples(&self) -> usize {
        Strategy::samples(self.trials.problem.space.dimensions()).max(6)
    }

    fn breed(&mut self) {
        let mut chance = stream(self.trials.problem.seed, "generation", self.number);
        self.number += 1;
        let reserve = self.trials.reserve();
        for sample in self.strategy.sample(self.samples(), &mut chance) {
            let place: Vec<f64> = sample.iter().map(|x| mirror(*x)).collect();
            let fits =
                self.trials.spent + self.replications + reserve <= self.trials.problem.budget;
            // The first generation is run whatever the budget.
            let asked = if fits || self.number == 1 {
                self.trials.want(&place, self.replications)
            } else {
                None
            };
            let Some(trial) = asked else {
                self.generation.clear();
                self.finish(State::OutOfBudget);
                return;
            };
            self.generation.push((sample, trial));
        }
    }

    fn learn(&mut self) {
        let generation = core::mem::take(&mut self.generation);
        if generation.is_empty() {
            return;
        }
        let outcome = |trial: usize| self.trials.list[trial].outcome.clone();
        let mut ranked: Vec<(f64, f64, f64, Vec<f64>)> = generation
            .into_iter()
            .filter_map(|(sample, trial)| {
                let outcome = outcome(trial)?;
                // The answer is to keep the constraints beyond its noise.
                let mut safe = outcome.clone();
                for k in self.trials.problem.objectives..outcome.means.len() {
                    safe.means[k] += self.trials.margin(k, &outcome, self.replications);
                }
                let miss = self.trials.violation(&safe);
                Some((miss, outcome.means[0], outcome.errors[0], sample))
            })
            .collect();
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let values: Vec<f64> = ranked.iter().map(|r| r.1).filter(|v| v.is_finite()).collect();
        let errors: Vec<f64> = ranked.iter().map(|r| r.2).filter(|v| v.is_finite()).collect();
        let samples: Vec<Vec<f64>> = ranked.into_iter().map(|(.., sample)| sample).collect();
        self.strategy.learn(&samples);
        let spread = sim_types::math::sqrt(variance(&values));
        if spread < mean(&errors) {
            self.replications = (2 * self.replications).min(self.trials.problem.most_replications);
        }
        let width = self.strategy.longest();
        self.why = format!(
            "the search is {} of a range wide after {} generations, wanted at most {}",
            percent(width),
            self.number,
            percent(self.trials.problem.parameter_tolerance / 2.0)
        );
        // An integer's law need not be narrower than a step of it.
        let steps = self.trials.problem.space.parameters.iter().filter(|p| p.integer);
        let step = steps.map(|p| 0.25 / (p.high - p.low + 1.0)).fold(0.0, f64::max);
        if width <= (self.trials.problem.parameter_tolerance / 2.0).max(step) {
            self.finish(State::Converged);
        }
    }

    fn finish(&mut self, state: State) {
        let place: Vec<f64> = self.strategy.mean.iter().map(|x| mirror(*x)).collect();
        self.state = state;
        self.why += &self.trials.at_the_end(&place);
        self.last = self.trials.measure(&place);
    }
}

impl Search for Evolution {
    fn ask(&mut self) -> Vec<Ask> {
        while self.state == State::Searching && self.trials.open().is_empty() {
            self.learn();
            if self.state == State::Searching {
                self.breed();
            }
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
        self.trials.verdict(self.state, &self.why, self.last)
    }

    fn trials(&self) -> &Trials {
        &self.trials
    }

    fn best(&self) -> Option<Best> {
        self.trials.stands(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimise::known::{
        binds, drive, goes_on, holds_on_fresh_runs, near, problem, says_what_cannot_be_kept,
    };

    #[test]
    fn walls_mirror() {
        for (x, want) in [(0.3, 0.3), (1.2, 0.8), (-0.2, 0.2), (2.3, 0.3), (-1.4, 0.6)] {
            assert!((mirror(x) - want).abs() < 1e-12, "{x}");
        }
    }

    #[test]
    fn a_turned_valley_is_found() {
        let mut method = Evolution::new(Problem { budget: 1_000, ..problem(3, 1, 0) });
        drive(&mut method, |x, _| {
            let (a, b, c) = (x[0] + x[1] - 1.1, x[0] - x[1] + 0.3, x[2] - 0.9);
            vec![a * a + 20.0 * b * b + 5.0 * c * c]
        });
        near(&method.best().expect("found"), &[0.4, 0.7, 0.9], 0.01);
        assert_eq!(method.verdict().state, State::Converged);
    }

    #[test]
    fn constraints_bind() {
        binds(Evolution::new(Problem { budget: 2_000, ..problem(2, 1, 1) }));
    }

    #[test]
    fn noise_raises_the_replications() {
        let mut method = Evolution::new(Problem {
            budget: 4_000,
            replications: 2,
            most_replications: 64,
            parameter_tolerance: 0.02,
            ..problem(1, 1, 0)
        });
        drive(&mut method, |x, chance| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
            let own = (x[0] * 1e6) as u64;
            let noise = crate::random::stream(chance.bits(), "own", own).normal();
            vec![(x[0] - 0.6) * (x[0] - 0.6) + 0.02 * noise]
        });
        near(&method.best().expect("found"), &[0.6], 0.06);
        assert!(method.trials().list.iter().any(|t| t.replications > 2));
    }

    #[test]
    fn a_spent_budget_is_said() {
        let mut method = Evolution::new(Problem { budget: 30, ..problem(2, 1, 0) });
        drive(&mut method, |x, _| vec![x[0] * x[1]]);
        assert_eq!(method.verdict().state, State::OutOfBudget);
        assert!(method.trials().spent <= 30);
    }

    #[test]
    fn what_cannot_be_kept_is_said() {
        says_what_cannot_be_kept(Evolution::new(Problem { budget: 100, ..problem(1, 1, 1) }));
    }

    #[test]
    fn whole_numbers_settle() {
        let mut problem = problem(1, 1, 0);
        problem.space.parameters[0] =
            crate::Parameter { integer: true, ..crate::Parameter::real("n", 1.0, 20.0) };
        let mut method = Evolution::new(problem);
        drive(&mut method, |x, _| vec![(x[0] - 13.0).abs()]);
        near(&method.best().expect("found"), &[13.0], 1e-9);
        assert!(method.trials().list.len() <= 20);
    }

    #[test]
    fn it_goes_on_from_its_state() {
        goes_on(|| Evolution::new(Problem { budget: 60, ..problem(1, 1, 0) }));
    }

    #[test]
    fn an_answer_at_a_bound_is_no_luck() {
        holds_on_fresh_runs(Evolution::new);
    }
}
