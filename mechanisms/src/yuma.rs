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
//! | R5 | weights: permit, diagonal, outdated and commit-reveal masks, rows normalised | [`masks`] |
//! | R6 | consensus: kappa-weighted median of each server's weights | [`median`] |
//! | R7 | clipped weights and validator trust | [`clip`] |
//! | R8 | incentive: stake-weighted sum of clipped weights, normalised | [`clip`] |
//! | R9 | weights for bonds: between raw and clipped, by the bonds penalty | [`interpolate`] |
//! | R10 | bonds: stored ones masked, moving average toward stake times weight | [`bonds`] |
//! | R11 | dividends: bonds times incentive, normalised | [`bonds`] |
//! | R12 | emission: incentive to servers, dividends to validators, stake if there is neither | [`emission`] |
//! | R13 | storage: truncation to u16, bond columns upscaled to their maximum | [`bonds`], [`mod@epoch`] |
//!
//! The permits that gate this epoch (R4, R5) are those of the *previous* one; the new ones
//! decide only whose bonds are stored.
//!
//! A variant that treats bonds otherwise replaces the call to [`bonds::Bonds::classic`] in
//! [`epoch()`]: R1–R9 and R12 are shared.
//!
//! ```
//! use mechanisms::yuma::{EpochInputs, Hyperparameters, Scratch, epoch};
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
//!     },
//!     &mut Scratch::default(),
//! )?;
//! assert_eq!(outputs.emission, [500_000_000, 500_000_000]);
//! # Ok::<(), mechanisms::yuma::EpochError>(())
//! ```

pub mod bonds;
pub mod clip;
pub mod emission;
pub mod epoch;
pub mod flow_shares;
pub mod inputs;
pub mod interpolate;
pub mod liquid;
pub mod masks;
pub mod median;
pub mod normalise;
pub mod sigmoid;
pub mod sparse;
pub mod topk;
pub mod upscale;

pub use epoch::{Scratch, epoch};
pub use inputs::{EpochError, EpochInputs, EpochOutputs, Hyperparameters, Rows};
pub use sparse::Sparse;
