//! Bad scenarios: every mistake is reported at its line, with its kind and what to write
//! instead, and no text of any kind makes the reader panic.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use arable::diagnose::{Code, Diagnostics};
use arable::exit::Exit;
use arable::scenario::Source;
use proptest::prelude::*;

/// A sound scenario; the numbers of its lines are part of the tests.
const SOUND: &str = "\
schema: 1
title: A sound scenario
seed: 7
horizon: 2h
population:
  validators: { role: validator, count: 2, stake: 1000 TAO, hardware: a100_sxm }
  miners:
    role: provider
    count: 4
    hardware: { mix: { rtx_4090: 1, l40s: 3 } }
    region: tokyo
    behaviour: { lazy: { rate: 60%, effort: 30% } }
demand:
  poisson: { rate_per_second: 1, prompt_tokens: { fixed: 50 }, output_tokens: { fixed: 20 } }
market: { validator_dispatch: { route: standing } }
execution: { roofline: { model: llama_3_1_8b } }
verification: { scoring: { noise: 5% } }
settlement: { slots: { block_interval: 12s } }
reward: { yuma: { tempo: 100 } }
emission: { per_block: 0.5 TAO }
faults:
  - crash: { at: 1h, for: 10min, group: miners, share: 50% }
  - partition: { at: 30min, for: 1min, regions: [tokyo, seoul] }
changes:
  - { at: 1h, set: { emission.per_block: 0.25 TAO } }
expect:
  jobs_final_share: { at_least: 0.5 }
";

/// Line, kind and a part of what is said about it.
type Said = (u32, Code, &'static str);

/// What is wrong with `text`; panics if nothing is.
fn wrong(text: &str) -> Diagnostics {
    let planned = Source::from_text("bad.yaml", text).and_then(|source| source.plan());
    match planned {
        Ok(_) => panic!("nothing is wrong with\n{text}"),
        Err(diagnostics) => diagnostics,
    }
}

fn sound_with(from: &str, to: &str) -> String {
    assert_eq!(SOUND.matches(from).count(), 1, "{from}");
    SOUND.replace(from, to)
}

#[test]
fn the_sound_scenario_is_sound() {
    let source = Source::from_text("sound.yaml", SOUND).expect("YAML");
    let (plan, warnings) = source.plan().expect("sound");
    assert_eq!(warnings, []);
    assert_eq!((plan.name.as_str(), plan.seed, plan.replications), ("sound", 7, 1));
    assert_eq!(plan.groups[1].members[0].len(), 4);
    assert_eq!((plan.faults.len(), plan.changes.len(), plan.expect.len()), (2, 1, 1));
}

/// One change each, one mistake each: exactly that is reported.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn every_mistake_is_reported_at_its_place() {
    use Code::{
        DuplicateKey, FileMissing, Incompatible, MissingKey, OneKey, OutOfRange, Syntax,
        UnknownKey, UnknownName, UnsupportedSchema, WrongType, WrongUnit,
    };
    let table: &[(&str, &str, Said)] = &[
        // Keys.
        ("seed: 7", "sead: 7", (3, UnknownKey, "did you mean `seed`?")),
        ("horizon: 2h\n", "", (1, MissingKey, "add `horizon: 1h`")),
        ("title: A sound scenario\n", "", (1, MissingKey, "add `title:")),
        ("schema: 1\n", "", (1, MissingKey, "add `schema: 1`")),
        ("    count: 4\n", "", (7, MissingKey, "`population.miners` lacks `count`")),
        ("{ tempo: 100 }", "{ temp: 100 }", (19, UnknownKey, "did you mean `tempo`?")),
        ("seed: 7", "seed: 7\nseed: 8", (4, DuplicateKey, "first here")),
        ("{ rate: 60%,", "{ rate: 6%, rate: 60%,", (12, DuplicateKey, "keep one")),
        // Rules.
        ("{ yuma:", "{ yumma:", (19, UnknownName, "did you mean `yuma`?")),
        (
            "{ validator_dispatch: { route: standing } }",
            "validator_dispatch",
            (15, WrongType, "write `market: { validator_dispatch: {} }`"),
        ),
        (
            "{ yuma: { tempo: 100 } }",
            "{ yuma: {}, proportional: {} }",
            (19, OneKey, "keep one of them"),
        ),
        ("{ yuma: { tempo: 100 } }", "{}", (19, OneKey, "`yuma`")),
        ("{ yuma: { tempo: 100 } }", "{ yuma: }", (19, WrongType, "found nothing")),
        ("{ yuma: { tempo: 100 } }", "~", (19, WrongType, "found nothing")),
        ("route: standing", "route: standng", (15, UnknownName, "did you mean `standing`?")),
        // Units.
        ("horizon: 2h", "horizon: 2", (4, WrongUnit, "write `2s` or `2h`")),
        ("horizon: 2h", "horizon: 2 hours", (4, WrongUnit, "write `2h`")),
        ("horizon: 2h", "horizon: 2 TAO", (4, WrongUnit, "`min`")),
        ("horizon: 2h", "horizon: soon", (4, WrongType, "found `soon`")),
        ("seed: 7", "trace: ful", (3, UnknownName, "did you mean `full`?")),
        ("seed: 7", "trace: { sampled: 64 }", (3, WrongType, "such as `1/64`")),
        ("seed: 7", "trace: { sampled: 1/0 }", (3, WrongType, "found `1/0`")),
        ("seed: 7", "trace: { sampled: 1/8, full: {} }", (3, OneKey, "keep one of them")),
        ("horizon: 2h", "horizon: -2h", (4, WrongType, "never negative")),
        ("0.5 TAO", "0.5 tao", (20, WrongUnit, "write `0.5 TAO`")),
        ("0.5 TAO", "0.5", (20, WrongUnit, "write `0.5 TAO`")),
        ("0.5 TAO", "0.0000000005 TAO", (20, OutOfRange, "finer than the smallest unit")),
        ("rate: 60%", "rate: 60", (12, OutOfRange, "write `60%`")),
        ("rate: 60%", "rate: 160%", (12, OutOfRange, "0% to 100%")),
        ("interval: 12s", "interval: 12 sec", (18, WrongUnit, "write `12s`")),
        // Numbers and text.
        ("count: 4", "count: -4", (9, OutOfRange, "found `-4`")),
        ("count: 4", "count: 4.5", (9, WrongType, "not a whole number")),
        ("count: 4", "count: '4'", (9, WrongType, "write 4 without quotes")),
        ("count: 4", "count: 0", (9, OutOfRange, "at least 1")),
        ("count: 4", "count: 99999999999", (9, OutOfRange, "4294967295")),
        ("count: 4", "count: 017", (9, WrongType, "found `017`")),
        ("count: 4", "count: 70000", (5, OutOfRange, "at most 65535")),
        ("count: 4", "count: [4]", (9, WrongType, "found a list")),
        ("seed: 7", "seed: yes", (3, WrongType, "found `yes`")),
        ("seed: 7", "seed: 18446744073709551616", (3, OutOfRange, "a whole number")),
        ("seed: 7", "replications: 0", (3, OutOfRange, "1 to 10000")),
        ("seed: 7", "sample_every: 0s", (3, OutOfRange, "more than 0s")),
        ("horizon: 2h", "horizon: 0s", (4, OutOfRange, "more than 0s")),
        ("horizon: 2h", "horizon: 11000d", (4, OutOfRange, "3650d")),
        ("rate_per_second: 1,", "rate_per_second: fast,", (14, WrongType, "a number")),
        ("rate_per_second: 1,", "rate_per_second: .inf,", (14, WrongType, "a number")),
        ("rate_per_second: 1,", "rate_per_second: -1,", (14, OutOfRange, "found `-1`")),
        ("{ fixed: 50 }", "50", (14, WrongType, "write `prompt_tokens: { fixed: 50 }`")),
        ("title: A sound scenario", "title: ''", (2, OutOfRange, "the title is empty")),
        ("schema: 1", "schema: 2", (1, UnsupportedSchema, "write `schema: 1`")),
        // Run control.
        ("seed: 7", "replications: many", (3, WrongType, "a whole number from 1 to 10000")),
        ("seed: 7", "replications: 2.5", (3, WrongType, "not a whole number")),
        ("seed: 7", "replications: 10001", (3, OutOfRange, "1 to 10000")),
        ("seed: 7", "replications: { min: 5, max: 50 }", (3, MissingKey, "add `until")),
        (
            "seed: 7",
            "replications: { mn: 5, max: 50, until: { metric: answer_latency_mean, half_width: 5% } }",
            (3, UnknownKey, "did you mean `min`?"),
        ),
        (
            "seed: 7",
            "replications: { min: 1, max: 50, until: { metric: answer_latency_mean, half_width: 5% } }",
            (3, OutOfRange, "2 to 10000"),
        ),
        (
            "seed: 7",
            "replications: { min: 5, max: 4, until: { metric: answer_latency_mean, half_width: 5% } }",
            (3, OutOfRange, "at least `min`, 5"),
        ),
        (
            "seed: 7",
            "replications: { min: 5, max: 50, until: { metric: answer_latency_men, half_width: 5% } }",
            (3, UnknownName, "did you mean `answer_latency_mean`?"),
        ),
        (
            "seed: 7",
            "replications: { min: 5, max: 50, until: { metric: answer_latency_mean, half_width: 5 } }",
            (3, WrongUnit, "write `5%`"),
        ),
        (
            "seed: 7",
            "replications: { min: 5, max: 50, until: { metric: answer_latency_mean, half_width: 5 TAO } }",
            (3, WrongUnit, "`20ms`"),
        ),
        (
            "seed: 7",
            "replications: { min: 5, max: 50, until: { metric: answer_latency_mean, half_width: 0% } }",
            (3, WrongUnit, "above 0%"),
        ),
        (
            "seed: 7",
            "replications: { min: 5, max: 50, until: { metric: emission_total, half_width: 5s } }",
            (3, WrongUnit, "`0.5 TAO`"),
        ),
        (
            "seed: 7",
            "antithetic: true\nreplications: 5",
            (4, Incompatible, "write `replications: 6`"),
        ),
        ("seed: 7", "antithetic: yes", (3, WrongType, "write `true`")),
        ("seed: 7", "warmup: 2h", (3, OutOfRange, "less than the horizon, 2h")),
        ("seed: 7", "warmup: 10 minutes", (3, WrongUnit, "write `10min`")),
        ("seed: 7", "warmup: 10", (3, WrongUnit, "write `10s`")),
        ("seed: 7", "warmup: mser", (3, WrongType, "`mser5`")),
        // A rule's own domain, at the field it names.
        ("tempo: 100", "tempo: 0", (19, OutOfRange, "`reward.yuma.tempo`")),
        (
            "effort: 30%",
            "effort: 0%",
            (12, OutOfRange, "`population.miners.behaviour.lazy.effort`"),
        ),
        ("interval: 12s", "interval: 0s", (18, OutOfRange, "`settlement.slots.block_interval`")),
        // Names.
        ("rtx_4090: 1", "rtx_4900: 1", (10, UnknownName, "did you mean `rtx_4090`?")),
        ("hardware: a100_sxm", "hardware: a100", (6, UnknownName, "did you mean `a100_sxm`?")),
        ("rtx_4090: 1, l40s: 3", "rtx_4090: 0, l40s: 0", (10, OutOfRange, "at least 1 in all")),
        ("region: tokyo", "region: toyko", (11, UnknownName, "did you mean `tokyo`?")),
        (
            "region: tokyo",
            "region: { mux: { tokyo: 1 } }",
            (11, UnknownName, "did you mean `mix`?"),
        ),
        (
            "model: llama_3_1_8b",
            "model: llama_3_8b",
            (16, UnknownName, "did you mean `llama_3_1_8b`?"),
        ),
        (
            "  jobs_final_share",
            "  job_final_share",
            (27, UnknownName, "did you mean `jobs_final_share`?"),
        ),
        ("role: provider", "role: miner", (8, UnknownName, "`provider`")),
        ("lazy: {", "lazzy: {", (12, UnknownName, "did you mean `lazy`?")),
        ("  validators: {", "  Validators!: {", (6, WrongType, "small letters")),
        ("group: miners", "group: minors", (22, UnknownName, "did you mean `miners`?")),
        (
            "regions: [tokyo, seoul]",
            "regions: [tokyo, soul]",
            (23, UnknownName, "did you mean `seoul`?"),
        ),
        ("regions: [tokyo, seoul]", "regions: []", (23, OutOfRange, "cuts nothing off")),
        ("regions: [tokyo, seoul]", "regions: [tokyo, tokyo]", (23, DuplicateKey, "named twice")),
        // Faults and changes.
        ("crash: { at: 1h", "crash: { at: 3h", (22, OutOfRange, "before the horizon, 2h")),
        ("for: 10min", "for: 0s", (22, OutOfRange, "more than 0s")),
        ("share: 50%", "index: 4", (22, OutOfRange, "0 to 3")),
        ("share: 50%", "subnet: 1", (22, OutOfRange, "there is no subnet 1")),
        ("share: 50%", "share: 50%, index: 1", (22, Incompatible, "remove one of the two")),
        ("- crash: {", "- crush: {", (22, UnknownName, "did you mean `crash`?")),
        ("- { at: 1h, set", "- { set", (25, MissingKey, "add `at: 12h`")),
        ("- { at: 1h, set", "- { at: 1h, block: 9, set", (25, Incompatible, "`at` or `block`")),
        ("- { at: 1h, set", "- { block: 900, set", (25, OutOfRange, "due at 3h")),
        (
            "set: { emission.per_block",
            "set: { emission.per_blok",
            (25, UnknownKey, "did you mean `emission.per_block`?"),
        ),
        ("per_block: 0.25 TAO", "per_block: 0.25 s", (25, WrongUnit, "`TAO`")),
        (
            "emission.per_block: 0.25 TAO",
            "reward.yuma.tempo: 0",
            (25, OutOfRange, "`reward.yuma.tempo`"),
        ),
        (
            "emission.per_block: 0.25 TAO",
            "reward.yuma.temp: 9",
            (25, UnknownKey, "did you mean `tempo`?"),
        ),
        (
            "emission.per_block: 0.25 TAO",
            "reward.proportional.epoch_blocks: 9",
            (25, UnknownKey, "`reward.yuma.`"),
        ),
        ("{ at_least: 0.5 }", "{}", (27, MissingKey, "`at_least`, `at_most` or both")),
        (
            "{ at_least: 0.5 }",
            "{ at_least: 0.5, at_most: 0.4 }",
            (27, OutOfRange, "at least `at_least`"),
        ),
        // Files.
        (
            "seed: 7",
            "hardware_profiles: { mine: { file: none.json } }",
            (3, FileMissing, "cannot read the hardware profile: there is no such file"),
        ),
        ("seed: 7", "initial_state: { file: none.csv }", (3, FileMissing, "there is no such file")),
        ("seed: 7", "initial_state: { file: src }", (3, FileMissing, "it is a directory")),
        // What does not go together.
        (
            "hardware: a100_sxm }",
            "hardware: a100_sxm, behaviour: { honest: {} } }",
            (6, Incompatible, "is set for validators"),
        ),
        ("count: 2, stake: 1000 TAO,", "count: 2,", (6, MissingKey, "add `stake: 1000 TAO`")),
        ("stake: 1000 TAO", "stake: 11000000 TAO", (6, OutOfRange, "at most 21000000 TAO")),
        (
            "hardware: a100_sxm }",
            "hardware: a100_sxm, weights: { sided: { favours: [minors], share: 60% } } }",
            (6, UnknownName, "did you mean `miners`?"),
        ),
        (
            "hardware: a100_sxm }",
            "hardware: a100_sxm, weights: { sided: { favours: [validators], share: 60% } } }",
            (6, Incompatible, "weights are given to providers"),
        ),
        (
            "hardware: a100_sxm }",
            "hardware: a100_sxm, weights: { sided: { favours: [], share: 60% } } }",
            (6, OutOfRange, "at least one group"),
        ),
        (
            "hardware: a100_sxm }",
            "hardware: a100_sxm, weights: { selective_copy: { average: { alpha: 0% } } } }",
            (6, OutOfRange, "average.alpha"),
        ),
        ("stake: 1000 TAO", "stake: 0 TAO", (6, OutOfRange, "no validator has any stake")),
        ("scoring: { noise: 5% }", "redundancy: { replicas: 5 }", (17, Incompatible, "at most 4")),
        (
            "hardware: a100_sxm }",
            "hardware: a100_sxm, weights: { copied: {} } }",
            (6, Incompatible, "nothing to copy"),
        ),
        ("llama_3_1_8b", "llama_3_1_405b", (16, Incompatible, "no machine")),
        // Text that is no YAML.
        ("seed: 7", "\tseed: 7", (3, Syntax, "indent with spaces")),
        ("seed: 7", "seed: [7", (4, Syntax, "close the bracket")),
        ("seed: 7", "seed: a: b", (3, Syntax, "a `:` where no key can stand")),
        ("seed: 7", "seed: !wrong 7", (3, Syntax, "remove the tag")),
        ("seed: 7", "<<: { seed: 7 }", (3, Syntax, "write the merged keys out")),
        ("seed: 7", "---\nseed: 7", (3, Syntax, "one file holds one scenario")),
        ("seed: 7", "seed: *unknown", (3, Syntax, "anchor")),
        ("seed: 7", "seed: \0", (3, Syntax, "NUL")),
    ];
    let mut failures = String::new();
    for &(from, to, (line, code, part)) in table {
        let text = sound_with(from, to);
        let found = wrong(&text);
        let rendered = found.render(false);
        let fits = found.items.len() == 1
            && found.items[0].line == line
            && found.items[0].code == code
            && rendered.contains(part);
        if !fits {
            let _ = writeln!(
                failures,
                "`{from}` → `{to}`: expected line {line}, {code:?}, {part}\n{rendered}"
            );
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// Mistakes of every layer — keys, units, names, domains — are all reported at once, sorted,
/// and what follows from them is not.
#[test]
fn all_mistakes_are_reported_at_once() {
    let text = SOUND
        .replace("seed: 7", "sead: 7")
        .replace("horizon: 2h", "horizon: 2 hours")
        .replace("region: tokyo", "region: toyko")
        .replace("effort: 30%", "effort: 0%")
        .replace("{ yuma:", "{ yumma:")
        .replace("group: miners", "group: minors");
    let lines: Vec<u32> = wrong(&text).items.iter().map(|item| item.line).collect();
    assert_eq!(lines, [3, 4, 11, 12, 19, 22]);
}

#[test]
fn at_most_twenty_mistakes_are_shown() {
    let mut text = SOUND.to_owned();
    for i in 0..50 {
        let _ = writeln!(text, "key{i}: 1");
    }
    let found = wrong(&text);
    assert_eq!(found.items.len(), 21);
    assert_eq!(found.items[20].code, Code::TooManyMistakes);
}

#[test]
fn a_population_has_at_most_a_million_nodes() {
    let text = sound_with("count: 4", "count: 60000").replace("seed: 7", "subnets: 17");
    let found = wrong(&text);
    assert_eq!((found.items.len(), found.items[0].line), (1, 5), "{found}");
    assert!(found.render(false).contains("found 1020034, expected at most 1000000"), "{found}");
}

/// A mistake in a value does not hide one beside it, whatever the type of the value.
#[test]
fn mistakes_side_by_side_are_all_found() {
    let good = "{ at: 1h, for: 10min, group: miners, share: 50% }";
    let bad = "{ at: now, for: long, group: [], share: much, subnet: x, index: y, z: 0 }";
    let found = wrong(&sound_with(good, bad));
    assert_eq!(found.items.len(), 7, "{}", found.render(false));
    assert!(found.items.iter().all(|item| item.line == 22));
}

#[test]
fn machine_readable_diagnostics_carry_every_field() {
    let found = wrong(&sound_with("rtx_4090: 1", "rtx_4900: 1"));
    let json = serde_json::to_value(&found).expect("serialises");
    assert_eq!(json["exit"], 3);
    let item = &json["diagnostics"][0];
    assert_eq!(item["file"], "bad.yaml");
    assert_eq!((&item["line"], &item["column"]), (&10.into(), &24.into()));
    assert_eq!(item["code"], "unknown-name");
    assert_eq!(item["path"], "population.miners.hardware.mix.rtx_4900");
    assert_eq!(item["found"], "`rtx_4900`");
    assert_eq!(item["help"], "did you mean `rtx_4090`?");
    let span = (item["span"][0].as_u64(), item["span"][1].as_u64());
    let start = SOUND.find("rtx_4090").expect("there");
    assert_eq!(span, (Some(start as u64), Some(start as u64 + 8)));
}

/// A fresh directory of this test's own.
fn directory(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("a temporary directory");
    dir
}

#[test]
fn files_that_are_no_scenarios_are_refused_with_a_reason() {
    let dir = directory("no_scenarios");
    let file = |name: &str, bytes: &[u8]| {
        fs::write(dir.join(name), bytes).expect("written");
    };
    file("empty.yaml", b"");
    file("comment.yaml", b"# nothing\n");
    file("latin1.yaml", b"schema: 1\ntitle: caf\xe9\n");
    file("nul.yaml", b"schema: 1\0");
    file("list.yaml", b"- 1\n- 2\n");
    file("word.yaml", b"hello\n");
    fs::create_dir(dir.join("dir.yaml")).expect("made");
    // Sparse: two gigabytes that nobody reads.
    let large = fs::File::create(dir.join("large.yaml")).expect("made");
    large.set_len(2 << 30).expect("sparse");
    let table = [
        ("none.yaml", Code::FileMissing, Exit::File, "there is no such file"),
        ("dir.yaml", Code::FileMissing, Exit::File, "is a directory"),
        ("large.yaml", Code::TooLarge, Exit::Scenario, "2147483648 bytes"),
        ("empty.yaml", Code::Syntax, Exit::Scenario, "is empty"),
        ("comment.yaml", Code::Syntax, Exit::Scenario, "is empty"),
        ("latin1.yaml", Code::Syntax, Exit::Scenario, "line 2 is not UTF-8"),
        ("nul.yaml", Code::Syntax, Exit::Scenario, "NUL"),
        ("list.yaml", Code::WrongType, Exit::Scenario, "a list"),
        ("word.yaml", Code::WrongType, Exit::Scenario, "`hello`"),
    ];
    for (name, code, exit, part) in table {
        let found = Source::load(&dir.join(name)).and_then(|s| s.plan()).expect_err(name);
        assert_eq!((found.items[0].code, found.exit()), (code, exit), "{name}");
        assert!(found.render(false).contains(part), "{name}: {}", found.render(false));
    }
}

/// Hostile texts are refused by a limit, not by a crash: the limits bound time and memory.
#[test]
fn hostile_texts_meet_a_limit() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let before = format!("*a{}", level - 1);
        let _ = writeln!(bomb, "a{level}: &a{level} [{}]", [before.as_str(); 10].join(", "));
    }
    let deep: String = (0..40).fold(String::new(), |mut text, depth| {
        let _ = writeln!(text, "{}k:", "  ".repeat(depth));
        text
    });
    let table = [
        ("brackets", "[".repeat(200_000), "at most 32"),
        ("braces", "{a: ".repeat(50_000), "at most 32"),
        ("deep", deep, "at most 32"),
        ("aliases", bomb, "by alias"),
        ("nodes", format!("[{}]", "1,".repeat(150_000)), "at most 100000"),
        ("bytes", format!("a: {}", "x".repeat(1 << 20)), "at most 1048576 bytes"),
    ];
    for (name, text, part) in table {
        let found = Source::from_text("hostile.yaml", &text).expect_err(name);
        assert_eq!(found.items[0].code, Code::TooLarge, "{name}: {}", found.render(false));
        assert!(found.render(false).contains(part), "{name}: {}", found.render(false));
    }
}

#[test]
fn a_table_of_stakes_is_reported_by_its_own_lines() {
    let dir = directory("stakes");
    let text = sound_with("seed: 7", "initial_state: { file: stakes.csv }");
    let plan = |table: &str| {
        fs::write(dir.join("stakes.csv"), table).expect("written");
        Source::from_text(dir.join("s.yaml"), &text).and_then(|s| s.plan())
    };
    let head = "subnet,group,index,stake,balance\n";
    let (planned, _) =
        plan(&format!("{head}0,validators,1,5 TAO,\n0,miners,3,,2 TAO\n")).expect("sound");
    assert_eq!(planned.groups[0].members[0][1].stake.0, 5_000_000_000);
    assert_eq!(planned.groups[0].members[0][0].stake.0, 1_000_000_000_000);
    assert_eq!(planned.groups[1].members[0][3].balance.0, 2_000_000_000);
    let table = [
        ("uid,stake\n", 1, "subnet,group,index"),
        ("", 1, "subnet,group,index"),
        ("0,miners,4,1 TAO,", 2, "0 to 3"),
        ("1,miners,0,1 TAO,", 2, "0 to 0"),
        ("0,minors,0,1 TAO,", 2, "did you mean `miners`?"),
        ("0,miners,0,1 tao,", 2, "`TAO`"),
        ("0,miners,0,1 TAO", 2, "4 fields"),
        ("0,miners,0,1 TAO,\n0,miners,0,2 TAO,", 3, "line 2 already sets this member"),
    ];
    for (rows, line, part) in table {
        let text = if line == 1 { rows.to_owned() } else { format!("{head}{rows}\n") };
        let found = plan(&text).expect_err(rows);
        let item = &found.items[0];
        assert_eq!((item.line, item.code), (line, Code::FileFormat), "{rows}: {found}");
        assert!(item.file.ends_with("stakes.csv"));
        assert!(found.render(false).contains(part), "{rows}: {found}");
    }
}

#[test]
fn a_request_trace_is_opened_and_its_content_is_part_of_the_plan() {
    let dir = directory("trace");
    let poisson = "poisson: { rate_per_second: 1, prompt_tokens: { fixed: 50 }, output_tokens: { fixed: 20 } }";
    let text = sound_with(poisson, "trace: { file: t.csv, repeat: true }");
    let plan = |trace: Option<&str>| {
        match trace {
            Some(trace) => fs::write(dir.join("t.csv"), trace).expect("written"),
            None => drop(fs::remove_file(dir.join("t.csv"))),
        }
        Source::from_text(dir.join("s.yaml"), &text).and_then(|s| s.plan())
    };
    let head = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
    let first = "2023-11-16 18:17:03.9799600,4808,10\n";
    let (one, _) = plan(Some(&format!("{head}{first}"))).expect("a trace");
    let (two, _) = plan(Some(&format!("{head}{first}{first}"))).expect("a trace");
    assert_ne!(one.digest(), two.digest());
    let file = one.demand_file.as_ref().expect("resolved");
    assert_eq!(file.digest, blake3::hash(format!("{head}{first}").as_bytes()).to_hex().as_str());
    let mut moved = one.clone();
    moved.demand_file.as_mut().expect("resolved").path = "elsewhere/t.csv".into();
    assert_eq!(one.digest(), moved.digest(), "the directory is no part of the plan");
    for (trace, line, code) in [
        (None, 14, Code::FileMissing),
        (Some("a,b,c\n1,2,3\n"), 1, Code::FileFormat),
        (Some(head), 1, Code::FileFormat),
    ] {
        let found = plan(trace).expect_err("no trace");
        assert_eq!((found.items[0].line, found.items[0].code), (line, code), "{found}");
    }
}

/// A profile as `arable kernels profile --from-bench` prints it.
const PROFILE: &str = r#"{
  "name": "measured",
  "peak_flops": 989000000000000.0,
  "memory_bandwidth": 3350000000000.0,
  "memory_bytes": 80000000000,
  "compute_efficiency": 0.7,
  "memory_efficiency": 0.8,
  "overhead_seconds": 4e-6,
  "sharpness": 3.5,
  "limits_class": "published",
  "limits_source": "a data sheet",
  "fit_class": "fitted",
  "fit_source": "24 products"
}
"#;

#[test]
fn a_hardware_profile_is_read_from_a_file_and_its_content_is_part_of_the_plan() {
    let dir = directory("hardware");
    let text = sound_with("seed: 7", "hardware_profiles: { mine: { file: p/mine.json } }")
        .replace("rtx_4090: 1", "mine: 1");
    fs::create_dir_all(dir.join("p")).expect("writable");
    let plan_of = |text: &str, profile: &str| {
        fs::write(dir.join("p/mine.json"), profile).expect("written");
        Source::from_text(dir.join("s.yaml"), text).and_then(|source| source.plan())
    };
    let plan = |profile: &str| plan_of(&text, profile);
    let (one, warnings) = plan(PROFILE).expect("sound");
    assert_eq!(warnings, []);
    let mine = one.hardware.iter().find(|p| p.name == "mine").expect("named so by the scenario");
    assert_eq!((mine.memory_bytes, mine.fit_source.as_str()), (80_000_000_000, "24 products"));
    assert!((mine.overhead_seconds - 4e-6).abs() < 1e-12);
    assert!((mine.sharpness - 3.5).abs() < 1e-12);
    let fact = one.facts.iter().find(|f| f.name == "hardware.mine.file").expect("recorded");
    let digest = blake3::hash(PROFILE.as_bytes()).to_hex();
    assert_eq!((fact.value.as_str(), &*fact.source), (&*format!("blake3 {digest}"), "mine.json"));
    assert!(one.facts.iter().any(|f| f.name == "hardware.mine.sharpness" && f.value == "3.5"));
    let (two, _) = plan(&PROFILE.replace("3.5", "3.6")).expect("sound");
    assert_ne!(one.digest(), two.digest());

    let table = [
        ("\"sharpness\"", "\"sharpnes\"", 9, Code::UnknownKey, "did you mean `sharpness`?"),
        ("  \"sharpness\": 3.5,\n", "", 2, Code::MissingKey, "has no `sharpness`"),
        ("3.5", "\"sharp\"", 9, Code::WrongType, "`sharpness`"),
        ("3.5", "0.5", 9, Code::OutOfRange, "found `0.5`, expected 1 to 100"),
        ("0.7", "70", 6, Code::OutOfRange, "found `70`, expected above 0, at most 1"),
        ("0.8", "0", 7, Code::OutOfRange, "expected above 0, at most 1"),
        ("4e-6", "-1", 8, Code::OutOfRange, "0 to 60 seconds"),
        ("80000000000,", "-1,", 5, Code::OutOfRange, "`memory_bytes`"),
        ("\"fitted\"", "\"guessed\"", 12, Code::UnknownName, "`assumed`"),
        ("3.5,", "3.5,,", 9, Code::Syntax, "mine.json:9"),
    ];
    let mut off = Vec::new();
    let mut hold = |found: Diagnostics, to: &str, (line, code, part): (u32, Code, &str)| {
        let item = found.items.iter().find(|item| item.code == code);
        let here = item.is_some_and(|item| item.line == line);
        if !here || !found.render(false).contains(part) {
            off.push(format!("{to}, wanted {code:?} at {line} with {part}:\n{found}"));
        }
    };
    for (from, to, line, code, part) in table {
        assert_eq!(PROFILE.matches(from).count(), 1, "{from}");
        let found = plan(&PROFILE.replace(from, to)).expect_err(to);
        assert!(found.items[0].file.ends_with("mine.json"), "{to}: {found}");
        hold(found, to, (line, code, part));
    }
    for (wrong, line) in [("", 0), ("[1, 2]", 1), ("measured", 1), (&*" ".repeat(70_000), 0)] {
        let found = plan(wrong).expect_err("no profile");
        hold(found, wrong, (line, Code::FileFormat, "--from-bench"));
    }
    // Names: at their keys, with what to write instead.
    let table = [
        ("mine: 1", "mime: 1", 10, Code::UnknownName, "did you mean `mine`?"),
        ("{ mine: {", "{ Mine: {", 3, Code::WrongType, "small letters"),
        ("{ mine: {", "{ h100_sxm: {", 3, Code::DuplicateKey, "write `my_h100_sxm`"),
        ("{ mine: {", "{ mine: { file: p/mine.json }, mine: {", 3, Code::DuplicateKey, "first"),
        ("file: p", "path: p", 3, Code::UnknownKey, "`file`"),
        ("p/mine.json", "p", 3, Code::FileMissing, "it is a directory"),
    ];
    for (from, to, line, code, part) in table {
        let found = plan_of(&text.replace(from, to), PROFILE).expect_err(to);
        hold(found, to, (line, code, part));
    }
    assert!(off.is_empty(), "{}", off.join("\n"));
}

/// A network with an economy; the numbers of its lines are part of the test.
const ECONOMY: &str = "\
schema: 1
title: A sound economy
horizon: 2d
resolution: aggregate
subnets: 2
population:
  validators: { role: validator, count: 2, stake: 1000 TAO, hardware: a100_sxm }
  miners: { role: provider, count: 4, hardware: rtx_4090 }
demand:
  poisson: { rate_per_second: 1, prompt_tokens: { fixed: 50 }, output_tokens: { fixed: 20 } }
market: { validator_dispatch: {} }
execution: { roofline: { model: llama_3_1_8b } }
verification: { scoring: {} }
settlement: { slots: {} }
reward: { yuma: {} }
emission:
  dtao:
    rules: 2026-07-27
    issuance: 10000000 TAO
    pool: { tao: 1000 TAO, alpha: 50000 TAO }
    registrations: { per_day: 1 }
    traders:
      value: { rule: { value: { worth: 1, margin: 5%, part: 1% } }, funds: 10 TAO }
";

#[test]
fn mistakes_in_an_economy_are_reported_at_their_place() {
    use Code::{Incompatible, OutOfRange, UnknownName, WrongType};
    Source::from_text("economy.yaml", ECONOMY).and_then(|s| s.plan()).expect("sound");
    let table: &[(&str, &str, Said)] = &[
        ("2026-07-27", "2025-02-12", (18, OutOfRange, "from `2025-02-13` on")),
        ("2026-07-27", "2026-02-30", (18, WrongType, "a day such as `2026-07-01`")),
        ("2026-07-27", "net_flw", (18, WrongType, "did you mean `net_flow`?")),
        ("10000000 TAO", "1500 TAO", (19, OutOfRange, "2000 TAO in pools")),
        ("10000000 TAO", "22000000 TAO", (19, OutOfRange, "at most 21000000 TAO")),
        ("tao: 1000 TAO", "tao: 0.5 TAO", (20, OutOfRange, "1 TAO to 21000000 TAO")),
        ("alpha: 50000 TAO", "alpha: 21000000 TAO", (17, OutOfRange, "more alpha than")),
        ("per_day: 1 ", "per_day: -1 ", (21, OutOfRange, "0 to 7200")),
        ("resolution: aggregate", "seed: 1", (21, Incompatible, "resolution: aggregate")),
        (
            "registrations: { per_day: 1 }",
            "subnet_registrations: { per_day: 9000 }",
            (21, OutOfRange, "0 to 7200"),
        ),
        (
            "registrations: { per_day: 1 }",
            "subnet_registrations: { at_most: 22000000 TAO }",
            (21, OutOfRange, "at most 21000000 TAO"),
        ),
        ("worth: 1,", "worth: 0,", (23, OutOfRange, "above 0, at most 1000")),
        ("funds: 10 TAO", "subnets: [2]", (23, OutOfRange, "0 to 1")),
        ("funds: 10 TAO", "every: 1s", (23, OutOfRange, "at least one block")),
        ("value: { worth", "vlue: { worth", (23, UnknownName, "did you mean `value`?")),
        ("{ scoring: {} }", "{ none: {} }", (13, Incompatible, "whose scores it draws")),
        ("{ yuma: {} }", "{ proportional: {} }", (17, Incompatible, "reward: { yuma: {} }")),
        (
            "{ yuma: {} }",
            "{ yuma: { mechanisms: [ { weighs: [minrs] } ] } }",
            (15, UnknownName, "did you mean `miners`?"),
        ),
        (
            "{ yuma: {} }",
            "{ yuma: { mechanisms: [ { weighs: [validators] } ] } }",
            (15, Incompatible, "weights are given to providers"),
        ),
        (
            "{ yuma: {} }",
            "{ yuma: { mechanisms: [ { weighs: [miners] }, { weighs: [] } ] } }",
            (15, OutOfRange, "at least one group"),
        ),
        (
            "{ yuma: {} }",
            "{ yuma: { mechanisms: [ { weighs: [miners], parts: 0 } ] } }",
            (15, OutOfRange, "above 0 for at least one"),
        ),
        (
            "reward: { yuma: {} }",
            "reward: { yuma: {} }\nchanges: [ { at: 1h, set: { reward.yuma.mechanisms: [] } } ]",
            (16, Incompatible, "cannot change during a run"),
        ),
        (
            "reward: { yuma: {} }",
            "reward: { yuma: {} }\nchanges: [ { at: 1h, set: { reward.yuma.tempo: 9 } } ]",
            (16, Incompatible, "the economy's epochs go by it"),
        ),
        (
            "reward: { yuma: {} }",
            "reward: { yuma: {} }\nchanges: [ { at: 1h, set: { emission.per_block: 1 TAO } } ]",
            (16, Incompatible, "cannot change under `dtao`"),
        ),
    ];
    for &(from, to, (line, code, part)) in table {
        assert_eq!(ECONOMY.matches(from).count(), 1, "{from}");
        let found = wrong(&ECONOMY.replace(from, to));
        let first = &found.items[0];
        let said = found.render(false);
        assert_eq!((first.line, first.code), (line, code), "{to}\n{said}");
        assert!(said.contains(part), "{to}: no {part:?} in\n{said}");
        assert_eq!(found.items.len(), 1, "{to}\n{said}");
    }
}

/// Subnets close and open where newcomers come: in the aggregate.
#[test]
fn subnets_open_in_the_aggregate_only() {
    let text = ECONOMY.replace("registrations: {", "subnet_registrations: {");
    Source::from_text("economy.yaml", &text).and_then(|s| s.plan()).expect("sound");
    let found = wrong(&text.replace("resolution: aggregate", "resolution: detailed"));
    assert_eq!((found.items[0].line, found.items.len()), (21, 1));
    let said = found.render(false);
    assert!(said.contains("remove `subnet_registrations`"), "{said}");
}

/// Delegation in an economy: what a group says of it, and what is said of that.
#[test]
fn mistakes_in_delegation_are_reported_at_their_place() {
    use Code::{Incompatible, OutOfRange, UnknownName};
    let with = |miners: &str, validators: &str, fund: &str| {
        let of = |text: &str| match text {
            "" => String::new(),
            text => format!(", delegation: {{ {text} }}"),
        };
        let fund = format!(
            "hardware: a100_sxm{} }}\n  fund: {{ role: validator, count: 2, stake: 1 TAO, hardware: l40s{} }}",
            of(validators),
            of(fund)
        );
        ECONOMY
            .replacen("hardware: a100_sxm }", &fund, 1)
            .replace("hardware: rtx_4090 }", &format!("hardware: rtx_4090{} }}", of(miners)))
    };
    let text = with(
        "",
        "childkey_take: 18%",
        "nominated: 50%, children: [ { group: validators, part: 100% } ]",
    );
    let (plan, warnings) =
        Source::from_text("economy.yaml", &text).and_then(|s| s.plan()).expect("sound");
    assert_eq!(warnings, []);
    let [validators, fund, miners] = &plan.groups[..] else { panic!("three groups") };
    let terms = validators.delegation.as_ref().expect("terms");
    assert_eq!((terms.take, terms.childkey_take), (11_796, 11_796), "18% of 65535");
    let child = fund.delegation.as_ref().expect("terms").children[0];
    assert_eq!((child.group, child.proportion), (0, u64::MAX));
    assert_eq!(miners.delegation, None);

    let lend = |group: &str| format!("children: [ {{ group: {group}, part: 10% }} ]");
    let halves = "{ group: validators, part: 60% }";
    let table = [
        (with("take: 1%", "", ""), (9, Incompatible, "validators, whose stake earns dividends")),
        (with("", "take: 19%", ""), (7, OutOfRange, "0% to 18%")),
        (with("", "childkey_take: 40%", ""), (7, OutOfRange, "0% to 18%")),
        (with("", "", &lend("validator")), (8, UnknownName, "did you mean `validators`?")),
        (with("", "", &lend("miners")), (8, Incompatible, "do not validate")),
        (with("", "", &lend("fund")), (8, Incompatible, "lend to itself")),
        (
            with("", "", &format!("children: [ {halves}, {halves} ]")),
            (8, OutOfRange, "at most 100%"),
        ),
        (
            with("", "", "children: [ { group: validators, part: 0% } ]"),
            (8, OutOfRange, "more than 0%"),
        ),
    ];
    for (text, (line, code, part)) in table {
        let mistakes = wrong(&text);
        let said = mistakes.render(false);
        let first = &mistakes.items[0];
        assert_eq!((first.line, first.code), (line, code), "{said}");
        assert!(said.contains(part), "no {part:?} in\n{said}");
        assert_eq!(mistakes.items.len(), 1, "{said}");
    }
    let mutual = wrong(&with("", &lend("fund"), &lend("validators")));
    assert!(mutual.render(false).contains("lend to each other"));

    let flat = with("", "take: 1%", "");
    let flat = &flat[..flat.find("emission:").expect("an economy")];
    let mistakes = wrong(&flat.replace("resolution: aggregate", "emission: { per_block: 1 TAO }"));
    assert!(mistakes.render(false).contains("needs stake that earns and grows"));
}

/// Nothing is wrong with a group that no mechanism weighs, but it earns nothing.
#[test]
fn groups_that_no_mechanism_weighs_are_named() {
    let with = |mechanisms: &str| {
        let idle = "  idle: { role: provider, count: 4, hardware: rtx_4090 }\ndemand:";
        let reward = format!("{{ yuma: {{ mechanisms: {mechanisms} }} }}");
        let text = ECONOMY.replace("demand:", idle).replace("{ yuma: {} }", &reward);
        Source::from_text("economy.yaml", &text).and_then(|s| s.plan()).expect("sound").1
    };
    for weighing_all in ["[]", "[ { weighs: [miners, idle] } ]"] {
        assert_eq!(with(weighing_all), []);
    }
    let [warning] = &with("[ { weighs: [miners] } ]")[..] else { panic!("one warning") };
    assert_eq!(warning.line, 9);
    assert!(warning.message.contains("no mechanism weighs `idle`"), "{}", warning.message);
}

proptest! {
    /// No text panics, and every reported place lies within the text.
    #[test]
    fn no_text_panics(text in "(?s).{0,200}") {
        if let Err(found) = Source::from_text("any.yaml", &text).and_then(|s| s.plan()) {
            let _ = found.render(false);
            for item in &found.items {
                prop_assert!(item.span[1] as usize <= text.len());
            }
        }
    }

    /// Nor do arbitrary bytes in a file.
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let path = dir.join("any_bytes.yaml");
        fs::write(&path, bytes).expect("written");
        if let Err(found) = Source::load(&path).and_then(|s| s.plan()) {
            let _ = found.render(true);
        }
    }

    /// Nor a sound scenario with one piece replaced by another, which reaches much deeper.
    #[test]
    fn no_mangled_scenario_panics(
        at in 0..SOUND.len(), cut in 0_usize..30, from in 0..SOUND.len(), copy in 0_usize..30,
    ) {
        let end = (at + cut).min(SOUND.len());
        let piece = &SOUND[from..(from + copy).min(SOUND.len())];
        let text = format!("{}{piece}{}", &SOUND[..at], &SOUND[end..]);
        if let Err(found) = Source::from_text("mangled.yaml", &text).and_then(|s| s.plan()) {
            prop_assert!(!found.items.is_empty());
            let _ = found.render(false);
        }
    }
}
