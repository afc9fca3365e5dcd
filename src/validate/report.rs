//! Verdicts, counted and rendered.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::case::Case;
use super::compare::{Quantity, compare};
use super::evaluator::{Stop, find};
use super::inputs::Inputs;

/// What became of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A gate case that holds.
    Passed,
    /// A gate case that does not hold.
    Failed,
    /// A case that gates nothing: its distance is reported.
    Calibrated,
    /// Nobody evaluates it.
    NotCovered,
}

/// One case, judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseReport {
    /// Its name.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// What became of it.
    pub verdict: Verdict,
    /// What was compared.
    pub quantities: Vec<Quantity>,
    /// Why nothing was compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How many cases ended how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Totals {
    /// Gate cases that hold.
    pub passed: usize,
    /// Gate cases that do not.
    pub failed: usize,
    /// Other cases that were evaluated.
    pub calibrated: usize,
    /// Cases that nobody evaluates.
    pub not_covered: usize,
}

impl Totals {
    fn count(&mut self, verdict: Verdict) {
        *match verdict {
            Verdict::Passed => &mut self.passed,
            Verdict::Failed => &mut self.failed,
            Verdict::Calibrated => &mut self.calibrated,
            Verdict::NotCovered => &mut self.not_covered,
        } += 1;
    }
}

/// All cases of one kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KindReport {
    /// The kind.
    pub kind: String,
    /// How its cases ended.
    #[serde(flatten)]
    pub totals: Totals,
    /// The greatest distance of any quantity that is held to something, each in the measure of
    /// its own tolerance; null where nothing was measured.
    pub worst_distance: Option<f64>,
}

/// Everything that was validated.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ValidationReport {
    /// Over all kinds.
    pub totals: Totals,
    /// By kind, in the order of first appearance.
    pub kinds: Vec<KindReport>,
    /// In the order of the files.
    pub cases: Vec<CaseReport>,
}

impl ValidationReport {
    /// Counts.
    #[must_use]
    pub fn new(cases: Vec<CaseReport>) -> Self {
        let mut totals = Totals::default();
        let mut kinds: Vec<KindReport> = Vec::new();
        for case in &cases {
            totals.count(case.verdict);
            let at = kinds.iter().position(|kind| kind.kind == case.kind).unwrap_or_else(|| {
                kinds.push(KindReport {
                    kind: case.kind.clone(),
                    totals: Totals::default(),
                    worst_distance: None,
                });
                kinds.len() - 1
            });
            kinds[at].totals.count(case.verdict);
            let held = case.quantities.iter().filter(|quantity| quantity.holds.is_some());
            for distance in held.filter_map(|quantity| quantity.distance) {
                let worst = &mut kinds[at].worst_distance;
                *worst = Some(worst.map_or(distance, |worst| worst.max(distance)));
            }
        }
        Self { totals, kinds, cases }
    }

    /// Whether every gate case that somebody evaluates holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.totals.failed == 0
    }
}

/// Evaluates and judges one case.
#[must_use]
pub fn judge(file: &Path, case: &Case, data: Option<&Path>) -> CaseReport {
    let report = |verdict, quantities, reason| CaseReport {
        id: case.id.clone(),
        kind: case.kind.clone(),
        verdict,
        quantities,
        reason,
    };
    let Some(evaluate) = find(&case.kind) else {
        let reason = "no evaluator for this kind".to_owned();
        return report(Verdict::NotCovered, Vec::new(), Some(reason));
    };
    let covered = |holds| match (case.gate, holds) {
        (false, _) => Verdict::Calibrated,
        (true, true) => Verdict::Passed,
        (true, false) => Verdict::Failed,
    };
    match evaluate(&Inputs { value: &case.inputs, data }) {
        Ok(computed) => {
            let quantities = compare(&case.expect, case.tolerance.as_ref(), &computed);
            let mut held = quantities.iter().filter_map(|quantity| quantity.holds).peekable();
            if held.peek().is_none() {
                drop(held);
                let reason = "no quantity of the case is held to anything".to_owned();
                return report(Verdict::NotCovered, quantities, Some(reason));
            }
            let holds = held.all(|holds| holds);
            report(covered(holds), quantities, None)
        }
        Err(Stop::NotCovered(reason)) => report(Verdict::NotCovered, Vec::new(), Some(reason)),
        Err(Stop::BadInput(error)) => {
            let reason = format!("{}: case {}: {error}", file.display(), case.id);
            report(covered(false), Vec::new(), Some(reason))
        }
    }
}

impl fmt::Display for ValidationReport {
    /// A table of kinds, then what failed and what could not be read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.kinds.iter().map(|kind| kind.kind.len()).max().unwrap_or(0).max(5);
        let line = |f: &mut fmt::Formatter<'_>, name: &str, totals: &Totals, worst: &str| {
            let Totals { passed, failed, calibrated, not_covered } = totals;
            writeln!(
                f,
                "{name:width$} {passed:>7} {failed:>7} {calibrated:>11} {not_covered:>12} {worst:>15}"
            )
        };
        writeln!(
            f,
            "{:width$} {:>7} {:>7} {:>11} {:>12} {:>15}",
            "kind", "passed", "failed", "calibrated", "not covered", "worst distance"
        )?;
        for kind in &self.kinds {
            let worst = kind.worst_distance.map_or_else(|| "-".to_owned(), |d| format!("{d:.3e}"));
            line(f, &kind.kind, &kind.totals, &worst)?;
        }
        line(f, "total", &self.totals, "")?;
        for case in &self.cases {
            if case.verdict == Verdict::Failed {
                writeln!(f, "\nFAILED {}", case.id)?;
            } else if case.verdict == Verdict::Calibrated && case.reason.is_some() {
                writeln!(f, "\nunreadable {}", case.id)?;
            } else {
                continue;
            }
            if let Some(reason) = &case.reason {
                writeln!(f, "  {reason}")?;
            }
            for quantity in case.quantities.iter().filter(|q| q.holds == Some(false)) {
                let distance = quantity
                    .distance
                    .map_or_else(|| "not comparable".to_owned(), |d| d.to_string());
                writeln!(
                    f,
                    "  {}: expected {}, got {}, distance {distance}, tolerance {}",
                    quantity.name,
                    shortened(&quantity.expected),
                    shortened(&quantity.actual),
                    quantity.tolerance
                )?;
            }
        }
        Ok(())
    }
}

fn shortened(value: &serde_json::Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(70) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
