//! The report: one HTML file that needs nothing else, neither network nor fonts.

mod analysis;
mod cards;
mod economy;
mod shell;
pub mod study;
mod tables;

use crate::analysis::outlook::Analysis;
use crate::analysis::warmup::Setting;
use crate::context::Context;
use crate::figure::{ECONOMY, Figure};
use crate::format::{duration, escape, number};
use crate::metrics::Metrics;

pub(crate) use shell::{figures as figure_panels, shell};

/// The page of a run. Every text from the run is escaped.
#[must_use]
pub fn render(
    context: &Context,
    metrics: &Metrics,
    found: &Analysis,
    figures: &[Figure],
) -> String {
    let economy = figures.iter().any(|figure| figure.section == ECONOMY);
    let mut body = header(context, economy);
    body += "<main>\n";
    body += &verdicts(context);
    body += &cards::cards(&cards::RUN, context, metrics);
    let (of_economy, others): (Vec<&Figure>, Vec<&Figure>) =
        figures.iter().partition(|figure| figure.section == ECONOMY);
    body += &economy::section(context, metrics, &of_economy);
    body += "<h2 id=\"figures\">Figures <small>point to read values, click a legend to hide a \
             series</small></h2>\n";
    body += &missing(context, &others);
    body += &figure_panels(&others);
    body += &analysis::section(context, found);
    body += &tables::metrics(metrics, context);
    body += &tables::world(context);
    body += &tables::provenance(context);
    body += "</main>\n";
    shell(&context.title, &body, figures)
}

fn header(context: &Context, economy: bool) -> String {
    let short = |digest: &str| digest.chars().take(12).collect::<String>();
    let mut facts = vec![
        ("scenario", escape(&context.scenario)),
        ("seed", context.seed.to_string()),
        ("replications", context.replications.to_string()),
        ("simulated time", duration(context.horizon_ns)),
    ];
    match context.control.warmup {
        None => {}
        Some(Setting::Fixed(ns)) => facts.push(("warm-up left out", duration(ns))),
        Some(Setting::Mser5) => facts.push(("warm-up left out", "by MSER-5".to_owned())),
    }
    if context.control.antithetic {
        facts.push(("random numbers", "antithetic pairs".to_owned()));
    }
    if let Some(interval) = context.block_interval_ns {
        facts.push(("block interval", duration(interval)));
    }
    let price = context.coin.usd.map(|p| format!(" at ${}", number(p, 4))).unwrap_or_default();
    facts.push(("coin", escape(&format!("{}{price}", context.coin.name))));
    for (name, digest) in
        [("plan digest", &context.plan_digest), ("event digest", &context.event_digest)]
    {
        let (full, short) = (escape(digest), escape(&short(digest)));
        facts.push((name, format!("<code title=\"{full}\">{short}</code>")));
    }
    let facts: String =
        facts.iter().map(|(k, v)| format!("<div><dt>{k}</dt><dd>{v}</dd></div>\n")).collect();
    let stages: String = context
        .design
        .iter()
        .map(|s| {
            let (stage, rule) = (escape(&s.stage), escape(&s.rule));
            format!("<li><span><span class=\"label\">{stage}</span>{rule}</span></li>\n")
        })
        .collect();
    let stages = if stages.is_empty() {
        stages
    } else {
        format!("<ol class=\"stages\" aria-label=\"Design, stage by stage\">\n{stages}</ol>\n")
    };
    let calibration = match &context.calibration {
        Some(what) => {
            format!("<span class=\"badge good\" title=\"{}\">calibrated</span>", escape(what))
        }
        None => "<span class=\"badge fitted\" title=\"The design reproduces no public aggregate \
                 of its own network.\">uncalibrated</span>"
            .to_owned(),
    };
    let economy = if economy { "<a href=\"#economy\">Economy</a>" } else { "" };
    format!(
        "<header><div class=\"wrap\">\n<div class=\"bar\"><span class=\"brand\"><b>Arable</b> \
         run report</span><button id=\"theme\" type=\"button\" hidden>Dark</button></div>\n\
         <h1>{}</h1>\n<p class=\"lead\">{} {calibration}</p>\n<dl class=\"facts\">\n{facts}</dl>\n\
         {stages}<div class=\"replay\"><code id=\"replay\">{}</code><button type=\"button\" \
         data-copy=\"replay\" hidden>Copy</button></div>\n<nav aria-label=\"Sections\">\
         <a href=\"#verdicts\">Verdicts</a>{economy}<a href=\"#figures\">Figures</a>\
         <a href=\"#analysis\">Output analysis</a><a href=\"#metrics\">Metrics</a><a href=\"#world\">World numbers</a>\
         <a href=\"#provenance\">Provenance</a></nav>\n</div></header>\n",
        escape(&context.title),
        escape(&context.description),
        escape(&context.replay),
    )
}

/// Why figures that a reader may look for are not there.
fn missing(context: &Context, figures: &[&Figure]) -> String {
    let rows = |name: &str| context.tables.iter().find(|t| t.name == name).map(|t| t.rows);
    let why = if context.trace == sim_types::TraceLevel::Off {
        "The run wrote no trace."
    } else if rows("periods").is_some_and(|rows| rows > 0) {
        "The run has the aggregate resolution: blocks and reward periods were computed, jobs, \
         messages and machines were not, so there is nothing to show of service, latency, \
         hardware and verification. Figures of members are of the sampled periods."
    } else if rows("jobs") == Some(0) && context.trace.is_full() {
        "No job was submitted in this run, so there is nothing to show of service and latency."
    } else if figures.is_empty() {
        "The trace has nothing to draw here."
    } else {
        return String::new();
    };
    format!("<p class=\"lead note\">{why}</p>\n")
}

fn verdicts(context: &Context) -> String {
    let mut out = String::from("<h2 id=\"verdicts\">Verdicts</h2>\n");
    let all = context.verdicts.len();
    let held = context.verdicts.iter().filter(|v| v.pass).count();
    if all == 0 {
        out += "<p class=\"lead\">The scenario states no expectation.</p>\n";
    } else {
        let (class, text) = if held == all {
            ("", "All expectations hold".to_owned())
        } else {
            (" bad", format!("{} of {all} expectations failed", all - held))
        };
        out += &format!(
            "<div class=\"panel\"><div class=\"verdict{class}\"><strong>{text}</strong>\
             <span class=\"label\">{held} of {all} hold</span></div>\n{}</div>\n",
            tables::verdicts(&context.verdicts)
        );
    }
    if !context.notes.is_empty() {
        out += "<ul class=\"panel notes\">\n";
        for note in &context.notes {
            out += &format!("<li>{}</li>\n", escape(note));
        }
        out += "</ul>\n";
    }
    out
}
