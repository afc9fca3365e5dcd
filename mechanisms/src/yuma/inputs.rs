//! What an epoch takes and what it gives.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::fixed::I64F64;

/// A sparse matrix as stored on the chain: for each uid a list of (uid, proportion of 65,535).
pub type Rows = Vec<Vec<(u16, u16)>>;

/// How validators' bonds are kept from epoch to epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Version {
    /// As shares of each server, in proportion to stake ("Yuma2"): the chain's default.
    #[default]
    Classic,
    /// As a number of each pair's own, on which stake has no influence (`Yuma3On`, offered to
    /// subnets since May 2025).
    Yuma3,
}

/// Liquid alpha: bonds that move at different speeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LiquidForm {
    /// All bonds move equally: the chain's default.
    #[default]
    Off,
    /// One alpha for each server, by its consensus: on classic bonds until April 2025. Without
    /// effect on Yuma3.
    First,
    /// One alpha for each pair, by its distance from consensus: on Yuma3 bonds. Without effect
    /// on classic ones.
    Second,
}

/// The chain has the epoch in two forms that are meant to agree, and do not in five points. In
/// the dense form the owner is not exempt from the stake threshold, is not given a permit and
/// may not weight itself; commits do not mask weights; and under liquid alpha of the second
/// form the bond of a validator that no longer lists a server decays, where the sparse form
/// drops it at once. How the chain's dense form stores bonds is not followed: it lists those of
/// zero, and leaves the rows of uids with neither an old nor a new permit as they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// What runs in production.
    #[default]
    Sparse,
    /// What upstream's tests compare it with.
    Dense,
}

/// What the owner of a subnet sets. Defaults after opentensor/subtensor @ 14bc6f9f,
/// runtime/src/lib.rs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Hyperparameters {
    /// Majority of stake that consensus asks for, of 65,535.
    pub kappa: u16,
    /// How far bonds follow the clipped weights instead of the raw ones, of 65,535.
    pub bonds_penalty: u16,
    /// Share of the old bonds in the moving average, in parts per million.
    pub bonds_moving_average: u64,
    /// How many validators hold a permit.
    pub max_validators: u16,
    /// Blocks after its last weights during which a validator counts as active.
    pub activity_cutoff: u64,
    /// Least stake, in the unit of the stake, that counts at all.
    pub stake_threshold: u64,
    /// How bonds are kept.
    pub version: Version,
    /// Whether, and how, bonds move by liquid alphas.
    pub liquid_alpha: LiquidForm,
    /// Least liquid alpha, of 65,535.
    pub alpha_low: u16,
    /// Greatest liquid alpha, of 65,535.
    pub alpha_high: u16,
    /// Steepness of the second form's sigmoid, in hundredths.
    pub alpha_sigmoid_steepness: i16,
}

impl Default for Hyperparameters {
    fn default() -> Self {
        Self {
            kappa: 32_767,
            bonds_penalty: u16::MAX,
            bonds_moving_average: 900_000,
            max_validators: 128,
            activity_cutoff: 5_000,
            stake_threshold: 0,
            version: Version::default(),
            liquid_alpha: LiquidForm::default(),
            alpha_low: 45_875,
            alpha_high: 58_982,
            alpha_sigmoid_steepness: 1_000,
        }
    }
}

/// Everything an epoch depends on. All slices have one element for each uid.
#[derive(Debug, Clone, Copy)]
pub struct EpochInputs<'a> {
    /// What the owner of the subnet set.
    pub hyperparameters: Hyperparameters,
    /// Stake weight in the smallest unit; [`I64F64::from`] takes an integer.
    pub stake: &'a [I64F64],
    /// Block at which each uid last set weights.
    pub last_update: &'a [u64],
    /// Block at which each uid was last registered.
    pub block_at_registration: &'a [u64],
    /// Who holds a permit from the previous epoch.
    pub permits: &'a [bool],
    /// Published weights. Only proportions within a row matter; uids beyond the last are
    /// ignored.
    pub weights: &'a [Vec<(u16, u16)>],
    /// Bonds stored by the previous epoch: [`EpochOutputs::bonds`].
    pub bonds: &'a [Vec<(u16, u16)>],
    /// The subnet owner's uid: exempt from the stake threshold, always permitted, may weight
    /// itself.
    pub owner: Option<u16>,
    /// With commit-reveal: the block of each uid's earliest commit that is still open.
    pub commit_blocks: Option<&'a [Option<u64>]>,
    /// Now.
    pub block: u64,
    /// Blocks between epochs.
    pub tempo: u64,
    /// Block of the last epoch that ran, if one did.
    pub last_step_block: Option<u64>,
    /// What is to be distributed, in the smallest unit.
    pub emission: u64,
    /// Which of the chain's two forms.
    pub form: Form,
}

/// What an epoch leaves. All vectors have one element for each uid; u16 values are
/// proportions of 65,535, truncated.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EpochOutputs {
    /// Who set weights within the activity cutoff.
    pub active: Vec<bool>,
    /// What the majority of stake grants each server at least.
    pub consensus: Vec<u16>,
    /// The servers' shares.
    pub incentive: Vec<u16>,
    /// The validators' shares.
    pub dividends: Vec<u16>,
    /// How much of a validator's weights lies within consensus.
    pub validator_trust: Vec<u16>,
    /// Who holds a permit from now on.
    pub permits: Vec<bool>,
    /// Bonds to store, upscaled so that the largest toward each server is 65,535 (before rows
    /// without a new permit are emptied).
    pub bonds: Rows,
    /// Emission by incentive and dividends together.
    pub emission: Vec<u64>,
    /// Emission for serving.
    pub server_emission: Vec<u64>,
    /// Emission for validating.
    pub validator_emission: Vec<u64>,
    /// Normalised stake, activity aside.
    pub stake_weight: Vec<u16>,
}

impl EpochOutputs {
    /// Makes room for `n` uids; new ones have nothing.
    pub(super) fn resize(&mut self, n: usize) {
        for flags in [&mut self.active, &mut self.permits] {
            flags.resize(n, false);
        }
        for proportions in [
            &mut self.consensus,
            &mut self.incentive,
            &mut self.dividends,
            &mut self.validator_trust,
            &mut self.stake_weight,
        ] {
            proportions.resize(n, 0);
        }
        for amounts in [&mut self.emission, &mut self.server_emission, &mut self.validator_emission]
        {
            amounts.resize(n, 0);
        }
        self.bonds.resize(n, Vec::new());
    }
}

/// Inputs that do not describe a subnet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EpochError {
    /// More members than a uid can name.
    #[error("{found} members, expected at most 65,536")]
    TooMany {
        /// How many there are.
        found: usize,
    },
    /// More than all of the old bonds kept.
    #[error("bonds_moving_average is {found} parts per million, expected at most 1,000,000")]
    MovingAverage {
        /// How much.
        found: u64,
    },
    /// A slice whose length is not the number of members.
    #[error("{what} has {found} elements, expected one for each of {expected} members")]
    Length {
        /// The field of [`EpochInputs`].
        what: &'static str,
        /// Its length.
        found: usize,
        /// Number of members: the length of `stake`.
        expected: usize,
    },
    /// The same uid twice in a row.
    #[error("{what} of uid {row} names uid {uid} twice")]
    Duplicate {
        /// The field of [`EpochInputs`].
        what: &'static str,
        /// The row.
        row: usize,
        /// The repeated uid.
        uid: u16,
    },
}
