//! `arable list`: what a scenario can name.

use clap::{Args, ValueEnum};
use mechanisms::market::MarketSpec;
use mechanisms::model::ModelSpec;
use mechanisms::reward::RewardSpec;
use mechanisms::settlement::SettlementSpec;
use mechanisms::verification::VerificationSpec;
use mechanisms::weights::WeightsSpec;
use serde::Serialize;
use sim_types::record::TABLES;
use workloads::demand::DemandSpec;
use workloads::execution::ExecutionSpec;
use workloads::models::Model;

use super::output;
use crate::exit::Exit;
use crate::scenario;

#[derive(Debug, Args)]
pub(super) struct List {
    /// What to list
    #[arg(value_enum, default_value_t = What::Rules)]
    what: What,
    /// Print JSON instead of words
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// Rules by stage
    Rules,
    /// Hardware profiles
    Hardware,
    /// Tables of regions
    Regions,
    /// Language models
    Models,
    /// Metrics, for `expect:` blocks and baselines
    Metrics,
    /// Tables of the trace
    Tables,
}

/// One line of a list.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    pub(super) group: String,
    pub(super) name: String,
    pub(super) what: String,
}

impl List {
    pub(super) fn execute(self) -> Exit {
        let lines = match self.what {
            What::Rules => rules(),
            What::Hardware => gpu_kernels::profiles::names().map(hardware).collect(),
            What::Regions => scenario::region_tables()
                .iter()
                .flat_map(|(table, regions)| {
                    regions.ids().map(|id| line(table, &regions.region(id).name, ""))
                })
                .collect(),
            What::Models => Model::ALL.into_iter().map(model).collect(),
            What::Metrics => reports::catalogue::METRICS.iter().map(metric).collect(),
            What::Tables => TABLES
                .iter()
                .map(|&(name, version, row, _)| line(&format!("v{version}"), name, row.trim()))
                .collect(),
        };
        if self.json {
            return output::json(&lines);
        }
        let group = lines.iter().map(|line| line.group.len()).max().unwrap_or(0);
        let name = lines.iter().map(|line| line.name.len()).max().unwrap_or(0);
        let text: String = lines
            .iter()
            .map(|l| format!("{:<group$}  {:<name$}  {}\n", l.group, l.name, l.what))
            .collect();
        output::text(&text)
    }
}

fn line(group: &str, name: &str, what: &str) -> Line {
    Line { group: group.to_owned(), name: name.to_owned(), what: what.to_owned() }
}

/// Name, stage, summary and source of every rule, in the order of the stages.
fn catalogue() -> Vec<[&'static str; 4]> {
    let work = |rule: workloads::RuleInfo| [rule.stage, rule.name, rule.summary, rule.source];
    let mechanism = |rule: mechanisms::RuleInfo| [rule.stage, rule.name, rule.summary, rule.source];
    let mut all = Vec::new();
    all.extend(DemandSpec::catalogue().into_iter().map(work));
    all.extend(MarketSpec::catalogue().into_iter().map(mechanism));
    all.extend(ExecutionSpec::catalogue().into_iter().map(work));
    all.extend(VerificationSpec::catalogue().into_iter().map(mechanism));
    all.extend(WeightsSpec::catalogue().into_iter().map(mechanism));
    all.extend(SettlementSpec::catalogue().into_iter().map(mechanism));
    all.extend(RewardSpec::catalogue().into_iter().map(mechanism));
    all.extend(ModelSpec::catalogue().into_iter().map(mechanism));
    all
}

fn rules() -> Vec<Line> {
    catalogue().into_iter().map(|[stage, name, summary, _]| line(stage, name, summary)).collect()
}

/// Every rule's name and source.
pub(super) fn sources() -> Vec<(&'static str, &'static str)> {
    catalogue().into_iter().map(|[_, name, _, source]| (name, source)).collect()
}

fn hardware(name: &str) -> Line {
    let Some(p) = gpu_kernels::profiles::profile(name) else { return line("", name, "") };
    let limits = format!(
        "{:.0} TFLOP/s bf16, {:.2} TB/s, {} GB ({}; fit {})",
        p.peak_flops / 1e12,
        p.memory_bandwidth / 1e12,
        p.memory_bytes / 1_000_000_000,
        p.limits_class.word(),
        p.fit_class.word()
    );
    line("hardware", name, &limits)
}

fn model(model: Model) -> Line {
    let shape = model.shape();
    let about = format!(
        "{:.2} billion parameters, {:.2} of them active, {} layers, {} KV elements a token",
        billions(shape.total_params()),
        billions(shape.active_params()),
        shape.layers,
        shape.kv_elements_per_token()
    );
    line("model", model.key(), &about)
}

#[expect(clippy::cast_precision_loss, reason = "for display")]
fn billions(count: u64) -> f64 {
    count as f64 / 1e9
}

fn metric(definition: &reports::catalogue::Definition) -> Line {
    line(definition.unit, definition.name, definition.meaning)
}
