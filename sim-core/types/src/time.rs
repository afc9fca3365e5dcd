//! Simulated time: integer nanoseconds, never floating point.

use core::fmt;
use core::ops::{Add, AddAssign, Sub};

use serde::{Deserialize, Serialize};

/// Nanoseconds in a second.
pub const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// A moment: nanoseconds since the start of the simulation. Reaches 584 years.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct SimTime(pub u64);

/// A length of time in nanoseconds. Serialised as it is written in a scenario: see
/// [`crate::units`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SimDuration(pub u64);

impl SimTime {
    /// The first moment.
    pub const ZERO: Self = Self(0);
    /// Later than every event.
    pub const MAX: Self = Self(u64::MAX);

    /// Time since an earlier moment; zero if `earlier` is in fact later.
    #[must_use]
    pub fn since(self, earlier: Self) -> SimDuration {
        SimDuration(self.0.saturating_sub(earlier.0))
    }

    /// Seconds since the start, for display.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "display only")]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / NANOS_PER_SECOND as f64
    }
}

impl SimDuration {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// Whole seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds * NANOS_PER_SECOND)
    }

    /// Whole milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1_000_000)
    }

    /// From seconds, rounded once to the nearest nanosecond, halves to even.
    ///
    /// Negative and NaN give zero; beyond the range saturates. This is the only place
    /// where a computed floating-point delay becomes simulated time.
    #[must_use]
    #[inline]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    #[expect(clippy::cast_precision_loss, reason = "exact: 1e9 is below 2^53")]
    pub fn from_secs_f64(seconds: f64) -> Self {
        /// From here on a double has no fraction: added to a lesser one it rounds that to the
        /// nearest integer, halves to even, which then stands in the last bits.
        const WHOLE: f64 = 4_503_599_627_370_496.0;
        let nanos = seconds * NANOS_PER_SECOND as f64;
        if (0.0..WHOLE).contains(&nanos) {
            Self((nanos + WHOLE).to_bits() - WHOLE.to_bits())
        } else {
            Self(nanos.max(0.0) as u64)
        }
    }

    /// Seconds, for formulas and display.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "delays are far below 2^53 ns (104 days)")]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / NANOS_PER_SECOND as f64
    }

    /// `self * times`, saturating.
    #[must_use]
    pub const fn times(self, times: u64) -> Self {
        Self(self.0.saturating_mul(times))
    }
}

impl Add<SimDuration> for SimTime {
    type Output = Self;
    fn add(self, rhs: SimDuration) -> Self {
        Self(self.0.saturating_add(rhs.0))
    }
}

impl AddAssign<SimDuration> for SimTime {
    fn add_assign(&mut self, rhs: SimDuration) {
        *self = *self + rhs;
    }
}

impl Add for SimDuration {
    type Output = Self;
    fn add(self, rhs: Self) -> Self {
        Self(self.0.saturating_add(rhs.0))
    }
}

impl Sub for SimDuration {
    type Output = Self;
    fn sub(self, rhs: Self) -> Self {
        Self(self.0.saturating_sub(rhs.0))
    }
}

impl fmt::Display for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SimDuration(self.0).fmt(f)
    }
}

impl fmt::Display for SimDuration {
    /// The largest unit that leaves no fraction of a nanosecond: `90s`, `1500ms`, `12ns`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 6] = [
            (86_400 * NANOS_PER_SECOND, "d"),
            (3_600 * NANOS_PER_SECOND, "h"),
            (60 * NANOS_PER_SECOND, "min"),
            (NANOS_PER_SECOND, "s"),
            (1_000_000, "ms"),
            (1_000, "us"),
        ];
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let (size, name) =
            UNITS.into_iter().find(|&(size, _)| self.0.is_multiple_of(size)).unwrap_or((1, "ns"));
        write!(f, "{}{name}", self.0 / size)
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn seconds_round_once_to_even_and_never_wrap() {
        let table = [
            (0.0, 0),
            (-1.0, 0),
            (f64::NAN, 0),
            (1e-9, 1),
            (2.5e-9, 2),
            (3.5e-9, 4),
            (1.5, 1_500_000_000),
            (f64::INFINITY, u64::MAX),
            (f64::NEG_INFINITY, 0),
            (-1e-10, 0),
            (-0.0, 0),
            (0.5e-9, 0),
            (4_503_599.627_370_496, 1 << 52),
            (9_007_199.254_740_992, 1 << 53),
            (1e9, 1_000_000_000_000_000_000),
        ];
        for (seconds, nanos) in table {
            assert_eq!(SimDuration::from_secs_f64(seconds).0, nanos, "{seconds}");
        }
    }

    proptest! {
        /// The short way rounds as the library does, whatever the bits.
        #[test]
        fn seconds_round_as_rint(bits in any::<u64>(), nanos in 0.0..1e16_f64) {
            for seconds in [f64::from_bits(bits), nanos * 1e-9, nanos.trunc() * 0.5e-9] {
                let want = libm::rint(seconds * 1e9).max(0.0) as u64;
                prop_assert_eq!(SimDuration::from_secs_f64(seconds).0, want, "{}", seconds);
            }
        }
    }

    #[test]
    fn display_uses_the_largest_whole_unit() {
        let table = [(0, "0s"), (1, "1ns"), (90_000_000_000, "90s"), (86_400_000_000_000, "1d")];
        for (nanos, text) in table {
            assert_eq!(SimDuration(nanos).to_string(), text);
        }
    }
}
