//! Stage four, and the way from observations to weights.

use mechanisms::{reward, verification, weights};
use sim_types::record::ObservationRow;
use sim_types::{Failure, NodeId, Observation, Origin, SimDuration, SimTime, Stream};

use super::chain::Transaction;
use super::event::{Event, entity};
use super::{Now, World, ask};
use crate::plan::Role;

impl World {
    /// Asks a subnet's verification about a job and obeys.
    pub(super) fn ask_verification(
        &mut self,
        subnet: usize,
        job: u64,
        input: verification::Input,
        cx: &mut Now<'_>,
    ) {
        // Looked up now: the job may be gone by the time its last observation is made.
        let probe =
            self.jobs.get(job).is_some_and(|job| matches!(job.spec.origin, Origin::Probe(_)));
        let latency = match &input {
            verification::Input::Completed { completion, .. } => completion.latency,
            _ => SimDuration::ZERO,
        };
        let mut effects = core::mem::take(&mut self.buffers.verification);
        let first = effects.len();
        let rule = &mut self.subnets[subnet].verification;
        // A refusal is counted; the answer then simply goes unobserved.
        let _ = ask(rule, input, &mut effects, &mut self.rejections.verification);
        for index in first..effects.len() {
            match effects[index].clone() {
                verification::Effect::Observed(seen) => self.observed(subnet, seen, probe, latency, cx),
                verification::Effect::Accepted { provider, .. } => self.accepted(job, provider, cx),
                verification::Effect::Refuted { .. } => self.refuted(job, cx),
                verification::Effect::Recheck { provider, verifier, .. } => {
                    self.recheck(job, provider, verifier, cx);
                }
            }
        }
        effects.truncate(first);
        self.buffers.verification = effects;
    }

    /// Something is now believed of somebody: it is written down, and told to whoever rewards.
    fn observed(
        &mut self,
        subnet: usize,
        seen: Observation,
        probe: bool,
        latency: SimDuration,
        cx: &mut Now<'_>,
    ) {
        // Who is down observes nothing.
        if !self.nodes[seen.verifier.index()].up {
            return;
        }
        let subject = self.nodes[seen.subject.index()].uid;
        self.record(ObservationRow {
            rep: self.rep,
            time: cx.now().0,
            subnet: self.subnet_id(subnet).0,
            verifier: seen.verifier.0,
            subject: seen.subject.0,
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
        self.ask_reward(subnet, reward::Input::Observed { subject, observation: seen }, cx);
    }

    /// An answer counts: its payment sets out for the chain.
    fn accepted(&mut self, ticket: u64, provider: NodeId, cx: &mut Now<'_>) {
        let Some(job) = self.jobs.get_mut(ticket) else { return };
        match job.spec.origin {
            Origin::User => {
                job.settling = true;
                self.submit(Transaction::Settle { job: ticket, provider }, cx);
            }
            Origin::Probe(_) => {
                job.undecided = job.undecided.saturating_sub(1);
                self.settle_if_decided(ticket, Failure::Rejected, cx);
            }
        }
    }

    /// An answer does not count: the customer has its price back.
    fn refuted(&mut self, ticket: u64, cx: &mut Now<'_>) {
        let Some(job) = self.jobs.get_mut(ticket) else { return };
        job.undecided = job.undecided.saturating_sub(1);
        self.refund(ticket);
        self.settle_if_decided(ticket, Failure::Rejected, cx);
    }

    /// A recheck came to nothing.
    pub(super) fn recheck_lost(&mut self, ticket: u64, provider: NodeId, cx: &mut Now<'_>) {
        let Some(job) = self.jobs.get(ticket) else { return };
        let (subnet, id) = (usize::from(job.spec.subnet.0), job.spec.id);
        let input = verification::Input::RecheckLost { job: id, provider };
        self.ask_verification(subnet, ticket, input, cx);
    }

    /// A validator of the subnet, drawn for this occasion; the subject itself where there is
    /// none: its word is then taken on trust.
    pub(super) fn some_verifier(&self, subnet: usize, occasion: u64, subject: NodeId) -> NodeId {
        let subnet = &self.subnets[subnet];
        let mut stream = Stream::new(subnet.verification_key.rotate_left(2), occasion);
        let count = subnet.validators.len() as u64;
        let start = usize::try_from(stream.below(count)).expect("an index");
        let (late, early) = subnet.validators.split_at(start.min(subnet.validators.len()));
        early
            .iter()
            .chain(late)
            .copied()
            .find(|&node| self.nodes[node.index()].up && node != subject)
            .unwrap_or(subject)
    }

    /// Plans when each validator of a subnet publishes the weights of this period: drawn
    /// between 90 % and 98 % of the time left until its last block.
    pub(super) fn schedule_weights(&mut self, subnet: usize, until: SimTime, cx: &mut Now<'_>) {
        let epoch = self.subnets[subnet].epoch.0;
        for &validator in &self.subnets[subnet].validators.clone() {
            let key = self.nodes[validator.index()].keys.weights;
            let place = 0.90 + 0.08 * Stream::new(key, epoch).uniform();
            let left = until.since(cx.now()).seconds() * place;
            let after = SimDuration::from_secs_f64(left);
            cx.after(entity(validator), after, Event::WeightsDue { validator });
        }
    }

    /// A validator publishes its weights as a ledger transaction.
    pub(super) fn weights_due(&mut self, validator: NodeId, cx: &mut Now<'_>) {
        let node = &mut self.nodes[validator.index()];
        if !node.up {
            return;
        }
        let Some(adapter) = &mut node.weights else { return };
        let mut effects = core::mem::take(&mut self.buffers.weights);
        let input = weights::Input::WeightsDue;
        let _ = ask(adapter, input, &mut effects, &mut self.rejections.verification);
        for effect in effects.drain(..) {
            let weights::Effect::SetWeights { row } = effect;
            self.submit(Transaction::SetWeights { by: validator, row }, cx);
        }
        self.buffers.weights = effects;
    }

    /// A period's consensus is public: everybody may look, and copy.
    pub(super) fn publish_consensus(&mut self, subnet: usize, consensus: &[u16]) {
        let mut effects = core::mem::take(&mut self.buffers.weights);
        for &member in &self.subnets[subnet].members {
            let node = &mut self.nodes[member.index()];
            if node.role == Role::Validator
                && let Some(adapter) = &mut node.weights
            {
                let input = weights::Input::ConsensusPublished { consensus: consensus.to_vec() };
                let _ = ask(adapter, input, &mut effects, &mut self.rejections.verification);
            }
        }
        effects.clear();
        self.buffers.weights = effects;
    }
}
