//! Gradient compression: blocks of int8, the largest elements.

use rayon::prelude::*;

/// Elements that share a scale.
pub const BLOCK: usize = 64;

super::dispatch! {
    fn quantise_block(x: &[f32], q: &mut [u8]) -> f32 = quantise_block_body;
}

#[inline(always)]
fn quantise_block_body(x: &[f32], q: &mut [u8]) -> f32 {
    let most = x.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
    let inverse = if most > 0.0 { 127.0 / most } else { 0.0 };
    for (q, &x) in q.iter_mut().zip(x) {
        let rounded = x.mul_add(inverse, 12_582_912.0) - 12_582_912.0;
        *q = (rounded as i8).cast_unsigned();
    }
    most / 127.0
}

/// Each block of 64 by its absolute maximum over 127, rounded to nearest, ties to even.
pub fn quantise(x: &[f32], q: &mut [u8], scale: &mut [f32]) {
    const PART: usize = 64;
    let parts = q.par_chunks_mut(BLOCK * PART).zip(scale.par_chunks_mut(PART));
    parts.zip(x.par_chunks(BLOCK * PART)).for_each(|((q, scale), x)| {
        let blocks = q.chunks_mut(BLOCK).zip(x.chunks(BLOCK));
        for (scale, (q, x)) in scale.iter_mut().zip(blocks) {
            *scale = quantise_block(x, q);
        }
    });
}

/// The numbers that [`quantise`] stands for.
pub fn restore(q: &[u8], scale: &[f32], y: &mut [f32]) {
    y.par_chunks_mut(BLOCK).zip(q.par_chunks(BLOCK)).zip(scale).for_each(|((y, q), &scale)| {
        for (y, &q) in y.iter_mut().zip(q) {
            *y = f32::from(q.cast_signed()) * scale;
        }
    });
}

/// Places and values of the `k` elements of greatest magnitude, lower places first among
/// equals, by ascending place.
#[must_use]
pub fn top(x: &[f32], k: usize) -> (Vec<u32>, Vec<f32>) {
    let magnitude = |x: f32| x.to_bits() & 0x7fff_ffff;
    let mut keys: Vec<u32> = x.par_iter().map(|&x| magnitude(x)).collect();
    let n = keys.len();
    let (_, &mut bar, above) = keys.select_nth_unstable(n - k);
    // Of those equal to the bar, as many as are not above it.
    let mut wanted = 1 + above.iter().filter(|&&key| key == bar).count();
    let (mut places, mut values) = (Vec::with_capacity(k), Vec::with_capacity(k));
    for (place, &x) in (0_u32..).zip(x) {
        let key = magnitude(x);
        let equal = key == bar && wanted > 0;
        wanted -= usize::from(equal);
        if key > bar || equal {
            places.push(place);
            values.push(x);
        }
    }
    (places, values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Draw;

    #[test]
    fn restored_numbers_lie_within_half_a_step() {
        let x = Draw::new(3).floats(640, 2.0);
        let (mut q, mut scale, mut y) = (vec![0; 640], vec![0.0; 10], vec![0.0; 640]);
        quantise(&x, &mut q, &mut scale);
        restore(&q, &scale, &mut y);
        for (i, (x, y)) in x.iter().zip(&y).enumerate() {
            assert!((x - y).abs() <= 0.501 * scale[i / BLOCK], "{i}: {x} {y}");
        }
    }

    /// Against a full sort.
    #[test]
    fn the_largest_are_those_of_a_sort() {
        // Few distinct values, so that there are many ties.
        let mut draw = Draw::new(5);
        let x: Vec<f32> = (0..500).map(|_| draw.below(9) as f32 - 4.0).collect();
        for k in [1, 7, 250, 499, 500] {
            let mut order: Vec<u32> = (0..500).collect();
            order.sort_by(|&a, &b| {
                x[b as usize].abs().total_cmp(&x[a as usize].abs()).then(a.cmp(&b))
            });
            order.truncate(k);
            order.sort_unstable();
            let (places, values) = top(&x, k);
            assert_eq!(places, order, "{k}");
            assert!(
                values.iter().zip(&places).all(|(v, &p)| v.to_bits() == x[p as usize].to_bits())
            );
        }
    }
}
