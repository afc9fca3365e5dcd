//! Numbers words in the order of their first appearance.

/// A short list of distinct words.
#[derive(Debug, Default)]
pub(crate) struct Names(Vec<String>);

impl Names {
    /// The number of a word, new or known.
    pub(crate) fn id(&mut self, name: &str) -> usize {
        self.find(name).unwrap_or_else(|| {
            self.0.push(name.to_owned());
            self.0.len() - 1
        })
    }

    /// The number of a known word.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|known| known == name)
    }

    /// The words with their numbers, in alphabetical order: what is shown must not depend on
    /// which came first.
    pub(crate) fn sorted(&self) -> Vec<(usize, &str)> {
        let mut all: Vec<(usize, &str)> = self.0.iter().map(String::as_str).enumerate().collect();
        all.sort_by_key(|&(_, name)| name);
        all
    }
}
