//! Hardware that a scenario names: built-in profiles, and profiles from files.

use std::fs::File;
use std::io::Read as _;

use sim_types::{Fact, HardwareProfile};

use super::choice::Ordered;
use super::raw::HardwareFile;
use super::resolve::Resolver;
use super::tree::{Tree, Value};
use super::yaml::plain;
use super::{files, typed, yaml};
use crate::diagnose::{Code, Diagnostic, quoted};

/// Largest file of a profile, bytes: one has a dozen lines.
const MAX_BYTES: u64 = 1 << 16;

/// The profiles that a scenario can name, and those that it does.
pub(super) struct HardwareTable {
    own: Vec<Own>,
    used: Vec<HardwareProfile>,
}

/// A profile from a file.
struct Own {
    name: String,
    /// The name of its file, without the directory.
    file: String,
    /// BLAKE3 of the file.
    digest: String,
    /// `None` if the file is wrong, which has been said.
    profile: Option<HardwareProfile>,
}

impl HardwareTable {
    /// Reads the files that the scenario names.
    pub(super) fn new(files: &Ordered<HardwareFile>, r: &mut Resolver<'_>) -> Self {
        let own = files.0.iter().map(|(name, file)| Own::read(name, &file.file, r)).collect();
        Self { own, used: Vec::new() }
    }

    /// The names of all profiles, those of the scenario first.
    pub(super) fn names(&self) -> Vec<String> {
        let own = self.own.iter().map(|own| own.name.clone());
        own.chain(gpu_kernels::profiles::names().map(str::to_owned)).collect()
    }

    /// The place of a profile among those used; `None` if there is no such profile.
    pub(super) fn index(&mut self, name: &str) -> Option<u16> {
        if let Some(at) = self.used.iter().position(|p| p.name == name) {
            return u16::try_from(at).ok();
        }
        let profile = match self.own.iter().find(|own| own.name == name) {
            // Nothing is drawn when a file is wrong: any place will do.
            Some(Own { profile: None, .. }) => return Some(0),
            Some(Own { profile: Some(profile), .. }) => profile,
            None => gpu_kernels::profiles::profile(name)?,
        };
        self.used.push(profile.clone());
        u16::try_from(self.used.len() - 1).ok()
    }

    /// Profiles in order of first use.
    pub(super) fn used(&self) -> &[HardwareProfile] {
        &self.used
    }

    /// As [`Self::used`].
    pub(super) fn into_used(self) -> Vec<HardwareProfile> {
        self.used
    }

    /// The numbers of the profiles used, and the digests of their files.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let mut facts = Vec::new();
        for profile in &self.used {
            facts.extend(gpu_kernels::profiles::facts(profile));
            if let Some(own) = self.own.iter().find(|own| own.name == profile.name) {
                let name = format!("hardware.{}.file", own.name);
                let value = format!("blake3 {}", own.digest);
                facts.push(Fact::new(name, value, profile.fit_class, &own.file));
            }
        }
        facts
    }
}

impl Own {
    fn read(name: &str, file: &str, r: &mut Resolver<'_>) -> Self {
        check_name(name, r);
        let mut own = Self {
            name: name.to_owned(),
            file: file.rsplit(['/', '\\']).next().unwrap_or(file).to_owned(),
            digest: String::new(),
            profile: None,
        };
        let path = format!("hardware_profiles.{name}.file");
        let Some((full, opened)) = files::open(file, &path, "hardware profile", r) else {
            return own;
        };
        let shown = full.display().to_string();
        match text(opened) {
            Ok(text) => {
                own.digest = blake3::hash(text.as_bytes()).to_hex().to_string();
                match parse(&shown, &text) {
                    Ok(profile) => {
                        own.profile = Some(HardwareProfile { name: name.to_owned(), ..profile });
                    }
                    Err(items) => {
                        r.errors.extend(items.into_iter().map(|item| item.path(&*path)));
                    }
                }
            }
            Err(found) => {
                let item = Diagnostic::error(Code::FileFormat, "this is not a hardware profile");
                r.errors.push(advised(item.found(found)).of_file(shown).path(path));
            }
        }
        own
    }
}

fn check_name(name: &str, r: &mut Resolver<'_>) {
    let well = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let item = if !well {
        let what = format!("{} cannot name a hardware profile", quoted(name));
        Diagnostic::error(Code::WrongType, what)
            .expected("small letters, digits and `_`, a letter first")
    } else if gpu_kernels::profiles::profile(name).is_some() {
        let what = format!("there is a built-in hardware profile {}", quoted(name));
        Diagnostic::error(Code::DuplicateKey, what)
            .found(quoted(name))
            .help(format!("write `my_{name}`, here and where it is used"))
    } else {
        return;
    };
    r.error_at_key(&format!("hardware_profiles.{name}"), item);
}

/// A file as text, or why it is none.
fn text(file: File) -> Result<String, String> {
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| plain(&error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("more than {MAX_BYTES} bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|_| "bytes that are not UTF-8 text".to_owned())?;
    if text.trim().is_empty() { Err("an empty file".to_owned()) } else { Ok(text) }
}

fn advised(item: Diagnostic) -> Diagnostic {
    item.expected("a profile as `arable kernels profile --from-bench FILE` prints it")
}

/// A profile from its text, which is JSON and so YAML: mistakes have their lines.
fn parse(shown: &str, text: &str) -> Result<HardwareProfile, Vec<Diagnostic>> {
    let alone = |items: Vec<Diagnostic>| items.into_iter().map(Diagnostic::of_text_not_shown);
    let mut tree = yaml::parse(shown, text)
        .map_err(|(items, _)| alone(items).map(advised).collect::<Vec<_>>())?;
    tree.what = "hardware profile";
    if !matches!(tree.value(tree.root()), Value::Mapping(_)) {
        let item = Diagnostic::error(Code::FileFormat, "this is not a hardware profile");
        return Err(vec![advised(item.found("no mapping of keys to values")).of_line(shown, 1)]);
    }
    let (profile, mut items) = typed::read::<HardwareProfile>(&mut tree);
    if let (Some(profile), true) = (&profile, items.is_empty()) {
        items = out_of_range(profile, &tree);
    }
    match profile {
        Some(profile) if items.is_empty() => Ok(profile),
        _ => Err(alone(items).collect()),
    }
}

/// What is wrong with the numbers of a profile.
fn out_of_range(p: &HardwareProfile, tree: &Tree) -> Vec<Diagnostic> {
    let share = |x: f64| x > 0.0 && x <= 1.0;
    let rate = |x: f64| (1.0..=1e24).contains(&x);
    let memory = (1..=1_000_000_000_000_000).contains(&p.memory_bytes);
    let checks = [
        ("peak_flops", rate(p.peak_flops), "1 to 1e24 FLOP/s"),
        ("memory_bandwidth", rate(p.memory_bandwidth), "1 to 1e24 bytes/s"),
        ("memory_bytes", memory, "1 to 10^15 bytes"),
        ("compute_efficiency", share(p.compute_efficiency), "above 0, at most 1"),
        ("memory_efficiency", share(p.memory_efficiency), "above 0, at most 1"),
        ("overhead_seconds", (0.0..=60.0).contains(&p.overhead_seconds), "0 to 60 seconds"),
        ("sharpness", (1.0..=100.0).contains(&p.sharpness), "1 to 100"),
    ];
    let wrong = checks.into_iter().filter(|(_, right, _)| !right);
    wrong
        .map(|(field, _, expected)| {
            let (id, _) = tree.find(field);
            let message = format!("{} is out of range", quoted(field));
            Diagnostic::error(Code::OutOfRange, message)
                .found(quoted(&tree.show(id)))
                .expected(expected)
                .at(tree.blame(id), &tree.origins)
        })
        .collect()
}
