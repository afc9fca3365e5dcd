//! Who and what: small integer names. Dense ids double as indices.

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident($inner:ty),)*) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default,
            Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// A participant with a machine: validator or provider. Dense over the whole network.
    NodeId(u32),
    /// A job: the entity that caused it in the upper 32 bits, that entity's own count below,
    /// so that the name does not depend on what happened elsewhere.
    JobId(u64),
    /// A subnet: a copy of the market, the verification and the reward with its own members.
    SubnetId(u16),
    /// A member's place inside its subnet.
    Uid(u16),
    /// A holder of money in the ledger.
    AccountId(u32),
    /// A ledger transaction, in order of submission.
    TxId(u64),
    /// A block's number. Genesis is 0.
    Height(u64),
    /// A reward period's number inside its subnet, from 0.
    EpochIndex(u64),
}

impl NodeId {
    /// As an index into dense per-node tables.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl JobId {
    /// The `count`-th job that `source` caused.
    #[must_use]
    pub fn of(source: u32, count: u32) -> Self {
        Self(u64::from(source) << 32 | u64::from(count))
    }
}
