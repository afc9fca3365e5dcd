//! A rule's entry in the catalogue.

/// A rule's entry in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleInfo {
    /// Its stage: `demand`, `execution`.
    pub stage: &'static str,
    /// Its key in a scenario.
    pub name: &'static str,
    /// One sentence: what it does.
    pub summary: &'static str,
    /// Where it comes from.
    pub source: &'static str,
}
