//! Which of a subnet's mechanisms weighs whom.
//!
//! A validator arrives at one row of weights. Where a subnet has several mechanisms it publishes
//! to each the part of its row that the mechanism is about, and weight for itself to all.

use mechanisms::reward::yuma::Mechanism;
use serde::{Deserialize, Serialize};
use sim_types::Uid;

/// Whom each mechanism of a subnet weighs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Mechanisms {
    /// By mechanism, then by uid; empty where the only one weighs everybody.
    weighs: Vec<Vec<bool>>,
}

impl Mechanisms {
    /// From the groups of the members, by uid.
    pub(super) fn new(mechanisms: &[Mechanism], groups: &[&str]) -> Self {
        let weighs = |mechanism: &Mechanism| {
            let named = |group: &&str| mechanism.weighs.iter().any(|name| name == group);
            groups.iter().map(named).collect()
        };
        Self { weighs: mechanisms.iter().map(weighs).collect() }
    }

    /// The row of a validator as it publishes it: for each mechanism in turn what is about it,
    /// unless that is nothing.
    pub(super) fn publish(
        &self,
        by: Uid,
        row: Vec<(Uid, u16)>,
        mut each: impl FnMut(u8, Vec<(Uid, u16)>),
    ) {
        if self.weighs.is_empty() {
            return each(0, row);
        }
        for (mechanism, weighs) in (0..).zip(&self.weighs) {
            let about = |uid: Uid| uid == by || weighs.get(usize::from(uid.0)) == Some(&true);
            let part: Vec<_> = row.iter().copied().filter(|&(uid, _)| about(uid)).collect();
            if part.iter().any(|&(_, weight)| weight > 0) {
                each(mechanism, part);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(mechanisms: &Mechanisms, row: &[(u16, u16)]) -> Vec<(u8, Vec<(u16, u16)>)> {
        let row = row.iter().map(|&(uid, weight)| (Uid(uid), weight)).collect();
        let mut published = Vec::new();
        mechanisms.publish(Uid(0), row, |mechanism, part| {
            published
                .push((mechanism, part.iter().map(|&(uid, weight)| (uid.0, weight)).collect()));
        });
        published
    }

    #[test]
    fn each_mechanism_is_told_what_it_is_about() {
        let groups = ["validators", "text", "images", "both", "parked"];
        let of = |weighs: &[&str]| Mechanism {
            weighs: weighs.iter().map(|&name| name.to_owned()).collect(),
            parts: 1,
        };
        let two = Mechanisms::new(&[of(&["text", "both"]), of(&["images", "both"])], &groups);
        let row = [(0, 9), (1, 1), (2, 2), (3, 3), (4, 4)];
        let want = vec![(0, vec![(0, 9), (1, 1), (3, 3)]), (1, vec![(0, 9), (2, 2), (3, 3)])];
        assert_eq!(published(&two, &row), want);
        assert_eq!(published(&two, &[(1, 5), (2, 0)]), [(0, vec![(1, 5)])], "nothing to say");
        assert_eq!(published(&Mechanisms::default(), &row), [(0, row.to_vec())]);
    }
}
