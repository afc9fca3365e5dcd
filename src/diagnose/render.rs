//! Diagnostics with the lines they speak of.

use core::fmt::Write as _;
use core::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{Diagnostic, Origins, Severity, Span};

impl Diagnostic {
    /// What was found and what was expected: the label at the caret, and a note below where
    /// both do not fit in a label or there is no caret.
    fn both_sides(&self) -> (String, Option<String>) {
        const WIDEST: usize = 64;
        let found = self.found.as_ref().map(|f| format!("found {f}"));
        let expected = self.expected.as_ref().map(|e| format!("expected {e}"));
        let both = |found: String, expected: String| format!("{found}, {expected}");
        match (found, expected) {
            (Some(found), Some(expected)) if self.place.is_none() => {
                (String::new(), Some(both(found, expected)))
            }
            (Some(found), Some(expected))
                if found.chars().count() + expected.chars().count() > WIDEST =>
            {
                (found, Some(expected))
            }
            (Some(found), Some(expected)) => (both(found, expected), None),
            (None, Some(long)) if long.chars().count() > WIDEST => (String::new(), Some(long)),
            (Some(one), None) | (None, Some(one)) if self.place.is_none() => {
                (String::new(), Some(one))
            }
            (Some(one), None) | (None, Some(one)) => (one, None),
            (None, None) => (String::new(), None),
        }
    }

    /// As text with the lines concerned.
    fn group<'a>(&'a self, origins: &'a Origins) -> Group<'a> {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(self.message.as_str()).id(self.code.word());
        let (label, note) = self.both_sides();
        let mut group = match self.place {
            Some(span) => {
                let mut snippet = Window::around(span, origins);
                snippet.mark(AnnotationKind::Primary, span, label);
                let mut elsewhere = None;
                if let Some((other, text)) = &self.also {
                    if snippet.covers(*other) {
                        snippet.mark(AnnotationKind::Context, *other, text.clone());
                    } else {
                        elsewhere = Some((*other, text));
                    }
                }
                let mut group = title.element(snippet.finish());
                if let Some((other, text)) = elsewhere {
                    let mut window = Window::around(other, origins);
                    window.mark(AnnotationKind::Context, other, text.clone());
                    group = group.element(window.finish());
                }
                group
            }
            None if self.file.is_empty() => Group::with_title(title),
            None if self.line == 0 => title.element(Origin::path(self.file.as_str())),
            None => title.element(Origin::path(self.file.as_str()).line(self.line as usize)),
        };
        if let Some(note) = note {
            group = group.element(Level::NOTE.message(note));
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        group
    }
}

/// The few lines around a place. Long texts and long lines are cut, so that a diagnostic
/// about a line of a megabyte stays readable and cheap.
struct Window<'a> {
    text: &'a str,
    name: &'a str,
    origin: u32,
    start: usize,
    line: usize,
    marks: Vec<(AnnotationKind, Range<usize>, String)>,
}

impl<'a> Window<'a> {
    const REACH: usize = 160;

    fn around(span: Span, origins: &'a Origins) -> Self {
        let text = origins.text(span.origin);
        let (start, end) = clamp(span, text);
        let line_start = text[..start].rfind('\n').map_or(0, |i| i + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |i| start + i);
        // The line before says which key the place belongs to.
        let before = text[..line_start.saturating_sub(1)].rfind('\n').map_or(0, |i| i + 1);
        let from = floor(text, before.max(start.saturating_sub(Self::REACH)));
        let to = floor(text, line_end.min(end.max(start) + Self::REACH).max(start));
        let line = text[..from].bytes().filter(|&b| b == b'\n').count() + 1;
        Self {
            text: &text[from..to],
            name: origins.name(span.origin),
            origin: span.origin,
            start: from,
            line,
            marks: Vec::new(),
        }
    }

    fn covers(&self, span: Span) -> bool {
        span.origin == self.origin
            && span.start as usize >= self.start
            && (span.end as usize) <= self.start + self.text.len()
    }

    fn mark(&mut self, kind: AnnotationKind, span: Span, label: String) {
        let from = floor(self.text, (span.start as usize).saturating_sub(self.start));
        let to = floor(self.text, (span.end as usize).saturating_sub(self.start)).max(from);
        // A mark stays on its first line: what follows adds nothing to the message.
        let to = self.text[from..to].find('\n').map_or(to, |i| from + i);
        self.marks.push((kind, from..to, label));
    }

    fn finish(self) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
        let marks = self.marks.into_iter().map(|(kind, range, label)| {
            let mark = kind.span(range);
            if label.is_empty() { mark } else { mark.label(label) }
        });
        Snippet::source(self.text)
            .line_start(self.line)
            .path(self.name)
            .fold(false)
            .annotations(marks.collect::<Vec<_>>())
    }
}

fn clamp(span: Span, text: &str) -> (usize, usize) {
    let start = floor(text, span.start as usize);
    (start, floor(text, span.end as usize).max(start))
}

/// The last character boundary not after `at`.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// All of them as text, a blank line after each.
pub(super) fn render(items: &[Diagnostic], origins: &Origins, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for item in items {
        let _ = writeln!(text, "{}\n", renderer.render(&[item.group(origins)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::{Code, Diagnostics};

    #[test]
    fn a_diagnostic_shows_line_caret_both_sides_and_help() {
        let mut origins = Origins::new();
        let origin = origins.add("x.yaml", "schema: 1\nhorizon: 24\n");
        let item = Diagnostic::error(Code::WrongUnit, "`horizon` has no unit")
            .at(Span { origin, start: 19, end: 21 }, &origins)
            .found("`24`")
            .expected("a length of time")
            .help("write `24h`");
        let text = Diagnostics::new(vec![item], origins).render(false);
        for part in
            ["error[wrong-unit]", "x.yaml:2:10", "^^ found `24`, expected a length", "help: write"]
        {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }

    /// No place, however wrong, makes the renderer panic.
    #[test]
    fn places_beyond_the_text_are_survived() {
        let mut origins = Origins::new();
        let origin = origins.add("x", "ä\u{0}\tb\r\n\u{1b}[31mü");
        for start in 0..20 {
            for end in 0..20 {
                let item = Diagnostic::error(Code::Syntax, "x")
                    .at(Span { origin, start, end }, &origins)
                    .also(Span { origin, start: end, end: start }, "y");
                assert!(!Diagnostics::new(vec![item], origins.clone()).render(false).is_empty());
            }
        }
    }
}
