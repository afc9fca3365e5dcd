//! Where an event stands in the total order: one key of 128 bits, made by its source alone.

use serde::{Deserialize, Serialize};
use sim_types::SimTime;

use crate::engine::Entity;

/// Where an event stands in the total order; see the crate's head.
///
/// Held as two halves, which align to 8 bytes and serialise everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Key {
    time: u64,
    /// priority: 8 bits, source: 24, count: 32.
    rest: u64,
}

/// Sources must be below this: 24 bits hold them.
pub const MAX_SOURCES: u32 = 1 << 24;

impl Key {
    /// The key of the `count`-th event that `source` schedules.
    ///
    /// # Panics
    /// When `source` does not fit 24 bits.
    #[must_use]
    #[inline]
    pub fn new(time: SimTime, priority: u8, source: Entity, count: u32) -> Self {
        assert!(source.0 < MAX_SOURCES, "entity {} does not fit 24 bits", source.0);
        let rest = u64::from(priority) << 56 | u64::from(source.0) << 32 | u64::from(count);
        Self { time: time.0, rest }
    }

    /// When.
    #[must_use]
    #[inline]
    pub fn time(self) -> SimTime {
        SimTime(self.time)
    }

    /// Priority, source and count in one word.
    #[must_use]
    #[inline]
    pub fn rest(self) -> u64 {
        self.rest
    }

    /// The priority.
    #[must_use]
    #[inline]
    pub fn priority(self) -> u8 {
        self.rest.to_be_bytes()[0]
    }

    /// The entity that scheduled it.
    #[must_use]
    #[inline]
    pub fn source(self) -> Entity {
        Entity((self.rest >> 32) as u32 & (MAX_SOURCES - 1))
    }

    /// Priority and source in one word.
    #[inline]
    pub(crate) fn origin(self) -> u32 {
        (self.rest >> 32) as u32
    }

    /// Whether it has the priority of `origin` but another source.
    #[inline]
    pub(crate) fn origin_differs(self, origin: u32) -> bool {
        let differing = self.origin() ^ origin;
        differing != 0 && differing < MAX_SOURCES
    }

    /// How many events the source had scheduled before.
    #[must_use]
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    pub fn count(self) -> u32 {
        self.rest as u32
    }

    #[inline]
    pub(crate) fn word(self) -> u128 {
        u128::from(self.time) << 64 | u128::from(self.rest)
    }
}

impl Ord for Key {
    #[inline]
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.word().cmp(&other.word())
    }
}

impl PartialOrd for Key {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_keeps_its_parts_and_compares_by_them_in_turn() {
        let key = |t, p, s, c| Key::new(SimTime(t), p, Entity(s), c);
        let full = key(u64::MAX, 255, MAX_SOURCES - 1, u32::MAX);
        assert_eq!(full.time(), SimTime(u64::MAX));
        assert_eq!(
            (full.priority(), full.source(), full.count()),
            (255, Entity(0xff_ffff), u32::MAX)
        );
        let rising = [
            key(0, 0, 0, 0),
            key(0, 0, 0, u32::MAX),
            key(0, 0, 1, 0),
            key(0, 1, 0, 0),
            key(1, 0, 0, 0),
            full,
        ];
        assert!(rising.is_sorted());
    }

    #[test]
    #[should_panic(expected = "does not fit 24 bits")]
    fn a_source_beyond_24_bits_is_refused() {
        let _ = Key::new(SimTime::ZERO, 0, Entity(MAX_SOURCES), 0);
    }
}
