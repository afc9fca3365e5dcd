//! Whole epochs, one after another.

use mechanisms::yuma::{
    EpochInputs, EpochOutputs, Form, Hyperparameters, LiquidForm, Rows, Scratch, Version, epoch,
};
use serde_json::{Map, Value, json};
use sim_types::fixed::I64F64;

use crate::validate::evaluator::{Computed, Quantities, Stop};
use crate::validate::inputs::{FromInput, Inputs};

/// A subnet between epochs. Defaults where a case says nothing are those of the cases'
/// reference.
pub(super) struct Subnet {
    pub(super) hyperparameters: Hyperparameters,
    pub(super) stake: Vec<u64>,
    pub(super) last_update: Vec<u64>,
    pub(super) block_at_registration: Vec<u64>,
    permits: Vec<bool>,
    pub(super) weights: Rows,
    pub(super) bonds: Rows,
    owner: Option<u16>,
    commit_blocks: Option<Vec<Option<u64>>>,
    pub(super) block: u64,
    pub(super) tempo: u64,
    pub(super) last_step_block: Option<u64>,
    pub(super) emission: u64,
    pub(super) form: Form,
    scratch: Scratch,
}

impl Subnet {
    pub(super) fn new(stake: Vec<u64>) -> Self {
        let n = stake.len();
        Self {
            hyperparameters: Hyperparameters {
                max_validators: u16::try_from(n).unwrap_or(u16::MAX),
                ..Hyperparameters::default()
            },
            stake,
            last_update: vec![1; n],
            block_at_registration: vec![0; n],
            permits: vec![true; n],
            weights: vec![Vec::new(); n],
            bonds: vec![Vec::new(); n],
            owner: None,
            commit_blocks: None,
            block: 1,
            tempo: 360,
            last_step_block: None,
            emission: 1_000_000_000,
            form: Form::Sparse,
            scratch: Scratch::default(),
        }
    }

    /// Takes over what `inputs` says and keeps the rest.
    pub(super) fn merge(&mut self, inputs: &Inputs<'_>) -> Result<(), Stop> {
        let n = self.stake.len();
        set(&mut self.hyperparameters.kappa, inputs, "kappa")?;
        set(&mut self.hyperparameters.bonds_penalty, inputs, "bonds_penalty")?;
        set(&mut self.hyperparameters.bonds_moving_average, inputs, "bonds_moving_average")?;
        set(&mut self.hyperparameters.max_validators, inputs, "max_allowed_validators")?;
        set(&mut self.hyperparameters.activity_cutoff, inputs, "activity_cutoff")?;
        set(&mut self.hyperparameters.stake_threshold, inputs, "stake_threshold")?;
        let hyper = &mut self.hyperparameters;
        if let Some(yuma3) = inputs.optional("yuma3")? {
            hyper.version = if yuma3 { Version::Yuma3 } else { Version::Classic };
        }
        if let Some(liquid) = inputs.optional("liquid_alpha")? {
            hyper.liquid_alpha = if liquid { LiquidForm::Second } else { LiquidForm::Off };
        }
        set(&mut hyper.alpha_low, inputs, "alpha_low")?;
        set(&mut hyper.alpha_high, inputs, "alpha_high")?;
        set(&mut hyper.alpha_sigmoid_steepness, inputs, "alpha_sigmoid_steepness")?;
        set(&mut self.block, inputs, "current_block")?;
        set(&mut self.tempo, inputs, "tempo")?;
        set(&mut self.emission, inputs, "emission")?;
        set_all(&mut self.stake, inputs, "stake")?;
        set_all(&mut self.last_update, inputs, "last_update")?;
        set_all(&mut self.block_at_registration, inputs, "block_at_registration")?;
        set_all(&mut self.permits, inputs, "validator_permits")?;
        if let Some(block) = inputs.optional::<u64>("last_step_block")? {
            self.last_step_block = Some(block).filter(|&block| block > 0);
        }
        if let Some(owner) = inputs.optional("owner_uid")? {
            self.owner = Some(owner);
        }
        if let Some(blocks) = inputs.optional("commit_blocks")? {
            self.commit_blocks = Some(blocks);
        }
        if let Some(weights) = inputs.get("weights") {
            self.weights = if weights == "self only" {
                (0..n).map(|uid| vec![(u16::try_from(uid).unwrap_or(u16::MAX), u16::MAX)]).collect()
            } else {
                rows(inputs, "weights", n)?
            };
        }
        if inputs.get("bonds").is_some() {
            self.bonds = rows(inputs, "bonds", n)?;
        }
        Ok(())
    }

    /// Runs an epoch and keeps its bonds and permits for the next.
    pub(super) fn step(&mut self) -> Result<EpochOutputs, Stop> {
        let stake: Vec<I64F64> = self.stake.iter().copied().map(I64F64::from).collect();
        let inputs = EpochInputs {
            hyperparameters: self.hyperparameters,
            stake: &stake,
            last_update: &self.last_update,
            block_at_registration: &self.block_at_registration,
            permits: &self.permits,
            weights: &self.weights,
            bonds: &self.bonds,
            owner: self.owner,
            commit_blocks: self.commit_blocks.as_deref(),
            block: self.block,
            tempo: self.tempo,
            last_step_block: self.last_step_block,
            emission: self.emission,
            form: self.form,
        };
        let outputs =
            epoch(&inputs, &mut self.scratch).map_err(|error| Stop::BadInput(error.to_string()))?;
        self.bonds.clone_from(&outputs.bonds);
        self.permits.clone_from(&outputs.permits);
        Ok(outputs)
    }
}

impl FromInput for Option<u64> {
    const EXPECTED: &'static str = "an integer or null";
    fn from_input(value: &Value) -> Option<Self> {
        if value.is_null() { Some(None) } else { u64::from_input(value).map(Some) }
    }
}

fn set<T: FromInput>(field: &mut T, inputs: &Inputs<'_>, name: &str) -> Result<(), Stop> {
    if let Some(value) = inputs.optional(name)? {
        *field = value;
    }
    Ok(())
}

/// A list with one element for each uid, or one value for all.
fn set_all<T: FromInput + Clone>(
    field: &mut [T],
    inputs: &Inputs<'_>,
    name: &str,
) -> Result<(), Stop> {
    if !inputs.get(name).is_some_and(Value::is_array) {
        if let Some(value) = inputs.optional::<T>(name)? {
            field.fill(value);
        }
        return Ok(());
    }
    let list: Vec<T> = inputs.read(name)?;
    super::vectors::same_length(field.len(), list.len(), &format!("the subnet and `{name}`"))?;
    field.clone_from_slice(&list);
    Ok(())
}

/// Sparse rows; uids after the last listed have none.
fn rows(inputs: &Inputs<'_>, name: &str, n: usize) -> Result<Rows, Stop> {
    if inputs.get(name).is_some_and(|value| !value.is_array()) {
        let found = inputs.need(name)?;
        return Err(Stop::NotCovered(format!("`{name}` described as {found}")));
    }
    let mut rows: Rows = inputs.read(name)?;
    if rows.len() > n {
        return Err(Stop::BadInput(format!("`{name}` has {} rows for {n} uids", rows.len())));
    }
    rows.resize(n, Vec::new());
    Ok(rows)
}

/// Refuses a subnet whose weights would not fit in memory.
pub(super) fn within_reach(n: usize, validators: usize) -> Result<(), Stop> {
    const MOST_CELLS: usize = 1 << 26;
    if validators > n || n > usize::from(u16::MAX) || n * validators > MOST_CELLS {
        return Err(Stop::BadInput(format!("{validators} validators of {n} uids")));
    }
    Ok(())
}

/// `base` with overrides for each of `epochs`, or one epoch of the inputs themselves, or the
/// worded `steps` of one of upstream's tests.
pub(super) fn sequence(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    if let Some(steps) = inputs.get("steps") {
        return worded_steps(inputs, steps);
    }
    let base = inputs.get("base").unwrap_or(inputs.value);
    let base = Inputs { value: base, ..*inputs };
    let mut subnet = Subnet::new(base.read("stake")?);
    if let Some(n) = base.optional::<usize>("n")? {
        super::vectors::same_length(n, subnet.stake.len(), "the subnet and `stake`")?;
    }
    subnet.merge(&base)?;
    let Some(epochs) = inputs.get("epochs") else {
        let outputs = subnet.step()?;
        return Ok(collect(&[outputs]).map(first));
    };
    let mut outputs = Vec::new();
    for value in epochs.as_array().into_iter().flatten() {
        subnet.merge(&Inputs { value, ..*inputs })?;
        outputs.push(subnet.step()?);
    }
    Ok(collect(&outputs))
}

/// The only epoch's value instead of a list of one.
fn first(computed: Computed) -> Computed {
    match computed {
        Computed::Value(Value::Array(mut list)) if !list.is_empty() => list.remove(0).into(),
        other => other,
    }
}

/// Every output, each a list by epoch.
fn collect(outputs: &[EpochOutputs]) -> Quantities {
    fn by_epoch<T: Into<Value>>(
        outputs: &[EpochOutputs],
        get: impl Fn(&EpochOutputs) -> T,
    ) -> Computed {
        Computed::Value(outputs.iter().map(|outputs| get(outputs).into()).collect())
    }
    Quantities::default()
        .and("active", by_epoch(outputs, |o| o.active.clone()))
        .and("consensus", by_epoch(outputs, |o| o.consensus.clone()))
        .and("incentive", by_epoch(outputs, |o| o.incentive.clone()))
        .and("dividends", by_epoch(outputs, |o| o.dividends.clone()))
        .and("validator_trust", by_epoch(outputs, |o| o.validator_trust.clone()))
        .and("validator_permits", by_epoch(outputs, |o| o.permits.clone()))
        .and("stake_weight", by_epoch(outputs, |o| o.stake_weight.clone()))
        .and("emission", by_epoch(outputs, |o| o.emission.clone()))
        .and("server_emission", by_epoch(outputs, |o| o.server_emission.clone()))
        .and("validator_emission", by_epoch(outputs, |o| o.validator_emission.clone()))
        .and("bonds", by_epoch(outputs, |o| json!(o.bonds)))
        .and("bonds_col_u16", by_epoch(outputs, |o| bond_columns(&o.bonds)))
}

/// For each server the bonds of validators 0 to i, for every i up to 15: `validators_0_i`.
fn bond_columns(bonds: &Rows) -> Value {
    let shown = bonds.len().min(16);
    let mut columns = vec![vec![0_u16; shown]; bonds.len()];
    for (validator, row) in bonds.iter().take(shown).enumerate() {
        for &(server, bond) in row {
            if let Some(column) = columns.get_mut(usize::from(server)) {
                column[validator] = bond;
            }
        }
    }
    let column = |(server, column): (usize, &Vec<u16>)| {
        let ranges = (0..shown).map(|i| (format!("validators_0_{i}"), column[..=i].into()));
        let uid = ("server_uid".to_owned(), Value::from(server));
        Value::Object(core::iter::once(uid).chain(ranges).collect::<Map<_, _>>())
    };
    columns.iter().enumerate().map(column).collect()
}

/// The first half of the uids validate, the second serve, as in upstream's
/// `test_zero_weights`.
fn worded_steps(inputs: &Inputs<'_>, steps: &Value) -> Result<Quantities, Stop> {
    let mut subnet = Subnet::new(inputs.read("stake")?);
    subnet.merge(inputs)?;
    let n = subnet.stake.len();
    within_reach(n, n)?;
    let uid = |uid: usize| u16::try_from(uid).unwrap_or(u16::MAX);
    let toward_servers: Vec<_> = (n / 2..n).map(|server| (uid(server), u16::MAX)).collect();
    subnet.last_update.fill(0);
    let mut outputs = Vec::new();
    for (block, step) in (0..).zip(steps.as_array().into_iter().flatten()) {
        subnet.block = block;
        match step.as_str().unwrap_or_default() {
            "no weights at all" => subnet.weights = vec![Vec::new(); n],
            "self-weights only" => {
                for server in n / 2..n {
                    subnet.weights[server] = vec![(uid(server), u16::MAX)];
                    subnet.last_update[server] = block;
                }
            }
            text if text.starts_with("weights set but target re-registered in the same block") => {
                subnet.weights = vec![Vec::new(); n];
                subnet.weights[..n / 2].fill(toward_servers.clone());
                subnet.last_update[..n / 2].fill(block);
                subnet.block_at_registration[n / 2..].fill(block);
            }
            "fresh weights 0->1" => {
                subnet.weights[..n / 2].fill(toward_servers.clone());
                subnet.last_update[..n / 2].fill(block);
            }
            _ => return Err(Stop::NotCovered(format!("step {step} in words"))),
        }
        outputs.push(subnet.step()?);
    }
    Ok(collect(&outputs))
}

/// Equal validators that weight all servers equally.
pub(super) fn big(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let (n, validators) = (inputs.read::<usize>("n")?, inputs.read::<usize>("validators")?);
    within_reach(n, validators)?;
    let words: String = inputs.read("weights")?;
    if !words.starts_with("equal on all") {
        return Err(Stop::NotCovered(format!("weights described as \"{words}\"")));
    }
    let mut stake = vec![0; n];
    stake[..validators].fill(inputs.read("stake_per_validator")?);
    let mut subnet = Subnet::new(stake);
    let described = json!({ "weights": null });
    let mut others = inputs.value.as_object().cloned().unwrap_or_default();
    others.extend(described.as_object().cloned().unwrap_or_default());
    others.remove("epochs");
    subnet.merge(&Inputs { value: &Value::Object(others), ..*inputs })?;
    let servers = validators..n;
    let row: Vec<_> = servers
        .clone()
        .map(|server| (u16::try_from(server).unwrap_or(u16::MAX), u16::MAX))
        .collect();
    subnet.weights[..validators].fill(row);
    let mut outputs = subnet.step()?;
    for _ in 1..inputs.optional::<u16>("epochs")?.unwrap_or(1) {
        subnet.block = subnet.block.saturating_add(subnet.tempo);
        outputs = subnet.step()?;
    }
    let class = |members: core::ops::Range<usize>| {
        json!({
            "consensus": outputs.consensus[members.clone()],
            "incentive": outputs.incentive[members.clone()],
            "dividends": outputs.dividends[members.clone()],
            "validator_trust": outputs.validator_trust[members.clone()],
            "emission": outputs.emission[members.clone()],
            "server_emission": outputs.server_emission[members.clone()],
            "validator_emission": outputs.validator_emission[members],
        })
    };
    Ok(Quantities::one("validator", class(0..validators)).and("server", class(servers)))
}

/// Permits follow stake: first validators hold more, then servers gain 2n each. Checked for
/// validators before, after and among the servers; the distance counts wrong permits.
pub(super) fn validator_permits(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let n: usize = inputs.read("n")?;
    let validators = usize::from(inputs.read::<u16>("max_allowed_validators")?);
    within_reach(n, validators)?;
    let (mut wrong_first, mut wrong_second) = (0_u32, 0_u32);
    let arrangements: [&dyn Fn(usize) -> bool; 3] =
        [&|uid| uid < validators, &|uid| uid >= n - validators, &|uid| {
            // Spread evenly among the servers, as many as there are permits.
            (uid + 1) * validators / n > uid * validators / n
        }];
    for validates in arrangements {
        let size = n as u64;
        let stake = (0..size).zip(0..n).map(|(u, uid)| if validates(uid) { u + size } else { u });
        let mut subnet = Subnet::new(stake.collect());
        subnet.merge(inputs)?;
        let wrong = |outputs: &EpochOutputs, right: &dyn Fn(usize) -> bool| {
            (0_u32..)
                .zip(&outputs.permits)
                .filter(|(uid, permit)| right(*uid as usize) != **permit)
                .count()
        };
        let outputs = subnet.step()?;
        wrong_first += u32::try_from(wrong(&outputs, validates)).unwrap_or(u32::MAX);
        for uid in (0..n).filter(|&uid| !validates(uid)) {
            subnet.stake[uid] += 2 * size;
        }
        let outputs = subnet.step()?;
        wrong_second += u32::try_from(wrong(&outputs, &|uid| !validates(uid))).unwrap_or(u32::MAX);
    }
    let property = |statement, wrong: u32| Computed::Property { statement, distance: wrong.into() };
    Ok(Quantities::one(
        "first_epoch",
        property("exactly the validators hold a permit", wrong_first),
    )
    .and(
        "second_epoch",
        property("servers hold permits, former validators lose theirs", wrong_second),
    ))
}
