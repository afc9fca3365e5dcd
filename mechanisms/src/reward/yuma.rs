//! Yuma consensus over the weights that validators publish, as Bittensor computes it.
//!
//! | rule | |
//! |---|---|
//! | R1 | weights are checked in the chain's order: length, place, stake, rate, permit, uids, least length, greatest weight |
//! | R2 | accepted weights are stored scaled so that the largest is 65535, and mark their validator as active now |
//! | R3 | `stateless` schedule: the epoch runs in block `b` when `(b + subnet + 1) mod (tempo + 1) = tempo` |
//! | R4 | `stateful` schedule: the epoch runs when `tempo` blocks have passed since the last one; the first `subnet mod tempo` blocks sooner, which staggers them |
//! | R5 | the block's own emission accrues first; then the epoch distributes all that accrued since the last one |
//! | R6 | an epoch is [`crate::yuma::epoch()`]: incentive to providers, dividends to validators, half and half when both exist, all to validators by stake when there is no incentive |
//! | R7 | what truncation leaves over is withheld |
//! | R8 | permits and bonds of this epoch hold until the next |
//! | R9 | a newcomer's place loses its weights, bonds and permit, and weights toward it |
//!
//! | R10 | with commit-reveal, weights are hidden when set and take effect `commit_reveal` epochs later, just before that epoch runs; until then they hide nothing that was published for a newcomer's predecessor |
//! | R11 | the subnet's `owner`: no stake threshold, a permit always, weights on itself; its incentive is withheld |
//! | R12 | a new `tempo` or `schedule` holds from the next close on, as announced; other parameters at once |
//! | R13 | with `bonds_reset`, bonds in a provider that publishes new metadata are removed at once |
//! | R14 | several `mechanisms` share members, stakes, permits and epochs; each has weights, commits, rate limit and bonds of its own and its part of the emission, and what they pay adds up ([`crate::yuma::sub_mechanisms`]) |
//!
//! A validator may set weights only with a permit from the epoch before (R1, R8). A chain
//! grants the first ones in its first epoch, which therefore pays by stake alone; with
//! `initial_permits: top_stake` the members of most stake hold them from the start.
//!
//! It does not: know the groups that `mechanisms` name (whoever publishes a row says for which
//! mechanism it is), divide dividends with parents and nominators ([`crate::yuma::childkeys`],
//! [`crate::yuma::dividends`]: stake comes here as it counts, whoever it is from), choose who is
//! replaced, check version keys, or hold back the third epoch due in one block. Emission of a period beyond
//! 2^64 - 1 units is withheld. Committed weights are checked when they are committed, not
//! again when they are revealed.
//!
//! Source: opentensor/subtensor @ `14bc6f9f964b9cc362e9635dd110a487fa5d15a0` (2026-06-30,
//! runtime 425): `pallets/subtensor/src/subnets/weights.rs` (R1, R2),
//! `coinbase/run_coinbase.rs` (R4 to R6, R11; R3 as of v3.3.15-402), `subnets/uids.rs` (R9),
//! `coinbase/reveal_commits.rs` and `epoch/run_epoch.rs` (R10), `do_reset_bonds` (R13),
//! `subnets/mechanism.rs` (R14).

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Serialize, Serializer};
use sim_types::fixed::I64F64;
use sim_types::{
    Amount, EpochIndex, Fact, Fidelity, Height, ParamError, PayoutReason, Rejected, StateMachine,
    Uid,
};

use super::{Effect, Input, MemberFigures, RewardSpec, split};
use crate::yuma::sub_mechanisms;
use crate::yuma::upscale::{is_max_limited, max_upscale_u16};
use crate::yuma::{
    EpochInputs, EpochOutputs, Form, Hyperparameters, LiquidForm, Scratch, Version, bonds,
    epoch_into,
};

mod mechanism;

pub use mechanism::Mechanism;
use mechanism::{Commit, State};

/// When epochs run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// By the block's number alone, every `tempo + 1` blocks, staggered by subnet (R3): the
    /// chain up to runtime 422.
    #[default]
    Stateless,
    /// Every `tempo` blocks since the last epoch (R4): the chain since runtime 423.
    Stateful,
}

/// Who may set weights before the first epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InitialPermits {
    /// The `max_validators` members of most stake: the subnet is taken up mid-life.
    #[default]
    TopStake,
    /// Nobody, as on a subnet just created: the first epoch pays by stake alone.
    None,
}

/// What a scenario may set. Proportions of 65535 and block counts are plain numbers, as on the
/// chain. Defaults are the chain's where nothing else is said.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Blocks between epochs, less one under `schedule: stateless`; 1 to 50400. Default 360:
    /// 72 minutes.
    pub tempo: u64,
    /// When epochs run. Default `stateless`: the form under which the network ran until
    /// mid-2026 and most published figures arose.
    pub schedule: Schedule,
    /// Majority of stake that consensus asks for, of 65535. Default 32767: half.
    pub kappa: u16,
    /// How far bonds follow the clipped weights instead of the raw ones, of 65535. Default
    /// 65535: wholly.
    pub bonds_penalty: u16,
    /// Share of the old bonds in the moving average, in parts per million, 0 to 1000000.
    /// Default 900000.
    pub bonds_moving_average: u64,
    /// How many validators hold a permit; at least 1. Default 64: the value of many live
    /// subnets and of the chain's own consensus simulations. The code's initial value, 128,
    /// is rarely met: half of a full subnet's 256 places.
    pub max_validators: u16,
    /// Blocks after its last weights during which a validator counts as active; at least 1.
    /// Default 5000.
    pub activity_cutoff: u64,
    /// Least stake that may set weights and counts in consensus; below 2^64 of the smallest
    /// unit. Default 0, the code's value; the live network asks for 1000 tokens.
    pub stake_threshold: Amount,
    /// Least number of blocks between two settings of weights by one validator, 0 and up; more
    /// than a period keeps validators from answering every one. Default 100.
    pub weights_rate_limit: u64,
    /// Least number of uids that weights must name, or all if there are fewer; naming oneself
    /// alone is always allowed. Default 1 (assumed): the code starts at 1024, which asks for
    /// every uid and which owners lower.
    pub min_allowed_weights: u16,
    /// Largest share of the row's sum that one weight may have, of 65535. Default 65535: no
    /// limit.
    pub max_weight_limit: u16,
    /// Who may set weights before the first epoch. Default `top_stake` (assumed): scenarios
    /// show a subnet in operation.
    pub initial_permits: InitialPermits,
    /// How bonds are kept. Default `classic`, as on the chain; owners may choose `yuma3`.
    pub version: Version,
    /// Whether bonds move at different speeds: `first` (by server, on classic bonds) or
    /// `second` (by pair, on Yuma3's). Default `off`.
    pub liquid_alpha: LiquidForm,
    /// Least liquid alpha, of 65535; 1 to `alpha_high`. Default 45875: 0.7.
    pub alpha_low: u16,
    /// Greatest liquid alpha, of 65535. Default 58982: 0.9.
    pub alpha_high: u16,
    /// Steepness of the second form's sigmoid, in hundredths; 0 to 32767. Default 1000.
    pub alpha_sigmoid_steepness: i16,
    /// After how many epochs weights that were set are revealed and count, 0 to 100; 0 means at
    /// once. Default 0 (assumed): many published figures are of subnets that publish at once;
    /// the code's value is 1.
    pub commit_reveal: u8,
    /// Whether bonds in a provider end when it publishes new metadata, so that validators that
    /// see its new quality early gain on those that hold old bonds. Default false, as on the
    /// chain.
    pub bonds_reset: bool,
    /// The uid of the subnet's owner, if it takes part. Default none.
    pub owner: Option<u16>,
    /// The subnet's mechanisms, at most 16: each pays for one kind of work, out of its part of
    /// the emission, by weights and bonds of its own. Default: one that weighs everybody. The
    /// live network allows two.
    pub mechanisms: Vec<Mechanism>,
}

/// Written by hand because plans are named by what they say: the text of one without mechanisms
/// stays what it was before there were any. Snapshots, which are not text, hold every field.
macro_rules! serialized {
    ($($field:ident)*) => {
        impl Serialize for Params {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let Self { $($field,)* mechanisms } = self;
                let shown = !mechanisms.is_empty() || !serializer.is_human_readable();
                let fields = [$(stringify!($field)),*].len() + usize::from(shown);
                let mut out = serializer.serialize_struct("Params", fields)?;
                $(out.serialize_field(stringify!($field), $field)?;)*
                if shown {
                    out.serialize_field("mechanisms", mechanisms)?;
                }
                out.end()
            }
        }
    };
}

serialized! {
    tempo schedule kappa bonds_penalty bonds_moving_average max_validators activity_cutoff
    stake_threshold weights_rate_limit min_allowed_weights max_weight_limit initial_permits version
    liquid_alpha alpha_low alpha_high alpha_sigmoid_steepness commit_reveal bonds_reset owner
}

impl Default for Params {
    fn default() -> Self {
        Self {
            tempo: 360,
            schedule: Schedule::default(),
            kappa: 32_767,
            bonds_penalty: u16::MAX,
            bonds_moving_average: 900_000,
            max_validators: 64,
            activity_cutoff: 5_000,
            stake_threshold: Amount::ZERO,
            weights_rate_limit: 100,
            min_allowed_weights: 1,
            max_weight_limit: u16::MAX,
            initial_permits: InitialPermits::default(),
            version: Version::default(),
            liquid_alpha: LiquidForm::default(),
            alpha_low: 45_875,
            alpha_high: 58_982,
            alpha_sigmoid_steepness: 1_000,
            commit_reveal: 0,
            bonds_reset: false,
            owner: None,
            mechanisms: Vec::new(),
        }
    }
}

impl Params {
    /// Blocks in one period.
    #[must_use]
    pub fn epoch_blocks(&self) -> u64 {
        match self.schedule {
            Schedule::Stateless => self.tempo + 1,
            Schedule::Stateful => self.tempo,
        }
    }

    fn rhythm(&self) -> Rhythm {
        Rhythm { tempo: self.tempo, schedule: self.schedule }
    }

    fn check(&self) -> Result<(), ParamError> {
        let threshold = self.stake_threshold;
        ParamError::unless((1..=50_400).contains(&self.tempo), "tempo", self.tempo, "1 to 50400")?;
        ParamError::unless(
            self.bonds_moving_average <= 1_000_000,
            "bonds_moving_average",
            self.bonds_moving_average,
            "0 to 1000000",
        )?;
        ParamError::unless(self.max_validators > 0, "max_validators", 0, "at least 1")?;
        ParamError::unless(self.activity_cutoff > 0, "activity_cutoff", 0, "at least 1")?;
        let (acts, on) = match self.liquid_alpha {
            LiquidForm::Off => (true, ""),
            LiquidForm::First => (self.version == Version::Classic, "`version: classic`"),
            LiquidForm::Second => (self.version == Version::Yuma3, "`version: yuma3`"),
        };
        let form = if self.liquid_alpha == LiquidForm::First { "first" } else { "second" };
        ParamError::unless(acts, "liquid_alpha", form, on)?;
        ParamError::unless(
            (1..=self.alpha_high).contains(&self.alpha_low),
            "alpha_low",
            self.alpha_low,
            "1 to `alpha_high`",
        )?;
        let steepness = self.alpha_sigmoid_steepness;
        ParamError::unless(steepness >= 0, "alpha_sigmoid_steepness", steepness, "0 to 32767")?;
        let reveal = self.commit_reveal;
        ParamError::unless(reveal <= 100, "commit_reveal", reveal, "0 to 100")?;
        mechanism::check(&self.mechanisms)?;
        ParamError::unless(
            u64::try_from(threshold.0).is_ok(),
            "stake_threshold",
            threshold,
            "less than 2^64 of the smallest unit",
        )
    }

    fn threshold(&self) -> u64 {
        u64::try_from(self.stake_threshold.0).unwrap_or(u64::MAX)
    }

    fn hyperparameters(&self) -> Hyperparameters {
        Hyperparameters {
            kappa: self.kappa,
            bonds_penalty: self.bonds_penalty,
            bonds_moving_average: self.bonds_moving_average,
            max_validators: self.max_validators,
            activity_cutoff: self.activity_cutoff,
            stake_threshold: self.threshold(),
            version: self.version,
            liquid_alpha: self.liquid_alpha,
            alpha_low: self.alpha_low,
            alpha_high: self.alpha_high,
            alpha_sigmoid_steepness: self.alpha_sigmoid_steepness,
        }
    }
}

/// When this period ends: what R12 holds until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Rhythm {
    tempo: u64,
    schedule: Schedule,
}

/// The rule and its whole state. Vectors are by uid, empty before the subnet opens.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Yuma {
    params: Params,
    rhythm: Rhythm,
    subnet: u16,
    stakes: Vec<u64>,
    block_at_registration: Vec<u64>,
    permits: Vec<bool>,
    /// At least one.
    mechanisms: Vec<State>,
    accrued: Amount,
    epoch: EpochIndex,
    last_block: Height,
    last_epoch: Option<Height>,
    #[serde(skip)]
    scratch: Scratch,
    /// The outputs of each mechanism's last epoch, and its emission.
    #[serde(skip)]
    outputs: Vec<(EpochOutputs, u64)>,
}

impl crate::Rule for Yuma {
    const NAME: &'static str = "yuma";
    const SUMMARY: &'static str =
        "Yuma consensus over the weights that validators publish, as Bittensor computes it.";
    const SOURCE: &'static str =
        "opentensor/subtensor pallets/subtensor/src @14bc6f9f964b9cc362e9635dd110a487fa5d15a0";

    fn example() -> Params {
        Params::default()
    }

    fn facts(params: &Params) -> Vec<Fact> {
        const CODE: &str = "opentensor/subtensor runtime/src/lib.rs @14bc6f9f";
        const DOCS: &str = "opentensor/subtensor docs/consensus.md @14bc6f9f (64 validators; the code starts at 128)";
        const OWNERS: &str = "owners lower the code's 1024, which asks for every uid";
        let usual = Params::default();
        let published = Fidelity::Published;
        let number = |p: &Params, of: fn(&Params) -> u64| (of(params), of(p));
        [
            ("tempo", number(&usual, |p| p.tempo), published, CODE),
            ("kappa", number(&usual, |p| p.kappa.into()), published, CODE),
            ("bonds_penalty", number(&usual, |p| p.bonds_penalty.into()), published, CODE),
            ("bonds_moving_average", number(&usual, |p| p.bonds_moving_average), published, CODE),
            ("max_validators", number(&usual, |p| p.max_validators.into()), published, DOCS),
            ("activity_cutoff", number(&usual, |p| p.activity_cutoff), published, CODE),
            ("stake_threshold", number(&usual, Params::threshold), published, CODE),
            ("weights_rate_limit", number(&usual, |p| p.weights_rate_limit), published, CODE),
            (
                "min_allowed_weights",
                number(&usual, |p| p.min_allowed_weights.into()),
                Fidelity::Assumed,
                OWNERS,
            ),
            ("max_weight_limit", number(&usual, |p| p.max_weight_limit.into()), published, CODE),
            ("alpha_low", number(&usual, |p| p.alpha_low.into()), published, CODE),
            ("alpha_high", number(&usual, |p| p.alpha_high.into()), published, CODE),
            (
                "alpha_sigmoid_steepness",
                number(&usual, |p| p.alpha_sigmoid_steepness.unsigned_abs().into()),
                published,
                CODE,
            ),
            (
                "commit_reveal",
                number(&usual, |p| p.commit_reveal.into()),
                Fidelity::Assumed,
                "the code's value is 1; published at once unless the scenario says so",
            ),
        ]
        .into_iter()
        .map(|(name, (value, usual), class, source)| {
            let (class, source) = if value == usual {
                (class, source)
            } else {
                (Fidelity::Assumed, "chosen by the scenario")
            };
            Fact::new(format!("reward.yuma.{name}"), value.to_string(), class, source)
        })
        .chain([Fact::new(
            "reward.yuma.initial_permits",
            match params.initial_permits {
                InitialPermits::TopStake => "top_stake",
                InitialPermits::None => "none",
            },
            Fidelity::Assumed,
            "a subnet in operation has permits; a new one grants them in its first epoch",
        )])
        .chain(params.mechanisms.iter().enumerate().map(|(index, mechanism)| {
            let name = format!("reward.yuma.mechanisms.{index}.parts");
            let parts = mechanism.parts.to_string();
            Fact::new(name, parts, Fidelity::Assumed, "chosen by the scenario")
        }))
        .collect()
    }
}

impl StateMachine for Yuma {
    type Params = Params;
    type Input = Input;
    type Effect = Effect;

    fn new(params: Params) -> Result<Self, ParamError> {
        params.check()?;
        Ok(Self {
            rhythm: params.rhythm(),
            subnet: 0,
            stakes: Vec::new(),
            block_at_registration: Vec::new(),
            permits: Vec::new(),
            mechanisms: vec![State::default(); params.mechanisms.len().max(1)],
            accrued: Amount::ZERO,
            epoch: EpochIndex(0),
            last_block: Height(0),
            last_epoch: None,
            scratch: Scratch::default(),
            outputs: Vec::new(),
            params,
        })
    }

    fn apply(&mut self, input: Input, out: &mut Vec<Effect>) -> Result<(), Rejected> {
        match input {
            Input::Opened { subnet, stakes } => {
                super::may_open(self.stakes.len(), stakes.len())?;
                self.open(subnet, stakes, out);
            }
            Input::Reconfigured { spec } => {
                let RewardSpec::Yuma(params) = *spec else {
                    return Err(Rejected::NotPermitted("parameters of another rule"));
                };
                params.check().map_err(|_| Rejected::NotPermitted("parameters out of domain"))?;
                if params.mechanisms.len() != self.params.mechanisms.len() {
                    return Err(Rejected::NotPermitted("another number of mechanisms"));
                }
                self.params = params;
                // R12: what is announced stands. Before the subnet opens nothing is.
                if self.stakes.is_empty() {
                    self.rhythm = self.params.rhythm();
                }
                if self.params.commit_reveal == 0 {
                    self.mechanisms.iter_mut().for_each(|mechanism| mechanism.reveal(|_| true));
                }
            }
            Input::StakeChanged { uid, stake } => {
                let index = super::member(uid, self.stakes.len())?;
                self.stakes[index] = stake;
            }
            Input::Registered { uid, height, stake } => {
                let index = super::member(uid, self.stakes.len())?;
                self.replace(index, uid, height, stake);
            }
            Input::WeightsSet { by, mechanism, height, row } => {
                let index = self.check_weights(by, mechanism, height, &row)?;
                let mechanism = &mut self.mechanisms[usize::from(mechanism)];
                // R2
                let row = upscaled(row);
                mechanism.last_update[index] = height.0;
                // R10
                if self.params.commit_reveal == 0 {
                    mechanism.weights[index] = row;
                } else {
                    let commit = Commit { epoch: self.epoch, block: height, row };
                    mechanism.commits[index].push(commit);
                }
            }
            // R13
            Input::MetadataPublished { uid } => {
                super::member(uid, self.stakes.len())?;
                if self.params.bonds_reset {
                    for mechanism in &mut self.mechanisms {
                        bonds::reset(&mut mechanism.bonds, uid.0);
                    }
                }
            }
            // Observations reach this rule as weights.
            Input::Observed { subject, .. } => {
                super::member(subject, self.stakes.len())?;
            }
            Input::BlockProduced { height, emission } => {
                super::may_follow(height, self.last_block, self.stakes.len())?;
                self.last_block = height;
                // R5
                self.accrued += emission;
                if self.next_epoch_from(height) == height {
                    self.close(out);
                    self.announce(out);
                }
            }
        }
        Ok(())
    }
}

/// R2: weights as they are stored. Most come scaled already.
fn upscaled(row: Vec<(Uid, u16)>) -> Vec<(u16, u16)> {
    if row.iter().any(|&(_, weight)| weight == u16::MAX) {
        return row.into_iter().map(|(uid, weight)| (uid.0, weight)).collect();
    }
    let weights: Vec<u16> = row.iter().map(|&(_, weight)| weight).collect();
    row.iter().map(|&(uid, _)| uid.0).zip(max_upscale_u16(&weights)).collect()
}

impl Yuma {
    fn open(&mut self, subnet: u16, stakes: Vec<u64>, out: &mut Vec<Effect>) {
        let n = stakes.len();
        self.subnet = subnet;
        self.stakes = stakes;
        self.block_at_registration = vec![0; n];
        self.mechanisms.fill(State::new(n));
        self.permits = vec![false; n];
        if self.params.initial_permits == InitialPermits::TopStake {
            self.run_epoch(0);
            self.permits = Self::merged(&self.outputs).permits.clone();
        }
        self.announce(out);
    }

    fn announce(&self, out: &mut Vec<Effect>) {
        let closes_at = self.next_epoch_from(Height(self.last_block.0 + 1));
        out.push(Effect::EpochOpened { epoch: self.epoch, closes_at });
    }

    /// R3 and R4: the first block from `height` on in which an epoch runs.
    fn next_epoch_from(&self, height: Height) -> Height {
        let tempo = self.rhythm.tempo;
        match self.rhythm.schedule {
            Schedule::Stateless => {
                let phase = height.0.saturating_add(u64::from(self.subnet) + 1) % (tempo + 1);
                Height(height.0.saturating_add(tempo - phase))
            }
            Schedule::Stateful => {
                let stagger = u64::from(self.subnet) % tempo;
                let next = self.last_epoch.map_or(tempo - stagger, |h| h.0.saturating_add(tempo));
                height.max(Height(next))
            }
        }
    }

    /// R9.
    fn replace(&mut self, index: usize, uid: Uid, height: Height, stake: u64) {
        self.stakes[index] = stake;
        self.block_at_registration[index] = height.0;
        self.permits[index] = false;
        self.mechanisms.iter_mut().for_each(|mechanism| mechanism.replace(uid.0));
    }

    /// R1.
    fn check_weights(
        &self,
        by: Uid,
        mechanism: u8,
        height: Height,
        row: &[(Uid, u16)],
    ) -> Result<usize, Rejected> {
        let (params, n) = (&self.params, self.stakes.len());
        let mechanism = self.mechanisms.get(usize::from(mechanism));
        let mechanism = mechanism.ok_or(Rejected::NotPermitted("no such mechanism"))?;
        if row.len() > n {
            return Err(Rejected::Full("weights name more uids than there are"));
        }
        let index = super::member(by, n)?;
        let is_owner = params.owner == Some(by.0);
        if self.stakes[index] < params.threshold() && !is_owner {
            return Err(Rejected::NotPermitted("stake below the threshold"));
        }
        let last = mechanism.last_update[index];
        if last > 0 && height.0.saturating_sub(last) < params.weights_rate_limit {
            return Err(Rejected::NotPermitted("weights set too soon after the last"));
        }
        let oneself = matches!(row, [(uid, _)] if *uid == by);
        if !oneself && !self.permits[index] && !is_owner {
            return Err(Rejected::NotPermitted("no validator permit"));
        }
        if let Some(pair) = row.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
            return Err(Rejected::UidOrder(pair[1].0.0));
        }
        if let Some(&(uid, _)) = row.last() {
            super::member(uid, n)?;
        }
        if oneself {
            return Ok(index);
        }
        if row.len() < n.min(params.min_allowed_weights.into()) {
            return Err(Rejected::NotPermitted("weights name too few uids"));
        }
        if params.max_weight_limit < u16::MAX {
            let values: Vec<u16> = row.iter().map(|&(_, weight)| weight).collect();
            if !is_max_limited(&max_upscale_u16(&values), params.max_weight_limit) {
                return Err(Rejected::NotPermitted("a weight above the limit"));
            }
        }
        Ok(index)
    }

    /// The consensus of the weights that everybody can read now (R10): those that hold, without
    /// commits. It needs memory, but leaves the state as it is.
    pub(super) fn visible_consensus(&mut self) -> Vec<u16> {
        /// Emission by which mechanisms are weighed against each other: any amount would do.
        const WHOLE: u64 = 1 << 32;
        if self.stakes.is_empty() {
            return Vec::new();
        }
        self.run_epoch(WHOLE);
        Self::merged(&self.outputs).consensus.clone()
    }

    /// R6 and R14, into the outputs and nothing else.
    fn run_epoch(&mut self, emission: u64) {
        let Self { params, rhythm, stakes, mechanisms, scratch, outputs, .. } = self;
        let stake: Vec<I64F64> = stakes.iter().map(|&s| I64F64::from(s)).collect();
        outputs.resize_with(mechanisms.len(), Default::default);
        let parts = mechanism::split(&params.mechanisms, emission);
        for ((mechanism, (outputs, part)), emission) in mechanisms.iter().zip(outputs).zip(parts) {
            let State { last_update, weights, commits, bonds } = mechanism;
            let committed: Vec<Option<u64>> =
                commits.iter().map(|open| open.first().map(|commit| commit.block.0)).collect();
            let inputs = EpochInputs {
                hyperparameters: params.hyperparameters(),
                stake: &stake,
                last_update,
                block_at_registration: &self.block_at_registration,
                permits: &self.permits,
                weights,
                bonds,
                owner: params.owner,
                commit_blocks: Some(&committed),
                block: self.last_block.0,
                tempo: rhythm.tempo,
                last_step_block: self.last_epoch.map(|h| h.0),
                emission,
                form: Form::Sparse,
            };
            epoch_into(&inputs, scratch, outputs).expect(
                "every vector has one element a member, and rows and parameters are checked",
            );
            *part = emission;
        }
    }

    /// R14: what the last epoch said, of all mechanisms together.
    fn merged(outputs: &[(EpochOutputs, u64)]) -> Cow<'_, EpochOutputs> {
        match outputs {
            [(only, _)] => Cow::Borrowed(only),
            several => Cow::Owned(sub_mechanisms::merge(several)),
        }
    }

    fn close(&mut self, out: &mut Vec<Effect>) {
        // R10: in the block in which an epoch runs, its successor's number counts.
        let (next, period) = (self.epoch.0 + 1, self.params.commit_reveal);
        for mechanism in &mut self.mechanisms {
            mechanism.reveal(|commit| commit.epoch.0 + u64::from(period) <= next);
        }
        let (payable, beyond) = split::payable(core::mem::take(&mut self.accrued));
        self.run_epoch(payable);
        let outputs = Self::merged(&self.outputs);
        let mut left = Amount(payable.into());
        let mut members = Vec::with_capacity(self.stakes.len());
        for (index, uid) in (0..self.stakes.len()).zip(0..) {
            let mut emission = Amount::ZERO;
            // R11
            let incentive =
                if self.params.owner == Some(uid) { 0 } else { outputs.server_emission[index] };
            for (units, reason) in [
                (incentive, PayoutReason::Incentive),
                (outputs.validator_emission[index], PayoutReason::Dividend),
            ] {
                let amount = Amount(units.into());
                if amount > Amount::ZERO {
                    out.push(Effect::Pay { to: Uid(uid), amount, reason });
                }
                emission += amount;
            }
            left -= emission;
            members.push(MemberFigures {
                stake: self.stakes[index],
                consensus: outputs.consensus[index],
                incentive: outputs.incentive[index],
                dividends: outputs.dividends[index],
                validator_trust: outputs.validator_trust[index],
                validator_permit: outputs.permits[index],
                emission,
            });
        }
        // R7
        let withheld = left + beyond;
        if withheld > Amount::ZERO {
            out.push(Effect::Withhold { amount: withheld });
        }
        out.push(Effect::EpochClosed { epoch: self.epoch, height: self.last_block, members });
        // R8
        self.permits.clone_from(&outputs.permits);
        drop(outputs);
        for (mechanism, (outputs, _)) in self.mechanisms.iter_mut().zip(&mut self.outputs) {
            core::mem::swap(&mut mechanism.bonds, &mut outputs.bonds);
        }
        self.last_epoch = Some(self.last_block);
        self.epoch.0 += 1;
        // R12
        self.rhythm = self.params.rhythm();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: u16 = u16::MAX;

    fn rule(params: Params, subnet: u16, stakes: &[u64]) -> Yuma {
        let mut rule = Yuma::new(params).unwrap();
        let stakes = stakes.to_vec();
        rule.apply(Input::Opened { subnet, stakes }, &mut vec![]).unwrap();
        rule
    }

    fn block(rule: &mut Yuma, height: u64) -> Vec<Effect> {
        let mut out = vec![];
        let emission = Amount(1_000_001);
        rule.apply(Input::BlockProduced { height: Height(height), emission }, &mut out).unwrap();
        out
    }

    fn set(rule: &mut Yuma, by: u16, height: u64, row: &[(u16, u16)]) -> Result<(), Rejected> {
        let row = row.iter().map(|&(uid, weight)| (Uid(uid), weight)).collect();
        rule.apply(
            Input::WeightsSet { by: Uid(by), mechanism: 0, height: Height(height), row },
            &mut vec![],
        )
    }

    /// The stateless schedule by its definition on the chain: due when the blocks until the
    /// next epoch, `tempo - (block + netuid + 1) mod (tempo + 1)`, are none.
    #[test]
    fn epochs_fall_on_the_blocks_of_the_schedule_and_are_announced() {
        for schedule in [Schedule::Stateless, Schedule::Stateful] {
            for (tempo, subnet) in [(1, 0), (5, 0), (5, 3), (5, 40), (360, 1)] {
                let params = Params { tempo, schedule, ..Params::default() };
                let mut rule = rule(params, subnet, &[1]);
                let mut announced = rule.next_epoch_from(Height(1));
                let mut epochs = 0;
                for height in 1..=4 * (tempo + 1) {
                    let due = match schedule {
                        Schedule::Stateless => {
                            (height + u64::from(subnet) + 1) % (tempo + 1) == tempo
                        }
                        Schedule::Stateful => (height + u64::from(subnet) % tempo) % tempo == 0,
                    };
                    let out = block(&mut rule, height);
                    assert_eq!(!out.is_empty(), due, "{schedule:?} {tempo} {subnet} {height}");
                    assert_eq!(announced == Height(height), due);
                    if let Some(Effect::EpochOpened { epoch, closes_at }) = out.last() {
                        epochs += 1;
                        assert_eq!(epoch.0, epochs);
                        announced = *closes_at;
                    }
                }
                assert!(epochs >= 4);
            }
        }
    }

    #[test]
    fn weights_are_checked_in_order() {
        type Row = (u16, u64, &'static [(u16, u16)], Result<(), Rejected>);
        let params = Params {
            stake_threshold: Amount(10),
            min_allowed_weights: 2,
            max_weight_limit: 40_000,
            max_validators: 2,
            ..Params::default()
        };
        let mut rule = rule(params, 0, &[30, 20, 15, 5]);
        set(&mut rule, 1, 5, &[(2, 7), (3, 7)]).unwrap();
        let denied = Rejected::NotPermitted;
        let unknown = |got| Rejected::UnknownUid { got, members: 4 };
        let table: [Row; 13] = [
            (
                9,
                9,
                &[(0, 1), (1, 1), (2, 1), (3, 1), (4, 1)],
                Err(Rejected::Full("weights name more uids than there are")),
            ),
            (4, 9, &[], Err(unknown(4))),
            (3, 9, &[(3, 1)], Err(denied("stake below the threshold"))),
            (1, 104, &[(2, 1), (3, 1)], Err(denied("weights set too soon after the last"))),
            (2, 9, &[(0, 1), (3, 1)], Err(denied("no validator permit"))),
            (2, 9, &[(2, 1)], Ok(())),
            (0, 9, &[(3, 1), (2, 1)], Err(Rejected::UidOrder(2))),
            (0, 9, &[(3, 1), (3, 1)], Err(Rejected::UidOrder(3))),
            (0, 9, &[(2, 1), (7, 1)], Err(unknown(7))),
            (0, 9, &[(2, 1)], Err(denied("weights name too few uids"))),
            (0, 9, &[(2, 1), (3, 9)], Err(denied("a weight above the limit"))),
            (0, 9, &[(2, 1), (3, 1)], Ok(())),
            (1, 105, &[(2, 4), (3, 4)], Ok(())),
        ];
        for (by, height, row, want) in table {
            assert_eq!(set(&mut rule, by, height, row), want, "{by} {height} {row:?}");
        }
        assert_eq!(
            rule.mechanisms[0].weights[1],
            [(2, WHOLE), (3, WHOLE)],
            "largest is scaled to 65535"
        );
        assert_eq!(rule.mechanisms[0].last_update, [9, 105, 9, 0]);
    }

    /// Half to the providers by agreed weight, half to the validators, who hold equal bonds.
    #[test]
    fn agreed_weights_pay_providers_half_and_truncation_is_withheld() {
        let params = Params { tempo: 1, ..Params::default() };
        let mut rule = rule(params, 0, &[100, 100, 0, 0]);
        assert_eq!(block(&mut rule, 1), []);
        for by in [0, 1] {
            set(&mut rule, by, 1, &[(2, 1), (3, 3)]).unwrap();
        }
        let out = block(&mut rule, 2);
        let paid: Vec<(u16, u128, PayoutReason)> = out
            .iter()
            .filter_map(|effect| match effect {
                Effect::Pay { to, amount, reason } => Some((to.0, amount.0, *reason)),
                _ => None,
            })
            .collect();
        let want = [
            (0, 500_001, PayoutReason::Dividend),
            (1, 500_001, PayoutReason::Dividend),
            (2, 250_000, PayoutReason::Incentive),
            (3, 750_001, PayoutReason::Incentive),
        ];
        for (&(to, amount, reason), want) in paid.iter().zip(want) {
            assert_eq!((to, reason), (want.0, want.2));
            assert!(amount.abs_diff(want.1) <= 60, "{paid:?}");
        }
        let Some(Effect::Withhold { amount }) = out.get(4) else { panic!("{out:?}") };
        assert_eq!(paid.iter().map(|p| p.1).sum::<u128>() + amount.0, 2_000_002);
        let Some(Effect::EpochClosed { members, .. }) = out.get(5) else { panic!("{out:?}") };
        assert!(members[2].consensus.abs_diff(16_383) <= 1);
        assert!(members[3].incentive.abs_diff(49_151) <= 1);
        assert!(members[0].validator_permit && !members[2].validator_permit);
    }

    #[test]
    fn the_first_permits_are_as_asked() {
        let permits = |initial_permits, max_validators| {
            let params = Params { max_validators, initial_permits, ..Params::default() };
            rule(params, 0, &[5, 0, 9, 7]).permits
        };
        assert_eq!(permits(InitialPermits::None, 64), [false; 4]);
        assert_eq!(permits(InitialPermits::TopStake, 64), [true, false, true, true]);
        assert_eq!(permits(InitialPermits::TopStake, 2), [false, false, true, true]);
    }

    /// A new tempo waits for the close that is announced; other parameters do not.
    #[test]
    fn a_new_tempo_holds_from_the_next_close_on() {
        for schedule in [Schedule::Stateless, Schedule::Stateful] {
            let params = Params { tempo: 7, schedule, ..Params::default() };
            let mut rule = rule(params.clone(), 0, &[1]);
            let mut announced = rule.next_epoch_from(Height(1));
            for height in 1..60 {
                if height == 10 {
                    let spec = RewardSpec::Yuma(Params { tempo: 3, kappa: 1, ..params.clone() });
                    let changed = Input::Reconfigured { spec: Box::new(spec) };
                    rule.apply(changed, &mut vec![]).unwrap();
                    assert_eq!(rule.params.kappa, 1);
                }
                let out = block(&mut rule, height);
                assert_eq!(!out.is_empty(), announced == Height(height), "{schedule:?} {height}");
                if let Some(Effect::EpochOpened { closes_at, .. }) = out.last() {
                    announced = *closes_at;
                }
            }
            assert_eq!(rule.rhythm.tempo, 3);
        }
    }

    /// Weights count in the epoch that runs so many periods after they were set.
    #[test]
    fn committed_weights_wait_to_be_revealed() {
        for (commit_reveal, first) in [(0_u8, 2), (1, 2), (2, 4), (3, 6)] {
            let params = Params {
                tempo: 2,
                schedule: Schedule::Stateful,
                commit_reveal,
                ..Params::default()
            };
            let mut rule = rule(params, 0, &[100, 0]);
            set(&mut rule, 0, 1, &[(1, 1)]).unwrap();
            for height in 1..9 {
                let out = block(&mut rule, height);
                let paid = out.iter().any(|effect| {
                    matches!(effect, Effect::Pay { reason: PayoutReason::Incentive, .. })
                });
                let due = height >= first && height % 2 == 0;
                assert_eq!(paid, due, "{commit_reveal} {height}");
            }
        }
    }

    /// Without stake the owner weighs, itself too; what it earns by serving is withheld.
    #[test]
    fn the_owner_is_exempt_and_unpaid() {
        let params =
            Params { tempo: 1, owner: Some(1), stake_threshold: Amount(10), ..Params::default() };
        let mut rule = rule(params, 0, &[100, 1, 0]);
        set(&mut rule, 1, 1, &[(1, 3), (2, 1)]).unwrap();
        set(&mut rule, 0, 1, &[(1, 1), (2, 1)]).unwrap();
        block(&mut rule, 1);
        let out = block(&mut rule, 2);
        let incentives: Vec<u16> = out
            .iter()
            .filter_map(|effect| match effect {
                Effect::Pay { to, reason: PayoutReason::Incentive, .. } => Some(to.0),
                _ => None,
            })
            .collect();
        assert_eq!(incentives, [2]);
        let Some(Effect::Withhold { amount }) =
            out.iter().find(|e| matches!(e, Effect::Withhold { .. }))
        else {
            panic!("{out:?}")
        };
        assert!(amount.0.abs_diff(500_000) < 10_000, "half of the incentive: {amount:?}");
    }

    #[test]
    fn variants_change_dividends() {
        let paid = |params: Params| {
            let mut rule = rule(
                Params { tempo: 2, schedule: Schedule::Stateful, ..params },
                0,
                &[80, 10, 10, 0, 0],
            );
            let mut paid = Vec::new();
            for (height, rows) in [(1, [4, 3, 3]), (101, [4, 4, 3]), (201, [4, 4, 4])] {
                for (by, to) in (0..).zip(rows) {
                    set(
                        &mut rule,
                        by,
                        height,
                        &[(3, 1 + 2 * u16::from(to == 3)), (4, 1 + 2 * u16::from(to == 4))],
                    )
                    .unwrap();
                }
                for height in [height, height + 1] {
                    paid.extend(
                        block(&mut rule, height)
                            .into_iter()
                            .filter(|e| matches!(e, Effect::Pay { .. })),
                    );
                }
            }
            paid
        };
        let usual = Params { bonds_moving_average: 975_000, ..Params::default() };
        let variants = [
            usual.clone(),
            Params { liquid_alpha: LiquidForm::First, ..usual.clone() },
            Params { version: Version::Yuma3, ..usual.clone() },
            Params { version: Version::Yuma3, liquid_alpha: LiquidForm::Second, ..usual.clone() },
        ];
        for (i, a) in variants.iter().enumerate() {
            for b in &variants[i + 1..] {
                assert_ne!(paid(a.clone()), paid(b.clone()), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn a_newcomer_inherits_nothing() {
        let params = Params { tempo: 1, ..Params::default() };
        let mut rule = rule(params, 0, &[100, 60, 0, 0]);
        for by in [0, 1] {
            set(&mut rule, by, 1, &[(2, 1), (3, 3)]).unwrap();
        }
        block(&mut rule, 2);
        assert!(!rule.mechanisms[0].bonds[0].is_empty());
        for uid in [0, 3] {
            let newcomer = Input::Registered { uid: Uid(uid), height: Height(3), stake: 50 };
            rule.apply(newcomer, &mut vec![]).unwrap();
        }
        assert!(
            rule.mechanisms[0].weights[0].is_empty()
                && rule.mechanisms[0].bonds[0].is_empty()
                && !rule.permits[0]
        );
        assert_eq!(rule.mechanisms[0].weights[1], [(2, 21_845), (3, 0)]);
        let out = block(&mut rule, 4);
        let paid_3 = out.iter().any(|e| matches!(e, Effect::Pay { to: Uid(3), .. }));
        assert!(!paid_3, "old weights do not pay the newcomer: {out:?}");
    }

    /// Bonds in a provider that publishes metadata end where the owner allows it, whoever holds
    /// them; all others stay.
    #[test]
    fn new_metadata_end_bonds_where_that_is_on() {
        for bonds_reset in [false, true] {
            let params = Params { tempo: 1, bonds_reset, ..Params::default() };
            let mut rule = rule(params, 0, &[100, 60, 0, 0]);
            for by in [0, 1] {
                set(&mut rule, by, 1, &[(2, 1), (3, 3)]).unwrap();
            }
            block(&mut rule, 2);
            let before = rule.mechanisms[0].bonds.clone();
            let held = |rows: &crate::yuma::Rows, server: u16| {
                rows.iter().flatten().filter(|bond| bond.0 == server && bond.1 > 0).count()
            };
            assert_eq!((held(&before, 2), held(&before, 3)), (2, 2));
            let published = |uid| Input::MetadataPublished { uid: Uid(uid) };
            rule.apply(published(3), &mut vec![]).unwrap();
            let left = if bonds_reset { 0 } else { 2 };
            assert_eq!(
                (held(&rule.mechanisms[0].bonds, 2), held(&rule.mechanisms[0].bonds, 3)),
                (2, left)
            );
            let unknown = Rejected::UnknownUid { got: 4, members: 4 };
            assert_eq!(rule.apply(published(4), &mut vec![]), Err(unknown));
        }
    }

    #[test]
    fn parameters_outside_their_domain_are_named() {
        let usual = Params::default();
        let table = [
            (Params { tempo: 0, ..usual.clone() }, "tempo"),
            (Params { tempo: 50_401, ..usual.clone() }, "tempo"),
            (Params { bonds_moving_average: 1_000_001, ..usual.clone() }, "bonds_moving_average"),
            (Params { max_validators: 0, ..usual.clone() }, "max_validators"),
            (Params { activity_cutoff: 0, ..usual.clone() }, "activity_cutoff"),
            (Params { stake_threshold: Amount(1 << 64), ..usual.clone() }, "stake_threshold"),
            (Params { liquid_alpha: LiquidForm::Second, ..usual.clone() }, "liquid_alpha"),
            (
                Params {
                    liquid_alpha: LiquidForm::First,
                    version: Version::Yuma3,
                    ..usual.clone()
                },
                "liquid_alpha",
            ),
            (Params { alpha_low: 0, ..usual.clone() }, "alpha_low"),
            (Params { alpha_high: 1, ..usual.clone() }, "alpha_low"),
            (Params { alpha_sigmoid_steepness: -1, ..usual.clone() }, "alpha_sigmoid_steepness"),
            (Params { commit_reveal: 101, ..usual.clone() }, "commit_reveal"),
        ];
        for (params, field) in table {
            assert_eq!(Yuma::new(params).unwrap_err().field, field);
        }
    }
}
