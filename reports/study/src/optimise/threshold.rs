//! The smallest value of a parameter for which a constraint holds, by bisection under noise.
//!
//! The constraint must fail at the low end of the range, hold at the high end, and change once.
//! At each middle point replications double until the interval of the mean (99 %, Student's t)
//! leaves zero or no more are allowed; then the sign of the mean decides. Common random numbers
//! make neighbouring points err alike, so the bisection closes in on the zero of the mean curve;
//! how far that may lie from the true one follows from the standard error there and the slope of
//! the curve.
//!
//! *Convergence*: the bracket and the half width of the 95 % interval are within the tolerance,
//! which is a share of the value found.

use serde::{Deserialize, Serialize};

use super::{Ask, Best, Outcome, Problem, Search, State, Trials, Verdict, percent};
use crate::count;
use crate::distributions::t_quantile;

/// The method and its state. Its problem has one parameter, no objective and one constraint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    trials: Trials,
    /// Trials where the constraint fails and where it holds, nearest to each other.
    bracket: [Option<usize>; 2],
    asked: Option<usize>,
    state: State,
    why: String,
}

impl Threshold {
    /// A search between the ends of the range.
    #[must_use]
    pub fn new(problem: Problem) -> Self {
        Self {
            trials: Trials::new(problem),
            bracket: [None, None],
            asked: None,
            state: State::Searching,
            why: "the ends of the range are not in yet".to_owned(),
        }
    }

    fn unit(&self, trial: usize) -> f64 {
        self.trials.list[trial].unit[0]
    }

    fn value(&self, trial: usize) -> f64 {
        self.trials.list[trial].values[0]
    }

    fn outcome(&self, trial: usize) -> Option<(f64, f64)> {
        let outcome = self.trials.list[trial].outcome.as_ref()?;
        Some((*outcome.means.first()?, *outcome.errors.first()?))
    }

    /// Whether the sign of the mean is beyond doubt.
    fn clear(&self, trial: usize) -> bool {
        let replications = self.trials.list[trial].replications;
        let Some((mean, error)) = self.outcome(trial) else { return false };
        // One replication says nothing of its noise.
        replications > 1 && mean.abs() > t_quantile(0.99, replications - 1) * error
    }

    /// Asks on, or concludes.
    fn step(&mut self) {
        if let Some(trial) = self.asked.take() {
            let Some((mean, _)) = self.outcome(trial).filter(|(mean, _)| mean.is_finite()) else {
                let value = self.value(trial);
                self.finish(State::OutOfBudget, format!("the run at {value} failed"));
                return;
            };
            let done = self.trials.list[trial].replications;
            if !self.clear(trial) && done < self.trials.problem.most_replications {
                let unit = self.trials.list[trial].unit.clone();
                if self.trials.want(&unit, 2 * done).is_some() {
                    self.asked = Some(trial);
                    return;
                }
            }
            self.bracket[usize::from(mean <= 0.0)] = Some(trial);
            let [low, high] = self.bracket;
            let at = |end: f64| (self.value(trial) - end).abs() <= 0.0;
            let [first, last] =
                self.trials.problem.space.parameters.first().map_or([0.0; 2], |p| [p.low, p.high]);
            if low.is_none() && at(first) {
                let why = "the constraint holds at the low end of the range already";
                self.finish(State::OutOfBudget, format!("{why}: widen it downwards"));
                return;
            }
            if high.is_none() && at(last) {
                let why = "the constraint fails at the high end of the range still";
                self.finish(State::Infeasible, format!("{why}: widen it upwards"));
                return;
            }
        }
        let next = match self.bracket {
            [None, _] => 0.0,
            [_, None] => 1.0,
            [Some(low), Some(high)] => f64::midpoint(self.unit(low), self.unit(high)),
        };
        if let [Some(low), Some(high)] = self.bracket {
            let wide = self.value(high) - self.value(low);
            let snapped = self.trials.problem.space.snap(&[next])[0];
            let apart = |trial: usize| (snapped - self.unit(trial)).abs() > 1e-9;
            if wide <= self.tolerance() || !apart(low) || !apart(high) {
                self.conclude(State::Converged);
                return;
            }
        }
        match self.trials.want(&[next], self.trials.problem.replications.max(2)) {
            Some(trial) => self.asked = Some(trial),
            None => self.conclude(State::OutOfBudget),
        }
    }

    /// In units of the parameter.
    fn tolerance(&self) -> f64 {
        let Problem { parameter_tolerance, ref space, .. } = self.trials.problem;
        let range = space.parameters.first().map_or(1.0, |p| p.high - p.low);
        let near = self.zero().map_or(range, |(zero, _)| zero.abs());
        parameter_tolerance * near.max(range * 1e-3)
    }

    /// The zero of the line through the bracket, and the half width of its 95 % interval.
    fn zero(&self) -> Option<(f64, f64)> {
        let [Some(low), Some(high)] = self.bracket else { return None };
        let ((y0, e0), (y1, e1)) = (self.outcome(low)?, self.outcome(high)?);
        let (x0, x1) = (self.value(low), self.value(high));
        let zero = if y0 > y1 { x0 + (x1 - x0) * y0 / (y0 - y1) } else { x1 };
        // The bracket itself may be too narrow to show a slope above the noise: take the line
        // through all points within an eighth of the range.
        let near: Vec<(f64, f64)> = self
            .trials
            .list
            .iter()
            .enumerate()
            .filter(|(i, trial)| {
                trial.outcome.is_some() && (trial.unit[0] - self.unit(low)).abs() <= 0.126
                    || *i == low
                    || *i == high
            })
            .filter_map(|(i, trial)| Some((trial.values[0], self.outcome(i)?.0)))
            .collect();
        let slope = slope(&near);
        let freedom = self.trials.list[low].replications.min(self.trials.list[high].replications);
        let error = e0.max(e1) * t_quantile(0.95, freedom.saturating_sub(1).max(1));
        let half = if slope < 0.0 { error / -slope } else { f64::INFINITY };
        Some((zero, half.max((x1 - x0) / 2.0)))
    }

    fn conclude(&mut self, state: State) {
        let Some((zero, half)) = self.zero() else {
            self.finish(
                State::OutOfBudget,
                "the runs are spent before both ends were tried".into(),
            );
            return;
        };
        let integer = self.trials.problem.space.parameters.first().is_some_and(|p| p.integer);
        let tolerance = self.tolerance();
        let known = half <= tolerance || integer && half <= 0.5;
        let why = format!(
            "the zero is known to ± {} of its value, wanted {}",
            percent(half / zero.abs().max(1e-300)),
            percent(self.trials.problem.parameter_tolerance)
        );
        let state = if known { state } else { State::OutOfBudget };
        self.finish(state, why);
    }

    fn finish(&mut self, state: State, why: String) {
        (self.state, self.why) = (state, why);
    }
}

/// Slope of the least-squares line.
fn slope(points: &[(f64, f64)]) -> f64 {
    let n = count(points.len());
    let (mx, my) =
        (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
    let xy: f64 = points.iter().map(|p| (p.0 - mx) * (p.1 - my)).sum();
    let xx: f64 = points.iter().map(|p| (p.0 - mx) * (p.0 - mx)).sum();
    if xx > 0.0 { xy / xx } else { 0.0 }
}

impl Search for Threshold {
    fn ask(&mut self) -> Vec<Ask> {
        while self.state == State::Searching && self.trials.open().is_empty() {
            self.step();
        }
        self.trials.open()
    }

    fn tell(&mut self, trial: usize, outcome: Outcome) {
        self.trials.list[trial].outcome = Some(outcome);
    }

    fn verdict(&self) -> Verdict {
        Verdict { state: self.state, why: self.why.clone() }
    }

    fn trials(&self) -> &Trials {
        &self.trials
    }

    /// The zero; of an integer the smallest value that holds.
    fn best(&self) -> Option<Best> {
        let (zero, half) = self.zero()?;
        let holds = self.bracket[1]?;
        let integer = self.trials.problem.space.parameters.first()?.integer;
        if integer {
            let values = self.trials.list[holds].values.clone();
            return Some(Best { values, trial: Some(holds), interval: None });
        }
        let interval = half.is_finite().then(|| vec![[zero - half, zero + half]]);
        Some(Best { values: vec![zero], trial: None, interval })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimise::known::{drive, problem};

    fn of(low: f64, high: f64, integer: bool) -> Problem {
        let mut problem =
            Problem { budget: 4_000, replications: 4, most_replications: 64, ..problem(1, 0, 1) };
        problem.space.parameters[0] =
            crate::Parameter { integer, ..crate::Parameter::real("slash", low, high) };
        problem
    }

    #[test]
    fn a_line_without_noise_is_cut() {
        let mut method = Threshold::new(of(0.0, 100.0, false));
        drive(&mut method, |x, _| vec![1.0 - 0.072 * (x[0] + 1.2)]);
        let best = method.best().expect("found");
        let want = 1.0 / 0.072 - 1.2;
        assert!((best.values[0] / want - 1.0).abs() < 1e-9, "{best:?}");
        assert_eq!(method.verdict().state, State::Converged, "{}", method.verdict().why);
        // Nothing is doubtful, so nothing is run more often than at first.
        assert!(method.trials().list.iter().all(|t| t.replications == 4));
    }

    /// The interval holds the true zero for at least nine of ten seeds, and doubtful points are
    /// run more often than clear ones.
    #[test]
    fn a_noisy_line_is_cut_within_the_interval() {
        let mut held = 0;
        for seed in 0..30 {
            let mut method = Threshold::new(of(0.0, 50.0, false));
            drive(&mut method, |x, chance| {
                let noise = crate::random::stream(seed, "noise", chance.bits()).normal();
                vec![10.0 - x[0] + noise]
            });
            let best = method.best().expect("found");
            let [low, high] = best.interval.clone().expect("it has one")[0];
            assert!(high - low < 3.0, "{best:?}");
            held += u32::from((low..=high).contains(&10.0));
            let replications: Vec<usize> =
                method.trials().list.iter().map(|t| t.replications).collect();
            assert!(replications.contains(&4) && replications.contains(&64), "{replications:?}");
        }
        assert!(held >= 27, "{held} of 30");
    }

    #[test]
    fn ends_that_do_not_bracket_are_told_apart() {
        let mut method = Threshold::new(of(20.0, 30.0, false));
        drive(&mut method, |x, _| vec![10.0 - x[0]]);
        assert!(method.verdict().why.contains("low end"), "{:?}", method.verdict());
        assert_eq!(method.best(), None);
        let mut method = Threshold::new(of(1.0, 5.0, false));
        drive(&mut method, |x, _| vec![10.0 - x[0]]);
        assert!(method.verdict().why.contains("high end"), "{:?}", method.verdict());
        assert_eq!(method.verdict().state, State::Infeasible);
    }

    #[test]
    fn the_smallest_whole_number_is_found() {
        let mut method = Threshold::new(of(1.0, 128.0, true));
        drive(&mut method, |x, _| vec![36.5 - x[0]]);
        assert_eq!(method.best().expect("found").values, [37.0]);
        assert_eq!(method.verdict().state, State::Converged, "{}", method.verdict().why);
    }

    #[test]
    fn a_spent_budget_is_said() {
        let mut method = Threshold::new(Problem { budget: 20, ..of(0.0, 100.0, false) });
        drive(&mut method, |x, _| vec![10.0 - x[0]]);
        assert_eq!(method.verdict().state, State::OutOfBudget);
        assert!(method.trials().spent <= 20);
    }
}
