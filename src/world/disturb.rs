//! Faults that strike and parameters that change, at their scheduled times.

use mechanisms::market;
use serde::{Deserialize, Serialize};
use sim_core::faults::FaultEvent;
use sim_types::record::FaultRow;
use sim_types::{NodeId, SimTime};
use workloads::execution;

use super::event::{CHAIN, Event};
use super::{Now, World};
use crate::plan::Change;

/// What will happen to the network from outside, in order of time.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Disturbances {
    pub(super) faults: Vec<(SimTime, FaultEvent)>,
    pub(super) changes: Vec<Change>,
}

impl World {
    pub(super) fn schedule_disturbances(&mut self, cx: &mut Now<'_>) {
        for (index, (at, _)) in (0..).zip(&self.disturbances.faults) {
            cx.after(CHAIN, at.since(cx.now()), Event::FaultDue { index });
        }
        for (index, change) in (0..).zip(&self.disturbances.changes) {
            cx.after(CHAIN, change.at.since(cx.now()), Event::ChangeDue { index });
        }
    }

    pub(super) fn fault_due(&mut self, index: u32, cx: &mut Now<'_>) {
        let fault = self.disturbances.faults[index as usize].1.clone();
        let target = match &fault {
            FaultEvent::Crash(node) | FaultEvent::Restart(node) => {
                self.nodes[node.index()].name.clone()
            }
            FaultEvent::Cut(regions) | FaultEvent::Heal(regions) => {
                let name = |&id| self.network.regions().region(id).name.as_str();
                regions.iter().map(name).collect::<Vec<_>>().join(", ")
            }
        };
        self.record(FaultRow { rep: self.rep, time: cx.now().0, kind: fault.word(), target });
        match fault {
            FaultEvent::Crash(node) => self.crash(node, cx),
            FaultEvent::Restart(node) => self.restart(node, cx),
            FaultEvent::Cut(regions) => self.network.isolate(&regions),
            FaultEvent::Heal(regions) => self.network.rejoin(&regions),
        }
    }

    fn crash(&mut self, node: NodeId, cx: &mut Now<'_>) {
        let entry = &mut self.nodes[node.index()];
        entry.crashes += 1;
        if entry.crashes > 1 {
            return;
        }
        entry.up = false;
        let subnet = usize::from(entry.subnet.0);
        let running = i32::try_from(entry.running).expect("slots fit 31 bits");
        self.count_running(node, -running, cx.now());
        self.ask_market(subnet, market::Input::NodeDown { node }, cx);
        self.ask_execution(execution::Input::Crashed { node }, cx);
    }

    fn restart(&mut self, node: NodeId, cx: &mut Now<'_>) {
        let entry = &mut self.nodes[node.index()];
        entry.crashes = entry.crashes.saturating_sub(1);
        if entry.crashes > 0 || entry.up {
            return;
        }
        entry.up = true;
        let subnet = usize::from(entry.subnet.0);
        self.ask_market(subnet, market::Input::NodeUp { node }, cx);
    }

    pub(super) fn change_due(&mut self, index: u32, now: SimTime) {
        let Change { path, value, action, .. } = self.disturbances.changes[index as usize].clone();
        let target = format!("{path} = {value}");
        self.record(FaultRow { rep: self.rep, time: now.0, kind: "parameter", target });
        self.apply_change(action);
    }
}
