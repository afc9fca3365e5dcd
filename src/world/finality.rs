//! Stage six, and what the chain means to a subnet: payments, emission, epochs.

use mechanisms::reward::RewardSpec;
use mechanisms::{market, reward};
use serde::{Deserialize, Serialize};
use sim_core::ledger::Ledger;
use sim_types::record::{EpochRow, PayoutRow};
use sim_types::{
    Amount, EpochIndex, Failure, Height, NodeId, PayoutReason, SimTime, Stream, seeded,
};

use super::ask;
use super::chain::Transaction;
use super::dtao::{Due, Passed, Pay};
use super::island::{Alpha, Island, Now};

/// What the chain tells a subnet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Letter {
    /// These jobs are settled in this block.
    Included { height: Height, jobs: Vec<u64> },
    /// This transaction will never count.
    Refused(Transaction),
    /// A block is final.
    Final(Box<Part>),
}

/// A subnet's part of a final block.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) height: Height,
    /// What each transaction pays.
    pub(super) fee: Amount,
    /// In block order.
    pub(super) transactions: Vec<Transaction>,
    pub(super) emission: Amount,
    /// The epoch of the economy that closes in this block, if one does.
    pub(super) due: Option<Due>,
    /// Reward parameters that hold from this block on.
    pub(super) rewards: Vec<RewardSpec>,
}

impl Island {
    pub(super) fn read(&mut self, letter: Letter, cx: &mut Now<'_>) {
        match letter {
            Letter::Included { height, jobs } => {
                for job in jobs {
                    if let Some(job) = self.jobs.get_mut(job) {
                        job.included = Some(height);
                    }
                }
            }
            Letter::Refused(transaction) => self.fall_through(&transaction, cx),
            Letter::Final(part) => self.finalised(*part, cx),
        }
    }

    /// A block is final: parameters, fees, transactions, emission, rewards, in this order.
    fn finalised(&mut self, part: Part, cx: &mut Now<'_>) {
        let Part { height, fee, transactions, emission, due, rewards } = part;
        self.applied = height;
        for spec in rewards {
            self.ask_reward(reward::Input::Reconfigured { spec: Box::new(spec) }, cx);
        }
        let mut fees = Amount::ZERO;
        for transaction in transactions {
            if self.pay_fee(&transaction, fee) {
                fees += fee;
                self.apply(transaction, height, cx);
            } else {
                self.rejections.settlement += 1;
                self.fall_through(&transaction, cx);
            }
        }
        self.fees.push(fees);
        let pending = self.accounts.pending;
        self.rewards().mint(pending, emission);
        if let (Some(alpha), Some(due)) = (&mut self.alpha, due) {
            alpha.due = Some(due);
        }
        self.ask_reward(reward::Input::BlockProduced { height, emission }, cx);
    }

    /// The ledger in whose coin rewards are paid.
    fn rewards(&mut self) -> &mut Ledger {
        self.alpha.as_mut().map_or(&mut self.ledger, |alpha| &mut alpha.ledger)
    }

    /// A payment of the reward rule, in its own coin: what it is worth to the receiver. Of
    /// providers' pay part may be burned.
    fn worth(&mut self, to: NodeId, amount: Amount, reason: PayoutReason) -> Amount {
        let treasury = self.accounts.treasury;
        let account = self.nodes[to.index()].account;
        let Some(Alpha { ledger, due: Some(due), pays, .. }) = &mut self.alpha else {
            return amount;
        };
        let units = u64::try_from(amount.0).unwrap_or(u64::MAX);
        pays.push(Pay { uid: super::island::uid(to).0, amount: units, reason });
        let burned = match reason {
            PayoutReason::Incentive => due.miner_burn.of(amount),
            _ => Amount::ZERO,
        };
        ledger.transfer(account, treasury, burned).expect("a part of what was just paid");
        due.value(Amount(amount.0 - burned.0))
    }

    fn pay_fee(&mut self, transaction: &Transaction, fee: Amount) -> bool {
        let payer = match transaction {
            Transaction::Settle { .. } => self.accounts.users,
            Transaction::SetWeights { by, .. } | Transaction::PublishMetadata { by } => {
                self.nodes[by.index()].account
            }
        };
        self.ledger.transfer(payer, self.accounts.fees, fee).is_ok()
    }

    fn apply(&mut self, transaction: Transaction, height: Height, cx: &mut Now<'_>) {
        match transaction {
            Transaction::Settle { job, provider } => self.settled(job, provider, cx),
            Transaction::SetWeights { by, mechanism, row } => {
                let by = super::island::uid(by);
                self.ask_reward(reward::Input::WeightsSet { by, mechanism, height, row }, cx);
            }
            Transaction::PublishMetadata { by } => {
                let uid = super::island::uid(by);
                self.ask_reward(reward::Input::MetadataPublished { uid }, cx);
            }
        }
    }

    /// A transaction that will never count.
    fn fall_through(&mut self, transaction: &Transaction, cx: &mut Now<'_>) {
        if let &Transaction::Settle { job, .. } = transaction {
            self.refund(job);
            self.decide(job);
            self.finish(job, Failure::Refused, cx);
        }
    }

    /// A job's payment is final.
    fn settled(&mut self, ticket: u64, provider: NodeId, cx: &mut Now<'_>) {
        let Some(job) = self.jobs.get_mut(ticket) else { return };
        let (price, id) = (job.price, job.spec.id);
        job.paid = true;
        let account = self.nodes[provider.index()].account;
        let account = seeded!(
            AnswerUnpaid,
            if id.0 % 100 == 0 { self.accounts.users } else { account },
            account
        );
        self.ledger
            .transfer(self.accounts.escrow, account, price)
            .expect("escrow holds every open price");
        if price > Amount::ZERO {
            self.paid(Some(provider), price, PayoutReason::Price, None, Some(id.0), cx);
        }
        self.decide(ticket);
        self.finish(ticket, Failure::Refused, cx);
    }

    /// Asks the reward rule and obeys.
    pub(super) fn ask_reward(&mut self, input: reward::Input, cx: &mut Now<'_>) {
        let mut effects = core::mem::take(&mut self.buffers.reward);
        let _ = ask(&mut self.reward, input, &mut effects, &mut self.rejections.reward);
        for effect in effects.drain(..) {
            self.reward_effect(effect, cx);
        }
        self.buffers.reward = effects;
    }

    fn reward_effect(&mut self, effect: reward::Effect, cx: &mut Now<'_>) {
        let pending = self.accounts.pending;
        let epoch = self.epoch;
        match effect {
            reward::Effect::Pay { to, amount, reason } => {
                let node = NodeId(to.0.into());
                let account = self.nodes[node.index()].account;
                self.rewards()
                    .transfer(pending, account, amount)
                    .expect("a reward rule pays out of accrued emission only");
                let worth = self.worth(node, amount, reason);
                // Delegated stake: whose the dividends are shows once all of them are known.
                let delegated = |alpha: &Alpha| alpha.stakes.delegated();
                if reason != PayoutReason::Dividend || !self.alpha.as_ref().is_some_and(delegated) {
                    self.paid(Some(node), worth, reason, Some(epoch), None, cx);
                }
            }
            reward::Effect::Withhold { amount } => {
                let treasury = self.accounts.treasury;
                self.rewards()
                    .transfer(pending, treasury, amount)
                    .expect("a reward rule withholds accrued emission only");
                let worth = self.in_coin(amount);
                self.paid(None, worth, PayoutReason::Withheld, Some(epoch), None, cx);
            }
            reward::Effect::EpochClosed { epoch, height, members } => {
                self.epoch_closed(epoch, height, &members, cx);
            }
            reward::Effect::EpochOpened { epoch, closes_at } => {
                self.epoch_opened(epoch, closes_at, cx);
            }
        }
    }

    fn epoch_opened(&mut self, epoch: EpochIndex, closes_at: Height, cx: &mut Now<'_>) {
        self.epoch = epoch;
        // A period opens when its first block is final, and its members act from then on for
        // as long as it lasts in blocks. Block h is produced h intervals after the start;
        // weights must be there before the last one. Periods shorter than finality cannot meet
        // that: their weights count in a later one.
        let blocks = closes_at.0.saturating_sub(self.applied.0);
        let length = self.interval.times(blocks);
        let last = SimTime::ZERO + self.interval.times(closes_at.0.saturating_sub(1));
        self.schedule_weights(if last > cx.now() { last } else { cx.now() + length }, cx);
        let stream = Stream::new(self.keys.epoch, epoch.0);
        self.ask_market(market::Input::EpochStarted { length, stream }, cx);
    }

    fn epoch_closed(
        &mut self,
        epoch: EpochIndex,
        height: Height,
        members: &[reward::MemberFigures],
        cx: &mut Now<'_>,
    ) {
        for (uid, figures) in (0_u16..).zip(members) {
            let emission = self.in_coin(figures.emission);
            self.record(EpochRow {
                rep: self.rep,
                subnet: self.subnet.0,
                epoch: epoch.0,
                height: height.0,
                time: cx.now().0,
                uid,
                node: self.global(NodeId(uid.into())).0,
                stake: Amount(figures.stake.into()),
                consensus: figures.consensus,
                incentive: figures.incentive,
                dividends: figures.dividends,
                validator_trust: figures.validator_trust,
                validator_permit: figures.validator_permit,
                emission,
            });
        }
        self.pass_on(epoch, cx);
        self.restake(cx);
        let consensus: Vec<u16> = members.iter().map(|m| m.consensus).collect();
        self.publish_consensus(&consensus);
        let standings = (0..).map(NodeId).zip(members.iter().map(|m| m.incentive)).collect();
        self.ask_market(market::Input::StandingsPublished { standings }, cx);
    }

    /// An amount of the coin in which rewards are paid, in the network's own coin.
    fn in_coin(&self, amount: Amount) -> Amount {
        match &self.alpha {
            Some(Alpha { due: Some(due), .. }) => due.value(amount),
            _ => amount,
        }
    }

    /// Of dividends on delegated stake, parents have what children pass on, and nominators theirs.
    fn pass_on(&mut self, epoch: EpochIndex, cx: &mut Now<'_>) {
        let Some(Alpha { ledger, stakes, due: Some(due), pays }) = &mut self.alpha else { return };
        if !stakes.delegated() {
            return;
        }
        for Passed { from, to, amount } in stakes.pass_on(due, pays) {
            let account = |uid: u16| self.nodes[usize::from(uid)].account;
            ledger
                .transfer(account(from), account(to), Amount(amount.into()))
                .expect("a part of what was just paid");
        }
        let mut shares = Vec::new();
        for pay in pays.iter().filter(|pay| pay.reason == PayoutReason::Dividend) {
            let nominators = stakes.nominators(due, pay);
            let node = NodeId(pay.uid.into());
            for (amount, reason) in [
                (pay.amount - nominators, PayoutReason::Dividend),
                (nominators, PayoutReason::Nominators),
            ] {
                shares.push((node, due.value(Amount(amount.into())), reason));
            }
        }
        for (node, worth, reason) in shares {
            self.paid(Some(node), worth, reason, Some(epoch), None, cx);
        }
    }

    /// What validators keep of their pay stays staked, and counts from the next epoch on.
    fn restake(&mut self, cx: &mut Now<'_>) {
        let Some(alpha) = &mut self.alpha else { return };
        let Some(due) = alpha.due.take() else { return };
        alpha.stakes.share(&due, &alpha.pays);
        alpha.pays.clear();
        let weights: Vec<(NodeId, u64)> = self
            .validators
            .iter()
            .map(|&node| (node, alpha.stakes.weight(node.index(), &due)))
            .collect();
        for (node, stake) in weights {
            self.nodes[node.index()].staked = Amount(stake.into());
            let uid = super::island::uid(node);
            self.ask_reward(reward::Input::StakeChanged { uid, stake }, cx);
        }
    }

    fn paid(
        &mut self,
        to: Option<NodeId>,
        amount: Amount,
        reason: PayoutReason,
        epoch: Option<EpochIndex>,
        job: Option<u64>,
        cx: &mut Now<'_>,
    ) {
        if amount == Amount::ZERO {
            return;
        }
        if let Some(node) = to
            && reason != PayoutReason::Nominators
        {
            self.nodes[node.index()].earned += amount;
        }
        self.record(PayoutRow {
            rep: self.rep,
            time: cx.now().0,
            subnet: Some(self.subnet.0.into()),
            epoch: epoch.map(|e| e.0),
            job,
            node: to.map(|node| self.global(node).0),
            amount,
            reason: match reason {
                PayoutReason::Incentive => "incentive",
                PayoutReason::Dividend => "dividend",
                PayoutReason::Price => "price",
                PayoutReason::Fee => "fee",
                PayoutReason::Withheld => "withheld",
                PayoutReason::Nominators => "nominators",
            },
        });
    }
}
