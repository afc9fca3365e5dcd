//! Merkle trees by the established crates.

use rayon::prelude::*;
use sha2::digest::{Digest, OutputSizeUser};

/// Bytes of a hash.
pub const HASH: usize = 32;

/// Where each level of a tree over `n` leaves begins and how many nodes it has, in nodes; the
/// last one is the root.
#[must_use]
pub fn levels(n: usize) -> Vec<(usize, usize)> {
    let mut all = vec![(0, n)];
    while let Some(&(start, n)) = all.last()
        && n > 1
    {
        all.push((start + n, n.div_ceil(2)));
    }
    all
}

/// Nodes of all levels.
#[must_use]
pub fn nodes(n: usize) -> usize {
    levels(n).iter().map(|level| level.1).sum()
}

/// The tree over leaves of `leaf` bytes, levels one after the other. A node without a sibling
/// is carried up as it is.
///
/// # Panics
/// When the hash has not 32 bytes.
pub fn tree<D: Digest + OutputSizeUser>(data: &[u8], leaf: usize, out: &mut [u8]) {
    let levels = levels(data.len() / leaf);
    let (leaves, _) = out.split_at_mut(levels[0].1 * HASH);
    leaves.par_chunks_mut(HASH).zip(data.par_chunks(leaf)).with_min_len(16).for_each(
        |(out, leaf)| {
            out.copy_from_slice(&D::digest(leaf));
        },
    );
    for pair in levels.windows(2) {
        let [(from, n), (to, _)] = [pair[0], pair[1]];
        let (below, above) = out.split_at_mut(to * HASH);
        let children = below[from * HASH..].par_chunks(2 * HASH);
        let parents = above[..n.div_ceil(2) * HASH].par_chunks_mut(HASH);
        parents.zip(children).with_min_len(64).for_each(|(out, child)| {
            if child.len() == HASH {
                out.copy_from_slice(child);
            } else {
                out.copy_from_slice(&D::digest(child));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::Sha256;

    #[test]
    fn an_odd_node_is_carried_up() {
        let data: Vec<u8> = (0..192).collect();
        let mut out = vec![0; nodes(3) * HASH];
        tree::<Sha256>(&data, 64, &mut out);
        let leaf = |i: usize| Sha256::digest(&data[64 * i..64 * i + 64]);
        let left = Sha256::digest([leaf(0), leaf(1)].concat());
        assert_eq!(levels(3), [(0, 3), (3, 2), (5, 1)]);
        assert_eq!(out[128..160], leaf(2)[..]);
        assert_eq!(out[160..], Sha256::digest([left, leaf(2)].concat())[..]);
    }
}
