//! Which command a file is for, by keys that only one kind of file has.

use super::tree::Tree;
use crate::diagnose::{Code, Diagnostic, Diagnostics, quoted};

/// A kind of file, the command that takes it, and keys that no other kind has.
const KINDS: [(&str, &str, &[&str]); 5] = [
    ("scenario", "run", &["model", "population", "market", "horizon"]),
    ("sweep", "sweep", &["axes", "design"]),
    ("tuning", "tune", &["maximise", "minimise", "find", "keep"]),
    ("sensitivity study", "sensitivity", &["metrics"]),
    ("suite", "check", &["checks", "tables"]),
];

/// That a file which cannot be read as `what` is of another kind: of a tree that nothing was read
/// from, since reading removes what is not known.
pub(crate) fn another(tree: &Tree, what: &str) -> Option<Diagnostics> {
    let has = |keys: &[&str]| keys.iter().find_map(|key| tree.child(tree.root(), key));
    let (kind, command, node) = KINDS
        .iter()
        .find_map(|(kind, command, keys)| has(keys).map(|node| (*kind, *command, node)))
        .filter(|_| KINDS.iter().all(|(kind, _, keys)| *kind != what || has(keys).is_none()))?;
    let span = tree.key_span(node).unwrap_or_else(|| tree.blame(node));
    let item = Diagnostic::error(Code::Incompatible, format!("this is a {kind}, not a {what}"))
        .at(span, &tree.origins)
        .found(quoted(&tree.path(node)))
        .help(format!("`arable {command}` takes it"));
    Some(Diagnostics::new(vec![item], tree.origins.clone()))
}
