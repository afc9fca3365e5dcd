//! Stage four, and the way from observations to weights.

use mechanisms::{reward, verification, weights};
use sim_types::record::ObservationRow;
use sim_types::{Failure, NodeId, Observation, Origin, SimDuration, SimTime, Stream};

use super::ask;
use super::chain::Transaction;
use super::event::{Event, entity};
use super::island::uid;
use super::island::{Island, Now};
use crate::plan::Role;

impl Island {
    /// Asks verification about a job and obeys.
    pub(super) fn ask_verification(
        &mut self,
        job: u64,
        input: verification::Input,
        cx: &mut Now<'_>,
    ) {
        let decides = matches!(
            input,
            verification::Input::Completed { .. }
                | verification::Input::Rechecked { .. }
                | verification::Input::RecheckLost { .. }
        );
        let mut effects = core::mem::take(&mut self.buffers.verification);
        let refused = &mut self.rejections.verification;
        if ask(&mut self.verification, input, &mut effects, refused).is_err() && decides {
            // An answer that the rule will not look at does not count.
            self.refuted(job, cx);
        }
        // What is seen is written down before the job can end.
        for effect in &effects {
            if let verification::Effect::Observed(seen) = effect {
                self.observed(job, *seen, cx);
            }
        }
        for effect in effects.drain(..) {
            match effect {
                verification::Effect::Observed(_) => {}
                verification::Effect::Accepted { provider, .. } => self.accepted(job, provider, cx),
                verification::Effect::Refuted { .. } => self.refuted(job, cx),
                verification::Effect::Recheck { provider, verifier, .. } => {
                    self.recheck(job, provider, verifier, cx);
                }
            }
        }
        self.buffers.verification = effects;
    }

    /// Something is now believed of somebody: it is written down, and told to whoever rewards.
    fn observed(&mut self, job: u64, seen: Observation, cx: &mut Now<'_>) {
        // Who is down observes nothing; a provider taken on trust need not be there.
        if seen.verifier != seen.subject && !self.nodes[seen.verifier.index()].up {
            return;
        }
        let job = self.jobs.get(job);
        if job.is_some_and(|job| job.unheard.contains(&seen.subject)) {
            return;
        }
        let probe = job.is_some_and(|job| matches!(job.spec.origin, Origin::Probe(_)));
        let latency = job
            .and_then(|job| {
                let answer = job.answers.iter().find(|a| a.provider == seen.subject)?;
                Some(answer.arrived.since(job.submitted))
            })
            .unwrap_or(SimDuration::ZERO);
        let subject = uid(seen.subject);
        self.record(ObservationRow {
            rep: self.rep,
            time: cx.now().0,
            subnet: self.subnet.0,
            verifier: self.global(seen.verifier).0,
            subject: self.global(seen.subject).0,
            job: seen.job.0,
            probe,
            score_ppm: seen.score_ppm,
            confidence_ppm: seen.confidence_ppm,
            latency: latency.0,
        });
        if let Some(adapter) = &mut self.nodes[seen.verifier.index()].weights {
            let input = weights::Input::Observed { subject, observation: seen };
            let effects = &mut self.buffers.weights;
            let _ = ask(adapter, input, effects, &mut self.rejections.verification);
        }
        self.ask_reward(reward::Input::Observed { subject, observation: seen }, cx);
    }

    /// An answer counts: its payment sets out for the chain.
    fn accepted(&mut self, ticket: u64, provider: NodeId, cx: &mut Now<'_>) {
        let Some(job) = self.jobs.get_mut(ticket) else { return };
        job.accepted.get_or_insert(provider);
        match job.spec.origin {
            Origin::User => self.submit(Transaction::Settle { job: ticket, provider }),
            Origin::Probe(_) => {
                self.decide(ticket);
                self.finish(ticket, Failure::Rejected, cx);
            }
        }
    }

    /// An answer does not count: the customer has its price back.
    fn refuted(&mut self, ticket: u64, cx: &mut Now<'_>) {
        self.decide(ticket);
        self.refund(ticket);
        self.finish(ticket, Failure::Rejected, cx);
    }

    /// A recheck came to nothing.
    pub(super) fn recheck_lost(&mut self, ticket: u64, provider: NodeId, cx: &mut Now<'_>) {
        let Some(job) = self.jobs.get(ticket) else { return };
        let input = verification::Input::RecheckLost { job: job.spec.id, provider };
        self.ask_verification(ticket, input, cx);
    }

    /// A validator, drawn for this occasion; the subject itself where there is
    /// none: its word is then taken on trust.
    pub(super) fn some_verifier(&self, occasion: u64, subject: NodeId) -> NodeId {
        let mut stream = Stream::new(self.keys.verifier, occasion);
        let count = self.validators.len() as u64;
        let start = usize::try_from(stream.below(count)).expect("an index");
        let (late, early) = self.validators.split_at(start.min(self.validators.len()));
        early
            .iter()
            .chain(late)
            .copied()
            .find(|&node| self.nodes[node.index()].up && node != subject)
            .unwrap_or(subject)
    }

    /// Plans when each validator publishes the weights of this period: drawn
    /// between 90 % and 98 % of the time left until its last block. The place is drawn once a
    /// validator, so that it does not set them sooner than a period after the last time. Who
    /// copies what is public now waits until the others have published: to 99 % at least.
    pub(super) fn schedule_weights(&mut self, until: SimTime, cx: &mut Now<'_>) {
        for &validator in &self.validators {
            let node = &self.nodes[validator.index()];
            let (from, width) = match &node.weights {
                Some(adapter) if adapter.looks_now() => (0.990, 0.005),
                _ => (0.90, 0.08),
            };
            let place = from + width * Stream::new(node.keys.weights, 0).uniform();
            let left = until.since(cx.now()).seconds() * place;
            let after = SimDuration::from_secs_f64(left);
            cx.after(entity(validator), after, Event::WeightsDue { validator });
        }
    }

    /// A validator publishes its weights as a ledger transaction.
    pub(super) fn weights_due(&mut self, validator: NodeId) {
        let node = &mut self.nodes[validator.index()];
        if !node.up {
            return;
        }
        let Some(adapter) = &mut node.weights else { return };
        let mut effects = core::mem::take(&mut self.buffers.weights);
        let refused = &mut self.rejections.verification;
        if adapter.looks_now()
            && let Some(consensus) = self.reward.visible_consensus()
        {
            let seen = weights::Input::WeightsSeen { consensus };
            let _ = ask(adapter, seen, &mut effects, refused);
        }
        let _ = ask(adapter, weights::Input::WeightsDue, &mut effects, refused);
        for effect in effects.drain(..) {
            let weights::Effect::SetWeights { row } = effect;
            let Self { mechanisms, outbox, stamp, .. } = self;
            mechanisms.publish(uid(validator), row, |mechanism, row| {
                outbox.push((*stamp, Transaction::SetWeights { by: validator, mechanism, row }));
            });
        }
        self.buffers.weights = effects;
    }

    /// A period's consensus is public: everybody may look, and copy.
    pub(super) fn publish_consensus(&mut self, consensus: &[u16]) {
        let mut effects = core::mem::take(&mut self.buffers.weights);
        for node in &mut self.nodes {
            if node.role == Role::Validator
                && let Some(adapter) = &mut node.weights
                && adapter.heeds_consensus()
            {
                let input = weights::Input::ConsensusPublished { consensus: consensus.to_vec() };
                let _ = ask(adapter, input, &mut effects, &mut self.rejections.verification);
            }
        }
        effects.clear();
        self.buffers.weights = effects;
    }
}
