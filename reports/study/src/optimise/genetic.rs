//! A genetic algorithm for several objectives: NSGA-II (Deb, Pratap, Agarwal and Meyarivan, IEEE
//! Transactions on Evolutionary Computation 6, 2002) with its simulated binary crossover and
//! polynomial mutation (distribution indices 15 and 20), and its domination under constraints.
//!
//! *Convergence*: over five generations the volume behind the front grew by less than the
//! objectives' tolerance.

use serde::{Deserialize, Serialize};
use sim_types::Stream;
use sim_types::math::pow;

use super::pareto::{crowding, dominates, fronts, hypervolume};
use super::{Ask, Best, Outcome, Problem, Search, State, Trials, Verdict, percent};
use crate::random::{below, stream};
use crate::{count, design};

/// Members of a generation.
const MEMBERS: usize = 32;
/// Generations that the volume is watched over.
const PATIENCE: usize = 5;

/// The method and its state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Genetic {
    trials: Trials,
    parents: Vec<usize>,
    children: Vec<usize>,
    number: u64,
    /// Fronts of past generations.
    history: Vec<Vec<usize>>,
    state: State,
    why: String,
}

impl Genetic {
    /// A search that starts from a scrambled Sobol design.
    #[must_use]
    pub fn new(problem: Problem) -> Self {
        Self {
            trials: Trials::new(problem),
            parents: Vec::new(),
            children: Vec::new(),
            number: 0,
            history: Vec::new(),
            state: State::Searching,
            why: "the first generation is not in yet".to_owned(),
        }
    }

    /// Whether one trial is better: by its miss of the constraints, else by domination.
    fn better(&self, a: usize, b: usize) -> bool {
        let outcome = |trial: usize| self.trials.list[trial].outcome.as_ref();
        let (Some(a), Some(b)) = (outcome(a), outcome(b)) else { return false };
        let misses = (self.trials.violation(a), self.trials.violation(b));
        if misses.0 > 0.0 || misses.1 > 0.0 {
            return misses.0 < misses.1;
        }
        let objectives = self.trials.problem.objectives;
        dominates(&a.means[..objectives], &b.means[..objectives])
    }

    /// Front by front, the loneliest first.
    fn ranked(&self, members: &[usize]) -> Vec<usize> {
        let objectives = self.trials.problem.objectives;
        let mut ranked = Vec::new();
        for front in fronts(|a, b| self.better(members[a], members[b]), members.len()) {
            let front: Vec<usize> = front.into_iter().map(|i| members[i]).collect();
            let means: Vec<&[f64]> = front
                .iter()
                .filter_map(|&i| Some(&self.trials.list[i].outcome.as_ref()?.means[..objectives]))
                .collect();
            let lonely = crowding(&means);
            let mut order: Vec<usize> = (0..front.len()).collect();
            order.sort_by(|&a, &b| lonely[b].total_cmp(&lonely[a]).then(front[a].cmp(&front[b])));
            ranked.extend(order.into_iter().map(|i| front[i]));
        }
        ranked
    }

    fn survive(&mut self) {
        let mut members = core::mem::take(&mut self.parents);
        members.append(&mut self.children);
        members.sort_unstable();
        members.dedup();
        let mut ranked = self.ranked(&members);
        ranked.truncate(MEMBERS);
        self.parents = ranked;
        self.history.push(self.trials.front());
        let growth = self.growth();
        self.why = format!(
            "the volume behind the front grew by {} over {PATIENCE} generations, wanted at most {}",
            growth.map_or("an unknown part".to_owned(), percent),
            percent(self.trials.problem.objective_tolerance)
        );
        if growth.is_some_and(|growth| growth <= self.trials.problem.objective_tolerance) {
            self.state = State::Converged;
        }
    }

    /// Growth of the volume over the last generations, as a share of it.
    fn growth(&self) -> Option<f64> {
        let earlier = self.history.len().checked_sub(PATIENCE + 1)?;
        let m = self.trials.problem.objectives;
        let ranges: Vec<[f64; 2]> = (0..m).map(|k| self.trials.range(k)).collect();
        let volume = |front: &[usize]| {
            let scaled: Vec<Vec<f64>> = front
                .iter()
                .filter_map(|&i| self.trials.list[i].outcome.as_ref())
                .map(|outcome| {
                    (0..m)
                        .map(|k| {
                            (outcome.means[k] - ranges[k][0])
                                / (ranges[k][1] - ranges[k][0]).max(1e-300)
                        })
                        .collect()
                })
                .collect();
            hypervolume(&scaled, &vec![1.1; m])
        };
        let now = volume(self.history.last()?);
        (now > 0.0).then(|| 1.0 - volume(&self.history[earlier]) / now)
    }

    fn breed(&mut self) {
        let Problem { seed, replications, budget, .. } = self.trials.problem;
        let dimensions = self.trials.problem.space.dimensions();
        let first = self.number == 0;
        let mut chance = stream(seed, "generation", self.number);
        self.number += 1;
        let places = if first {
            design::sobol(MEMBERS.min((budget / replications.max(1)).max(1)), dimensions, seed)
        } else {
            (0..MEMBERS / 2).flat_map(|_| self.pair(&mut chance)).collect()
        };
        for place in places {
            let Some(trial) = self.trials.want(&place, replications) else {
                // What was asked for is still told and ranked.
                self.state = State::OutOfBudget;
                break;
            };
            self.children.push(trial);
        }
    }

    /// Of two members at random the better ranked.
    fn tournament(&self, chance: &mut Stream) -> &[f64] {
        let (a, b) = (below(self.parents.len(), chance), below(self.parents.len(), chance));
        &self.trials.list[self.parents[a.min(b)]].unit
    }

    fn pair(&self, chance: &mut Stream) -> [Vec<f64>; 2] {
        let mut a = self.tournament(chance).to_vec();
        let mut b = self.tournament(chance).to_vec();
        let dimensions = a.len();
        if chance.uniform() < 0.9 {
            for (a, b) in a.iter_mut().zip(&mut b) {
                if chance.uniform() < 0.5 {
                    let u = chance.uniform();
                    let spread = if u < 0.5 { 2.0 * u } else { 0.5 / (1.0 - u) };
                    let spread = pow(spread, 1.0 / 16.0);
                    let (middle, half) = (f64::midpoint(*a, *b), 0.5 * spread * (*b - *a));
                    (*a, *b) = (middle - half, middle + half);
                }
            }
        }
        for place in [&mut a, &mut b] {
            for x in place.iter_mut() {
                if chance.uniform() < 1.0 / count(dimensions) {
                    let u = chance.uniform();
                    *x += if u < 0.5 {
                        pow(2.0 * u, 1.0 / 21.0) - 1.0
                    } else {
                        1.0 - pow(2.0 * (1.0 - u), 1.0 / 21.0)
                    };
                }
                *x = x.clamp(0.0, 1.0);
            }
        }
        [a, b]
    }
}

impl Search for Genetic {
    fn ask(&mut self) -> Vec<Ask> {
        // Generations whose children were all tried before cost nothing; a bounded number of them.
        for _ in 0..50 {
            if !self.trials.open().is_empty() {
                break;
            }
            if !self.children.is_empty() {
                let state = self.state;
                self.survive();
                if state == State::OutOfBudget && self.state == State::Searching {
                    self.state = state;
                }
            }
            if self.state != State::Searching {
                break;
            }
            self.breed();
        }
        if self.trials.open().is_empty() && self.state == State::Searching {
            self.state = State::Converged;
            "no new point came up in fifty generations".clone_into(&mut self.why);
        }
        self.trials.open()
    }

    fn tell(&mut self, trial: usize, outcome: Outcome) {
        self.trials.list[trial].outcome = Some(outcome);
    }

    fn verdict(&self) -> Verdict {
        let kept = self.trials.problem.constraints == 0 || !self.trials.front().is_empty();
        let state =
            if self.state != State::Searching && !kept { State::Infeasible } else { self.state };
        Verdict { state, why: self.why.clone() }
    }

    fn trials(&self) -> &Trials {
        &self.trials
    }

    fn best(&self) -> Option<Best> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimise::known::{drive, problem};

    /// ZDT1 (Zitzler, Deb and Thiele 2000) with four variables: the front is y = 1 − √x.
    #[test]
    fn the_front_of_zdt1_is_found() {
        let mut method = Genetic::new(Problem { budget: 4_000, ..problem(4, 2, 0) });
        drive(&mut method, |x, _| {
            let g = 1.0 + 3.0 * (x[1] + x[2] + x[3]);
            vec![x[0], g * (1.0 - (x[0] / g).sqrt())]
        });
        let front = method.trials().front();
        assert!(front.len() >= 25, "{}", front.len());
        let (mut low, mut high, mut off) = (1.0_f64, 0.0_f64, 0.0_f64);
        for trial in &front {
            let means = &method.trials().list[*trial].outcome.as_ref().expect("told").means;
            (low, high) = (low.min(means[0]), high.max(means[0]));
            off += (means[1] - (1.0 - means[0].sqrt())) / count(front.len());
        }
        assert!(low < 0.05 && high > 0.9 && off < 0.05, "{low} {high} {off}");
        assert_eq!(method.verdict().state, State::Converged, "{}", method.verdict().why);
    }

    /// Constr-Ex (Deb 2001): (x, (1 + y) / x) with y ≥ 6 − 9x and y ≤ 9x − 1.
    #[test]
    fn constraints_cut_the_front() {
        let mut method = Genetic::new(Problem { budget: 2_000, ..problem(2, 2, 2) });
        drive(&mut method, |u, _| {
            let (x, y) = (0.1 + 0.9 * u[0], 5.0 * u[1]);
            vec![x, (1.0 + y) / x, 6.0 - 9.0 * x - y, 1.0 + y - 9.0 * x]
        });
        let front = method.trials().front();
        assert!(front.len() >= 10);
        for trial in front {
            let means = &method.trials().list[trial].outcome.as_ref().expect("told").means;
            assert!(means[2] <= 0.0 && means[3] <= 0.0);
        }
    }

    #[test]
    fn the_budget_is_kept_and_the_state_serialises() {
        let f = |x: &[f64]| vec![x[0], 1.0 - x[0] * x[1]];
        let mut whole = Genetic::new(Problem { budget: 70, ..problem(2, 2, 0) });
        drive(&mut whole, |x, _| f(x));
        assert_eq!(whole.trials().spent, 70);
        assert_eq!(whole.verdict().state, State::OutOfBudget);
        let text = serde_json::to_string(&whole).expect("it serialises");
        assert_eq!(serde_json::from_str::<Genetic>(&text).expect("and comes back"), whole);
    }
}
