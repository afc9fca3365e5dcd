//! What several tests need.
#![allow(dead_code, reason = "each test uses its part")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use arable::plan::Plan;
use arable::scenario::Source;

/// The plan of a shipped scenario with some values changed.
pub(crate) fn plan(scenario: &str, set: &[(&str, &str)]) -> Plan {
    let mut source = Source::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join(scenario))
        .unwrap_or_else(|d| panic!("{}", d.render(false)));
    for (path, value) in set {
        source.set(path, value).unwrap_or_else(|d| panic!("{}", d.render(false)));
    }
    source.plan().unwrap_or_else(|d| panic!("{}", d.render(false))).0
}

/// A directory that goes away with its owner.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("arable-test-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a place to write");
        Self(path)
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.clone()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
