//! How busy the machines are: running counts, slot time in use, samples by class.

use std::collections::BTreeSet;
use std::sync::{Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};
use sim_types::record::{LoadRow, NodeRow, Word};
use sim_types::{NodeId, SimDuration, SimTime};
use workloads::execution::Load;

use super::chain::CHAIN_LAST;
use super::event::{CHAIN, NetworkEvent};
use super::island::{Island, uid};
use super::{Now, World};
use crate::plan::Role;

/// Why running counts never go below zero.
const RUNNING: &str = "what ends has started";

/// All machines of one hardware profile.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Class {
    hardware: String,
    /// The same as trace rows take it, once it was asked for.
    #[serde(skip)]
    word: OnceLock<Word>,
    pub(super) nodes: Vec<NodeId>,
    running: u32,
    since: SimTime,
    /// Slot time in use since the last sample.
    busy: SimDuration,
}

/// A name as trace rows take it. One that is not built in comes from a scenario: each is kept
/// once until the program ends, however many worlds there are.
fn word(name: &str) -> Word {
    static OWN: Mutex<BTreeSet<Word>> = Mutex::new(BTreeSet::new());
    if let Some(profile) = gpu_kernels::profiles::profile(name) {
        return &profile.name;
    }
    let mut own = OWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = own.get(name) {
        return known;
    }
    let kept: Word = name.to_owned().leak();
    own.insert(kept);
    kept
}

impl Class {
    pub(super) fn new(hardware: &str) -> Self {
        Self {
            hardware: hardware.to_owned(),
            word: OnceLock::new(),
            nodes: Vec::new(),
            running: 0,
            since: SimTime::ZERO,
            busy: SimDuration::ZERO,
        }
    }

    /// The profile's name as trace rows take it.
    fn word(&self) -> Word {
        self.word.get_or_init(|| word(&self.hardware))
    }

    fn account(&mut self, now: SimTime) {
        self.busy = self.busy + now.since(self.since).times(self.running.into());
        self.since = now;
    }
}

impl Island {
    /// A machine has `change` more (or fewer) jobs in its slots from now on.
    pub(super) fn count_running(&mut self, node: NodeId, change: i32, now: SimTime) {
        let entry = &mut self.nodes[node.index()];
        entry.busy = entry.busy + now.since(entry.running_since).times(entry.running.into());
        entry.running_since = now;
        entry.running = entry.running.checked_add_signed(change).expect(RUNNING);
        let class = &mut self.classes[entry.class];
        class.account(now);
        class.running = class.running.checked_add_signed(change).expect(RUNNING);
    }

    pub(super) fn hardware_word(&self, node: NodeId) -> Word {
        self.classes[self.nodes[node.index()].class].word()
    }

    /// What the machines of a class are doing, and their slot time in use since the last look.
    fn look(&mut self, class: usize, now: SimTime) -> (usize, Load, SimDuration) {
        let class = &mut self.classes[class];
        class.account(now);
        let busy = core::mem::take(&mut class.busy);
        let loads = class.nodes.iter().map(|&node| self.execution.load(node));
        (class.nodes.len(), loads.fold(Load::default(), plus), busy)
    }

    /// Writes one row a node.
    pub(super) fn record_nodes(&mut self, now: SimTime) {
        for index in 0..self.nodes.len() {
            let id = NodeId(u32::try_from(index).expect("node ids are 32 bits"));
            self.count_running(id, 0, now);
            let node = &self.nodes[index];
            let row = NodeRow {
                rep: self.rep,
                node: self.global(id).0,
                name: node.name.clone(),
                group: node.group.clone(),
                role: match node.role {
                    Role::Validator => "validator",
                    Role::Provider => "provider",
                },
                subnet: self.subnet.0,
                uid: uid(id).0,
                hardware: self.classes[node.class].hardware.clone(),
                region: self.network.regions().region(node.region).name.clone(),
                behaviour: match &node.weights {
                    Some(adapter) => adapter.behaviour(),
                    None => node.behaviour.word(),
                },
                slots: self.execution.load(id).slots,
                initial_stake: node.stake,
                stake: node.staked,
                earned: node.earned,
                jobs: node.jobs_done,
                probes: node.probes_done,
                busy: node.busy.0,
            };
            self.record(row);
        }
    }
}

fn plus(a: Load, b: Load) -> Load {
    Load {
        slots: a.slots + b.slots,
        running: a.running + b.running,
        waiting: a.waiting + b.waiting,
    }
}

impl World {
    pub(super) fn sample_due(&mut self, cx: &mut Now<'_>) {
        self.sample(cx.now());
        cx.after_with(CHAIN, self.sample_every, CHAIN_LAST, NetworkEvent::SampleDue);
    }

    /// Writes one row a class for the interval that ends now.
    pub(super) fn sample(&mut self, now: SimTime) {
        if core::mem::replace(&mut self.last_sample, now) == now {
            return;
        }
        self.sample_members(now);
        if let Some(dtao) = &self.dtao {
            let row = dtao.row();
            self.record(row);
        }
        let classes = self.islands.first().map_or(0, |island| island.model().classes.len());
        for index in 0..classes {
            let (mut nodes, mut load, mut busy) = (0, Load::default(), SimDuration::ZERO);
            for island in &mut self.islands {
                let here = island.model_mut().look(index, now);
                (nodes, load, busy) = (nodes + here.0, plus(load, here.1), busy + here.2);
            }
            let hardware = self.islands[0].model().classes[index].word();
            self.record(LoadRow {
                rep: self.rep,
                time: now.0,
                hardware,
                nodes: u32::try_from(nodes).expect("nodes fit 32 bits"),
                slots: load.slots,
                busy: busy.0,
                running: load.running,
                waiting: load.waiting,
            });
        }
    }
}
