//! A stated share of its weight for the providers it favours, the rest for all others.
//!
//! | rule | |
//! |---|---|
//! | R1 | a single weight is drawn once for every provider: max(0, N(1, `deviation`²)) |
//! | R2 | the weights of the favoured are scaled to sum to `share`, those of the others to 1 - `share` |
//! | R3 | a side without members leaves everything to the other; a side of which every draw is 0 is weighed evenly |
//! | R4 | the row names every provider and is scaled so that the largest is 65535, rounded to the nearest, halves up; it is the same in every period |
//!
//! It stands for honest voters of a stated utility, who favour honest providers, as well as for
//! a cabal, whose members favour their own: whose side is right, the rule does not know.
//!
//! It does not: observe anything, or answer to what others publish.
//!
//! Source: the consensus study of Bittensor: opentensor/subtensor @ `14bc6f9f`,
//! `docs/consensus.md` and `pallets/subtensor/src/tests/consensus.rs`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::{Fact, Fidelity, ParamError, Rejected, Share, StateMachine, Stream, Uid};

use super::{Effect, Input};

/// What a scenario may set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Groups of the population whose providers it favours; at least one.
    pub favours: Vec<String>,
    /// How much of its weight goes to them; 0% to 100%. The study calls it the utility of an
    /// honest validator, and the self-weight of a cabal.
    pub share: Share,
    /// Standard deviation of the single weights around their mean, relative to it; 0% to 100%.
    /// Default 0%: every provider of a side weighs the same. The study's values are 0%, 20%
    /// and 40%.
    #[serde(default)]
    pub deviation: Share,
}

/// The rule and its whole state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sided {
    share: f64,
    deviation: f64,
    members: Option<u16>,
    /// What it publishes, once it knows who is who.
    row: Option<Vec<(Uid, u16)>>,
}

impl crate::Rule for Sided {
    const NAME: &'static str = "sided";
    const SUMMARY: &'static str =
        "A validator gives a stated share of its weight to the providers it favours.";
    const SOURCE: &'static str = "opentensor/subtensor docs/consensus.md @14bc6f9f";

    fn example() -> Params {
        Params {
            favours: vec!["miners".to_owned()],
            share: Share::percent(80),
            deviation: Share::percent(40),
        }
    }

    fn facts(params: &Params) -> Vec<Fact> {
        let side = params.favours.join("+");
        let fact = |name: &str, value: Share, why: &str| {
            let name = format!("weights.sided.{name} toward {side}");
            Fact::new(name, format!("{} ppm", value.ppm()), Fidelity::Assumed, why)
        };
        vec![
            fact("share", params.share, "chosen by the scenario"),
            fact(
                "deviation",
                params.deviation,
                "opentensor/subtensor docs/consensus.md @14bc6f9f studies 0%, 20% and 40%",
            ),
        ]
    }
}

impl StateMachine for Sided {
    type Params = Params;
    type Input = Input;
    type Effect = Effect;

    fn new(params: Params) -> Result<Self, ParamError> {
        ParamError::unless(!params.favours.is_empty(), "favours", "[]", "at least one group")?;
        let (share, deviation) = (params.share.as_f64(), params.deviation.as_f64());
        Ok(Self { share, deviation, members: None, row: None })
    }

    fn apply(&mut self, input: Input, out: &mut Vec<Effect>) -> Result<(), Rejected> {
        match input {
            Input::Opened { members } => {
                if self.members.is_some() {
                    return Err(Rejected::NotPermitted("opened already"));
                }
                self.members = Some(members);
            }
            Input::Introduced { providers, favoured, stream, .. } => {
                if self.row.is_some() {
                    return Err(Rejected::NotPermitted("introduced already"));
                }
                super::ascending(&providers, self.members.unwrap_or(0))?;
                self.row = Some(self.draw(&providers, &favoured, stream));
            }
            Input::Observed { subject, .. } => {
                super::known(subject, self.members.unwrap_or(0))?;
            }
            Input::Surveyed { scores } => {
                super::all_known(&scores, self.members.unwrap_or(0))?;
            }
            Input::ConsensusPublished { .. } | Input::WeightsSeen { .. } => {}
            // R4
            Input::WeightsDue => {
                if let Some(row) = self.row.clone().filter(|row| !row.is_empty()) {
                    out.push(Effect::SetWeights { row });
                }
            }
        }
        Ok(())
    }
}

impl Sided {
    /// R1 to R4.
    fn draw(&self, providers: &[Uid], favoured: &[Uid], mut stream: Stream) -> Vec<(Uid, u16)> {
        let mut cells: Vec<(bool, f64)> = providers
            .iter()
            .map(|uid| {
                let ours = favoured.binary_search(uid).is_ok();
                // R1
                (ours, (1.0 + self.deviation * stream.normal()).max(0.0))
            })
            .collect();
        let side = |cells: &[(bool, f64)], ours: bool| {
            let of = cells.iter().filter(|cell| cell.0 == ours);
            of.fold((0_u32, 0.0), |(members, sum), cell| (members + 1, sum + cell.1))
        };
        // R2, R3
        let sides = [side(&cells, false), side(&cells, true)];
        for (ours, weight) in &mut cells {
            let (members, sum) = sides[usize::from(*ours)];
            let share = match (sides[usize::from(!*ours)].0, *ours) {
                (0, _) => 1.0,
                (_, true) => self.share,
                (_, false) => 1.0 - self.share,
            };
            let part = if sum > 0.0 { *weight / sum } else { 1.0 / f64::from(members) };
            *weight = share * part;
        }
        // R4
        let largest = cells.iter().map(|cell| cell.1).fold(f64::MIN_POSITIVE, f64::max);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 65535")]
        let stored = |weight: f64| (weight / largest * f64::from(u16::MAX)).round() as u16;
        providers.iter().zip(cells).map(|(&uid, (_, weight))| (uid, stored(weight))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(share: u32, deviation: u32, favoured: &[u16], providers: u16) -> Vec<(Uid, u16)> {
        let params = Params {
            favours: vec!["x".to_owned()],
            share: Share::percent(share),
            deviation: Share::percent(deviation),
        };
        let mut rule = Sided::new(params).unwrap();
        let mut out = vec![];
        rule.apply(Input::Opened { members: providers + 1 }, &mut out).unwrap();
        rule.apply(Input::WeightsDue, &mut out).unwrap();
        assert!(out.is_empty(), "nobody is known yet");
        let known = Input::Introduced {
            oneself: Uid(0),
            providers: (1..=providers).map(Uid).collect(),
            favoured: favoured.iter().copied().map(Uid).collect(),
            stream: Stream::new(5, 1),
        };
        rule.apply(known, &mut out).unwrap();
        rule.apply(Input::WeightsDue, &mut out).unwrap();
        rule.apply(Input::WeightsDue, &mut out).unwrap();
        let Effect::SetWeights { row } = out.pop().unwrap();
        assert_eq!(out, [Effect::SetWeights { row: row.clone() }], "the same in every period");
        row
    }

    #[test]
    fn sides_get_their_shares() {
        // Two favoured of four: 40 % each, the others 10 % each, a quarter of it.
        let want = [(1, 65_535), (2, 16_384), (3, 65_535), (4, 16_384)];
        let plain = |row: &[(Uid, u16)]| row.iter().map(|c| (c.0.0, c.1)).collect::<Vec<_>>();
        assert_eq!(plain(&row(80, 0, &[1, 3], 4)), want);
        assert_eq!(plain(&row(100, 0, &[2], 2)), [(1, 0), (2, 65_535)]);
        // A side without members leaves everything to the other.
        for favoured in [&[][..], &[1, 2]] {
            assert_eq!(plain(&row(70, 0, favoured, 2)), [(1, 65_535), (2, 65_535)]);
        }
    }

    /// Whatever the single weights, the sides sum to their shares, up to rounding; and single
    /// weights vary as stated: over 2,000 of one side, within five standard errors.
    #[test]
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    fn single_weights_vary_within_their_side() {
        let favoured: Vec<u16> = (1..=2_000).collect();
        let row = row(30, 40, &favoured, 3_000);
        let sum = |cells: &[(Uid, u16)]| cells.iter().map(|c| f64::from(c.1)).sum::<f64>();
        let (ours, all) = (sum(&row[..2_000]), sum(&row));
        assert!((ours / all - 0.3).abs() < 1e-4, "{}", ours / all);
        let mean = ours / 2_000.0;
        let strayed = row[..2_000].iter().map(|c| f64::from(c.1) / mean - 1.0);
        let squares: f64 = strayed.map(|x| x * x).sum();
        let deviation = (squares / 2_000.0).sqrt();
        let error = 0.4 / (2.0 * row[..2_000].len() as f64).sqrt();
        assert!((deviation - 0.4).abs() < 5.0 * error, "{deviation}");
        assert_ne!(row[0].1, row[1].1);
    }
}
