//! What a place in a block costs.
//!
//! | module | who sets the price |
//! |---|---|
//! | [`base_fee`] | the chain, from how full its blocks were: EIP-1559 |

pub mod base_fee;
