//! The random streams of the product (`sim_types::stream` over Philox4x32-10) under
//! statistical and structural tests. They are read through `sim_core::queueing::Draws`, whose
//! bits are those of a `Stream`.
//!
//! Statistical tests run on [`SEEDS`] seeds; their p-values are combined by Fisher's method,
//! which is uniform again if all of them are, so that a fit that is too good shows as well.

use rayon::prelude::*;
use sim_core::Streams;
use sim_core::queueing::{Alias, Draws, Law, Network, Station};
use sim_types::Stream;
use sim_types::philox::philox4x32_10;

use super::steady::{Steady, exponential, poisson};
use super::text::{Described, bad};
use crate::validate::evaluator::{Computed, Quantities, Stop};
use crate::validate::inputs::Inputs;

mod correlation;
mod statistics;

use statistics::{
    birthday_repetitions, chi_square, chi_square_of_bytes, fisher, gaps, kolmogorov, poisson_fit,
    runs,
};

/// Seeds of a statistical test: 1 to this.
const SEEDS: u64 = 10;

/// Draws and the like at most, so that a mistyped case ends.
const MOST: u64 = 1 << 32;

fn within(inputs: &Inputs<'_>, name: &str, least: u64, most: u64) -> Result<u64, Stop> {
    let n = inputs.read(name)?;
    if (least..=most).contains(&n) {
        return Ok(n);
    }
    Err(bad(format!("input `{name}` is {n}, expected {least} to {most}")))
}

/// The p-value of all seeds together.
fn over_seeds(
    test: impl Fn(&Streams) -> Result<Vec<f64>, Stop> + Sync,
) -> Result<Quantities, Stop> {
    let each: Result<Vec<Vec<f64>>, Stop> =
        (1..=SEEDS).into_par_iter().map(|seed| test(&Streams::new(seed, 0))).collect();
    Ok(Quantities::one("pass", Computed::PValue(fisher(&each?.concat()))))
}

/// Something that either holds or not.
fn holds(passed: bool) -> Quantities {
    Quantities::one("pass", u64::from(passed))
}

fn draws(streams: &Streams, purpose: &str) -> Draws {
    Draws::new(streams.key("generator", purpose))
}

pub(super) fn birthday_spacings(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let (m, n) = (within(inputs, "m", 2, 1 << 62)?, within(inputs, "n", 2, 1 << 20)?);
    let repetitions = within(inputs, "reps", 10, 1 << 24)?;
    over_seeds(|streams| {
        let mut draws = draws(streams, "birthdays");
        let counts = birthday_repetitions(m, n, repetitions, || draws.below(m));
        Ok(vec![poisson_fit(&counts, statistics::birthday_mean(m, n))])
    })
}

pub(super) fn serial_pairs(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let (grid, count) = (within(inputs, "grid", 2, 4_096)?, within(inputs, "draws", 2, MOST)?);
    #[expect(clippy::cast_possible_truncation, reason = "a cell of a small grid")]
    over_seeds(|streams| {
        let mut draws = draws(streams, "pairs");
        let mut cells = vec![0_u64; (grid * grid) as usize];
        for _ in 0..count / 2 {
            let cell = draws.below(grid) * grid + draws.below(grid);
            cells[cell as usize] += 1;
        }
        Ok(vec![chi_square(&cells, &vec![1.0; cells.len()])])
    })
}

pub(super) fn ks_exponential(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let mean: f64 = inputs.read("mean")?;
    let law = Law::exponential(mean).map_err(bad)?;
    let count = within(inputs, "draws", 100, 1 << 26)?;
    over_seeds(|streams| {
        let mut draws = draws(streams, "exponential");
        let values = (0..count).map(|_| law.draw(&mut draws)).collect();
        Ok(vec![kolmogorov(values, |x| -(-x / mean).exp_m1())])
    })
}

pub(super) fn discrete_alias(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    /// Draws for each weight, in the mean.
    const EACH: u64 = 10_000;
    let weights: Vec<f64> = match inputs.need("weights")? {
        serde_json::Value::String(text) => range(text)?,
        _ => inputs.read("weights")?,
    };
    let table = Alias::new(&weights).map_err(bad)?;
    let count = match inputs.get("draws") {
        Some(_) => within(inputs, "draws", 100, MOST)?,
        None => EACH * weights.len().min(10_000) as u64,
    };
    over_seeds(|streams| {
        let mut draws = draws(streams, "alias");
        let mut counts = vec![0_u64; weights.len()];
        for _ in 0..count {
            counts[table.pick(&mut draws)] += 1;
        }
        Ok(vec![chi_square(&counts, &weights)])
    })
}

/// `1..100`: whole weights from the first to the last.
fn range(text: &str) -> Result<Vec<f64>, Stop> {
    match Described::new(text).bare[..] {
        [from, to] if from.fract() == 0.0 && (0.0..=to).contains(&from) && to <= 1e6 => {
            let next = |weight: &f64| Some(weight + 1.0).filter(|next| *next <= to);
            Ok(core::iter::successors(Some(from), next).collect())
        }
        _ => Err(bad(format!("input `weights` is `{text}`, expected a list or `1..100`"))),
    }
}

pub(super) fn interleaved_streams(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let streams_count = within(inputs, "streams", 1, 1 << 16)?;
    let count = within(inputs, "draws", 1 << 12, 1 << 26)?;
    over_seeds(|streams| {
        let mut all: Vec<Draws> = (0..streams_count)
            .map(|i| Draws::new(streams.key(&format!("entity {i}"), "draws")))
            .collect();
        let mut values = Vec::new();
        while (values.len() as u64) < count {
            values.extend(all.iter_mut().map(Draws::bits));
        }
        // 512 birthdays in a year of 2^24 days: two repeated spacings in the mean.
        let (m, n) = (1 << 24, 512);
        let mut at = values.iter().map(|bits| bits >> 40);
        let birthdays =
            birthday_repetitions(m, n, values.len() as u64 / n, || at.next().unwrap_or_default());
        Ok(vec![
            chi_square_of_bytes(&values),
            runs(&values),
            gaps(&values),
            poisson_fit(&birthdays, statistics::birthday_mean(m, n)),
        ])
    })
}

/// The largest correlation between any two of many streams, of one seed: all pairs of 1,024
/// streams take as much work as the rest of the suite together.
pub(super) fn cross_stream_correlation(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let (count, length) =
        (within(inputs, "streams", 2, 8_192)?, within(inputs, "draws", 100, 1 << 17)?);
    let streams = Streams::new(1, 0);
    let p = correlation::largest(count, length, |i| {
        Draws::new(streams.key(&format!("entity {i}"), "draws"))
    });
    Ok(Quantities::one("pass", Computed::PValue(p)))
}

/// Known answers of Random123 1.14 (`tests/kat_vectors`, lines `philox4x32 10`): counter, key,
/// block.
const KNOWN: [([u32; 4], [u32; 2], [u32; 4]); 3] = [
    ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
    ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
    (
        [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
        [0xa409_3822, 0x299f_31d0],
        [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
    ),
];

pub(super) fn golden_vectors(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let algorithm: String = inputs.read("algo")?;
    if !algorithm.eq_ignore_ascii_case("philox4x32-10") {
        return Err(Stop::NotCovered(format!("generator `{algorithm}`; Philox4x32-10 is built")));
    }
    let (counter, key) = (words::<4>(inputs, "ctr")?, words::<2>(inputs, "key")?);
    let known = KNOWN.iter().find(|known| known.0 == counter && known.1 == key);
    let Some((_, _, block)) = known else {
        return Err(Stop::NotCovered("no known answer was published for these inputs".to_owned()));
    };
    let mut passed = philox4x32_10(counter, key) == *block;
    if counter == [0; 4] {
        // What the product draws from is that block.
        let key = u64::from(key[0]) | u64::from(key[1]) << 32;
        let mut stream = Stream::new(key, 0);
        let mut drawn = Draws::new(key);
        for pair in block.chunks_exact(2) {
            let bits = u64::from(pair[0]) | u64::from(pair[1]) << 32;
            passed &= stream.bits() == bits && drawn.bits() == bits;
        }
    }
    Ok(holds(passed))
}

/// 32-bit words, as numbers or as hexadecimal text.
fn words<const N: usize>(inputs: &Inputs<'_>, name: &str) -> Result<[u32; N], Stop> {
    let wrong = || bad(format!("input `{name}`, expected {N} words of 32 bits"));
    let list = inputs.need(name)?.as_array().ok_or_else(wrong)?;
    let word = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => {
            u32::from_str_radix(text.trim_start_matches("0x"), 16).ok()
        }
        value => value.as_u64().and_then(|word| u32::try_from(word).ok()),
    };
    let all: Option<Vec<u32>> = list.iter().map(word).collect();
    all.and_then(|all| all.try_into().ok()).ok_or_else(wrong)
}

/// Adding, removing and reordering entities leaves every other entity's draws as they were:
/// on streams alone, and in a model that runs.
pub(super) fn independence_from_population(_: &Inputs<'_>) -> Result<Quantities, Stop> {
    let names = |range: core::ops::Range<u32>| -> Vec<String> {
        range.map(|i| format!("node {i}")).collect()
    };
    let population = names(0..100);
    let mut reversed = population.clone();
    reversed.reverse();
    let others = [
        [names(1_000..1_050), population.clone()].concat(),
        population.iter().step_by(3).cloned().collect(),
        reversed,
    ];
    let mut differing = 0;
    for seed in 1..=SEEDS {
        let streams = Streams::new(seed, 0);
        let before = drawn(&streams, &population);
        for other in &others {
            let after = drawn(&streams, other);
            for (name, draws) in &after {
                let same = before.iter().find(|(old, _)| old == name);
                differing += usize::from(same.is_some_and(|(_, old)| old != draws));
            }
        }
        differing += usize::from(!neighbours_leave_a_queue_alone(&streams)?);
    }
    Ok(holds(differing == 0))
}

/// What each entity draws while all of them take turns.
fn drawn(streams: &Streams, names: &[String]) -> Vec<(String, Vec<u64>)> {
    let mut all: Vec<(String, Stream, Vec<u64>)> = names
        .iter()
        .map(|name| (name.clone(), streams.stream(name, "events", 7), Vec::new()))
        .collect();
    for _ in 0..100 {
        for (_, stream, draws) in &mut all {
            draws.push(stream.bits());
        }
    }
    all.into_iter().map(|(name, _, draws)| (name, draws)).collect()
}

/// A queue alone, and beside two others: customer by customer the same.
fn neighbours_leave_a_queue_alone(streams: &Streams) -> Result<bool, Stop> {
    use sim_core::queueing::{Route, SourceSpec, StationSpec};
    let queue = StationSpec::new(1, exponential(1.0)?);
    let alone = Steady::open(vec![queue.clone()], vec![poisson(0.8)?], 0.8, 0.8, 1.0)?;
    let mut beside = alone.clone();
    for other in 1..=2 {
        beside.stations.push(queue.clone());
        let route = Route::To(other);
        beside.sources.push(SourceSpec { route, ..poisson(0.5)? });
    }
    let counted = |model: &Steady| -> Result<_, Stop> {
        let network: Network = Steady { seconds: 1_000.0, ..model.clone() }.run(streams)?;
        let station: &Station = network.station(0);
        Ok((station.levels.clone(), station.sojourns.clone(), station.offered))
    };
    Ok(counted(&alone)? == counted(&beside)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_read() {
        assert_eq!(range("1..4").unwrap().len(), 4);
        assert!(range("4..1").is_err() && range("x").is_err());
    }
}
