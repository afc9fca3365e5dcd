//! A reward rule of one's own, from nothing to payouts: `cargo run -p arable-mechanisms
//! --example my_own_rule`.
//!
//! In the repository the module below would be the file `mechanisms/src/reward/equal_shares.rs`
//! and the list one more line in `mechanisms/src/reward.rs`. Nothing else changes: the line
//! makes the key `equal_shares` of a scenario, its schema and its place in the catalogue.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use mechanisms::reward::{Effect, Input};
use sim_types::{Amount, Height, JobId, NodeId, Observation, Rejected, StateMachine, Uid};

/// Whoever did enough work in a period gets the same.
///
/// | rule | |
/// |---|---|
/// | R1 | a member that did `min_tokens` of work or more in a period takes part |
/// | R2 | what accrued is split evenly among those; if there are none, it is withheld |
mod equal_shares {
    use super::{Effect, Input};
    use mechanisms::Rule;
    use sim_types::{
        Amount, Fact, Fidelity, ParamError, PayoutReason, Rejected, StateMachine, Uid,
        split_exactly,
    };

    /// What a scenario may set.
    #[derive(
        Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
    )]
    #[serde(deny_unknown_fields)]
    pub struct Params {
        /// Blocks in one period; at least 1.
        pub epoch_blocks: u64,
        /// Tokens of work that count as enough, 0 and up.
        pub min_tokens: u64,
    }

    /// The rule and its whole state.
    #[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
    pub struct EqualShares {
        params: Params,
        /// Work in the running period, by uid.
        tokens: Vec<u64>,
        accrued: Amount,
    }

    impl Rule for EqualShares {
        const NAME: &'static str = "equal_shares";
        const SUMMARY: &'static str = "Whoever did enough work gets the same.";
        const SOURCE: &'static str = "an example";

        fn example() -> Params {
            Params { epoch_blocks: 2, min_tokens: 100 }
        }

        fn facts(params: &Params) -> Vec<Fact> {
            let value = params.min_tokens.to_string();
            vec![Fact::new("reward.equal_shares.min_tokens", value, Fidelity::Assumed, "a guess")]
        }
    }

    impl StateMachine for EqualShares {
        type Params = Params;
        type Input = Input;
        type Effect = Effect;

        fn new(params: Params) -> Result<Self, ParamError> {
            ParamError::unless(params.epoch_blocks > 0, "epoch_blocks", 0, "at least 1")?;
            Ok(Self { params, tokens: Vec::new(), accrued: Amount::ZERO })
        }

        fn apply(&mut self, input: Input, out: &mut Vec<Effect>) -> Result<(), Rejected> {
            match input {
                Input::Opened { stakes, .. } => self.tokens = vec![0; stakes.len()],
                Input::Observed { subject, observation } => {
                    let tokens = self
                        .tokens
                        .get_mut(usize::from(subject.0))
                        .ok_or(Rejected::NotPermitted("not a member"))?;
                    *tokens += u64::from(observation.tokens);
                }
                Input::BlockProduced { height, emission } => {
                    self.accrued += emission;
                    if height.0 % self.params.epoch_blocks == 0 {
                        self.close(out);
                    }
                }
                // A stake means nothing here, and weights are not asked for.
                Input::StakeChanged { .. }
                | Input::Registered { .. }
                | Input::MetadataPublished { .. } => {}
                Input::WeightsSet { .. } | Input::Reconfigured { .. } => {
                    return Err(Rejected::NotPermitted("not part of this rule"));
                }
            }
            Ok(())
        }
    }

    impl EqualShares {
        fn close(&mut self, out: &mut Vec<Effect>) {
            let accrued = core::mem::take(&mut self.accrued);
            // R1
            let enough: Vec<u64> =
                self.tokens.iter().map(|&t| u64::from(t >= self.params.min_tokens)).collect();
            // R2
            match split_exactly(accrued, &enough) {
                None => out.push(Effect::Withhold { amount: accrued }),
                Some(shares) => {
                    out.extend((0..).zip(shares).filter(|(_, a)| *a > Amount::ZERO).map(
                        |(uid, amount)| Effect::Pay {
                            to: Uid(uid),
                            amount,
                            reason: PayoutReason::Incentive,
                        },
                    ));
                }
            }
            self.tokens.fill(0);
        }
    }
}

mechanisms::stage! {
    /// The reward rules of this example.
    "reward": MyRewardSpec => MyReward {
        /// Whoever did enough work gets the same.
        equal_shares::EqualShares,
    }
}

fn main() -> Result<(), Box<dyn core::error::Error>> {
    for rule in MyRewardSpec::catalogue() {
        println!("{} {}: {}", rule.stage, rule.name, rule.summary);
    }
    // As a scenario would say it.
    let written = r#"{ "equal_shares": { "epoch_blocks": 2, "min_tokens": 100 } }"#;
    let spec: MyRewardSpec = serde_json::from_str(written)?;
    let mut rule = MyReward::new(spec)?;
    let mut out = vec![];

    rule.apply(Input::Opened { subnet: 0, stakes: vec![0; 4] }, &mut out)?;
    for (subject, tokens) in [(0, 500), (1, 100), (2, 99)] {
        let observation = Observation {
            verifier: NodeId(9),
            subject: NodeId(subject.into()),
            job: JobId(1),
            score_ppm: 1_000_000,
            confidence_ppm: 0,
            tokens,
        };
        rule.apply(Input::Observed { subject: Uid(subject), observation }, &mut out)?;
    }
    for height in 1..=4 {
        let emission = Amount(500_000_000);
        rule.apply(Input::BlockProduced { height: Height(height), emission }, &mut out)?;
    }
    let weights = Input::WeightsSet { by: Uid(0), mechanism: 0, height: Height(4), row: vec![] };
    let refused: Result<(), Rejected> = rule.apply(weights, &mut out);
    println!("weights: {}", refused.expect_err("this rule takes none"));
    for effect in &out {
        match effect {
            Effect::Pay { to, amount, .. } => println!("pay member {to}: {amount} units"),
            Effect::Withhold { amount } => println!("withhold {amount} units"),
            other => println!("{other:?}"),
        }
    }
    Ok(())
}
