//! Tables of regions: one-way latency, and bandwidth where the source gives it.

use serde::{Deserialize, Serialize};
use sim_types::units::Bandwidth;
use sim_types::{Fact, Fidelity, SimDuration};

/// A region, by its place in the table.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct RegionId(pub u16);

/// One region of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// Its name in scenarios.
    pub name: String,
    /// Uplink of one node, where the source of the table gives it.
    pub up: Option<Bandwidth>,
    /// Downlink of one node, where the source of the table gives it.
    pub down: Option<Bandwidth>,
}

/// Named regions and the one-way latency between any two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Regions {
    entries: Vec<Region>,
    /// From row to column.
    latency: Vec<SimDuration>,
    facts: Vec<Fact>,
}

/// A table of regions that does not hold together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRegions {
    /// No region, or 65,536 and more.
    #[error("{0} regions, expected 1 to 65535")]
    Count(usize),
    /// Not one latency for every ordered pair.
    #[error("{found} latencies for {regions} regions, expected {}", regions * regions)]
    Shape {
        /// Regions named.
        regions: usize,
        /// Latencies given.
        found: usize,
    },
    /// The same name twice.
    #[error("region `{0}` is named twice")]
    Twice(String),
}

const AWS: [&str; 13] = [
    "n_virginia",
    "canada",
    "n_california",
    "london",
    "oregon",
    "ireland",
    "frankfurt",
    "s_paulo",
    "tokyo",
    "mumbai",
    "sydney",
    "seoul",
    "singapore",
];

/// Milliseconds, from row to column, as given; the diagonal is 0 in the source.
#[rustfmt::skip]
const AWS_LATENCY: [[u64; 13]; 13] = [
    [  0,   7,  30,  38,  39,  33,  44,  58,  73,  93,  98,  87, 105],
    [  7,   0,  38,  39,  29,  35,  46,  63,  70,  94,  97,  85, 103],
    [ 30,  39,   0,  68,  10,  68,  75,  88,  54, 116,  69,  67,  86],
    [ 38,  39,  68,   0,  63,   5,   8,  94, 104,  56, 131, 118,  82],
    [ 39,  29,  10,  63,   0,  59,  68,  88,  49, 109,  69,  63,  84],
    [ 33,  35,  68,   5,  59,   0,  13,  88, 100,  61, 127, 114,  90],
    [ 44,  46,  75,   8,  68,  13,   0, 101, 111,  60, 143, 109,  77],
    [ 58,  63,  88,  94,  88,  89, 101,   0, 128, 151, 155, 142, 161],
    [ 73,  70,  54, 104,  49, 100, 111, 128,   0,  60,  57,  16,  39],
    [ 93,  94, 116,  56, 109,  61,  60, 151,  60,   0,  76,  57,  27],
    [ 98,  97,  69, 131,  69, 127, 143, 155,  57,  76,   0,  69,  45],
    [ 87,  84,  67, 118,  63, 114, 109, 142,  17,  57,  69,   0,  36],
    [105, 103,  86,  82,  81,  90,  77, 161,  39,  27,  45,  36,   0],
];

/// Between two zones of one region: the middle of 0.25 ms to 3.37 ms, halved to one way.
const AWS_INSIDE: SimDuration = SimDuration(905_000);

const SIMBLOCK: [&str; 6] =
    ["north_america", "europe", "south_america", "asia_pacific", "japan", "australia"];

/// Milliseconds, one way a message, from row to column.
#[rustfmt::skip]
const SIMBLOCK_LATENCY: [[u64; 6]; 6] = [
    [ 32, 124, 184, 198, 151, 189],
    [124,  11, 227, 237, 252, 294],
    [184, 227,  88, 325, 301, 322],
    [198, 237, 325,  85,  58, 198],
    [151, 252, 301,  58,  12, 126],
    [189, 294, 322, 198, 126,  16],
];

/// Bits per second of one node, down and up.
const SIMBLOCK_DOWN: [u64; 6] =
    [52_000_000, 40_000_000, 18_000_000, 22_800_000, 22_800_000, 29_900_000];
const SIMBLOCK_UP: [u64; 6] =
    [19_200_000, 20_700_000, 5_800_000, 15_700_000, 10_200_000, 11_300_000];

impl Regions {
    /// Thirteen AWS regions, as `CometBFT` emulates them. One-way averages, slightly
    /// asymmetric as in the source; no bandwidth.
    #[must_use]
    pub fn aws() -> Self {
        let mut latency = Vec::with_capacity(AWS.len() * AWS.len());
        for (from, row) in AWS_LATENCY.iter().enumerate() {
            for (to, &millis) in row.iter().enumerate() {
                let far = SimDuration::from_millis(millis);
                latency.push(if from == to { AWS_INSIDE } else { far });
            }
        }
        let facts = vec![
            Fact::new(
                "network.aws.latency",
                "13 regions, 5ms to 161ms one way",
                Fidelity::Published,
                "cometbft/cometbft test/e2e/pkg/files/aws-latencies.csv, commit bd1bc3bb; taken \
                 as one-way, being half of published round trips",
            ),
            Fact::new(
                "network.aws.latency.inside",
                AWS_INSIDE.to_string(),
                Fidelity::Assumed,
                "half of the middle of 0.25 ms (same zone) to 3.37 ms (farthest zones), \
                 xkyle.com/Measuring-AWS-Region-and-AZ-Latency, taken as round trips",
            ),
        ];
        let entries = AWS.iter().map(|name| region(name, None, None)).collect();
        Self { entries, latency, facts }
    }

    /// Six world regions with home and small-server bandwidth, as `SimBlock` sets them for 2019.
    #[must_use]
    pub fn simblock_2019() -> Self {
        const SOURCE: &str =
            "dsg-titech/simblock settings/NetworkConfiguration.java, commit 5fc7f9f7, 2019 values";
        let entries = SIMBLOCK
            .iter()
            .zip(SIMBLOCK_UP.iter().zip(&SIMBLOCK_DOWN))
            .map(|(name, (&up, &down))| region(name, Some(Bandwidth(up)), Some(Bandwidth(down))))
            .collect();
        let latency =
            SIMBLOCK_LATENCY.iter().flatten().map(|&ms| SimDuration::from_millis(ms)).collect();
        let facts = vec![
            Fact::new(
                "network.simblock_2019.latency",
                "6 regions, 11ms to 325ms one way",
                Fidelity::Published,
                SOURCE,
            ),
            Fact::new(
                "network.simblock_2019.bandwidth",
                "5.8 to 20.7 Mbit/s up, 18 to 52 Mbit/s down",
                Fidelity::Published,
                SOURCE,
            ),
        ];
        Self { entries, latency, facts }
    }

    /// Regions of one's own: names, and a latency from each to each, row by row.
    ///
    /// # Errors
    /// When a name comes twice, or the table is not square.
    pub fn custom(names: &[&str], latency: &[SimDuration]) -> Result<Self, BadRegions> {
        if names.is_empty() || names.len() > usize::from(u16::MAX) {
            return Err(BadRegions::Count(names.len()));
        }
        if latency.len() != names.len() * names.len() {
            return Err(BadRegions::Shape { regions: names.len(), found: latency.len() });
        }
        if let Some((_, twice)) =
            names.iter().enumerate().find(|(i, name)| names[..*i].contains(name))
        {
            return Err(BadRegions::Twice((*twice).to_owned()));
        }
        Ok(Self {
            entries: names.iter().map(|name| region(name, None, None)).collect(),
            latency: latency.to_vec(),
            facts: vec![given(names.len())],
        })
    }

    /// One region in which every message takes `latency`.
    #[must_use]
    pub fn single(latency: SimDuration) -> Self {
        Self {
            entries: vec![region("everywhere", None, None)],
            latency: vec![latency],
            facts: vec![given(1)],
        }
    }

    /// How many regions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Never: a table has at least one region.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All regions, in order.
    pub fn ids(&self) -> impl Iterator<Item = RegionId> + use<> {
        (0..u16::try_from(self.entries.len()).unwrap_or(u16::MAX)).map(RegionId)
    }

    /// The region of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<RegionId> {
        self.ids().zip(&self.entries).find(|(_, region)| region.name == name).map(|(id, _)| id)
    }

    /// A region's entry.
    ///
    /// # Panics
    /// When there is no such region.
    #[must_use]
    pub fn region(&self, id: RegionId) -> &Region {
        &self.entries[usize::from(id.0)]
    }

    /// The one-way latency.
    ///
    /// # Panics
    /// When there is no such region.
    #[must_use]
    #[inline]
    pub fn latency(&self, from: RegionId, to: RegionId) -> SimDuration {
        self.latency[self.place(from, to)]
    }

    /// The shortest latency between two different regions: the lookahead of a run cut into
    /// regions. `None` for a single region.
    #[must_use]
    pub fn shortest_between(&self) -> Option<SimDuration> {
        let pairs = self.ids().flat_map(|a| self.ids().map(move |b| (a, b)));
        pairs.filter(|(a, b)| a != b).map(|(a, b)| self.latency(a, b)).min()
    }

    /// Where the numbers come from.
    #[must_use]
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// The place of a pair in tables by pair.
    #[inline]
    pub(super) fn place(&self, from: RegionId, to: RegionId) -> usize {
        let (from, to, n) = (usize::from(from.0), usize::from(to.0), self.entries.len());
        assert!(from < n && to < n, "regions {from} and {to} of {n}");
        from * n + to
    }
}

/// The fact of a table that the scenario itself gives.
fn given(regions: usize) -> Fact {
    let value = format!("{regions} regions");
    Fact::new("network.latency", value, Fidelity::Assumed, "given by the scenario")
}

fn region(name: &str, up: Option<Bandwidth>, down: Option<Bandwidth>) -> Region {
    Region { name: name.to_owned(), up, down }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spot checks against the sources, the asymmetric pairs first.
    #[test]
    fn tables_are_as_their_sources_give_them() {
        let aws = Regions::aws();
        let ms = |from: &str, to: &str| {
            let find = |name| aws.find(name).expect("known");
            aws.latency(find(from), find(to)).0 / 1_000_000
        };
        assert_eq!((ms("n_california", "canada"), ms("canada", "n_california")), (39, 38));
        assert_eq!((ms("seoul", "tokyo"), ms("tokyo", "seoul")), (17, 16));
        assert_eq!((ms("singapore", "oregon"), ms("oregon", "singapore")), (81, 84));
        assert_eq!(ms("s_paulo", "singapore"), 161);
        assert_eq!(aws.shortest_between(), Some(SimDuration::from_millis(5)));
        // The source's own mean off the diagonal is 73.9 ms.
        let sum: u64 = AWS_LATENCY.iter().flatten().sum();
        assert!((sum * 10).div_ceil(13 * 12).abs_diff(739) <= 1, "{sum}");

        let simblock = Regions::simblock_2019();
        let japan = simblock.find("japan").expect("known");
        assert_eq!(simblock.latency(japan, japan), SimDuration::from_millis(12));
        assert_eq!(simblock.region(japan).down, Some(Bandwidth(22_800_000)));
        assert_eq!(simblock.region(japan).up, Some(Bandwidth(10_200_000)));
        for (i, row) in SIMBLOCK_LATENCY.iter().enumerate() {
            for (j, &latency) in row.iter().enumerate() {
                assert_eq!(latency, SIMBLOCK_LATENCY[j][i], "SimBlock's table is symmetric");
            }
        }
    }

    #[test]
    fn a_table_that_does_not_hold_together_says_why() {
        let one = SimDuration(1);
        assert_eq!(Regions::custom(&[], &[]), Err(BadRegions::Count(0)));
        assert_eq!(
            Regions::custom(&["a", "b"], &[one; 3]),
            Err(BadRegions::Shape { regions: 2, found: 3 })
        );
        assert_eq!(Regions::custom(&["a", "a"], &[one; 4]), Err(BadRegions::Twice("a".into())));
        assert_eq!(Regions::single(one).shortest_between(), None);
    }
}
