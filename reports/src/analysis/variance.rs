//! The variance behind independent normal values, with its chi-square interval (Law, Simulation
//! Modeling and Analysis, section 4.5). It leans on normality far more than the interval of a
//! mean does.

use super::distributions::chi_square_quantile;
use crate::stats::{count, std_dev};

/// The interval of the variance at `level`; `None` for fewer than two values, or unless
/// 0 < `level` < 1.
#[must_use]
pub fn interval(values: &[f64], level: f64) -> Option<[f64; 2]> {
    let spread = std_dev(values)?;
    let freedom = values.len() - 1;
    let tail = (1.0 - level) / 2.0;
    let squares = count(freedom) * spread * spread;
    Some([
        squares / chi_square_quantile(1.0 - tail, freedom)?,
        squares / chi_square_quantile(tail, freedom)?,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_are_those_of_the_chi_square_table() {
        // Sum of squares 10 over four degrees of freedom; chi-square(4) has 0.484 and 11.143 at
        // 2.5 % and 97.5 % (NIST/SEMATECH e-Handbook, 1.3.6.7.4).
        let [low, high] = interval(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.95).unwrap();
        assert!((low - 10.0 / 11.143).abs() < 1e-4, "{low}");
        assert!((high - 10.0 / 0.484).abs() < 2e-2, "{high}");
        assert_eq!(interval(&[1.0], 0.95), None);
        assert_eq!(interval(&[1.0, 2.0], 1.0), None);
    }
}
