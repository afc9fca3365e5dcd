//! The mechanisms of a subnet: what a scenario says of them, and what each remembers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::{EpochIndex, Height, ParamError};

use crate::yuma::Rows;
use crate::yuma::sub_mechanisms::{self, MOST};

/// One of several mechanisms of a subnet: it pays for one kind of work, with weights and bonds
/// of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mechanism {
    /// The groups of providers that it weighs, at least one; a group may be in several.
    pub weighs: Vec<String>,
    /// Parts of the subnet's emission, 0 to 65535; only ratios to the other mechanisms' matter.
    /// Default 1.
    #[serde(default = "one")]
    pub parts: u16,
}

const fn one() -> u16 {
    1
}

/// At most [`MOST`], which have some part together.
pub(super) fn check(mechanisms: &[Mechanism]) -> Result<(), ParamError> {
    let count = mechanisms.len();
    ParamError::unless(count <= MOST, "mechanisms", count, "at most 16")?;
    let some = mechanisms.is_empty() || mechanisms.iter().any(|mechanism| mechanism.parts > 0);
    ParamError::unless(some, "mechanisms", "parts of 0", "`parts` above 0 for at least one")
}

/// The emission of each mechanism; of the only one where none is named. The chain stores
/// proportions of 65535, or none for an even split.
pub(super) fn split(mechanisms: &[Mechanism], emission: u64) -> Vec<u64> {
    let total: u64 = mechanisms.iter().map(|mechanism| u64::from(mechanism.parts)).sum();
    let even = mechanisms.windows(2).all(|pair| pair[0].parts == pair[1].parts);
    let proportion = |mechanism: &Mechanism| {
        let part = u64::from(mechanism.parts) * u64::from(u16::MAX) / total.max(1);
        u16::try_from(part).unwrap_or(u16::MAX)
    };
    let proportions: Vec<u16> = mechanisms.iter().map(proportion).collect();
    let proportions = (!even).then_some(&proportions[..]);
    sub_mechanisms::split(emission, mechanisms.len().max(1), proportions)
}

/// Weights that were set and are not yet revealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Commit {
    pub(super) epoch: EpochIndex,
    pub(super) block: Height,
    pub(super) row: Vec<(u16, u16)>,
}

/// What a mechanism remembers. Vectors are by uid.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) last_update: Vec<u64>,
    pub(super) weights: Rows,
    /// Oldest first.
    pub(super) commits: Vec<Vec<Commit>>,
    pub(super) bonds: Rows,
}

impl State {
    pub(super) fn new(members: usize) -> Self {
        Self {
            last_update: vec![0; members],
            weights: vec![Vec::new(); members],
            commits: vec![Vec::new(); members],
            bonds: vec![Vec::new(); members],
        }
    }

    /// Publishes the commits that are due.
    pub(super) fn reveal(&mut self, due: impl Fn(&Commit) -> bool) {
        for (weights, commits) in self.weights.iter_mut().zip(&mut self.commits) {
            commits.retain_mut(|commit| {
                let due = due(commit);
                if due {
                    *weights = core::mem::take(&mut commit.row);
                }
                !due
            });
        }
    }

    /// Another member has this place: nothing that it said or that was said of it stands.
    pub(super) fn replace(&mut self, uid: u16) {
        let index = usize::from(uid);
        self.weights[index].clear();
        self.commits[index].clear();
        self.bonds[index].clear();
        for row in &mut self.weights {
            row.iter_mut().filter(|(to, _)| *to == uid).for_each(|(_, weight)| *weight = 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use sim_types::{Amount, PayoutReason, Rejected, StateMachine as _, Uid};

    use super::super::{Effect, Input, Params, Yuma};
    use super::*;

    type Row = Vec<(Uid, u16)>;

    fn mechanism(parts: u16) -> Mechanism {
        Mechanism { weighs: vec!["miners".to_owned()], parts }
    }

    /// Two mechanisms of 3 and 1 parts; an epoch every two blocks.
    fn params() -> Params {
        Params {
            tempo: 1,
            weights_rate_limit: 0,
            mechanisms: vec![mechanism(3), mechanism(1)],
            ..Params::default()
        }
    }

    fn opened(params: Params) -> Yuma {
        let mut rule = Yuma::new(params).unwrap();
        let stakes = vec![500, 300, 200, 0, 0, 0];
        rule.apply(Input::Opened { subnet: 0, stakes }, &mut vec![]).unwrap();
        rule
    }

    fn set(rule: &mut Yuma, by: u16, mechanism: u8, row: &Row) -> Result<(), Rejected> {
        let input =
            Input::WeightsSet { by: Uid(by), mechanism, height: Height(1), row: row.clone() };
        rule.apply(input, &mut vec![])
    }

    fn block(rule: &mut Yuma, height: u64, emission: u64) -> BTreeMap<(u16, PayoutReason), u128> {
        let mut out = vec![];
        let emission = Amount(emission.into());
        rule.apply(Input::BlockProduced { height: Height(height), emission }, &mut out).unwrap();
        let pays = out.iter().filter_map(|effect| match effect {
            Effect::Pay { to, amount, reason } => Some(((to.0, *reason), amount.0)),
            _ => None,
        });
        pays.collect()
    }

    /// What a subnet of two mechanisms pays is what two subnets pay whose emission was divided
    /// by hand: the second's rounded down to 16383 of 65535, the first's the rest.
    #[test]
    fn mechanisms_pay_like_subnets_of_their_own() {
        let alone = Params { mechanisms: vec![], ..params() };
        let mut both = opened(params());
        let mut apart = [opened(alone.clone()), opened(alone)];
        let text = |x: u16| vec![(Uid(3), 3 + x), (Uid(4), 2)];
        let images = |x: u16| vec![(Uid(4), 1 + x), (Uid(5), 4)];
        for (height, emission) in [(2, 1_000_003), (4, 999_999_999), (6, 77)] {
            for by in 0..3 {
                for (kind, row) in (0..).zip([text(by + height), images(by * height)]) {
                    set(&mut both, by, kind, &row).unwrap();
                    set(&mut apart[usize::from(kind)], by, 0, &row).unwrap();
                }
            }
            block(&mut both, u64::from(height) - 1, 0);
            for rule in &mut apart {
                block(rule, u64::from(height) - 1, 0);
            }
            let second = emission * 16_383 / 65_535;
            let mut want = block(&mut apart[0], height.into(), emission - second);
            for (to, amount) in block(&mut apart[1], height.into(), second) {
                *want.entry(to).or_default() += amount;
            }
            assert_eq!(block(&mut both, height.into(), emission), want, "block {height}");
            for (kind, rule) in apart.iter().enumerate() {
                assert_eq!(both.mechanisms[kind].bonds, rule.mechanisms[0].bonds);
            }
            assert_ne!(both.mechanisms[0].bonds, both.mechanisms[1].bonds);
        }
    }

    #[test]
    fn even_parts_are_the_even_split_of_the_chain() {
        assert_eq!(split(&[mechanism(7), mechanism(7)], 101), [51, 50]);
        assert_eq!(split(&[mechanism(0), mechanism(2)], 101), [0, 101]);
        assert_eq!(split(&[mechanism(1)], 101), [101]);
        assert_eq!(split(&[], 101), [101]);
    }

    /// Each mechanism has its own rate limit; there are no others than those.
    #[test]
    fn weights_are_set_mechanism_by_mechanism() {
        let mut rule = opened(Params { weights_rate_limit: 100, ..params() });
        let row = vec![(Uid(3), 1)];
        set(&mut rule, 0, 0, &row).unwrap();
        set(&mut rule, 0, 1, &row).unwrap();
        let soon = Rejected::NotPermitted("weights set too soon after the last");
        assert_eq!(set(&mut rule, 0, 1, &row), Err(soon));
        let unknown = Rejected::NotPermitted("no such mechanism");
        assert_eq!(set(&mut rule, 0, 2, &row), Err(unknown));
    }

    /// Copiers see both mechanisms, each as large as its part.
    #[test]
    fn what_is_visible_is_weighed_by_parts() {
        let mut rule = opened(params());
        for by in 0..3 {
            set(&mut rule, by, 0, &vec![(Uid(3), 1)]).unwrap();
            set(&mut rule, by, 1, &vec![(Uid(5), 1)]).unwrap();
        }
        let seen = rule.visible_consensus();
        assert!(seen[3].abs_diff(49_152) <= 2 && seen[5].abs_diff(16_383) <= 2, "{seen:?}");
        assert_eq!(seen[4], 0);
    }

    #[test]
    fn mechanisms_outside_their_domain_are_named() {
        let with = |mechanisms| Yuma::new(Params { mechanisms, ..Params::default() });
        for mechanisms in [vec![mechanism(1); 17], vec![mechanism(0); 2]] {
            assert_eq!(with(mechanisms).unwrap_err().field, "mechanisms");
        }
        with(vec![mechanism(0), mechanism(1)]).unwrap();
    }

    /// The text of parameters without mechanisms is what it was before there were any.
    #[test]
    fn parameters_without_mechanisms_do_not_mention_them() {
        let text = serde_json::to_value(Params::default()).unwrap();
        assert!(text.get("mechanisms").is_none());
        for params in [Params::default(), params()] {
            let text = serde_json::to_string(&params).unwrap();
            assert_eq!(serde_json::from_str::<Params>(&text).unwrap(), params);
        }
    }
}
