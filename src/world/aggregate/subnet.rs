//! One subnet, period by period.

use mechanisms::behaviour::Behaviour;
use mechanisms::registration::prune::{self, Neuron};
use mechanisms::reward::{self, MemberFigures, Reward, RewardSpec};
use mechanisms::weights::{self, Weights, WeightsSpec};
use serde::{Deserialize, Serialize};
use sim_core::network::RegionId;
use sim_core::streams::Streams;
use sim_types::record::{EpochRow, NodeRow, PayoutRow, PeriodRow};
use sim_types::stream::Key;
use sim_types::{
    Amount, Height, ParamError, PayoutReason, SimDuration, SimTime, StateMachine, Stream, Uid,
};

use super::Rows;
use super::scores::{Deeds, Errors, Eyes, Pair, Prospect, Times, asked};
use crate::plan::{Emission, Plan, Role};
use crate::world::build::introduce;
use crate::world::dtao::{Delegation, Due, Opened, Pay, Stakes};
use crate::world::sub_mechanisms::Mechanisms;
use crate::world::{Rejections, ask};

/// Blocks before the close of a period in which validators publish their weights.
const AHEAD: u64 = 10;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Subnet {
    rep: u32,
    number: u16,
    /// The number of the first newcomer, and the distance to the next.
    newcomer: (u32, u32),
    interval: SimDuration,
    reward: Reward,
    mechanisms: Mechanisms,
    stakes: Stakes,
    /// By uid.
    members: Vec<Member>,
    validators: Vec<u16>,
    /// Ascending.
    providers: Vec<u16>,
    /// By provider.
    looked_at: Vec<LookedAt>,
    /// How often a validator has looked at all providers.
    surveys: u64,
    /// Places of the providers that do not always do the same, ascending.
    wavering: Vec<u16>,
    /// Merit of a right answer by validator and provider, parts per million.
    merits: Vec<Vec<u32>>,
    eyes: Eyes,
    /// Standard deviation of a score's error, parts per million.
    noise: u32,
    /// Blocks for which a newcomer stays.
    immunity: u64,
    /// Whose place is taken next, what it is like: places of the providers at the start.
    templates: Vec<Template>,
    /// By template.
    deeds: Vec<Deeds>,
    newcomers: Key,
    arrived: u64,
    rejections: Rejections,
    /// Whether the next period's figures are wanted in full.
    wanted: bool,
    /// The last period that closed.
    epoch: u64,
    /// Periods of the subnets that had this place before.
    epochs_before: u64,
    /// As it was at first, where another may open in its place: that one begins likewise.
    start: Option<Box<Subnet>>,
    /// When the last block is due.
    now: SimTime,
    #[serde(skip)]
    pub(super) traced: bool,
    #[serde(skip)]
    rows: Rows,
    #[serde(skip)]
    buffers: Buffers,
}

#[derive(Debug, Clone, Default)]
struct Buffers {
    weights: Vec<weights::Effect>,
    reward: Vec<reward::Effect>,
    pays: Vec<Pay>,
}

/// A member of the subnet.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Member {
    name: String,
    /// Its number in the whole network.
    node: u32,
    template: u16,
    weights: Option<Weights>,
    copies: bool,
    /// Everything it was paid, in TAO.
    earned: Amount,
    /// The part of it that is not in the trace yet.
    untold: Amount,
    /// What its nominators were paid that is not in the trace yet.
    untold_nominators: Amount,
    /// Of the last period, alpha.
    emission: u64,
    registered_at: u64,
    errs: Key,
}

/// What validators need of a provider, apart from the rest so that it stays close together.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct LookedAt {
    template: u16,
    behaves: Key,
    /// By validators that choose whom they probe.
    probes: u64,
    /// Surveys before it came.
    missed: u64,
}

/// What a member is like.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Template {
    group: String,
    role: Role,
    hardware: u16,
    region: u16,
    behaviour: Behaviour,
    stake: Amount,
    /// In every validator's eyes; empty for validators.
    pairs: Vec<(Pair, Times)>,
}

impl Subnet {
    pub(super) fn new(
        plan: &Plan,
        prospect: &Prospect<'_>,
        streams: Streams,
        rep: u32,
        number: u16,
        base: u32,
    ) -> Result<Self, ParamError> {
        let mut this = Self {
            rep,
            number,
            newcomer: (0, plan.subnets.into()),
            interval: plan.settlement.block_interval(),
            reward: Reward::new(plan.reward.clone())?,
            mechanisms: Mechanisms::default(),
            stakes: Stakes::default(),
            members: Vec::new(),
            validators: Vec::new(),
            providers: Vec::new(),
            looked_at: Vec::new(),
            surveys: 0,
            wavering: Vec::new(),
            merits: Vec::new(),
            eyes: prospect.eyes(),
            noise: prospect.noise(),
            immunity: match &plan.emission {
                Emission::Dtao(dtao) => dtao.registrations.immunity,
                Emission::PerBlock(_) => 0,
            },
            templates: Vec::new(),
            deeds: Vec::new(),
            newcomers: streams.key(&format!("subnet{number}"), "newcomers"),
            arrived: 0,
            rejections: Rejections::default(),
            wanted: true,
            epoch: 0,
            epochs_before: 0,
            start: None,
            now: SimTime::ZERO,
            traced: false,
            rows: Rows::default(),
            buffers: Buffers::default(),
        };
        let mut stakes = Vec::new();
        for group in &plan.groups {
            for (place, member) in group.members[usize::from(number)].iter().enumerate() {
                let uid = u16::try_from(this.members.len()).unwrap_or(u16::MAX);
                let name = format!("subnet{number}/{}/{place}", group.name);
                match group.role {
                    Role::Validator => this.validators.push(uid),
                    Role::Provider => {
                        this.providers.push(uid);
                        let behaves = streams.key(&name, "behaviour");
                        this.looked_at.push(LookedAt {
                            template: uid,
                            behaves,
                            probes: 0,
                            missed: 0,
                        });
                    }
                }
                stakes.push(u64::try_from(member.stake.0).unwrap_or(u64::MAX));
                this.templates.push(Template {
                    group: group.name.clone(),
                    role: group.role,
                    hardware: member.hardware,
                    region: member.region,
                    behaviour: member.behaviour,
                    stake: member.stake,
                    pairs: Vec::new(),
                });
                let weights = group.weights.clone().map(Weights::new).transpose()?;
                let mut member = Member::new(streams, name, base + u32::from(uid), uid);
                member.weights = weights;
                member.copies = group.weights.as_ref().is_some_and(WeightsSpec::only_copies);
                this.members.push(member);
            }
        }
        this.look_around(prospect);
        this.stakes = Stakes::new(stakes, Delegation::new(plan, number));
        this.open(plan, streams);
        if let Emission::Dtao(dtao) = &plan.emission
            && dtao.subnet_registrations.is_some()
        {
            this.start = Some(Box::new(this.clone()));
        }
        Ok(this)
    }

    /// How all pairs stand to each other.
    fn look_around(&mut self, prospect: &Prospect<'_>) {
        let regions: Vec<RegionId> = self
            .validators
            .iter()
            .map(|&uid| RegionId(self.templates[usize::from(uid)].region))
            .collect();
        for template in self.templates.iter_mut().filter(|t| t.role == Role::Provider) {
            let deeds = Deeds::of(template.behaviour);
            let (region, hardware) = (RegionId(template.region), template.hardware);
            let pair = |&from| prospect.pair(from, region, hardware, deeds);
            template.pairs = regions.iter().map(pair).collect();
        }
        self.deeds = self.templates.iter().map(|t| Deeds::of(t.behaviour)).collect();
        let right = |uid: &u16, validator: usize| {
            self.templates[usize::from(*uid)].pairs[validator].0.right
        };
        self.merits = (0..self.validators.len())
            .map(|validator| self.providers.iter().map(|uid| right(uid, validator)).collect())
            .collect();
        self.list_wavering();
    }

    fn list_wavering(&mut self) {
        let wavers = |provider: &LookedAt| {
            !matches!(self.deeds[usize::from(provider.template)], Deeds::One(_))
        };
        let places = (0..).zip(&self.looked_at);
        self.wavering = places.filter(|place| wavers(place.1)).map(|place| place.0).collect();
    }

    fn open(&mut self, plan: &Plan, streams: Streams) {
        let groups: Vec<(&str, Role)> =
            self.templates.iter().map(|t| (t.group.as_str(), t.role)).collect();
        let names: Vec<&str> = groups.iter().map(|group| group.0).collect();
        self.mechanisms = Mechanisms::new(plan.reward.mechanisms(), &names);
        let adapters = self.members.iter_mut().map(|member| {
            let key = streams.key(&member.name, "weights");
            (key, member.weights.as_mut())
        });
        introduce(plan, &groups, adapters, &mut self.buffers.weights);
        let stakes = self.stakes.opening();
        let input = reward::Input::Opened { subnet: self.number + 1, stakes };
        let refused = &mut self.rejections.reward;
        let _ = ask(&mut self.reward, input, &mut self.buffers.reward, refused);
        self.buffers.reward.clear();
    }

    pub(super) fn size(&self) -> u32 {
        u32::try_from(self.members.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn rejections(&self) -> Rejections {
        self.rejections
    }

    pub(super) fn reconfigure(&mut self, spec: &RewardSpec) {
        let input = reward::Input::Reconfigured { spec: Box::new(spec.clone()) };
        let refused = &mut self.rejections.reward;
        let _ = ask(&mut self.reward, input, &mut self.buffers.reward, refused);
        if let Some(start) = &mut self.start {
            start.reconfigure(spec);
        }
    }

    pub(super) fn sample(&mut self) {
        self.wanted = true;
    }

    pub(super) fn take_rows(&mut self) -> Rows {
        core::mem::take(&mut self.rows)
    }

    /// A period closes: newcomers have come, validators have looked and publish, consensus
    /// decides, the pay is divided.
    pub(super) fn close(&mut self, due: &Due) {
        if let Some(opened) = &due.opened {
            self.reopen(opened, due);
        }
        self.epoch = due.epoch;
        let before = self.arrived;
        for &block in &due.newcomers {
            self.arrive(block);
        }
        let replaced = u16::try_from(self.arrived - before).unwrap_or(u16::MAX);
        self.validate(due);
        let mut effects = core::mem::take(&mut self.buffers.reward);
        let input =
            reward::Input::BlockProduced { height: Height(due.height), emission: due.emission() };
        let _ = ask(&mut self.reward, input, &mut effects, &mut self.rejections.reward);
        let mut pays = core::mem::take(&mut self.buffers.pays);
        self.now = SimTime::ZERO + self.interval.times(due.height);
        for effect in effects.drain(..) {
            match effect {
                reward::Effect::Pay { to, amount, reason } => {
                    let amount = u64::try_from(amount.0).unwrap_or(u64::MAX);
                    pays.push(Pay { uid: to.0, amount, reason });
                }
                reward::Effect::EpochClosed { epoch, height, members } => {
                    let epoch = self.epochs_before + epoch.0;
                    self.figures(epoch, height.0, &members, replaced, due);
                }
                reward::Effect::Withhold { .. } | reward::Effect::EpochOpened { .. } => {}
            }
        }
        self.buffers.reward = effects;
        self.stakes.pass_on(due, &mut pays);
        self.pay(due, &pays);
        pays.clear();
        self.buffers.pays = pays;
    }

    /// What validators saw in this period becomes weights.
    fn validate(&mut self, due: &Due) {
        let height = Height(due.height.saturating_sub(AHEAD));
        let mut effects = core::mem::take(&mut self.buffers.weights);
        let at = self.interval.times(due.height).0;
        // Who copies what is public now waits until the others have published.
        let mut order: Vec<(usize, u16)> = self.validators.iter().copied().enumerate().collect();
        let looks = |&(_, uid): &(usize, u16)| {
            self.members[usize::from(uid)].weights.as_ref().is_some_and(Weights::looks_now)
        };
        order.sort_by_key(looks);
        for (place, validator) in order {
            let member = &mut self.members[usize::from(validator)];
            let copies = member.copies;
            let Some(mut adapter) = member.weights.take() else { continue };
            if !copies {
                let errors = Errors::new(Stream::new(member.errs, due.epoch), self.noise);
                let occasion = due.epoch << 16 | u64::from(validator);
                let scores = self.look(place, &adapter, errors, at, occasion);
                let input = weights::Input::Surveyed { scores };
                let refused = &mut self.rejections.verification;
                let _ = ask(&mut adapter, input, &mut effects, refused);
            }
            if adapter.looks_now()
                && let Some(consensus) = self.reward.visible_consensus()
            {
                let seen = weights::Input::WeightsSeen { consensus };
                let refused = &mut self.rejections.verification;
                let _ = ask(&mut adapter, seen, &mut effects, refused);
            }
            let refused = &mut self.rejections.verification;
            let _ = ask(&mut adapter, weights::Input::WeightsDue, &mut effects, refused);
            self.members[usize::from(validator)].weights = Some(adapter);
            for effect in effects.drain(..) {
                let weights::Effect::SetWeights { row } = effect;
                let by = Uid(validator);
                let Self { mechanisms, reward, rejections, buffers, .. } = self;
                mechanisms.publish(by, row, |mechanism, row| {
                    let input = reward::Input::WeightsSet { by, mechanism, height, row };
                    let _ = ask(reward, input, &mut buffers.reward, &mut rejections.reward);
                });
            }
        }
        self.buffers.weights = effects;
    }

    /// What the validator at this place sees of the providers that it probes.
    fn look(
        &mut self,
        place: usize,
        adapter: &Weights,
        mut errors: Errors,
        at: u64,
        occasion: u64,
    ) -> Vec<(Uid, u32)> {
        let uids = self.providers.iter().map(|&uid| Uid(uid));
        let mut scores: Vec<(Uid, u32)> = uids.zip(self.merits[place].iter().copied()).collect();
        for &wavering in &self.wavering {
            let provider = &self.looked_at[usize::from(wavering)];
            let Template { behaviour, pairs, .. } = &self.templates[usize::from(provider.template)];
            let (pair, times) = pairs[place];
            let deed = behaviour.treat(asked(at, occasion, provider.behaves));
            scores[usize::from(wavering)].1 = match self.deeds[usize::from(provider.template)] {
                Deeds::Two { right, .. } if deed != right => pair.other,
                Deeds::One(_) | Deeds::Two { .. } => pair.right,
                Deeds::Varying => self.eyes.merit(deed, times),
            };
        }
        if adapter.probes_all() {
            self.surveys += 1;
        } else {
            let probed = |uid: &Uid| adapter.would_probe(*uid);
            for (provider, (uid, _)) in self.looked_at.iter_mut().zip(&scores) {
                provider.probes += u64::from(probed(uid));
            }
            scores.retain(|(uid, _)| probed(uid));
        }
        errors.disturb(&mut scores);
        scores
    }

    /// What consensus said: told to the validators, and to the trace.
    fn figures(
        &mut self,
        epoch: u64,
        height: u64,
        figures: &[MemberFigures],
        replaced: u16,
        due: &Due,
    ) {
        let consensus: Vec<u16> = figures.iter().map(|figure| figure.consensus).collect();
        let mut effects = core::mem::take(&mut self.buffers.weights);
        for &validator in &self.validators {
            let adapter = self.members[usize::from(validator)].weights.as_mut();
            if let Some(adapter) = adapter.filter(|adapter| adapter.heeds_consensus()) {
                let input = weights::Input::ConsensusPublished { consensus: consensus.clone() };
                let refused = &mut self.rejections.verification;
                let _ = ask(adapter, input, &mut effects, refused);
            }
        }
        effects.clear();
        self.buffers.weights = effects;
        for (member, figure) in self.members.iter_mut().zip(figures) {
            member.emission = u64::try_from(figure.emission.0).unwrap_or(u64::MAX);
        }
        if !self.traced {
            return;
        }
        let count = |is: fn(&MemberFigures) -> bool| {
            u16::try_from(figures.iter().filter(|figure| is(figure)).count()).unwrap_or(u16::MAX)
        };
        self.rows.periods.push(PeriodRow {
            rep: self.rep,
            subnet: self.number,
            epoch,
            height,
            time: self.now.0,
            permits: count(|f| f.validator_permit),
            agreed: count(|f| f.consensus > 0),
            rewarded: count(|f| f.incentive > 0),
            top_incentive: figures.iter().map(|f| f.incentive).max().unwrap_or(0),
            replaced,
        });
        if !self.wanted {
            return;
        }
        for (uid, figure) in (0_u16..).zip(figures) {
            self.rows.epochs.push(EpochRow {
                rep: self.rep,
                subnet: self.number,
                epoch,
                height,
                time: self.now.0,
                uid,
                node: self.members[usize::from(uid)].node,
                stake: Amount(figure.stake.into()),
                consensus: figure.consensus,
                incentive: figure.incentive,
                dividends: figure.dividends,
                validator_trust: figure.validator_trust,
                validator_permit: figure.validator_permit,
                emission: due.value(figure.emission),
            });
        }
    }

    fn pay(&mut self, due: &Due, pays: &[Pay]) {
        for pay in pays {
            let amount = Amount(pay.amount.into());
            let burned = match pay.reason {
                PayoutReason::Incentive => due.miner_burn.of(amount),
                _ => Amount::ZERO,
            };
            let nominators = Amount(self.stakes.nominators(due, pay).into());
            let worth = due.value(Amount(amount.0 - burned.0 - nominators.0));
            let member = &mut self.members[usize::from(pay.uid)];
            member.earned += worth;
            member.untold += worth;
            member.untold_nominators += due.value(nominators);
        }
        self.stakes.share(due, pays);
        for &uid in &self.validators {
            let stake = self.stakes.weight(uid.into(), due);
            let input = reward::Input::StakeChanged { uid: Uid(uid), stake };
            let refused = &mut self.rejections.reward;
            let _ = ask(&mut self.reward, input, &mut self.buffers.reward, refused);
        }
        if core::mem::take(&mut self.wanted) {
            self.tell();
        }
    }

    /// Writes what members were paid since the last time.
    fn tell(&mut self) {
        let size = u16::try_from(self.members.len()).unwrap_or(u16::MAX);
        (0..size).for_each(|uid| self.tell_one(uid));
    }

    fn tell_one(&mut self, uid: u16) {
        let member = &mut self.members[usize::from(uid)];
        let reason = match self.templates[usize::from(member.template)].role {
            Role::Validator => "dividend",
            Role::Provider => "incentive",
        };
        let own = core::mem::take(&mut member.untold);
        let nominators = core::mem::take(&mut member.untold_nominators);
        for (amount, reason) in [(own, reason), (nominators, "nominators")] {
            if amount > Amount::ZERO && self.traced {
                self.rows.payouts.push(PayoutRow {
                    rep: self.rep,
                    time: self.now.0,
                    subnet: Some(self.number.into()),
                    epoch: Some(self.epoch),
                    job: None,
                    node: Some(member.node),
                    amount,
                    reason,
                });
            }
        }
    }

    /// Newcomers are numbered after all first members, of all subnets in turn.
    pub(super) fn number_newcomers(&mut self, members: u32) {
        self.newcomer.0 = members + u32::from(self.number);
    }

    /// Another subnet has opened in this place: all members go, and others like the first come.
    fn reopen(&mut self, opened: &Opened, due: &Due) {
        let Some(start) = self.start.take() else { return };
        let size = u16::try_from(self.members.len()).unwrap_or(u16::MAX);
        for uid in 0..size {
            self.tell_one(uid);
            self.leave_row(uid);
        }
        let before = core::mem::replace(self, (*start).clone());
        self.start = Some(start);
        self.epochs_before = due.epoch;
        self.newcomer = before.newcomer;
        self.arrived = before.arrived;
        self.rejections = before.rejections;
        self.wanted = before.wanted;
        self.now = before.now;
        self.traced = before.traced;
        self.rows = before.rows;
        self.stakes.reopen(opened.staked, &self.validators);
        for uid in 0..size {
            let (name, node, mut stream) = self.next_newcomer();
            let member = &mut self.members[usize::from(uid)];
            member.name = name;
            member.node = node;
            member.errs = Key::from(stream.bits());
            member.registered_at = opened.height;
            if let Ok(place) = self.providers.binary_search(&uid) {
                self.looked_at[place].behaves = Key::from(stream.bits());
            }
            let validates = self.validators.contains(&uid);
            let stake = if validates { self.stakes.weight(uid.into(), due) } else { 0 };
            let height = Height(opened.height);
            let input = reward::Input::Registered { uid: Uid(uid), height, stake };
            let refused = &mut self.rejections.reward;
            let _ = ask(&mut self.reward, input, &mut self.buffers.reward, refused);
        }
    }

    /// What the next newcomer is called, its number in the network, and what it draws from.
    fn next_newcomer(&mut self) -> (String, u32, Stream) {
        let count = u32::try_from(self.arrived).unwrap_or(u32::MAX);
        let stream = Stream::new(self.newcomers, self.arrived);
        self.arrived += 1;
        let (first, step) = self.newcomer;
        let name = format!("subnet{}/newcomers/{count}", self.number);
        (name, first.saturating_add(count.saturating_mul(step)), stream)
    }

    /// A newcomer takes the place of the provider that earned least, and is like one of those
    /// with which its predecessor's group began.
    fn arrive(&mut self, block: u64) {
        let neurons: Vec<Neuron> = self
            .members
            .iter()
            .enumerate()
            .map(|(uid, member)| Neuron {
                emission: member.emission,
                registered_at: member.registered_at,
                immune: member.registered_at > 0
                    && prune::is_immune(member.registered_at, block, self.immunity),
                // Validators hold their places by their stake.
                immortal: self.templates[uid].role == Role::Validator,
            })
            .collect();
        let Some(uid) = prune::neuron_to_prune(&neurons, prune::MIN_NON_IMMUNE) else { return };
        self.leave_row(uid);
        let (name, node, mut stream) = self.next_newcomer();
        // Of the same group, so that groups keep the sizes that the scenario gives them.
        let group = |template: u16| &self.templates[usize::from(template)].group;
        let predecessor = group(self.members[usize::from(uid)].template);
        let alike: Vec<u16> =
            self.providers.iter().copied().filter(|&of| group(of) == predecessor).collect();
        let like = usize::try_from(stream.below(alike.len() as u64)).unwrap_or(0);
        let template = alike[like];
        let (behaves, errs) = (Key::from(stream.bits()), stream.bits());
        let member = Member {
            name,
            node,
            template,
            registered_at: block,
            errs: Key::from(errs),
            weights: None,
            copies: false,
            earned: Amount::ZERO,
            untold: Amount::ZERO,
            untold_nominators: Amount::ZERO,
            emission: 0,
        };
        // What its predecessor was paid since the last time is told first.
        self.tell_one(uid);
        self.members[usize::from(uid)] = member;
        self.stakes.replace(uid.into());
        if let Ok(place) = self.providers.binary_search(&uid) {
            let missed = self.surveys;
            self.looked_at[place] = LookedAt { template, behaves, probes: 0, missed };
            let pairs = &self.templates[usize::from(template)].pairs;
            for (row, (pair, _)) in self.merits.iter_mut().zip(pairs) {
                row[place] = pair.right;
            }
            self.list_wavering();
        }
        let input = reward::Input::Registered { uid: Uid(uid), height: Height(block), stake: 0 };
        let refused = &mut self.rejections.reward;
        let _ = ask(&mut self.reward, input, &mut self.buffers.reward, refused);
    }

    fn leave_row(&mut self, uid: u16) {
        if !self.traced {
            return;
        }
        let member = &self.members[usize::from(uid)];
        let template = &self.templates[usize::from(member.template)];
        let stake = Amount(self.stakes.staked(uid.into()).into());
        let place = self.providers.binary_search(&uid).ok();
        self.rows.nodes.push(NodeRow {
            rep: self.rep,
            node: member.node,
            name: member.name.clone(),
            group: template.group.clone(),
            role: match template.role {
                Role::Validator => "validator",
                Role::Provider => "provider",
            },
            subnet: self.number,
            uid,
            hardware: String::new(),
            region: String::new(),
            behaviour: match &member.weights {
                Some(adapter) => adapter.behaviour(),
                None => template.behaviour.word(),
            },
            slots: 0,
            initial_stake: if member.registered_at == 0 { template.stake } else { Amount::ZERO },
            stake,
            earned: member.earned,
            jobs: 0,
            probes: place.map_or(0, |place| {
                let LookedAt { probes, missed, .. } = self.looked_at[place];
                probes + self.surveys - missed
            }),
            busy: 0,
        });
    }

    /// Writes what became of the members, and what they were paid that is not told yet.
    pub(super) fn leave(&mut self, traced: bool) {
        self.traced = traced;
        self.tell();
        let size = u16::try_from(self.members.len()).unwrap_or(u16::MAX);
        (0..size).for_each(|uid| self.leave_row(uid));
    }
}

impl Member {
    fn new(streams: Streams, name: String, node: u32, template: u16) -> Self {
        Self {
            node,
            errs: streams.key(&name, "verify"),
            name,
            template,
            weights: None,
            copies: false,
            earned: Amount::ZERO,
            untold: Amount::ZERO,
            untold_nominators: Amount::ZERO,
            emission: 0,
            registered_at: 0,
        }
    }
}
