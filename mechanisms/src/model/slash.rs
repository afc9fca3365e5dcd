//! A worker who cheats at every task under spot checks, against one who never does; one task a
//! step.
//!
//! | rule | |
//! |---|---|
//! | R1 | a task done honestly costs `cost`; both workers are paid `reward` for each |
//! | R2 | the task is checked with probability `audit`, by an auditor who colludes with probability `collusion` and then says nothing |
//! | R3 | a cheater who is found out loses the reward and `slash` besides |
//!
//! `cheating_profit` is what cheating brings more than honest work, a task. It deters where that
//! is not above 0; from which slash on, the rule does not know.
//!
//! Source: proof of sampling (arXiv 2405.00295, section 4), with collusion among auditors.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::{Fact, Fidelity, ParamError, Stream};

use super::{Metric, Model, mean, within};

/// What a scenario may set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Cost of honest work on a task, at least 0. Default 1.
    pub cost: f64,
    /// Payment for a task, at least 0. Default 1.2.
    pub reward: f64,
    /// What is taken from a cheater, at least 0. Default 10.
    pub slash: f64,
    /// Probability that a task is checked, 0 to 1. Default 0.08.
    pub audit: f64,
    /// Share of colluders among auditors, 0 to 1. Default 0.1.
    pub collusion: f64,
}

impl Default for Params {
    fn default() -> Self {
        Self { cost: 1.0, reward: 1.2, slash: 10.0, audit: 0.08, collusion: 0.1 }
    }
}

/// The rule and the workers' incomes so far.
#[derive(Debug, Clone)]
pub struct Slash {
    params: Params,
    tasks: u64,
    caught: u64,
    honest: f64,
    cheating: f64,
}

impl Model for Slash {
    type Params = Params;

    const NAME: &'static str = "slash";
    const SUMMARY: &'static str =
        "What cheating brings under spot checks, colluding auditors and slashing.";
    const SOURCE: &'static str = "proof of sampling, arXiv 2405.00295, section 4";
    const METRICS: &'static [Metric] = &[
        Metric {
            name: "cheating_profit",
            unit: "1",
            meaning: "What cheating brings more than honest work, a task.",
        },
        Metric { name: "caught", unit: "share", meaning: "Cheated tasks that were found out." },
        Metric {
            name: "honest_income",
            unit: "1",
            meaning: "Reward less cost of an honest worker, a task.",
        },
        Metric {
            name: "cheating_income",
            unit: "1",
            meaning: "Reward less slashes of a cheater, a task.",
        },
    ];

    fn example() -> Params {
        Params::default()
    }

    fn facts(params: &Params) -> Vec<Fact> {
        let Params { cost, reward, slash, audit, collusion } = *params;
        [
            ("cost", cost),
            ("reward", reward),
            ("slash", slash),
            ("audit", audit),
            ("collusion", collusion),
        ]
        .into_iter()
        .map(|(name, value)| {
            let name = format!("model.slash.{name}");
            Fact::new(name, value.to_string(), Fidelity::Assumed, "chosen by the scenario")
        })
        .collect()
    }

    fn new(params: &Params) -> Result<Self, ParamError> {
        let Params { cost, reward, slash, audit, collusion } = *params;
        for (field, value) in [("cost", cost), ("reward", reward), ("slash", slash)] {
            within(field, value, 0.0, f64::MAX, "at least 0")?;
        }
        within("audit", audit, 0.0, 1.0, "0 to 1")?;
        within("collusion", collusion, 0.0, 1.0, "0 to 1")?;
        Ok(Self { params: *params, tasks: 0, caught: 0, honest: 0.0, cheating: 0.0 })
    }

    fn step(&mut self, _: u64, stream: &mut Stream) {
        let Params { cost, reward, slash, audit, collusion } = self.params;
        self.tasks += 1;
        // R1
        self.honest += reward - cost;
        // R2; drawn whatever comes of it, so that every design meets the same luck.
        let checked = stream.uniform() < audit;
        let colludes = stream.uniform() < collusion;
        // R3
        if checked && !colludes {
            self.caught += 1;
            self.cheating -= slash;
        } else {
            self.cheating += reward;
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "tasks are counted below 2^53")]
    fn figures(&self) -> Vec<f64> {
        let (honest, cheating) = (mean(self.honest, self.tasks), mean(self.cheating, self.tasks));
        vec![cheating - honest, mean(self.caught as f64, self.tasks), honest, cheating]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::run;

    /// cost − audit (1 − collusion) (reward + slash), to five standard errors of 200,000 tasks.
    #[test]
    fn profit_is_the_published_condition() {
        for (slash, audit, collusion) in [(10.0, 0.08, 0.1), (20.0, 0.05, 0.0), (5.0, 0.5, 0.33)] {
            let params = Params { slash, audit, collusion, ..Params::default() };
            let found = run::<Slash>(&params, 200_000, 6.into()).unwrap();
            let caught = audit * (1.0 - collusion);
            let error = 5.0 * sim_types::math::sqrt(caught * (1.0 - caught) / 200_000.0);
            let profit = 1.0 - caught * (1.2 + slash);
            assert!((found[0] - profit).abs() < (1.2 + slash) * error, "{found:?} for {profit}");
            assert!((found[1] - caught).abs() < error);
            assert!((found[2] - 0.2).abs() < 1e-9);
        }
        let wrong = Params { audit: 1.2, ..Params::default() };
        assert!(Slash::new(&wrong).unwrap_err().to_string().contains("audit"));
    }
}
