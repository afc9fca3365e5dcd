//! What verifiers said: by far the longest table, summed up row by row.

use std::path::Path;

use super::{Tally, at};
use crate::error::ReportError;
use crate::table::Table;

/// Scores counted in thousandths.
#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    pub(crate) bins: Vec<u64>,
    /// Sum of the scores, ppm.
    pub(crate) sum: u64,
    pub(crate) count: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { bins: vec![0; 1001], sum: 0, count: 0 }
    }
}

impl Histogram {
    fn add(&mut self, score_ppm: u32) {
        self.bins[(score_ppm.saturating_add(500) / 1000).min(1000) as usize] += 1;
        self.sum += u64::from(score_ppm);
        self.count += 1;
    }

    /// The score in 0 … 1 that a share of the observations does not exceed, to one thousandth.
    pub(crate) fn quantile(&self, ppm: u32) -> f64 {
        let rank = (u128::from(self.count) * u128::from(ppm)).div_ceil(1_000_000).max(1);
        let mut seen = 0;
        let bin = self.bins.iter().position(|&n| {
            seen += u128::from(n);
            seen >= rank
        });
        crate::stats::count(bin.unwrap_or(0)) / 1000.0
    }
}

pub(super) fn read(tally: &mut Tally, dir: &Path) -> Result<(), ReportError> {
    let columns = ["rep", "subject", "probe", "score_ppm"];
    Table::open(dir, "observations", &columns)?.for_each(|batch| {
        let reps = tally.reps(batch)?;
        let (subjects, scores) = (batch.u32("subject")?, batch.u32("score_ppm")?);
        let probes = batch.bool("probe")?;
        for row in 0..batch.rows() {
            let rep = &mut tally.reps[reps[row] as usize];
            rep.observations += 1;
            rep.probes += u64::from(probes.get(row));
            if let Some(node) = rep.nodes.get_mut(subjects[row]) {
                node.scores.0 += u64::from(scores[row]);
                node.scores.1 += 1;
                at(&mut tally.series.scores, node.behaviour).add(scores[row]);
            }
        }
        Ok(())
    })
}
