//! Ten variables on a ring, each drawn towards its successor, in two halves with a noisy policy
//! each: the toy on which stepped simulators are raced.
//!
//! | rule | |
//! |---|---|
//! | R1 | at first variable i, from 0, is i + 1 |
//! | R2 | a step moves variables 0 to 4 and then 5 to 9; within a half all move at once, and the second half sees the first moved |
//! | R3 | a half's policy is `gain` times its first variable, plus `noise` times a uniform draw |
//! | R4 | a variable moves by `coupling` times its distance to its successor (of 9: 0), plus `response` times its half's policy |
//!
//! Source: the ten-variable benchmark of partial state update blocks in the manner of cadCAD
//! and radCAD (`CADLabs/radCAD` `radcad/core.py` @6ee99f9), with their deep copies left out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::{Fact, Fidelity, ParamError, Stream};

use super::{Metric, Model};

/// What a scenario may set. The defaults are those of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// How far a variable moves towards its successor in a step, of their distance. Default
    /// 0.01.
    pub coupling: f64,
    /// How strongly a policy follows its half's first variable. Default 0.01.
    pub gain: f64,
    /// How far a policy moves its variables in a step. Default 0.001.
    pub response: f64,
    /// Most that chance adds to a policy. Default 0.01.
    pub noise: f64,
}

impl Default for Params {
    fn default() -> Self {
        Self { coupling: 0.01, gain: 0.01, response: 0.001, noise: 0.01 }
    }
}

/// The rule and its whole state.
#[derive(Debug, Clone)]
pub struct TenVariables {
    params: Params,
    x: [f64; 10],
}

impl TenVariables {
    /// Moves one half.
    #[inline]
    fn half(&mut self, first: usize, stream: &mut Stream) {
        let Params { coupling, gain, response, noise } = self.params;
        // R3
        let policy = gain * self.x[first] + stream.uniform() * noise;
        // R4; in ascending order every successor in the same half is still where it was.
        for i in first..first + 5 {
            let next = self.x[(i + 1) % 10];
            self.x[i] += coupling * (next - self.x[i]) + response * policy;
        }
    }
}

impl Model for TenVariables {
    type Params = Params;

    const NAME: &'static str = "ten_variables";
    const SUMMARY: &'static str = "Ten coupled variables, moved by two noisy policies a step.";
    const SOURCE: &'static str =
        "the ten-variable benchmark of update blocks: CADLabs/radCAD radcad/core.py @6ee99f9";
    const METRICS: &'static [Metric] = &[
        Metric { name: "x0", unit: "1", meaning: "Variable 0 at the end." },
        Metric { name: "x1", unit: "1", meaning: "Variable 1 at the end." },
        Metric { name: "x2", unit: "1", meaning: "Variable 2 at the end." },
        Metric { name: "x3", unit: "1", meaning: "Variable 3 at the end." },
        Metric { name: "x4", unit: "1", meaning: "Variable 4 at the end." },
        Metric { name: "x5", unit: "1", meaning: "Variable 5 at the end." },
        Metric { name: "x6", unit: "1", meaning: "Variable 6 at the end." },
        Metric { name: "x7", unit: "1", meaning: "Variable 7 at the end." },
        Metric { name: "x8", unit: "1", meaning: "Variable 8 at the end." },
        Metric { name: "x9", unit: "1", meaning: "Variable 9 at the end." },
        Metric { name: "mean", unit: "1", meaning: "Mean of the ten variables at the end." },
        Metric { name: "spread", unit: "1", meaning: "Largest less smallest variable at the end." },
    ];

    fn example() -> Params {
        Params::default()
    }

    fn facts(params: &Params) -> Vec<Fact> {
        let usual = Params::default();
        [
            ("coupling", params.coupling, usual.coupling),
            ("gain", params.gain, usual.gain),
            ("response", params.response, usual.response),
            ("noise", params.noise, usual.noise),
        ]
        .into_iter()
        .map(|(name, value, usual)| {
            let chosen = value.to_bits() != usual.to_bits();
            let source = if chosen { "chosen by the scenario" } else { "the benchmark's own" };
            let name = format!("model.ten_variables.{name}");
            Fact::new(name, value.to_string(), Fidelity::Assumed, source)
        })
        .collect()
    }

    fn new(params: &Params) -> Result<Self, ParamError> {
        let Params { coupling, gain, response, noise } = *params;
        for (field, value) in [("coupling", coupling), ("gain", gain), ("response", response)] {
            ParamError::unless(value.is_finite(), field, value, "a finite number")?;
        }
        ParamError::unless(noise.is_finite() && noise >= 0.0, "noise", noise, "at least 0")?;
        // R1
        let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0];
        Ok(Self { params: *params, x })
    }

    // R2
    #[inline]
    fn step(&mut self, _: u64, stream: &mut Stream) {
        self.half(0, stream);
        self.half(5, stream);
    }

    fn figures(&self) -> Vec<f64> {
        let low = self.x.iter().copied().fold(f64::INFINITY, f64::min);
        let high = self.x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut figures = self.x.to_vec();
        figures.push(self.x.iter().sum::<f64>() / 10.0);
        figures.push(high - low);
        figures
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::run;

    /// The benchmark on radCAD 0.14.0, its `random.random` replaced by 0.
    #[test]
    #[expect(clippy::unreadable_literal, reason = "as the benchmark prints them")]
    fn without_noise_it_is_the_benchmark() {
        type Row = (f64, u64, [f64; 10]);
        #[rustfmt::skip]
        let table: [Row; 3] = [
            (0.01, 1, [
                1.01001, 2.01001, 3.01001, 4.010009999999999, 5.010009999999999, 6.01006, 7.01006,
                8.01006, 9.01006, 9.910160099999999,
            ]),
            (0.5, 100, [
                2.0765723587818194, 3.077430508990064, 4.082000677880308, 5.101493049042099,
                6.164158687427198, 7.297954815809909, 8.14783061126003, 8.533845308413644,
                7.667060279575414, 4.906493367002538,
            ]),
            (0.01, 1_000, [
                5.601979877755573, 5.309312832514224, 5.110477121600985, 5.083114541805428,
                5.238986047233165, 5.517543503470368, 5.810432927342275, 6.004843369014155,
                6.028417618696417, 5.873741742221135,
            ]),
        ];
        for (gain, steps, want) in table {
            let params = Params { gain, noise: 0.0, ..Params::default() };
            let found = run::<TenVariables>(&params, steps, 1.into()).unwrap();
            for (found, want) in found.iter().zip(want) {
                assert!((found - want).abs() < 1e-12, "{found} for {want} after {steps} steps");
            }
        }
    }

    /// Without coupling and gain each half drifts by `response · noise · U` a step, on which
    /// nothing else acts: mean and independence of the draws show in the sums.
    #[test]
    fn noise_is_uniform_and_the_halves_draw_apart() {
        let params = Params { coupling: 0.0, gain: 0.0, response: 1.0, noise: 1.0 };
        let steps = 100_000;
        let found = run::<TenVariables>(&params, steps, 5.into()).unwrap();
        let (first, second) = (found[0] - 1.0, found[5] - 6.0);
        // The sum of n uniforms has mean n/2 and standard deviation √(n/12) = 91.3.
        for sum in [first, second] {
            assert!((sum - 50_000.0).abs() < 5.0 * 91.3, "{sum}");
        }
        assert!((first - second).abs() > 1e-3, "the halves do not share a draw");
        assert!((found[4] - 5.0 - first).abs() < 1e-6, "a half shares its policy");
    }

    #[test]
    fn parameters_outside_their_domain_are_named() {
        let table = [
            (Params { coupling: f64::NAN, ..Params::default() }, "coupling"),
            (Params { gain: f64::INFINITY, ..Params::default() }, "gain"),
            (Params { noise: -0.1, ..Params::default() }, "noise"),
        ];
        for (params, field) in table {
            assert_eq!(TenVariables::new(&params).unwrap_err().field, field);
        }
    }
}
