//! Proofs that a build used no network, and a hidden download that is caught.

use std::process::{Command, Output};

use crate::sandbox::Sandbox;
use crate::workspace::{HELPER, Mirror, Workspace, output};

/// A genrule that reaches for the network, and builds without it too.
const HIDDEN: &str = r#"
genrule(
    name = "hidden",
    outs = ["hidden.txt"],
    cmd = "(exec 3<>/dev/tcp/192.0.2.7/443) 2>/dev/null || true; echo https://upstream.invalid > $@",
)
"#;

/// Runs `prove`, and returns its verdict.
fn verdict(workspace: &Workspace, arguments: &[&str], code: i32) -> serde_json::Value {
    let mut prove = workspace.prove(arguments);
    let output = prove.env("BAZEL_WASM_HELPER", HELPER).output().unwrap();
    let (stdout, stderr) = (output.stdout, String::from_utf8_lossy(&output.stderr).into_owned());
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    let verdict: serde_json::Value = serde_json::from_slice(&stdout).unwrap();
    assert!(verdict["exit_code"] == 0 || code == 5, "{stderr}");
    verdict
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn a_hidden_download_is_caught_and_named() {
    let mirror = Mirror::new();
    let workspace = Workspace::from_example("offline_toolchains", &mirror);
    workspace.sandbox.write("ws/BUILD.bazel", HIDDEN);
    let build = ["--", "bazel", "build", "//:all"];
    let found = verdict(&workspace, &build, 5);
    assert_eq!(
        (&found["verdict"], &found["exit_code"]),
        (&"network_tried".into(), &0.into()),
        "{found}"
    );
    let blocked = &found["blocked"][0];
    assert_eq!(blocked["address"], "192.0.2.7:443", "{found}");
    assert_eq!(blocked["process"], "bash", "{found}");

    // Without strace, and in a sandbox that lets actions use the network of the namespace.
    let counted = verdict(&workspace, &[&["--no-trace"], &build[..]].concat(), 5);
    assert_eq!(counted["verdict"], "network_tried");
    assert_eq!(counted["blocked"], serde_json::json!([]));
    assert!(counted["counters"]["without_route"].as_u64() > Some(0), "{counted}");

    // The same without the line that reaches for the network.
    let quiet = HIDDEN.replace("(exec 3<>/dev/tcp/192.0.2.7/443) 2>/dev/null || true; ", "");
    workspace.sandbox.write("ws/BUILD.bazel", quiet);
    let proven = verdict(&workspace, &build, 0);
    assert_eq!(proven["verdict"], "proven");
    assert_eq!(proven["repository_cache_files"], 0);

    // A build that needs the network fails, and Bazel's own downloader is named.
    let toolchain = ["--", "bazel", "build", "@wasm_toolchains//:wasm-tools"];
    let failed = verdict(&workspace, &toolchain, 5);
    assert_eq!(failed["verdict"], "network_tried");
    assert!(!failed["blocked"].as_array().unwrap().is_empty(), "{failed}");
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn other_programs_can_be_proven_and_a_failure_proves_nothing() {
    let run = |words: &[&str]| {
        let output = Command::new(HELPER).args(words).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, messages) = run(&["prove", "--", "true"]);
    assert_eq!(code, Some(0), "{messages}");
    assert!(messages.contains("proven: the command used no network"), "{messages}");
    assert!(messages.contains("caches of this program were not replaced"), "{messages}");
    let (code, messages) = run(&["prove", "--", "false"]);
    assert_eq!(code, Some(1), "{messages}");
    assert!(
        messages.contains("nothing is proven") && messages.contains("exit code 1"),
        "{messages}"
    );
    let (code, messages) = run(&["prove", "--", "bazel", "--output_base=/x", "build", "//..."]);
    assert_eq!(code, Some(2), "{messages}");
    // A user who may not create a namespace gets no verdict.
    let script = format!("PATH= {HELPER} prove -- /bin/true");
    let (code, messages) = match Command::new("/bin/sh").args(["-c", &script]).output() {
        Ok(output) => (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => panic!("{error}"),
    };
    assert_eq!(code, Some(1), "{messages}");
    assert!(messages.contains("cannot take the network away"), "{messages}");
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn processes_that_outlive_the_command_are_watched_and_ended() {
    let run = |options: &[&str], words: &[&str]| {
        let mut prove = Command::new(HELPER);
        prove.args(["--json", "prove"]).args(options).arg("--").args(words);
        let output = prove.output().unwrap();
        let verdict: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), verdict)
    };
    for options in [&[][..], &["--no-trace"]] {
        let began = std::time::Instant::now();
        let (code, verdict) = run(options, &["bash", "-c", "setsid sleep 613 & exit 0"]);
        assert_eq!((code, &verdict["outlived"]), (Some(0), &1.into()), "{verdict}");
        assert!(began.elapsed() < std::time::Duration::from_secs(60));
        let late = "sleep 1; exec 3<>/dev/tcp/192.0.2.7/80";
        let late = format!("(setsid bash -c '{late}' >/dev/null 2>&1 &); exit 0");
        let (code, verdict) = run(options, &["bash", "-c", &late]);
        assert_eq!((code, &verdict["outlived"]), (Some(5), &0.into()), "{verdict}");
        let (code, verdict) = run(options, &["no-such-program"]);
        let shown = verdict.to_string();
        assert!(code == Some(1) && shown.contains("cannot be started"), "{shown}");
    }
}

/// The reason if a plain user may not create the namespace here.
const REFUSED: &str = "cannot take the network away from a command here";

/// A folder of a plain user, with this program and a workspace of one target.
struct PlainUser {
    sandbox: Sandbox,
}

impl PlainUser {
    fn new() -> PlainUser {
        let sandbox = Sandbox::new();
        for folder in ["home", "tmp", "ws"] {
            sandbox.write(&format!("{folder}/MODULE.bazel"), "");
        }
        sandbox.write("ws/BUILD.bazel", HIDDEN.replace("(exec 3<>/dev/tcp/192.0.2.7/443)", "true"));
        output(Command::new("cp").arg(HELPER).arg(sandbox.path("wasm-airgap")));
        output(Command::new("chown").arg("-R").arg("65534:65534").arg(sandbox.root()));
        PlainUser { sandbox }
    }

    /// Runs a script as a user without rights; `$0` is this program.
    fn run(&self, script: &str) -> Output {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "bash", "-c", script]);
        command.arg(self.sandbox.path("wasm-airgap")).current_dir(self.sandbox.path("ws"));
        command.env_clear().env("PATH", "/usr/bin:/usr/sbin:/bin:/sbin");
        command.env("HOME", self.sandbox.path("home")).env("TMPDIR", self.sandbox.path("tmp"));
        command.output().unwrap()
    }

    fn says(&self, script: &str, code: i32, words: &[&str]) -> Output {
        let ended = self.run(script);
        let stderr = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(code), "{script}\n{stderr}");
        for word in words {
            assert!(stderr.contains(word), "`{word}` is missing in\n{stderr}");
        }
        ended
    }
}

#[test]
#[ignore = "needs a Bazel: scripts/test runs it"]
fn a_plain_user_proves_in_a_user_namespace_or_is_refused() {
    let user = PlainUser::new();
    let allowed = user.run("unshare --user --map-root-user --net --uts true").status.success();
    let build = "\"$0\" --json prove --system-rc -- bazel build //:all";
    if !allowed {
        // The kernel of this machine decides; the refusal names what is missing.
        let refused = user.says(build, 1, &[REFUSED, "a network namespace in a user namespace: "]);
        assert!(!String::from_utf8_lossy(&refused.stdout).contains("\"proven\""), "{refused:?}");
        return;
    }
    let proven = user.says(build, 0, &["proven: the command used no network"]);
    let verdict: serde_json::Value = serde_json::from_slice(&proven.stdout).unwrap();
    assert_eq!(verdict["isolation"], "a network namespace in a user namespace");
    assert_eq!((&verdict["verdict"], &verdict["exit_code"]), (&"proven".into(), &0.into()));
    // `bazel-bin` would lead to outputs that are removed.
    assert!(user.sandbox.path("ws/bazel-bin").symlink_metadata().is_err());
    let tried = "\"$0\" prove -- bash -c '(exec 3<>/dev/tcp/192.0.2.7/443) 2>/dev/null || true'";
    user.says(tried, 5, &["bash to 192.0.2.7:443"]);

    // In a user namespace that may have no other namespaces, as on a machine that restricts them.
    let restricted = "unshare --user --map-root-user bash -c \
                      'echo 0 >/proc/sys/user/max_net_namespaces && exec \"$0\" prove -- true' \"$0\"";
    let ways = ["tried: ", "a network namespace: ", "a network namespace in a user namespace: "];
    let hints = ["run as root", "allow user namespaces", "docker run --network=none"];
    let refused = user.says(restricted, 1, &[&[REFUSED], &ways[..], &hints[..]].concat());
    assert!(!String::from_utf8_lossy(&refused.stderr).contains("proven"), "{refused:?}");
}
