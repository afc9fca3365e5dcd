//! How long to measure, and what the samples say.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// When a measurement has enough samples: nvbench's rule (`stdrel`, NVIDIA/nvbench @ 66212f1d):
/// after the least number of samples and the least time, as soon as the relative standard
/// deviation is small, or has become stable; in any case at the timeout.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Runs before the first sample.
    pub warm_up_runs: u32,
    /// Time before the first sample.
    pub warm_up: Duration,
    /// Least number of samples.
    pub least_samples: usize,
    /// Least time of all samples together.
    pub least_time: Duration,
    /// Noise that is good enough: standard deviation over mean.
    pub most_noise: f64,
    /// End in any case.
    pub timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            warm_up_runs: 3,
            warm_up: Duration::from_millis(200),
            least_samples: 10,
            least_time: Duration::from_millis(500),
            most_noise: 0.005,
            timeout: Duration::from_secs(15),
        }
    }
}

/// Why a measurement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// The noise is small enough.
    Quiet,
    /// The noise does not get less.
    StableNoise,
    /// Time is up.
    Timeout,
}

/// Times of single runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// In the order taken.
    pub nanoseconds: Vec<f64>,
    /// Why there are no more.
    pub stop: Stop,
}

/// What samples say.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// How many samples.
    pub samples: usize,
    /// Median, nanoseconds.
    pub median_ns: f64,
    /// Median absolute deviation from it, nanoseconds.
    pub mad_ns: f64,
    /// 95 % interval of the median by order statistics, nanoseconds.
    pub interval_ns: [f64; 2],
    /// Standard deviation over mean, percent.
    pub noise_percent: f64,
}

/// How many estimates of the noise show that it is stable, and within what share of each other.
const NOISE_WINDOW: usize = 32;
const NOISE_SPREAD: f64 = 0.05;

impl Settings {
    /// Takes samples until there are enough.
    ///
    /// # Errors
    /// Those of `sample`, which gives the nanoseconds of one run.
    pub fn measure(
        &self,
        mut sample: impl FnMut() -> Result<f64, String>,
    ) -> Result<Samples, String> {
        let began = Instant::now();
        let mut runs = 0;
        while runs < self.warm_up_runs || began.elapsed() < self.warm_up {
            sample()?;
            runs += 1;
            // One run may be longer than all that is asked for.
            if began.elapsed() > self.timeout / 3 {
                break;
            }
        }
        let began = Instant::now();
        let (mut nanoseconds, mut noises) = (Vec::new(), Vec::new());
        let (mut sum, mut squares) = (0.0, 0.0);
        let stop = loop {
            let x = sample()?;
            nanoseconds.push(x);
            sum += x;
            squares += x * x;
            let n = nanoseconds.len() as f64;
            let mean = sum / n;
            let noise = (squares / n - mean * mean).max(0.0).sqrt() / mean.max(f64::MIN_POSITIVE);
            noises.push(noise);
            let enough = nanoseconds.len() >= self.least_samples
                && sum >= self.least_time.as_secs_f64() * 1e9;
            if enough && noise <= self.most_noise {
                break Stop::Quiet;
            }
            if enough && noises.len() >= NOISE_WINDOW {
                let window = &noises[noises.len() - NOISE_WINDOW..];
                let most = window.iter().copied().fold(f64::MIN, f64::max);
                let least = window.iter().copied().fold(f64::MAX, f64::min);
                if most - least <= NOISE_SPREAD * most {
                    break Stop::StableNoise;
                }
            }
            if began.elapsed() >= self.timeout {
                break Stop::Timeout;
            }
        };
        Ok(Samples { nanoseconds, stop })
    }
}

fn median(sorted: &[f64]) -> f64 {
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

impl Samples {
    /// How much slower the last third is than the first, percent of its median; of three
    /// samples at least.
    #[must_use]
    pub fn drift_percent(&self) -> Option<f64> {
        let third = self.nanoseconds.len() / 3;
        let of = |part: &[f64]| {
            let mut sorted = part.to_vec();
            sorted.sort_by(f64::total_cmp);
            median(&sorted)
        };
        let first = of(self.nanoseconds.get(..third)?);
        let last = of(self.nanoseconds.get(self.nanoseconds.len() - third..)?);
        (third > 0 && first > 0.0).then(|| 100.0 * (last / first - 1.0))
    }

    /// Median, deviation, interval, noise.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut sorted = self.nanoseconds.clone();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len();
        let middle = median(&sorted);
        let mut away: Vec<f64> = sorted.iter().map(|x| (x - middle).abs()).collect();
        away.sort_by(f64::total_cmp);
        // Ranks of the binomial distribution around the middle, by its normal approximation.
        let half = 1.96 * (n as f64).sqrt() / 2.0;
        let rank = |x: f64| x.clamp(0.0, n.saturating_sub(1) as f64);
        #[expect(clippy::cast_sign_loss, reason = "clamped to the places of the list")]
        let at = |x: f64| sorted.get(rank(x) as usize).copied().unwrap_or(f64::NAN);
        let interval_ns = [at((n as f64 / 2.0 - half).floor()), at((n as f64 / 2.0 + half).ceil())];
        let mean = sorted.iter().sum::<f64>() / n as f64;
        let variance = sorted.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n as f64;
        Summary {
            samples: n,
            median_ns: middle,
            mad_ns: median(&away),
            interval_ns,
            noise_percent: 100.0 * variance.sqrt() / mean,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quick() -> Settings {
        Settings {
            warm_up: Duration::ZERO,
            least_time: Duration::ZERO,
            timeout: Duration::from_secs(1),
            ..Settings::default()
        }
    }

    #[test]
    fn measuring_stops_when_it_may() {
        let quiet = quick().measure(|| Ok(100.0)).expect("samples");
        assert_eq!((quiet.nanoseconds.len(), quiet.stop), (10, Stop::Quiet));
        let mut i = 0;
        let stable = quick().measure(|| {
            i += 1;
            Ok(if i % 2 == 0 { 90.0 } else { 110.0 })
        });
        let stable = stable.expect("samples");
        assert_eq!(stable.stop, Stop::StableNoise);
        let brief = Settings { timeout: Duration::ZERO, ..quick() }.measure(|| Ok(1.0));
        assert_eq!(brief.expect("one sample").stop, Stop::Timeout);
        assert_eq!(quick().measure(|| Err("gone".to_owned())), Err("gone".to_owned()));
    }

    #[test]
    fn a_device_that_throttles_drifts() {
        let drift = |nanoseconds: &[f64]| {
            Samples { nanoseconds: nanoseconds.to_vec(), stop: Stop::Quiet }.drift_percent()
        };
        assert_eq!(drift(&[]), None);
        assert_eq!(drift(&[1.0, 2.0]), None);
        let slower = drift(&[100.0, 101.0, 99.0, 105.0, 120.0, 130.0, 125.0, 125.0, 125.0]);
        assert!(slower.is_some_and(|x| (x - 25.0).abs() < 1e-9), "{slower:?}");
    }

    #[test]
    fn summaries_of_known_samples() {
        let nanoseconds = (1..=101).map(f64::from).collect();
        let summary = Samples { nanoseconds, stop: Stop::Quiet }.summary();
        assert_eq!(summary.samples, 101);
        assert!((summary.median_ns - 51.0).abs() < 1e-9 && (summary.mad_ns - 25.0).abs() < 1e-9);
        // Ranks 40 and 61 of 101 hold the median with 95 %.
        let [low, high] = summary.interval_ns;
        assert!((40.0..=42.0).contains(&low) && (61.0..=63.0).contains(&high), "{low} {high}");
    }
}
