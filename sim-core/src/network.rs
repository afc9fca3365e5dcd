//! How long a message takes from one region to another, and whether it arrives.

mod regions;

use serde::{Deserialize, Serialize};
use sim_types::time::NANOS_PER_SECOND;
use sim_types::units::Bandwidth;
use sim_types::{Fact, Fidelity, Share, SimDuration, Stream, seeded};

pub use regions::{BadRegions, Region, RegionId, Regions};

/// Shortest wait before a lost message is sent again.
///
/// RFC 6298 section 2.4 asks for 1 s; Linux uses 200 ms (`TCP_RTO_MIN` in
/// `include/net/tcp.h`).
pub const MIN_RETRANSMISSION: SimDuration = SimDuration::from_millis(200);

/// Longest wait: RFC 6298 section 2.5 allows a limit of no less than 60 s.
pub const MAX_RETRANSMISSION: SimDuration = SimDuration::from_secs(60);

/// Losses in a row after which the next attempt is taken to arrive, so that the work for
/// one message is bounded.
pub const MAX_LOSSES: u32 = 15;

/// Regions, loss, and which of them are cut off from each other.
///
/// A message takes the one-way latency of its regions, plus its transmission time at the
/// narrower of the sender's uplink and the receiver's downlink, plus one retransmission
/// timeout for each time it is lost. Losses are independent, the same for every pair. The
/// timeout starts at the larger of [`MIN_RETRANSMISSION`] and twice the round trip, and
/// doubles with each loss (RFC 6298 section 5.5) up to [`MAX_RETRANSMISSION`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    regions: Regions,
    loss: Share,
    /// Cuts under way, by pair of regions: overlapping cuts end when all of them have healed.
    cuts: Vec<u16>,
}

impl Network {
    /// A whole network over `regions` that loses `loss` of all messages, each time they are
    /// sent. Above 50% a message meets [`MAX_LOSSES`] more than once in 33,000 times, and the
    /// delay is understated.
    #[must_use]
    pub fn new(regions: Regions, loss: Share) -> Self {
        let cuts = vec![0; regions.len() * regions.len()];
        Self { regions, loss, cuts }
    }

    /// The regions.
    #[must_use]
    pub fn regions(&self) -> &Regions {
        &self.regions
    }

    /// Changes the share of messages lost from now on.
    pub fn set_loss(&mut self, loss: Share) {
        self.loss = loss;
    }

    /// The time from sending `bytes` to their arrival. Draws once for each attempt from
    /// `stream`, and not at all where nothing is lost. A bandwidth of 0 counts as 1 bit/s.
    ///
    /// Partitions are not looked at here: ask [`Network::connected`] first.
    ///
    /// # Panics
    /// When there is no such region.
    #[inline]
    pub fn delay(
        &self,
        from: RegionId,
        to: RegionId,
        bytes: u64,
        up: Bandwidth,
        down: Bandwidth,
        stream: &mut Stream,
    ) -> SimDuration {
        let direct = self.regions.latency(from, to) + transmission(bytes, up.0.min(down.0));
        if self.loss == Share::ZERO { direct } else { direct + self.waits(from, to, stream) }
    }

    /// The retransmission timeouts one message waits for.
    fn waits(&self, from: RegionId, to: RegionId, stream: &mut Stream) -> SimDuration {
        let round_trip = self.regions.latency(from, to) + self.regions.latency(to, from);
        let mut timeout = MIN_RETRANSMISSION.max(round_trip.times(2)).min(MAX_RETRANSMISSION);
        let mut waited = SimDuration::ZERO;
        for _ in 0..MAX_LOSSES {
            if !stream.chance(self.loss) {
                break;
            }
            waited = waited + timeout;
            timeout = timeout.times(seeded!(BackoffForgotten, 1, 2)).min(MAX_RETRANSMISSION);
        }
        waited
    }

    /// Cuts every region of `a` off from every region of `b`, both ways. A region in both
    /// still reaches itself.
    ///
    /// # Panics
    /// When there is no such region, or a pair is cut 65,536 times over.
    pub fn cut(&mut self, a: &[RegionId], b: &[RegionId]) {
        self.for_pairs(a, b, |cuts| {
            *cuts = cuts.checked_add(1).expect("a pair is cut fewer than 65,536 times over");
        });
    }

    /// Ends one cut between `a` and `b`. A pair that is cut twice stays cut.
    ///
    /// # Panics
    /// When there is no such region.
    pub fn heal(&mut self, a: &[RegionId], b: &[RegionId]) {
        self.for_pairs(a, b, |cuts| *cuts = cuts.saturating_sub(1));
    }

    /// Cuts a group of regions off from all others.
    ///
    /// # Panics
    /// As [`Network::cut`].
    pub fn isolate(&mut self, group: &[RegionId]) {
        let others = self.others(group);
        self.cut(group, &others);
    }

    /// Ends one isolation of that group.
    ///
    /// # Panics
    /// As [`Network::heal`].
    pub fn rejoin(&mut self, group: &[RegionId]) {
        let others = self.others(group);
        self.heal(group, &others);
    }

    /// Whether messages pass between two regions.
    ///
    /// # Panics
    /// When there is no such region.
    #[must_use]
    #[inline]
    pub fn connected(&self, a: RegionId, b: RegionId) -> bool {
        self.cuts[self.regions.place(a, b)] == 0
    }

    /// The numbers behind it that were taken from the world.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        let mut facts = self.regions.facts().to_vec();
        if self.loss != Share::ZERO {
            facts.push(Fact::new(
                "network.retransmission",
                format!(
                    "max({MIN_RETRANSMISSION}, 2 round trips), doubling up to {MAX_RETRANSMISSION}"
                ),
                Fidelity::Assumed,
                "RFC 6298 sections 2.4, 2.5 and 5.5; Linux include/net/tcp.h TCP_RTO_MIN; two \
                 round trips stand for smoothed round trip plus four deviations; losses are \
                 taken as independent",
            ));
        }
        facts
    }

    fn others(&self, group: &[RegionId]) -> Vec<RegionId> {
        self.regions.ids().filter(|region| !group.contains(region)).collect()
    }

    /// Both directions of every pair, each ordered pair once.
    fn for_pairs(&mut self, a: &[RegionId], b: &[RegionId], mut change: impl FnMut(&mut u16)) {
        let mut places: Vec<usize> = a
            .iter()
            .flat_map(|&x| b.iter().map(move |&y| (x, y)))
            .filter(|(x, y)| x != y)
            .flat_map(|(x, y)| [self.regions.place(x, y), self.regions.place(y, x)])
            .collect();
        places.sort_unstable();
        places.dedup();
        for place in places {
            change(&mut self.cuts[place]);
        }
    }
}

/// The time `bytes` take at `bits` per second, rounded up to the nanosecond.
#[inline]
fn transmission(bytes: u64, bits: u64) -> SimDuration {
    let nanos = (u128::from(bytes) * 8 * u128::from(NANOS_PER_SECOND)).div_ceil(bits.max(1).into());
    SimDuration(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WIDE: Bandwidth = Bandwidth(u64::MAX);

    fn two_regions(loss: Share) -> Network {
        let ms = SimDuration::from_millis;
        let latency = vec![ms(1), ms(50), ms(70), ms(2)];
        Network::new(Regions::custom(&["a", "b"], &latency).expect("2 x 2"), loss)
    }

    #[test]
    fn a_message_takes_latency_and_transmission_at_the_narrower_end() {
        let network = two_regions(Share::ZERO);
        let (a, b) = (RegionId(0), RegionId(1));
        let mut stream = Stream::new(1, 1);
        let untouched = stream;
        let mbit = |m: u64| Bandwidth(m * 1_000_000);
        let table = [
            // 125,000 bytes are a million bits.
            (a, b, 125_000, mbit(10), mbit(100), 50_000_000 + 100_000_000),
            (a, b, 125_000, mbit(100), mbit(10), 50_000_000 + 100_000_000),
            (b, a, 0, mbit(1), mbit(1), 70_000_000),
            (a, a, 1, Bandwidth(8), WIDE, 1_000_000 + 1_000_000_000),
            (a, a, 1, Bandwidth(0), WIDE, 1_000_000 + 8_000_000_000),
            (b, b, 1, Bandwidth(3), WIDE, 2_000_000 + 2_666_666_667),
            (a, a, u64::MAX, Bandwidth(1), WIDE, u64::MAX),
        ];
        for (from, to, bytes, up, down, nanos) in table {
            assert_eq!(network.delay(from, to, bytes, up, down, &mut stream), SimDuration(nanos));
        }
        assert_eq!(stream, untouched, "a network without loss draws nothing");
    }

    /// The waits are the geometric series 240, 480, 960 ms … (two round trips of 120 ms),
    /// and the share of messages that wait is the loss.
    #[test]
    fn a_lost_message_waits_twice_as_long_each_time() {
        let network = two_regions(Share::percent(20));
        let (a, b) = (RegionId(0), RegionId(1));
        let mut seen = [0_u32; 5];
        let n = 20_000;
        for i in 0..n {
            let mut stream = Stream::new(9, i);
            let delay = network.delay(a, b, 0, WIDE, WIDE, &mut stream);
            let losses =
                (0..5).find(|k| delay.0 == 50_000_000 + 240_000_000 * ((1 << k) - 1)).or(Some(5));
            if let Some(count) = losses.and_then(|k| seen.get_mut(k)) {
                *count += 1;
            }
        }
        let mut p = 0.8_f64;
        for (losses, &count) in seen.iter().enumerate() {
            let expected = p * 20_000.0;
            let sd = (expected * (1.0 - p)).sqrt();
            assert!((f64::from(count) - expected).abs() < 5.0 * sd, "{losses}: {count}");
            p *= 0.2;
        }
    }

    #[test]
    fn a_network_that_loses_everything_still_ends() {
        let network = two_regions(Share::ONE);
        let delay = network.delay(RegionId(0), RegionId(0), 0, WIDE, WIDE, &mut Stream::new(0, 0));
        // 0.2 + 0.4 + … + 51.2 s (nine waits), then six of 60 s.
        assert_eq!(delay, SimDuration(1_000_000 + 102_200_000_000 + 360_000_000_000));
    }

    #[test]
    fn cuts_overlap_and_heal_one_by_one() {
        let mut network = Network::new(Regions::aws(), Share::ZERO);
        let r = RegionId;
        network.isolate(&[r(0), r(1)]);
        network.cut(&[r(0)], &[r(2), r(0)]);
        assert!(network.connected(r(0), r(0)) && network.connected(r(0), r(1)));
        assert!(network.connected(r(2), r(3)));
        assert!(!network.connected(r(0), r(2)) && !network.connected(r(2), r(0)));
        network.rejoin(&[r(0), r(1)]);
        assert!(!network.connected(r(0), r(2)), "the second cut holds");
        assert!(network.connected(r(1), r(2)));
        network.heal(&[r(2)], &[r(0)]);
        assert!(network.connected(r(0), r(2)));
    }

    proptest! {
        /// Whatever was cut, healing the same cuts in any order leaves the network whole.
        #[test]
        fn healing_every_cut_leaves_no_cut(
            groups in proptest::collection::vec(proptest::collection::vec(0..13_u16, 0..6), 0..6),
        ) {
            let whole = Network::new(Regions::aws(), Share::ZERO);
            let mut network = whole.clone();
            let groups: Vec<Vec<RegionId>> =
                groups.into_iter().map(|g| g.into_iter().map(RegionId).collect()).collect();
            for group in &groups {
                network.isolate(group);
            }
            for group in &groups {
                for (a, b) in network.regions.ids().zip(network.regions.ids().skip(1)) {
                    if group.contains(&a) != group.contains(&b) {
                        prop_assert!(!network.connected(a, b) && !network.connected(b, a));
                    }
                }
            }
            groups.iter().rev().for_each(|group| network.rejoin(group));
            prop_assert_eq!(network, whole);
        }
    }
}
