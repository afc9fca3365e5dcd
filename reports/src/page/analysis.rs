//! The output analysis: how replications were counted, what was left out, the main series.

use crate::analysis::outlook::{Analysis, Outlook};
use crate::analysis::warmup::{Setting, WarmUp};
use crate::analysis::{Estimate, Method};
use crate::context::Context;
use crate::format::{duration, escape, number, scale};

pub(super) fn section(context: &Context, found: &Analysis) -> String {
    let mut out = String::from("<h2 id=\"analysis\">Output analysis</h2>\n");
    let notes = notes(context, &found.warm_ups);
    out += "<ul class=\"panel notes\">\n";
    for note in notes {
        out += &format!("<li>{}</li>\n", escape(&note));
    }
    out += "</ul>\n";
    if found.series.is_empty() {
        return out + "<p class=\"lead\">The trace has no series to analyse.</p>\n";
    }
    out += "<div class=\"panel scroll\"><table><thead><tr><th scope=\"col\">Series</th>\
            <th scope=\"col\" class=\"num\">Values</th><th scope=\"col\" class=\"num\">Mean [95 %]</th>\
            <th scope=\"col\" class=\"num\">Median [95 %]</th>\
            <th scope=\"col\" class=\"num\">99th percentile [95 %]</th>\
            <th scope=\"col\">Interval by</th><th scope=\"col\">Warm-up by MSER-5</th></tr></thead>\n\
            <tbody>\n";
    for outlook in &found.series {
        let (factor, unit) = scale(outlook.mean.value, &outlook.unit);
        let cell = |estimate: Option<Estimate>| {
            estimate.map_or("–".to_owned(), |e| with_interval(e, factor))
        };
        let name = if unit.is_empty() {
            outlook.series.clone()
        } else {
            format!("{} ({unit})", outlook.series)
        };
        out += &format!(
            "<tr><th scope=\"row\">{}</th><td class=\"num\">{}</td><td class=\"num\">{}</td>\
             <td class=\"num\">{}</td><td class=\"num\">{}</td><td>{}</td><td>{}</td></tr>\n",
            escape(&name),
            number(crate::stats::count(outlook.values), 12),
            cell(Some(outlook.mean)),
            cell(outlook.p50),
            cell(outlook.p99),
            escape(&method(outlook, factor)),
            escape(&settled(outlook)),
        );
    }
    out + "</tbody></table></div>\n"
}

/// What was asked for and decided, sentence by sentence.
fn notes(context: &Context, cuts: &[WarmUp]) -> Vec<String> {
    let control = &context.control;
    let mut notes = Vec::new();
    notes.push(match (&control.stopped, context.replications) {
        (Some(decision), _) => format!("Sequential stopping: {}.", decision.words()),
        (None, 1) => "One replication: intervals are those of batches of its own series, and \
                      metrics have none."
            .to_owned(),
        (None, n) => format!("{n} replications, a fixed number."),
    });
    if control.antithetic {
        notes.push(
            "Antithetic pairs: every second replication draws the mirror image of the random \
             numbers of the one before it; intervals are those of pair means."
                .to_owned(),
        );
    }
    let vague = cuts.iter().filter(|cut| !cut.conclusive).count();
    notes.push(match control.warmup {
        None => "No warm-up is left out.".to_owned(),
        Some(Setting::Fixed(ns)) => {
            format!("The first {} are left out of means over time and jobs.", duration(ns))
        }
        Some(Setting::Mser5) if vague == cuts.len() => {
            "MSER-5 found the run too short to tell where its warm-up ends: nothing is left out."
                .to_owned()
        }
        Some(Setting::Mser5) if cuts.iter().all(|cut| cut.ns == 0) => {
            "MSER-5 on the answer latencies finds no warm-up to leave out.".to_owned()
        }
        Some(Setting::Mser5) => {
            let (low, high) = (
                cuts.iter().map(|cut| cut.ns).min().unwrap_or(0),
                cuts.iter().map(|cut| cut.ns).max().unwrap_or(0),
            );
            let span = if low == high {
                duration(low)
            } else {
                format!("{} to {}, by replication,", duration(low), duration(high))
            };
            let but = if vague > 0 {
                format!(" {vague} of {} replications are too short to tell.", cuts.len())
            } else {
                String::new()
            };
            format!(
                "The first {span} are left out of means over time and jobs, as MSER-5 finds on \
                 the answer latencies.{but}"
            )
        }
    });
    notes
}

fn with_interval(estimate: Estimate, factor: f64) -> String {
    let shown = |value: f64| number(value * factor, 4);
    match estimate.interval {
        Some([low, high]) => {
            format!("{} [{} … {}]", shown(estimate.value), shown(low), shown(high))
        }
        None => shown(estimate.value),
    }
}

/// What the intervals stand on.
fn method(outlook: &Outlook, factor: f64) -> String {
    let Estimate { method, pieces, .. } = outlook.mean;
    if let Some(batched) = outlook.batches {
        let judged = if batched.independent {
            format!("lag-1 correlation {}", number(batched.lag1, 2))
        } else {
            format!(
                "lag-1 correlation {}: too high, the interval is too narrow",
                number(batched.lag1, 2)
            )
        };
        return format!("{pieces} batches of {}, {judged}", batched.size);
    }
    if pieces < 2 {
        return "too few values".to_owned();
    }
    let what = if method == Method::AntitheticPairs { "pairs" } else { "replications" };
    let median = outlook.typical.filter(|typical| typical.interval.is_some());
    let median = median.map_or(String::new(), |typical| {
        format!("; median of their means {}", with_interval(typical, factor))
    });
    format!("{}, {pieces} {what}{median}", method.words())
}

fn settled(outlook: &Outlook) -> String {
    match outlook.settled {
        None => "too short".to_owned(),
        Some(settled) if !settled.truncation.conclusive => {
            "not conclusive: minimum in the second half".to_owned()
        }
        Some(settled) if settled.truncation.values == 0 => "none".to_owned(),
        Some(settled) => format!(
            "{} ({} of {} values)",
            duration(settled.ns),
            settled.truncation.values,
            settled.truncation.of
        ),
    }
}
