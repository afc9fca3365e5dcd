//! The economy of Bittensor's chain: what is minted, who gets it, in which pool it ends.
//!
//! | module | holds |
//! |---|---|
//! | [`issuance`] | TAO and alpha minted a block, halving with the issuance |
//! | [`shares`] | each subnet's share: by price, by price and burn; switched-off subnets |
//! | [`flow`] | shares by the flow of TAO, of users and net of the protocol's |
//! | [`gate`], [`tiers`] | what is put on top of the shares |
//! | [`root_weights`] | shares before dTAO |
//! | [`power`] | powers in the chain's fixed point, many at once |
//! | [`moving_price`] | the moving average of a subnet's price |
//! | [`root`] | the root proportion, the TAO weight, whether root dividends are paid |
//! | [`terms`] | what of a subnet's TAO goes into its pool and what buys alpha |
//! | [`split`] | the parts of owner, miners, validators and root |
//! | [`preset`] | the rules as they stood on a day, with sources |
//! | [`economy`] | all of it, one block at a time, every unit accounted for |
//!
//! Numbers are the chain's own fixed point; results agree with it to the last bit wherever a
//! module does not say otherwise.

pub mod economy;
pub mod flow;
pub mod gate;
pub mod issuance;
pub mod moving_price;
pub mod power;
pub mod preset;
pub mod root;
pub mod root_weights;
pub mod shares;
pub mod split;
pub mod terms;
pub mod tiers;
