//! Sweeps: many runs of one scenario, from a sweep file to a store.
//!
//! | module | does |
//! |---|---|
//! | `crate::scenario::sweep` | sweep file → [`Sweep`], with every mistake at its place |
//! | [`quantity`] | numbers with units; ranges |
//! | [`constraint`] | conditions on axes |
//! | [`claim`] | what the runs are said to show, held to them |
//! | [`page`] | claims, figures and tables of a store, as a page and as Markdown |
//! | [`run`] | design points → runs → store, on all threads |
//!
//! Every design point is the scenario with other values at the paths of the axes, on the same
//! seed: points meet common random numbers. Points are numbered in the order of the sweep file,
//! the last axis fastest.

pub mod claim;
pub mod constraint;
pub mod page;
pub mod quantity;
pub mod run;

use std::path::Path;

use crate::diagnose::Diagnostics;
use crate::experiment::Experiment;
use crate::manifest::ENGINE_VERSION;
use crate::scenario::{self, Source};
use crate::store::{self, FORM, Head, Shard, StoreError};
use crate::study::Measure;

use self::claim::{Claim, Figures, Judged};
use self::constraint::Constraint;
use self::quantity::{Quantity, Range};

/// Most design points of a sweep.
pub const MOST_POINTS: u32 = 10_000_000;
/// Points that are tried before a sweep is taken for one that the scenario refuses altogether.
const TRIED: u32 = 32;

/// A sweep, checked: its design points are experiments as far as that can be known without
/// trying them all.
#[derive(Debug, Clone)]
pub struct Sweep {
    /// File name without directory and extension.
    pub name: String,
    /// One line that says what it shows.
    pub title: String,
    /// What varies.
    pub axes: Vec<Axis>,
    /// Digest of the sweep file and the scenario as understood.
    pub digest: String,
    design: Design,
    /// The candidates that meet all constraints, where there are any.
    allowed: Option<Vec<u32>>,
    /// How many candidates each constraint leaves out, and of how many.
    excluded: Vec<(String, u32)>,
    /// What the runs are said to show.
    pub claims: Vec<Claim>,
    /// The metrics that the page shows.
    pub metrics: Vec<Measure>,
    pub(crate) base: Source,
}

/// Something that varies.
#[derive(Debug, Clone)]
pub struct Axis {
    /// Its path in the scenario.
    pub path: String,
    /// How people call it.
    pub label: String,
    values: Values,
}

#[derive(Debug, Clone)]
enum Values {
    List(Vec<String>),
    Range(Range),
}

impl Axis {
    pub(crate) fn values(path: &str, values: Vec<String>) -> Self {
        Self { path: path.to_owned(), label: last(path), values: Values::List(values) }
    }

    pub(crate) fn range(path: &str, range: Range) -> Self {
        Self { path: path.to_owned(), label: last(path), values: Values::Range(range) }
    }

    /// Its values as they are written, each once; `None` of a range that the design fills.
    #[must_use]
    pub fn written(&self) -> Option<Vec<String>> {
        let Values::List(values) = &self.values else { return None };
        let mut found: Vec<String> = Vec::new();
        for value in values {
            if !found.contains(value) {
                found.push(value.clone());
            }
        }
        Some(found)
    }

    /// How many values it has; a range has no number of them.
    pub(crate) fn len(&self) -> usize {
        match &self.values {
            Values::List(values) => values.len(),
            Values::Range(_) => 0,
        }
    }

    /// The unit of its values, if they are numbers of one unit.
    pub(crate) fn unit(&self) -> Option<String> {
        let mut units = match &self.values {
            Values::List(values) => values.iter().map(|v| Quantity::read(v)).collect::<Vec<_>>(),
            Values::Range(range) => vec![Quantity::read(&range.at(0.0))],
        }
        .into_iter()
        .map(|quantity| quantity.map(|q| q.unit));
        let first = units.next()??;
        units.all(|unit| unit.as_ref() == Some(&first)).then_some(first)
    }

    /// The value in place `index` of a list.
    fn listed(&self, index: usize) -> String {
        match &self.values {
            Values::List(values) => values.get(index).cloned().unwrap_or_default(),
            Values::Range(range) => range.at(0.0),
        }
    }

    /// The value at `share`, from 0 to 1, of the way; a list is cut into equal parts.
    fn at(&self, share: f64) -> String {
        match &self.values {
            Values::Range(range) => range.at(share),
            Values::List(values) => {
                let parts = u32::try_from(values.len()).map_or(f64::MAX, f64::from);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "below the number of values, and held to it"
                )]
                let index = (share * parts) as usize;
                values.get(index.min(values.len().saturating_sub(1))).cloned().unwrap_or_default()
            }
        }
    }
}

/// The end of a path, in words.
fn last(path: &str) -> String {
    path.rsplit('.').next().unwrap_or(path).replace('_', " ")
}

/// How axes make design points.
#[derive(Debug, Clone, PartialEq)]
pub enum Design {
    /// Every value with every value of the others.
    Crossed,
    /// First values together, second values together, and so on.
    Zipped,
    /// Points in the unit cube, one coordinate an axis.
    Sampled(Vec<Vec<f64>>),
}

impl Sweep {
    /// Reads a sweep file and the scenario that it names.
    ///
    /// # Errors
    /// Everything that is wrong with either.
    pub fn load(path: &Path) -> Result<Self, Diagnostics> {
        scenario::sweep::read(path)
    }

    /// `written` is what the digest covers besides the design.
    pub(crate) fn new(
        name: String,
        title: String,
        written: &[String],
        axes: Vec<Axis>,
        design: Design,
        constraints: &[Constraint],
        base: Source,
    ) -> Self {
        let mut hasher = blake3::Hasher::new();
        for text in written {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        let digest = hasher.finalize().to_hex().to_string();
        let excluded = Vec::new();
        let (claims, metrics) = (Vec::new(), Vec::new());
        let allowed = None;
        let mut sweep =
            Self { name, title, axes, digest, design, allowed, excluded, claims, metrics, base };
        if !constraints.is_empty() {
            sweep.constrain(constraints);
        }
        sweep
    }

    fn constrain(&mut self, constraints: &[Constraint]) {
        let mut excluded = vec![0_u32; constraints.len()];
        let mut allowed = Vec::new();
        for candidate in 0..self.candidates() {
            let number = |text: String| Quantity::read(&text).map_or(f64::NAN, |q| q.number);
            let values: Vec<f64> = self.candidate(candidate).into_iter().map(number).collect();
            let mut met = true;
            for (constraint, excluded) in constraints.iter().zip(&mut excluded) {
                let holds = constraint.holds(&values);
                *excluded += u32::from(!holds);
                met &= holds;
            }
            if met {
                allowed.push(candidate);
            }
        }
        self.allowed = Some(allowed);
        self.excluded = constraints.iter().map(|c| c.text.clone()).zip(excluded).collect();
    }

    /// Points before constraints.
    #[must_use]
    pub fn candidates(&self) -> u32 {
        let number = match &self.design {
            Design::Crossed => self.axes.iter().map(Axis::len).product(),
            Design::Zipped => self.axes.first().map_or(1, Axis::len),
            Design::Sampled(points) => points.len(),
        };
        u32::try_from(number).unwrap_or(MOST_POINTS)
    }

    /// How many design points there are.
    #[must_use]
    pub fn points(&self) -> u32 {
        self.allowed.as_ref().map_or_else(
            || self.candidates(),
            |allowed| u32::try_from(allowed.len()).unwrap_or(MOST_POINTS),
        )
    }

    /// What constraints leave out, in words.
    pub(crate) fn excluded_by(&self) -> String {
        let all = self.candidates();
        let each = self.excluded.iter();
        let each: Vec<String> =
            each.map(|(text, number)| format!("`{text}` leaves out {number} of {all}")).collect();
        each.join(", ")
    }

    /// The values of the axes at a design point, in their order, as they are written.
    #[must_use]
    pub fn parameters(&self, point: u32) -> Vec<String> {
        let candidate = self.allowed.as_ref().map_or(Some(point), |allowed| {
            allowed.get(usize::try_from(point).unwrap_or(usize::MAX)).copied()
        });
        self.candidate(candidate.unwrap_or(point))
    }

    fn candidate(&self, candidate: u32) -> Vec<String> {
        let place = usize::try_from(candidate).unwrap_or(usize::MAX);
        match &self.design {
            Design::Crossed => {
                let mut rest = place;
                let mut values: Vec<String> = Vec::with_capacity(self.axes.len());
                for axis in self.axes.iter().rev() {
                    values.push(axis.listed(rest % axis.len().max(1)));
                    rest /= axis.len().max(1);
                }
                values.reverse();
                values
            }
            Design::Zipped => self.axes.iter().map(|axis| axis.listed(place)).collect(),
            Design::Sampled(points) => {
                let shares = points.get(place).map_or(&[][..], Vec::as_slice);
                self.axes.iter().zip(shares).map(|(axis, share)| axis.at(*share)).collect()
            }
        }
    }

    /// The experiment of a design point.
    ///
    /// # Errors
    /// When the scenario refuses these values.
    pub fn experiment(&self, parameters: &[String]) -> Result<Experiment, Diagnostics> {
        let mut source = self.base.clone();
        for (axis, value) in self.axes.iter().zip(parameters) {
            source.set(&axis.path, value)?;
        }
        source.experiment().map(|(experiment, _)| experiment)
    }

    /// An experiment of the sweep: the first of some points all over it that the scenario does
    /// not refuse. Else why it refuses the first.
    pub(crate) fn some_experiment(&self) -> Result<Experiment, Diagnostics> {
        let points = self.points();
        let step = points.div_ceil(TRIED).max(1);
        let tried = (0..points).step_by(step as usize).chain(points.checked_sub(1));
        let mut refused = None;
        for point in tried {
            match self.experiment(&self.parameters(point)) {
                Ok(experiment) => return Ok(experiment),
                Err(wrong) => refused = refused.or(Some(wrong)),
            }
        }
        refused.map_or_else(|| self.base.experiment().map(|(experiment, _)| experiment), Err)
    }

    /// The metrics that the page shows, run by run, from the complete store of the sweep.
    ///
    /// # Errors
    /// When the store is of another sweep or version, or cannot be read.
    pub fn figures(&self, dir: &Path) -> Result<Figures, StoreError> {
        let mut figures = Figures::default();
        store::each(dir, &self.head(Shard::WHOLE), |record| {
            let values = record.outcome.unwrap_or_default().into_iter();
            let shown = values.filter(|value| self.metrics.iter().any(|m| m.name == value.name));
            let values = shown.map(|value| (value.name, value.value)).collect();
            figures.add(record.point, record.replication, values);
        })?;
        Ok(figures)
    }

    /// Whether replications come in antithetic pairs.
    #[must_use]
    pub fn antithetic(&self) -> bool {
        self.some_experiment().is_ok_and(|experiment| experiment.number().antithetic)
    }

    /// The claims, judged by the runs.
    #[must_use]
    pub fn judge(&self, figures: &Figures) -> Vec<Judged> {
        let antithetic = !self.claims.is_empty() && self.antithetic();
        self.claims.iter().map(|claim| claim.judge(figures, antithetic)).collect()
    }

    /// What the store of this sweep, or of a shard of it, says of itself.
    #[must_use]
    pub fn head(&self, shard: Shard) -> Head {
        Head {
            form: FORM,
            arable: env!("CARGO_PKG_VERSION").to_owned(),
            engine_version: ENGINE_VERSION,
            title: self.title.clone(),
            sweep: self.digest.clone(),
            axes: self.axes.iter().map(|axis| axis.path.clone()).collect(),
            points: self.points(),
            shard,
        }
    }
}
