//! A copy of the example, a mirror with a real tool, and a real Bazel.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::nginx::Nginx;
use crate::sandbox::{Printed, Sandbox, sha256};

/// The root of the repository.
pub const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

/// The helper that this test run built.
pub const HELPER: &str = env!("CARGO_BIN_EXE_wasm-airgap");

/// A real wasm-tools, packed in the layout of its release archive, on a separate mirror.
pub struct Mirror {
    /// The folder of the mirror; `served` in it is the served folder.
    pub folder: Sandbox,
    /// The server of the mirror.
    pub server: Nginx,
    /// The tool's version.
    pub version: String,
}

impl Mirror {
    /// Packs the wasm-tools on PATH and serves it.
    pub fn new() -> Mirror {
        let printed = output(Command::new("wasm-tools").arg("--version"));
        let version = printed.split(' ').nth(1).unwrap().trim().to_owned();
        let folder = Sandbox::new();
        let name = format!("wasm-tools-{version}-x86_64-linux");
        let tool = output(Command::new("sh").args(["-c", "command -v wasm-tools"]));
        let tool = fs::read(tool.trim()).unwrap();
        let path = folder.write(&format!("{name}/wasm-tools"), tool);
        output(Command::new("chmod").arg("755").arg(path));
        folder.write(&format!("{name}/README.md"), "wasm-tools\n");
        // Bazel would take this folder for a package; the tool must still work.
        folder.write(&format!("{name}/doc/BUILD"), "not for Bazel\n");
        let served = folder.path(&format!("served/{}", path_on_mirror(&version)));
        fs::create_dir_all(served.parent().unwrap()).unwrap();
        output(Command::new("tar").current_dir(folder.root()).arg("-czf").arg(served).arg(&name));
        let server = Nginx::serve(&folder.path("served"));
        Mirror { folder, server, version }
    }

    /// Returns the archive's path on the mirror and in a vendor folder.
    pub fn path(&self) -> String {
        path_on_mirror(&self.version)
    }

    /// Returns the archive's SHA-256.
    pub fn sha256(&self) -> String {
        sha256(&fs::read(self.folder.path("served").join(self.path())).unwrap())
    }

    /// Returns a registry file that pins the archive, and one for another platform that is not
    /// served.
    fn registry(&self) -> String {
        let asset = |platform: &str, sha256: &str| {
            let url = self.url_of(platform);
            serde_json::json!({"url": url, "sha256": sha256, "archive": "tar.gz"})
        };
        serde_json::json!({
            "schema_version": 1, "tool": "wasm-tools",
            "versions": {&self.version: {
                "linux_amd64": asset("x86_64-linux", &self.sha256()),
                "darwin_arm64": asset("aarch64-macos", &"d".repeat(64)),
            }},
        })
        .to_string()
    }

    fn url_of(&self, platform: &str) -> String {
        format!("https://upstream.invalid/wasm-tools-{}-{platform}.tar.gz", self.version)
    }
}

fn path_on_mirror(version: &str) -> String {
    format!("wasm-tools/{version}/linux_amd64/wasm-tools-{version}-x86_64-linux.tar.gz")
}

/// A copy of an example that asks for the mirror's tool.
pub struct Workspace {
    /// The sandbox with the workspace in `ws`; Bazel's output roots are beside it.
    pub sandbox: Sandbox,
    output_roots: u32,
}

impl Workspace {
    /// Copies `examples/{example}`.
    pub fn from_example(example: &str, mirror: &Mirror) -> Workspace {
        let sandbox = Sandbox::new();
        let example = Path::new(REPOSITORY).join("examples").join(example);
        for entry in walkdir::WalkDir::new(&example).into_iter().filter_entry(is_source) {
            let entry = entry.unwrap();
            if entry.file_type().is_file() {
                let name = entry.path().strip_prefix(&example).unwrap().display().to_string();
                sandbox.write(&format!("ws/{name}"), fs::read(entry.path()).unwrap());
            }
        }
        let module = sandbox.read("ws/MODULE.bazel");
        assert!(module.contains("\"../..\"") && module.contains("\"1.246.2\""));
        let module = module
            .replace("\"../..\"", &format!("{REPOSITORY:?}"))
            .replace("\"1.246.2\"", &format!("{:?}", mirror.version));
        sandbox.write("ws/MODULE.bazel", module + "wasm.registry(file = \"//:wasm-tools.json\")\n");
        sandbox.write("ws/wasm-tools.json", mirror.registry());
        Workspace { sandbox, output_roots: 0 }
    }

    /// Gives this module another name in the workspace.
    pub fn know_module_as(&self, name: &str) {
        let entries = walkdir::WalkDir::new(self.path("")).into_iter().filter_entry(is_source);
        let files = entries.flatten().filter(|entry| entry.file_type().is_file());
        for file in files.filter(|it| it.path().display().to_string().contains(".b")) {
            let text = fs::read_to_string(file.path()).unwrap();
            let own = "name = \"rules_wasm_airgap\", version";
            let named = format!("name = \"rules_wasm_airgap\", repo_name = {name:?}, version");
            let text = text.replace(own, &named);
            fs::write(file.path(), text.replace("@rules_wasm_airgap", &format!("@{name}")))
                .unwrap();
        }
    }

    /// Returns the path of a file in the workspace.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.sandbox.path("ws").join(relative)
    }

    /// Adds lines to MODULE.bazel.
    pub fn add_to_module(&self, lines: &str) {
        let module = self.sandbox.read("ws/MODULE.bazel");
        self.sandbox.write("ws/MODULE.bazel", format!("{module}\n{lines}\n"));
    }

    /// Lets the next Bazel commands start from an empty state: no server, output or repository
    /// cache.
    pub fn fresh_output_root(&mut self) {
        self.shut_down();
        self.output_roots += 1;
    }

    /// Returns a Bazel command with a network. The helper is that of this test run.
    pub fn bazel(&self, arguments: &[&str]) -> Bazel {
        self.command(&[], arguments).env("BAZEL_WASM_HELPER", HELPER)
    }

    /// Returns an offline Bazel command: no network, no cargo, no helper by path.
    pub fn bazel_on_the_far_side(&self, arguments: &[&str]) -> Bazel {
        let without_network = format!("{REPOSITORY}/scripts/without-network");
        self.command(&[&without_network], arguments).env("PATH", "/usr/bin:/usr/sbin:/bin:/sbin")
    }

    /// Returns an offline Bazel command with the repository cache that .bazelrc names.
    pub fn bazel_with_named_cache(&self, arguments: &[&str]) -> Bazel {
        let without_network = format!("{REPOSITORY}/scripts/without-network");
        let command = self.with_options(&[&without_network], arguments, &[]);
        command.env("PATH", "/usr/bin:/usr/sbin:/bin:/sbin")
    }

    /// Returns a Bazel command under another program, such as strace.
    pub fn command(&self, prefix: &[&str], arguments: &[&str]) -> Bazel {
        // A separate, empty repository cache: no file may come from an earlier build.
        let cache = format!("--repository_cache={}", self.output_root().join("cache").display());
        self.with_options(prefix, arguments, &[&cache])
    }

    fn with_options(&self, prefix: &[&str], arguments: &[&str], options: &[&str]) -> Bazel {
        // The server ends with each command: it would keep the namespace in which it was started.
        let script = r#"root=$1; shift
            bazel --nohome_rc --output_user_root="$root" "$@"; code=$?
            bazel --nohome_rc --output_user_root="$root" shutdown; exit $code"#;
        let words = [prefix, &["bash", "-c", script, "bazel"]].concat();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg(self.output_root());
        command.arg(arguments[0]).args(options).args(&arguments[1..]);
        command.current_dir(self.path("")).stdin(Stdio::null());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("BAZEL_WASM_")) {
            command.env_remove(name);
        }
        // Helpers that were built for earlier tests must not be used in this one.
        command.env("XDG_CACHE_HOME", self.sandbox.path("user_cache"));
        Bazel { command }
    }

    /// Returns a command of `prove` on the offline machine, with JSON as its output. Debian's Bazel
    /// needs the rc file of the system.
    pub fn prove(&self, arguments: &[&str]) -> Command {
        self.helper(&[&["prove", "--json", "--system-rc"], arguments].concat())
    }

    /// Returns a command of the helper on the offline machine.
    pub fn helper(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(HELPER);
        command.args(arguments).current_dir(self.path(""));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("BAZEL_WASM_")) {
            command.env_remove(name);
        }
        command.env("PATH", "/usr/bin:/usr/sbin:/bin:/sbin");
        command
    }

    /// Checks that the offline build and all its tests use no network, and start from nothing.
    #[track_caller]
    pub fn is_proven(&self) {
        let test = ["--", "bazel", "test", "--config=offline", "//..."];
        let verdict = output(&mut self.prove(&test));
        let verdict: serde_json::Value = serde_json::from_str(&verdict).unwrap();
        assert_eq!(verdict["verdict"], "proven", "{verdict}");
        assert_eq!(
            (&verdict["traced"], &verdict["blocked"]),
            (&true.into(), &Vec::<u8>::new().into())
        );
        assert_eq!(
            (&verdict["exit_code"], &verdict["repository_cache_files"]),
            (&0.into(), &0.into())
        );
    }

    /// Returns the folder for the output roots of Bazel's servers.
    pub fn output_root(&self) -> PathBuf {
        self.sandbox.path(&format!("output{}", self.output_roots))
    }

    fn shut_down(&self) {
        // Bazel makes its outputs read-only, so that the temporary folder could not be removed.
        let _ = Command::new("chmod").arg("-R").arg("u+w").arg(self.output_root()).status();
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        self.shut_down();
    }
}

fn is_source(entry: &walkdir::DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    !name.starts_with("bazel-") && name != "vendor" || entry.path().ends_with("tools/vendor")
}

/// A Bazel command that has not been run yet.
#[must_use]
pub struct Bazel {
    command: Command,
}

impl Bazel {
    /// Sets this variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Bazel {
        self.command.env(name, value);
        self
    }

    /// Runs in this folder.
    pub fn in_folder(mut self, folder: &Path) -> Bazel {
        self.command.current_dir(folder);
        self
    }

    /// Removes this variable.
    pub fn without(mut self, name: &str) -> Bazel {
        self.command.env_remove(name);
        self
    }

    /// Runs it; it must succeed.
    #[track_caller]
    pub fn succeeds(self) -> Printed {
        self.run(true)
    }

    /// Runs it; it must fail.
    #[track_caller]
    pub fn fails(self) -> Printed {
        self.run(false)
    }

    #[track_caller]
    fn run(mut self, success: bool) -> Printed {
        let output = self.command.output().unwrap();
        let printed = Printed {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        assert_eq!(
            output.status.success(),
            success,
            "{:?} ended with {}\n--- stdout\n{}\n--- stderr\n{}",
            self.command,
            output.status,
            printed.stdout,
            printed.stderr
        );
        printed
    }
}

/// Returns the stdout of a command, which must succeed.
#[track_caller]
pub fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
