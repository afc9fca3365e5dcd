//! Things that come and go, addressed by tickets that never name two different things.

use serde::{Deserialize, Serialize};

/// A table with reuse of places. A ticket holds the place below and how often it was used
/// above, so a ticket that outlives its thing finds nothing instead of a stranger.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Slab<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Place<T> {
    uses: u32,
    thing: Option<T>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }
}

fn ticket(place: u32, uses: u32) -> u64 {
    u64::from(uses) << 32 | u64::from(place)
}

#[expect(clippy::cast_possible_truncation, reason = "the halves of a ticket")]
fn parts(ticket: u64) -> (usize, u32) {
    (ticket as u32 as usize, (ticket >> 32) as u32)
}

impl<T> Slab<T> {
    /// Puts a thing in and names it.
    pub(super) fn insert(&mut self, thing: T) -> u64 {
        if let Some(place) = self.free.pop() {
            let slot = &mut self.places[place as usize];
            slot.uses += 1;
            slot.thing = Some(thing);
            return ticket(place, slot.uses);
        }
        let place = u32::try_from(self.places.len()).expect("fewer than 2^32 things at once");
        self.places.push(Place { uses: 0, thing: Some(thing) });
        ticket(place, 0)
    }

    /// The thing of this name, if it is still there.
    pub(super) fn get(&self, name: u64) -> Option<&T> {
        let (place, uses) = parts(name);
        self.places.get(place).filter(|p| p.uses == uses)?.thing.as_ref()
    }

    /// The thing of this name, if it is still there.
    pub(super) fn get_mut(&mut self, name: u64) -> Option<&mut T> {
        let (place, uses) = parts(name);
        self.places.get_mut(place).filter(|p| p.uses == uses)?.thing.as_mut()
    }

    /// Takes the thing of this name out.
    pub(super) fn remove(&mut self, name: u64) -> Option<T> {
        let (place, uses) = parts(name);
        let thing = self.places.get_mut(place).filter(|p| p.uses == uses)?.thing.take()?;
        self.free.push(u32::try_from(place).expect("places fit 32 bits"));
        Some(thing)
    }

    /// Everything still there, by place.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.places.iter().filter_map(|p| p.thing.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_ticket_finds_nothing() {
        let mut slab = Slab::default();
        let first = slab.insert("a");
        assert_eq!(slab.remove(first), Some("a"));
        let second = slab.insert("b");
        assert_ne!(first, second);
        assert_eq!(slab.get(first), None);
        assert_eq!(slab.remove(first), None);
        assert_eq!(slab.get(second), Some(&"b"));
    }
}
