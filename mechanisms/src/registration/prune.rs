//! Which neuron makes room for a newcomer.
//!
//! After `subnets/registration.rs` (`get_neuron_to_prune`, `get_immune_owner_tuples`) and
//! `utils/misc.rs` (`get_neuron_is_immune`) of opentensor/subtensor @ 14bc6f9f:
//!
//! | rule | |
//! |---|---|
//! | R1 | a neuron is immune while its age is below the immunity period |
//! | R2 | the owner's first-registered neurons, up to a limit, are immortal; the subnet owner's own hotkey comes first |
//! | R3 | among the others, the least by (emission, registration block, uid) goes: of the non-immune, if more than a minimum of them exist, else of the immune |
//! | R4 | if none is left, registration fails |

/// Age in blocks below which a neuron cannot be replaced, unless a subnet sets another
/// (`runtime/src/lib.rs`, initial value; new subnets are given 5,000).
pub const IMMUNITY_PERIOD: u64 = 4_096;
/// Non-immune neurons that stay unless only they are left.
pub const MIN_NON_IMMUNE: usize = 10;
/// Immortal neurons of an owner.
pub const IMMORTAL_LIMIT: usize = 1;

/// What the choice looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Neuron {
    /// Emission of the last epoch, smallest unit.
    pub emission: u64,
    /// The block of its registration.
    pub registered_at: u64,
    /// R1.
    pub immune: bool,
    /// R2.
    pub immortal: bool,
}

/// R1.
#[must_use]
pub const fn is_immune(registered_at: u64, block: u64, period: u64) -> bool {
    block.saturating_sub(registered_at) < period
}

/// R2: the uids of the owner that are never replaced. `registered` holds (registration block, uid)
/// of the owner's neurons in any order; `owner` is the uid of the subnet owner's own hotkey.
#[must_use]
pub fn immortal_uids(registered: &[(u64, u16)], owner: Option<u16>, limit: usize) -> Vec<u16> {
    let mut sorted = registered.to_vec();
    sorted.sort_unstable();
    let mut uids: Vec<u16> = sorted.into_iter().map(|(_, uid)| uid).take(limit).collect();
    if let Some(owner) = owner.filter(|owner| !uids.contains(owner)) {
        uids.insert(0, owner);
        uids.truncate(limit);
    }
    uids
}

/// R3, R4: the uid that makes room; the index is the uid.
#[must_use]
pub fn neuron_to_prune(neurons: &[Neuron], min_non_immune: usize) -> Option<u16> {
    let least = |immune: bool| {
        let candidates = (0..).zip(neurons).filter(|(_, n)| !n.immortal && n.immune == immune);
        candidates
            .min_by_key(|&(uid, n): &(u16, &Neuron)| (n.emission, n.registered_at, uid))
            .map(|(uid, _)| uid)
    };
    let free = neurons.iter().filter(|n| !n.immortal && !n.immune).count();
    let non_immune = if free > min_non_immune { least(false) } else { None };
    non_immune.or_else(|| least(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn neuron(emission: u64, registered_at: u64, immune: bool, immortal: bool) -> Neuron {
        Neuron { emission, registered_at, immune, immortal }
    }

    /// The situations of `tests/uids.rs` upstream and those between.
    #[test]
    fn order_floor_and_immortality() {
        let table: [(&[Neuron], usize, Option<u16>); 8] = [
            (&[], 0, None),
            (&[neuron(10, 0, false, false), neuron(10, 1, false, false)], 0, Some(0)),
            (&[neuron(10, 5, false, false), neuron(10, 1, false, false)], 0, Some(1)),
            (&[neuron(10, 5, false, false), neuron(9, 7, false, false)], 0, Some(1)),
            (&[neuron(5, 1, false, false), neuron(9, 7, true, false)], 1, Some(1)),
            (&[neuron(5, 1, false, false), neuron(9, 7, false, false)], 2, None),
            (&[neuron(0, 0, false, true), neuron(9, 7, false, false)], 0, Some(1)),
            (&[neuron(0, 0, false, true)], 0, None),
        ];
        for (neurons, floor, want) in table {
            assert_eq!(neuron_to_prune(neurons, floor), want, "{neurons:?} {floor}");
        }
    }

    #[test]
    fn owners_keep_their_first_neurons() {
        let owned = [(9, 4), (3, 7), (3, 6)];
        assert_eq!(immortal_uids(&owned, None, 2), [6, 7]);
        assert_eq!(immortal_uids(&owned, Some(4), 2), [4, 6]);
        assert_eq!(immortal_uids(&owned, Some(7), 2), [6, 7]);
        assert!(immortal_uids(&owned, Some(7), 0).is_empty());
        assert!(is_immune(5, 4, 1) && is_immune(5, 5, 1) && !is_immune(5, 6, 1));
    }
}
