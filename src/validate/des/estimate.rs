//! Means over independent replications, as many as the precision asks for.

use rayon::prelude::*;
use sim_core::Streams;

use crate::validate::evaluator::{Computed, Quantities, Stop};
use crate::validate::inputs::Inputs;

/// Fixed, so that a verdict repeats. Any other would do.
pub(super) const SEED: u64 = 20_261_122;

/// The seed of a case: its inputs are the name of its streams, so that no two cases share
/// their luck.
fn seed(inputs: &Inputs<'_>) -> u64 {
    Streams::new(SEED, 0).key("case", &inputs.value.to_string()).word()
}

/// Fewer replications give no standard error worth the name.
pub(super) const LEAST: u32 = 20;

/// How precise, and at what cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<const N: usize> {
    /// The quantities and the relative standard error wanted of each: about a quarter of what
    /// the cases of its kind allow, so that four standard errors fit. Infinite where the
    /// quantity shall not lengthen the run (it is expected to be zero, or is too rare).
    pub(super) quantities: [(&'static str, f64); N],
    /// Replications at most, where the precision is not reached before.
    pub(super) most: u32,
}

/// The means of what `one` measures, with their standard errors. Replications are added in
/// rounds until every quantity is as precise as wanted; how many there are depends on what
/// was measured, never on the number of threads.
pub(super) fn estimate<const N: usize>(
    inputs: &Inputs<'_>,
    wanted: &Wanted<N>,
    one: impl Fn(Streams) -> Result<[f64; N], Stop> + Sync,
) -> Result<Quantities, Stop> {
    let quantities = wanted.quantities.map(|(name, target)| (name.to_owned(), target));
    estimate_all(inputs, &quantities, wanted.most, one)
}

/// The same for quantities whose number depends on the case.
pub(super) fn estimate_all<Row: AsRef<[f64]> + Send>(
    inputs: &Inputs<'_>,
    quantities: &[(String, f64)],
    most: u32,
    one: impl Fn(Streams) -> Result<Row, Stop> + Sync,
) -> Result<Quantities, Stop> {
    let seed = seed(inputs);
    let mut measured: Vec<Row> = Vec::new();
    let mut round = LEAST;
    while round > 0 {
        let done = count(measured.len());
        let more: Result<Vec<_>, Stop> = (done..done + round)
            .into_par_iter()
            .map(|replication| one(Streams::new(seed, replication)))
            .collect();
        measured.extend(more?);
        let done = count(measured.len());
        round = missing(quantities, &measured).min(most.saturating_sub(done));
    }
    let quantity = |all: Quantities, (i, (name, _)): (usize, &(String, f64))| {
        let (mean, standard_error) = column(&measured, i);
        all.and(name, Computed::Estimate { mean, standard_error })
    };
    Ok(quantities.iter().enumerate().fold(Quantities::default(), quantity))
}

/// How many more replications the least precise quantity needs; a tenth more than that, since
/// the standard error is itself an estimate.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn missing(quantities: &[(String, f64)], measured: &[impl AsRef<[f64]>]) -> u32 {
    let factor = |(i, target): (usize, f64)| {
        let (mean, error) = column(measured, i);
        let ratio = error / (mean.abs() * target);
        // Nothing seen at all (0 / 0): look further.
        if ratio.is_nan() { 4.0 } else { (ratio * ratio).min(16.0) }
    };
    let targets = quantities.iter().map(|quantity| quantity.1).enumerate();
    let worst = targets.filter(|target| target.1.is_finite()).map(factor).fold(0.0, f64::max);
    if worst <= 1.0 {
        return 0;
    }
    let done = f64::from(count(measured.len()));
    (done * (worst * 1.1 - 1.0)).ceil() as u32
}

/// Mean and standard error of the `i`-th quantity.
fn column(measured: &[impl AsRef<[f64]>], i: usize) -> (f64, f64) {
    mean_and_error(measured.iter().map(|row| row.as_ref()[i]))
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// The mean of independent values and its standard error.
pub(super) fn mean_and_error(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let (mean, variance, n) = mean_and_variance(values);
    (mean, (variance / n).sqrt())
}

/// The mean and the unbiased variance of independent values, and how many there are.
#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53 values")]
pub(super) fn mean_and_variance(values: impl Iterator<Item = f64> + Clone) -> (f64, f64, f64) {
    let n = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / n.max(1.0);
    let squares: f64 = values.map(|x| (x - mean) * (x - mean)).sum();
    (mean, squares / (n - 1.0).max(1.0), n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::des::text::float;
    use serde_json::Value;

    fn uniform(streams: Streams) -> f64 {
        streams.stream("test", "uniform", 0).uniform()
    }

    #[test]
    fn replications_are_added_until_the_mean_is_precise() {
        let run = |target, most| {
            let wanted = Wanted { quantities: [("mean", target)], most };
            let inputs = Inputs { value: &Value::Null, data: None };
            estimate(&inputs, &wanted, |streams| Ok([uniform(streams)])).unwrap()
        };
        let read = |all: &Quantities| match all.get("mean") {
            Some(&Computed::Estimate { mean, standard_error }) => (mean, standard_error),
            other => panic!("{other:?}"),
        };
        // A uniform has a standard deviation of 0.577 of its mean.
        let (mean, error) = read(&run(0.01, 100_000));
        assert!((mean - 0.5).abs() < 5.0 * error && error <= 0.0056, "{mean} {error}");
        let (_, error) = read(&run(1e-9, 400));
        assert!((error - 0.289 / 20.0).abs() < 0.003, "{error}");
        assert_eq!(run(0.01, 1_000), run(0.01, 1_000));
    }

    #[test]
    fn moments_by_hand() {
        let values = [1.0, 2.0, 3.0, 6.0];
        let (mean, variance, n) = mean_and_variance(values.into_iter());
        assert!((mean - 3.0).abs() < 1e-12 && (variance - 14.0 / 3.0).abs() < 1e-12);
        assert!((n - float(4)).abs() < 1e-12);
    }
}
