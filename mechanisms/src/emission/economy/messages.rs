//! What can happen to the economy and what it reports.

use serde::{Deserialize, Serialize};
use sim_types::fixed::U64F64;

use crate::pool::{Filled, Trade};

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// A block was produced.
    BlockProduced,
    /// A user trades with a subnet's pool: staking is a purchase, unstaking a sale.
    Traded {
        /// Which subnet.
        netuid: u16,
        /// The trade.
        trade: Trade,
    },
    /// TAO is staked on the root.
    RootStaked {
        /// Rao.
        amount: u64,
    },
    /// TAO leaves the root.
    RootUnstaked {
        /// Rao.
        amount: u64,
    },
    /// Root dividends are claimed as TAO.
    RootClaimed {
        /// Of which subnet.
        netuid: u16,
        /// How much alpha.
        alpha: u64,
    },
    /// A neuron buys a place.
    NeuronRegistered {
        /// In which subnet.
        netuid: u16,
    },
    /// Somebody buys a subnet.
    SubnetRegistered {
        /// Its tempo, blocks.
        tempo: u16,
    },
    /// The owner's start call.
    SubnetStarted {
        /// Which subnet.
        netuid: u16,
    },
    /// A subnet is dissolved.
    SubnetDissolved {
        /// Which.
        netuid: u16,
    },
    /// What an epoch paid to miners, and what of it went to hotkeys of the owner and is
    /// therefore withheld.
    MinersPaid {
        /// Which subnet.
        netuid: u16,
        /// Withheld alpha.
        withheld: u64,
        /// All alpha paid to miners, the withheld included.
        paid: u64,
        /// Recycled; burned if not.
        recycle: bool,
    },
    /// A subnet's switches.
    Switched {
        /// Which subnet.
        netuid: u16,
        /// Whether it is given TAO.
        emission: bool,
        /// Whether neurons may register; without, the subnet takes no part in emission.
        registration: bool,
        /// Whether its owner takes a cut.
        owner_cut: bool,
    },
    /// A share decided elsewhere, for rules that take shares as given.
    ShareGiven {
        /// Which subnet.
        netuid: u16,
        /// Its share, at most one.
        share: U64F64,
    },
}

/// What an epoch pays out, smallest unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Payout {
    /// Which subnet.
    pub netuid: u16,
    /// The owner's alpha.
    pub owner: u64,
    /// Miners' alpha.
    pub server: u64,
    /// Validators' alpha.
    pub validator: u64,
    /// Alpha of the root's stakers.
    pub root: u64,
    /// TAO of the root's stakers, under the rules that sell their part at once.
    pub root_tao: u64,
}

/// What the economy reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// An epoch is due: these amounts are to be divided by consensus.
    EpochDrained(Payout),
    /// A trade was done.
    Traded {
        /// In which subnet.
        netuid: u16,
        /// What it did.
        filled: Filled,
    },
    /// A neuron has bought its place.
    NeuronRegistered {
        /// In which subnet.
        netuid: u16,
        /// What it paid, rao.
        price: u64,
    },
    /// A subnet was opened.
    SubnetOpened {
        /// Its number.
        netuid: u16,
        /// What it cost, rao; all of it is in the pool.
        lock: u64,
        /// The pool's alpha.
        alpha: u64,
    },
    /// A subnet was dissolved.
    SubnetClosed {
        /// Its number.
        netuid: u16,
        /// The TAO that went to holders.
        tao: u64,
        /// The alpha that they held.
        held: u64,
    },
}
