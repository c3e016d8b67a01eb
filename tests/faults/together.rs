//! Many processes at once, with and without kills.

use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::for_each_scenario;
use crate::run::{Case, Findings, Scenario};
use crate::sandbox::Sandbox;
use crate::world::{self, MANY, World};
use crate::{scenarios, tree};

fn start(case: &Case, words: &[String]) -> Child {
    let mut run = case.command(&[], words);
    run.command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits for all of these; returns the exit code and the message of each.
fn wait(children: Vec<Child>) -> Vec<(Option<i32>, String)> {
    let ends = children.into_iter().map(|child| {
        let output = child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    });
    ends.collect()
}

/// Kills two of three of these processes, each after a short time.
fn kill_some(children: &mut [Child], round: usize) {
    for (nth, child) in children.iter_mut().enumerate() {
        if nth % 3 != 0 {
            sleep(Duration::from_millis((nth * 7 + round * 3) as u64 % 11));
            // `timeout` and the program are one process group; before they are, no process is
            // killed.
            let script = format!("kill -KILL -{} 2>/dev/null", child.id());
            let _ = std::process::Command::new("sh").args(["-c", &script]).status();
        }
    }
}

/// Runs the command in 16 processes, and then again with some of them killed.
fn sixteen(scenario: &Scenario) {
    let (clean, _) = scenario.clean();
    let mut findings = Findings::new(scenario);
    for round in 0..4 {
        let case = scenario.case();
        let mut children: Vec<_> = (0..MANY).map(|_| start(&case, &scenario.words)).collect();
        let kills = round > 0;
        if kills {
            kill_some(&mut children, round);
        }
        let ends = wait(children);
        if !kills {
            // Only one process creates a folder that must not exist before.
            let is_right =
                |code| code == Some(0) || scenario.out.is_some() && matches!(code, Some(1 | 2));
            for (code, messages) in ends.iter().filter(|(code, _)| !is_right(*code)) {
                findings.note("one of 16", Err(format!("{code:?}: {messages}")));
            }
            let some = ends.iter().any(|(code, _)| *code == Some(0));
            findings.note("16", if some { Ok(()) } else { Err("all failed".to_owned()) });
            let difference = tree::difference(&clean, &case.state());
            let result = if difference.is_empty() { Ok(()) } else { Err(difference) };
            findings.note("the tree of 16", result);
        }
        let fault = if kills { "16, some killed" } else { "16" };
        findings.note(fault, case.completes(scenario, &clean));
    }
    findings.end();
}

mod sixteen {
    super::for_each_scenario!(super::sixteen, "takes long: scripts/test runs it");
}

/// Returns the scenarios that fill one vendor folder.
fn kinds() -> [Scenario; 3] {
    [scenarios::vendor_toolchains(), scenarios::vendor_wit(), scenarios::vendor_components()]
}

/// Creates an empty folder with the input files of all kinds.
fn case_of_all() -> Case {
    let all = kinds().map(|kind| kind.lay);
    let lay = Box::new(move |case: &Case| all.iter().for_each(|lay| lay(case)));
    Scenario { lay, ..scenarios::vendor_components() }.case()
}

#[test]
#[ignore = "takes long: scripts/test runs it"]
fn different_kinds_at_once_lose_nothing() {
    let kinds = kinds();
    let one_by_one = case_of_all();
    for kind in &kinds {
        one_by_one.command(&[], &kind.words).succeeds();
    }
    let expected = one_by_one.state();
    let mut findings = Findings::new(&kinds[0]);
    for round in 0..12 {
        let case = case_of_all();
        let count = if round % 2 == 0 { 1 } else { 4 };
        let all = kinds.iter().cycle().take(count * kinds.len());
        let mut children: Vec<_> = all.map(|kind| start(&case, &kind.words)).collect();
        let kills = round % 3 == 2;
        if kills {
            kill_some(&mut children, round);
        }
        for (code, messages) in wait(children) {
            let right = kills || code == Some(0);
            findings.note(
                "one kind",
                if right { Ok(()) } else { Err(format!("{code:?}: {messages}")) },
            );
        }
        if kills {
            for kind in &kinds {
                let again = case.command(&[], &kind.words).run();
                let right = again.status.success();
                findings.note("after kills", if right { Ok(()) } else { Err(again.text()) });
            }
        }
        let difference = tree::difference(&expected, &case.state());
        let fault = format!("round {round}, {count} of each kind");
        findings.note(&fault, if difference.is_empty() { Ok(()) } else { Err(difference) });
    }
    findings.end();
}

/// Runs 16 command lines at once; the file must contain the addition of each that succeeds.
fn added(case: &Case, words: impl Fn(usize) -> Vec<String>, has: impl Fn(&Sandbox, usize) -> bool) {
    let children: Vec<_> = (0..MANY).map(|nth| start(case, &words(nth))).collect();
    for (nth, (code, messages)) in wait(children).into_iter().enumerate() {
        match code {
            Some(0) => assert!(has(&case.sandbox, nth), "{nth} succeeded, and is lost"),
            Some(1..=5) => {
                assert!(messages.contains("error: "), "{nth} does not say why: {messages}")
            }
            code => panic!("{nth} ended with {code:?}: {messages}"),
        }
    }
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[test]
#[ignore = "takes long: scripts/test runs it"]
fn sixteen_processes_add_to_one_mirror_list() {
    let case = scenarios::component_pull().case();
    for nth in 0..MANY {
        let pod = format!("kind: Pod\nspec:\n  containers:\n    - image: r.other/x{nth}:1\n");
        case.sandbox.write(&format!("{nth}/pod.yaml"), format!("apiVersion: v1\n{pod}"));
    }
    let words = |nth: usize| {
        let folder = nth.to_string();
        let words = ["mirror", "list", "--registry=r.example", "-o", "mirror.yaml", &folder];
        strings(&words)
    };
    added(&case, words, |it, nth| it.read("mirror.yaml").contains(&format!("r.other/x{nth}:1")));
}

#[test]
#[ignore = "takes long: scripts/test runs it"]
fn sixteen_processes_pin_tools_in_one_registry_file() {
    let case = scenarios::component_pull().case();
    let words = |nth: usize| {
        let url = World::get().url(&world::tool_name(nth));
        strings(&["toolchain", "pin", "--registry=tool.json", "--tool=tool", &url])
    };
    added(&case, words, |it, nth| it.read("tool.json").contains(&format!("\"1.{nth}.0\"")));
}

#[test]
#[ignore = "takes long: scripts/test runs it"]
fn sixteen_processes_pin_components_in_one_registry() {
    let case = scenarios::component_pull().case();
    let words = |nth: usize| {
        let reference = format!("{}/my-org/c{nth}:v1.0.0", World::get().host());
        strings(&["component", "pin", &reference, "--registry=checksums/components"])
    };
    added(&case, words, |it, nth| {
        let index = it.read("checksums/components/registry.json");
        it.path(&format!("checksums/components/c{nth}.json")).exists()
            && index.contains(&format!("c{nth}.json"))
    });
}

#[test]
#[ignore = "takes long: scripts/test runs it"]
fn sixteen_processes_copy_into_one_layout() {
    for layout in ["images", "images.tar"] {
        let case = scenarios::component_pull().case();
        for nth in 0..MANY {
            scenarios::images(&case, &format!("{nth}.yaml"), &[nth]);
        }
        let to = format!("--to={layout}");
        let words = |nth: usize| {
            strings(&["mirror", "copy", &format!("--file={nth}.yaml"), "--jobs=1", &to])
        };
        added(&case, words, |sandbox, nth| {
            let name = format!("images/i{nth}:1");
            let bytes = match layout {
                "images" => std::fs::read(sandbox.path("images/index.json")),
                tar => std::fs::read(sandbox.path(tar)),
            };
            String::from_utf8_lossy(&bytes.unwrap()).contains(&name)
        });
    }
}

#[test]
#[ignore = "takes long: scripts/test runs it"]
fn sixteen_processes_write_one_wit_lock() {
    let scenario = scenarios::vendor_wit();
    let case = scenario.case();
    let words = |nth: usize| {
        let mut words = scenario.words.clone();
        *words.last_mut().unwrap() = ["a:http@1.0.0", "a:io@1.0.0"][nth % 2].to_owned();
        words
    };
    added(&case, words, |_, _| true);
    // The last run decides what is needed, and the lock and the folder agree.
    let verified = case.command(&[], &strings(&["verify", "vendor"])).run();
    assert!(verified.status.success(), "{}", verified.text());
    let locked = case.sandbox.read("wit.lock").contains("a:http");
    let folder = case.sandbox.path("vendor/wit/a-http-1.0.0").exists();
    assert_eq!(locked, folder, "the lock has a:http: {locked}; the folder: {folder}");
}
