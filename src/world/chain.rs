//! Stage five: transactions and blocks.
//!
//! Transactions and emission take effect when their block is final, once, in block order, in
//! each subnet for itself: see [`super::finality`].

use std::collections::{BTreeMap, VecDeque};

use mechanisms::reward::RewardSpec;
use mechanisms::settlement;
use serde::{Deserialize, Serialize};
use sim_types::record::BlockRow;
use sim_types::{Amount, Height, NodeId, SimTime, TxId, Uid, split_exactly};

use super::dtao::Due;
use super::event::{CHAIN, NetworkEvent};
use super::finality::{Letter, Part};
use super::rows::in_order;
use super::{Now, World, ask};

/// Events of the chain happen after everybody else's at the same moment: at one instant
/// people act first, then the block closes.
pub(super) const CHAIN_LAST: u8 = 255;

/// The chain as the host sees it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Chain {
    rule: settlement::Settlement,
    next_tx: u64,
    /// Transactions that wait, with the subnet they come from.
    mempool: BTreeMap<TxId, (usize, Transaction)>,
    /// Produced and not yet final, oldest first.
    unfinal: VecDeque<Block>,
    /// Final since a moment, and not yet written down: subnets still owe their fees.
    closing: Vec<(Block, SimTime)>,
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
        /// For which of the subnet's mechanisms.
        mechanism: u8,
        /// Uid and weight.
        row: Vec<(Uid, u16)>,
    },
    /// Publish a provider's metadata: it has another model.
    PublishMetadata {
        /// Who.
        by: NodeId,
    },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Block {
    height: Height,
    time: SimTime,
    /// How many it carries.
    count: u32,
    /// In block order, by subnet.
    transactions: Vec<Vec<Transaction>>,
    fee: Amount,
    backlog: u32,
    /// What it issues.
    emission: Amount,
    /// Reward parameters that hold from this block on.
    rewards: Vec<RewardSpec>,
}

impl Block {
    fn row(&self, rep: u32, finalised: Option<SimTime>, fees: Amount) -> BlockRow {
        BlockRow {
            rep,
            height: self.height.0,
            time: self.time.0,
            finalised: finalised.map(|at| at.0),
            transactions: self.count,
            backlog: self.backlog,
            fees,
            minted: if finalised.is_some() { self.emission } else { Amount::ZERO },
        }
    }
}

impl Chain {
    pub(super) fn new(rule: settlement::Settlement) -> Self {
        Self {
            rule,
            next_tx: 0,
            mempool: BTreeMap::new(),
            unfinal: VecDeque::new(),
            closing: Vec::new(),
            rewards: Vec::new(),
        }
    }
}

impl World {
    /// Starts the chain.
    pub(super) fn start_chain(&mut self, cx: &mut Now<'_>) {
        self.ask_settlement(settlement::Input::Started, cx);
    }

    /// The chain's next slot is due: it takes what was submitted since the last one, in the
    /// order in which it was.
    pub(super) fn slot_due(&mut self, cx: &mut Now<'_>) {
        let mut submitted = Vec::new();
        let boxes = self.islands.iter_mut().map(|island| &mut island.model_mut().outbox);
        in_order(boxes, |subnet, _, transaction| submitted.push((subnet, transaction)));
        for transaction in submitted {
            let tx = TxId(self.chain.next_tx);
            self.chain.next_tx += 1;
            self.chain.mempool.insert(tx, transaction);
            self.ask_settlement(settlement::Input::Submitted { tx }, cx);
        }
        self.ask_settlement(settlement::Input::SlotDue { now: cx.now() }, cx);
    }

    /// Asks the settlement rule and obeys.
    fn ask_settlement(&mut self, input: settlement::Input, cx: &mut Now<'_>) {
        let mut effects = core::mem::take(&mut self.effects);
        let _ = ask(&mut self.chain.rule, input, &mut effects, &mut self.refused);
        for effect in effects.drain(..) {
            match effect {
                settlement::Effect::SlotAfter { after } => {
                    cx.after_with(CHAIN, after, CHAIN_LAST, NetworkEvent::SlotDue);
                }
                settlement::Effect::Refused { tx } => {
                    self.refused += 1;
                    if let Some((subnet, transaction)) = self.chain.mempool.remove(&tx) {
                        self.write(subnet, cx.now(), Letter::Refused(transaction));
                    }
                }
                settlement::Effect::Produced { height, transactions, fee, backlog } => {
                    let block = Block {
                        height,
                        time: cx.now(),
                        count: u32::try_from(transactions.len()).unwrap_or(u32::MAX),
                        transactions: vec![Vec::new(); self.islands.len()],
                        fee,
                        backlog,
                        emission: self.emission_per_block,
                        rewards: core::mem::take(&mut self.chain.rewards),
                    };
                    self.produced(block, &transactions);
                }
                settlement::Effect::Finalised { height } => self.finalised(height, cx.now()),
            }
        }
        self.effects = effects;
    }

    /// A letter to a subnet, which reads it before anything else happens there.
    fn write(&mut self, subnet: usize, at: SimTime, letter: Letter) {
        self.islands[subnet].model_mut().inbox.push_back((at, letter));
    }

    /// A block is there: jobs settled in it hear of it.
    fn produced(&mut self, mut block: Block, transactions: &[TxId]) {
        for tx in transactions {
            if let Some((subnet, transaction)) = self.chain.mempool.remove(tx) {
                block.transactions[subnet].push(transaction);
            }
        }
        for subnet in 0..self.islands.len() {
            let settled = block.transactions[subnet].iter().filter_map(|transaction| {
                let &Transaction::Settle { job, .. } = transaction else { return None };
                Some(job)
            });
            let jobs: Vec<u64> = settled.collect();
            if !jobs.is_empty() {
                let letter = Letter::Included { height: block.height, jobs };
                self.write(subnet, block.time, letter);
            }
        }
        self.chain.unfinal.push_back(block);
    }

    /// A block is final: each subnet has its part of the transactions and of the emission,
    /// which is split evenly.
    fn finalised(&mut self, height: Height, now: SimTime) {
        while self.chain.unfinal.front().is_some_and(|block| block.height <= height) {
            let Some(mut block) = self.chain.unfinal.pop_front() else { return };
            let (emission, mut due) = if self.dtao.is_some() {
                let (minted, due) = self.economy_block();
                block.emission = minted;
                (
                    due.iter()
                        .map(|due| due.as_ref().map_or(Amount::ZERO, Due::emission))
                        .collect(),
                    due,
                )
            } else {
                let even = vec![1; self.islands.len()];
                let emission = split_exactly(block.emission, &even).unwrap_or_default();
                (emission, vec![None; self.islands.len()])
            };
            let transactions = core::mem::take(&mut block.transactions);
            for (subnet, (transactions, emission)) in
                transactions.into_iter().zip(emission).enumerate()
            {
                let part = Part {
                    height: block.height,
                    fee: block.fee,
                    transactions,
                    emission,
                    due: due[subnet].take(),
                    rewards: block.rewards.clone(),
                };
                self.write(subnet, now, Letter::Final(Box::new(part)));
            }
            self.chain.closing.push((block, now));
        }
    }

    /// The economy's next block: what it mints, and the epochs that close in it, by subnet.
    fn economy_block(&mut self) -> (Amount, Vec<Option<Due>>) {
        let mut due = vec![None; self.islands.len()];
        let Some(dtao) = &mut self.dtao else { return (Amount::ZERO, due) };
        let before = dtao.issuance();
        dtao.block();
        let minted = dtao.issuance().0.saturating_sub(before.0);
        for epoch in dtao.take_due() {
            let subnet = usize::from(epoch.subnet);
            due[subnet] = Some(epoch);
        }
        for row in dtao.take_rows() {
            self.record(row);
        }
        (Amount(minted), due)
    }

    /// Writes down the final blocks whose fees the subnets have told.
    pub(super) fn record_final_blocks(&mut self) {
        for (place, (block, at)) in core::mem::take(&mut self.chain.closing).iter().enumerate() {
            let fees = self.islands.iter().filter_map(|island| island.model().fees.get(place));
            let fees = fees.copied().sum();
            self.record(block.row(self.rep, Some(*at), fees));
        }
        for island in &mut self.islands {
            island.model_mut().fees.clear();
        }
    }

    /// Writes the blocks that are not final at the horizon.
    pub(super) fn record_unfinal_blocks(&mut self) {
        for block in core::mem::take(&mut self.chain.unfinal) {
            self.record(block.row(self.rep, None, Amount::ZERO));
        }
    }
}
