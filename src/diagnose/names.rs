//! Names in messages: quoted, listed, and the nearest known one.

use core::fmt::Write as _;

/// `text` in backticks, control characters escaped, shortened to what a line can carry.
#[must_use]
pub fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown = String::from("`");
    for (i, c) in text.chars().enumerate() {
        if i == LONGEST {
            shown.push('…');
            break;
        }
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown.push('`');
    shown
}

/// The known name nearest to `word`, if it is near enough to be what was meant.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    let lower = word.to_lowercase();
    known
        .into_iter()
        .map(|name| {
            let other = name.to_lowercase();
            // A name cut short or a part of it counts as near: `a100` for `a100_sxm`.
            let part = lower.len() >= 3 && (other.contains(&lower) || lower.contains(&other));
            let distance = edit_distance(&lower, &other);
            (if part { distance.min(limit) } else { distance }, distance, name)
        })
        .filter(|&(score, ..)| score <= limit)
        .min_by_key(|&(score, distance, _)| (score, distance))
        .map(|(.., name)| name)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`
/// (optimal string alignment). Words beyond 64 characters are cut: they are no typing slips.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) =
        (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replace = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replace.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = core::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// `a`, `b` and `c` in backticks, for lists of what would be right; long lists are cut.
#[must_use]
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const MOST_NAMES: usize = 14;
    let all: Vec<&str> = names.into_iter().collect();
    let mut text = String::new();
    for (i, name) in all.iter().take(MOST_NAMES).enumerate() {
        let _ = write!(text, "{}`{name}`", if i == 0 { "" } else { ", " });
    }
    if all.len() > MOST_NAMES {
        let _ = write!(text, " and {} more", all.len() - MOST_NAMES);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_a_typing_slip_away_or_a_part() {
        let known = ["validators", "miners", "a100_sxm", "h100_sxm", "alpha"];
        let table = [
            ("validatros", Some("validators")),
            ("miner", Some("miners")),
            ("a100", Some("a100_sxm")),
            ("H100_SXM", Some("h100_sxm")),
            ("alhpa", Some("alpha")),
            ("xyz", None),
            ("", None),
        ];
        for (word, want) in table {
            assert_eq!(nearest(word, known), want, "{word}");
        }
    }

    #[test]
    fn edit_distances_match_hand_counts() {
        let table = [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("ab", "ba", 1)];
        for (a, b, want) in table {
            assert_eq!(edit_distance(a, b), want, "{a} {b}");
            assert_eq!(edit_distance(b, a), want, "{b} {a}");
        }
    }
}
