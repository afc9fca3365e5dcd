//! Designs of experiments: points spread over the unit cube.

use sobol_burley::NUM_DIMENSIONS;

use crate::count;
use crate::random::{shuffle, stream};

/// Points of one Sobol sequence of the library; more points are further sequences.
const SEQUENCE: usize = 1 << 16;

/// A Latin hypercube: of `points` equal strata of each coordinate every one holds one point, at a
/// uniform place in it, and the coordinates are paired at random (McKay, Beckman and Conover,
/// Technometrics 21, 1979). Each coordinate has its own stream: another dimension moves none of
/// the others.
///
/// ```
/// let points = study::design::latin_hypercube(10, 2, 7);
/// let mut tenths: Vec<f64> = points.iter().map(|p| (p[1] * 10.0).floor()).collect();
/// tenths.sort_by(f64::total_cmp);
/// assert_eq!(tenths, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
/// ```
#[must_use]
pub fn latin_hypercube(points: usize, dimensions: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut design = vec![vec![0.0; dimensions]; points];
    for dimension in 0..dimensions {
        let mut stream = stream(seed, "latin hypercube", dimension as u64);
        let mut strata: Vec<usize> = (0..points).collect();
        shuffle(&mut strata, &mut stream);
        for (point, stratum) in design.iter_mut().zip(strata) {
            let end = count(stratum + 1) / count(points);
            let value = (count(stratum) + stream.uniform()) / count(points);
            // The sum may round up to the next stratum.
            point[dimension] = value.min(end.next_down());
        }
    }
    design
}

/// The first `points` of an Owen-scrambled Sobol sequence: 2^m of them put one into each of the
/// 2^m equal slices of every coordinate, and as many as their volume asks for into finer boxes
/// as the net's quality allows; every point is uniform by itself, so means are unbiased.
///
/// Direction numbers: Joe and Kuo (SIAM J. Sci. Comput. 30, 2008), new-joe-kuo-6; scrambling and
/// shuffling by hash: Laine and Karras (2011) as of Burley, Practical Hash-based Owen Scrambling
/// (JCGT 9, 2020); both from the crate `sobol_burley`. Its sequences have 65,536 points and 256
/// dimensions: more points are further, independently scrambled sequences, more dimensions are
/// padded the same way.
#[must_use]
pub fn sobol(points: usize, dimensions: usize, seed: u64) -> Vec<Vec<f64>> {
    (0..points)
        .map(|point| (0..dimensions).map(|dimension| coordinate(point, dimension, seed)).collect())
        .collect()
}

fn coordinate(point: usize, dimension: usize, seed: u64) -> f64 {
    let dimensions = NUM_DIMENSIONS as usize;
    let block = (point / SEQUENCE) as u64 | ((dimension / dimensions) as u64) << 32;
    let small = |n: usize| u32::try_from(n).unwrap_or_default();
    let scramble = stream(seed, "sobol", block).bits() >> 32;
    let scramble = u32::try_from(scramble).unwrap_or_default();
    let value =
        sobol_burley::sample(small(point % SEQUENCE), small(dimension % dimensions), scramble);
    // 23 bits: the middle of its interval, so that 0 is never met and the mean is exact.
    f64::from(value) + 0.5 / f64::from(1 << 23)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{mean, variance};
    use proptest::prelude::*;

    /// Points in each box of 2^-a by 2^-b.
    fn boxes(points: &[Vec<f64>], (x, a): (usize, u32), (y, b): (usize, u32)) -> Vec<u32> {
        let mut found = vec![0; 1 << (a + b)];
        for point in points {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "below 2^a"
            )]
            let cell = |value: f64, bits: u32| (value * f64::from(1_u32 << bits)) as usize;
            found[cell(point[x], a) << b | cell(point[y], b)] += 1;
        }
        found
    }

    proptest! {
        #[test]
        fn a_column_of_a_latin_hypercube_has_one_point_a_stratum(
            points in 1_usize..300, dimensions in 1_usize..8, seed: u64,
        ) {
            let design = latin_hypercube(points, dimensions, seed);
            for dimension in 0..dimensions {
                let mut strata: Vec<f64> =
                    design.iter().map(|p| (p[dimension] * count(points)).floor()).collect();
                strata.sort_by(f64::total_cmp);
                let wanted: Vec<f64> = (0..points).map(count).collect();
                prop_assert_eq!(strata, wanted);
            }
        }

        /// The first two dimensions are a (0, m, 2)-net in base 2: every box of volume 2^-m holds
        /// one of 2^m points, whatever its shape and whatever the scramble.
        #[test]
        fn elementary_intervals_hold_their_share(m in 0_u32..11, seed: u64) {
            let points = sobol(1 << m, 2, seed);
            for a in 0..=m {
                let found = boxes(&points, (0, a), (1, m - a));
                prop_assert!(found.iter().all(|n| *n == 1), "{a} of {m}: {found:?}");
            }
        }

        /// Any coordinate alone is a (0, m, 1)-net, padded ones too.
        #[test]
        fn every_coordinate_is_stratified(dimension in 0_usize..600, seed: u64) {
            let column: Vec<Vec<f64>> =
                (0..64).map(|point| vec![coordinate(point, dimension, seed), 0.5]).collect();
            prop_assert!(boxes(&column, (0, 6), (1, 0)).iter().all(|n| *n == 1));
        }
    }

    /// Faure and Lemieux (2009): two-dimensional projections of Joe and Kuo's numbers have small
    /// t. Of 2^12 points a box of 2^-7 must hold 2^5 wherever t ≤ 5: true for the first ten.
    #[test]
    fn pairs_of_early_dimensions_are_nets() {
        let points = sobol(1 << 12, 10, 3);
        for x in 0..10 {
            for y in 0..x {
                for a in 0..=7 {
                    let found = boxes(&points, (x, a), (y, 7 - a));
                    assert!(found.iter().all(|n| *n == 32), "{x} {y} {a}: {found:?}");
                }
            }
        }
    }

    /// Each point is uniform over scrambles, so is any mean over points: within five standard
    /// errors over 400 seeds. And the error of a smooth mean is far below that of chance.
    #[test]
    fn means_are_unbiased_and_better_than_chance() {
        type Draw = fn(usize, usize, u64) -> Vec<Vec<f64>>;
        let product = |point: &Vec<f64>| point.iter().map(|x| 1.5 * x.sqrt()).product::<f64>();
        let seeds = 400;
        let first: Vec<f64> = (0..seeds).map(|seed| sobol(1, 3, seed)[0][2]).collect();
        assert!((mean(&first) - 0.5).abs() < 5.0 * 0.289 / count(400).sqrt());
        assert!((variance(&first) - 1.0 / 12.0).abs() < 0.02);
        for (draw, gain) in [(sobol as Draw, 50.0), (latin_hypercube as Draw, 4.0)] {
            let means: Vec<f64> = (0..seeds)
                .map(|seed| mean(&draw(256, 3, seed).iter().map(product).collect::<Vec<_>>()))
                .collect();
            let error = (variance(&means) / count(means.len())).sqrt();
            assert!((mean(&means) - 1.0).abs() < 5.0 * error, "{} ± {error}", mean(&means));
            // E[Π (9/4) x] − 1 = (9/8)³ − 1 is the variance of one point.
            let chance = (1.125 * 1.125 * 1.125 - 1.0) / 256.0;
            assert!(variance(&means) * gain < chance, "{} {chance}", variance(&means));
        }
    }

    #[test]
    fn more_points_than_one_sequence_has_stay_stratified() {
        let points = sobol(3 * SEQUENCE, 1, 9);
        let column: Vec<Vec<f64>> = points.into_iter().map(|p| vec![p[0], 0.5]).collect();
        assert!(boxes(&column, (0, 12), (1, 0)).iter().all(|n| *n == 48));
    }

    #[test]
    fn seeds_and_dimensions_have_their_own_draws() {
        for draw in [sobol, latin_hypercube] {
            assert_eq!(draw(32, 3, 1), draw(32, 3, 1));
            assert_ne!(draw(32, 3, 1), draw(32, 3, 2));
            let (two, three) = (draw(32, 2, 1), draw(32, 3, 1));
            assert!(two.iter().zip(&three).all(|(a, b)| a[..] == b[..2]));
            assert_eq!(draw(0, 3, 1), Vec::<Vec<f64>>::new());
        }
    }
}
