//! Peers rank each other by the information they bring, and are paid where a majority trusts
//! them: the rule of Bittensor's whitepaper, before Yuma.
//!
//! | rule | |
//! |---|---|
//! | R1 | a peer's weights are its Fisher scores of others ([`fisher_scores`]), normalised; none on itself |
//! | R2 | rank: the sum of weights toward a peer, times the stakes behind them |
//! | R3 | trust: the logistic function, of steepness `temperature` about one half, of the share of stake that has any weight on the peer |
//! | R4 | incentive: rank times trust, normalised |
//! | R5 | bonds of a peer in another grow by stake times weight in every period and are never lost |
//! | R6 | at the close half of what accrued is paid by incentive, half to the holders of bonds in proportion to them and to the incentive of those they are held in; units left go to the largest remainders, then the lower uid |
//! | R7 | if nobody is trusted with any rank, all is withheld |
//! | R8 | a newcomer's place loses its weights and bonds, and those toward it |
//!
//! The scores themselves come from training, which the peers do: what is published counts. It
//! does not: limit who may weigh, or how often, or decay bonds. A period that accrued 2^64
//! units or more withholds the excess.
//!
//! Source: Rao, Steeves, Shaabana, Attevelt, `McAteer`, "`BitTensor`: A Peer-to-Peer Intelligence
//! Market", arXiv:2003.03917 (ranking, trust, incentive, bonds); scores after Theis, Korshunova,
//! Tejani, Huszár, "Faster gaze prediction with dense networks and Fisher pruning",
//! arXiv:1801.05787, section 2.1.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::fixed::I32F32;
use sim_types::{
    Amount, EpochIndex, Fact, Fidelity, Height, ParamError, PayoutReason, Rejected, StateMachine,
    Uid,
};

use super::{Effect, Input, MemberFigures, RewardSpec, split};
use crate::yuma::sigmoid::sigmoid_safe;

/// What a scenario may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Blocks in one period; at least 1. Default 360: 72 minutes of 12 s blocks, Bittensor's
    /// later tempo, so that designs compare at equal periods.
    pub epoch_blocks: u64,
    /// Steepness of trust; 0 to 40. Default 10, as in the whitepaper.
    pub temperature: u8,
}

impl Default for Params {
    fn default() -> Self {
        Self { epoch_blocks: 360, temperature: 10 }
    }
}

/// One, in the fixed point of shares.
const ONE: u128 = 1 << I32F32::FRAC_BITS;

/// The rule and its whole state. Vectors are by uid, empty before the subnet opens; shares have
/// 32 fraction bits.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FisherRank {
    params: Params,
    stakes: Vec<u64>,
    /// Uid and share, uids ascending.
    weights: Vec<Vec<(u16, u64)>>,
    bonds: Vec<Vec<(u16, u64)>>,
    accrued: Amount,
    epoch: EpochIndex,
    last_block: Height,
    closes_at: Height,
}

impl crate::Rule for FisherRank {
    const NAME: &'static str = "fisher_rank";
    const SUMMARY: &'static str =
        "Peers rank each other by Fisher information and are paid where a majority trusts them.";
    const SOURCE: &'static str =
        "Rao et al., BitTensor: A Peer-to-Peer Intelligence Market, arXiv:2003.03917";

    fn example() -> Params {
        Params::default()
    }

    fn facts(params: &Params) -> Vec<Fact> {
        let usual = Params::default();
        let fact = |name: &str, value: u64, usual: u64, source: &'static str| {
            let (class, source) = if value == usual {
                (Fidelity::Published, source)
            } else {
                (Fidelity::Assumed, "chosen by the scenario")
            };
            Fact::new(format!("reward.fisher_rank.{name}"), value.to_string(), class, source)
        };
        vec![
            fact(
                "epoch_blocks",
                params.epoch_blocks,
                usual.epoch_blocks,
                "Bittensor's tempo: opentensor/subtensor runtime/src/lib.rs @14bc6f9f",
            ),
            fact(
                "temperature",
                params.temperature.into(),
                usual.temperature.into(),
                "arXiv:2003.03917, the competing graphs under inflation",
            ),
        ]
    }
}

impl StateMachine for FisherRank {
    type Params = Params;
    type Input = Input;
    type Effect = Effect;

    fn new(params: Params) -> Result<Self, ParamError> {
        check(params)?;
        Ok(Self {
            params,
            stakes: Vec::new(),
            weights: Vec::new(),
            bonds: Vec::new(),
            accrued: Amount::ZERO,
            epoch: EpochIndex(0),
            last_block: Height(0),
            closes_at: Height(0),
        })
    }

    fn apply(&mut self, input: Input, out: &mut Vec<Effect>) -> Result<(), Rejected> {
        match input {
            Input::Opened { stakes, .. } => {
                super::may_open(self.stakes.len(), stakes.len())?;
                self.weights = vec![Vec::new(); stakes.len()];
                self.bonds = vec![Vec::new(); stakes.len()];
                self.stakes = stakes;
                self.begin(out);
            }
            Input::Reconfigured { spec } => {
                let RewardSpec::FisherRank(params) = *spec else {
                    return Err(Rejected::NotPermitted("parameters of another rule"));
                };
                check(params).map_err(|_| Rejected::NotPermitted("parameters out of domain"))?;
                self.params = params;
            }
            Input::StakeChanged { uid, stake } => {
                let index = super::member(uid, self.stakes.len())?;
                self.stakes[index] = stake;
            }
            // R8
            Input::Registered { uid, stake, .. } => {
                let index = super::member(uid, self.stakes.len())?;
                self.stakes[index] = stake;
                for rows in [&mut self.weights, &mut self.bonds] {
                    rows[index].clear();
                    for row in rows.iter_mut() {
                        row.retain(|cell| cell.0 != uid.0);
                    }
                }
            }
            // R1
            Input::WeightsSet { by, row, .. } => {
                let index = super::member(by, self.stakes.len())?;
                if let Some(pair) = row.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
                    return Err(Rejected::UidOrder(pair[1].0.0));
                }
                if let Some(&(uid, _)) = row.last() {
                    super::member(uid, self.stakes.len())?;
                }
                let others = || row.iter().filter(|&&(uid, weight)| uid != by && weight > 0);
                let sum: u64 = others().map(|cell| u64::from(cell.1)).sum();
                let share = |weight: u16| (u64::from(weight) << I32F32::FRAC_BITS) / sum.max(1);
                self.weights[index] = others().map(|&(uid, w)| (uid.0, share(w))).collect();
            }
            // Observations reach this rule as weights.
            Input::MetadataPublished { uid: subject } | Input::Observed { subject, .. } => {
                super::member(subject, self.stakes.len())?;
            }
            Input::BlockProduced { height, emission } => {
                super::may_follow(height, self.last_block, self.stakes.len())?;
                self.last_block = height;
                self.accrued += emission;
                if height >= self.closes_at {
                    self.close(out);
                    self.begin(out);
                }
            }
        }
        Ok(())
    }
}

fn check(params: Params) -> Result<(), ParamError> {
    ParamError::unless(params.epoch_blocks > 0, "epoch_blocks", 0, "at least 1")?;
    ParamError::unless(params.temperature <= 40, "temperature", params.temperature, "0 to 40")
}

/// Of `part` the share in `whole`, truncated; zero if the whole is.
fn share(part: u128, whole: u128) -> u128 {
    (part * ONE).checked_div(whole).unwrap_or(0)
}

fn sum(values: &[u128]) -> u128 {
    values.iter().sum()
}

/// What a close finds, shares by uid.
struct Standing {
    trust: Vec<u128>,
    incentive: Vec<u128>,
}

impl FisherRank {
    fn begin(&mut self, out: &mut Vec<Effect>) {
        self.closes_at = Height(self.last_block.0.saturating_add(self.params.epoch_blocks));
        out.push(Effect::EpochOpened { epoch: self.epoch, closes_at: self.closes_at });
    }

    /// Stakes as shares of all stake.
    fn stake_shares(&self) -> Vec<u128> {
        let all: u128 = self.stakes.iter().map(|&stake| u128::from(stake)).sum();
        self.stakes.iter().map(|&stake| share(stake.into(), all)).collect()
    }

    /// R2 to R4.
    fn standing(&self, stakes: &[u128]) -> Standing {
        let n = self.stakes.len();
        let (mut ranks, mut connected) = (vec![0_u128; n], vec![0_u128; n]);
        for (row, stake) in self.weights.iter().zip(stakes) {
            for &(uid, weight) in row {
                ranks[usize::from(uid)] += stake * u128::from(weight);
                connected[usize::from(uid)] += stake;
            }
        }
        let all = sum(&ranks) / ONE;
        let temperature = I32F32::from_u16(self.params.temperature.into());
        let half = I32F32::from_bits(1 << 31);
        let trust: Vec<u128> = connected
            .iter()
            .map(|&stake| {
                let stake = I32F32::from_bits(i64::try_from(stake).unwrap_or(i64::MAX));
                sigmoid_safe(stake, temperature, half).to_bits().unsigned_abs().into()
            })
            .collect();
        let incentive: Vec<u128> =
            ranks.iter().zip(&trust).map(|(rank, trust)| share(rank / ONE, all) * trust).collect();
        let all = sum(&incentive) / ONE;
        let incentive = incentive.iter().map(|earned| share(earned / ONE, all)).collect();
        Standing { trust, incentive }
    }

    /// R5.
    fn grow_bonds(&mut self, stakes: &[u128]) {
        for ((bonds, weights), stake) in self.bonds.iter_mut().zip(&self.weights).zip(stakes) {
            for &(uid, weight) in weights {
                let new = u64::try_from(stake * u128::from(weight) / ONE).unwrap_or(u64::MAX);
                match bonds.binary_search_by_key(&uid, |bond| bond.0) {
                    Ok(at) => bonds[at].1 = bonds[at].1.saturating_add(new),
                    Err(at) => bonds.insert(at, (uid, new)),
                }
            }
        }
    }

    /// R6, first part: what each holder of bonds has of the incentive of others.
    fn dividends(&self, incentive: &[u128]) -> Vec<u128> {
        let mut held = vec![0_u128; incentive.len()];
        for &(uid, bond) in self.bonds.iter().flatten() {
            held[usize::from(uid)] += u128::from(bond);
        }
        let of = |&(uid, bond): &(u16, u64)| {
            let uid = usize::from(uid);
            share(bond.into(), held[uid]) * incentive[uid] / ONE
        };
        self.bonds.iter().map(|row| row.iter().map(of).sum()).collect()
    }

    /// R6 and R7.
    fn close(&mut self, out: &mut Vec<Effect>) {
        let stakes = self.stake_shares();
        self.grow_bonds(&stakes);
        let Standing { trust, incentive } = self.standing(&stakes);
        let dividends = self.dividends(&incentive);
        let (payable, mut withheld) = split::payable(core::mem::take(&mut self.accrued));
        let n = self.stakes.len();
        let mut emission = vec![Amount::ZERO; n];
        let to_holders = payable / 2;
        for (amount, weights, reason) in [
            (payable - to_holders, &incentive, PayoutReason::Incentive),
            (to_holders, &dividends, PayoutReason::Dividend),
        ] {
            let Some(paid) = split::by_weights(amount, weights) else {
                withheld += Amount(amount.into());
                continue;
            };
            for ((uid, paid), emission) in (0..).zip(paid).zip(&mut emission) {
                if paid > Amount::ZERO {
                    out.push(Effect::Pay { to: Uid(uid), amount: paid, reason });
                }
                *emission += paid;
            }
        }
        if withheld > Amount::ZERO {
            out.push(Effect::Withhold { amount: withheld });
        }
        let members = (0..n).map(|uid| MemberFigures {
            stake: self.stakes[uid],
            consensus: split::of_u16(trust[uid], ONE),
            incentive: split::of_u16(incentive[uid], ONE),
            dividends: split::of_u16(dividends[uid], ONE),
            emission: emission[uid],
            ..MemberFigures::default()
        });
        let members = members.collect();
        out.push(Effect::EpochClosed { epoch: self.epoch, height: self.last_block, members });
        self.epoch.0 += 1;
    }
}

/// What each peer's answers were worth to a model: by how much its loss would rise, to second
/// order, if the peer were cut off. For every sample and peer, `effects` holds the derivative
/// of the loss by a gate on the peer's answer, the scalar product of the answer and the loss's
/// gradient in it; the score is half the mean of its squares, the diagonal of the Fisher
/// information. Peers are those of the first sample.
#[must_use]
pub fn fisher_scores(effects: &[Vec<f64>]) -> Vec<f64> {
    let peers = effects.first().map_or(0, Vec::len);
    #[expect(clippy::cast_precision_loss, reason = "a number of samples")]
    let samples = effects.len() as f64;
    let squares =
        |peer: usize| effects.iter().filter_map(|row| row.get(peer)).map(|g| g * g).sum::<f64>();
    (0..peers).map(|peer| squares(peer) / (2.0 * samples)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(params: Params, stakes: &[u64]) -> FisherRank {
        let mut rule = FisherRank::new(params).unwrap();
        let opened = Input::Opened { subnet: 0, stakes: stakes.to_vec() };
        rule.apply(opened, &mut vec![]).unwrap();
        rule
    }

    fn set(rule: &mut FisherRank, by: u16, row: &[(u16, u16)]) -> Result<(), Rejected> {
        let row = row.iter().map(|&(uid, weight)| (Uid(uid), weight)).collect();
        rule.apply(
            Input::WeightsSet { by: Uid(by), mechanism: 0, height: Height(1), row },
            &mut vec![],
        )
    }

    /// Two graphs that only weigh themselves, one with 51% of stake: what the smaller has after
    /// each step of inflation by a tenth, as printed in the whitepaper.
    #[test]
    fn the_smaller_of_two_graphs_decays_as_published() {
        const PRINTED: [f64; 5] = [
            0.487_732_338_882_020_1,
            0.484_953_578_433_124_7,
            0.481_551_153_509_422_1,
            0.477_389_901_500_398,
            0.472_309_348_684_309_4,
        ];
        const UNIT: f64 = 1e15;
        let (mut larger, mut smaller) = (0.51, 0.49);
        for printed in PRINTED {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "stakes")]
            let units = |stake: f64| (stake * UNIT) as u64;
            // Each graph's stake weighs a place of its own.
            let mut rule = rule(Params::default(), &[units(larger), units(smaller), 0, 0]);
            set(&mut rule, 0, &[(2, 1)]).unwrap();
            set(&mut rule, 1, &[(3, 1)]).unwrap();
            let Standing { incentive, .. } = rule.standing(&rule.stake_shares());
            #[expect(clippy::cast_precision_loss, reason = "a share")]
            let of = |uid: usize| incentive[uid] as f64 / ONE as f64;
            let minted = 0.1 * (larger + smaller);
            (larger, smaller) = (larger + minted * of(2), smaller + minted * of(3));
            let part = smaller / (larger + smaller);
            assert!((part - printed).abs() < 1e-6, "{part} {printed}");
        }
    }

    #[test]
    fn half_is_paid_by_incentive_and_half_by_bonds() {
        let params = Params { epoch_blocks: 1, ..Params::default() };
        let mut rule = rule(params, &[60, 40, 0, 0]);
        set(&mut rule, 0, &[(0, 9), (2, 1), (3, 1)]).unwrap();
        set(&mut rule, 1, &[(2, 1)]).unwrap();
        let mut out = vec![];
        let block = Input::BlockProduced { height: Height(1), emission: Amount(2_001) };
        rule.apply(block, &mut out).unwrap();
        let paid = |uid, reason| {
            let to = |e: &Effect| match e {
                Effect::Pay { to: Uid(to), amount, reason: why }
                    if (*to, *why) == (uid, reason) =>
                {
                    Some(amount.0)
                }
                _ => None,
            };
            out.iter().find_map(to).unwrap_or(0)
        };
        // Ranks 0.7 and 0.3; all stake trusts uid 2, 60% of it uid 3.
        let (t2, t3) =
            (1.0 / (1.0 + sim_types::math::exp(-5.0)), 1.0 / (1.0 + sim_types::math::exp(-1.0)));
        let i3 = 0.3 * t3 / (0.3 * t3 + 0.7 * t2);
        // Of uid 2's bonds 3/7 are uid 0's, of uid 3's all.
        let d0 = (1.0 - i3) * 3.0 / 7.0 + i3;
        for (uid, reason, want) in [
            (2, PayoutReason::Incentive, 1_001.0 * (1.0 - i3)),
            (3, PayoutReason::Incentive, 1_001.0 * i3),
            (0, PayoutReason::Dividend, 1_000.0 * d0),
            (1, PayoutReason::Dividend, 1_000.0 * (1.0 - d0)),
        ] {
            #[expect(clippy::cast_precision_loss, reason = "small amounts")]
            let paid = paid(uid, reason) as f64;
            assert!((paid - want).abs() <= 1.0, "{uid} {paid} {want}");
        }
        let newcomer = Input::Registered { uid: Uid(2), height: Height(2), stake: 0 };
        rule.apply(newcomer, &mut vec![]).unwrap();
        assert_eq!((rule.weights[1].len(), rule.bonds[0].len()), (0, 1));
        assert_eq!(set(&mut rule, 0, &[(3, 1), (2, 1)]), Err(Rejected::UidOrder(2)));
        assert!(set(&mut rule, 0, &[(4, 1)]).is_err() && set(&mut rule, 4, &[]).is_err());
        for (params, field) in [
            (Params { epoch_blocks: 0, ..params }, "epoch_blocks"),
            (Params { temperature: 41, ..params }, "temperature"),
        ] {
            assert_eq!(FisherRank::new(params).unwrap_err().field, field);
        }
    }

    /// For a quadratic loss `(y - sum of gates times answers)^2 / 2` about its optimum, with unit
    /// noise, the score is half the mean square of the answers: what the loss gains if one goes.
    #[test]
    fn scores_are_half_the_mean_square() {
        assert_eq!(fisher_scores(&[]), Vec::<f64>::new());
        let scores = fisher_scores(&[vec![1.0, -2.0, 0.0], vec![3.0, 0.0, 0.0]]);
        for (got, want) in scores.iter().zip([2.5, 1.0, 0.0]) {
            assert!((got - want).abs() < 1e-12);
        }
    }
}
