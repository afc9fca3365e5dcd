//! Who is there and who is up: what every market keeps.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sim_types::{JobId, NodeId, Rejected};

/// A provider as a market sees it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Provider {
    pub(super) node: NodeId,
    pub(super) up: bool,
    /// Jobs and probes given to it and not closed yet.
    pub(super) outstanding: u32,
}

/// A validator as a market sees it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Validator {
    pub(super) node: NodeId,
    pub(super) up: bool,
    pub(super) stake: u64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Place {
    Provider(u32),
    Validator(u32),
}

/// Providers and validators in the order in which they joined. Places never move, so they can
/// be kept as indices.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Roster {
    pub(super) providers: Vec<Provider>,
    pub(super) validators: Vec<Validator>,
    places: BTreeMap<NodeId, Place>,
    /// Providers that are up, ascending.
    pub(super) up: Vec<u32>,
}

fn place(index: usize) -> u32 {
    u32::try_from(index).expect("nodes are numbered by 32 bits and join once")
}

impl Roster {
    fn claim(&mut self, node: NodeId, place: Place) -> Result<(), Rejected> {
        if self.places.contains_key(&node) {
            return Err(Rejected::NotPermitted("joined already"));
        }
        self.places.insert(node, place);
        Ok(())
    }

    pub(super) fn add_provider(&mut self, node: NodeId) -> Result<(), Rejected> {
        let index = place(self.providers.len());
        self.claim(node, Place::Provider(index))?;
        self.providers.push(Provider { node, up: true, outstanding: 0 });
        self.up.push(index);
        Ok(())
    }

    pub(super) fn add_validator(&mut self, node: NodeId, stake: u64) -> Result<(), Rejected> {
        self.claim(node, Place::Validator(place(self.validators.len())))?;
        self.validators.push(Validator { node, up: true, stake });
        Ok(())
    }

    /// Marks a node; being told twice changes nothing.
    pub(super) fn set_up(&mut self, node: NodeId, up: bool) -> Result<(), Rejected> {
        match self.places.get(&node).ok_or(Rejected::UnknownNode(node))? {
            Place::Validator(v) => self.validators[*v as usize].up = up,
            Place::Provider(p) => {
                self.providers[*p as usize].up = up;
                match (self.up.binary_search(p), up) {
                    (Err(at), true) => self.up.insert(at, *p),
                    (Ok(at), false) => {
                        self.up.remove(at);
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    pub(super) fn provider(&self, node: NodeId) -> Result<usize, Rejected> {
        match self.places.get(&node) {
            Some(Place::Provider(p)) => Ok(*p as usize),
            _ => Err(Rejected::UnknownNode(node)),
        }
    }

    pub(super) fn knows(&self, node: NodeId) -> bool {
        self.places.contains_key(&node)
    }

    pub(super) fn validator(&self, node: NodeId) -> Result<usize, Rejected> {
        match self.places.get(&node) {
            Some(Place::Validator(v)) => Ok(*v as usize),
            _ => Err(Rejected::UnknownNode(node)),
        }
    }

    /// One job of this provider is over.
    pub(super) fn close(&mut self, job: JobId, provider: NodeId) -> Result<(), Rejected> {
        let index = self.provider(provider)?;
        let outstanding = &mut self.providers[index].outstanding;
        *outstanding = outstanding.checked_sub(1).ok_or(Rejected::NotOpen(job.0))?;
        Ok(())
    }
}
