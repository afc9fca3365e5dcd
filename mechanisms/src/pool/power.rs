//! Powers of a ratio, digit for digit as the chain computes them.
//!
//! After `SafeInt::pow_ratio_scaled` (sam0x17/safe-bigmath @ 013c4998, src/integer.rs), which
//! the chain's weighted pool calls:
//!
//! | arm | exponent, reduced | result |
//! |---|---|---|
//! | R1 | zero, or a zero base | the scale, or zero |
//! | R2 | both terms at most 1,024 | the floor of the true value |
//! | R3 | anything else | logarithm and exponential by series over `precision` + 24 bits |
//!
//! In R2 the chain searches the root by bisection over whole powers. The floor of the true
//! value is unique, so a guess from R3 is tested and, if need be, moved.

use std::sync::OnceLock;

use super::big::Big;

/// Bits computed beyond the precision asked for.
const GUARD: usize = 24;
/// The largest term of an exponent for which the chain computes whole powers.
const EXACT: u64 = 1_024;
/// The precision at which the chain's pool computes the powers of swaps.
const SWAP_PRECISION: usize = 256;

/// `floor((numerator / denominator)^(p / q) * scale)` with the chain's arithmetic.
///
/// `precision` counts fraction bits of the series; at least 32 and 8 more than `scale` has.
/// `None` for a zero denominator, a zero `q` and a result that is negative or leaves 128 bits
/// (the series diverges for bases and exponents far beyond those of a pool).
#[must_use]
pub fn power_ratio_scaled(
    (numerator, denominator): (u128, u128),
    (p, q): (u64, u64),
    precision: usize,
    scale: u64,
) -> Option<u128> {
    if denominator == 0 || q == 0 {
        return None;
    }
    if numerator == 0 {
        return Some(0);
    }
    if p == 0 {
        return Some(scale.into());
    }
    let divisor = greatest_common_divisor(p, q);
    let (p, q) = (p / divisor, q / divisor);
    let series = || by_series((numerator, denominator), (p, q), precision, scale);
    if p <= EXACT && q <= EXACT {
        return by_root((numerator, denominator), (p, q), scale, series().unwrap_or(0));
    }
    series()
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// R2: the greatest m with `m^q * denominator^p <= numerator^p * scale^q`.
fn by_root(base: (u128, u128), (p, q): (u64, u64), scale: u64, guess: u128) -> Option<u128> {
    let small = |x: u64| u32::try_from(x).expect("at most 1,024");
    let (p, q) = (small(p), small(q));
    let target = Big::from(base.0).power(p).multiply(&Big::from(u128::from(scale)).power(q));
    let denominator = Big::from(base.1).power(p);
    let fits = |m: u128| Big::from(m).power(q).multiply(&denominator) <= target;
    // Outward from the guess in growing strides, then inward by halves. A result beyond 128
    // bits is none: the chain keeps 64 of them.
    let (mut low, mut high);
    let mut stride = 1;
    if fits(guess) {
        low = guess;
        loop {
            let next = low.checked_add(stride)?;
            if !fits(next) {
                high = next;
                break;
            }
            low = next;
            stride = stride.checked_mul(2)?;
        }
    } else {
        high = guess;
        loop {
            let next = high.saturating_sub(stride);
            if fits(next) {
                low = next;
                break;
            }
            high = next;
            stride = stride.saturating_mul(2);
        }
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if fits(middle) { low = middle } else { high = middle }
    }
    Some(low)
}

/// R3.
fn by_series(base: (u128, u128), (p, q): (u64, u64), precision: usize, scale: u64) -> Option<u128> {
    let scale_bits = 64 - scale.leading_zeros() as usize;
    let precision = precision.max(32).max(scale_bits + 8);
    let bits = precision + GUARD;
    let terms = (bits + 128).min(4_096);
    let ln_two = ln_two(precision, bits, terms);
    let ln = |x: u128| ln_integer(x, bits, &ln_two, terms);
    let ln_base = ln(base.0).subtract(&ln(base.1));
    let exponent = ln_base.multiply(&Big::from(u128::from(p))).divide_floor(q);
    let power = exponential(&exponent, bits, terms).shift_right_round(GUARD);
    power.multiply(&Big::from(u128::from(scale))).shift_right_floor(precision).to_u128()
}

/// The logarithm of two over `bits` bits, as the series gives it.
fn ln_two(precision: usize, bits: usize, terms: usize) -> Big {
    static OF_SWAPS: OnceLock<Big> = OnceLock::new();
    let compute = || ln_one_plus(&Big::power_of_two(bits - 1).negated(), bits, terms).negated();
    if precision == SWAP_PRECISION { OF_SWAPS.get_or_init(compute).clone() } else { compute() }
}

/// The series of ln(1 + x), until a term falls below the guard bits or no longer moves the
/// rounded sum. Terms are floored, so that those of a negative x end at -1, never at zero.
fn ln_one_plus(x: &Big, bits: usize, terms: usize) -> Big {
    let guard = Big::power_of_two(GUARD);
    let mut power = x.clone();
    let mut sum = x.clone();
    let mut rounded = sum.shift_right_round(GUARD);
    for n in 2..=terms {
        power = power.multiply(x).shift_right_floor(bits);
        if power.is_zero() {
            break;
        }
        let term = power.divide_floor(n as u64);
        if term.is_zero() {
            break;
        }
        sum = if n % 2 == 0 { sum.subtract(&term) } else { sum.add(&term) };
        let next = sum.shift_right_round(GUARD);
        if below(&term, &guard) || next == rounded {
            break;
        }
        rounded = next;
    }
    sum
}

/// The series of the exponential, ended like [`ln_one_plus`].
fn exponential(x: &Big, bits: usize, terms: usize) -> Big {
    let guard = Big::power_of_two(GUARD);
    let mut term = Big::power_of_two(bits);
    let mut sum = term.clone();
    let mut rounded = sum.shift_right_round(GUARD);
    for n in 1..=terms {
        // The floor of a floor is the floor of the whole quotient.
        term = term.multiply(x).shift_right_floor(bits).divide_floor(n as u64);
        if term.is_zero() {
            break;
        }
        sum = sum.add(&term);
        let next = sum.shift_right_round(GUARD);
        if below(&term, &guard) || next == rounded {
            break;
        }
        rounded = next;
    }
    sum
}

/// Whether the magnitude of `x` is below `limit`.
fn below(x: &Big, limit: &Big) -> bool {
    x < limit && &x.clone().negated() < limit
}

/// The logarithm of an integer: a mantissa in 0.75 .. 1.5 and a power of two.
fn ln_integer(x: u128, bits: usize, ln_two: &Big, terms: usize) -> Big {
    let one = Big::power_of_two(bits);
    let mut shift = x.ilog2() as usize;
    let mut mantissa = Big::from(x).shift_left(bits).shift_right_floor(shift);
    if mantissa >= one.add(&Big::power_of_two(bits - 1)) {
        mantissa = mantissa.shift_right_floor(1);
        shift += 1;
    }
    let rest = ln_one_plus(&mantissa.subtract(&one), bits, terms);
    rest.add(&ln_two.multiply(&Big::from(shift as u128)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const QUINTILLION: u64 = 1_000_000_000_000_000_000;

    /// The values that the tests of safe-bigmath and of the chain's pool assert.
    #[test]
    fn values_that_upstream_asserts() {
        assert_eq!(power_ratio_scaled((2, 3), (1, 2), 0, 1_000), Some(816));
        let x = 21_000_000_000_000_000;
        let got = power_ratio_scaled(
            (x, x + 7_000_000_000_000_000),
            (600_000_000_000_000_000, 400_000_000_000_000_000),
            4_096,
            QUINTILLION,
        );
        assert_eq!(got, Some(649_519_052_838_328_985));
    }

    #[test]
    fn edges() {
        for (base, exponent, want) in [
            ((1, 0), (1, 1), None),
            ((1, 1), (1, 0), None),
            ((0, 1), (1, 1), Some(0)),
            ((7, 9), (0, 1), Some(1_000)),
            ((1, 4), (1, 2), Some(500)),
            ((4, 1), (1, 2), Some(2_000)),
            ((8, 27), (1, 3), Some(666)),
            ((2, 1), (1_024, 1), None),
            // Far beyond its range the series does not converge, and says so.
            ((1, u64::MAX.into()), (99_000_001, 1_000_000), None),
        ] {
            assert_eq!(
                power_ratio_scaled(base, exponent, 256, 1_000),
                want,
                "{base:?} {exponent:?}"
            );
        }
    }

    proptest! {
        /// Exponents on both sides of the boundary between R2 and R3 that nearly agree.
        #[test]
        fn both_arms_agree(x in 1_u64..1 << 50, share in 0.0..1.0_f64, p in 1_u64..40, q in 1_u64..40) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
            let dx = (x as f64 * share) as u64;
            let base = (u128::from(x), u128::from(x) + u128::from(dx));
            let root = power_ratio_scaled(base, (p, q), 256, QUINTILLION).unwrap();
            let series = by_series(base, (p, q), 256, QUINTILLION).unwrap();
            prop_assert!(root.abs_diff(series) <= 1, "{root} {series}");
        }

        /// The true function, as far as doubles carry.
        #[test]
        fn near_the_true_power(x in 1_u64..1 << 50, dx in 1_u64..1 << 50, w in 1_u64..100) {
            let base = (u128::from(x), u128::from(x) + u128::from(dx));
            let got = power_ratio_scaled(base, (w * 10_000_001, 500_000_003), 256, QUINTILLION);
            #[expect(clippy::cast_precision_loss)]
            let want = sim_types::math::pow(
                base.0 as f64 / base.1 as f64,
                (w * 10_000_001) as f64 / 500_000_003.0,
            );
            #[expect(clippy::cast_precision_loss)]
            let got = got.unwrap() as f64 / 1e18;
            prop_assert!((got - want).abs() < 1e-12, "{got} {want}");
        }
    }
}
