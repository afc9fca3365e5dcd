//! The CPU twins of `ntt` and `msm` beside arkworks: equal results first, then both in one group,
//! by the time that processors spend on them.

use std::hint::black_box;
use std::time::Duration;

use ark_bls12_381::{Fq, Fr, G1Affine, G1Projective};
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
use ark_ff::{BigInt, PrimeField};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use cpu_time::ProcessTime;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use gpu_kernels::data::Draw;
use gpu_kernels::twin::field::{Modulus, Scalar, ScalarModulus};
use gpu_kernels::twin::{msm, ntt};

/// Time of all threads of this process: what else the machine does is not in it.
struct ProcessorTime;

impl Measurement for ProcessorTime {
    type Intermediate = ProcessTime;
    type Value = Duration;

    fn start(&self) -> ProcessTime {
        ProcessTime::now()
    }

    fn end(&self, began: ProcessTime) -> Duration {
        began.elapsed()
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, time: &Duration) -> f64 {
        WallTime.to_f64(time)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// Limbs below the modulus.
fn limbs(draw: &mut Draw) -> [u64; 4] {
    let mut limbs = [0; 4];
    limbs.fill_with(|| draw.bits());
    limbs[3] = draw.below(ScalarModulus::MODULUS[3]);
    limbs
}

/// Both compute the powers of the root as part of the transform.
fn transforms(c: &mut Criterion<ProcessorTime>) {
    let mut group = c.benchmark_group("transform");
    group.sample_size(20);
    for log_n in [10, 12, 16, 18] {
        let mut draw = Draw::new(1);
        let x: Vec<[u64; 4]> = (0..1 << log_n).map(|_| limbs(&mut draw)).collect();
        let ours: Vec<Scalar> = x.iter().map(|&x| Scalar::from_limbs(x)).collect();
        let theirs: Vec<Fr> = x.iter().map(|&x| Fr::new_unchecked(BigInt(x))).collect();
        let domain = Radix2EvaluationDomain::<Fr>::new(1 << log_n).expect("a power of two");

        let mut found = ours.clone();
        ntt::transform(&mut found, &ntt::roots(log_n));
        let wanted = domain.fft(&theirs);
        let equal = found.iter().zip(&wanted).all(|(a, b)| a.limbs() == b.0.0);
        assert!(equal, "2^{log_n}: not equal");

        let size = format!("2^{log_n}");
        group.bench_function(BenchmarkId::new("twin", &size), |b| {
            b.iter_batched_ref(
                || ours.clone(),
                |x| ntt::transform(black_box(x), &ntt::roots(log_n)),
                BatchSize::LargeInput,
            );
        });
        group.bench_function(BenchmarkId::new("arkworks", &size), |b| {
            b.iter_batched_ref(
                || theirs.clone(),
                |x| domain.fft_in_place(black_box(x)),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

fn sums(c: &mut Criterion<ProcessorTime>) {
    let mut group = c.benchmark_group("sum of points");
    group.sample_size(20);
    for log_n in [8, 12, 14] {
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
        let scalars: Vec<Fr> = scalars
            .iter()
            .map(|&x| Fr::from_bigint(BigInt(x)).expect("below the modulus"))
            .collect();

        let found = msm::sum(&points, &words);
        let wanted = G1Projective::msm_unchecked(&bases, &scalars).into_affine();
        let wanted = wanted.xy().expect("not infinity");
        assert!(
            found[0].limbs() == wanted.0.0.0 && found[1].limbs() == wanted.1.0.0,
            "2^{log_n}: not equal"
        );

        let size = format!("2^{log_n}");
        group.bench_function(BenchmarkId::new("twin", &size), |b| {
            b.iter(|| msm::sum(black_box(&points), &words));
        });
        group.bench_function(BenchmarkId::new("arkworks", &size), |b| {
            b.iter(|| G1Projective::msm_unchecked(black_box(&bases), &scalars));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(ProcessorTime);
    targets = transforms, sums
}
criterion_main!(benches);
