//! Sums of scalars times points of G1 of BLS12-381, y^2 = x^3 + 4, by buckets.

use rayon::prelude::*;

use super::field::Base;

/// A point with x = X/ZZ, y = Y/ZZZ; ZZ = 0 at infinity.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    x: Base,
    y: Base,
    zz: Base,
    zzz: Base,
}

/// An affine point; both zero at infinity.
pub type Affine = [Base; 2];

impl Point {
    /// The point at infinity.
    pub const INFINITY: Self =
        Self { x: Base::ZERO, y: Base::ZERO, zz: Base::ZERO, zzz: Base::ZERO };

    /// From affine coordinates.
    #[must_use]
    pub fn from_affine([x, y]: Affine) -> Self {
        if x.is_zero() && y.is_zero() {
            return Self::INFINITY;
        }
        Self { x, y, zz: Base::one(), zzz: Base::one() }
    }

    /// Affine coordinates.
    #[must_use]
    pub fn to_affine(self) -> Affine {
        let power = self.zz.mul(self.zzz).inverse();
        [self.x.mul(power).mul(self.zzz), self.y.mul(power).mul(self.zz)]
    }

    /// Twice the point (dbl-2008-s-1 of the Explicit-Formulas Database).
    #[must_use]
    pub fn twice(self) -> Self {
        let u = self.y.add(self.y);
        let v = u.mul(u);
        let w = u.mul(v);
        let s = self.x.mul(v);
        let m = self.x.mul(self.x);
        let m = m.add(m).add(m);
        let x = m.mul(m).sub(s).sub(s);
        let y = m.mul(s.sub(x)).sub(w.mul(self.y));
        Self { x, y, zz: v.mul(self.zz), zzz: w.mul(self.zzz) }
    }

    /// Sum (add-2008-s).
    #[must_use]
    pub fn plus(self, q: Self) -> Self {
        if self.zz.is_zero() {
            return q;
        }
        if q.zz.is_zero() {
            return self;
        }
        let (u, s) = (self.x.mul(q.zz), self.y.mul(q.zzz));
        let (d, r) = (q.x.mul(self.zz).sub(u), q.y.mul(self.zzz).sub(s));
        self.joined([u, s, d, r], q.zz, q.zzz)
    }

    /// Sum with an affine point (madd-2008-s).
    #[must_use]
    pub fn plus_affine(self, [x, y]: Affine) -> Self {
        if self.zz.is_zero() || (x.is_zero() && y.is_zero()) {
            return self.plus(Self::from_affine([x, y]));
        }
        let (d, r) = (x.mul(self.zz).sub(self.x), y.mul(self.zzz).sub(self.y));
        let mut sum = self.joined([self.x, self.y, d, r], Base::ZERO, Base::ZERO);
        if !d.is_zero() {
            let dd = d.mul(d);
            sum.zz = self.zz.mul(dd);
            sum.zzz = self.zzz.mul(dd.mul(d));
        }
        sum
    }

    #[inline(always)]
    fn joined(self, [u, s, d, r]: [Base; 4], zz: Base, zzz: Base) -> Self {
        if d.is_zero() {
            return if r.is_zero() { self.twice() } else { Self::INFINITY };
        }
        let dd = d.mul(d);
        let ddd = d.mul(dd);
        let v = u.mul(dd);
        let x = r.mul(r).sub(ddd).sub(v).sub(v);
        let y = r.mul(v.sub(x)).sub(s.mul(ddd));
        Self { x, y, zz: self.zz.mul(zz).mul(dd), zzz: self.zzz.mul(zzz).mul(ddd) }
    }
}

/// A generator of the group of order r (IETF draft-irtf-cfrg-pairing-friendly-curves, section
/// 4.2.1).
///
/// # Panics
/// Never.
#[must_use]
pub fn generator() -> Affine {
    let base = |text: &str| {
        let digit = |c: char| u64::from(c.to_digit(16).expect("hexadecimal digits"));
        text.chars()
            .fold(Base::ZERO, |x, c| (0..4).fold(x, |x, _| x.add(x)).add(Base::from_int(digit(c))))
    };
    [
        base(
            "17f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb",
        ),
        base(
            "08b3f481e3aaa0f1a09e30ed741d8ae4fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1",
        ),
    ]
}

/// The generator times 1, 2, … n, affine, by one inversion for all (Montgomery).
#[must_use]
pub fn multiples(n: usize) -> Vec<Affine> {
    let g = generator();
    let mut sum = Point::INFINITY;
    let points: Vec<Point> = (0..n)
        .map(|_| {
            sum = sum.plus_affine(g);
            sum
        })
        .collect();
    // Products of all before, then inverses from the last.
    let mut product = Base::one();
    let before: Vec<Base> = points
        .iter()
        .map(|p| {
            let next = product.mul(p.zz).mul(p.zzz);
            std::mem::replace(&mut product, next)
        })
        .collect();
    let mut inverse = product.inverse();
    let mut out = vec![[Base::ZERO; 2]; n];
    for (i, p) in points.iter().enumerate().rev() {
        let own = inverse.mul(before[i]);
        inverse = inverse.mul(p.zz).mul(p.zzz);
        out[i] = [p.x.mul(own).mul(p.zzz), p.y.mul(own).mul(p.zz)];
    }
    out
}

/// Bits `at` to `at + bits` of a scalar, bits up to 16.
#[must_use]
pub fn digit(scalar: &[u32], at: usize, bits: usize) -> usize {
    let (limb, shift) = (at / 32, at % 32);
    let high = scalar.get(limb + 1).copied().unwrap_or(0);
    let pair = u64::from(scalar[limb]) | u64::from(high) << 32;
    ((pair >> shift) & ((1 << bits) - 1)) as usize
}

/// Limbs of a scalar with room for a carry.
const LIMBS: usize = 9;

/// Scalars plus half of a window's range in every window: a digit of that, less the half, is
/// between minus and plus half, and half as many buckets do.
fn raised(scalars: &[u32], bits: usize, windows: usize) -> Vec<u32> {
    let mut halves = [0_u32; LIMBS];
    for window in 0..windows {
        let at = window * bits + bits - 1;
        halves[at / 32] |= 1 << (at % 32);
    }
    let mut out = Vec::with_capacity(scalars.len() / 8 * LIMBS);
    for scalar in scalars.chunks_exact(8) {
        let mut carry = 0;
        for (i, half) in halves.into_iter().enumerate() {
            carry += u64::from(scalar.get(i).copied().unwrap_or(0)) + u64::from(half);
            out.push(carry as u32);
            carry >>= 32;
        }
    }
    out
}

/// Sum over i of scalar i, 8 limbs of 32 bits, times point i.
#[must_use]
pub fn sum(points: &[Affine], scalars: &[u32]) -> Affine {
    // More additions within windows than between buckets.
    let bits = (points.len().max(8).ilog2() as usize).saturating_sub(3).clamp(4, 14);
    // Two bits more than scalars have: raised ones fit below the last window's end.
    let windows = 258_usize.div_ceil(bits);
    let half = 1 << (bits - 1);
    let raised = raised(scalars, bits, windows);
    let windows: Vec<Point> = (0..windows)
        .into_par_iter()
        .map(|window| {
            let mut buckets = vec![Point::INFINITY; half];
            for (&[x, y], scalar) in points.iter().zip(raised.chunks_exact(LIMBS)) {
                let digit = digit(scalar, window * bits, bits);
                if digit > half {
                    let bucket = &mut buckets[digit - half - 1];
                    *bucket = bucket.plus_affine([x, y]);
                } else if digit < half {
                    let bucket = &mut buckets[half - digit - 1];
                    *bucket = bucket.plus_affine([x, Base::ZERO.sub(y)]);
                }
            }
            let (mut run, mut total) = (Point::INFINITY, Point::INFINITY);
            for bucket in buckets.iter().rev() {
                run = run.plus(*bucket);
                total = total.plus(run);
            }
            total
        })
        .collect();
    let join = |sum: Point, window: &Point| (0..bits).fold(sum, |sum, _| sum.twice()).plus(*window);
    windows.iter().rev().fold(Point::INFINITY, join).to_affine()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(point: Affine, scalar: &[u64]) -> Point {
        let mut sum = Point::INFINITY;
        for limb in scalar.iter().rev() {
            for bit in (0..64).rev() {
                sum = sum.twice();
                if limb >> bit & 1 == 1 {
                    sum = sum.plus_affine(point);
                }
            }
        }
        sum
    }

    #[test]
    fn the_generator_lies_on_the_curve_and_has_order_r() {
        let [x, y] = generator();
        assert_eq!(y.mul(y), x.mul(x).mul(x).add(Base::from_int(4)));
        let r = [
            0xffff_ffff_0000_0001,
            0x53bd_a402_fffe_5bfe,
            0x3339_d808_09a1_d805,
            0x73ed_a753_299d_7d48,
        ];
        assert!(times([x, y], &r).zz.is_zero());
    }

    /// Multiples of one generator: the sum is known by integers.
    #[test]
    fn sums_are_those_of_integers() {
        let points = multiples(40);
        for (i, point) in points.iter().enumerate() {
            assert_eq!(*point, times(generator(), &[i as u64 + 1]).to_affine());
        }
        let scalars: Vec<u32> = (0..40).flat_map(|i| [i * 77 + 5, 0, 0, 0, 0, 0, 0, 0]).collect();
        let total: u64 = (0..40).map(|i| (i * 77 + 5) * (i + 1)).sum();
        assert_eq!(sum(&points, &scalars), times(generator(), &[total]).to_affine());
        // The largest scalars and the smallest, in windows of several widths.
        for many in [1, 40, 300] {
            let points = multiples(many);
            let most = vec![u32::MAX; 8 * many];
            let all: u64 = (1..=many as u64).sum();
            let [x, y] = times(generator(), &[all]).to_affine();
            assert_eq!(sum(&points, &most), times([x, y], &[u64::MAX; 4]).to_affine(), "{many}");
            assert_eq!(sum(&points, &vec![0; 8 * many]), [Base::ZERO; 2]);
        }
        // A point and its negative.
        let [x, y] = points[3];
        let pair = [[x, y], [x, Base::ZERO.sub(y)]];
        assert_eq!(sum(&pair, &[&[9, 0, 0, 0, 0, 0, 0, 1_u32][..]; 2].concat()), [Base::ZERO; 2]);
    }
}
