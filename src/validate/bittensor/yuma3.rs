//! Sequences of epochs under Yuma3, with bonds and dividends as proportions.

use mechanisms::yuma::{EpochOutputs, bonds};
use serde_json::{Map, Value, json};

use super::epochs::Subnet;
use crate::validate::evaluator::{Quantities, Stop};
use crate::validate::inputs::Inputs;

/// A column that loses all bonds before an epoch runs.
struct Reset {
    epoch: usize,
    server: u16,
}

/// `weights_by_epoch` gives each validator's weights toward `server_uids`, or null for an epoch
/// in which nobody sets weights.
pub(super) fn sequence(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let params = inputs.need("params")?;
    let mut subnet = Subnet::new(inputs.read("stake")?);
    let n = subnet.stake.len();
    subnet.merge(&Inputs { value: params, ..*inputs })?;
    let servers: Vec<u16> = inputs.read("server_uids")?;
    let weights = inputs.need("weights_by_epoch")?.as_array();
    let weights = weights.ok_or_else(|| Stop::BadInput("`weights_by_epoch` is no list".into()))?;
    let reset = match inputs.get("bonds_reset_at_epoch") {
        Some(value) => {
            let at = Inputs { value, ..*inputs };
            Some(Reset { epoch: at.read("epoch")?, server: at.read("server_uid")? })
        }
        None => None,
    };
    let mut validators = n.saturating_sub(servers.len());
    let (mut held, mut dividends) = (Map::new(), Map::new());
    for (epoch, set) in weights.iter().enumerate() {
        subnet.last_step_block = (epoch > 0).then_some(subnet.block);
        subnet.block += subnet.tempo.max(1);
        if !set.is_null() {
            let value = json!({ "weights": set });
            let rows: Vec<Vec<u16>> = Inputs { value: &value, ..*inputs }.read("weights")?;
            super::vectors::same_length(rows.len().min(n), rows.len(), "the subnet and weights")?;
            validators = rows.len();
            for (uid, row) in rows.into_iter().enumerate() {
                super::vectors::same_length(row.len(), servers.len(), "weights and `server_uids`")?;
                subnet.weights[uid] = servers.iter().copied().zip(row).collect();
                subnet.last_update[uid] = subnet.block;
            }
        }
        if let Some(reset) = reset.as_ref().filter(|reset| reset.epoch == epoch) {
            bonds::reset(&mut subnet.bonds, reset.server);
        }
        let outputs = subnet.step()?;
        held.insert(epoch.to_string(), shown_bonds(&outputs, validators, &servers));
        let of = |x: &u16| f64::from(*x) / 65_535.0;
        dividends.insert(epoch.to_string(), outputs.dividends.iter().map(of).collect());
    }
    Ok(Quantities::one("bonds_by_epoch", held).and("dividends_by_epoch", dividends))
}

fn shown_bonds(outputs: &EpochOutputs, validators: usize, servers: &[u16]) -> Value {
    let rows = outputs.bonds.iter().take(validators).map(|row| {
        let toward = |server: &u16| {
            let bond = row.iter().find(|cell| cell.0 == *server).map_or(0, |cell| cell.1);
            f64::from(bond) / 65_535.0
        };
        servers.iter().map(toward).collect::<Value>()
    });
    rows.collect()
}
