//! R12: what each uid is due.

use sim_types::fixed::I32F32;

use super::parts::Whole;

/// Who is due what, in shares.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claims<'a> {
    pub(super) incentive: &'a [I32F32],
    pub(super) dividends: &'a [I32F32],
    pub(super) active_stake: &'a [I32F32],
    pub(super) stake: &'a [I32F32],
}

/// Emission in the smallest unit, each truncated.
#[derive(Debug)]
pub(super) struct Dues<'a> {
    pub(super) combined: &'a mut Vec<u64>,
    pub(super) server: &'a mut Vec<u64>,
    pub(super) validator: &'a mut Vec<u64>,
}

/// Splits `total` by incentive and dividends. Where both are zero everywhere, validators
/// share all of it by active stake, and if there is none of that, by stake.
pub(super) fn split(claims: &Claims<'_>, total: u64, dues: &mut Dues<'_>) {
    let due = |share: I32F32| amount(share, total);
    for dues in [&mut *dues.combined, dues.server, dues.validator] {
        dues.clear();
    }
    let both = || claims.incentive.iter().zip(claims.dividends);
    let combined = || both().map(|(&i, &d)| i.saturating_add(d));
    let sum: I32F32 = combined().sum();
    if sum == I32F32::ZERO {
        let active = claims.active_stake.iter().any(|&stake| stake > I32F32::ZERO);
        let stake = if active { claims.active_stake } else { claims.stake };
        dues.validator.extend(stake.iter().map(|&stake| due(stake)));
        dues.combined.extend_from_slice(dues.validator);
        dues.server.resize(stake.len(), 0);
        return;
    }
    let whole = Whole::new(sum);
    dues.server.extend(claims.incentive.iter().map(|&x| due(whole.share(x))));
    dues.validator.extend(claims.dividends.iter().map(|&x| due(whole.share(x))));
    dues.combined.extend(combined().map(|x| due(whole.share(x))));
}

/// The share of a total, truncated. Shares are between zero and one.
#[expect(clippy::cast_possible_truncation, reason = "a share of a number of 64 bits")]
fn amount(share: I32F32, total: u64) -> u64 {
    ((u128::from(share.to_bits().unsigned_abs()) * u128::from(total)) >> I32F32::FRAC_BITS) as u64
}
