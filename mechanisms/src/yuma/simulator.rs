//! The Yuma of the simulator that its variants were compared with, a dialect of its own.
//!
//! After bactensor/yuma-simulation @ 2b976fd5c850ccb4488fb20b3fa6937e80ac9145,
//! `src/yuma_simulation/_internal/yumas.py`: single precision, one tensor of validators by
//! servers. It differs from the chain in this:
//!
//! - consensus is scaled to sum to one and truncated to u16 before anything is cut to it;
//! - 10^-6 is added to most sums before something is divided by them;
//! - in the first epoch bonds do not move by liquid alphas, for want of an earlier consensus;
//! - `bond_moving_average` 0.1 keeps a tenth of the old bond, not nine tenths.
//!
//! Its numbers are its own: they say how variants compare, not what the chain pays.

use sim_types::math;

/// Added to a sum before dividing by it.
const EPSILON: f32 = 1e-6;

/// The variants, by their names there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// Bonds are those of the epoch alone.
    Yuma1,
    /// Bonds by moving average: the chain's classic form.
    Yuma2,
    /// Weights of the epoch before, cut to the consensus of this one.
    Yuma2B,
    /// Bonds are bought with a capacity in proportion to stake, and decay.
    Yuma2C,
    /// Bonds of each pair on a scale of their own.
    Yuma3,
}

/// What a run is parametrised by. Names are those of the simulator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameters {
    /// Which form of bonds.
    pub variant: Variant,
    /// Majority of stake.
    pub kappa: f32,
    /// How far weights for bonds are cut to consensus.
    pub bond_penalty: f32,
    /// Part of the old bond that is kept.
    pub bond_moving_average: f32,
    /// Whether bonds move by liquid alphas, for all variants but 2C.
    pub liquid_alpha: bool,
    /// Least liquid alpha.
    pub alpha_low: f32,
    /// Greatest liquid alpha.
    pub alpha_high: f32,
    /// Steepness of the sigmoid.
    pub alpha_sigmoid_steepness: f32,
    /// 2C: part of its capacity that a validator may buy for in an epoch.
    pub capacity_alpha: f32,
    /// 2C: part of a bond that is lost in an epoch.
    pub decay_rate: f32,
}

/// Rows of validators, columns of servers.
pub type Tensor = Vec<Vec<f32>>;

/// A run from epoch to epoch.
#[derive(Debug, Clone)]
pub struct Simulator {
    parameters: Parameters,
    bonds: Option<Tensor>,
    /// 2B: the weights of the epoch before.
    weights: Option<Tensor>,
}

/// What one epoch shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Epoch {
    /// Validators' shares of the dividends.
    pub dividends: Vec<f32>,
    /// Servers' shares of the incentive.
    pub incentive: Vec<f32>,
    /// Bonds after the epoch.
    pub bonds: Tensor,
}

impl Simulator {
    /// A run without bonds.
    #[must_use]
    pub fn new(parameters: Parameters) -> Self {
        Self { parameters, bonds: None, weights: None }
    }

    /// Removes all bonds in a server; the simulator does so only for variants 2C and 3.
    pub fn reset_bonds(&mut self, server: usize) {
        if matches!(self.parameters.variant, Variant::Yuma2C | Variant::Yuma3) {
            for row in self.bonds.iter_mut().flatten() {
                if let Some(bond) = row.get_mut(server) {
                    *bond = 0.0;
                }
            }
        }
    }

    /// Runs one epoch: a row of weights for each validator, a stake for each row.
    ///
    /// # Panics
    /// When rows differ in length, stakes are missing, or either changes from epoch to epoch.
    #[must_use]
    pub fn step(&mut self, weights: &[Vec<f32>], stake: &[f32]) -> Epoch {
        let p = self.parameters;
        let weights: Tensor = weights
            .iter()
            .map(|row| {
                let sum = sum(row.iter().copied()) + EPSILON;
                row.iter().map(|w| w / sum).collect()
            })
            .collect();
        let total = sum(stake.iter().copied());
        let stake: Vec<f32> = stake.iter().take(weights.len()).map(|s| s / total).collect();
        let servers = weights.iter().map(Vec::len).max().unwrap_or(0);

        let consensus = consensus(&weights, &stake, servers, p.kappa);
        let before = self.weights.as_ref().unwrap_or(&weights);
        let shown = if p.variant == Variant::Yuma2B { before } else { &weights };
        let clipped = zip(shown, |_, j, w| w.min(consensus[j]));
        let ranks: Vec<f32> =
            (0..servers).map(|j| sum(clipped.iter().zip(&stake).map(|(w, s)| s * w[j]))).collect();
        let all = sum(ranks.iter().copied());
        let incentive: Vec<f32> =
            ranks.iter().map(|r| if all > 0.0 { r / all } else { 0.0 }).collect();

        let for_bonds =
            zip(shown, |i, j, w| (1.0 - p.bond_penalty) * w + p.bond_penalty * clipped[i][j]);
        let bonds = self.next_bonds(&weights, &for_bonds, &stake, &consensus);
        let mut held = bonds.clone();
        if matches!(p.variant, Variant::Yuma2C | Variant::Yuma3) {
            normalise_columns(&mut held, EPSILON);
        }
        let mut dividends: Vec<f32> =
            held.iter().map(|row| sum(row.iter().zip(&incentive).map(|(b, i)| b * i))).collect();
        if p.variant == Variant::Yuma3 {
            for (dividend, stake) in dividends.iter_mut().zip(&stake) {
                *dividend *= stake;
            }
        }
        let all = sum(dividends.iter().copied()) + EPSILON;
        for dividend in &mut dividends {
            *dividend /= all;
        }
        self.bonds = Some(bonds.clone());
        self.weights = Some(weights);
        Epoch { dividends, incentive, bonds }
    }

    fn next_bonds(
        &self,
        weights: &Tensor,
        for_bonds: &Tensor,
        stake: &[f32],
        consensus: &[f32],
    ) -> Tensor {
        let p = &self.parameters;
        let liquid = |weight: f32, bond: f32, agreed: f32| {
            let distance = if weight >= bond { weight - agreed } else { bond - weight };
            let distance = distance.clamp(0.0, 1.0);
            let exponent = f64::from(-p.alpha_sigmoid_steepness * (distance - 0.5));
            #[expect(clippy::cast_possible_truncation, reason = "single precision is the dialect")]
            let sigmoid = 1.0 / (1.0 + math::exp(exponent) as f32);
            // Not `clamp`, which refuses a low above high.
            (p.alpha_low + sigmoid * (p.alpha_high - p.alpha_low))
                .min(p.alpha_high)
                .max(p.alpha_low)
        };
        // Without bonds of an earlier epoch there is no earlier consensus either.
        let alpha = |i: usize, j: usize| match &self.bonds {
            Some(bonds) if p.liquid_alpha => liquid(weights[i][j], bonds[i][j], consensus[j]),
            // The first variant has no moving average.
            _ if p.variant == Variant::Yuma1 => 1.0,
            _ => 1.0 - p.bond_moving_average,
        };
        let old = |i: usize, j: usize| self.bonds.as_ref().map_or(0.0, |bonds| bonds[i][j]);
        match p.variant {
            Variant::Yuma1 | Variant::Yuma2 | Variant::Yuma2B => {
                let epsilon = if p.variant == Variant::Yuma1 { EPSILON } else { 0.0 };
                let mut new = zip(for_bonds, |i, _, w| stake[i] * w);
                normalise_columns(&mut new, epsilon);
                if self.bonds.is_some() {
                    new = zip(&new, |i, j, b| alpha(i, j) * b + (1.0 - alpha(i, j)) * old(i, j));
                }
                if p.variant == Variant::Yuma1 {
                    normalise_columns(&mut new, EPSILON);
                }
                new
            }
            Variant::Yuma2C => {
                // A whole capacity there is the greatest 64-bit integer.
                #[expect(clippy::cast_precision_loss, reason = "rounding to nearest is meant")]
                let whole = u64::MAX as f32;
                zip(weights, |i, j, w| {
                    let capacity = stake[i] * whole;
                    let room = (capacity - old(i, j)).max(0.0);
                    let bought = (p.capacity_alpha * capacity).min(room) * w;
                    ((1.0 - p.decay_rate) * old(i, j) + bought).min(capacity)
                })
            }
            Variant::Yuma3 => zip(weights, |i, j, w| {
                let alpha = alpha(i, j);
                let decayed = old(i, j) * (1.0 - alpha);
                let room = (1.0 - decayed).max(0.0);
                (decayed + (alpha * w).min(room)).min(1.0)
            }),
        }
    }
}

fn sum(values: impl IntoIterator<Item = f32>) -> f32 {
    values.into_iter().fold(0.0, |sum, x| sum + x)
}

/// Each cell by its row, column and value.
fn zip(tensor: &Tensor, cell: impl Fn(usize, usize, f32) -> f32) -> Tensor {
    let rows = tensor.iter().enumerate();
    rows.map(|(i, row)| row.iter().enumerate().map(|(j, &x)| cell(i, j, x)).collect()).collect()
}

/// Divides each column by its sum and `epsilon`; a column of zeros stays.
fn normalise_columns(tensor: &mut Tensor, epsilon: f32) {
    let columns = tensor.iter().map(Vec::len).max().unwrap_or(0);
    for j in 0..columns {
        let all = sum(tensor.iter().filter_map(|row| row.get(j).copied())) + epsilon;
        if all > 0.0 {
            for x in tensor.iter_mut().filter_map(|row| row.get_mut(j)) {
                *x /= all;
            }
        }
    }
}

/// For each server the largest weight that a majority of stake reaches, or the largest of all
/// where none does; scaled to sum to one, and truncated to 65,535ths.
fn consensus(weights: &Tensor, stake: &[f32], servers: usize, kappa: f32) -> Vec<f32> {
    let agreed: Vec<f32> = (0..servers)
        .map(|j| {
            let mut column: Vec<(f32, f32)> =
                weights.iter().zip(stake).map(|(row, &s)| (row[j], s)).collect();
            column.sort_by(|a, b| b.0.total_cmp(&a.0));
            let mut supporting = 0.0_f32;
            let found = column.iter().find(|(_, stake)| {
                supporting += stake;
                supporting >= kappa
            });
            found.or(column.first()).map_or(0.0, |cell| cell.0)
        })
        .collect();
    let all = sum(agreed.iter().copied());
    let scaled = |c: f32| if all > 0.0 { (c / all * 65_535.0).trunc() / 65_535.0 } else { 0.0 };
    agreed.into_iter().map(scaled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMETERS: Parameters = Parameters {
        variant: Variant::Yuma3,
        kappa: 0.5,
        bond_penalty: 1.0,
        bond_moving_average: 0.975,
        liquid_alpha: false,
        alpha_low: 0.1,
        alpha_high: 0.3,
        alpha_sigmoid_steepness: 10.0,
        capacity_alpha: 0.1,
        decay_rate: 0.1,
    };

    /// All agree, so that dividends follow stake whatever the variant.
    #[test]
    fn agreement_pays_by_stake() {
        for variant in
            [Variant::Yuma1, Variant::Yuma2, Variant::Yuma2B, Variant::Yuma2C, Variant::Yuma3]
        {
            for liquid_alpha in [false, true] {
                let parameters = Parameters { variant, liquid_alpha, ..PARAMETERS };
                let mut simulator = Simulator::new(parameters);
                let weights = vec![vec![0.25, 0.75]; 3];
                for _ in 0..5 {
                    let epoch = simulator.step(&weights, &[0.8, 0.1, 0.1]);
                    for (got, want) in epoch.dividends.iter().zip([0.8, 0.1, 0.1]) {
                        assert!((got - want).abs() < 1e-4, "{variant:?} {epoch:?}");
                    }
                    assert!((epoch.incentive[1] - 0.75).abs() < 1e-4);
                }
            }
        }
    }

    /// Bonds of Yuma3 approach the weight by 2.5% of the gap, and can be taken away.
    #[test]
    fn bonds_grow_and_are_reset() {
        let mut simulator = Simulator::new(PARAMETERS);
        let weights = vec![vec![1.0, 0.0]; 2];
        let first = simulator.step(&weights, &[0.5, 0.5]).bonds;
        let second = simulator.step(&weights, &[0.5, 0.5]).bonds;
        assert!((first[0][0] - 0.025).abs() < 1e-6 && (second[0][0] - 0.049_375).abs() < 1e-6);
        simulator.reset_bonds(0);
        assert_eq!(simulator.step(&weights, &[0.5, 0.5]).bonds, first);
        assert!(simulator.step(&[], &[]).bonds.is_empty());
    }
}
