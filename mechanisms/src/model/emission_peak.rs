//! How much to emit: work that emission attracts, with falling returns, less what it dilutes. One
//! epoch a step.
//!
//! | rule | |
//! |---|---|
//! | R1 | an emission e attracts work worth `worth` (1 − exp(−e / `saturation`)), times a shock |
//! | R2 | the shock is uniform on 1 − `noise` … 1 + `noise` |
//! | R3 | holders lose `dilution` times e |
//!
//! The mean of their difference, `welfare`, is worth (1 − exp(−e / saturation)) − dilution · e. It
//! is the objective on which tuning is tested: concave, with its peak where the derivative is
//! zero, at e* = saturation · ln(worth / (saturation · dilution)), which the rule does not know.
//!
//! Source: this page; a form chosen for its known peak, not taken from a network.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::{Fact, Fidelity, ParamError, Stream};

use super::{Metric, Model, mean, within};
use sim_types::math::exp;

/// What a scenario may set. The defaults have their peak at 0.05 ln 5 = 0.0805.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Emission in a year, as a share of the supply, at least 0. Default 0.1.
    pub emission: f64,
    /// Worth of all the work there is, in units of the supply's worth, above 0. Default 1.
    pub worth: f64,
    /// Emission that attracts 1 − 1/e of it, above 0. Default 0.05.
    pub saturation: f64,
    /// Loss of holders for each unit emitted, at least 0. Default 4.
    pub dilution: f64,
    /// Largest relative shock, 0 to 1. Default 0.2.
    pub noise: f64,
}

impl Default for Params {
    fn default() -> Self {
        Self { emission: 0.1, worth: 1.0, saturation: 0.05, dilution: 4.0, noise: 0.2 }
    }
}

/// The rule and what was gained so far.
#[derive(Debug, Clone)]
pub struct EmissionPeak {
    params: Params,
    epochs: u64,
    work: f64,
    lost: f64,
}

impl Model for EmissionPeak {
    type Params = Params;

    const NAME: &'static str = "emission_peak";
    const SUMMARY: &'static str =
        "Work that emission attracts, with falling returns, less what it dilutes.";
    const SOURCE: &'static str = "a form chosen for its known peak, stated with the rule";
    const METRICS: &'static [Metric] = &[
        Metric {
            name: "welfare",
            unit: "1",
            meaning: "Worth of the work attracted less the loss of holders, mean.",
        },
        Metric { name: "work", unit: "1", meaning: "Worth of the work attracted, mean." },
        Metric { name: "loss", unit: "1", meaning: "Loss of holders by dilution, mean." },
    ];

    fn example() -> Params {
        Params::default()
    }

    fn facts(params: &Params) -> Vec<Fact> {
        let Params { emission, worth, saturation, dilution, noise } = *params;
        [
            ("emission", emission),
            ("worth", worth),
            ("saturation", saturation),
            ("dilution", dilution),
            ("noise", noise),
        ]
        .into_iter()
        .map(|(name, value)| {
            let name = format!("model.emission_peak.{name}");
            Fact::new(name, value.to_string(), Fidelity::Assumed, "chosen by the scenario")
        })
        .collect()
    }

    fn new(params: &Params) -> Result<Self, ParamError> {
        let Params { emission, worth, saturation, dilution, noise } = *params;
        within("emission", emission, 0.0, f64::MAX, "at least 0")?;
        within("worth", worth, f64::MIN_POSITIVE, f64::MAX, "above 0")?;
        within("saturation", saturation, f64::MIN_POSITIVE, f64::MAX, "above 0")?;
        within("dilution", dilution, 0.0, f64::MAX, "at least 0")?;
        within("noise", noise, 0.0, 1.0, "0 to 1")?;
        Ok(Self { params: *params, epochs: 0, work: 0.0, lost: 0.0 })
    }

    fn step(&mut self, _: u64, stream: &mut Stream) {
        let Params { emission, worth, saturation, dilution, noise } = self.params;
        self.epochs += 1;
        // R2
        let shock = 1.0 + noise * (2.0 * stream.uniform() - 1.0);
        // R1
        self.work += worth * (1.0 - exp(-emission / saturation)) * shock;
        // R3
        self.lost += dilution * emission;
    }

    fn figures(&self) -> Vec<f64> {
        let (work, lost) = (mean(self.work, self.epochs), mean(self.lost, self.epochs));
        vec![work - lost, work, lost]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::run;

    /// The stated form, to five standard errors of the shocks.
    #[test]
    fn welfare_is_the_stated_form() {
        for emission in [0.0, 0.02, 0.0805, 0.3] {
            let params = Params { emission, ..Params::default() };
            let found = run::<EmissionPeak>(&params, 10_000, 4.into()).unwrap();
            let work = 1.0 - exp(-emission / 0.05);
            assert!((found[0] - (work - 4.0 * emission)).abs() < 5.0 * 0.2 * 0.58 / 100.0);
            assert!((found[2] - 4.0 * emission).abs() < 1e-9);
        }
        let wrong = Params { saturation: 0.0, ..Params::default() };
        assert!(EmissionPeak::new(&wrong).unwrap_err().to_string().contains("saturation"));
    }
}
