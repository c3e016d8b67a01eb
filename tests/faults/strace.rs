//! Faults at single system calls, injected by strace: a kill, or an error number.

use std::collections::BTreeMap;
use std::path::Path;

use crate::for_each_scenario;
use crate::run::{Case, Ended, Findings, Scenario};

/// The system calls that change files, and those that flush them to the disk.
const CHANGES: &[&str] = &[
    "openat",
    "write",
    "pwrite64",
    "copy_file_range",
    "sendfile",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "rmdir",
    "mkdir",
    "mkdirat",
    "fsync",
    "fdatasync",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "ftruncate",
    "fallocate",
    "chmod",
    "fchmod",
    "fchmodat",
    "fchmodat2",
    "flock",
    "utimensat",
];

/// The system calls that look at files, and the one that creates threads.
const LOOKS: &[&str] =
    &["read", "pread64", "getdents64", "fstat", "newfstatat", "statx", "lseek", "clone3"];

/// The number of places at which a call is tried, unless all are requested.
const OFTEN: usize = 3;

/// The calls that a signal may interrupt, after which the program tries them again.
const INTERRUPTED: &[&str] = &[
    "openat",
    "read",
    "pread64",
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "ftruncate",
    "flock",
    "copy_file_range",
];

/// The error numbers, and the C library's messages for them.
const ERRORS: [(&str, &str); 6] = [
    ("ENOSPC", "No space left on device"),
    ("EIO", "Input/output error"),
    ("EACCES", "Permission denied"),
    ("EMFILE", "Too many open files"),
    ("EROFS", "Read-only file system"),
    ("EINTR", "Interrupted system call"),
];

/// The threads whose calls are counted.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Threads {
    All,
    Main,
}

/// The calls of each thread on files of the sandbox: their numbers among all calls with that name.
type Counts = BTreeMap<(&'static str, bool), Vec<usize>>;

/// Counts the calls of a run: those of the main thread, and the largest number of any thread.
fn count(
    scenario: &Scenario,
    calls: &[&'static str],
) -> BTreeMap<(&'static str, bool), Vec<usize>> {
    let case = scenario.case();
    // Outside of the folder, because the program may list its tree.
    let traces = crate::sandbox::Sandbox::new();
    let prefix = traces.path("trace");
    let prefix = prefix.to_str().unwrap();
    let filter =
        format!("trace={}", calls.iter().map(|it| format!("?{it}")).collect::<Vec<_>>().join(","));
    let before = ["strace", "-ff", "-y", "-qq", "-o", prefix, "-e", &filter];
    case.command(&before, &scenario.words).succeeds();
    let mut names: Vec<_> =
        std::fs::read_dir(traces.root()).unwrap().map(|it| it.unwrap().path()).collect();
    // The main thread has the lowest number.
    names.sort_by_key(|it| it.extension().unwrap().to_str().unwrap().parse::<u32>().unwrap());
    let mut counts = Counts::new();
    for (at, path) in names.iter().enumerate() {
        let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        for &call in calls {
            let lines = text
                .lines()
                .filter(|line| line.strip_prefix(call).is_some_and(|rest| rest.starts_with('(')));
            let here: Vec<_> = lines
                .enumerate()
                .filter(|(_, line)| is_ours(line, case.sandbox.root()))
                .map(|(nth, _)| nth + 1)
                .collect();
            if at == 0 {
                counts.insert((call, true), here.clone());
            }
            let all = counts.entry((call, false)).or_default();
            all.extend(here);
            all.sort_unstable();
            all.dedup();
        }
    }
    counts.retain(|_, numbers| !numbers.is_empty());
    counts
}

/// Returns whether a call is about a file of the sandbox, and not about a library, a socket or
/// stderr.
fn is_ours(line: &str, folder: &Path) -> bool {
    let folder = folder.to_str().unwrap();
    line.starts_with("clone3(")
        || line.contains(folder)
            && !line.contains("\"/lib")
            && !line.contains("\"/usr")
            && !line.contains("\"/etc")
            && !line.contains("\"/proc")
}

/// Returns whether all places and error numbers are tried.
fn all() -> bool {
    std::env::var("FAULTS").is_ok_and(|it| it == "all")
}

/// Returns some of these numbers, evenly spread, with the first and the last.
fn sample(numbers: &[usize], most: usize) -> Vec<usize> {
    if all() || numbers.len() <= most {
        return numbers.to_vec();
    }
    (0..most).map(|nth| numbers[nth * (numbers.len() - 1) / (most - 1)]).collect()
}

fn inject(case: &Case, scenario: &Scenario, threads: Threads, fault: &str) -> Ended {
    let call = fault.split(':').next().unwrap();
    let (filter, injection) = (format!("trace={call}"), format!("inject={fault}"));
    let mut before = vec!["strace", "-qq", "-o", "/dev/null"];
    before.extend(["-e", "signal=none", "-e", &filter, "-e", &injection]);
    if threads == Threads::All {
        before.insert(1, "-f");
    }
    case.command(&before, &scenario.words).run()
}

/// Returns the places of a scenario: which threads, which call, and its number.
fn places(scenario: &Scenario, calls: &[&'static str]) -> Vec<(Threads, &'static str, usize)> {
    let counts = count(scenario, calls);
    let mut places = Vec::new();
    for ((call, main), numbers) in &counts {
        let threads = if *main { Threads::Main } else { Threads::All };
        // If there is only the main thread, all calls are its own.
        if *main && counts.get(&(*call, false)) == Some(numbers) && !has_threads(&counts) {
            continue;
        }
        let rare = !["write", "openat", "pwrite64"].contains(call) && CHANGES.contains(call);
        let most = if rare { 2 * OFTEN } else { OFTEN };
        places.extend(sample(numbers, most).into_iter().map(|nth| (threads, *call, nth)));
    }
    places
}

fn has_threads(counts: &Counts) -> bool {
    counts.contains_key(&("clone3", true))
}

/// Kills the command at each call that changes a file; the next run must complete the work.
fn killed(scenario: &Scenario) {
    let (clean, _) = scenario.clean();
    let mut findings = Findings::new(scenario);
    let calls = [CHANGES, &["clone3"]].concat();
    for (threads, call, nth) in places(scenario, &calls) {
        if call == "clone3" {
            continue;
        }
        let case = scenario.case();
        let ended = inject(&case, scenario, threads, &format!("{call}:signal=KILL:when={nth}"));
        let result = match ended.was_killed() || ended.status.success() {
            true => (scenario.holds)(&case).and_then(|()| case.completes(scenario, &clean)),
            false => Err(format!("was not killed: {}", ended.text())),
        };
        findings.note(&format!("killed at {call} {nth} ({threads:?})"), result);
    }
    findings.end();
}

/// Lets each call fail; the run reports it or succeeds, and the next one completes the work.
fn failing(scenario: &Scenario) {
    let (clean, _) = scenario.clean();
    let mut findings = Findings::new(scenario);
    let calls = [CHANGES, LOOKS].concat();
    for (at, (threads, call, nth)) in places(scenario, &calls).into_iter().enumerate() {
        for (number, (name, words)) in ERRORS.into_iter().enumerate() {
            // One error number for each place, in turn; an interrupted call is tried at all places.
            let turn = number == at % 5 || name == "EINTR" && INTERRUPTED.contains(&call);
            if !all() && !turn {
                continue;
            }
            let case = scenario.case();
            let ended =
                inject(&case, scenario, threads, &format!("{call}:error={name}:when={nth}"));
            // The loader's calls are counted with those of threads.
            if ended.status.code() == Some(127) {
                continue;
            }
            let fault = format!("{name} of {call} {nth} ({threads:?})");
            let result = check_error(&ended, case.sandbox.root(), name, words, call)
                .and_then(|()| case.completes(scenario, &clean));
            findings.note(&fault, result);
        }
    }
    findings.end();
}

/// Checks the end of a run with an error number.
fn check_error(
    ended: &Ended,
    folder: &Path,
    name: &str,
    words: &str,
    call: &str,
) -> Result<(), String> {
    // strace counts the calls of each thread, so the fault may also hit the error on stderr.
    if call == "write" && ended.status.code() == Some(1) && ended.stderr.is_empty() {
        return Ok(());
    }
    if ended.keeps_the_rules(folder)? {
        return Ok(());
    }
    if name == "EINTR" && INTERRUPTED.contains(&call) {
        return Err(format!("is not tried again: {}", ended.text()));
    }
    if ended.status.code() == Some(4) {
        return Err(format!("is taken for tampering: {}", ended.text()));
    }
    // The standard library creates a folder and, if that fails, checks whether it exists.
    let is_lost = call == "statx" && ended.stderr.contains("File exists");
    if call != "clone3" && !is_lost && !ended.stderr.contains(words) {
        return Err(format!("the cause `{words}` is missing: {}", ended.text()));
    }
    Ok(())
}

mod kills {
    super::for_each_scenario!(super::killed, "needs strace: scripts/test runs it");
}

mod errors {
    super::for_each_scenario!(super::failing, "needs strace: scripts/test runs it");
}
