//! Stages five and six: transactions, blocks, money, epochs.
//!
//! Transactions and emission take effect when their block is final, once, in block order.

use std::collections::{BTreeMap, VecDeque};

use mechanisms::reward::RewardSpec;
use mechanisms::{market, reward, settlement};
use serde::{Deserialize, Serialize};
use sim_types::record::{BlockRow, EpochRow, PayoutRow};
use sim_types::{
    Amount, EpochIndex, Failure, Height, NodeId, PayoutReason, SimDuration, SimTime, Stream,
    SubnetId, TxId, Uid, split_exactly,
};

use super::event::{CHAIN, Event};
use super::{Now, World, ask};

/// Events of the chain happen after everybody else's at the same moment: at one instant
/// people act first, then the block closes.
pub(super) const CHAIN_LAST: u8 = 255;

/// The chain as the host sees it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Chain {
    pub(super) rule: settlement::Settlement,
    pub(super) interval: SimDuration,
    next_tx: u64,
    mempool: BTreeMap<TxId, Transaction>,
    /// Produced and not yet final, oldest first.
    unfinal: VecDeque<Block>,
    /// The block that is final and applied.
    applied: Height,
    /// Reward parameters that the next block will carry.
    pub(super) rewards: Vec<RewardSpec>,
}

/// A ledger transaction.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Transaction {
    /// Pay a provider for a job.
    Settle {
        /// Ticket of the job.
        job: u64,
        /// Who is paid.
        provider: NodeId,
    },
    /// Publish a validator's weights.
    SetWeights {
        /// Who.
        by: NodeId,
        /// Uid and weight.
        row: Vec<(Uid, u16)>,
    },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Block {
    height: Height,
    time: SimTime,
    transactions: Vec<TxId>,
    fee: Amount,
    backlog: u32,
    /// What it issues.
    emission: Amount,
    /// Reward parameters that hold from this block on.
    rewards: Vec<RewardSpec>,
}

impl Chain {
    pub(super) fn new(rule: settlement::Settlement, interval: SimDuration) -> Self {
        Self {
            rule,
            interval,
            next_tx: 0,
            mempool: BTreeMap::new(),
            unfinal: VecDeque::new(),
            applied: Height(0),
            rewards: Vec::new(),
        }
    }
}

impl World {
    /// Submits a ledger transaction.
    pub(super) fn submit(&mut self, transaction: Transaction, cx: &mut Now<'_>) {
        let tx = TxId(self.chain.next_tx);
        self.chain.next_tx += 1;
        self.chain.mempool.insert(tx, transaction);
        self.ask_settlement(settlement::Input::Submitted { tx }, cx);
    }

    /// The chain's next slot is due.
    pub(super) fn slot_due(&mut self, cx: &mut Now<'_>) {
        self.ask_settlement(settlement::Input::SlotDue { now: cx.now() }, cx);
    }

    /// Asks the settlement rule and obeys.
    pub(super) fn ask_settlement(&mut self, input: settlement::Input, cx: &mut Now<'_>) {
        let mut effects = core::mem::take(&mut self.buffers.settlement);
        let refused = &mut self.rejections.settlement;
        let _ = ask(&mut self.chain.rule, input, &mut effects, refused);
        for effect in effects.drain(..) {
            match effect {
                settlement::Effect::SlotAfter { after } => {
                    cx.after_with(CHAIN, after, CHAIN_LAST, Event::SlotDue);
                }
                settlement::Effect::Refused { tx } => {
                    self.rejections.settlement += 1;
                    self.drop_transaction(tx, cx);
                }
                settlement::Effect::Produced { height, transactions, fee, backlog } => {
                    let rewards = core::mem::take(&mut self.chain.rewards);
                    self.produced(Block {
                        height,
                        time: cx.now(),
                        transactions,
                        fee,
                        backlog,
                        emission: self.emission_per_block,
                        rewards,
                    });
                }
                settlement::Effect::Finalised { height } => self.finalised(height, cx),
            }
        }
        self.buffers.settlement = effects;
    }

    /// A block is there: jobs settled in it know where.
    fn produced(&mut self, block: Block) {
        for tx in &block.transactions {
            if let Some(Transaction::Settle { job, .. }) = self.chain.mempool.get(tx)
                && let Some(job) = self.jobs.get_mut(*job)
            {
                job.included = Some(block.height);
            }
        }
        self.chain.unfinal.push_back(block);
    }

    /// A block is final: fees, transactions, emission, rewards, in this order.
    fn finalised(&mut self, height: Height, cx: &mut Now<'_>) {
        while self.chain.unfinal.front().is_some_and(|block| block.height <= height) {
            let Some(block) = self.chain.unfinal.pop_front() else { return };
            self.chain.applied = block.height;
            for spec in &block.rewards {
                self.reconfigure_rewards(spec, cx);
            }
            let mut fees = Amount::ZERO;
            for &tx in &block.transactions {
                let Some(transaction) = self.chain.mempool.remove(&tx) else { continue };
                if self.pay_fee(&transaction, block.fee) {
                    fees += block.fee;
                    self.apply(transaction, block.height, cx);
                } else {
                    self.rejections.settlement += 1;
                    self.fall_through(&transaction, cx);
                }
            }
            let minted = block.emission;
            self.mint(block.height, minted, cx);
            self.record(BlockRow {
                rep: self.rep,
                height: block.height.0,
                time: block.time.0,
                finalised: Some(cx.now().0),
                transactions: u32::try_from(block.transactions.len()).unwrap_or(u32::MAX),
                backlog: block.backlog,
                fees,
                minted,
            });
        }
    }

    fn pay_fee(&mut self, transaction: &Transaction, fee: Amount) -> bool {
        let payer = match transaction {
            Transaction::Settle { .. } => self.accounts.users,
            Transaction::SetWeights { by, .. } => self.nodes[by.index()].account,
        };
        self.ledger.transfer(payer, self.accounts.fees, fee).is_ok()
    }

    fn apply(&mut self, transaction: Transaction, height: Height, cx: &mut Now<'_>) {
        match transaction {
            Transaction::Settle { job, provider } => self.settled(job, provider, cx),
            Transaction::SetWeights { by, row } => {
                let node = &self.nodes[by.index()];
                let (subnet, uid) = (usize::from(node.subnet.0), node.uid);
                self.ask_reward(subnet, reward::Input::WeightsSet { by: uid, height, row }, cx);
            }
        }
    }

    /// A transaction that will never count.
    fn drop_transaction(&mut self, tx: TxId, cx: &mut Now<'_>) {
        if let Some(transaction) = self.chain.mempool.remove(&tx) {
            self.fall_through(&transaction, cx);
        }
    }

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
        let subnet = job.spec.subnet;
        job.paid = true;
        let account = self.nodes[provider.index()].account;
        self.ledger
            .transfer(self.accounts.escrow, account, price)
            .expect("escrow holds every open price");
        if price > Amount::ZERO {
            self.paid(Some(provider), price, PayoutReason::Price, subnet, None, Some(id.0), cx);
        }
        self.decide(ticket);
        self.finish(ticket, Failure::Refused, cx);
    }

    /// Issues a block's emission, split evenly among the subnets, and tells their rewards.
    fn mint(&mut self, height: Height, total: Amount, cx: &mut Now<'_>) {
        let even = vec![1; self.subnets.len()];
        let parts = split_exactly(total, &even).unwrap_or_default();
        for (subnet, emission) in parts.into_iter().enumerate() {
            self.ledger.mint(self.subnets[subnet].pending, emission);
            self.ask_reward(subnet, reward::Input::BlockProduced { height, emission }, cx);
        }
    }

    /// Asks a subnet's reward rule and obeys.
    pub(super) fn ask_reward(&mut self, subnet: usize, input: reward::Input, cx: &mut Now<'_>) {
        let mut effects = core::mem::take(&mut self.buffers.reward);
        let rule = &mut self.subnets[subnet].reward;
        let _ = ask(rule, input, &mut effects, &mut self.rejections.reward);
        for effect in effects.drain(..) {
            self.reward_effect(subnet, effect, cx);
        }
        self.buffers.reward = effects;
    }

    fn reward_effect(&mut self, subnet: usize, effect: reward::Effect, cx: &mut Now<'_>) {
        let pending = self.subnets[subnet].pending;
        let id = subnet_id(subnet);
        let epoch = self.subnets[subnet].epoch;
        match effect {
            reward::Effect::Pay { to, amount, reason } => {
                let node = self.subnets[subnet].members[usize::from(to.0)];
                let account = self.nodes[node.index()].account;
                self.ledger
                    .transfer(pending, account, amount)
                    .expect("a reward rule pays out of accrued emission only");
                self.paid(Some(node), amount, reason, id, Some(epoch), None, cx);
            }
            reward::Effect::Withhold { amount } => {
                self.ledger
                    .transfer(pending, self.accounts.treasury, amount)
                    .expect("a reward rule withholds accrued emission only");
                let reason = PayoutReason::Withheld;
                self.paid(None, amount, reason, id, Some(epoch), None, cx);
            }
            reward::Effect::EpochClosed { epoch, height, members } => {
                self.epoch_closed(subnet, epoch, height, &members, cx);
            }
            reward::Effect::EpochOpened { epoch, closes_at } => {
                self.epoch_opened(subnet, epoch, closes_at, cx);
            }
        }
    }

    fn epoch_opened(
        &mut self,
        subnet: usize,
        epoch: EpochIndex,
        closes_at: Height,
        cx: &mut Now<'_>,
    ) {
        self.subnets[subnet].epoch = epoch;
        // A period opens when its first block is final, and its members act from then on for
        // as long as it lasts in blocks. Block h is produced h intervals after the start;
        // weights must be there before the last one. Periods shorter than finality cannot meet
        // that: their weights count in a later one.
        let blocks = closes_at.0.saturating_sub(self.chain.applied.0);
        let length = self.chain.interval.times(blocks);
        let last = SimTime::ZERO + self.chain.interval.times(closes_at.0.saturating_sub(1));
        self.schedule_weights(subnet, if last > cx.now() { last } else { cx.now() + length }, cx);
        let stream = Stream::new(self.subnets[subnet].epoch_key, epoch.0);
        self.ask_market(subnet, market::Input::EpochStarted { length, stream }, cx);
    }

    fn epoch_closed(
        &mut self,
        subnet: usize,
        epoch: EpochIndex,
        height: Height,
        members: &[reward::MemberFigures],
        cx: &mut Now<'_>,
    ) {
        let id = subnet_id(subnet);
        let nodes = self.subnets[subnet].members.clone();
        for (uid, (figures, node)) in (0..).zip(members.iter().zip(&nodes)) {
            self.record(EpochRow {
                rep: self.rep,
                subnet: id.0,
                epoch: epoch.0,
                height: height.0,
                time: cx.now().0,
                uid,
                node: node.0,
                stake: Amount(figures.stake.into()),
                consensus: figures.consensus,
                incentive: figures.incentive,
                dividends: figures.dividends,
                validator_trust: figures.validator_trust,
                validator_permit: figures.validator_permit,
                emission: figures.emission,
            });
        }
        let consensus: Vec<u16> = members.iter().map(|m| m.consensus).collect();
        self.publish_consensus(subnet, &consensus);
        let standings = nodes.iter().zip(members).map(|(&node, m)| (node, m.incentive)).collect();
        self.ask_market(subnet, market::Input::StandingsPublished { standings }, cx);
    }

    #[expect(clippy::too_many_arguments, reason = "the columns of a payout")]
    fn paid(
        &mut self,
        to: Option<NodeId>,
        amount: Amount,
        reason: PayoutReason,
        subnet: SubnetId,
        epoch: Option<EpochIndex>,
        job: Option<u64>,
        cx: &mut Now<'_>,
    ) {
        if amount == Amount::ZERO {
            return;
        }
        if let Some(node) = to {
            self.nodes[node.index()].earned += amount;
        }
        self.record(PayoutRow {
            rep: self.rep,
            time: cx.now().0,
            subnet: Some(subnet.0.into()),
            epoch: epoch.map(|e| e.0),
            job,
            node: to.map(|n| n.0),
            amount,
            reason: match reason {
                PayoutReason::Incentive => "incentive",
                PayoutReason::Dividend => "dividend",
                PayoutReason::Price => "price",
                PayoutReason::Fee => "fee",
                PayoutReason::Withheld => "withheld",
            },
        });
    }

    /// Writes the blocks that are not final at the horizon.
    pub(super) fn record_unfinal_blocks(&mut self) {
        for block in core::mem::take(&mut self.chain.unfinal) {
            self.record(BlockRow {
                rep: self.rep,
                height: block.height.0,
                time: block.time.0,
                finalised: None,
                transactions: u32::try_from(block.transactions.len()).unwrap_or(u32::MAX),
                backlog: block.backlog,
                fees: Amount::ZERO,
                minted: Amount::ZERO,
            });
        }
    }

    /// Starts the chain.
    pub(super) fn start_chain(&mut self, cx: &mut Now<'_>) {
        self.ask_settlement(settlement::Input::Started, cx);
    }
}

/// The name of the subnet at a place.
pub(super) fn subnet_id(place: usize) -> SubnetId {
    SubnetId(u16::try_from(place).expect("a plan has at most 65,535 subnets"))
}
