//! When a subnet's epoch runs.
//!
//! | form | rule | source |
//! |---|---|---|
//! | [`is_due_by_number`] | block + netuid + 1 is a multiple of tempo + 1 | opentensor/subtensor v3.3.15-402, `coinbase/run_coinbase.rs` |
//! | [`Schedule`] | tempo blocks after the last; at most two a block, others wait a block; an owner may trigger one | @ 14bc6f9f, the same file and `coinbase/tempo_control.rs` |

use serde::{Deserialize, Serialize};

/// Epochs that may run in one block.
pub const MAX_EPOCHS_PER_BLOCK: u16 = 2;
/// Tempo of a new subnet, blocks.
pub const TEMPO: u16 = 360;
/// The greatest tempo an owner may set; a subnet idle for longer is run in any case.
pub const MAX_TEMPO: u64 = 50_400;
/// The least tempo an owner may set.
pub const MIN_TEMPO: u64 = 360;

/// Blocks until the epoch of subnet `netuid`, 0 in the block in which it runs; `None` for tempo
/// 0, which never runs. The period is tempo + 1.
#[must_use]
pub fn blocks_until_by_number(netuid: u16, tempo: u16, block: u64) -> Option<u64> {
    if tempo == 0 {
        return None;
    }
    let tempo = u64::from(tempo);
    Some(tempo - block.wrapping_add(u64::from(netuid) + 1) % (tempo + 1))
}

/// Whether the epoch of subnet `netuid` runs in `block`, until June 2026.
#[must_use]
pub fn is_due_by_number(netuid: u16, tempo: u16, block: u64) -> bool {
    blocks_until_by_number(netuid, tempo, block) == Some(0)
}

/// A subnet's schedule since June 2026.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Blocks between epochs; 0 for never.
    pub tempo: u16,
    /// The block of the last one, or where the count began.
    pub last_epoch: u64,
    /// The block from which a triggered or deferred one is due; 0 for none.
    pub pending_at: u64,
    /// Blocks since the last one that ran.
    pub blocks_since_step: u64,
    /// How many slots were used.
    pub index: u64,
}

impl Schedule {
    /// The schedule of a subnet registered at `block`, staggered by its number.
    #[must_use]
    pub fn new(netuid: u16, tempo: u16, block: u64) -> Self {
        let stagger = u64::from(netuid) % u64::from(tempo.max(1));
        Self {
            tempo,
            last_epoch: block.saturating_sub(stagger),
            pending_at: 0,
            blocks_since_step: 0,
            index: 0,
        }
    }

    /// Whether an epoch is due, whatever the limit of the block says.
    #[inline]
    #[must_use]
    pub const fn is_due(&self, block: u64) -> bool {
        self.tempo != 0
            && ((self.pending_at > 0 && block >= self.pending_at)
                || self.blocks_since_step > MAX_TEMPO
                || block.saturating_sub(self.last_epoch) >= self.tempo as u64)
    }

    /// Counts a block, and runs or defers an epoch that is due. `ran` counts the epochs of the
    /// block so far; to be called in ascending order of subnets.
    #[inline]
    pub fn step(&mut self, block: u64, ran: &mut u16) -> bool {
        self.blocks_since_step = self.blocks_since_step.saturating_add(1);
        if !self.is_due(block) {
            return false;
        }
        if *ran >= MAX_EPOCHS_PER_BLOCK {
            self.pending_at = block.saturating_add(1);
            return false;
        }
        *ran += 1;
        self.blocks_since_step = 0;
        self.last_epoch = block;
        self.pending_at = 0;
        self.index = self.index.saturating_add(1);
        true
    }

    /// The owner asks for an epoch `window` blocks from now. Refused while one is pending or
    /// the next is nearer than the window.
    pub const fn trigger(&mut self, block: u64, window: u64) -> bool {
        let next = self.last_epoch.saturating_add(self.tempo as u64);
        if self.tempo == 0 || self.pending_at != 0 || next.saturating_sub(block) < window {
            return false;
        }
        self.pending_at = block.saturating_add(window);
        true
    }

    /// Sets another tempo; the count begins anew.
    pub const fn set_tempo(&mut self, tempo: u16, block: u64) {
        self.tempo = tempo;
        self.last_epoch = block;
        self.pending_at = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table in upstream's documentation.
    #[test]
    fn first_epochs_by_number() {
        for (tempo, netuid, first) in
            [(1, 0, 0), (1, 1, 1), (2, 0, 1), (2, 1, 0), (100, 0, 99), (100, 1, 98)]
        {
            let found = (0_u64..1_000).find(|&block| is_due_by_number(netuid, tempo, block));
            assert_eq!(found, Some(first), "tempo {tempo}, subnet {netuid}");
        }
        assert_eq!(blocks_until_by_number(3, 0, 9), None);
    }

    #[test]
    fn epochs_by_number_come_every_tempo_and_one() {
        let due: Vec<u64> = (0..1_200).filter(|&b| is_due_by_number(7, 360, b)).collect();
        assert_eq!(due, [352, 713, 1_074]);
    }

    #[test]
    fn stateful_epochs_come_every_tempo_two_a_block() {
        let mut schedules: Vec<Schedule> =
            (0..5).map(|_| Schedule { last_epoch: 0, ..Schedule::new(0, 360, 0) }).collect();
        let mut ran_at = vec![Vec::new(); 5];
        for block in 1..=730 {
            let mut ran = 0;
            for (schedule, at) in schedules.iter_mut().zip(&mut ran_at) {
                if schedule.step(block, &mut ran) {
                    at.push(block);
                }
            }
            assert!(ran <= MAX_EPOCHS_PER_BLOCK);
        }
        // Deferred ones keep their new phase.
        assert_eq!(ran_at, [[360, 720], [360, 720], [361, 721], [361, 721], [362, 722]]);
        assert_eq!(schedules[4].index, 2);
    }

    #[test]
    fn triggers_and_idle_subnets() {
        let mut schedule = Schedule::new(9, 360, 1_000);
        assert_eq!(schedule.last_epoch, 991);
        assert!(!schedule.trigger(1_345, 10));
        assert!(schedule.trigger(1_100, 10));
        assert!(!schedule.trigger(1_100, 10));
        assert!(!schedule.is_due(1_109) && schedule.is_due(1_110));
        let mut ran = 0;
        assert!(schedule.step(1_110, &mut ran));
        assert_eq!((schedule.last_epoch, schedule.pending_at), (1_110, 0));
        schedule.set_tempo(0, 1_111);
        assert!(!schedule.is_due(u64::MAX));
        assert!(!schedule.trigger(1_200, 1));
        let idle = Schedule { blocks_since_step: MAX_TEMPO + 1, ..Schedule::new(0, 60_000, 5) };
        assert!(idle.is_due(6));
    }
}
