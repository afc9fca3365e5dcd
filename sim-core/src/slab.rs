//! What is too large for an event, or shared by many: it lies here, and events carry its name.
//!
//! A name holds the place below and how often the place was used above, so a name that
//! outlives its thing finds nothing instead of a stranger. A broadcast lies here once and goes
//! when its last delivery lets go of it.

use serde::{Deserialize, Serialize};

/// Things that come and go, addressed by names that never mean two different things.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Slab<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Place<T> {
    uses: u32,
    /// How many have yet to let go of it.
    holders: u32,
    thing: Option<T>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }
}

fn name(place: u32, uses: u32) -> u64 {
    u64::from(uses) << 32 | u64::from(place)
}

#[expect(clippy::cast_possible_truncation, reason = "the halves of a name")]
fn parts(name: u64) -> (usize, u32) {
    (name as u32 as usize, (name >> 32) as u32)
}

impl<T> Slab<T> {
    /// Puts a thing in and names it.
    ///
    /// # Panics
    /// When 2^32 things are there at once.
    pub fn insert(&mut self, thing: T) -> u64 {
        self.share(thing, 1)
    }

    /// Puts a thing in for so many holders, each of which will [`release`](Self::release) it.
    ///
    /// # Panics
    /// As [`Slab::insert`].
    pub fn share(&mut self, thing: T, holders: u32) -> u64 {
        if let Some(place) = self.free.pop() {
            let slot = &mut self.places[place as usize];
            slot.uses = slot.uses.wrapping_add(1);
            (slot.holders, slot.thing) = (holders, Some(thing));
            return name(place, slot.uses);
        }
        let place = u32::try_from(self.places.len()).expect("fewer than 2^32 things at once");
        self.places.push(Place { uses: 0, holders, thing: Some(thing) });
        name(place, 0)
    }

    /// The thing of this name, if it is still there.
    #[must_use]
    #[inline]
    pub fn get(&self, name: u64) -> Option<&T> {
        let (place, uses) = parts(name);
        self.places.get(place).filter(|p| p.uses == uses)?.thing.as_ref()
    }

    /// The thing of this name, if it is still there.
    #[inline]
    pub fn get_mut(&mut self, name: u64) -> Option<&mut T> {
        let (place, uses) = parts(name);
        self.places.get_mut(place).filter(|p| p.uses == uses)?.thing.as_mut()
    }

    /// One holder lets go: the last takes the thing out.
    pub fn release(&mut self, name: u64) -> Option<T> {
        let (place, uses) = parts(name);
        let slot = self.places.get_mut(place).filter(|p| p.uses == uses)?;
        slot.holders = slot.holders.saturating_sub(1);
        if slot.holders > 0 { None } else { self.remove(name) }
    }

    /// Takes the thing of this name out, whoever else holds it.
    pub fn remove(&mut self, name: u64) -> Option<T> {
        let (place, uses) = parts(name);
        let thing = self.places.get_mut(place).filter(|p| p.uses == uses)?.thing.take()?;
        #[expect(clippy::cast_possible_truncation, reason = "the half that names the place")]
        self.free.push(name as u32);
        Some(thing)
    }

    /// Everything still there, by place.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.places.iter().filter_map(|p| p.thing.as_ref())
    }

    /// How many things are there.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Whether nothing is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_name_finds_nothing() {
        let mut slab = Slab::default();
        let first = slab.insert("a");
        assert_eq!(slab.remove(first), Some("a"));
        let second = slab.insert("b");
        assert_ne!(first, second);
        assert_eq!(slab.get(first), None);
        assert_eq!(slab.remove(first), None);
        assert_eq!(slab.release(first), None);
        assert_eq!(slab.get(second), Some(&"b"));
    }

    #[test]
    fn a_broadcast_goes_with_its_last_delivery() {
        let mut slab = Slab::default();
        let block = slab.share(vec![1, 2, 3], 3);
        assert_eq!(slab.release(block), None);
        assert_eq!(slab.release(block), None);
        assert_eq!((slab.get(block), slab.len()), (Some(&vec![1, 2, 3]), 1));
        assert_eq!(slab.release(block), Some(vec![1, 2, 3]));
        assert!(slab.is_empty());
        assert_eq!(slab.release(block), None);
    }
}
