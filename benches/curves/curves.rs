//! The CPU twins of `ntt` and `msm` beside arkworks: equal results, then processor time. Both
//! sides take turns, and the least of all turns counts: whatever else the machine does, neither
//! gains from it.

use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use ark_bls12_381::{Fq, Fr, G1Affine, G1Projective};
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
use ark_ff::{BigInt, PrimeField};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use gpu_kernels::data::Draw;
use gpu_kernels::twin::field::{Modulus, Scalar, ScalarModulus};
use gpu_kernels::twin::{msm, ntt};

/// Turns of each side.
const TURNS: usize = 7;

/// Processor time of all threads so far, nanoseconds (Linux).
fn processor_time() -> f64 {
    let threads = fs::read_dir("/proc/self/task").expect("Linux");
    let of = |thread: fs::DirEntry| {
        let text = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        text.split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0)
    };
    threads.flatten().map(of).sum()
}

/// The least time of each side, milliseconds, in turns. The kernel counts a thread's time in
/// steps of some milliseconds, so that a turn has several runs.
fn race(mut sides: [&mut dyn FnMut(); 2]) -> [f64; 2] {
    const LEAST: Duration = Duration::from_millis(100);
    let mut least = [f64::INFINITY; 2];
    for _ in 0..TURNS {
        for (side, least) in sides.iter_mut().zip(&mut least) {
            let (began, clock) = (processor_time(), Instant::now());
            let mut runs = 0.0;
            while runs < 1.0 || clock.elapsed() < LEAST {
                side();
                runs += 1.0;
            }
            *least = least.min((processor_time() - began) / 1e6 / runs);
        }
    }
    least
}

fn line(what: &str, [twin, crates]: [f64; 2]) {
    println!("| {what} | {twin:.3} | {crates:.3} | {:.2} |", twin / crates);
}

/// Limbs below the modulus.
fn limbs(draw: &mut Draw) -> [u64; 4] {
    let mut limbs = [0; 4];
    limbs.fill_with(|| draw.bits());
    limbs[3] = draw.below(ScalarModulus::MODULUS[3]);
    limbs
}

/// Both compute the powers of the root as part of the transform.
fn transforms(log_n: usize) {
    let mut draw = Draw::new(1);
    let x: Vec<[u64; 4]> = (0..1 << log_n).map(|_| limbs(&mut draw)).collect();
    let ours: Vec<Scalar> = x.iter().map(|&x| Scalar::from_limbs(x)).collect();
    let theirs: Vec<Fr> = x.iter().map(|&x| Fr::new_unchecked(BigInt(x))).collect();
    let domain = Radix2EvaluationDomain::<Fr>::new(1 << log_n).expect("a power of two");

    let mut found = ours.clone();
    ntt::transform(&mut found, &ntt::roots(log_n));
    let wanted = domain.fft(&theirs);
    assert!(found.iter().zip(&wanted).all(|(a, b)| a.limbs() == b.0.0), "2^{log_n}: not equal");

    let (mut found, mut wanted) = (ours, theirs);
    let mut twin = || ntt::transform(black_box(&mut found), &ntt::roots(log_n));
    let mut crates = || domain.fft_in_place(black_box(&mut wanted));
    line(&format!("transform of 2^{log_n}"), race([&mut twin, &mut crates]));
}

fn sums(log_n: usize) {
    let mut draw = Draw::new(1);
    let points = msm::multiples(1 << log_n);
    let scalars: Vec<[u64; 4]> = (0..1 << log_n).map(|_| limbs(&mut draw)).collect();
    let words: Vec<u32> =
        scalars.iter().flatten().flat_map(|x| [*x as u32, (x >> 32) as u32]).collect();
    let coordinate = |x: msm::Affine, i: usize| Fq::new_unchecked(BigInt(x[i].limbs()));
    let bases: Vec<G1Affine> = points
        .iter()
        .map(|&p| G1Affine::new_unchecked(coordinate(p, 0), coordinate(p, 1)))
        .collect();
    let scalars: Vec<Fr> =
        scalars.iter().map(|&x| Fr::from_bigint(BigInt(x)).expect("below the modulus")).collect();

    let found = msm::sum(&points, &words);
    let wanted = G1Projective::msm_unchecked(&bases, &scalars).into_affine();
    let wanted = wanted.xy().expect("not infinity");
    assert!(
        found[0].limbs() == wanted.0.0.0 && found[1].limbs() == wanted.1.0.0,
        "2^{log_n}: not equal"
    );

    let mut twin = || {
        let _ = black_box(msm::sum(black_box(&points), &words));
    };
    let mut crates = || {
        let _ = black_box(G1Projective::msm_unchecked(black_box(&bases), &scalars));
    };
    line(&format!("sum of 2^{log_n} points"), race([&mut twin, &mut crates]));
}

fn main() {
    println!("| BLS12-381 | twin, ms | arkworks, ms | ratio |\n|---|---|---|---|");
    for log_n in [10, 12, 16, 18] {
        transforms(log_n);
    }
    for log_n in [8, 12, 14] {
        sums(log_n);
    }
}
