//! Numbers and text for people: a few significant digits, readable units, safe HTML.

/// A number with about `digits` significant digits, thousands set apart by thin spaces.
#[must_use]
pub fn number(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let size = value.abs();
    if size > 0.0 && !(1e-4..1e15).contains(&size) {
        return format!("{value:.*e}", digits.saturating_sub(1)).replace('-', "−");
    }
    let mut before = 0;
    let mut bound = 1.0;
    while size >= bound {
        before += 1;
        bound *= 10.0;
    }
    let mut decimals = digits.saturating_sub(before);
    if before == 0 && size > 0.0 {
        let mut small = 0.1;
        while size < small {
            decimals += 1;
            small /= 10.0;
        }
    }
    grouped(&trimmed(&format!("{value:.decimals$}")))
}

/// Drops zeros that end a fraction.
fn trimmed(text: &str) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text.to_owned()
    }
}

/// Sets thousands apart and writes a true minus sign.
fn grouped(text: &str) -> String {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) if rest.bytes().any(|b| (b'1'..=b'9').contains(&b)) => ("−", rest),
        Some(rest) => ("", rest),
        None => ("", text),
    };
    let (whole, fraction) = rest.split_once('.').map_or((rest, None), |(w, f)| (w, Some(f)));
    let mut out = String::from(sign);
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) && whole.len() > 4 {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// A value and its unit as people write them: shares in per cent, short times in ms.
#[must_use]
pub fn with_unit(value: f64, unit: &str) -> (String, String) {
    let (scale, shown) = scale(value, unit);
    (number(value * scale, 4), shown.to_owned())
}

/// The factor and the unit in which a value of this size reads well.
pub(crate) fn scale(value: f64, unit: &str) -> (f64, &str) {
    let size = value.abs();
    match unit {
        "share" => (100.0, "%"),
        "share/day" => (100.0, "%/day"),
        "share/year" => (100.0, "%/year"),
        "s" if size >= 7_200.0 => (1.0 / 3_600.0, "h"),
        "s" if size > 0.0 && size < 1e-3 => (1e6, "µs"),
        "s" if size > 0.0 && size < 1.0 => (1e3, "ms"),
        "index" | "ratio" | "rank correlation" => (1.0, ""),
        other => (1.0, other),
    }
}

/// A length of time in nanoseconds, in the two largest units that matter: `6 h 30 min`.
#[must_use]
pub fn duration(ns: u64) -> String {
    const UNITS: [(u64, &str); 7] = [
        (86_400_000_000_000, "d"),
        (3_600_000_000_000, "h"),
        (60_000_000_000, "min"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "µs"),
        (1, "ns"),
    ];
    let Some(first) = UNITS.iter().position(|&(size, _)| ns >= size) else {
        return "0 s".to_owned();
    };
    let (size, unit) = UNITS[first];
    let mut text = format!("{} {unit}", ns / size);
    if let Some(&(next, unit)) = UNITS.get(first + 1)
        && ns % size / next > 0
    {
        text += &format!(" {} {unit}", ns % size / next);
    }
    text
}

/// Text made safe for HTML and SVG, in content and in quoted attributes.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // XML 1.0 allows no other control characters, not even escaped.
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_read_well() {
        let table = [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (0.5, "0.5"),
            (1234.0, "1234"),
            (12345.678, "12\u{202f}346"),
            (1_234_567.0, "1\u{202f}234\u{202f}567"),
            (0.012_345, "0.01235"),
            (-2.5, "−2.5"),
            (2.345_67, "2.346"),
            (1.5e-7, "1.500e−7"),
            (f64::NAN, "–"),
        ];
        for (value, text) in table {
            assert_eq!(number(value, 4), text, "{value}");
        }
        assert_eq!(with_unit(0.1234, "share"), ("12.34".to_owned(), "%".to_owned()));
        assert_eq!(with_unit(0.25, "s"), ("250".to_owned(), "ms".to_owned()));
        assert_eq!(with_unit(2.0, "TAO"), ("2".to_owned(), "TAO".to_owned()));
    }

    #[test]
    fn durations_name_two_units() {
        let table = [
            (0, "0 s"),
            (12_000_000_000, "12 s"),
            (23_400_000_000_000, "6 h 30 min"),
            (86_400_000_000_000, "1 d"),
            (1_500_000, "1 ms 500 µs"),
        ];
        for (ns, text) in table {
            assert_eq!(duration(ns), text);
        }
    }

    proptest! {
        #[test]
        fn escaped_text_opens_no_tag_and_closes_no_quote(text in any::<String>()) {
            let escaped = escape(&text);
            prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
            prop_assert!(!escaped.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
                .replace("&quot;", "").replace("&#39;", "").contains('&'));
        }
    }
}
