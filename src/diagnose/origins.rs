//! Texts, and places in them.

/// The texts that diagnostics point into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origins(Vec<(String, String)>);

/// Bytes of one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span {
    /// Which text, by index into [`Origins`].
    pub origin: u32,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Origins {
    /// No texts yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a text under the name that diagnostics show, and returns its index.
    ///
    /// # Panics
    /// With more than 2^32 texts.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> u32 {
        self.0.push((name.into(), text.into()));
        u32::try_from(self.0.len() - 1).expect("a handful of texts")
    }

    /// How many texts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no text yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the texts of another set behind one's own.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// The name of a text.
    #[must_use]
    pub fn name(&self, origin: u32) -> &str {
        self.0.get(origin as usize).map_or("", |(name, _)| name)
    }

    /// A text.
    #[must_use]
    pub fn text(&self, origin: u32) -> &str {
        self.0.get(origin as usize).map_or("", |(_, text)| text)
    }

    /// What stands at `span`.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        self.text(span.origin).get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// Line and column of the first byte of `span`, both from 1; columns count characters.
    #[must_use]
    pub fn position(&self, span: Span) -> (u32, u32) {
        let text = self.text(span.origin);
        let mut at = (span.start as usize).min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let before = &text[..at];
        let line = before.bytes().filter(|&b| b == b'\n').count() + 1;
        let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        (small(line), small(column))
    }
}

impl Default for Origins {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters() {
        let mut origins = Origins::new();
        let origin = origins.add("x.yaml", "ä: 1\nbb: ü7\n");
        let span = |start, end| Span { origin, start, end };
        assert_eq!(origins.position(span(0, 2)), (1, 1));
        assert_eq!(origins.position(span(2, 3)), (1, 2));
        assert_eq!(origins.position(span(12, 13)), (2, 6));
        assert_eq!(origins.position(span(14, 14)), (3, 1), "the empty last line");
        assert_eq!(origins.position(span(900, 901)), (3, 1), "beyond the end");
    }
}
