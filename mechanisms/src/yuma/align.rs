//! Two lists of one column side by side.

use sim_types::fixed::I32F32;

/// A list by rows, ascending: rows and their values.
pub(super) type List<'a> = (&'a [u16], &'a [I32F32]);

/// Two lists over the same rows, and the memory to bring them there.
#[derive(Debug, Clone, Default)]
pub(super) struct Aligned {
    rows: Vec<u16>,
    a: Vec<I32F32>,
    b: Vec<I32F32>,
}

/// Rows, and the value in each list.
pub(super) type Sides<'a> = (&'a [u16], &'a [I32F32], &'a [I32F32]);

impl Aligned {
    /// The rows of either list; where one does not name a row its value is zero.
    // Validators seldom change whom they weigh: then nothing is copied.
    pub(super) fn union<'a>(&'a mut self, a: List<'a>, b: List<'a>) -> Sides<'a> {
        if a.0 == b.0 {
            return (a.0, a.1, b.1);
        }
        let most = a.0.len() + b.0.len();
        self.rows.resize(most, 0);
        self.a.resize(most, I32F32::ZERO);
        self.b.resize(most, I32F32::ZERO);
        let (mut i, mut j, mut len) = (0, 0, 0);
        // Neither list runs out inside: which one is ahead is all there is to decide.
        while let (Some(&row_a), Some(&row_b)) = (a.0.get(i), b.0.get(j)) {
            let (from_a, from_b) = (row_a <= row_b, row_b <= row_a);
            self.rows[len] = row_a.min(row_b);
            self.a[len] = if from_a { a.1[i] } else { I32F32::ZERO };
            self.b[len] = if from_b { b.1[j] } else { I32F32::ZERO };
            (i, j, len) = (i + usize::from(from_a), j + usize::from(from_b), len + 1);
        }
        for (&row, &value) in a.0[i..].iter().zip(&a.1[i..]) {
            (self.rows[len], self.a[len], self.b[len]) = (row, value, I32F32::ZERO);
            len += 1;
        }
        for (&row, &value) in b.0[j..].iter().zip(&b.1[j..]) {
            (self.rows[len], self.a[len], self.b[len]) = (row, I32F32::ZERO, value);
            len += 1;
        }
        (&self.rows[..len], &self.a[..len], &self.b[..len])
    }

    /// The rows of the first list; where the second does not name a row its value is zero.
    pub(super) fn first<'a>(&'a mut self, a: List<'a>, b: List<'a>) -> Sides<'a> {
        if a.0 == b.0 {
            return (a.0, a.1, b.1);
        }
        self.b.clear();
        let mut others = b.0.iter().zip(b.1).peekable();
        self.b.extend(a.0.iter().map(|row| {
            while others.next_if(|other| other.0 < row).is_some() {}
            others.next_if(|other| other.0 == row).map_or(I32F32::ZERO, |other| *other.1)
        }));
        (a.0, a.1, &self.b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Merging two lists is walking two full columns.
        #[test]
        fn equal_to_the_dense_form(
            cells in proptest::collection::vec((0_i64..3, 0_i64..3), 0..12),
        ) {
            let list = |side: fn(&(i64, i64)) -> i64| -> (Vec<u16>, Vec<I32F32>) {
                let listed = (0_u16..).zip(&cells).map(|(row, c)| (row, side(c)));
                listed.filter(|c| c.1 > 0).map(|c| (c.0, I32F32::from_bits(c.1))).unzip()
            };
            let (a, b) = (list(|c| c.0), list(|c| c.1));
            let (a, b) = ((&a.0[..], &a.1[..]), (&b.0[..], &b.1[..]));
            let plain = |sides: Sides<'_>| -> Vec<_> {
                let values = sides.1.iter().zip(sides.2).map(|(a, b)| (a.to_bits(), b.to_bits()));
                sides.0.iter().copied().zip(values).collect()
            };
            let mut aligned = Aligned::default();
            for _ in 0..2 {
                let want = |keep: fn(&(i64, i64)) -> bool| -> Vec<_> {
                    (0..).zip(cells.iter().copied()).filter(|(_, c)| keep(c)).collect()
                };
                prop_assert_eq!(plain(aligned.union(a, b)), want(|c| *c != (0, 0)));
                prop_assert_eq!(plain(aligned.first(a, b)), want(|c| c.0 > 0));
            }
        }
    }
}
