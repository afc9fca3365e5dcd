//! Do intervals cover as often as they say? Seeded Monte Carlo against known means.
//!
//! Every check asks whether the stated level lies in the exact (Clopper and Pearson) interval of
//! the share of hits at 1 − 10⁻⁶, so an estimator that keeps its promise fails a check with a
//! probability of at most 10⁻⁶; there are about twenty. Seeds are fixed, so no run is a new draw.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use reports::analysis::batches::{self, BATCHES};
use reports::analysis::mser::mser5;
use reports::analysis::replications::{differences, estimate};
use reports::analysis::stopping::{HalfWidth, Rule};
use reports::analysis::{order, proportion, variance};
use reports::stats::{interval95, mean, welch_interval95};
use sim_types::Stream;
use sim_types::stream::Key;

const SURE: f64 = 1.0 - 1e-6;

/// Whether the share of hits agrees with `level`.
#[track_caller]
fn agrees(what: &str, hits: usize, trials: usize, level: f64) {
    let [low, high] = proportion::interval(hits, trials, SURE).unwrap();
    assert!(low <= level && level <= high, "{what}: {hits} of {trials}, not {level}");
}

fn covers(interval: [f64; 2], truth: f64) -> bool {
    interval[0] <= truth && truth <= interval[1]
}

/// In how many of `trials` seeded trials something holds.
fn count(seed: u64, trials: u64, holds: impl Fn(&mut Stream) -> bool) -> (usize, usize) {
    let hits = (0..trials).filter(|&trial| holds(&mut Stream::new(seed, trial))).count();
    (hits, usize::try_from(trials).unwrap())
}

fn normals(stream: &mut Stream, n: usize) -> Vec<f64> {
    (0..n).map(|_| stream.normal()).collect()
}

/// A stationary autoregression x' = φ x + e about 0 with standard normal e.
fn autoregression(stream: &mut Stream, phi: f64, n: usize) -> Vec<f64> {
    let mut x = stream.normal() / (1.0 - phi * phi).sqrt();
    (0..n)
        .map(|_| {
            x = phi * x + stream.normal();
            x
        })
        .collect()
}

#[test]
fn student_intervals_of_normal_replications_are_exact() {
    for (seed, n) in [(1, 2), (2, 5), (3, 30)] {
        let (hits, trials) = count(seed, 4_000, |stream| {
            let values: Vec<_> = normals(stream, n).into_iter().map(Some).collect();
            covers(estimate(&values, false).unwrap().interval.unwrap(), 0.0)
        });
        agrees("Student", hits, trials, 0.95);
    }
}

#[test]
fn the_chi_square_interval_of_a_normal_variance_is_exact() {
    let (hits, trials) = count(4, 4_000, |stream| {
        let values: Vec<f64> = normals(stream, 8).iter().map(|v| 3.0 * v).collect();
        covers(variance::interval(&values, 0.9).unwrap(), 9.0)
    });
    agrees("chi-square", hits, trials, 0.9);
}

#[test]
fn the_interval_of_a_share_covers_at_least_as_often_as_it_says() {
    let (hits, trials) = count(5, 4_000, |stream| {
        let hits = (0..40).filter(|_| stream.uniform() < 0.2).count();
        covers(proportion::interval(hits, 40, 0.95).unwrap(), 0.2)
    });
    assert!(proportion::interval(hits, trials, SURE).unwrap()[1] >= 0.95, "{hits} of {trials}");
}

/// Independent of the law: exponential and nearly Cauchy values alike.
#[test]
fn order_statistics_cover_with_exactly_their_own_level() {
    type Draw = fn(&mut Stream) -> f64;
    // The 80th percentiles: of the exponential law ln 5, of a Pareto law with shape 1 it is 5.
    let laws: [(Draw, f64); 2] =
        [(|s| s.exponential(1.0), 5.0_f64.ln()), (|s| s.pareto(1.0, 1.0), 5.0)];
    for (seed, (draw, truth)) in (6..).zip(laws) {
        let level = order::ranks(60, 0.8, 0.95).unwrap().level;
        let (hits, trials) = count(seed, 4_000, |stream| {
            let values: Vec<f64> = (0..60).map(|_| draw(stream)).collect();
            covers(order::quantile(&values, 0.8).unwrap().interval.unwrap(), truth)
        });
        agrees("order statistics", hits, trials, level);
    }
}

/// Batches of 400 values with φ = 0.6 have a lag-1 correlation of about 0.005: as good as
/// independent. The same interval without batches is far too narrow.
#[test]
fn batch_means_cover_where_values_depend_on_each_other() {
    let series = |stream: &mut Stream| autoregression(stream, 0.6, 400 * BATCHES);
    let (hits, trials) = count(8, 1_000, |stream| {
        covers(batches::means(&series(stream), BATCHES).unwrap().estimate.interval.unwrap(), 0.0)
    });
    agrees("batch means", hits, trials, 0.95);
    let (naive, trials) =
        count(8, 1_000, |stream| covers(interval95(&series(stream)).unwrap(), 0.0));
    // Half as wide as it should be, by √((1 + φ) / (1 − φ)) = 2: it covers 67 of 100.
    assert!(proportion::interval(naive, trials, SURE).unwrap()[1] < 0.8, "{naive} of {trials}");
}

#[test]
fn the_correlation_of_batches_raises_a_false_alarm_in_one_of_twenty() {
    let alarm = |values: &[f64]| !batches::means(values, BATCHES).unwrap().independent;
    let (false_alarms, trials) = count(9, 4_000, |stream| alarm(&normals(stream, BATCHES)));
    agrees("false alarms", false_alarms, trials, 0.05);
    // Batches of two values with φ = 0.9 are nearly as correlated as the values.
    let (alarms, trials) =
        count(10, 500, |stream| alarm(&autoregression(stream, 0.9, 2 * BATCHES)));
    assert!(proportion::interval(alarms, trials, SURE).unwrap()[0] > 0.6, "{alarms} of {trials}");
}

/// Quantiles of batches of 500 exponentials: the bias of a batch quantile is of order 1 / 500.
#[test]
fn batch_quantiles_cover() {
    for (seed, p) in [(11, 0.5), (12, 0.9)] {
        let truth = -(1.0_f64 - p).ln();
        let (hits, trials) = count(seed, 400, |stream| {
            let values: Vec<f64> = (0..500 * BATCHES).map(|_| stream.exponential(1.0)).collect();
            covers(batches::quantile(&values, p).unwrap().estimate.interval.unwrap(), truth)
        });
        agrees("batch quantiles", hits, trials, 0.95);
    }
}

/// A value that is monotone in every draw: the mean of ten squared uniforms. Its pairs cover;
/// taking the members of pairs for independent wastes what they save.
#[test]
fn antithetic_pairs_cover_with_narrower_intervals() {
    let value = |stream: &mut Stream| (0..10).map(|_| stream.uniform().powi(2)).sum::<f64>() / 10.0;
    let pairs = |trial: u64| -> Vec<Option<f64>> {
        (0..20)
            .flat_map(|pair| {
                let key = Key::from(13);
                let event = trial * 20 + pair;
                [key, key.mirror()].map(|key| Some(value(&mut Stream::new(key, event))))
            })
            .collect()
    };
    let trials: u64 = 4_000;
    let truth = 1.0 / 3.0;
    let (mut hits, mut wide_hits, mut ratio) = (0, 0, 0.0);
    for trial in 0..trials {
        let values = pairs(trial);
        let (paired, plain) = (estimate(&values, true).unwrap(), estimate(&values, false).unwrap());
        hits += usize::from(covers(paired.interval.unwrap(), truth));
        wide_hits += usize::from(covers(plain.interval.unwrap(), truth));
        ratio += paired.half_width().unwrap() / plain.half_width().unwrap();
    }
    let total = usize::try_from(trials).unwrap();
    agrees("pairs", hits, total, 0.95);
    assert_eq!(wide_hits, total, "an interval four times too wide hardly ever misses");
    // Variances: of u² 4/45; of a pair mean of u² 1/180. So the half widths are as √(1/8) for
    // twice as many values, each pair mean against half of a value: √(2/16) = 0.354, a little
    // more for the fewer degrees of freedom.
    let ratio = ratio / f64::from(u32::try_from(trials).unwrap());
    assert!((0.33..0.40).contains(&ratio), "{ratio}");
}

/// Two designs that share most of their noise.
#[test]
fn paired_differences_cover_and_are_narrower_than_independent_ones() {
    let both = |stream: &mut Stream| -> (Vec<f64>, Vec<f64>) {
        (0..8)
            .map(|_| {
                let shared = 3.0 * stream.normal();
                (shared + stream.normal(), shared + 1.0 + stream.normal())
            })
            .unzip()
    };
    let some = |values: Vec<f64>| -> Vec<Option<f64>> { values.into_iter().map(Some).collect() };
    let (hits, trials) = count(14, 4_000, |stream| {
        let (a, b) = both(stream);
        let found = estimate(&differences(&some(a), &some(b)), false).unwrap();
        covers(found.interval.unwrap(), 1.0)
    });
    agrees("paired differences", hits, trials, 0.95);
    let (narrower, trials) = count(14, 500, |stream| {
        let (a, b) = both(stream);
        let [low, high] = welch_interval95(&a, &b).unwrap();
        estimate(&differences(&some(a), &some(b)), false).unwrap().half_width().unwrap()
            < (high - low) / 2.0
    });
    // Standard deviations √2 and √20: by chance the order turns round in few of a hundred.
    assert!(proportion::interval(narrower, trials, SURE).unwrap()[0] > 0.85, "{narrower}");
}

/// Stopping when the interval happens to be narrow costs a little coverage. From ten
/// replications on it stays above 90 % (Law, section 9.4.1, reports 0.87 to 0.97 for models
/// less kind than this).
#[test]
fn sequential_stopping_keeps_most_of_its_coverage() {
    let rule = Rule {
        min: 10,
        max: 2_000,
        metric: String::new(),
        unit: String::new(),
        half_width: HalfWidth::Relative(0.1),
        written: String::new(),
    };
    let mut most = 0;
    let mut hits = 0;
    let trials: u64 = 1_000;
    for trial in 0..trials {
        let mut stream = Stream::new(15, trial);
        // About (1.96 · 0.5 / 0.1)² = 96 of them are needed.
        let values: Vec<_> = (0..400).map(|_| Some(1.0 + 0.5 * stream.normal())).collect();
        let decision = rule.decide(&values, false).expect("400 are more than enough");
        assert!(decision.reached && decision.replications >= 10);
        most = most.max(decision.replications);
        let n = decision.replications as usize;
        hits += usize::from(covers(estimate(&values[..n], false).unwrap().interval.unwrap(), 1.0));
    }
    let [_, high] = proportion::interval(hits, usize::try_from(trials).unwrap(), SURE).unwrap();
    assert!(high >= 0.93, "{hits} of {trials}");
    assert!((90..250).contains(&most), "{most}");
}

/// A series of which the transient is known: an autoregression about 0, lifted by 10 · 0.98^i.
/// The mean of all 2,000 values is 0.25 too high. What MSER-5 leaves is not, within five
/// standard errors of the Monte Carlo (false alarm below 1e-6) and a tenth of that bias.
#[test]
fn mser5_takes_a_known_transient_out() {
    let trials: u64 = 400;
    let (mut whole, mut cut, mut places) = (Vec::new(), Vec::new(), Vec::new());
    for trial in 0..trials {
        let mut series = autoregression(&mut Stream::new(16, trial), 0.5, 2_000);
        let mut lift = 10.0;
        for value in &mut series {
            *value += lift;
            lift *= 0.98;
        }
        let found = mser5(&series).unwrap();
        assert!(found.conclusive, "{trial}: {found:?}");
        whole.push(mean(&series).unwrap());
        cut.push(mean(&series[found.values..]).unwrap());
        places.push(f64::from(u32::try_from(found.values).unwrap()));
    }
    let error = |values: &[f64]| {
        reports::stats::std_dev(values).unwrap() / f64::from(u32::try_from(trials).unwrap()).sqrt()
    };
    let bias = 10.0 * (1.0 - 0.98_f64.powi(2_000)) / 0.02 / 2_000.0;
    assert!((mean(&whole).unwrap() - bias).abs() < 5.0 * error(&whole), "{:?}", mean(&whole));
    assert!(mean(&cut).unwrap().abs() < 5.0 * error(&cut) + 0.1 * bias, "{:?}", mean(&cut));
    // Where the lift is down to the size of the noise of five values: between 10 and 0.05.
    let place = mean(&places).unwrap();
    assert!((80.0..400.0).contains(&place), "{place}");
}

/// Without a transient little is dropped: half of what there is would be the worst.
#[test]
fn mser5_leaves_a_settled_series_nearly_whole() {
    let (kept, trials) = count(17, 400, |stream| {
        let found = mser5(&autoregression(stream, 0.5, 2_000)).unwrap();
        found.values <= 500
    });
    assert!(proportion::interval(kept, trials, SURE).unwrap()[0] > 0.6, "{kept} of {trials}");
}

/// Spearman's correlation of a bivariate normal law is 6/π · arcsin(ρ/2) (K. Pearson, 1907):
/// Bonett and Wright's interval covers it as often as it says, by one group and by four.
#[test]
fn rank_correlation_intervals_cover_the_population() {
    use reports::stats::{rank_correlation_interval95, spearman};
    for (seed, groups) in [(18, 1_usize), (19, 4)] {
        for (rho, truth) in [(0.3, 0.287_569), (0.8, 0.785_939)] {
            let (hits, trials) = count(seed, 1_000, |stream| {
                let found: Vec<(f64, usize)> = (0..groups)
                    .map(|_| {
                        let (a, b): (Vec<f64>, Vec<f64>) = (0..60)
                            .map(|_| {
                                let (x, e) = (stream.normal(), stream.normal());
                                (x, rho * x + f64::sqrt(1.0 - rho * rho) * e)
                            })
                            .unzip();
                        (spearman(&a, &b).unwrap(), a.len())
                    })
                    .collect();
                covers(rank_correlation_interval95(&found).unwrap(), truth)
            });
            agrees("rank correlation", hits, trials, 0.95);
        }
    }
}
