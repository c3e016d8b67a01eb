//! Small disks, read-only file systems, few handles, no stderr, no stdout, another umask.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use crate::for_each_scenario;
use crate::run::{Case, Findings, Scenario};
use crate::sandbox::Sandbox;
use crate::tree::Tree;

/// Returns the words that start the next command through a shell, which changes its environment.
fn shell(script: &str) -> [&str; 4] {
    ["sh", "-c", script, "sh"]
}

/// Runs the command with a stdout and stderr that cannot be written, or that are closed.
fn without_output(scenario: &Scenario) {
    let (clean, first) = scenario.clean();
    let mut findings = Findings::new(scenario);
    let data = !first.stdout.is_empty();
    for (script, is_data) in [
        ("exec \"$@\" 2>&-", false),
        ("exec \"$@\" 2>/dev/full", false),
        ("exec \"$@\" 2>&1 >/dev/null | :", false),
        ("exec \"$@\" >/dev/full", true),
        ("exec \"$@\" >&-", true),
        ("exec \"$@\" >&- 2>&-", true),
        ("exec \"$@\" >&- 2>&- <&-", true),
    ] {
        let case = scenario.case();
        // The shell ends with the exit code of the pipe's last command.
        let is_pipe = script.contains('|');
        let ended = case.command(&shell(script), &scenario.words).run();
        let silent = script.contains("2>");
        let result = match ended.status.code() {
            _ if ended.hung => Err("hangs".to_owned()),
            Some(0) => Ok(()),
            Some(1) if is_data && data && !silent && ended.stderr.is_empty() => {
                Err("does not say that stdout cannot be written".to_owned())
            }
            Some(1) if is_data && data => Ok(()),
            _ => Err(ended.text()),
        };
        // The work is complete, although the output could not be written.
        let result = result.and_then(|()| match is_pipe {
            true => Ok(()),
            false => work_is_done(&case, &clean),
        });
        findings.note(script, result.and_then(|()| case.completes(scenario, &clean)));
    }
    findings.end();
}

fn work_is_done(case: &Case, clean: &Tree) -> Result<(), String> {
    match crate::tree::difference(clean, &case.state()) {
        difference if difference.is_empty() => Ok(()),
        difference => Err(format!("the work is not done: {difference}")),
    }
}

/// Runs the command with more and more handles, until it succeeds.
fn few_handles(scenario: &Scenario) {
    let (clean, _) = scenario.clean();
    let mut findings = Findings::new(scenario);
    for handles in 4..40 {
        let limit = format!("--nofile={handles}");
        let case = scenario.case();
        let version = case.command(&["prlimit", &limit], &["--version".to_owned()]).run();
        if !version.status.success() {
            continue; // Too few for the loader.
        }
        let ended = case.command(&["prlimit", &limit], &scenario.words).run();
        let result = ended.keeps_the_rules(case.sandbox.root());
        let done = matches!(result, Ok(true));
        let result = result.and_then(|_| case.completes(scenario, &clean));
        findings.note(&format!("{handles} handles"), result);
        if done {
            break;
        }
    }
    findings.end();
}

/// Runs the command with each umask, which the created files must respect.
fn umask_is_kept(scenario: &Scenario) {
    let mut findings = Findings::new(scenario);
    for mask in [0o077, 0o022, 0o002] {
        let case = scenario.case();
        let before = case.state();
        let script = format!("umask {mask:03o}; exec \"$@\"");
        case.command(&shell(&script), &scenario.words).succeeds();
        for name in case.state().keys().filter(|name| !before.contains_key(*name)) {
            let Ok(meta) = case.sandbox.path(name).symlink_metadata() else { continue };
            let mode = meta.permissions().mode() & 0o777;
            // A file that its owner may read is readable for all users whom the umask permits.
            let right = mode & (0o700 | 0o777 & !mask);
            let wide = if meta.is_dir() || mode & 0o100 != 0 { 0o755 } else { 0o644 };
            let result = match meta.is_symlink() || right == mode && mode & 0o755 == wide & !mask {
                true => Ok(()),
                false => Err(format!("{name} has mode {mode:o}")),
            };
            findings.note(&format!("umask {mask:03o}"), result);
        }
    }
    findings.end();
}

/// A file system in memory, over a folder.
struct Mount(PathBuf);

impl Mount {
    fn options(&self, options: &str) {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&self.0);
        assert!(mount.status().unwrap().success(), "cannot mount a tmpfs: not root?");
    }

    fn used(&self) -> u64 {
        let mut df = Command::new("df");
        let output = df.args(["--block-size=1", "--output=used"]).arg(&self.0).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().last().unwrap().trim().parse().unwrap()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// Runs the command on file systems that are too small by different amounts, and on one that is
/// read-only.
fn a_full_disk(scenario: &Scenario) {
    let (clean, _) = scenario.clean();
    let mut findings = Findings::new(scenario);
    let folder = Sandbox::new();
    for free in [Some(0), Some(4), Some(12), Some(32), Some(100), Some(200), None] {
        let place = folder.path(&format!("{free:?}"));
        std::fs::create_dir(&place).unwrap();
        let mount = Mount(place.clone());
        mount.options("size=64m,mode=755");
        let case = scenario.case_in(Sandbox::below(&place));
        let (options, words) = match free {
            Some(kilobytes) => {
                // A size of 0 would mean no limit.
                let size = (mount.used() + kilobytes * 1024).max(4096);
                (format!("remount,size={size}"), "No space left on device")
            }
            None => ("remount,ro".to_owned(), "Read-only file system"),
        };
        mount.options(&options);
        let ended = case.command(&[], &scenario.words).run();
        mount.options("remount,rw,size=64m");
        let result = ended.keeps_the_rules(case.sandbox.root()).and_then(|done| {
            if done || ended.stderr.contains(words) {
                return case.completes(scenario, &clean);
            }
            Err(format!("the cause `{words}` is missing: {}", ended.text()))
        });
        findings.note(&options, result);
    }
    findings.end();
}

mod no_output {
    super::for_each_scenario!(super::without_output, "takes long: scripts/test runs it");
}

mod handles {
    super::for_each_scenario!(super::few_handles, "takes long: scripts/test runs it");
}

mod umask {
    super::for_each_scenario!(super::umask_is_kept, "takes long: scripts/test runs it");
}

mod a_full_disk {
    super::for_each_scenario!(
        super::a_full_disk,
        "needs root, to mount small file systems: scripts/test runs it"
    );
}
