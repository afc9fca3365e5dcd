//! The Yuma consensus epoch of Bittensor, bit for bit as the chain computes it.
//!
//! Source of every rule: opentensor/subtensor @ 14bc6f9f (2026-06-30, runtime 425),
//! `pallets/subtensor/src/epoch/run_epoch.rs` (`epoch_mechanism`, the sparse path that
//! production runs) and `epoch/math.rs`. Numbers are [`I32F32`](sim_types::fixed::I32F32).
//!
//! | step | what | where |
//! |---|---|---|
//! | R1 | who is active: updated within the activity cutoff | [`mod@epoch`] |
//! | R2 | stake: threshold, normalised in I64F64, narrowed to I32F32 | [`mod@epoch`] |
//! | R3 | new permits: the largest stakes, ties to the higher uid, the owner always | [`topk`] |
//! | R4 | active stake: inactive and unpermitted out, normalised | [`mod@epoch`] |
//! | R5 | weights: permit, diagonal, outdated and commit-reveal masks, rows normalised | `masks` |
//! | R6 | consensus: kappa-weighted median of each server's weights | [`consensus`], [`median`] |
//! | R7 | clipped weights and validator trust | [`consensus`] |
//! | R8 | incentive: stake-weighted sum of clipped weights, normalised | [`consensus`] |
//! | R9 | weights for bonds: between raw and clipped, by the bonds penalty | [`bonds`] |
//! | R10 | bonds: stored ones masked, moving average toward stake times weight | [`bonds`] |
//! | R11 | dividends: bonds times incentive, normalised | [`bonds`] |
//! | R12 | emission: incentive to servers, dividends to validators, stake if there is neither | `emission` |
//! | R13 | storage: truncation to u16, bond columns upscaled to their maximum | [`bonds`], [`mod@epoch`] |
//!
//! The permits that gate this epoch (R4, R5) are those of the *previous* one; the new ones
//! decide only whose bonds are stored.
//!
//! R10 and R11 have variants: [`Version`] (classic bonds, or Yuma3's) and [`LiquidForm`]. The
//! chain's epoch exists in two [`Form`]s, of which production runs the sparse one. A row may
//! name its uids in any order and is read in ascending order; the chain's liquid alpha
//! misreads rows that do not ascend, which is not followed here.
//!
//! ```
//! use mechanisms::yuma::{EpochInputs, Form, Hyperparameters, Scratch, epoch};
//! use sim_types::fixed::I64F64;
//!
//! // One validator with all the stake, one server that it scores.
//! let outputs = epoch(
//!     &EpochInputs {
//!         hyperparameters: Hyperparameters::default(),
//!         stake: &[I64F64::from(1_000), I64F64::ZERO],
//!         last_update: &[3, 0],
//!         block_at_registration: &[0, 2],
//!         permits: &[true, false],
//!         weights: &[vec![(1, u16::MAX)], vec![]],
//!         bonds: &[vec![], vec![]],
//!         owner: None,
//!         commit_blocks: None,
//!         block: 3,
//!         tempo: 360,
//!         last_step_block: None,
//!         emission: 1_000_000_000,
//!         form: Form::Sparse,
//!     },
//!     &mut Scratch::default(),
//! )?;
//! assert_eq!(outputs.emission, [500_000_000, 500_000_000]);
//! # Ok::<(), mechanisms::yuma::EpochError>(())
//! ```

mod align;
pub mod bonds;
mod by_rows;
pub mod childkeys;
pub mod columns;
pub mod consensus;
pub mod dividends;
mod emission;
pub mod epoch;
pub mod flow_shares;
pub mod inputs;
pub mod interpolate;
pub mod liquid;
pub mod liquid_server;
mod masks;
pub mod median;
pub mod normalise;
mod parts;
pub mod sigmoid;
pub mod simulator;
pub mod sub_mechanisms;
pub mod topk;
pub mod upscale;

pub use columns::Columns;
pub use consensus::Consensus;
pub use epoch::{Scratch, epoch, epoch_into};
pub use inputs::{
    EpochError, EpochInputs, EpochOutputs, Form, Hyperparameters, LiquidForm, Rows, Version,
};
