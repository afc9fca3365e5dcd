//! The aggregate resolution: every block of the economy and every reward period, but no jobs,
//! messages or machines.
//!
//! What a validator sees of a provider is drawn from the distribution that the detailed form
//! shows ([`scores`]); what it makes of it, what consensus agrees on and who is paid is decided
//! by the same rules ([`subnet`]). Reward periods need nothing but what the economy drained at
//! their close, and the economy needs nothing of what consensus made of it. So the two run side
//! by side: while the economy goes through one stretch of blocks, the subnets divide what the
//! stretch before drained. Neither order nor number of threads shows in any result.

use mechanisms::reward::RewardSpec;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sim_core::streams::Streams;
use sim_types::record::{EpochRow, FaultRow, NodeRow, PayoutRow, PeriodRow};
use sim_types::{ParamError, SimDuration, SimTime};

use super::chain::CHAIN_LAST;
use super::dtao::Due;
use super::event::{CHAIN, NetworkEvent};
use super::{Now, Rejections, World};
use crate::plan::Plan;

mod scores;
mod subnet;

use scores::Prospect;
use subnet::Subnet;

/// Blocks in one stretch: long enough that a subnet closes several periods in a row, while what
/// it remembers is at hand, short enough that what waits stays small.
const STRETCH: u64 = 1_440;

/// The subnets, and what they have still to divide.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Aggregate {
    interval: SimDuration,
    /// Blocks so far.
    height: u64,
    subnets: Vec<Subnet>,
    /// By subnet.
    due: Vec<Vec<Due>>,
}

/// Rows of subnets, in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    epochs: Vec<EpochRow>,
    payouts: Vec<PayoutRow>,
    periods: Vec<PeriodRow>,
    nodes: Vec<NodeRow>,
}

impl Aggregate {
    /// # Errors
    /// When a rule refuses its parameters: plans are checked.
    pub(super) fn new(plan: &Plan, streams: Streams, rep: u32) -> Result<Self, ParamError> {
        let mut base = 0;
        let mut subnets = Vec::new();
        let prospect = Prospect::new(plan)?;
        for number in 0..plan.subnets {
            let subnet = Subnet::new(plan, &prospect, streams, rep, number, base)?;
            base += subnet.size();
            subnets.push(subnet);
        }
        for subnet in &mut subnets {
            subnet.number_newcomers(base);
        }
        let due = subnets.iter().map(|_| Vec::new()).collect();
        Ok(Self { interval: plan.settlement.block_interval(), height: 0, subnets, due })
    }

    pub(super) fn rejections(&self) -> Rejections {
        self.subnets.iter().map(Subnet::rejections).fold(Rejections::default(), Rejections::plus)
    }

    /// The subnets divide what is due, each for itself.
    fn divide(&mut self, parallel: bool) {
        let act = |(subnet, due): (&mut Subnet, &mut Vec<Due>)| {
            due.drain(..).for_each(|due| subnet.close(&due));
        };
        if parallel {
            self.subnets.par_iter_mut().zip(&mut self.due).for_each(act);
        } else {
            self.subnets.iter_mut().zip(&mut self.due).for_each(act);
        }
    }
}

impl World {
    /// Starts the clock of blocks.
    pub(super) fn start_blocks(&mut self, cx: &mut Now<'_>) {
        if let Some(aggregate) = &self.aggregate {
            let stretch = aggregate.interval.times(STRETCH);
            cx.after_with(CHAIN, stretch, CHAIN_LAST, NetworkEvent::BlocksDue);
        }
    }

    pub(super) fn blocks_due(&mut self, cx: &mut Now<'_>) {
        self.live_through(cx.now());
        self.start_blocks(cx);
    }

    /// Whether threads are left over beside those that run replications.
    fn parallel(&self) -> bool {
        (self.replications as usize) < rayon::current_num_threads()
    }

    /// All blocks that are due by `now`, and all periods that closed before them.
    pub(super) fn live_through(&mut self, now: SimTime) {
        let parallel = self.parallel();
        let (Some(aggregate), Some(dtao)) = (&mut self.aggregate, &mut self.dtao) else { return };
        let until = now.since(SimTime::ZERO).0 / aggregate.interval.0.max(1);
        let blocks = until.saturating_sub(aggregate.height);
        aggregate.height += blocks;
        let mut produce = || (0..blocks).for_each(|_| dtao.block());
        if parallel {
            rayon::join(produce, || aggregate.divide(true));
        } else {
            produce();
            aggregate.divide(false);
        }
        for due in dtao.take_due() {
            aggregate.due[usize::from(due.subnet)].push(due);
        }
        let (pools, turnovers) = (dtao.take_rows(), dtao.take_turnovers());
        for turnover in turnovers {
            let (time, target) = (turnover.time, turnover.to_string());
            self.record(FaultRow { rep: self.rep, time: time.0, kind: "subnet", target });
        }
        let Some(aggregate) = &mut self.aggregate else { return };
        let rows: Vec<Rows> = aggregate.subnets.iter_mut().map(Subnet::take_rows).collect();
        for row in pools {
            self.record(row);
        }
        for rows in rows {
            for row in rows.epochs {
                self.record(row);
            }
            for row in rows.payouts {
                self.record(row);
            }
            for row in rows.periods {
                self.record(row);
            }
            for row in rows.nodes {
                self.record(row);
            }
        }
    }

    /// The reward rule takes other parameters, after everything that closed under the old ones.
    pub(super) fn reconfigure_subnets(&mut self, spec: &RewardSpec, now: SimTime) {
        self.live_through(now);
        let parallel = self.parallel();
        if let Some(aggregate) = &mut self.aggregate {
            aggregate.divide(parallel);
            aggregate.subnets.iter_mut().for_each(|subnet| subnet.reconfigure(spec));
        }
    }

    /// The members' figures are wanted with the next period of each subnet that closes from now.
    pub(super) fn sample_members(&mut self, now: SimTime) {
        self.live_through(now);
        let parallel = self.parallel();
        if let Some(aggregate) = &mut self.aggregate {
            aggregate.divide(parallel);
            aggregate.subnets.iter_mut().for_each(Subnet::sample);
        }
    }

    /// At the horizon: the last periods, and what became of the members.
    pub(super) fn close_aggregate(&mut self, now: SimTime) {
        if let Some(aggregate) = &mut self.aggregate {
            aggregate.subnets.iter_mut().for_each(Subnet::sample);
        }
        // Once for the last blocks, once for the periods that closed in them.
        self.live_through(now);
        let parallel = self.parallel();
        if let Some(aggregate) = &mut self.aggregate {
            let traced = self.trace.is_some();
            aggregate.divide(parallel);
            aggregate.subnets.iter_mut().for_each(|subnet| subnet.leave(traced));
        }
        self.live_through(now);
    }

    /// Whether rows are wanted from now on.
    pub(super) fn trace_subnets(&mut self, traced: bool) {
        if let Some(aggregate) = &mut self.aggregate {
            aggregate.subnets.iter_mut().for_each(|subnet| subnet.traced = traced);
        }
    }
}
