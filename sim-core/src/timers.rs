//! Scheduled events that can be taken back, in constant time.

use serde::{Deserialize, Serialize};

/// A scheduled event, so that it can be cancelled. Outlives it without harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Timer {
    place: u32,
    uses: u32,
}

/// The handle of an event that nobody can take back.
pub(crate) const NEVER: u32 = u32::MAX;

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Place {
    /// How often the place was used before, so that an old timer finds nothing.
    uses: u32,
    cancelled: bool,
}

/// One place for every pending event that can be cancelled. The event finds its place when its
/// time comes, and leaves it to the next.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Timers {
    places: Vec<Place>,
    free: Vec<u32>,
}

impl Timers {
    /// A place for one more event: the handle that goes with it, and its name for others.
    #[inline]
    pub(crate) fn set(&mut self) -> (u32, Timer) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place { uses: 0, cancelled: false });
            u32::try_from(self.places.len() - 1).expect("fewer than 2^32 timers at once")
        });
        assert_ne!(place, NEVER, "fewer than 2^32 - 1 timers at once");
        (place, Timer { place, uses: self.places[place as usize].uses })
    }

    /// Takes an event back, unless it has happened.
    #[inline]
    pub(crate) fn cancel(&mut self, timer: Timer) {
        if let Some(place) = self.places.get_mut(timer.place as usize)
            && place.uses == timer.uses
        {
            place.cancelled = true;
        }
    }

    /// Whether the event of this handle was taken back.
    pub(crate) fn is_cancelled(&self, handle: u32) -> bool {
        self.places.get(handle as usize).is_some_and(|place| place.cancelled)
    }

    /// The time of an event has come: whether it still is to happen. Frees its place.
    #[inline]
    pub(crate) fn due(&mut self, handle: u32) -> bool {
        if handle == NEVER {
            return true;
        }
        let place = &mut self.places[handle as usize];
        let happens = !place.cancelled;
        *place = Place { uses: place.uses.wrapping_add(1), cancelled: false };
        self.free.push(handle);
        happens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_event_does_not_happen_and_an_old_timer_harms_nobody() {
        let mut timers = Timers::default();
        assert!(timers.due(NEVER));
        let (first, timer) = timers.set();
        timers.cancel(timer);
        timers.cancel(timer);
        assert!(!timers.due(first));
        let (second, other) = timers.set();
        assert_eq!((second, first), (first, second), "the place is used again");
        assert_ne!(timer, other);
        timers.cancel(timer);
        assert!(timers.due(second));
    }
}
