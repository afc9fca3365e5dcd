//! The economy of a network whose subnets have pools and a coin of their own.

use mechanisms::emission::economy;
use mechanisms::trader::Trader;
use serde::{Deserialize, Serialize};
use sim_types::Share;

/// An economy at its start, and those who act in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dtao {
    /// The preset that the rules come from.
    pub preset: String,
    /// Rules, issuance, block number before the first of the run, cuts and prices.
    pub economy: economy::Params,
    /// TAO staked on the root, rao; part of the issuance.
    pub root: u64,
    /// By subnet.
    pub pools: Vec<PoolStart>,
    /// Blocks before the run in which every subnet already had emission.
    pub age: u64,
    /// The part of providers' pay that goes to hotkeys of the subnet's owner, and is burned.
    pub miner_burn: Share,
    /// What participants sell of their pay.
    pub sales: Sales,
    /// Newcomers.
    pub registrations: Registrations,
    /// Who trades.
    pub traders: Vec<TraderGroup>,
    /// Newcomers who buy subnets, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet_registrations: Option<SubnetRegistrations>,
}

/// A subnet's pool at the start, smallest units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolStart {
    /// TAO in it.
    pub tao: u64,
    /// Alpha in it.
    pub alpha: u64,
    /// Alpha outside it, the members' stakes and the traders' holdings among it.
    pub outside: u64,
}

/// What part of an epoch's pay is sold into the pool at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sales {
    /// Of providers' pay.
    pub miners: Share,
    /// Of validators' pay; the rest stays staked and earns.
    pub validators: Share,
    /// Of the owner's cut.
    pub owners: Share,
    /// Of what stakers on the root earned.
    pub root: Share,
}

/// Newcomers who buy places.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Registrations {
    /// Attempts in one subnet in one day, on average.
    pub per_day: f64,
    /// The most they pay, rao; at a higher price they stay away.
    pub at_most: u64,
    /// Blocks during which a newcomer cannot be replaced.
    pub immunity: u64,
}

/// Newcomers who buy subnets, and close others by it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SubnetRegistrations {
    /// Attempts in one day, on average.
    pub per_day: f64,
    /// The most they lock, rao; at a higher price they stay away.
    pub at_most: u64,
    /// Blocks during which a new subnet cannot be closed.
    pub immunity: u64,
    /// What each validator of a new subnet puts into its pool at once, rao.
    pub stake: u64,
}

/// Traders of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TraderGroup {
    /// Its name in the scenario.
    pub name: String,
    /// The rule that each follows, by subnet: the worth that a value trader sees is the
    /// subnet's own.
    pub rules: Vec<Trader>,
    /// How many in each subnet.
    pub count: u32,
    /// The subnets they are in.
    pub subnets: Vec<u16>,
    /// TAO of each, rao; part of the issuance.
    pub tao: u64,
    /// Alpha of each, smallest unit; part of what is outside the pool.
    pub alpha: u64,
    /// Blocks between two looks.
    pub every: u64,
}
