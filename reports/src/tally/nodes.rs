//! Who took part: the nodes of each replication, with room for what other tables add.

use std::path::Path;

use super::{MAX_NODES, Tally, at};
use crate::error::ReportError;
use crate::table::Table;

/// Role of a node that works.
pub(crate) const PROVIDER: &str = "provider";
/// Role of a node that verifies.
pub(crate) const VALIDATOR: &str = "validator";

/// One node in one replication.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) subnet: u16,
    pub(crate) provider: bool,
    pub(crate) validator: bool,
    /// Number of its behaviour.
    pub(crate) behaviour: usize,
    /// Number of its hardware.
    pub(crate) hardware: usize,
    pub(crate) slots: u32,
    pub(crate) busy: u64,
    pub(crate) earned: u128,
    /// Sum and count of the scores it was given, ppm.
    pub(crate) scores: (u64, u64),
    /// Sum and count of the hidden quality of its answers to users, ppm.
    pub(crate) quality: (u64, u64),
    pub(crate) dividends: u128,
    /// Its stake summed over closed epochs.
    pub(crate) stake_epochs: u128,
}

/// The nodes of one replication, found by id.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    /// Place in `list` plus one; zero is nobody.
    places: Vec<u32>,
    pub(crate) list: Vec<Node>,
}

impl Nodes {
    /// A node by its id.
    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut Node> {
        let place = *self.places.get(id as usize)?;
        self.list.get_mut((place as usize).checked_sub(1)?)
    }
}

pub(super) fn read(tally: &mut Tally, dir: &Path) -> Result<(), ReportError> {
    let columns = [
        "rep",
        "node",
        "name",
        "role",
        "subnet",
        "hardware",
        "behaviour",
        "slots",
        "earned",
        "busy",
    ];
    // A newcomer takes the place of a member that leaves: the same node under another name. What
    // other tables say of the node counts to who holds it last.
    let mut names: Vec<Vec<String>> = vec![Vec::new(); tally.reps.len()];
    Table::open(dir, "nodes", &columns)?.for_each(|batch| {
        let reps = tally.reps(batch)?;
        let called = batch.words("name")?;
        let (nodes, subnets) = (batch.u32("node")?, batch.u16("subnet")?);
        let (roles, hardware) = (batch.words("role")?, batch.words("hardware")?);
        let hardware = hardware.map(|name| tally.hardware.id(name));
        let behaviours = batch.words("behaviour")?.map(|name| tally.behaviours.id(name));
        let (slots, busy) = (batch.u32("slots")?, batch.u64("busy")?);
        let earned = batch.amount("earned")?;
        for row in 0..batch.rows() {
            if nodes[row] >= MAX_NODES {
                return Err(batch.value_error("node", format!("{} is no dense id", nodes[row])));
            }
            let all = &mut tally.reps[reps[row] as usize].nodes;
            let place = at(&mut all.places, nodes[row] as usize);
            let name = at(&mut names[reps[row] as usize], nodes[row] as usize);
            if *place != 0 && name == called.get(row) {
                return Err(batch.value_error("node", format!("{} appears twice", nodes[row])));
            }
            called.get(row).clone_into(name);
            all.list.push(Node {
                subnet: subnets[row],
                provider: roles.get(row) == PROVIDER,
                validator: roles.get(row) == VALIDATOR,
                behaviour: behaviours[row],
                hardware: hardware[row],
                slots: slots[row],
                busy: busy[row],
                earned: earned.get(row),
                scores: (0, 0),
                quality: (0, 0),
                dividends: 0,
                stake_epochs: 0,
            });
            *place = u32::try_from(all.list.len()).unwrap_or(u32::MAX);
        }
        Ok(())
    })
}
