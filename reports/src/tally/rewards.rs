//! What was earned: the members of each subnet at the close of each period, and every payment.

use std::path::Path;

use super::jobs::add;
use super::{Node, Tally, at};
use crate::error::ReportError;
use crate::table::Table;

/// One period of one subnet.
#[derive(Debug, Clone, Default)]
pub(crate) struct EpochTally {
    /// Whether any member may say what others are worth: without that there is no consensus.
    pub(crate) permitted: bool,
    /// Whether any member has consensus above zero.
    pub(crate) agreed: bool,
    /// Paid to all members, smallest units.
    pub(crate) emission: u128,
    /// Incentive (of 65535) by behaviour.
    pub(crate) incentive: Vec<u64>,
    /// Paid to validators, and their stake, by party.
    pub(crate) validators: Vec<(u128, u128)>,
    /// Paid to others than attackers, and the stake of these.
    pub(crate) honest: (u128, u128),
    /// Stake of all members.
    pub(crate) stake: u128,
}

pub(super) fn read_epochs(tally: &mut Tally, dir: &Path) -> Result<(), ReportError> {
    let who = ["rep", "subnet", "epoch", "node", "stake", "validator_permit"];
    let what = ["consensus", "incentive", "emission"];
    Table::open(dir, "epochs", &[&who[..], &what].concat())?.for_each(|batch| {
        let reps = tally.reps(batch)?;
        let (subnets, epochs) = (batch.u16("subnet")?, batch.u64("epoch")?);
        let (nodes, stakes) = (batch.u32("node")?, batch.amount("stake")?);
        let (consensus, incentives) = (batch.u16("consensus")?, batch.u16("incentive")?);
        let (emissions, permits) = (batch.amount("emission")?, batch.bool("validator_permit")?);
        for row in 0..batch.rows() {
            let rep = &mut tally.reps[reps[row] as usize];
            let epoch = rep.epochs.entry((subnets[row], epochs[row])).or_default();
            epoch.permitted |= permits.get(row);
            epoch.agreed |= consensus[row] > 0;
            let (emission, stake) = (emissions.get(row), stakes.get(row));
            epoch.emission += emission;
            epoch.stake += stake;
            if let Some(node) = rep.nodes.get_mut(nodes[row]) {
                node.stake_epochs += stake;
                if node.validator {
                    let party = at(&mut epoch.validators, node.party);
                    *party = (party.0 + emission, party.1 + stake);
                }
                if !node.attacks {
                    epoch.honest = (epoch.honest.0 + emission, epoch.honest.1 + stake);
                }
                if incentives[row] > 0 {
                    *at(&mut epoch.incentive, node.behaviour) += u64::from(incentives[row]);
                }
            }
        }
        Ok(())
    })
}

/// Where payments of a reason are summed up, if they are by node.
fn account(reason: &str) -> Option<fn(&mut Node) -> &mut u128> {
    match reason {
        "dividend" | "nominators" => Some(|node| &mut node.dividends),
        "incentive" => Some(|node| &mut node.incentive),
        _ => None,
    }
}

pub(super) fn read_payouts(tally: &mut Tally, dir: &Path) -> Result<(), ReportError> {
    let intervals = tally.clock.count;
    Table::open(dir, "payouts", &["rep", "time", "node", "amount", "reason"])?.for_each(|batch| {
        let reps = tally.reps(batch)?;
        let (times, nodes) = (batch.u64("time")?, batch.opt_u32("node")?);
        let amounts = batch.amount("amount")?;
        let reasons = batch.words("reason")?.map(|word| (tally.reasons.id(word), account(word)));
        for row in 0..batch.rows() {
            let rep = &mut tally.reps[reps[row] as usize];
            let (reason, account) = reasons[row];
            let amount = amounts.get(row);
            add(&mut rep.payouts, reason, amount);
            let series = at(&mut tally.series.payouts, reason);
            series.resize(intervals, 0);
            series[tally.clock.index(times[row])] += amount;
            if let Some(account) = account
                && let Some(node) = nodes.get(row).and_then(|id| rep.nodes.get_mut(id))
            {
                *account(node) += amount;
            }
        }
        Ok(())
    })
}
