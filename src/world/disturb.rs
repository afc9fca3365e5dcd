//! Faults that strike and parameters that change, at their scheduled times.

use mechanisms::market;
use serde::{Deserialize, Serialize};
use sim_core::faults::FaultEvent;
use sim_types::record::FaultRow;
use sim_types::{NodeId, SimTime};
use workloads::execution;

use super::chain::Transaction;
use super::event::{CHAIN, Event, NetworkEvent, entity};
use super::island::{self, BEFALLS, Island, at_moment};
use super::{Now, World};
use crate::plan::{Change, ChangeAction};

/// What will happen to the network from outside, in order of time.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Disturbances {
    pub(super) faults: Vec<(SimTime, FaultEvent)>,
    pub(super) changes: Vec<Change>,
}

impl World {
    pub(super) fn schedule_disturbances(&mut self, cx: &mut Now<'_>) {
        for (index, (at, _)) in (0..).zip(&self.disturbances.faults) {
            cx.after(CHAIN, at.since(cx.now()), NetworkEvent::FaultDue { index });
        }
        for (index, change) in (0..).zip(&self.disturbances.changes) {
            cx.after(CHAIN, change.at.since(cx.now()), NetworkEvent::ChangeDue { index });
        }
    }

    pub(super) fn fault_due(&mut self, index: u32, cx: &mut Now<'_>) {
        let fault = self.disturbances.faults[index as usize].1.clone();
        let target = match &fault {
            FaultEvent::Crash(node) | FaultEvent::Restart(node) => {
                let (subnet, node) = self.find(*node);
                self.islands[subnet].model().nodes[node.index()].name.clone()
            }
            FaultEvent::Cut(regions) | FaultEvent::Heal(regions) => {
                let name = |&id| self.regions.region(id).name.as_str();
                regions.iter().map(name).collect::<Vec<_>>().join(", ")
            }
        };
        self.record(FaultRow { rep: self.rep, time: cx.now().0, kind: fault.word(), target });
        let now = cx.now();
        match fault {
            FaultEvent::Crash(node) => {
                let (subnet, node) = self.find(node);
                let island = &mut self.islands[subnet];
                at_moment(island, now, BEFALLS, |island, cx| island.crash(node, cx));
            }
            FaultEvent::Restart(node) => {
                let (subnet, node) = self.find(node);
                let island = &mut self.islands[subnet];
                at_moment(island, now, BEFALLS, |island, cx| island.restart(node, cx));
            }
            FaultEvent::Cut(regions) => {
                self.befall(|island| island.network.isolate(&regions));
            }
            FaultEvent::Heal(regions) => {
                self.befall(|island| island.network.rejoin(&regions));
            }
        }
    }

    /// Changes every subnet in the same way.
    fn befall(&mut self, act: impl Fn(&mut Island)) {
        self.islands.iter_mut().for_each(|island| act(island.model_mut()));
    }

    /// The subnet of a node, and its number there.
    fn find(&self, node: NodeId) -> (usize, NodeId) {
        let after = self.islands.partition_point(|island| island.model().base <= node.0);
        let subnet = after.checked_sub(1).expect("the first subnet starts at node 0");
        (subnet, NodeId(node.0 - self.islands[subnet].model().base))
    }

    pub(super) fn change_due(&mut self, index: u32, now: SimTime) {
        let Change { path, value, action, .. } = self.disturbances.changes[index as usize].clone();
        let target = format!("{path} = {value}");
        self.record(FaultRow { rep: self.rep, time: now.0, kind: "parameter", target });
        match action {
            ChangeAction::EmissionPerBlock(amount) => self.emission_per_block = amount,
            ChangeAction::Loss(share) => self.befall(|island| island.network.set_loss(share)),
            // Blocks that are out already keep the parameters they were made under.
            ChangeAction::Reward(spec) if self.aggregate.is_some() => {
                self.reconfigure_subnets(&spec, now);
            }
            ChangeAction::Reward(spec) => self.chain.rewards.push(spec),
        }
    }
}

impl Island {
    /// Plans a provider's next announcement, if it makes any.
    pub(super) fn schedule_announcement(&self, node: NodeId, cx: &mut island::Now<'_>) {
        let provider = &self.nodes[node.index()];
        let next = provider.behaviour.next_announcement(provider.keys.temper, cx.now());
        if let Some(at) = next {
            cx.after(entity(node), at.since(cx.now()), Event::ModelChanged { node });
        }
    }

    /// A provider has another model: it publishes metadata, unless it is down.
    pub(super) fn model_changed(&mut self, node: NodeId, cx: &mut island::Now<'_>) {
        if self.nodes[node.index()].up {
            self.submit(Transaction::PublishMetadata { by: node });
        }
        self.schedule_announcement(node, cx);
    }

    fn crash(&mut self, node: NodeId, cx: &mut island::Now<'_>) {
        let entry = &mut self.nodes[node.index()];
        entry.crashes += 1;
        if entry.crashes > 1 {
            return;
        }
        entry.up = false;
        let running = i32::try_from(entry.running).expect("slots fit 31 bits");
        self.count_running(node, -running, cx.now());
        self.ask_market(market::Input::NodeDown { node }, cx);
        self.ask_execution(execution::Input::Crashed { node }, cx);
    }

    fn restart(&mut self, node: NodeId, cx: &mut island::Now<'_>) {
        let entry = &mut self.nodes[node.index()];
        entry.crashes = entry.crashes.saturating_sub(1);
        if entry.crashes > 0 || entry.up {
            return;
        }
        entry.up = true;
        self.ask_market(market::Input::NodeUp { node }, cx);
    }
}
