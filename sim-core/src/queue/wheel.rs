//! A radix wheel: buckets by the highest 6-bit digit in which a time differs from the wheel's
//! own, emptied in order of time and sorted only by who takes them.
//!
//! The time of 64 bits has 11 digits, so there are 11 levels of 64 buckets. A bucket of level
//! l spans 64^l nanoseconds. When a bucket's turn comes it is handed out if it is small, or
//! else dealt out over the levels below; so an event moves at most 11 times, in practice
//! once or twice.
//!
//! Buckets are chains of blocks from one pool, so the memory follows the number of events
//! and not the largest size that each bucket ever had.

use super::Item;

const DIGIT: u32 = 6;
const DIGITS: usize = 1 << DIGIT;
const LEVELS: usize = 11;

/// Events to a block.
const BLOCK: usize = 32;

/// A bucket of at most this many events is handed out whole: sorting that many at once costs
/// less than dealing them out once more. More would be too many to schedule into.
const SMALL: u32 = 512;

/// Buckets are handed out together until there are this many events.
const FAIR: usize = 16;

/// The digit of a time at a level.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "one digit is kept")]
fn digit(time: u64, level: u32) -> usize {
    (time >> (level * DIGIT)) as usize % DIGITS
}

/// The position of a level's digit.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "eleven levels")]
fn shift(level: usize) -> u32 {
    level as u32 * DIGIT
}

/// No block.
const NONE: u32 = u32::MAX;

/// A chain of blocks, the first of which may be partly filled.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    first: u32,
    count: u32,
}

const EMPTY: Bucket = Bucket { first: NONE, count: 0 };

#[derive(Debug, Clone)]
pub(super) struct Wheel<E> {
    /// No event lies before it.
    base: u64,
    /// `LEVELS` x `DIGITS`; empty until first used.
    buckets: Vec<Bucket>,
    /// Which buckets of a level hold anything.
    occupied: [u64; LEVELS],
    /// Blocks of events, `BLOCK` places each.
    places: Vec<Item<E>>,
    /// The block after each in its chain, or in the chain of free ones.
    next: Vec<u32>,
    free: u32,
    len: usize,
}

impl<E> Default for Wheel<E> {
    fn default() -> Self {
        Self {
            base: 0,
            buckets: Vec::new(),
            occupied: [0; LEVELS],
            places: Vec::new(),
            next: Vec::new(),
            free: NONE,
            len: 0,
        }
    }
}

impl<E: Copy> Wheel<E> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Sets the wheel, which must be empty, to a moment before which nothing will be pushed.
    pub(super) fn restart(&mut self, base: u64) {
        debug_assert_eq!(self.len, 0, "only an empty wheel starts anew");
        self.base = base;
        self.buckets.resize(LEVELS * DIGITS, EMPTY);
    }

    #[inline]
    pub(super) fn push(&mut self, item: Item<E>) {
        self.len += 1;
        self.place(item);
    }

    #[inline]
    fn place(&mut self, item: Item<E>) {
        let time = item.key.time().0;
        debug_assert!(time >= self.base, "nothing is pushed into the past");
        let level = ((time ^ self.base) | 1).ilog2() / DIGIT;
        let digit = digit(time, level);
        let level = level as usize;
        self.occupied[level] |= 1 << digit;
        let index = level * DIGITS + digit;
        let Bucket { first, count } = self.buckets[index];
        let at = count as usize % BLOCK;
        let block = if at == 0 { self.block(first, item) } else { first };
        self.places[block as usize * BLOCK + at] = item;
        self.buckets[index] = Bucket { first: block, count: count + 1 };
    }

    /// A block from the pool, put before `after` in its chain. `filler` fills a new one.
    #[inline]
    fn block(&mut self, after: u32, filler: Item<E>) -> u32 {
        let block = if self.free == NONE {
            let block = u32::try_from(self.next.len()).expect("fewer than 2^37 events");
            if self.places.capacity() - self.places.len() < BLOCK {
                // By an eighth and not by double: memory is what limits a large network.
                self.places.reserve_exact(BLOCK.max(self.places.len() / 8));
            }
            self.places.resize(self.places.len() + BLOCK, filler);
            self.next.push(NONE);
            block
        } else {
            let block = self.free;
            self.free = self.next[block as usize];
            block
        };
        self.next[block as usize] = after;
        block
    }

    /// Hands out the events of a bucket, and its blocks back to the pool.
    #[inline]
    fn empty(&mut self, bucket: Bucket, mut each: impl FnMut(&mut Self, usize, usize)) {
        let (mut block, mut count) = (bucket.first, bucket.count as usize);
        while block != NONE {
            let filled = (count - 1) % BLOCK + 1;
            each(self, block as usize * BLOCK, filled);
            count -= filled;
            let following = self.next[block as usize];
            self.next[block as usize] = self.free;
            self.free = block;
            block = following;
        }
    }

    /// Moves the earliest events, not sorted, into `out`, and says from which moment to which.
    /// From then on nothing may be pushed up to the last of these.
    pub(super) fn next_run(&mut self, out: &mut Vec<Item<E>>) -> Option<(u64, u64)> {
        loop {
            let level = self.occupied.iter().position(|&digits| digits != 0)?;
            let bucket = self.advance(level);
            if level == 0 || bucket.count <= SMALL {
                let first = self.base;
                self.hand_out(bucket, out);
                // The levels below are empty, so the neighbours are next: a run of a few is
                // dearer by the event.
                while out.len() < FAIR
                    && self.occupied[level] != 0
                    && self.buckets[level * DIGITS + self.occupied[level].trailing_zeros() as usize]
                        .count
                        <= SMALL
                {
                    let bucket = self.advance(level);
                    self.hand_out(bucket, out);
                }
                return Some((first, self.base + ((1 << shift(level)) - 1)));
            }
            // A block goes back to the pool only after its events have left it.
            self.empty(bucket, |wheel, from, filled| {
                for at in from..from + filled {
                    wheel.place(wheel.places[at]);
                }
            });
        }
    }

    /// Takes the first bucket of a level out and moves the base to its start. The levels below
    /// must be empty, so that every other event still is where it belongs.
    #[inline]
    fn advance(&mut self, level: usize) -> Bucket {
        let digit = self.occupied[level].trailing_zeros();
        self.occupied[level] &= !(1 << digit);
        let shift = shift(level);
        let above = u64::MAX.checked_shl(shift + DIGIT).unwrap_or(0);
        self.base = self.base & above | u64::from(digit) << shift;
        core::mem::replace(&mut self.buckets[level * DIGITS + digit as usize], EMPTY)
    }

    #[inline]
    fn hand_out(&mut self, bucket: Bucket, out: &mut Vec<Item<E>>) {
        self.len -= bucket.count as usize;
        self.empty(bucket, |wheel, from, filled| {
            out.extend_from_slice(&wheel.places[from..from + filled]);
        });
    }

    /// Hands out everything, in no particular order.
    pub(super) fn drain(&mut self, mut each: impl FnMut(Item<E>)) {
        for index in 0..self.buckets.len() {
            let bucket = core::mem::replace(&mut self.buckets[index], EMPTY);
            self.empty(bucket, |wheel, from, filled| {
                wheel.places[from..from + filled].iter().copied().for_each(&mut each);
            });
        }
        self.occupied = [0; LEVELS];
        self.len = 0;
    }

    pub(super) fn bytes(&self) -> usize {
        self.places.capacity() * size_of::<Item<E>>()
            + self.next.capacity() * size_of::<u32>()
            + self.buckets.capacity() * size_of::<Bucket>()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Item<E>> {
        self.buckets.iter().flat_map(move |bucket| {
            let mut block = bucket.first;
            let mut count = bucket.count as usize;
            core::iter::from_fn(move || {
                (block != NONE).then(|| {
                    let filled = (count - 1) % BLOCK + 1;
                    let from = block as usize * BLOCK;
                    count -= filled;
                    block = self.next[block as usize];
                    &self.places[from..from + filled]
                })
            })
            .flatten()
        })
    }
}
