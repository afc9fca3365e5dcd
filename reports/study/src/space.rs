//! The parameters of a study: their ranges, and the unit cube that methods work in.

use serde::{Deserialize, Serialize};
use sim_types::math::{exp, ln};

/// One parameter of a study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name: where it stands in the scenario.
    pub name: String,
    /// Smallest value.
    pub low: f64,
    /// Largest value, above `low`; they may be equal where the parameter is an integer.
    pub high: f64,
    /// Whether equal factors, not equal differences, are equally far apart. `low` is then above 0.
    pub log: bool,
    /// Whether it takes whole numbers alone; `low` and `high` are then whole.
    pub integer: bool,
}

impl Parameter {
    /// A real parameter on an even scale.
    #[must_use]
    pub fn real(name: impl Into<String>, low: f64, high: f64) -> Self {
        Self { name: name.into(), low, high, log: false, integer: false }
    }

    /// What is wrong with its range, if anything.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let Self { name, low, high, .. } = self;
        if !(low.is_finite() && high.is_finite()) {
            return Some(format!("`{name}`: found the range {low} … {high}, expected two numbers"));
        }
        if high < low || (high <= low && !self.integer) {
            return Some(format!(
                "`{name}`: found the range {low} … {high}, expected the smaller first"
            ));
        }
        if self.log && *low <= 0.0 {
            return Some(format!(
                "`{name}`: found the range {low} … {high} on a logarithmic scale, expected it above 0"
            ));
        }
        if self.integer && (low.fract().abs() > 0.0 || high.fract().abs() > 0.0) {
            return Some(format!(
                "`{name}`: found the range {low} … {high}, expected whole numbers"
            ));
        }
        None
    }

    /// The value at `unit` of the way through the range; whole numbers have equal parts of it.
    #[must_use]
    pub fn value(&self, unit: f64) -> f64 {
        let unit = unit.clamp(0.0, 1.0);
        // A whole number k owns k − 1/2 … k + 1/2.
        let half = if self.integer { 0.5 } else { 0.0 };
        let (low, high) = (self.low - half, self.high + half);
        let value = if self.log {
            exp(ln(low) + unit * (ln(high) - ln(low)))
        } else {
            low + unit * (high - low)
        };
        let value = if self.integer { (value + 0.5).floor() } else { value };
        value.clamp(self.low, self.high)
    }

    /// Where in the range a value lies, 0 … 1.
    #[must_use]
    pub fn unit(&self, value: f64) -> f64 {
        let half = if self.integer { 0.5 } else { 0.0 };
        let (low, high) = (self.low - half, self.high + half);
        let value = value.clamp(low, high);
        let unit = if self.log {
            (ln(value) - ln(low)) / (ln(high) - ln(low))
        } else {
            (value - low) / (high - low)
        };
        unit.clamp(0.0, 1.0)
    }
}

/// All parameters of a study.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Space {
    /// In the order of the coordinates.
    pub parameters: Vec<Parameter>,
}

impl Space {
    /// How many parameters.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.parameters.len()
    }

    /// The values at a point of the unit cube.
    #[must_use]
    pub fn values(&self, unit: &[f64]) -> Vec<f64> {
        self.parameters.iter().zip(unit).map(|(p, u)| p.value(*u)).collect()
    }

    /// Where values lie in the unit cube.
    #[must_use]
    pub fn unit(&self, values: &[f64]) -> Vec<f64> {
        self.parameters.iter().zip(values).map(|(p, v)| p.unit(*v)).collect()
    }

    /// The nearest point of the unit cube that stands for values which can be had.
    #[must_use]
    pub fn snap(&self, unit: &[f64]) -> Vec<f64> {
        self.unit(&self.values(unit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_are_checked() {
        let with =
            |low, high, log, integer| Parameter { log, integer, ..Parameter::real("x", low, high) };
        let table = [
            (with(0.0, 1.0, false, false), None),
            (with(1.0, 1.0, false, true), None),
            (with(1.0, 0.0, false, false), Some("smaller first")),
            (with(1.0, 1.0, false, false), Some("smaller first")),
            (with(0.0, 1.0, true, false), Some("above 0")),
            (with(0.5, 2.0, false, true), Some("whole numbers")),
            (with(f64::NAN, 2.0, false, false), Some("two numbers")),
        ];
        for (parameter, fault) in table {
            let found = parameter.fault();
            assert_eq!(found.is_some(), fault.is_some(), "{parameter:?} {found:?}");
            assert!(found.unwrap_or_default().contains(fault.unwrap_or_default()));
        }
    }

    #[test]
    fn whole_numbers_have_equal_parts() {
        let die = Parameter { integer: true, ..Parameter::real("die", 1.0, 6.0) };
        let mut seen = [0; 7];
        for k in 0..6_000_u32 {
            let value = die.value((f64::from(k) + 0.5) / 6_000.0);
            assert!((value - value.round()).abs() < 1e-12);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 … 6")]
            let value = value as usize;
            seen[value] += 1;
        }
        assert_eq!(seen, [0, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000]);
    }

    proptest! {
        #[test]
        fn values_and_places_are_inverse(
            low in 1e-3..1e3_f64, factor in 1.001..1e4_f64, at in 0.0..=1.0_f64, log: bool,
        ) {
            let parameter = Parameter { log, ..Parameter::real("x", low, low * factor) };
            let value = parameter.value(at);
            prop_assert!((parameter.low..=parameter.high).contains(&value));
            prop_assert!((parameter.unit(value) - at).abs() < 1e-9);
        }

        #[test]
        fn snapping_twice_is_snapping_once(at in 0.0..=1.0_f64, high in 1..1_000_u16, log: bool) {
            let whole = Parameter { log, integer: true, ..Parameter::real("n", 1.0, high.into()) };
            let space = Space { parameters: vec![whole] };
            let once = space.snap(&[at]);
            let twice = space.snap(&once);
            prop_assert!((once[0] - twice[0]).abs() < 1e-9);
            prop_assert!((space.values(&once)[0] - space.values(&[at])[0]).abs() < 1e-9);
        }
    }
}
