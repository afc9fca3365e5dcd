//! A moving average of the scores that a validator observed itself.
//!
//! | rule | |
//! |---|---|
//! | R1 | the first observation of a member is its average |
//! | R2 | every further one moves it: `average += alpha (score - average)` |
//! | R3 | an average below `floor` weighs 0 |
//! | R4 | weight is the average to the power `sharpness` |
//! | R5 | the row is scaled so that the largest is 65535, rounded to the nearest, halves up, and names every member whose weight is then above 0 |
//! | R6 | nothing is published while every weight is 0 |
//!
//! Averages are kept in parts per 10^12, so that rounding stays far below one weight.
//!
//! It does not: weigh observations by confidence or size, forget members that are no longer
//! seen, or know who took over a place.
//!
//! Source: the validator template of Bittensor, opentensor/bittensor-subnet-template:
//! `template/base/validator.py` @ `c696ae0f` (the average), `template/utils/config.py`
//! @ `7622775e` (alpha 0.1); opentensor/bittensor `bittensor/utils/weight_utils.py`
//! (`convert_weights_and_uids_for_emit`: weights of zero are left out).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::fixed::Reciprocal;
use sim_types::{Fact, Fidelity, ParamError, Rejected, Share, StateMachine, Uid, seeded};

use super::{Effect, Input};

/// What a scenario may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// How far one observation moves the average; more than 0% to 100%. Default 10%, as in
    /// Bittensor's validator template.
    #[serde(default = "tenth")]
    pub alpha: Share,
    /// Average score below which a member weighs nothing; 0% to 100%. Default 0%.
    #[serde(default)]
    pub floor: Share,
    /// The power to which averages are raised, 1 to 16: more than 1 rewards the best beyond
    /// proportion. Default 1 (assumed): proportional.
    #[serde(default = "one")]
    pub sharpness: u32,
}

fn tenth() -> Share {
    Share::percent(10)
}

fn one() -> u32 {
    1
}

impl Default for Params {
    fn default() -> Self {
        Self { alpha: tenth(), floor: Share::ZERO, sharpness: one() }
    }
}

/// A full score: averages are kept in this fraction.
const FULL: u64 = 1_000_000_000_000;
const TOP: u64 = u16::MAX as u64;
const BY_ONE: Reciprocal = Reciprocal::new(Share::ONE.ppb() as u64).expect("not zero");

/// The rule and its whole state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MovingAverage {
    params: Params,
    /// By uid; [`UNSEEN`] before the first observation.
    averages: Vec<u64>,
}

/// In place of the average of a member that was never observed.
const UNSEEN: u64 = u64::MAX;

impl crate::Rule for MovingAverage {
    const NAME: &'static str = "moving_average";
    const SUMMARY: &'static str = "A validator weighs members by a moving average of their scores.";
    const SOURCE: &'static str =
        "opentensor/bittensor-subnet-template template/base/validator.py @c696ae0f";

    fn example() -> Params {
        Params::default()
    }

    fn facts(params: &Params) -> Vec<Fact> {
        let source = "opentensor/bittensor-subnet-template template/utils/config.py @7622775e";
        let (class, source) = if params.alpha == tenth() {
            (Fidelity::Published, source)
        } else {
            (Fidelity::Assumed, "chosen by the scenario")
        };
        vec![
            Fact::new(
                "weights.moving_average.alpha",
                format!("{} ppm", params.alpha.ppm()),
                class,
                source,
            ),
            Fact::new(
                "weights.moving_average.floor",
                format!("{} ppm", params.floor.ppm()),
                Fidelity::Assumed,
                "subnets differ",
            ),
            Fact::new(
                "weights.moving_average.sharpness",
                params.sharpness.to_string(),
                Fidelity::Assumed,
                "subnets differ",
            ),
        ]
    }
}

impl StateMachine for MovingAverage {
    type Params = Params;
    type Input = Input;
    type Effect = Effect;

    fn new(params: Params) -> Result<Self, ParamError> {
        ParamError::unless(params.alpha > Share::ZERO, "alpha", "0%", "more than 0%")?;
        let fits = (1..=16).contains(&params.sharpness);
        ParamError::unless(fits, "sharpness", params.sharpness, "1 to 16")?;
        Ok(Self { params, averages: Vec::new() })
    }

    fn apply(&mut self, input: Input, out: &mut Vec<Effect>) -> Result<(), Rejected> {
        match input {
            Input::Opened { members } => {
                if !self.averages.is_empty() {
                    return Err(Rejected::NotPermitted("opened already"));
                }
                self.averages = vec![UNSEEN; members.into()];
            }
            Input::Observed { subject, observation } => {
                super::known(subject, self.members())?;
                self.observe(subject, observation.score_ppm);
            }
            Input::Surveyed { scores } => {
                super::all_known(&scores, self.members())?;
                for (subject, score) in scores {
                    self.observe(subject, score);
                }
            }
            Input::Introduced { .. }
            | Input::ConsensusPublished { .. }
            | Input::WeightsSeen { .. } => {}
            // R6
            Input::WeightsDue => {
                let row = self.row();
                if row.iter().any(|&(_, weight)| weight > 0) {
                    out.push(Effect::SetWeights { row });
                }
            }
        }
        Ok(())
    }
}

impl MovingAverage {
    /// How many members the subnet has; 0 before it opens.
    pub(super) fn members(&self) -> u16 {
        super::members(self.averages.len())
    }

    /// R1, R2
    #[inline]
    fn observe(&mut self, subject: Uid, score_ppm: u32) {
        let average = &mut self.averages[usize::from(subject.0)];
        let score = u64::from(score_ppm.min(1_000_000)) * (FULL / 1_000_000);
        *average = if *average == UNSEEN { score } else { mix(*average, score, self.params.alpha) };
    }

    /// R3 to R5.
    pub(super) fn row(&self) -> Vec<(Uid, u16)> {
        let floor = u64::from(self.params.floor.ppb()) * (FULL / u64::from(Share::ONE.ppb()));
        let mut powers = Vec::with_capacity(self.averages.len());
        let mut largest = 1;
        for (uid, &average) in (0_u16..).zip(&self.averages) {
            if average != UNSEEN && average >= floor {
                let power = power(average, self.params.sharpness);
                largest = largest.max(power);
                powers.push((Uid(uid), power));
            }
        }
        let half = seeded!(WrongRounding, 0, largest / 2);
        let by_largest = u64::MAX / largest;
        let mut row = Vec::with_capacity(powers.len());
        for (uid, power) in powers {
            let scaled = quotient(power * TOP + half, largest, by_largest);
            if scaled > 0 {
                row.push((uid, u16::try_from(scaled).expect("at most 65535")));
            }
        }
        row
    }
}

/// `n / divisor`, for `n` below 2^63 and `inverse` = (2^64 - 1) / `divisor`.
#[inline]
fn quotient(n: u64, divisor: u64, inverse: u64) -> u64 {
    // One too small at most, which the remainder shows.
    let estimate = ((u128::from(n) * u128::from(inverse)) >> 64) as u64;
    estimate + u64::from(n - estimate * divisor >= divisor)
}

/// `old + alpha (new - old)`, rounded to the nearest, halves up, so that equal scores stay fixed.
#[inline]
fn mix(old: u64, new: u64, alpha: Share) -> u64 {
    /// Of an alpha in whole parts per million, everything fits 64 bits, and which of the two is
    /// larger need not be known.
    const PARTS: u64 = 1_000_000;
    let (parts, beyond) = (alpha.ppb() / 1_000, alpha.ppb() % 1_000);
    if beyond == 0 {
        // Twice the parts, so that the half is whole; and so many that nothing is negative.
        let above = new.wrapping_sub(old).wrapping_mul(2 * u64::from(parts));
        let part = above.wrapping_add(PARTS + 2 * PARTS * FULL) / (2 * PARTS);
        return old.wrapping_add(part).wrapping_sub(FULL);
    }
    mix_finely(old, new, alpha)
}

/// [`mix`] for any alpha.
#[cold]
fn mix_finely(old: u64, new: u64, alpha: Share) -> u64 {
    let one = u128::from(Share::ONE.ppb());
    let sum = u128::from(old) * (one - u128::from(alpha.ppb()))
        + u128::from(new) * u128::from(alpha.ppb());
    u64::try_from(BY_ONE.divide(sum + one / 2)).expect("a mean of two numbers of 64 bits")
}

/// `base / FULL` to a power, as a fraction of `FULL`, rounded down at every step.
#[inline]
fn power(base: u64, exponent: u32) -> u64 {
    (1..exponent).fold(base, |product, _| by_full(u128::from(product) * u128::from(base)))
}

/// A product of two fractions of `FULL`, which has at most 80 bits, as a fraction of `FULL`,
/// rounded down.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "what is cut off is known to be zero")]
fn by_full(product: u128) -> u64 {
    const SHIFT: u32 = 17;
    const INVERSE: u64 = ((1_u128 << 103) / FULL as u128) as u64;
    // One too small at most, which the remainder shows.
    let top = (product >> SHIFT) as u64;
    let quotient = ((u128::from(top) * u128::from(INVERSE)) >> (103 - SHIFT)) as u64;
    let rest = (product as u64).wrapping_sub(quotient.wrapping_mul(FULL));
    quotient + u64::from(rest >= FULL)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::observed;
    use super::*;

    fn row(params: Params, scores: &[(u16, u32)]) -> Option<Vec<(u16, u16)>> {
        let mut rule = MovingAverage::new(params).unwrap();
        let mut out = vec![];
        rule.apply(Input::Opened { members: 5 }, &mut out).unwrap();
        for &(subject, score) in scores {
            rule.apply(observed(subject, score), &mut out).unwrap();
        }
        assert!(out.is_empty());
        rule.apply(Input::WeightsDue, &mut out).unwrap();
        out.pop().map(|Effect::SetWeights { row }| row.iter().map(|w| (w.0.0, w.1)).collect())
    }

    #[test]
    fn averages_move_by_alpha_and_the_largest_weight_is_full() {
        type Row = (Params, &'static [(u16, u32)], Option<&'static [(u16, u16)]>);
        let with = |alpha, floor, sharpness| Params {
            alpha: Share::percent(alpha),
            floor: Share::percent(floor),
            sharpness,
        };
        // (parameters, (uid, score), (uid, weight)); 1 - 0.1 * 0.5 = 0.95 and so on.
        let table: [Row; 8] = [
            (with(10, 0, 1), &[], None),
            (with(10, 0, 1), &[(1, 0)], None),
            (with(10, 0, 1), &[(1, 400_000)], Some(&[(1, 65_535)])),
            (with(10, 0, 1), &[(3, 500_000), (1, 1_000_000)], Some(&[(1, 65_535), (3, 32_768)])),
            // 0.9 * 1 + 0.1 * 0 = 0.9 of 65535 is 58981.5, which rounds up.
            (
                with(10, 0, 1),
                &[(1, 1_000_000), (2, 1_000_000), (2, 0)],
                Some(&[(1, 65_535), (2, 58_982)]),
            ),
            (with(100, 0, 1), &[(1, 1_000_000), (2, 1_000_000), (2, 0)], Some(&[(1, 65_535)])),
            (with(10, 60, 1), &[(1, 1_000_000), (2, 599_999)], Some(&[(1, 65_535)])),
            (with(10, 0, 3), &[(1, 1_000_000), (2, 500_000)], Some(&[(1, 65_535), (2, 8_192)])),
        ];
        for (params, scores, want) in table {
            assert_eq!(row(params, scores).as_deref(), want, "{params:?} {scores:?}");
        }
    }

    proptest! {
        /// Against the definition in one piece.
        #[test]
        fn a_mean_is_rounded_once(
            old in 0..=FULL, new in 0..=FULL,
            ppb in prop_oneof![1..=1_000_000_000_u32, (1..=1_000_000_u32).prop_map(|ppm| ppm * 1_000)],
        ) {
            let alpha = Share::from_ppb(ppb).unwrap();
            let (one, a) = (1_000_000_000_u128, u128::from(ppb));
            let sum = u128::from(old) * (one - a) + u128::from(new) * a;
            prop_assert_eq!(u128::from(mix(old, new, alpha)), (sum + one / 2) / one);
        }
    }

    proptest! {
        #[test]
        fn a_quotient_is_rounded_down(n in 0..1_u64 << 63, divisor in 1..=u64::MAX, s in 0_u32..63, t in 0_u32..64) {
            let (n, divisor) = (n >> s, (divisor >> t).max(1));
            prop_assert_eq!(quotient(n, divisor, u64::MAX / divisor), n / divisor);
        }

        #[test]
        fn a_product_is_rounded_down(a in 0..=FULL, b in 0..=FULL) {
            let product = u128::from(a) * u128::from(b);
            prop_assert_eq!(u128::from(by_full(product)), product / u128::from(FULL));
            let multiple = product - product % u128::from(FULL);
            prop_assert_eq!(u128::from(by_full(multiple)), multiple / u128::from(FULL));
        }

        /// Many observations at once are the same one by one.
        #[test]
        fn a_survey_is_its_observations(
            scores in proptest::collection::vec((0_u16..5, 0_u32..1_100_000), 0..40),
        ) {
            let mut rules = [(); 2].map(|()| MovingAverage::new(Params::default()).unwrap());
            for rule in &mut rules {
                rule.apply(Input::Opened { members: 5 }, &mut vec![]).unwrap();
            }
            for &(subject, score) in &scores {
                rules[0].apply(observed(subject, score), &mut vec![]).unwrap();
            }
            let scores = scores.iter().map(|&(uid, score)| (Uid(uid), score)).collect();
            rules[1].apply(Input::Surveyed { scores }, &mut vec![]).unwrap();
            prop_assert_eq!(&rules[0].averages, &rules[1].averages);
            let unknown = Input::Surveyed { scores: vec![(Uid(0), 1), (Uid(5), 1)] };
            prop_assert!(rules[1].apply(unknown, &mut vec![]).is_err());
            prop_assert_eq!(&rules[0].averages, &rules[1].averages);
        }
    }

    #[test]
    fn a_constant_score_is_a_fixed_point() {
        for score in [1_u32, 333_333, 999_999, 1_000_000] {
            let start = u64::from(score) * (FULL / 1_000_000);
            let alpha = Share::percent(37);
            assert_eq!((0..1_000).fold(start, |average, _| mix(average, start, alpha)), start);
        }
    }
}
