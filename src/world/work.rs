//! Stages two and three: a job finds its providers, travels, is worked on, and comes back, or
//! its customer loses patience.
//!
//! A *job* is what a customer (the users, or a probing validator) waits for; a *work* is one
//! provider's part in it, or one recheck by a verifier.

use mechanisms::behaviour::Asked;
use mechanisms::market;
use mechanisms::verification;
use serde::{Deserialize, Serialize};
use sim_core::network::RegionId;
use sim_types::record::JobRow;
use sim_types::{
    Amount, Completion, Failure, Height, JobId, JobKind, JobSpec, Match, NodeId, Origin, Share,
    SimDuration, SimTime, StateMachine, Stream, Truth, seeded,
};
use workloads::execution;

use super::ask;
use super::event::{Event, USERS, entity};
use super::island::{Island, Now, uid};

/// Patience ends after the answers that arrive at the same moment.
const AFTER_ANSWERS: u8 = 200;

/// Something a customer waits for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) spec: JobSpec,
    /// The occasion under which everything about this job is drawn.
    pub(super) occasion: u64,
    pub(super) submitted: SimTime,
    pub(super) via: Option<NodeId>,
    /// Where the customer is.
    from: RegionId,
    pub(super) price: Amount,
    pub(super) replicas: u32,
    /// Works whose fate verification does not know yet.
    open: Vec<u64>,
    /// Works whose answer is still out, awaits a verdict, or awaits the finality of its payment.
    undecided: u32,
    /// Providers of whom the validator in the middle could not hear, being down itself: it
    /// holds nothing against them.
    pub(super) unheard: Vec<NodeId>,
    /// Answers in the order of arrival.
    pub(super) answers: Vec<Answer>,
    /// Whose answer was accepted first.
    pub(super) accepted: Option<NodeId>,
    /// Whether any payment is final.
    pub(super) paid: bool,
    /// The block that settles it.
    pub(super) included: Option<Height>,
    deadline_set: bool,
}

/// An answer that came.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) provider: NodeId,
    pub(super) started: SimTime,
    pub(super) arrived: SimTime,
    pub(super) truth: Truth,
    pub(super) quality_ppm: u32,
}

/// One provider's part in a job.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Work {
    /// Ticket of the job; it may be gone.
    pub(super) job: u64,
    pub(super) node: NodeId,
    pub(super) kind: WorkKind,
    truth: Truth,
    quality: Share,
    started: SimTime,
    /// Whether the machine holds it, in line or in a slot.
    at_machine: bool,
    prompt_tokens: u32,
    output_tokens: u32,
}

/// What a work is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum WorkKind {
    /// An answer to the customer.
    Answer,
    /// A verifier computes the answer of this provider again.
    Recheck {
        /// Whose answer is in doubt.
        provider: NodeId,
    },
}

impl Island {
    /// A user sends a job: ask the market who shall work.
    pub(super) fn job_submitted(
        &mut self,
        count: u32,
        prompt_tokens: u32,
        output_tokens: u32,
        patience: SimDuration,
        cx: &mut Now<'_>,
    ) {
        let occasion = u64::from(count);
        let region = Stream::new(self.keys.region, occasion).weighted(&self.wire.user_weights);
        let spec = JobSpec {
            id: JobId::of(USERS.0, count),
            kind: JobKind::Inference,
            origin: Origin::User,
            subnet: self.subnet,
            prompt_tokens,
            output_tokens,
            patience,
        };
        let from = self.wire.user_regions[region.unwrap_or(0)];
        let job = self.jobs.insert(Job::new(spec, occasion, from, cx.now()));
        let input = market::Input::JobArrived {
            job: spec,
            replicas: self.replicas,
            stream: Stream::new(self.keys.market, occasion),
        };
        let mut effects = core::mem::take(&mut self.buffers.market);
        let refused = &mut self.rejections.market;
        if ask(&mut self.market, input, &mut effects, refused).is_err() {
            effects.push(market::Effect::Unserved { job: spec.id });
        }
        for effect in effects.drain(..) {
            match effect {
                market::Effect::Matched(found) => self.matched(job, found, cx),
                market::Effect::Unserved { .. } => self.fail(job, Failure::Unserved, cx),
                other => self.probe_effect(&other, cx),
            }
        }
        self.buffers.market = effects;
    }

    /// A validator's next probe is due. A validator that is down skips the rest of its period.
    pub(super) fn probe_due(&mut self, validator: NodeId, cx: &mut Now<'_>) {
        let node = &self.nodes[validator.index()];
        if !node.up {
            return;
        }
        let input = market::Input::ProbeDue {
            validator,
            stream: Stream::new(node.keys.probe, node.caused.into()),
        };
        self.ask_market(input, cx);
    }

    /// Tells the market something that is not about one user job, and obeys.
    pub(super) fn ask_market(&mut self, input: market::Input, cx: &mut Now<'_>) {
        let mut effects = core::mem::take(&mut self.buffers.market);
        // A refusal is counted; there is nothing else to do about it.
        let _ = ask(&mut self.market, input, &mut effects, &mut self.rejections.market);
        for effect in effects.drain(..) {
            self.probe_effect(&effect, cx);
        }
        self.buffers.market = effects;
    }

    fn probe_effect(&mut self, effect: &market::Effect, cx: &mut Now<'_>) {
        match *effect {
            market::Effect::ProbeAfter { validator, after } => {
                cx.after(entity(validator), after, Event::ProbeDue { validator });
            }
            market::Effect::Probe {
                validator,
                provider,
                prompt_tokens,
                output_tokens,
                patience,
            } => {
                self.probe(validator, provider, prompt_tokens, output_tokens, patience, cx);
            }
            market::Effect::Matched(_) | market::Effect::Unserved { .. } => {
                unreachable!("only an arriving job is matched")
            }
        }
    }

    fn probe(
        &mut self,
        validator: NodeId,
        provider: NodeId,
        prompt_tokens: u32,
        output_tokens: u32,
        patience: SimDuration,
        cx: &mut Now<'_>,
    ) {
        let name = entity(self.global(validator));
        let node = &mut self.nodes[validator.index()];
        if node.weights.as_ref().is_some_and(|adapter| !adapter.would_probe(uid(provider))) {
            // A probe that its validator saves itself is over at once.
            let unsent = JobId::of(name.0, node.caused);
            self.close_at_market(unsent, provider, cx);
            return;
        }
        node.caused += 1;
        let occasion = node.keys.probe.word() ^ u64::from(node.caused);
        let spec = JobSpec {
            id: JobId::of(name.0, node.caused),
            kind: JobKind::Inference,
            origin: Origin::Probe(validator),
            subnet: self.subnet,
            prompt_tokens,
            output_tokens,
            patience,
        };
        let from = node.region;
        let mut job = Job::new(spec, occasion, from, cx.now());
        job.via = Some(validator);
        let job = self.jobs.insert(job);
        self.assign(job, &[provider], cx);
    }

    /// The market found providers: the user's money goes to escrow, the requests go out.
    fn matched(&mut self, job: u64, found: Match, cx: &mut Now<'_>) {
        let each = found.price.0;
        let total = Amount(each * found.providers.len() as u128);
        let paid = self.ledger.transfer(self.accounts.users, self.accounts.escrow, total);
        if paid.is_err() {
            // Users without money are not served.
            for provider in found.providers {
                self.close_at_market(found.job, provider, cx);
            }
            self.fail(job, Failure::Unserved, cx);
            return;
        }
        if let Some(entry) = self.jobs.get_mut(job) {
            entry.via = found.via;
            entry.price = found.price;
            entry.replicas = u32::try_from(found.providers.len()).expect("few providers a job");
        }
        self.assign(job, &found.providers, cx);
    }

    /// Sends a job's requests to its providers.
    fn assign(&mut self, ticket: u64, providers: &[NodeId], cx: &mut Now<'_>) {
        let Some(job) = self.jobs.get(ticket) else { return };
        let (spec, occasion, from, via) = (job.spec, job.occasion, job.from, job.hop());
        let replicas = u32::try_from(providers.len()).expect("few providers a job");
        let assigned = verification::Input::Assigned { job: spec.id, replicas };
        self.ask_verification(ticket, assigned, cx);
        let bytes = u64::from(spec.prompt_tokens) * self.wire.bytes_per_token;
        for &provider in providers {
            let work = self.works.insert(Work {
                job: ticket,
                node: provider,
                kind: WorkKind::Answer,
                truth: Truth::Right,
                quality: Share::ZERO,
                started: SimTime::ZERO,
                at_machine: false,
                prompt_tokens: spec.prompt_tokens,
                output_tokens: spec.output_tokens,
            });
            if let Some(job) = self.jobs.get_mut(ticket) {
                job.open.push(work);
                job.undecided += 1;
            }
            let node = &self.nodes[provider.index()];
            let mut stream = Stream::new(node.keys.request, occasion);
            let sender = job_sender(&spec);
            if let Some(delay) = self.travel(from, via, node.region, bytes, &mut stream) {
                cx.after(sender, delay, Event::RequestArrived { node: provider, work });
            } else {
                self.unheard(ticket, provider);
                self.set_deadline(ticket, cx);
            }
        }
    }

    /// A message from or to a provider is lost: if it is because the validator it goes through
    /// is down, nothing follows for the provider.
    fn unheard(&mut self, ticket: u64, provider: NodeId) {
        let Some(job) = self.jobs.get_mut(ticket) else { return };
        if job.via.is_some_and(|via| !self.nodes[via.index()].up) {
            job.unheard.push(provider);
        }
    }

    /// How long a message of so many bytes takes, through `via` where there is one; `None` if
    /// a partition stands in between or the validator in the middle is down.
    fn travel(
        &self,
        from: RegionId,
        via: Option<NodeId>,
        to: RegionId,
        bytes: u64,
        stream: &mut Stream,
    ) -> Option<SimDuration> {
        let hop = |a, b, stream: &mut Stream| {
            let heard = self.network.connected(a, b);
            let heard = seeded!(LostMessage, heard && { *stream }.below(500) > 0, heard);
            heard.then(|| self.hop(a, b, bytes, stream))
        };
        let Some(via) = via else { return hop(from, to, stream) };
        let middle = &self.nodes[via.index()];
        if !middle.up {
            return None;
        }
        Some(hop(from, middle.region, stream)? + hop(middle.region, to, stream)?)
    }

    /// One hop. Where the table of regions states bandwidths, they hold; else the scenario's.
    fn hop(&self, from: RegionId, to: RegionId, bytes: u64, stream: &mut Stream) -> SimDuration {
        let regions = self.network.regions();
        let up = regions.region(from).up.unwrap_or(self.wire.bandwidth);
        let down = regions.region(to).down.unwrap_or(self.wire.bandwidth);
        self.network.delay(from, to, bytes, up, down, stream)
    }

    /// A request reaches the machine that shall work on it.
    pub(super) fn request_arrived(&mut self, node: NodeId, ticket: u64, cx: &mut Now<'_>) {
        let Some(&work) = self.works.get(ticket) else { return };
        if !self.nodes[node.index()].up {
            self.lost(ticket, cx);
            return;
        }
        let job = self.jobs.get(work.job);
        let occasion = job.map_or(0, |job| job.occasion);
        let probe = job.is_some_and(|job| matches!(job.spec.origin, Origin::Probe(_)));
        let share = match work.kind {
            // Verifiers compute the whole work.
            WorkKind::Recheck { .. } => Share::ONE,
            WorkKind::Answer => {
                let provider = &self.nodes[node.index()];
                let deed = provider.behaviour.treat(Asked {
                    probe,
                    at: cx.now(),
                    stream: Stream::new(provider.keys.behaviour, occasion),
                    temper: provider.keys.temper,
                });
                if let Some(work) = self.works.get_mut(ticket) {
                    work.truth = deed.truth;
                    work.quality = deed.quality;
                }
                deed.work
            }
        };
        if let Some(work) = self.works.get_mut(ticket) {
            work.at_machine = true;
        }
        let input = execution::Input::Submitted {
            node,
            ticket,
            prompt_tokens: work.prompt_tokens,
            output_tokens: work.output_tokens,
            work: share,
        };
        self.ask_execution(input, cx);
    }

    /// A slot time is over: the answer sets out, the next job in line starts.
    pub(super) fn service_done(&mut self, node: NodeId, ticket: u64, cx: &mut Now<'_>) {
        if !self.ask_execution(execution::Input::Finished { node, ticket }, cx) {
            // The machine lost it in a crash.
            return;
        }
        let Some(work) = self.works.get_mut(ticket) else { return };
        work.at_machine = false;
        let work = *work;
        let Some(job) = self.jobs.get(work.job) else {
            self.works.remove(ticket);
            return;
        };
        if let WorkKind::Recheck { provider } = work.kind {
            let key = self.nodes[provider.index()].keys.recheck;
            let input = verification::Input::Rechecked {
                job: job.spec.id,
                provider,
                stream: Stream::new(key, job.occasion),
            };
            self.works.remove(ticket);
            self.ask_verification(work.job, input, cx);
            return;
        }
        let bytes = u64::from(work.output_tokens) * self.wire.bytes_per_token;
        let from = &self.nodes[node.index()];
        let mut stream = Stream::new(from.keys.answer, job.occasion);
        let deadline = job.submitted + job.spec.patience;
        let at = job.via;
        // The way back mirrors the way there.
        match self.travel(job.from, job.hop(), from.region, bytes, &mut stream) {
            Some(delay) if cx.now() + delay <= deadline => {
                cx.after(entity(node), delay, Event::AnswerArrived { work: ticket, at });
            }
            _ => {
                self.unheard(work.job, node);
                self.set_deadline(work.job, cx);
            }
        }
    }

    /// An answer reaches its customer: verification looks at it.
    pub(super) fn answer_arrived(&mut self, ticket: u64, cx: &mut Now<'_>) {
        let Some(&work) = self.works.get(ticket) else { return };
        let Some(job) = self.jobs.get_mut(work.job) else { return };
        if job.via.is_some_and(|via| !self.nodes[via.index()].up) {
            // Nobody is there to take the answer.
            self.unheard(work.job, work.node);
            self.set_deadline(work.job, cx);
            return;
        }
        self.works.remove(ticket);
        job.open.retain(|&open| open != ticket);
        let (spec, occasion) = (job.spec, job.occasion);
        let latency = cx.now().since(job.submitted);
        let quality_ppm = work.quality.ppm();
        job.answers.push(Answer {
            provider: work.node,
            started: work.started,
            arrived: cx.now(),
            truth: work.truth,
            quality_ppm,
        });
        let via = job.via;
        let node = &mut self.nodes[work.node.index()];
        match spec.origin {
            Origin::User => node.jobs_done += 1,
            Origin::Probe(_) => node.probes_done += 1,
        }
        let keys = node.keys;
        // Right answers to one job are alike; every wrong one is wrong in its own way. The
        // fingerprint itself must not tell which is which.
        let fingerprint = match work.truth {
            Truth::Right => self.keys.answer,
            Truth::Lazy | Truth::Substituted | Truth::Noisy => keys.wrong,
        };
        let answer = Stream::new(fingerprint, occasion).bits();
        self.close_at_market(spec.id, work.node, cx);
        let verifier = via.unwrap_or_else(|| self.some_verifier(occasion, work.node));
        let completion = Completion {
            job: spec.id,
            origin: spec.origin,
            provider: work.node,
            truth: work.truth,
            quality_ppm,
            answer,
            latency,
            tokens: spec.prompt_tokens + spec.output_tokens,
        };
        let stream = Stream::new(keys.verify, occasion);
        let input = verification::Input::Completed { completion, verifier, stream };
        self.ask_verification(work.job, input, cx);
    }

    /// The customer stops waiting: whatever has not come by now does not count.
    pub(super) fn patience_over(&mut self, ticket: u64, cx: &mut Now<'_>) {
        let Some(job) = self.jobs.get_mut(ticket) else { return };
        let open = core::mem::take(&mut job.open);
        let (spec, occasion) = (job.spec, job.occasion);
        for work in open {
            self.missing(ticket, work, spec, occasion, cx);
        }
        self.finish(ticket, Failure::TimedOut, cx);
    }

    /// One provider's answer will not come.
    fn missing(&mut self, job: u64, ticket: u64, spec: JobSpec, occasion: u64, cx: &mut Now<'_>) {
        let Some(work) = self.works.remove(ticket) else { return };
        if work.at_machine {
            self.ask_execution(execution::Input::Abandoned { node: work.node, ticket }, cx);
        }
        self.close_at_market(spec.id, work.node, cx);
        let via = self.jobs.get(job).and_then(|job| job.via);
        let verifier = via.unwrap_or_else(|| self.some_verifier(occasion, work.node));
        let input = verification::Input::Missing {
            job: spec.id,
            provider: work.node,
            verifier,
            tokens: spec.prompt_tokens + spec.output_tokens,
        };
        self.decide(job);
        self.refund(job);
        self.ask_verification(job, input, cx);
    }

    /// A work vanished on its way or in a crash: nobody is told, the customer waits in vain.
    fn lost(&mut self, ticket: u64, cx: &mut Now<'_>) {
        let Some(work) = self.works.get_mut(ticket) else { return };
        work.at_machine = false;
        let work = *work;
        match work.kind {
            WorkKind::Answer => self.set_deadline(work.job, cx),
            WorkKind::Recheck { provider } => {
                self.works.remove(ticket);
                self.recheck_lost(work.job, provider, cx);
            }
        }
    }

    /// Makes sure that the customer's patience ends, at the moment it does.
    fn set_deadline(&mut self, ticket: u64, cx: &mut Now<'_>) {
        let Some(job) = self.jobs.get_mut(ticket) else { return };
        if !job.deadline_set {
            job.deadline_set = true;
            let left = (job.submitted + job.spec.patience).since(cx.now());
            cx.after_with(USERS, left, AFTER_ANSWERS, Event::PatienceOver { job: ticket });
        }
    }

    /// Asks the machines and obeys.
    ///
    /// False if they refused: a slot that was lost in a crash does not finish.
    pub(super) fn ask_execution(&mut self, input: execution::Input, cx: &mut Now<'_>) -> bool {
        let mut effects = core::mem::take(&mut self.buffers.execution);
        let finished = match input {
            execution::Input::Finished { node, .. } => Some(node),
            _ => None,
        };
        let done = self.execution.apply(input, &mut effects).is_ok();
        if let Some(node) = finished.filter(|_| done) {
            self.count_running(node, -1, cx.now());
        }
        for effect in effects.drain(..) {
            match effect {
                execution::Effect::Started { node, ticket, takes } => {
                    self.started(node, ticket, takes, cx);
                }
                execution::Effect::Queued { ticket, .. } => {
                    if let Some(job) = self.works.get(ticket).map(|work| work.job) {
                        self.set_deadline(job, cx);
                    }
                }
                execution::Effect::Refused { ticket, .. } => self.refused(ticket, cx),
                execution::Effect::Lost { ticket, .. } => self.lost(ticket, cx),
            }
        }
        self.buffers.execution = effects;
        done
    }

    fn started(&mut self, node: NodeId, ticket: u64, takes: SimDuration, cx: &mut Now<'_>) {
        self.count_running(node, 1, cx.now());
        cx.after(entity(node), takes, Event::ServiceDone { node, work: ticket });
        let Some(work) = self.works.get_mut(ticket) else { return };
        work.started = cx.now();
        let job = work.job;
        let late =
            self.jobs.get(job).is_some_and(|j| cx.now() + takes > j.submitted + j.spec.patience);
        if late {
            self.set_deadline(job, cx);
        }
    }

    /// The machine's line was full: its customer learns at once.
    fn refused(&mut self, ticket: u64, cx: &mut Now<'_>) {
        let Some(work) = self.works.get_mut(ticket) else { return };
        work.at_machine = false;
        let work = *work;
        if let WorkKind::Recheck { provider } = work.kind {
            self.works.remove(ticket);
            self.recheck_lost(work.job, provider, cx);
            return;
        }
        let Some(job) = self.jobs.get_mut(work.job) else { return };
        job.open.retain(|&open| open != ticket);
        let (spec, occasion) = (job.spec, job.occasion);
        self.missing(work.job, ticket, spec, occasion, cx);
        self.finish(work.job, Failure::Refused, cx);
    }

    /// Starts a recheck at the verifier's own machine.
    pub(super) fn recheck(
        &mut self,
        job: u64,
        provider: NodeId,
        verifier: NodeId,
        cx: &mut Now<'_>,
    ) {
        let Some(entry) = self.jobs.get(job) else { return };
        let work = self.works.insert(Work {
            job,
            node: verifier,
            kind: WorkKind::Recheck { provider },
            truth: Truth::Right,
            quality: Share::ZERO,
            started: SimTime::ZERO,
            at_machine: false,
            prompt_tokens: entry.spec.prompt_tokens,
            output_tokens: entry.spec.output_tokens,
        });
        self.request_arrived(verifier, work, cx);
    }

    fn close_at_market(&mut self, job: JobId, provider: NodeId, cx: &mut Now<'_>) {
        self.ask_market(market::Input::JobClosed { job, provider }, cx);
    }

    /// Gives back what one provider would have been paid.
    pub(super) fn refund(&mut self, job: u64) {
        let Some(job) = self.jobs.get(job) else { return };
        if job.spec.origin == Origin::User {
            self.ledger
                .transfer(self.accounts.escrow, self.accounts.users, job.price)
                .expect("escrow holds every open price");
        }
    }

    /// The fate of one more work of a job is known.
    pub(super) fn decide(&mut self, job: u64) {
        if let Some(job) = self.jobs.get_mut(job) {
            job.undecided = job.undecided.checked_sub(1).expect("a work is decided once");
        }
    }

    /// Ends a job that nobody ever worked on.
    fn fail(&mut self, ticket: u64, failure: Failure, _cx: &mut Now<'_>) {
        if let Some(job) = self.jobs.remove(ticket) {
            self.record_job(&job, outcome_word(failure), None);
        }
    }

    /// Ends a job once all its works are decided: paid, or failed for this reason.
    pub(super) fn finish(&mut self, ticket: u64, why: Failure, cx: &mut Now<'_>) {
        if self.jobs.get(ticket).is_none_or(|job| job.undecided > 0) {
            return;
        }
        let Some(job) = self.jobs.remove(ticket) else { return };
        if job.paid {
            self.record_job(&job, "final", Some(cx.now()));
            return;
        }
        let why = match (job.accepted, job.answers.is_empty()) {
            // Accepted, and yet the chain did not take the payment.
            (Some(_), _) => Failure::Refused,
            (None, false) => Failure::Rejected,
            (None, true) => why,
        };
        self.record_job(&job, outcome_word(why), None);
    }

    /// Writes the row of a user job.
    fn record_job(&mut self, job: &Job, outcome: &'static str, finalised: Option<SimTime>) {
        if job.spec.origin != Origin::User {
            return;
        }
        let accepted = job.answers.iter().find(|answer| Some(answer.provider) == job.accepted);
        let answer = accepted.or(job.answers.first());
        let row = JobRow {
            rep: self.rep,
            job: job.spec.id.0,
            subnet: job.spec.subnet.0,
            kind: "inference",
            prompt_tokens: job.spec.prompt_tokens,
            output_tokens: job.spec.output_tokens,
            via: job.via.map(|node| self.global(node).0),
            provider: answer.map(|a| self.global(a.provider).0),
            hardware: answer.map_or("", |a| self.hardware_word(a.provider)),
            replicas: job.replicas,
            submitted: job.submitted.0,
            started: answer.map(|a| a.started.0),
            completed: answer.map(|a| a.arrived.0),
            included: job.included.map(|height| height.0),
            finalised: finalised.map(|t| t.0),
            price: job.price,
            outcome,
            truth: answer.map_or("", |a| truth_word(a.truth)),
            quality_ppm: answer.map_or(0, |a| a.quality_ppm),
        };
        self.record(row);
    }

    /// Writes what is still open at the horizon.
    pub(super) fn record_open_jobs(&mut self) {
        let open: Vec<Job> = self.jobs.iter().cloned().collect();
        for job in open {
            self.record_job(&job, "open", None);
        }
    }
}

fn job_sender(spec: &JobSpec) -> sim_core::engine::Entity {
    match spec.origin {
        Origin::User => USERS,
        Origin::Probe(validator) => entity(validator),
    }
}

impl Job {
    /// The validator its messages pass through; a probe starts at the validator itself.
    fn hop(&self) -> Option<NodeId> {
        match self.spec.origin {
            Origin::User => self.via,
            Origin::Probe(_) => None,
        }
    }

    fn new(spec: JobSpec, occasion: u64, from: RegionId, now: SimTime) -> Self {
        Self {
            spec,
            occasion,
            submitted: now,
            via: None,
            from,
            price: Amount::ZERO,
            replicas: 1,
            open: Vec::new(),
            undecided: 0,
            unheard: Vec::new(),
            answers: Vec::new(),
            accepted: None,
            paid: false,
            included: None,
            deadline_set: false,
        }
    }
}

fn outcome_word(failure: Failure) -> &'static str {
    match failure {
        Failure::Unserved => "unserved",
        Failure::TimedOut => "timed_out",
        Failure::Refused => "refused",
        Failure::Rejected => "rejected",
    }
}

fn truth_word(truth: Truth) -> &'static str {
    match truth {
        Truth::Right => "right",
        Truth::Lazy => "lazy",
        Truth::Substituted => "substituted",
        Truth::Noisy => "noisy",
    }
}
