//! Random streams addressed by name.
//!
//! A stream's key is a hash of who draws and what for, never of when or in which order
//! entities were made. Adding an entity therefore moves nobody else's draws, and two designs
//! run on common random numbers wherever their names agree.
//!
//! Antithetic replications come in pairs: 2k draws as always, 2k + 1 is its mirror image
//! wherever inverting a draw inverts what follows from it ([`INVERTED`]), and independent of it
//! elsewhere. (Law, Simulation Modeling and Analysis, section 11.3: inversion helps as far as
//! the outcome is monotone in the draws and both replications use each draw for the same
//! purpose. The second holds by name; the first is a property of the model.)

use serde::{Deserialize, Serialize};
use sim_types::Stream;
use sim_types::stream::Key;

/// The purposes whose draws have a direction: sooner or later, longer or shorter, done or not.
/// Draws that choose one of many (a subnet, a region, a provider) or that only name something
/// (fingerprints) have none, and are independent in both replications of a pair.
pub const INVERTED: [&str; 8] =
    ["answer", "arrivals", "behaviour", "probe", "recheck", "request", "step", "verify"];

/// All streams of one replication of one seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Streams {
    seed: u64,
    replication: u32,
    antithetic: bool,
}

impl Streams {
    /// The streams of a replication, from 0.
    #[must_use]
    pub fn new(seed: u64, replication: u32) -> Self {
        Self { seed, replication, antithetic: false }
    }

    /// The streams of a replication of an antithetic pair: an even one is plain, an odd one
    /// mirrors the one before it.
    #[must_use]
    pub fn antithetic(seed: u64, replication: u32) -> Self {
        Self { seed, replication, antithetic: true }
    }

    /// The key of the stream that `entity` uses for `purpose`.
    ///
    /// The first 64 bits, little-endian, of BLAKE3 over: the seed (64 bits), the replication
    /// (32 bits), and both names, each behind its length (64 bits), all little-endian. The
    /// lengths keep `("ab", "c")` and `("a", "bc")` apart. The mirror of a pair hashes the
    /// number of the replication that it mirrors.
    #[must_use]
    pub fn key(&self, entity: &str, purpose: &str) -> Key {
        let mirrored = self.antithetic && self.replication % 2 == 1 && INVERTED.contains(&purpose);
        let replication = self.replication - u32::from(mirrored);
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.seed.to_le_bytes());
        hasher.update(&replication.to_le_bytes());
        for name in [entity, purpose] {
            hasher.update(&(name.len() as u64).to_le_bytes());
            hasher.update(name.as_bytes());
        }
        let mut first = [0; 8];
        first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        let key = Key::from(u64::from_le_bytes(first));
        if mirrored { key.mirror() } else { key }
    }

    /// That stream on the occasion `event`: a job, an epoch, a message's number.
    #[must_use]
    pub fn stream(&self, entity: &str, purpose: &str, event: u64) -> Stream {
        Stream::new(self.key(entity, purpose), event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// The framing, written out by hand.
    #[test]
    fn the_key_is_the_hash_of_the_framed_name() {
        let mut framed = Vec::new();
        framed.extend(7_u64.to_le_bytes());
        framed.extend(3_u32.to_le_bytes());
        framed.extend([2, 0, 0, 0, 0, 0, 0, 0, b'a', b'b']);
        framed.extend([1, 0, 0, 0, 0, 0, 0, 0, b'c']);
        let hash = blake3::hash(&framed);
        let key = Streams::new(7, 3).key("ab", "c");
        assert_eq!(key.word().to_le_bytes(), hash.as_bytes()[..8]);
    }

    #[test]
    fn every_part_of_the_name_matters() {
        let names = [("ab", "c"), ("a", "bc"), ("", "abc"), ("abc", ""), ("c", "ab")];
        let mut keys = BTreeSet::new();
        for seed in [0, 1] {
            for replication in [0, 1] {
                for (entity, purpose) in names {
                    keys.insert(Streams::new(seed, replication).key(entity, purpose));
                }
            }
        }
        assert_eq!(keys.len(), 2 * 2 * names.len());
    }

    #[test]
    fn odd_replications_mirror_what_has_a_direction() {
        for purpose in ["arrivals", "verify", "market", "region"] {
            let key = |streams: Streams| streams.key("node", purpose);
            let (even, odd) = (Streams::antithetic(5, 6), Streams::antithetic(5, 7));
            assert_eq!(key(even), key(Streams::new(5, 6)), "even replications are as always");
            if INVERTED.contains(&purpose) {
                assert_eq!(key(odd), key(even).mirror());
            } else {
                assert_eq!(key(odd), key(Streams::new(5, 7)));
            }
        }
    }

    proptest! {
        /// Draws of the old entities are the same in a world with one more, made first.
        #[test]
        fn adding_an_entity_moves_nobody_elses_draws(
            seed in any::<u64>(), names in proptest::collection::btree_set("[a-z]{1,4}", 1..8),
        ) {
            let draws = |names: &[&str]| -> Vec<(String, u64)> {
                let streams = Streams::new(seed, 0);
                names.iter().map(|n| ((*n).to_owned(), streams.stream(n, "arrivals", 5).bits())).collect()
            };
            let old: Vec<&str> = names.iter().map(String::as_str).collect();
            let mut new = vec!["newcomer"];
            new.extend(&old);
            prop_assert_eq!(&draws(&new)[1..], &draws(&old)[..]);
        }
    }
}
