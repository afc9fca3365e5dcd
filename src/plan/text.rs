//! A plan's digest, and how it is shown.

use core::fmt::Write as _;

use blake3::Hasher;
use reports::analysis::{stopping, warmup};
use serde_json::Value;
use sim_types::{Fidelity, SimDuration, TraceLevel};

use super::{Plan, Role};
use crate::manifest::ENGINE_VERSION;

/// Version of what is hashed.
const PLAN_VERSION: u32 = 1;

impl Plan {
    /// BLAKE3 over the engine's version and the plan as JSON, 64 hex digits.
    ///
    /// Everything is covered but the directory in which a request trace lies: its digest is,
    /// so the same experiment has the same name on every machine. The trace level is not
    /// covered either, since it decides what is written and never what happens; it is part of
    /// the name of the run directory instead.
    ///
    /// # Panics
    /// Never: a plan holds nothing that JSON cannot.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hasher = Hasher::new();
        hasher.update(format!("arable plan {PLAN_VERSION}, engine {ENGINE_VERSION}\n").as_bytes());
        let place = "a plan serialises, and a hasher takes every byte";
        if self.demand_file.is_none() && self.trace.is_full() {
            serde_json::to_writer(&mut hasher, self).expect(place);
        } else {
            let plan = Self { demand_file: None, trace: TraceLevel::Full, ..self.clone() };
            serde_json::to_writer(&mut hasher, &plan).expect(place);
        }
        if let Some(file) = &self.demand_file {
            hasher.update(file.digest.as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// The six stages with the rule chosen for each.
    #[must_use]
    pub fn design(&self) -> [(&'static str, &'static str); 6] {
        [
            ("demand", self.demand.name()),
            ("market", self.market.name()),
            ("execution", self.execution.name()),
            ("verification", self.verification.name()),
            ("settlement", self.settlement.name()),
            ("reward", self.reward.name()),
        ]
    }

    /// The whole plan as YAML, members line by line.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let mut text = String::from("# Resolved by arable: every number that the run used.\n");
        let mut small = self.clone();
        for group in &mut small.groups {
            group.members.clear();
        }
        // Through text: a value on its own has no place for the bits of fixed-point numbers, of
        // which a reader sees the leading digits.
        let small = serde_json::to_string(&small).unwrap_or_default();
        let small: Value = serde_json::from_str(&small).unwrap_or_default();
        for (key, value) in small.as_object().into_iter().flatten() {
            if key == "groups" {
                self.groups_to_yaml(&mut text);
            } else {
                entry(&mut text, 0, key, value);
            }
        }
        text
    }

    fn groups_to_yaml(&self, text: &mut String) {
        text.push_str("groups:\n");
        for group in &self.groups {
            let _ = writeln!(text, "  - name: {}", scalar(&group.name));
            let _ = writeln!(text, "    role: {}", scalar(&group.role));
            if group.attacks {
                text.push_str("    attacks: true\n");
            }
            let _ = writeln!(text, "    weights: {}", scalar(&group.weights));
            if let Some(delegation) = &group.delegation {
                let _ = writeln!(text, "    delegation: {}", scalar(delegation));
            }
            text.push_str("    members:\n");
            for subnet in &group.members {
                text.push_str("      -\n");
                for member in subnet {
                    let _ = writeln!(text, "        - {}", scalar(member));
                }
            }
        }
    }

    /// A page about the plan, for people.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: String| {
            let _ = writeln!(text, "{name:<14} {value}");
        };
        line("title", self.title.clone());
        line("plan", self.digest());
        line("seed", self.seed.to_string());
        line("replications", replications(self.replications, self.stopping.as_ref()));
        if self.antithetic {
            line("antithetic", "pairs of replications".to_owned());
        }
        match self.warmup {
            None => {}
            Some(warmup::Setting::Fixed(ns)) => line("warm-up", SimDuration(ns).to_string()),
            Some(warmup::Setting::Mser5) => line("warm-up", "by MSER-5".to_owned()),
        }
        line("horizon", self.horizon.to_string());
        line("subnets", self.subnets.to_string());
        for group in &self.groups {
            line(&format!("  {}", group.name), self.describe(group));
        }
        for (stage, rule) in self.design() {
            line(stage, rule.to_owned());
        }
        if let Some(file) = &self.demand_file {
            line("request trace", file.path.display().to_string());
        }
        match &self.emission {
            super::Emission::PerBlock(amount) => {
                line("emission", format!("{} a block", scalar(amount).replace('"', "")));
            }
            super::Emission::Dtao(dtao) => {
                line("emission", format!("dtao, rules of {}", dtao.preset));
            }
        }
        if !self.resolution.is_detailed() {
            line("resolution", "aggregate".to_owned());
        }
        if !self.trace.is_full() {
            line("trace", self.trace.to_string());
        }
        line("faults", self.faults.len().to_string());
        line("changes", self.changes.len().to_string());
        line("expectations", self.expect.len().to_string());
        let of = |class: Fidelity| self.facts.iter().filter(|f| f.class == class).count();
        let classes =
            [Fidelity::Measured, Fidelity::Published, Fidelity::Fitted, Fidelity::Assumed];
        let counts: Vec<String> =
            classes.iter().map(|&class| format!("{} {}", of(class), class.word())).collect();
        line("numbers", counts.join(", "));
        text
    }

    fn describe(&self, group: &super::Group) -> String {
        let members: Vec<_> = group.members.iter().flatten().collect();
        let role = match group.role {
            Role::Validator => "validators",
            Role::Provider => "providers",
        };
        let mut text = format!("{} {role}", members.len());
        if let Some(weights) = &group.weights {
            let _ = write!(text, ", weights {}", weights.name());
        }
        let hardware: Vec<String> = self
            .hardware
            .iter()
            .enumerate()
            .map(|(i, p)| (members.iter().filter(|m| usize::from(m.hardware) == i).count(), p))
            .filter(|(count, _)| *count > 0)
            .map(|(count, profile)| format!("{count} {}", profile.name))
            .collect();
        let _ = write!(text, "; {}", hardware.join(", "));
        text
    }
}

/// A value as JSON, which is YAML.
fn scalar(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// How many replications, in words.
pub(super) fn replications(number: u32, stopping: Option<&stopping::Rule>) -> String {
    stopping.map_or(number.to_string(), |rule| {
        let stopping::Rule { min, max, metric, written, .. } = rule;
        format!("{min} to {max}, until {metric} is known within {written}")
    })
}

/// A key and its value, the value in lines of its own if it has parts with parts.
pub(super) fn entry(text: &mut String, depth: usize, key: &str, value: &Value) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(parts) if parts.values().any(|v| v.is_object() || v.is_array()) => {
            let _ = writeln!(text, "{indent}{key}:");
            for (key, value) in parts {
                entry(text, depth + 1, key, value);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            let _ = writeln!(text, "{indent}{key}:");
            for item in items {
                let _ = writeln!(text, "{indent}  - {}", scalar(item));
            }
        }
        flat => {
            let _ = writeln!(text, "{indent}{key}: {}", scalar(flat));
        }
    }
}
