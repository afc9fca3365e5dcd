//! Functions of vectors and small matrices.

use mechanisms::yuma::normalise::normalise;
use mechanisms::yuma::{
    Columns, Consensus, flow_shares, interpolate as between, median, sigmoid, topk, upscale,
};
use sim_types::fixed::{I32F32, U64F64};

use crate::validate::evaluator::{Quantities, Stop};
use crate::validate::inputs::Inputs;

/// A 32-bit float of upstream's tests as fixed point.
#[expect(clippy::cast_possible_truncation, reason = "upstream writes the number as f32")]
pub(super) fn fixed(x: f64) -> I32F32 {
    exact(f64::from(x as f32))
}

/// A number as fixed point.
pub(super) fn exact(x: f64) -> I32F32 {
    I32F32::saturating_from_f64(x).unwrap_or_default()
}

fn all_fixed(values: &[f64]) -> Vec<I32F32> {
    values.iter().copied().map(fixed).collect()
}

pub(super) fn matrix(rows: &[Vec<f64>]) -> Vec<Vec<I32F32>> {
    rows.iter().map(|row| all_fixed(row)).collect()
}

pub(super) fn floats(values: &[I32F32]) -> Vec<f64> {
    values.iter().map(|x| x.to_f64()).collect()
}

pub(super) fn same_length(a: usize, b: usize, what: &str) -> Result<(), Stop> {
    if a == b { Ok(()) } else { Err(Stop::BadInput(format!("{what} have lengths {a} and {b}"))) }
}

/// The decimal that upstream's test wrote for a 32-bit float which became this number: the
/// shortest that reads as the same float.
#[expect(clippy::cast_possible_truncation, reason = "a float's fixed point holds no more bits")]
fn decimal(x: I32F32) -> f64 {
    let float = x.to_f64() as f32;
    float.to_string().parse().unwrap_or_else(|_| x.to_f64())
}

pub(super) fn weighted_median(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let stake = all_fixed(&inputs.read::<Vec<f64>>("stake")?);
    let score = all_fixed(&inputs.read::<Vec<f64>>("score")?);
    same_length(stake.len(), score.len(), "`stake` and `score`")?;
    let minority = I32F32::ONE.saturating_sub(fixed(inputs.read("majority")?));
    let median = median::weighted_median(&stake, &score, minority, I32F32::ZERO);
    Ok(Quantities::one("median", decimal(median)))
}

pub(super) fn weighted_median_columns(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let stake = all_fixed(&inputs.read::<Vec<f64>>("stake")?);
    let rows = matrix(&inputs.read::<Vec<Vec<f64>>>("weights")?);
    same_length(stake.len(), rows.len(), "`stake` and `weights`")?;
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    if columns > usize::from(u16::MAX) {
        return Err(Stop::BadInput(format!("a row of {columns} columns")));
    }
    let rows: Vec<Vec<_>> =
        rows.iter().map(|row| (0..).zip(row.iter().copied()).collect()).collect();
    let mut consensus = Consensus::default();
    let majority = fixed(inputs.read("majority")?);
    consensus.agree(&stake, &Columns::from_rows(&rows, columns), majority);
    Ok(Quantities::one("median", floats(&consensus.weights)))
}

pub(super) fn is_top_k(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let values = all_fixed(&inputs.read::<Vec<f64>>("values")?);
    Ok(Quantities::one("mask", topk::top_k(&values, inputs.read("k")?)))
}

pub(super) fn max_upscale_to_u16(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let values = all_fixed(&inputs.read::<Vec<f64>>("values")?);
    Ok(Quantities::one("u16", upscale::max_upscale_to_u16(&values)))
}

pub(super) fn max_upscale_u16(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let values = inputs.read::<Vec<u16>>("values")?;
    Ok(Quantities::one("u16", upscale::max_upscale_u16(&values)))
}

pub(super) fn max_limited(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let values = inputs.read::<Vec<u16>>("values")?;
    Ok(Quantities::one("ok", upscale::is_max_limited(&values, inputs.read("max_limit_u16")?)))
}

pub(super) fn sigmoid_safe(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let (rho, kappa) = (exact(inputs.read("rho")?), exact(inputs.read("kappa")?));
    let xs = inputs.read::<Vec<f64>>("x")?;
    let y: Vec<f64> =
        xs.into_iter().map(|x| sigmoid::sigmoid_safe(fixed(x), rho, kappa).to_f64()).collect();
    Ok(Quantities::one("y", y))
}

pub(super) fn normalize(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let mut x = all_fixed(&inputs.read::<Vec<f64>>("x")?);
    normalise(&mut x);
    Ok(Quantities::one("y", floats(&x)))
}

pub(super) fn row_normalize(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    groups(inputs, normalise)
}

pub(super) fn column_max_upscale(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    groups(inputs, upscale::max_upscale)
}

/// Each group changed in place.
fn groups(inputs: &Inputs<'_>, change: fn(&mut [I32F32])) -> Result<Quantities, Stop> {
    let mut groups = matrix(&inputs.read::<Vec<Vec<f64>>>("groups")?);
    for group in &mut groups {
        change(group);
    }
    let groups: Vec<Vec<f64>> = groups.iter().map(|group| floats(group)).collect();
    Ok(Quantities::one("groups", groups))
}

pub(super) fn interpolate(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let a = matrix(&inputs.read::<Vec<Vec<f64>>>("a")?);
    let b = matrix(&inputs.read::<Vec<Vec<f64>>>("b")?);
    same_length(a.len(), b.len(), "`a` and `b`")?;
    let ratio = exact(inputs.read("ratio")?);
    let rows = a.iter().zip(&b).map(|(a, b)| {
        same_length(a.len(), b.len(), "rows of `a` and `b`")?;
        let cells = a.iter().zip(b);
        Ok(cells.map(|(&a, &b)| between::interpolate(a, b, ratio).to_f64()).collect())
    });
    Ok(Quantities::one("out", rows.collect::<Result<Vec<Vec<f64>>, Stop>>()?))
}

pub(super) fn power_shares(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let fixed = |x: f64| U64F64::saturating_from_f64(x).unwrap_or_default();
    let flows: Vec<_> = inputs.read::<Vec<f64>>("flows")?.into_iter().map(fixed).collect();
    let shares = flow_shares::power_shares(&flows, fixed(inputs.read("p")?));
    let sum: U64F64 = shares.iter().copied().sum();
    let shares: Vec<f64> = shares.into_iter().map(U64F64::to_f64).collect();
    Ok(Quantities::one("shares", shares).and("sum", sum.to_f64()))
}
