//! The driver without coverage: `wasm-airgap-fuzz NAME --seconds N --seed S`.
//!
//! It runs the work in a separate process, so that an input that takes all memory or overflows the
//! stack is known afterwards: the worker writes each input to a file before it runs it.

// Instrumented code needs the counters of libFuzzer, also with this driver.
#[cfg(feature = "libfuzzer")]
use libfuzzer_sys as _;

use std::fs;
use std::panic;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use wasm_airgap_fuzz::mutate::{Random, mutated};
use wasm_airgap_fuzz::{MOST_CPU, TARGETS, Target, cpu_time, seeds};

const USAGE: &str = "\
usage: wasm-airgap-fuzz list
       wasm-airgap-fuzz NAME [--seconds N] [--seed S] [--artifacts FOLDER]
       wasm-airgap-fuzz replay NAME FILE...
       wasm-airgap-fuzz seeds NAME FOLDER       (seeds, and the words as a dictionary beside them)";

/// The exit code of a worker that found a failure.
const FOUND: u8 = 77;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["list"] => {
            TARGETS.iter().for_each(|target| println!("{}", target.name));
            Ok(ExitCode::SUCCESS)
        }
        ["replay", name, files @ ..] => replay(name, files),
        ["seeds", name, folder] => write_seeds(name, Path::new(folder)),
        ["worker", name, rest @ ..] => worker(name, rest),
        [name, rest @ ..] => supervise(name, rest),
        [] => Err(USAGE.to_owned()),
    };
    done.unwrap_or_else(|words| {
        eprintln!("wasm-airgap-fuzz: error: {words}");
        ExitCode::from(2)
    })
}

fn find(name: &str) -> Result<&'static Target, String> {
    Target::find(name).ok_or_else(|| format!("there is no target `{name}`\n{USAGE}"))
}

/// The options of a run.
struct Options {
    seconds: u64,
    seed: u64,
    artifacts: PathBuf,
    current: PathBuf,
}

fn options(name: &str, words: &[&str]) -> Result<Options, String> {
    let artifacts = Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts").join(name);
    let mut options = Options { seconds: 10, seed: 1, artifacts, current: PathBuf::new() };
    for pair in words.chunks(2) {
        let number = |value: &str| value.parse().map_err(|_| format!("`{value}` is not a number"));
        match pair {
            ["--seconds", value] => options.seconds = number(value)?,
            ["--seed", value] => options.seed = number(value)?,
            ["--artifacts", value] => options.artifacts = PathBuf::from(value),
            ["--current", value] => options.current = PathBuf::from(value),
            _ => return Err(format!("`{}` is not an option\n{USAGE}", pair.join(" "))),
        }
    }
    Ok(options)
}

/// Starts the worker, and keeps the input at which the worker ended.
fn supervise(name: &str, words: &[&str]) -> Result<ExitCode, String> {
    let target = find(name)?;
    let options = options(name, words)?;
    let folder = tempfile::tempdir().map_err(|error| format!("cannot create a folder: {error}"))?;
    let current = folder.path().join("input");
    let program =
        std::env::current_exe().map_err(|error| format!("cannot find itself: {error}"))?;
    let status = Command::new(&program)
        .args(["worker", name])
        .args(["--seconds", &options.seconds.to_string(), "--seed", &options.seed.to_string()])
        .arg("--current")
        .arg(&current)
        .env("TMPDIR", folder.path())
        .status()
        .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
    if status.success() {
        return Ok(ExitCode::SUCCESS);
    }
    let input = fs::read(&current).map_err(|error| format!("the worker ended early: {error}"))?;
    fs::create_dir_all(&options.artifacts)
        .map_err(|error| format!("cannot create {}: {error}", options.artifacts.display()))?;
    let kept =
        options.artifacts.join(&airgap_core::digest::Digest::compute(&input).to_string()[..16]);
    fs::write(&kept, input).map_err(|error| format!("cannot write {}: {error}", kept.display()))?;
    eprintln!("{}: FOUND something: the worker ended with {status}", target.name);
    eprintln!("  input:  {}", kept.display());
    eprintln!("  replay: scripts/fuzz --replay {} {}", target.name, kept.display());
    Ok(ExitCode::from(FOUND))
}

/// Runs mutations until the time is over or a failure is found.
fn worker(name: &str, words: &[&str]) -> Result<ExitCode, String> {
    let target = find(name)?;
    let options = options(name, words)?;
    let corpus = seeds::seeds(name);
    let mut random = Random::new(options.seed);
    let end = Instant::now() + Duration::from_secs(options.seconds);
    let watch = Watch::start(target.name);
    let mut count = 0_u64;
    for seed in &corpus {
        watch.check(target, seed, &options.current);
    }
    while Instant::now() < end {
        let input = mutated(target, &corpus, &mut random);
        watch.check(target, &input, &options.current);
        count += 1;
    }
    println!("{name}: {count} inputs in {} s, seed {}", options.seconds, options.seed);
    Ok(ExitCode::SUCCESS)
}

/// A watch that ends the process if one input takes too long.
struct Watch {
    /// The CPU time at which the current input began, in milliseconds; 0 between two of them.
    began: &'static AtomicU64,
}

impl Watch {
    fn start(name: &'static str) -> Watch {
        static BEGAN: AtomicU64 = AtomicU64::new(0);
        let now = || u64::try_from(cpu_time().as_millis()).unwrap_or(u64::MAX);
        let most = u64::try_from(MOST_CPU.as_millis()).unwrap_or(u64::MAX);
        thread::spawn(move || {
            loop {
                thread::sleep(Duration::from_millis(200));
                let began = BEGAN.load(Ordering::Relaxed);
                if began != 0 && now().saturating_sub(began) > most + 1_000 {
                    eprintln!("{name}: one input takes more than {MOST_CPU:?} of CPU time");
                    std::process::exit(i32::from(FOUND));
                }
            }
        });
        Watch { began: &BEGAN }
    }

    fn check(&self, target: &Target, input: &[u8], current: &Path) {
        let written = fs::write(current, input);
        written.unwrap_or_else(|error| panic!("cannot write {}: {error}", current.display()));
        let began = u64::try_from(cpu_time().as_millis()).unwrap_or(u64::MAX).max(1);
        self.began.store(began, Ordering::Relaxed);
        target.check(input);
        self.began.store(0, Ordering::Relaxed);
    }
}

fn replay(name: &str, files: &[&str]) -> Result<ExitCode, String> {
    let target = find(name)?;
    let failed = Mutex::new(0);
    for file in files {
        let input = fs::read(file).map_err(|error| format!("cannot read {file}: {error}"))?;
        let before = cpu_time();
        let result = panic::catch_unwind(|| target.check(&input));
        let took = cpu_time().saturating_sub(before);
        let word = if result.is_ok() { "passes" } else { "FAILS" };
        println!("{name}: {file} {word}, {} bytes in {took:?} of CPU time", input.len());
        *failed.lock().expect("no thread has panicked") += u32::from(result.is_err());
    }
    let failed = failed.into_inner().expect("no thread has panicked");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(FOUND) })
}

fn write_seeds(name: &str, folder: &Path) -> Result<ExitCode, String> {
    let target = find(name)?;
    let failed = |error: std::io::Error| format!("cannot write to {}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(failed)?;
    for (n, seed) in seeds::seeds(name).iter().enumerate() {
        fs::write(folder.join(format!("seed-{n}")), seed).map_err(failed)?;
    }
    // The format of libFuzzer's dictionaries: one quoted word in a line, other bytes as \xAB.
    let byte = |byte: u8| match byte {
        b'"' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    };
    let line = |word: &&str| format!("\"{}\"\n", word.bytes().map(byte).collect::<String>());
    let text: String = target.words.iter().map(line).collect();
    fs::write(folder.with_extension("dict"), text).map_err(failed)?;
    Ok(ExitCode::SUCCESS)
}
