//! Dividends on their way to parents, validators and nominators.

use mechanisms::yuma::childkeys::{self, Family, Parent, Stake};
use mechanisms::yuma::dividends::{self, Pending, Shares, Validator};
use sim_types::fixed::I96F32;

use super::epochs::Subnet;
use crate::validate::evaluator::{Quantities, Stop};
use crate::validate::inputs::Inputs;

/// A proportion of one as the chain stores it in 64 bits.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "casts of floats saturate, and a proportion of one becomes all of u64"
)]
fn stored(x: f64) -> u64 {
    (x * u64::MAX as f64) as u64
}

fn proportion(inputs: &Inputs<'_>, name: &str) -> Result<Option<u64>, Stop> {
    match inputs.optional::<f64>(name)? {
        Some(x) if (0.0..=1.0).contains(&x) => Ok(Some(stored(x))),
        // What is more than one is meant as stored.
        Some(_) => inputs.optional(name),
        None => Ok(None),
    }
}

fn fixed(x: f64) -> I96F32 {
    I96F32::saturating_from_f64(x).unwrap_or_default()
}

/// One parent and one child, of different owners.
struct Pair {
    parent: Stake,
    child: Stake,
    proportion: u64,
    tao_weight: I96F32,
    take: I96F32,
    burn: I96F32,
}

impl Pair {
    /// What each gains when `pending` is distributed after an epoch without weights: by stake.
    fn gains(&self, pending: u64) -> Result<[u64; 2], Stop> {
        let lent = [self.proportion];
        let parent = Family { stake: self.parent, to_children: &lent, parents: &[] };
        let from = Parent { stake: self.parent, proportion: self.proportion, same_owner: false };
        let child = Family { stake: self.child, to_children: &[], parents: &[from] };

        let weights = [&parent, &child].map(|f| f.stake_weight(self.tao_weight).to_u64());
        let mut subnet = Subnet::new(weights.to_vec());
        subnet.emission = pending;
        let earned = subnet.step()?.validator_emission;
        let parted = child.distribute(earned[1], self.tao_weight, self.take, self.burn);
        let validators = [
            Validator { stake: self.parent, dividends: earned[0] + parted.to_parents[0] },
            Validator { stake: self.child, dividends: parted.own },
        ];
        let pending = Pending { alpha: pending, root: 0 };
        let shares = dividends::share(pending, self.tao_weight, &validators);
        Ok([0, 1].map(|i| shares[i].alpha.to_u64()))
    }
}

/// Either `parent_stake` in alpha and a child without stake, or `alice` and her child `bob`.
pub(super) fn childkey(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let take = childkeys::take(inputs.optional("childkey_take_u16")?.unwrap_or(0));
    let burn = childkeys::proportion(proportion(inputs, "ck_burn")?.unwrap_or(0));
    let tao_weight = fixed(inputs.optional("tao_weight")?.unwrap_or(0.18));
    let pair = |parent, child, proportion: Option<u64>| Pair {
        parent,
        child,
        proportion: proportion.unwrap_or(u64::MAX),
        tao_weight,
        take,
        burn,
    };
    if inputs.get("alice").is_some() {
        let stake = |name: &str| -> Result<Stake, Stop> {
            let of = Inputs { value: inputs.need(name)?, ..*inputs };
            Ok(Stake {
                alpha: of.optional("alpha")?.unwrap_or(0),
                root: of.optional("root")?.unwrap_or(0),
            })
        };
        let lent = proportion(inputs, "proportion_alice_to_bob")?;
        let [alice, bob] =
            pair(stake("alice")?, stake("bob")?, lent).gains(inputs.read("alpha")?)?;
        return Ok(Quantities::one("alice_dividends", alice).and("bob_dividends", bob));
    }
    let of = |name: &str| -> Result<Stake, Stop> {
        Ok(Stake { alpha: inputs.optional(name)?.unwrap_or(0), root: 0 })
    };
    inputs.need("parent_stake")?;
    let lent = proportion(inputs, "proportion")?;
    let pair = pair(of("parent_stake")?, of("child_stake")?, lent);
    let [parent, child] = pair.gains(inputs.read("validator_alpha")?)?;
    Ok(Quantities::one("parent_gain", parent).and("child_gain", child))
}

/// `stake` lists alpha and root stake of each validator.
pub(super) fn dividend_distribution(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let stakes: Vec<(u64, u64)> = inputs.read("stake")?;
    let dividends: Vec<u64> = inputs.read("dividends")?;
    super::vectors::same_length(stakes.len(), dividends.len(), "`stake` and `dividends`")?;
    let validators: Vec<_> = stakes
        .into_iter()
        .zip(dividends)
        .map(|((alpha, root), dividends)| Validator { stake: Stake { alpha, root }, dividends })
        .collect();
    let pending = Pending {
        alpha: inputs.read("pending_validator_alpha")?,
        root: inputs.read("pending_root_alpha")?,
    };
    let shares = dividends::share(pending, fixed(inputs.read("tao_weight")?), &validators);
    let sum = |of: fn(&Shares) -> I96F32| shares.iter().map(of).sum::<I96F32>().to_u64();
    let each =
        |of: fn(&Shares) -> I96F32| shares.iter().map(|s| of(s).to_u64()).collect::<Vec<_>>();
    Ok(Quantities::one("sum_alpha", sum(|s| s.alpha))
        .and("sum_root", sum(|s| s.root))
        .and("alpha", each(|s| s.alpha))
        .and("root", each(|s| s.root)))
}
