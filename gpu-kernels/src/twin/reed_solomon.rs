//! Reed–Solomon codes over GF(2^8) with the polynomial x^8 + x^4 + x^3 + x^2 + 1 (0x11d).

use rayon::prelude::*;

/// Product in the field.
#[must_use]
pub const fn times(a: u8, b: u8) -> u8 {
    let (mut a, mut b, mut product) = (a, b, 0);
    while b != 0 {
        if b & 1 != 0 {
            product ^= a;
        }
        a = (a << 1) ^ (if a & 0x80 == 0 { 0 } else { 0x1d });
        b >>= 1;
    }
    product
}

/// Inverse in the field: a^254; of zero, zero.
#[must_use]
pub const fn inverse(a: u8) -> u8 {
    let (mut power, mut square, mut exponent) = (1, a, 254);
    while exponent > 0 {
        if exponent & 1 == 1 {
            power = times(power, square);
        }
        square = times(square, square);
        exponent >>= 1;
    }
    power
}

/// The Cauchy matrix of `m` rows and `k` columns with 1 / ((k + i) xor j) in row i, column j: any
/// k rows of it and of the unit matrix are independent (Blömer et al., ICSI TR-95-048).
///
/// # Panics
/// When k + m exceeds 256.
#[must_use]
pub fn cauchy(k: usize, m: usize) -> Vec<u8> {
    assert!(k + m <= 256, "GF(2^8) has room for 256 shards");
    (0..m * k).map(|at| inverse(((k + at / k) ^ (at % k)) as u8)).collect()
}

/// Bytes of a shard that one task carries: small enough for the cache with all parities.
const PART: usize = 4096;

/// `parity = matrix data`, where data and parity are shards of `len` bytes one after the other.
pub fn encode(matrix: &[u8], data: &[u8], parity: &mut [u8], k: usize, len: usize) {
    let m = matrix.len() / k;
    let tables: Vec<[u8; 32]> = matrix.iter().map(|&c| table(c)).collect();
    // Rayon takes ranges of bytes; each writes its range of every parity.
    let mut rows: Vec<_> = parity.chunks_mut(len).map(|row| row.chunks_mut(PART)).collect();
    let mut parts = Vec::new();
    for start in (0..len).step_by(PART) {
        let part: Vec<&mut [u8]> = rows.iter_mut().filter_map(Iterator::next).collect();
        parts.push((start, part));
    }
    parts.par_iter_mut().for_each(|(start, part)| {
        for (i, out) in part.iter_mut().enumerate().take(m) {
            out.fill(0);
            for j in 0..k {
                let from = j * len + *start;
                add_product(&tables[i * k + j], &data[from..from + out.len()], out);
            }
        }
    });
}

/// Products of a coefficient with every low and every high half of a byte.
fn table(c: u8) -> [u8; 32] {
    std::array::from_fn(|i| {
        let half = (i % 16) as u8;
        times(c, if i < 16 { half } else { half << 4 })
    })
}

/// `y += c x`.
fn add_product(table: &[u8; 32], x: &[u8], y: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx2") {
        #[expect(unsafe_code, reason = "instructions that not every processor has")]
        // SAFETY: the processor was asked for them just now.
        return unsafe { wide::add_product(table, x, y) };
    }
    plain(table, x, y);
}

fn plain(table: &[u8; 32], x: &[u8], y: &mut [u8]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y ^= table[usize::from(x & 15)] ^ table[16 + usize::from(x >> 4)];
    }
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::{
        __m256i, _mm_loadu_si128, _mm256_and_si256, _mm256_broadcastsi128_si256,
        _mm256_loadu_si256, _mm256_set1_epi8, _mm256_shuffle_epi8, _mm256_srli_epi16,
        _mm256_storeu_si256, _mm256_xor_si256,
    };

    /// 32 bytes at a time, each half of a byte looked up by a shuffle (Plank, Greenan and
    /// Miller, "Screaming fast Galois field arithmetic", FAST 2013).
    #[target_feature(enable = "avx2")]
    pub(super) fn add_product(table: &[u8; 32], x: &[u8], y: &mut [u8]) {
        let (xs, x_rest) = x.as_chunks::<32>();
        let (ys, y_rest) = y.as_chunks_mut::<32>();
        let mask = _mm256_set1_epi8(15);
        #[expect(unsafe_code, reason = "loads by pointer")]
        // SAFETY: both halves of the table are 16 bytes that live.
        let (low, high) = unsafe {
            let half = |at: usize| _mm_loadu_si128(table[at..at + 16].as_ptr().cast());
            (_mm256_broadcastsi128_si256(half(0)), _mm256_broadcastsi128_si256(half(16)))
        };
        for (x, y) in xs.iter().zip(ys) {
            #[expect(clippy::cast_ptr_alignment, reason = "unaligned loads")]
            #[expect(unsafe_code, reason = "loads and stores by pointer")]
            // SAFETY: both arrays have 32 bytes, and no alignment is asked for.
            unsafe {
                let v = _mm256_loadu_si256(x.as_ptr().cast::<__m256i>());
                let sum = _mm256_loadu_si256(y.as_ptr().cast::<__m256i>());
                let a = _mm256_shuffle_epi8(low, _mm256_and_si256(v, mask));
                let b = _mm256_and_si256(_mm256_srli_epi16::<4>(v), mask);
                let product = _mm256_xor_si256(a, _mm256_shuffle_epi8(high, b));
                _mm256_storeu_si256(y.as_mut_ptr().cast(), _mm256_xor_si256(sum, product));
            }
        }
        super::plain(table, x_rest, y_rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Draw;

    #[test]
    fn the_field_is_a_field() {
        // 2 generates it under 0x11d: 255 steps until one comes back.
        let mut x = 1;
        let steps = (1..1000).find(|_| {
            x = times(x, 2);
            x == 1
        });
        assert_eq!(steps, Some(255));
        assert!((1..=255).all(|a| times(a, inverse(a)) == 1));
        assert_eq!(times(0x80, 2), 0x1d);
    }

    /// Any lost shards come back by the inverse of the rows that are left.
    #[test]
    fn lost_shards_come_back() {
        let (k, m, len) = (6, 4, 5003);
        let mut draw = Draw::new(1);
        let data = draw.bytes(k * len);
        let matrix = cauchy(k, m);
        let mut parity = vec![0; m * len];
        encode(&matrix, &data, &mut parity, k, len);
        for _ in 0..20 {
            let mut left: Vec<usize> =
                draw.permutation(k + m).iter().map(|&i| i as usize).collect();
            left.truncate(k);
            // Gauss and Jordan on [rows | unit matrix].
            let mut rows: Vec<Vec<u8>> = left
                .iter()
                .enumerate()
                .map(|(at, &shard)| {
                    let code = (0..k).map(|j| match shard.checked_sub(k) {
                        Some(i) => matrix[i * k + j],
                        None => u8::from(shard == j),
                    });
                    code.chain((0..k).map(|j| u8::from(at == j))).collect()
                })
                .collect();
            for c in 0..k {
                let pivot = (c..k).find(|&r| rows[r][c] != 0).expect("independent rows");
                rows.swap(c, pivot);
                let scale = inverse(rows[c][c]);
                rows[c].iter_mut().for_each(|x| *x = times(*x, scale));
                for r in (0..k).filter(|&r| r != c) {
                    let by = rows[r][c];
                    let pivot = rows[c].clone();
                    for (x, &p) in rows[r].iter_mut().zip(&pivot) {
                        *x ^= times(by, p);
                    }
                }
            }
            let inverse: Vec<u8> = rows.iter().flat_map(|row| row[k..].to_vec()).collect();
            let kept: Vec<u8> = left
                .iter()
                .flat_map(|&shard| match shard.checked_sub(k) {
                    Some(i) => parity[i * len..(i + 1) * len].to_vec(),
                    None => data[shard * len..(shard + 1) * len].to_vec(),
                })
                .collect();
            let mut found = vec![0; k * len];
            encode(&inverse, &kept, &mut found, k, len);
            assert!(found == data, "{left:?}");
        }
    }
}
