//! A run that is killed at any moment and started again leaves what the run that was never
//! killed leaves, to the byte.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use arable::manifest::Manifest;
use common::Scratch;
use sim_types::Stream;

const KILLED: &[&str] = &[
    "run",
    "scenarios/systems/bittensor.yaml",
    "--set",
    "horizon=100min",
    "--set",
    "subnets=2",
    "--set",
    "expect={}",
    "--replications",
    "2",
    "--quiet",
];

fn arable(out: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_arable"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(KILLED).arg("--out").arg(out).args(more);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn finish(child: Child) -> (bool, String) {
    let Output { status, stderr, .. } = child.wait_with_output().expect("it was started");
    (status.success(), String::from_utf8_lossy(&stderr).into_owned())
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(dir).expect("readable").map(|e| e.expect("an entry").path()).collect();
    found.sort();
    found
}

/// The only thing in a folder.
fn only(dir: &Path) -> PathBuf {
    let found = entries(dir);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

/// Names and contents of the trace, and what the manifest says of the result.
fn left(run: &Path) -> (Vec<(String, Vec<u8>)>, arable::manifest::Outcome) {
    let trace = entries(&run.join("trace"));
    let name = |path: &Path| path.file_name().expect("named").to_string_lossy().into_owned();
    let files = trace.iter().map(|p| (name(p), fs::read(p).expect("readable"))).collect();
    (files, Manifest::load(run).expect("whole").result)
}

fn assert_same(run: &Path, whole: &Path) {
    let ((files, result), (expected, outcome)) = (left(run), left(whole));
    assert_eq!(result, outcome);
    let names = |files: &[(String, Vec<u8>)]| -> Vec<String> {
        files.iter().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(names(&files), names(&expected));
    for ((name, bytes), (_, want)) in files.iter().zip(&expected) {
        assert!(bytes == want, "{name}: {} bytes, expected {}", bytes.len(), want.len());
    }
    let names = |run: &Path| -> Vec<_> {
        entries(run).iter().map(|p| p.file_name().map(ToOwned::to_owned)).collect()
    };
    assert_eq!(names(run), names(whole), "nothing of the interruptions is left");
}

/// Runs and kills at random moments, up to `long` from the start, until a run gets through: how
/// often it was killed, and how often a later one went on.
fn run_and_kill(out: &Path, long: Duration, dice: &mut Stream) -> (u32, u32) {
    let (mut kills, mut resumed) = (0, 0);
    for round in 0..64 {
        let threads = if round % 2 == 0 { "1" } else { "2" };
        let more = ["--snapshot-every", "7min", "--threads", threads];
        let mut child = arable(out, &more).spawn().expect("starts");
        if kills < 6 {
            let share = 0.05 + 0.75 * dice.uniform();
            std::thread::sleep(Duration::from_secs_f64(long.as_secs_f64() * share));
            if child.try_wait().expect("a child").is_none() {
                child.kill().expect("it was alive a moment ago");
                kills += 1;
            }
        }
        let (good, said) = finish(child);
        resumed += u32::from(said.contains("going on with an earlier run"));
        if good {
            return (kills, resumed);
        }
        assert!(said.lines().all(|line| line.contains("go")), "{said}");
    }
    panic!("it does not get on between the kills");
}

#[test]
fn a_killed_run_goes_on_and_ends_as_if_it_had_never_been_killed() {
    let whole = Scratch::new();
    let begun = std::time::Instant::now();
    let (good, said) = finish(arable(&whole.path(), &[]).spawn().expect("starts"));
    assert!(good, "{said}");
    let mut long = begun.elapsed();
    let mut dice = Stream::new(20_261_122, 0);
    for _ in 0..12 {
        let killed = Scratch::new();
        let (kills, resumed) = run_and_kill(&killed.path(), long, &mut dice);
        assert_same(&only(&killed.path()), &only(&whole.path()));
        if kills >= 2 && resumed >= 1 {
            return;
        }
        // The machine has more time for us than at first: kill sooner.
        long = long.mul_f64(0.6);
    }
    panic!("every run was through before it could be killed twice");
}

/// Ctrl-C is a request: the run stops at its next look, saves itself and says how to go on.
#[cfg(unix)]
#[test]
fn ctrl_c_leaves_a_directory_to_go_on_from() {
    // Long enough that the signal finds it running, however fast the machine is.
    const LONG: [&str; 2] = ["--set", "horizon=12h"];
    let (whole, stopped) = (Scratch::new(), Scratch::new());
    assert!(finish(arable(&whole.path(), &LONG).spawn().expect("starts")).0);
    let child = arable(&stopped.path(), &LONG).spawn().expect("starts");
    // The handler is set before the directory is made.
    while fs::read_dir(stopped.path()).expect("readable").next().is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(200));
    let process = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &process]).status().expect("kill").success());
    let Output { status, stderr, .. } = child.wait_with_output().expect("it was started");
    let said = String::from_utf8_lossy(&stderr);
    assert_eq!(status.code(), Some(130), "{said}");
    assert!(said.contains("the same command again goes on from here"), "{said}");
    assert!(said.contains("--fresh"), "{said}");

    let (good, said) = finish(arable(&stopped.path(), &LONG).spawn().expect("starts"));
    assert!(good && said.contains("going on with an earlier run"), "{said}");
    assert_same(&only(&stopped.path()), &only(&whole.path()));
}

/// `--fresh` begins anew, and what nobody can go on with is swept away; a directory whose
/// process lives is left alone.
#[test]
fn dead_directories_are_swept_and_living_ones_are_not() {
    let scratch = Scratch::new();
    let out = scratch.path();
    assert!(finish(arable(&out, &[]).spawn().expect("starts")).0);
    let run = only(&out);
    let beside = |ending: &str| {
        let mut name = run.file_name().expect("named").to_owned();
        name.push(ending);
        out.join(name)
    };
    // Of a process that cannot be, of another program, of this very process.
    let (dead, other) = (beside(".partial-4194304"), beside(".partial-4194305"));
    let living = beside(&format!(".partial-{}", std::process::id()));
    fs::create_dir_all(&dead).expect("writable");
    for dir in [&other, &living] {
        fs::create_dir_all(dir.join("resume")).expect("writable");
        fs::write(dir.join("resume/lock"), "").expect("writable");
        fs::write(dir.join("resume/0.snapshot"), "{\"of\": \"another version\"}\nstate")
            .expect("w");
    }
    let lock = fs::File::open(living.join("resume/lock")).expect("there");
    lock.try_lock().expect("nobody else holds it");
    let (good, said) = finish(arable(&out, &[]).spawn().expect("starts"));
    assert!(good && !said.contains("going on"), "{said}");
    assert_eq!(entries(&out), [run, living.clone()]);
    drop(lock);
    let (good, said) = finish(arable(&out, &["--fresh"]).spawn().expect("starts"));
    assert!(good && !said.contains("going on"), "{said}");
    assert!(!living.exists());
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let scratch = Scratch::new();
    let file = scratch.path().join("a-file");
    fs::write(&file, "").expect("writable");
    let child = arable(&file.join("runs"), &[]).spawn().expect("starts");
    let Output { status, stderr, .. } = child.wait_with_output().expect("it was started");
    let said = String::from_utf8_lossy(&stderr);
    assert_eq!(status.code(), Some(4), "{said}");
    assert!(said.contains("failed to create") && said.contains("a-file"), "{said}");
}
