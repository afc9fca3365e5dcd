//! What is wrong with an input, where, and what to write instead.
//!
//! A [`Diagnostic`] is a value: rendered for people with the lines it speaks of
//! ([`Diagnostics::render`]), serialised for machines (`--json`). All mistakes of a file are
//! collected in one [`Diagnostics`], which also knows the exit code they lead to.

mod names;
mod origins;
mod render;

use core::fmt;

use serde::ser::{Serialize, SerializeStruct as _, Serializer};

pub use names::{list, nearest, quoted};
pub use origins::{Origins, Span};

use crate::exit::Exit;

/// Most mistakes reported at once; the rest are likely to follow from them.
pub const MOST: usize = 20;

/// How serious a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The input cannot be used.
    Error,
    /// The input can be used, but probably not as intended.
    Warning,
}

/// The kind of a mistake: stable words for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each word says what it means")]
pub enum Code {
    Syntax,
    DuplicateKey,
    UnknownKey,
    UnknownName,
    MissingKey,
    OneKey,
    WrongType,
    WrongUnit,
    OutOfRange,
    Incompatible,
    UnsupportedSchema,
    FileMissing,
    FileFormat,
    TooLarge,
    TooManyMistakes,
}

impl Code {
    /// The word shown in brackets: `unknown-key`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::DuplicateKey => "duplicate-key",
            Self::UnknownKey => "unknown-key",
            Self::UnknownName => "unknown-name",
            Self::MissingKey => "missing-key",
            Self::OneKey => "one-key",
            Self::WrongType => "wrong-type",
            Self::WrongUnit => "wrong-unit",
            Self::OutOfRange => "out-of-range",
            Self::Incompatible => "incompatible",
            Self::UnsupportedSchema => "unsupported-schema",
            Self::FileMissing => "file-missing",
            Self::FileFormat => "file-format",
            Self::TooLarge => "too-large",
            Self::TooManyMistakes => "too-many-mistakes",
        }
    }
}

/// One mistake, or one thing to look at twice.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Diagnostic {
    /// How serious.
    pub severity: Severity,
    /// What kind.
    pub code: Code,
    /// One sentence without a full stop.
    pub message: String,
    /// The file it is in, or the `--set` argument.
    pub file: String,
    /// The line, from 1; 0 if it concerns the file as a whole.
    pub line: u32,
    /// The column in characters, from 1; 0 if it concerns the file as a whole.
    pub column: u32,
    /// First byte and one past the last.
    pub span: [u32; 2],
    /// Where in the scenario: `reward.yuma.kappa`. Empty for the whole.
    pub path: String,
    /// What stands there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// What should stand there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The same place for the renderer; `None` if it concerns the file as a whole.
    #[serde(skip)]
    place: Option<Span>,
    /// A second place that explains the first, with what to say about it.
    #[serde(skip)]
    also: Option<(Span, String)>,
}

impl Diagnostic {
    /// An error of this kind, not yet anywhere.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: message.into(),
            file: String::new(),
            line: 0,
            column: 0,
            span: [0, 0],
            path: String::new(),
            found: None,
            expected: None,
            help: None,
            place: None,
            also: None,
        }
    }

    /// A warning of this kind, not yet anywhere.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// Concerns this file as a whole.
    #[must_use]
    pub fn of_file(mut self, file: impl Into<String>) -> Self {
        self.file = file.into();
        self
    }

    /// Concerns this line of a file that is not shown.
    #[must_use]
    pub fn of_line(mut self, file: impl Into<String>, line: u32) -> Self {
        self.file = file.into();
        self.line = line;
        self
    }

    /// Concerns this place.
    #[must_use]
    pub fn at(mut self, span: Span, origins: &Origins) -> Self {
        origins.name(span.origin).clone_into(&mut self.file);
        (self.line, self.column) = origins.position(span);
        self.span = [span.start, span.end];
        self.place = Some(span);
        self
    }

    /// Keeps the line and forgets the text: for a file of which no lines are shown.
    #[must_use]
    pub fn of_text_not_shown(mut self) -> Self {
        (self.place, self.also) = (None, None);
        self
    }

    /// Concerns this part of the scenario.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Names what stands there.
    #[must_use]
    pub fn found(mut self, found: impl Into<String>) -> Self {
        self.found = Some(found.into());
        self
    }

    /// Names what should stand there.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// Says what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says what to write instead, if there is something to say.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    /// Shows a second place.
    #[must_use]
    pub fn also(mut self, span: Span, label: impl Into<String>) -> Self {
        self.also = Some((span, label.into()));
        self
    }
}

/// One line: where, what, and what to do.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.column > 0 {
            write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        } else if self.line > 0 {
            write!(f, "{}:{}: ", self.file, self.line)?;
        } else if !self.file.is_empty() {
            write!(f, "{}: ", self.file)?;
        }
        f.write_str(&self.message)?;
        if let Some(help) = &self.help {
            write!(f, "; {help}")?;
        }
        Ok(())
    }
}

/// Everything wrong with an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics {
    /// In order of line.
    pub items: Vec<Diagnostic>,
    origins: Origins,
}

impl Diagnostics {
    /// Sorts the mistakes by place and keeps the first [`MOST`].
    #[must_use]
    pub fn new(mut items: Vec<Diagnostic>, origins: Origins) -> Self {
        items.sort_by(|a, b| {
            let key = |d: &Diagnostic| d.place.map_or((0, 0), |s| (s.origin, s.start));
            key(a).cmp(&key(b))
        });
        items.dedup();
        if items.len() > MOST {
            items.truncate(MOST);
            let file = items[0].file.clone();
            let message = "there are more mistakes than are shown";
            items.push(
                Diagnostic::error(Code::TooManyMistakes, message)
                    .of_file(file)
                    .help("repair these first: others may follow from them"),
            );
        }
        Self { items, origins }
    }

    /// One mistake about a file as a whole.
    #[must_use]
    pub fn one(item: Diagnostic) -> Self {
        Self::new(vec![item], Origins::new())
    }

    /// How a command ends over it: [`Exit::File`] if all that is wrong is that a file cannot
    /// be read, otherwise [`Exit::Scenario`].
    #[must_use]
    pub fn exit(&self) -> Exit {
        let file = |d: &Diagnostic| d.code == Code::FileMissing;
        let files_alone = !self.items.is_empty() && self.items.iter().all(file);
        if files_alone { Exit::File } else { Exit::Scenario }
    }

    /// As text for people, with colours if asked for.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        render::render(&self.items, &self.origins, colour)
    }
}

/// `{ "exit": 3, "diagnostics": [ … ] }`, for machines.
impl Serialize for Diagnostics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut whole = serializer.serialize_struct("Diagnostics", 2)?;
        whole.serialize_field("exit", &(self.exit() as u8))?;
        whole.serialize_field("diagnostics", &self.items)?;
        whole.end()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl core::error::Error for Diagnostics {}
