//! The tables: verdicts, metrics, numbers from the world, provenance.

use sim_types::Fidelity;

use super::cards::interval;
use crate::analysis::Method;
use crate::catalogue::definition;
use crate::context::{Context, Verdict};
use crate::format::{escape, number, with_unit};
use crate::metrics::Metrics;

pub(super) fn verdicts(all: &[Verdict]) -> String {
    let mut out = String::from(
        "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">Outcome</th>\
         <th scope=\"col\">Expectation</th><th scope=\"col\">Wanted</th>\
         <th scope=\"col\">Found</th></tr></thead>\n<tbody>\n",
    );
    for verdict in all {
        let (class, word) =
            if verdict.pass { ("good", "✓ holds") } else { ("bad", "✗ failed") };
        out += &format!(
            "<tr><td><span class=\"badge {class}\">{word}</span></td><th scope=\"row\">\
             <code>{}</code></th><td>{}</td><td>{}</td></tr>\n",
            escape(&verdict.name),
            escape(&verdict.wanted),
            escape(&verdict.found)
        );
    }
    out + "</tbody></table></div>\n"
}

pub(super) fn metrics(metrics: &Metrics, context: &Context) -> String {
    let replications = metrics.replications;
    let mut out = format!(
        "<h2 id=\"metrics\">Metrics <small>{}</small></h2>\n<div class=\"tools\"><input \
         type=\"search\" data-filter=\"metrics-table\" placeholder=\"Filter metrics\" \
         aria-label=\"Filter metrics\" hidden></div>\n<div class=\"panel scroll\">\
         <table id=\"metrics-table\"><thead><tr><th scope=\"col\">Metric</th>\
         <th scope=\"col\" class=\"num\">Value</th><th scope=\"col\">Unit</th>\
         <th scope=\"col\" class=\"num\">95 % interval</th><th scope=\"col\">Interval by</th>\
         <th scope=\"col\">Meaning</th></tr>\
         </thead>\n<tbody>\n",
        if replications > 1 {
            let pairs = if context.control.antithetic { " in antithetic pairs" } else { "" };
            format!("mean over {replications} replications{pairs}, with its 95 % interval")
        } else {
            "one replication: hardly any value has an interval".to_owned()
        }
    );
    let mut section = "";
    for metric in &metrics.metrics {
        let of = definition(&metric.name).map_or("Other", |d| d.section);
        if of != section {
            section = of;
            out += &format!(
                "<tr class=\"group\"><th colspan=\"6\" scope=\"rowgroup\">{section}</th></tr>\n"
            );
        }
        let (value, unit) = with_unit(metric.value, &metric.unit);
        let after = if metric.after_warmup { " After the warm-up." } else { "" };
        let interval =
            interval(metric).map_or("–".to_owned(), |(low, high)| format!("{low} … {high}"));
        out += &format!(
            "<tr><th scope=\"row\"><code>{}</code></th><td class=\"num\">{value}</td><td>{}</td>\
             <td class=\"num\">{interval}</td><td class=\"doc\">{}</td><td class=\"doc\">{}{after}</td>\
             </tr>\n",
            escape(&metric.name),
            escape(&unit),
            metric.method.map_or("–", Method::words),
            escape(&metric.meaning)
        );
    }
    out + "</tbody></table></div>\n"
}

pub(super) fn world(context: &Context) -> String {
    let mut out = String::from("<h2 id=\"world\">Numbers from the world</h2>\n");
    if context.facts.is_empty() {
        return out + "<p class=\"lead\">The run lists none.</p>\n";
    }
    out += "<div class=\"tools\"><input type=\"search\" data-filter=\"world-table\" \
            placeholder=\"Filter by name, class or source\" aria-label=\"Filter numbers from \
            the world\" hidden>\n";
    for class in [Fidelity::Measured, Fidelity::Published, Fidelity::Fitted, Fidelity::Assumed] {
        let n = context.facts.iter().filter(|fact| fact.class == class).count();
        if n > 0 {
            out += &format!("<span class=\"badge {0}\">{n} {0}</span>\n", class.word());
        }
    }
    out += "</div>\n<div class=\"panel scroll\"><table id=\"world-table\"><thead><tr>\
            <th scope=\"col\">Number</th><th scope=\"col\">Value</th><th scope=\"col\">Class</th>\
            <th scope=\"col\">Source, or reason</th></tr></thead>\n<tbody>\n";
    for fact in &context.facts {
        let class = fact.class.word();
        out += &format!(
            "<tr><th scope=\"row\"><code>{}</code></th><td>{}</td><td><span class=\"badge \
             {class}\">{class}</span></td><td class=\"doc\">{}</td></tr>\n",
            escape(&fact.name),
            escape(&fact.value),
            escape(&fact.source)
        );
    }
    out + "</tbody></table></div>\n"
}

pub(super) fn provenance(context: &Context) -> String {
    let mut out = String::from("<h2 id=\"provenance\">Provenance</h2>\n<div class=\"two\">\n");
    out += "<div class=\"panel scroll\"><table><thead><tr><th scope=\"col\">What</th>\
            <th scope=\"col\">Value</th></tr></thead>\n<tbody>\n";
    let digests = [("plan digest", &context.plan_digest), ("event digest", &context.event_digest)];
    let listed = context.provenance.iter().map(|n| (n.name.as_str(), &n.value));
    for (name, value) in listed.chain(digests) {
        out += &format!(
            "<tr><th scope=\"row\">{}</th><td class=\"wrap mono\">{}</td></tr>\n",
            escape(name),
            escape(value)
        );
    }
    out += "</tbody></table></div>\n";
    if !context.tables.is_empty() {
        out += "<div class=\"panel scroll\"><table><thead><tr><th scope=\"col\">Trace table</th>\
                <th scope=\"col\" class=\"num\">Rows</th><th scope=\"col\">BLAKE3 of its rows</th>\
                </tr></thead>\n<tbody>\n";
        for table in &context.tables {
            let rows = crate::stats::count(usize::try_from(table.rows).unwrap_or(usize::MAX));
            let short: String = table.digest.chars().take(16).collect();
            out += &format!(
                "<tr><th scope=\"row\"><code>{}</code></th><td class=\"num\">{}</td>\
                 <td class=\"mono\" title=\"{}\">{}</td></tr>\n",
                escape(&table.name),
                number(rows, 20),
                escape(&table.digest),
                escape(&short)
            );
        }
        out += "</tbody></table></div>\n";
    }
    out + "</div>\n"
}
