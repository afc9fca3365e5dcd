//! Functions of bonds, in full matrices.

use mechanisms::yuma::liquid::{self, LiquidAlpha};
use sim_types::fixed::I32F32;

use super::vectors::{exact, fixed, floats, matrix, same_length};
use crate::validate::evaluator::{Computed, Quantities, Stop};
use crate::validate::inputs::Inputs;

/// Moving average with one alpha, or one for each column.
pub(super) fn ema_alpha(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let old = matrix(&inputs.read::<Vec<Vec<f64>>>("old")?);
    let new = matrix(&inputs.read::<Vec<Vec<f64>>>("new")?);
    same_length(old.len(), new.len(), "`old` and `new`")?;
    let columns: Option<Vec<f64>> = inputs.optional("alpha_cols")?;
    let single: Option<f64> = if columns.is_none() { Some(inputs.read("alpha")?) } else { None };
    let out = old.iter().zip(&new).map(|(old, new)| {
        same_length(old.len(), new.len(), "rows of `old` and `new`")?;
        if let Some(columns) = &columns {
            same_length(columns.len(), old.len(), "`alpha_cols` and a row")?;
        }
        let alpha = |column: usize| {
            exact(columns.as_ref().map_or(single.unwrap_or_default(), |alphas| alphas[column]))
        };
        let cells = old.iter().zip(new).enumerate();
        let row = cells.map(|(column, (&old, &new))| liquid::ema_with(alpha(column), old, new));
        Ok(floats(&row.collect::<Vec<_>>()))
    });
    Ok(Quantities::one("out", out.collect::<Result<Vec<Vec<f64>>, Stop>>()?))
}

/// New bonds with liquid alpha and without, and whether they agree.
pub(super) fn compute_bonds(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let weights = matrix(&inputs.read::<Vec<Vec<f64>>>("weights")?);
    let bonds = matrix(&inputs.read::<Vec<Vec<f64>>>("bonds")?);
    same_length(weights.len(), bonds.len(), "`weights` and `bonds`")?;
    let consensus: Vec<I32F32> =
        inputs.read::<Vec<f64>>("consensus")?.into_iter().map(fixed).collect();
    let liquid = LiquidAlpha {
        low: I32F32::from_u16_proportion(inputs.optional("alpha_low_u16")?.unwrap_or(45_875)),
        high: I32F32::from_u16_proportion(inputs.optional("alpha_high_u16")?.unwrap_or(58_982)),
        steepness: inputs.optional("alpha_sigmoid_steepness")?.unwrap_or(1_000),
    };
    let average = inputs.optional("bonds_moving_average")?.unwrap_or(900_000);
    let on = liquid::compute_bonds(&weights, &bonds, &consensus, average, Some(liquid));
    let off = liquid::compute_bonds(&weights, &bonds, &consensus, average, None);
    let apart = on.iter().flatten().zip(off.iter().flatten());
    let distance = apart.map(|(on, off)| (on.to_f64() - off.to_f64()).abs()).fold(0.0, f64::max);
    let rows = |bonds: &[Vec<I32F32>]| bonds.iter().map(|row| floats(row)).collect::<Vec<_>>();
    Ok(Quantities::one(
        "property",
        Computed::Property { statement: "liquid_on == liquid_off", distance },
    )
    .and("liquid_on", rows(&on))
    .and("liquid_off", rows(&off)))
}
