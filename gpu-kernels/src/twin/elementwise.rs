//! Rows and elements of bf16 with sums in fp32: RMS norm, softmax, rotary positions, `SwiGLU`.

use half::bf16;
use rayon::prelude::*;

use super::order::block_sum;

/// A bf16 by its bits as fp32.
#[inline(always)]
#[must_use]
pub fn wide(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// fp32 as the nearest bf16, ties to even, for anything but a NaN.
#[inline(always)]
#[must_use]
pub fn narrow(x: f32) -> u16 {
    let bits = x.to_bits();
    (bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16) as u16
}

/// e^x, the bits of `exp_f32` in `cuda/device.cuh`.
#[inline(always)]
#[must_use]
#[expect(clippy::excessive_precision, clippy::approx_constant, reason = "as the source has them")]
pub fn exp(x: f32) -> f32 {
    let x = if x > 88.0 { 88.0 } else { x };
    // The last bits of the shifted number are the integer.
    let shifted = x.mul_add(1.442_695_04, 12_582_912.0);
    let n = shifted - 12_582_912.0;
    let r = n.mul_add(-0.693_359_375, x);
    let r = n.mul_add(2.121_944_40e-4, r);
    let mut p = 1.987_569_150_0e-4_f32;
    p = p.mul_add(r, 1.398_199_950_7e-3);
    p = p.mul_add(r, 8.333_451_907_3e-3);
    p = p.mul_add(r, 4.166_579_589_4e-2);
    p = p.mul_add(r, 1.666_666_545_9e-1);
    p = p.mul_add(r, 5.000_000_120_1e-1);
    p = (p * r).mul_add(r, r) + 1.0;
    // The same as a check for "greater" that a NaN fails.
    let large = x > -87.0;
    let exponent = shifted.to_bits().wrapping_sub(12_582_912.0_f32.to_bits());
    let scaled = f32::from_bits(p.to_bits().wrapping_add(exponent << 23));
    if large { scaled } else { 0.0 }
}

super::dispatch! {
    fn rms_row(x: &[u16], gain: &[u16], y: &mut [u16], epsilon: f32) = rms_row_body;
}

#[inline(always)]
fn rms_row_body(x: &[u16], gain: &[u16], y: &mut [u16], epsilon: f32) {
    // Thread t has elements 8t to 8t + 7 of every 2048.
    let mut sums = [0.0_f32; 256];
    for part in x.chunks(2048) {
        for (sum, x) in sums.iter_mut().zip(part.chunks_exact(8)) {
            for &x in x {
                *sum = wide(x).mul_add(wide(x), *sum);
            }
        }
    }
    let scale = 1.0 / (block_sum(&sums) / x.len() as f32 + epsilon).sqrt();
    for (y, (&x, &g)) in y.iter_mut().zip(x.iter().zip(gain)) {
        *y = narrow(wide(x) * scale * wide(g));
    }
}

/// Rows of x over their root mean square, times gain.
pub fn rmsnorm(x: &[u16], gain: &[u16], y: &mut [u16], epsilon: f32) {
    let d = gain.len();
    y.par_chunks_mut(d).zip(x.par_chunks(d)).for_each(|(y, x)| rms_row(x, gain, y, epsilon));
}

super::dispatch! {
    fn softmax_row(x: &[u16], y: &mut [u16], scratch: &mut Vec<f32>) = softmax_row_body;
}

#[inline(always)]
fn softmax_row_body(x: &[u16], y: &mut [u16], scratch: &mut Vec<f32>) {
    let most = x.iter().map(|&x| wide(x)).fold(f32::NEG_INFINITY, |m, x| if m < x { x } else { m });
    scratch.clear();
    scratch.extend(x.iter().map(|&x| exp(wide(x) - most)));
    let mut sums = [0.0_f32; 512];
    for part in scratch.chunks(4096) {
        for (sum, e) in sums.iter_mut().zip(part.chunks_exact(8)) {
            for &e in e {
                *sum += e;
            }
        }
    }
    let scale = 1.0 / block_sum(&sums);
    for (y, &e) in y.iter_mut().zip(scratch.iter()) {
        *y = narrow(e * scale);
    }
}

/// Softmax of rows of length `d`.
pub fn softmax(x: &[u16], y: &mut [u16], d: usize) {
    let rows = y.par_chunks_mut(d).zip(x.par_chunks(d));
    rows.for_each_init(Vec::new, |scratch, (y, x)| softmax_row(x, y, scratch));
}

/// Turns heads of length `d` in place by their tokens' positions.
pub fn rope(x: &mut [u16], position: &[u32], cosine: &[f32], sine: &[f32], heads: usize, d: usize) {
    x.par_chunks_mut(heads * d).zip(position).for_each(|(x, &position)| {
        let row = position as usize * (d / 2);
        let (c, s) = (&cosine[row..row + d / 2], &sine[row..row + d / 2]);
        x.chunks_exact_mut(d).for_each(|head| turn(head, c, s));
    });
}

super::dispatch! {
    fn turn(head: &mut [u16], cosine: &[f32], sine: &[f32]) = turn_body;
}

#[inline(always)]
fn turn_body(head: &mut [u16], cosine: &[f32], sine: &[f32]) {
    let (low, high) = head.split_at_mut(head.len() / 2);
    for ((low, high), (&c, &s)) in low.iter_mut().zip(high).zip(cosine.iter().zip(sine)) {
        let (p, q) = (wide(*low), wide(*high));
        *low = narrow(p.mul_add(c, -(q * s)));
        *high = narrow(q.mul_add(c, p * s));
    }
}

super::dispatch! {
    fn swiglu_part(gate: &[u16], up: &[u16], y: &mut [u16]) = swiglu_part_body;
}

#[inline(always)]
fn swiglu_part_body(gate: &[u16], up: &[u16], y: &mut [u16]) {
    for (y, (&g, &u)) in y.iter_mut().zip(gate.iter().zip(up)) {
        *y = narrow(silu(wide(g)) * wide(u));
    }
}

/// g / (1 + e^-g).
#[inline(always)]
#[must_use]
pub fn silu(g: f32) -> f32 {
    g / (1.0 + exp(-g))
}

/// `silu(gate) * up`.
pub fn swiglu(gate: &[u16], up: &[u16], y: &mut [u16]) {
    const PART: usize = 4096;
    let inputs = gate.par_chunks(PART).zip(up.par_chunks(PART));
    y.par_chunks_mut(PART).zip(inputs).for_each(|(y, (gate, up))| swiglu_part(gate, up, y));
}

/// bf16 of a number.
#[must_use]
pub fn bf16_of(x: f32) -> u16 {
    bf16::from_f32(x).to_bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the pinned libm in double precision, over the whole range.
    #[test]
    fn exponentials_are_within_two_ulp() {
        let mut worst = 0.0_f64;
        for i in 1..=349_998 {
            let x = -87.0 + 0.0005 * i as f32;
            let want = sim_types::math::exp(f64::from(x));
            let got = exp(x);
            let ulp = f64::from(f32::from_bits(got.to_bits() + 1)) - f64::from(got);
            worst = worst.max((f64::from(got) - want).abs() / ulp);
        }
        assert!(worst < 2.0, "{worst} ulp");
        assert_eq!([exp(-87.5), exp(f32::NEG_INFINITY)].map(f32::to_bits), [0, 0]);
        assert_eq!(exp(200.0).to_bits(), exp(88.0).to_bits());
    }

    #[test]
    fn rounding_to_bf16_is_that_of_half() {
        let mut draw = crate::data::Draw::new(1);
        for _ in 0..100_000 {
            let x = f32::from_bits(draw.bits() as u32);
            if !x.is_nan() {
                assert_eq!(narrow(x), bf16::from_f32(x).to_bits(), "{x:e}");
            }
        }
    }
}
