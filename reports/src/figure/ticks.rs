//! Where an axis has its ticks, and what they say.

use crate::stats::count;

use super::Axis;

/// A readable step that cuts `span` into about `wanted` parts.
fn step(span: f64, wanted: usize) -> f64 {
    let rough = span / count(wanted.max(1));
    if !(rough.is_finite() && rough > 0.0) {
        return 1.0;
    }
    let mut power = 1.0;
    while power * 10.0 <= rough {
        power *= 10.0;
    }
    while power > rough {
        power /= 10.0;
    }
    [1.0, 2.0, 2.5, 5.0]
        .into_iter()
        .map(|m| m * power)
        .find(|s| *s >= rough * 0.999_999)
        .unwrap_or(power * 10.0)
}

/// Decimals that tell multiples of `step` apart.
pub(crate) fn decimals(step: f64) -> usize {
    let mut step = step.abs();
    for decimals in 0..12 {
        if (step - step.round()).abs() < 1e-6 * step.max(1e-12) {
            return decimals;
        }
        step *= 10.0;
    }
    12
}

/// An axis from `low` to at least `high`, both widened to ticks. `percent` writes 1 as 100 %.
pub(crate) fn linear(label: &str, low: f64, high: f64, percent: bool) -> Axis {
    let scale = if percent { 100.0 } else { 1.0 };
    let high = if high > low { high } else { low + 1.0 };
    let step = step((high - low) * scale, 5);
    let first = (low * scale / step).floor();
    let last = (high * scale / step - 1e-9).ceil();
    let decimals = decimals(step);
    let mut ticks = Vec::new();
    let mut k = first;
    while k <= last && ticks.len() < 32 {
        let value = k * step;
        ticks.push((value / scale, crate::format::number(value, 3 + decimals)));
        k += 1.0;
    }
    Axis { label: label.to_owned(), low: first * step / scale, high: last * step / scale, ticks }
}

/// A time axis from 0 to a horizon in ns, in one unit of time.
pub(crate) fn time(horizon_ns: f64) -> Axis {
    const UNITS: [(f64, &str, &[f64]); 5] = [
        (86_400e9, "d", &[1.0, 2.0, 5.0, 7.0, 14.0, 30.0, 60.0, 100.0, 200.0, 365.0, 1000.0]),
        (3_600e9, "h", &[1.0, 2.0, 3.0, 4.0, 6.0, 12.0, 24.0]),
        (60e9, "min", &[1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0]),
        (1e9, "s", &[0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0]),
        (1e6, "ms", &[1e-6, 1e-3, 0.01, 0.1, 1.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0]),
    ];
    // Three of a unit read better than fractions of the next.
    let (size, unit, steps) = UNITS
        .into_iter()
        .find(|(size, _, _)| horizon_ns >= 2.999 * size)
        .unwrap_or(UNITS[UNITS.len() - 1]);
    let span = horizon_ns / size;
    let step = steps.iter().copied().find(|s| span / s <= 8.5).unwrap_or(span / 6.0);
    let decimals = decimals(step);
    let mut ticks = Vec::new();
    let mut k = 0.0;
    while k * step <= span * 1.000_001 && ticks.len() < 32 {
        ticks.push((k * step * size, crate::format::number(k * step, 4 + decimals)));
        k += 1.0;
    }
    Axis { label: format!("time ({unit})"), low: 0.0, high: horizon_ns, ticks }
}

/// Decades and their 2 and 5 between two positive times in seconds, placed at their
/// logarithms.
pub(super) fn log_seconds(label: &str, low: f64, high: f64) -> Axis {
    log(label, low, high, seconds)
}

/// Decades and their 2 and 5 between two positive values, placed at their logarithms.
pub(super) fn log(label: &str, low: f64, high: f64, text: fn(f64) -> String) -> Axis {
    // Read from text, each is the double nearest to it; products of tens drift.
    let mark = |exponent: i32, digit: u8| -> f64 {
        format!("{digit}e{exponent}").parse().unwrap_or(f64::INFINITY)
    };
    let decades = (-12..=300).take_while(|&exponent| mark(exponent, 1) <= high * 10.0);
    let marks: Vec<f64> = decades.flat_map(|e| [1, 2, 5].map(|digit| mark(e, digit))).collect();
    let first = marks.iter().rposition(|m| *m <= low * 1.000_001).unwrap_or(0);
    let last = marks.iter().position(|m| *m >= high * 0.999_999).unwrap_or(marks.len() - 1);
    let inside = &marks[first..=last.max(first + 1).min(marks.len() - 1)];
    // Thin out: every mark, then decades only.
    let keep = |i: usize| inside.len() <= 8 || (first + i).is_multiple_of(3);
    let ticks = inside
        .iter()
        .enumerate()
        .filter(|(i, _)| keep(*i))
        .map(|(_, &m)| (sim_types::math::ln(m), text(m)))
        .collect();
    Axis {
        label: label.to_owned(),
        low: sim_types::math::ln(inside[0]),
        high: sim_types::math::ln(inside[inside.len() - 1]),
        ticks,
    }
}

/// A time in seconds with its best unit.
pub(super) fn seconds(value: f64) -> String {
    let (scale, unit) = match value {
        v if v >= 7_200.0 => (1.0 / 3_600.0, "h"),
        v if v >= 120.0 => (1.0 / 60.0, "min"),
        v if v >= 1.0 || v <= 0.0 => (1.0, "s"),
        v if v >= 1e-3 => (1e3, "ms"),
        v if v >= 1e-6 => (1e6, "µs"),
        _ => (1e9, "ns"),
    };
    format!("{} {unit}", crate::format::number(value * scale, 3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn axes_read_well() {
        assert_eq!(labels(&linear("", 0.0, 1.0, true)), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(labels(&linear("", 0.0, 0.0, false)), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        let day = time(86_400e9);
        assert_eq!(day.label, "time (h)");
        assert_eq!(labels(&day), ["0", "3", "6", "9", "12", "15", "18", "21", "24"]);
        assert_eq!(labels(&time(3_600e9)), ["0", "10", "20", "30", "40", "50", "60"]);
        let log = log_seconds("", 0.3, 40.0);
        assert_eq!(labels(&log), ["200 ms", "500 ms", "1 s", "2 s", "5 s", "10 s", "20 s", "50 s"]);
    }

    proptest! {
        #[test]
        fn an_axis_covers_its_data_with_few_ticks(
            low in -1e6..1e6_f64, span in 1e-6..1e9_f64, percent in any::<bool>(),
        ) {
            let axis = linear("", low, low + span, percent);
            prop_assert!(axis.low <= low + 1e-9 * span.max(low.abs()));
            prop_assert!(axis.high >= low + span - 1e-9 * span.max(low.abs()) * 10.0);
            prop_assert!((2..=12).contains(&axis.ticks.len()), "{:?}", axis.ticks);
        }

        #[test]
        fn a_time_axis_ends_at_its_horizon(horizon in 1.0..1e18_f64) {
            let axis = time(horizon);
            prop_assert!(axis.high >= horizon && axis.ticks.len() >= 2 || horizon < 10.0);
            prop_assert!(axis.ticks.len() <= 10);
        }

        #[test]
        fn a_logarithmic_axis_covers_its_data(low in 1e-8..1e3_f64, factor in 1.0..1e4_f64) {
            let axis = log_seconds("", low, low * factor);
            prop_assert!(axis.low <= low.ln() + 1e-5 && axis.high >= (low * factor).ln() - 1e-5);
            prop_assert!(axis.ticks.len() >= 2 && axis.high > axis.low);
        }
    }
}
