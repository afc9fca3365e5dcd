//! R10, R11, R13: validators hold bonds in servers, and are paid as these are.
//!
//! | form | bonds of a validator in a server | dividends |
//! |---|---|---|
//! | classic | a share of the server: new bonds (stake times weight) and old ones are each normalised by server, averaged, normalised again | bonds times incentive |
//! | Yuma3 | a number of its own between zero and one, that stake does not touch: the average of weight and old bond | bonds normalised by server, times incentive, times stake |
//!
//! The average moves by one alpha for all, or by liquid ones: see [`liquid`] and
//! [`liquid_server`](super::liquid_server).

use sim_types::fixed::{I32F32, I64F64};
use sim_types::seeded;

use super::align::Aligned;
use super::by_rows::{ByRows, Kept};
use super::columns::Columns;
use super::consensus::Consensus;
use super::inputs::Rows;
use super::interpolate::interpolate;
use super::liquid::{self, LiquidAlpha};
use super::normalise::normalise;
use super::parts::{Whole, plus, stored, times};

/// Weight of the new observation in the moving average: 1 − `moving_average` / 10^6, for up to
/// 10^6.
#[must_use]
pub fn ema_alpha(moving_average: u64) -> I32F32 {
    let kept = I64F64::from(moving_average).safe_div(I64F64::from(1_000_000));
    I32F32::ONE.saturating_sub(I32F32::from(kept))
}

/// Bonds reset: removes all stored bonds in a server, as the chain does where the owner allows
/// it and a miner publishes new metadata (`do_reset_bonds`).
pub fn reset(stored: &mut Rows, server: u16) {
    for row in stored {
        row.retain(|cell| cell.0 != server);
    }
}

/// What the bonds of an epoch follow from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Basis<'a> {
    pub(super) weights: &'a Columns,
    pub(super) consensus: &'a Consensus,
    /// R9: how far weights for bonds go from raw to clipped.
    pub(super) penalty: I32F32,
    /// Bonds stored by the last epoch, as the form reads them.
    pub(super) stored: &'a Columns,
    pub(super) stake: &'a [I32F32],
    pub(super) incentive: &'a [I32F32],
}

/// Liquid alpha of the second form, and how it treats a bond whose validator no longer lists
/// the server: on the chain the bond is dropped at once; in the dense form it decays.
#[derive(Debug, Clone, Copy)]
pub(super) struct Liquid {
    pub(super) alpha: LiquidAlpha,
    pub(super) decays_unlisted: bool,
}

/// Memory to compute bonds, of one column at a time.
#[derive(Debug, Clone, Default)]
pub(super) struct Bonds {
    listed: Vec<u16>,
    held: Vec<u16>,
    new: Vec<I32F32>,
    aligned: Aligned,
    averages: Vec<I32F32>,
    stored: Vec<u16>,
    by_rows: ByRows,
}

impl Bonds {
    /// R10 and R11 of the classic form. `stored` holds the masked bonds as plain numbers;
    /// `alpha` is asked for each server. Writes the dividends, normalised; bonds are stored
    /// upscaled so that the largest toward each server is 65,535.
    pub(super) fn classic(
        &mut self,
        basis: &Basis<'_>,
        alpha: impl Fn(usize) -> I32F32,
        dividends: &mut Vec<I32F32>,
        mut kept: Kept<'_>,
    ) {
        dividends.clear();
        dividends.resize(basis.stake.len(), I32F32::ZERO);
        let owed = &mut dividends[..];
        let stake = &basis.stake[..owed.len()];
        for (at, column) in (0..basis.weights.len()).zip(0_u16..) {
            let (rows, weights) = basis.weights.column(at);
            let (old_rows, old) = basis.stored.column(at);
            if rows.is_empty() && old_rows.is_empty() {
                continue;
            }
            let agreed = basis.consensus.weights[at];
            self.new.clear();
            let cells =
                weights.iter().zip(rows).map(|(&weight, &row)| (weight, stake[usize::from(row)]));
            for_bonds(agreed, basis.penalty, cells, times, &mut self.new);
            let new_whole = Whole::new(self.new.iter().copied().fold(I32F32::ZERO, plus));
            let old_whole = Whole::new(sum_of_numbers(old));

            let alpha = alpha(at);
            let remains = I32F32::ONE.saturating_sub(alpha);
            let (rows, new, old) = self.aligned.union((rows, &self.new), (old_rows, old));
            self.averages.resize(rows.len(), I32F32::ZERO);
            let (mut sum, mut max, mut min) = (I32F32::ZERO, I32F32::ZERO, I32F32::MAX);
            for (average, (&new, &old)) in self.averages.iter_mut().zip(new.iter().zip(old)) {
                let (new, old) = (new_whole.share(new), old_whole.share(old));
                let (new, old) = seeded!(BondsSwapped, (old, new), (new, old));
                *average = plus(times(alpha, new), times(remains, old));
                sum = plus(sum, *average);
                max = max.max(*average);
                min = min.min(*average);
            }

            if max == I32F32::ZERO {
                continue;
            }
            let whole = Whole::new(sum);
            let upscale = Whole::new(whole.share(max));
            let incentive = basis.incentive[at];
            self.stored.resize(rows.len(), 0);
            let averages = rows.iter().zip(&self.averages);
            for (kept, (&row, &average)) in self.stored.iter_mut().zip(averages) {
                let bond = whole.share(average);
                let due = &mut owed[usize::from(row)];
                *due = plus(*due, times(incentive, bond));
                *kept = stored(upscale.share(bond));
            }
            // What truncates to nothing here was listed before it was normalised.
            if min > I32F32::ZERO {
                self.by_rows.push(column, rows, &self.stored, &mut kept);
            } else {
                let held = |at: &usize| self.averages[*at] > I32F32::ZERO;
                self.held.clear();
                self.held.extend((0..rows.len()).filter(held).map(|at| rows[at]));
                let mut averages = self.averages.iter();
                self.stored.retain(|_| averages.next().is_some_and(|&held| held > I32F32::ZERO));
                self.by_rows.push(column, &self.held, &self.stored, &mut kept);
            }
        }
        self.by_rows.write(&mut kept);
        normalise(dividends);
    }

    /// R10 and R11 of Yuma3. `stored` holds the masked bonds as proportions, as which they are
    /// stored again. Writes the dividends, normalised.
    pub(super) fn yuma3(
        &mut self,
        basis: &Basis<'_>,
        alpha: I32F32,
        liquid: Option<Liquid>,
        dividends: &mut Vec<I32F32>,
        mut kept: Kept<'_>,
    ) {
        dividends.clear();
        dividends.resize(basis.stake.len(), I32F32::ZERO);
        let remains = I32F32::ONE.saturating_sub(alpha);
        let liquid = liquid.map(|liquid| (liquid.alpha.prepare(), liquid.decays_unlisted));
        for (at, column) in (0..basis.weights.len()).zip(0_u16..) {
            let (rows, weights) = basis.weights.column(at);
            let held = basis.stored.column(at);
            let agreed = basis.consensus.weights[at];
            self.averages.clear();
            let cells = weights.iter().map(|&weight| (weight, ()));
            for_bonds(agreed, basis.penalty, cells, |weight, ()| weight, &mut self.averages);
            self.listed.clear();
            self.new.clear();
            for (&row, (&weight, &new)) in rows.iter().zip(weights.iter().zip(&self.averages)) {
                if new > I32F32::ZERO || lists_zero(weight, basis.penalty) {
                    self.listed.push(row);
                    self.new.push(new);
                }
            }
            let new = (&self.listed[..], &self.new[..]);
            let (rows, new, old) = match liquid {
                Some((_, false)) => self.aligned.first(new, held),
                _ => self.aligned.union(new, held),
            };
            self.averages.clear();
            let cells = new.iter().zip(old);
            if let Some((alpha, _)) = &liquid {
                self.averages.extend(
                    cells.map(|(&new, &old)| {
                        liquid::ema_with(alpha.alpha(agreed, new, old), old, new)
                    }),
                );
            } else {
                let moved = |(&new, &old)| plus(times(alpha, new), times(remains, old));
                self.averages.extend(cells.map(moved));
            }
            let whole = Whole::new(self.averages.iter().copied().fold(I32F32::ZERO, plus));
            let incentive = basis.incentive[at];
            self.held.clear();
            self.stored.clear();
            for (&row, &bond) in rows.iter().zip(&self.averages) {
                if bond > I32F32::ZERO {
                    let dividend = &mut dividends[usize::from(row)];
                    *dividend = plus(*dividend, times(incentive, whole.share(bond)));
                    self.held.push(row);
                    self.stored.push(stored(bond));
                }
            }
            self.by_rows.push(column, &self.held, &self.stored, &mut kept);
        }
        self.by_rows.write(&mut kept);
        for (dividend, &stake) in dividends.iter_mut().zip(basis.stake) {
            *dividend = times(*dividend, stake);
        }
        normalise(dividends);
    }
}

/// The sum of stored numbers, each below 2^16, as the chain adds them up: where I32F32 ends it
/// stays.
fn sum_of_numbers(numbers: &[I32F32]) -> I32F32 {
    let add = |sum: u64, number: &I32F32| {
        sum.wrapping_add(number.to_bits().cast_unsigned() >> I32F32::FRAC_BITS)
    };
    I32F32::saturating_from_int(numbers.iter().fold(0, add).into())
}

/// R9: the weights that count for bonds, between the raw ones and those cut to consensus; each
/// as `then` makes something of it.
fn for_bonds<T>(
    agreed: I32F32,
    penalty: I32F32,
    cells: impl Iterator<Item = (I32F32, T)>,
    then: impl Fn(I32F32, T) -> I32F32,
    out: &mut Vec<I32F32>,
) {
    // The ends are exact by the formula between them too, but not worth its price.
    if penalty == I32F32::ONE {
        out.extend(cells.map(|(weight, with)| then(weight.min(agreed), with)));
    } else if penalty == I32F32::ZERO {
        out.extend(cells.map(|(weight, with)| then(weight, with)));
    } else {
        let between = |weight: I32F32| interpolate(weight, weight.min(agreed), penalty);
        out.extend(cells.map(|(weight, with)| then(between(weight), with)));
    }
}

/// Whether a weight that is zero for bonds stays listed: one published as zero does, unless
/// the penalty lies between its ends, where only positive weights are listed; one cut to zero
/// does not.
fn lists_zero(weight: I32F32, penalty: I32F32) -> bool {
    weight == I32F32::ZERO && (penalty == I32F32::ZERO || penalty == I32F32::ONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alpha_of_the_default_moving_average() {
        // 0.9 in I64F64 floored to 32 bits, from one: the nearest value above 0.1.
        assert_eq!(ema_alpha(900_000), I32F32::from_bits(429_496_730));
        assert_eq!(ema_alpha(0), I32F32::ONE);
        assert_eq!(ema_alpha(1_000_000), I32F32::ZERO);
        assert_eq!(ema_alpha(u64::MAX).to_u16(), 0);
    }
}
