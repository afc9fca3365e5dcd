//! Attention over pages of keys and values, heads of 128 in bf16.

use rayon::prelude::*;

use super::elementwise::{exp, narrow, wide};

/// Elements of a head.
pub const HEAD: usize = 128;
/// Tokens of a page.
pub const PAGE: usize = 16;
/// Tokens that one block of the decode kernel takes.
pub const PART: usize = 128;

/// A cache as `[page][token][kv head][128]`, and the pages of a sequence.
#[derive(Debug, Clone, Copy)]
pub struct Cache<'a> {
    /// Keys.
    pub keys: &'a [u16],
    /// Values.
    pub values: &'a [u16],
    /// Heads of keys and values.
    pub kv_heads: usize,
}

impl Cache<'_> {
    /// Where a token's head lies.
    #[inline(always)]
    fn at(&self, pages: &[u32], token: usize, kv: usize) -> usize {
        ((pages[token / PAGE] as usize * PAGE + token % PAGE) * self.kv_heads + kv) * HEAD
    }
}

super::dispatch! {
    fn dot(q: &[f32], k: &[u16]) -> f32 = dot_body;
}

/// One chain in ascending order.
#[inline(always)]
fn dot_body(q: &[f32], k: &[u16]) -> f32 {
    q.iter().zip(k).fold(0.0_f32, |sum, (&q, &k)| q.mul_add(wide(k), sum))
}

super::dispatch! {
    fn add_scaled(sum: &mut [f32], w: f32, v: &[u16]) = add_scaled_body;
}

#[inline(always)]
fn add_scaled_body(sum: &mut [f32], w: f32, v: &[u16]) {
    for (sum, &v) in sum.iter_mut().zip(v) {
        *sum = w.mul_add(wide(v), *sum);
    }
}

/// Four chains side by side: scores of four tokens.
#[inline(always)]
fn dots_body(q: &[f32], k: [&[u16]; 4]) -> [f32; 4] {
    let mut sums = [0.0_f32; 4];
    for (i, &q) in q.iter().enumerate() {
        for (sum, k) in sums.iter_mut().zip(k) {
            *sum = q.mul_add(wide(k[i]), *sum);
        }
    }
    sums
}

super::dispatch! {
    fn dots(q: &[f32], k: [&[u16]; 4]) -> [f32; 4] = dots_body;
}

/// One query a sequence; the bits of the kernels.
pub fn decode(
    q: &[u16],
    cache: Cache<'_>,
    pages: &[u32],
    lengths: &[u32],
    out: &mut [u16],
    scale: f32,
) {
    let heads = q.len() / HEAD / lengths.len();
    let most_pages = pages.len() / lengths.len();
    out.par_chunks_mut(HEAD).enumerate().for_each(|(at, out)| {
        let (sequence, head) = (at / heads, at % heads);
        let table = &pages[sequence * most_pages..][..most_pages];
        let kv = head / (heads / cache.kv_heads);
        let q: Vec<f32> = q[at * HEAD..][..HEAD].iter().map(|&x| wide(x) * scale).collect();
        let length = lengths[sequence] as usize;
        let parts: Vec<_> = (0..length)
            .step_by(PART)
            .map(|base| part(&q, cache, table, kv, base..length.min(base + PART)))
            .collect();
        let most = parts.iter().fold(parts[0].1, |most, part| most.max(part.1));
        let (mut sum, mut total) = ([0.0_f32; HEAD], 0.0_f32);
        for (values, peak, weights) in &parts {
            let w = exp(peak - most);
            for (sum, &value) in sum.iter_mut().zip(values) {
                *sum = w.mul_add(value, *sum);
            }
            total = w.mul_add(*weights, total);
        }
        for (out, sum) in out.iter_mut().zip(sum) {
            *out = narrow(sum / total);
        }
    });
}

/// Weighted values over some tokens, the greatest score, and the sum of weights.
fn part(
    q: &[f32],
    cache: Cache<'_>,
    pages: &[u32],
    kv: usize,
    tokens: std::ops::Range<usize>,
) -> ([f32; HEAD], f32, f32) {
    let base = tokens.start;
    let key = |token: usize| &cache.keys[cache.at(pages, token, kv)..][..HEAD];
    let mut scores = Vec::with_capacity(PART);
    let mut token = tokens.start;
    while token + 4 <= tokens.end {
        scores.extend(dots(q, [0, 1, 2, 3].map(|i| key(token + i))));
        token += 4;
    }
    scores.extend((token..tokens.end).map(|token| dot(q, key(token))));
    let most = scores.iter().fold(-1e30_f32, |most, &score| most.max(score));
    // Two halves of the tokens, then their sum.
    let half = |range: std::ops::Range<usize>| {
        let (mut sum, mut total) = ([0.0_f32; HEAD], 0.0_f32);
        for i in range {
            let w = exp(scores[i] - most);
            let at = cache.at(pages, base + i, kv);
            add_scaled(&mut sum, w, &cache.values[at..at + HEAD]);
            total += w;
        }
        (sum, total)
    };
    let count = scores.len();
    let (mut sum, total) = half(0..count.min(PART / 2));
    let (other, rest) = half(count.min(PART / 2)..count);
    for (sum, other) in sum.iter_mut().zip(other) {
        *sum += other;
    }
    (sum, most, total + rest)
}

/// A chunk of queries of one sequence after `context` tokens; causal, in fp32 throughout.
pub fn prefill(
    q: &[u16],
    cache: Cache<'_>,
    pages: &[u32],
    out: &mut [u16],
    [chunk, context]: [usize; 2],
    scale: f32,
) {
    let heads = q.len() / HEAD / chunk;
    out.par_chunks_mut(HEAD).enumerate().for_each(|(at, out)| {
        let (row, head) = (at / heads, at % heads);
        let kv = head / (heads / cache.kv_heads);
        let q: Vec<f32> = q[at * HEAD..][..HEAD].iter().map(|&x| wide(x) * scale).collect();
        let length = context + row + 1;
        let key = |token: usize| &cache.keys[cache.at(pages, token, kv)..][..HEAD];
        let mut scores = Vec::with_capacity(length);
        let mut token = 0;
        while token + 4 <= length {
            scores.extend(dots(&q, [0, 1, 2, 3].map(|i| key(token + i))));
            token += 4;
        }
        scores.extend((token..length).map(|token| dot(&q, key(token))));
        let most = scores.iter().fold(f32::MIN, |most, &score| most.max(score));
        let (mut sum, mut total) = ([0.0_f32; HEAD], 0.0_f32);
        for (token, score) in scores.iter().enumerate() {
            let w = exp(score - most);
            let at = cache.at(pages, token, kv);
            add_scaled(&mut sum, w, &cache.values[at..at + HEAD]);
            total += w;
        }
        for (out, sum) in out.iter_mut().zip(sum) {
            *out = narrow(sum / total);
        }
    });
}
