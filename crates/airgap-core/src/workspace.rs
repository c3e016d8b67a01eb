//! The Bazel workspace in which a command runs, and the name by which it knows this module.
//!
//! `bazel_dep(name = "rules_wasm_airgap", repo_name = "wasm")` lets the labels of a workspace begin
//! with `@wasm//`. Generated BUILD files, printed pins, and the commands in messages use that name.

mod module_file;

use std::path::{Path, PathBuf};

use crate::environment::{self as env, Environment};
use crate::read;
use crate::shell;

/// Files that make a folder the root of a Bazel workspace.
const ROOTS: [&str; 4] = ["MODULE.bazel", "REPO.bazel", "WORKSPACE.bazel", "WORKSPACE"];

/// This module's own name, by which messages in the sources name it.
const OWN_NAME: &str = "rules_wasm_airgap";

/// The commands of this program, to find command lines in messages.
const COMMANDS: [&str; 11] = [
    "component",
    "config",
    "emit",
    "extract",
    "import",
    "mirror",
    "plan",
    "toolchain",
    "verify",
    "vendor",
    "wit",
];

/// The file in Bazel's output base that names the workspace.
const OUTPUT_BASE: &str = "DO_NOT_BUILD_HERE";

/// The most bytes of a path.
const LONGEST_PATH: u64 = 4096;

/// The command that vendors tools, by Bazel and without it.
const VENDOR_BY_BAZEL: &str =
    "bazel run @rules_wasm_airgap//tools/vendor:vendor_all_toolchains -- ";
const VENDOR_BY_HAND: &str = "wasm-airgap vendor toolchains ";

/// A workspace, and the place of the person who reads the output.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
    /// The folder in which a person types commands, if it is known and is not the root.
    below_root: bool,
    /// Whether Bazel started this program.
    in_bazel: bool,
    /// The beginning of labels of this module, before the `//`: `@rules_wasm_airgap`.
    module: String,
    /// Whether the workspace names this module, so that there are such labels.
    has_module: bool,
}

impl Workspace {
    /// Returns the workspace of a process: the one that Bazel names, or the nearest folder above
    /// the current one that is the root of a workspace, or else the current folder.
    pub fn from_environment(environment: &Environment) -> Workspace {
        let named = environment.first(&[env::WORKSPACE, env::BAZEL_WORKSPACE]);
        let named = named.map(|(_, root)| Path::new(root)).or(environment.workspace());
        let root = match named {
            Some(root) => root.to_owned(),
            None => root_above(environment.current_dir())
                .unwrap_or_else(|| environment.current_dir().clone()),
        };
        let here = match environment.get(env::WORKING_DIRECTORY) {
            Some(here) => Some(Path::new(here)),
            None if named.is_none() => Some(environment.current_dir().as_path()),
            None => None,
        };
        let below_root = here.is_some_and(|here| here != root);
        // An action runs in Bazel's output base, and only its messages are about the workspace.
        let built_for = match named {
            Some(_) => None,
            None => built_for(environment.current_dir()),
        };
        let read = built_for.as_deref().unwrap_or(&root);
        let module = module_name(read);
        let has_module = module_file::known_name(read, OWN_NAME).is_some();
        let in_bazel = named.is_some() || built_for.is_some();
        let below_root = below_root && built_for.is_none();
        Workspace { root, below_root, in_bazel, module, has_module }
    }

    /// Returns the root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns a label of this module, as the workspace writes it. `label` begins with `//`.
    pub fn label(&self, label: &str) -> String {
        format!("{}{label}", self.module)
    }

    /// Returns the file from which BUILD files in a folder load `wit_library`: by the name that the
    /// workspace around the folder uses.
    pub fn wit_rules(&self, folder: &Path) -> String {
        let root = root_above(folder).filter(|root| *root != self.root);
        let module = root.map_or_else(|| self.module.clone(), |root| module_name(&root));
        format!("{module}//wit:defs.bzl")
    }

    /// Adapts a message to the person who reads it here: labels of this module begin with the name
    /// by which the workspace knows it; commands of this program can be run unchanged, by
    /// `bazel run` if Bazel started this program; and folders of the workspace are relative to the
    /// person's current folder.
    pub fn address(&self, message: &str) -> String {
        let mut out = String::with_capacity(message.len());
        let mut rest = message;
        while let Some(at) = rest.find(['@', 'w', '-']) {
            let (before, found) = rest.split_at(at);
            out.push_str(before);
            let last = out.chars().next_back();
            let taken = match found.as_bytes()[0] {
                b'@' => self.address_label(found, last, &mut out),
                b'w' => self.address_command(found, &mut out),
                _ => self.address_folder(found, last, &mut out),
            };
            if taken == 0 {
                out.push_str(&found[..1]);
            }
            rest = &found[taken.max(1)..];
        }
        out + rest
    }

    /// Rewrites the label `@rules_wasm_airgap//`, and not the canonical `@@rules_wasm_airgap//`.
    fn address_label(&self, found: &str, last: Option<char>, out: &mut String) -> usize {
        let (bazel, target) = VENDOR_BY_BAZEL.split_at("bazel run ".len());
        // A person who uses the program alone has no such target.
        let by_hand = !self.in_bazel && !self.has_module;
        if by_hand && found.starts_with(target) && out.ends_with(bazel) {
            out.truncate(out.len() - bazel.len());
            out.push_str(VENDOR_BY_HAND);
            return target.len();
        }
        let taken = OWN_NAME.len() + 1;
        let is_in_path = last != Some('\'') && is_quoted(line_of(out));
        if last == Some('@')
            || is_in_path
            || !found[1..].starts_with(OWN_NAME)
            || !found[taken..].starts_with("//")
        {
            return 0;
        }
        out.push_str(&self.module);
        taken
    }

    /// Rewrites the command `wasm-airgap vendor`.
    fn address_command(&self, found: &str, out: &mut String) -> usize {
        let program = "wasm-airgap ";
        let Some(command) = found.strip_prefix(program).filter(|_| self.in_bazel) else {
            return 0;
        };
        let word = command.split(|c: char| !c.is_ascii_lowercase()).next().unwrap_or_default();
        if !COMMANDS.contains(&word) || !is_start_of_command(out) {
            return 0;
        }
        out.push_str(&format!("bazel run {}//:wasm-airgap -- ", self.module));
        program.len()
    }

    /// Rewrites the folder in `--output-dir vendor/wit`, if the person's current folder is not the
    /// root.
    fn address_folder(&self, found: &str, last: Option<char>, out: &mut String) -> usize {
        let option = ["--output-dir ", "--output "].into_iter().find(|it| found.starts_with(it));
        let Some(option) = option.filter(|_| last == Some(' ') && self.below_root) else {
            return 0;
        };
        if !found[option.len()..].starts_with("vendor") || is_quoted(line_of(out)) {
            return 0;
        }
        out.push_str(&format!("{option}{}/", shell::path(&self.root)));
        option.len()
    }
}

/// Returns whether a command may begin after this text: at the beginning of a line or of a text in
/// backticks, after a colon, after another command, and after settings such as `A=1`. Elsewhere the
/// name of the program is a part of a path or of a sentence.
fn is_start_of_command(before: &str) -> bool {
    let line = line_of(before);
    let text = line.trim_end();
    let is_setting = |word: &str| {
        let name = word.split_once('=').map_or("", |(name, _)| name);
        !name.is_empty()
            && name.chars().all(|c| c.is_ascii_uppercase() || "_0123456789".contains(c))
    };
    let follows = text.is_empty() || text.ends_with([':', '"', '|', ';']) || text.ends_with("&&");
    (follows || text.rsplit(' ').next().is_some_and(is_setting)) && !is_quoted(line)
}

/// Returns the last line of a text, from the last open backtick on.
fn line_of(text: &str) -> &str {
    let line = text.rsplit('\n').next().unwrap_or_default();
    match line.matches('`').count() % 2 {
        0 => line,
        _ => line.rsplit('`').next().unwrap_or_default(),
    }
}

/// Returns whether the end of a text is inside a word that [`shell::word`] quoted. An apostrophe in
/// a sentence begins no such word.
fn is_quoted(text: &str) -> bool {
    let (mut is_open, mut last) = (false, ' ');
    for c in text.chars() {
        let may_open = last.is_whitespace() || "=$'".contains(last);
        is_open = match c {
            '\'' => !is_open && may_open,
            _ => is_open,
        };
        last = c;
    }
    is_open
}

/// Returns the nearest folder, this one or above it, that is the root of a workspace.
pub fn root_above(folder: &Path) -> Option<PathBuf> {
    let is_root = |folder: &&Path| {
        ROOTS.iter().any(|name| crate::user_path::is_file(&folder.join(name)).unwrap_or(false))
    };
    folder.ancestors().find(is_root).map(Path::to_owned)
}

/// The workspace for which Bazel runs an action in this folder, through the folders of sandboxes;
/// nothing where another program runs in it, or on another machine.
fn built_for(folder: &Path) -> Option<PathBuf> {
    let real = folder.canonicalize().ok()?;
    real.ancestors().find_map(|folder| {
        let text = read::text(&folder.join(OUTPUT_BASE), LONGEST_PATH).ok()?;
        let root = PathBuf::from(text.trim_end());
        root.is_absolute().then_some(root)
    })
}

/// Returns the beginning of labels of this module in the workspace of this root. A workspace that
/// does not name the module, or whose file cannot be read, gets the module's own name.
fn module_name(root: &Path) -> String {
    match module_file::known_name(root, OWN_NAME) {
        Some(name) if name.is_empty() => name,
        Some(name) => format!("@{name}"),
        None => format!("@{OWN_NAME}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(
        module: &str,
        variables: &[(&str, &str)],
        here: &str,
    ) -> (tempfile::TempDir, Workspace) {
        let root = tempfile::tempdir().unwrap();
        let module = format!("bazel_dep(name = \"rules_wasm_airgap\", repo_name = \"{module}\")");
        std::fs::write(root.path().join("MODULE.bazel"), module).unwrap();
        let named = root.path().display().to_string();
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| (*name, value.replace("ROOT", &named))).collect();
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let environment = Environment::from_pairs(&variables, root.path().join(here));
        let workspace = Workspace::from_environment(&environment);
        (root, workspace)
    }

    #[test]
    fn the_workspace_is_found_upward() {
        let (root, workspace) = workspace("wasm", &[], "a/b");
        assert_eq!(workspace.root(), root.path());
        assert_eq!(workspace.label("//wit:defs.bzl"), "@wasm//wit:defs.bzl");
        assert_eq!(workspace.wit_rules(&root.path().join("v/wit")), "@wasm//wit:defs.bzl");
        let root = root.path().display();
        assert_eq!(
            workspace.address("run\nwasm-airgap vendor wit a:b --output-dir vendor/wit"),
            format!("run\nwasm-airgap vendor wit a:b --output-dir {root}/vendor/wit")
        );
    }

    #[test]
    fn an_action_finds_the_workspace_that_it_is_built_for() {
        let (root, _) = workspace("wasm", &[], "");
        let base = tempfile::tempdir().unwrap();
        let action = base.path().join("sandbox/linux-sandbox/1/execroot/_main");
        std::fs::create_dir_all(&action).unwrap();
        let of = || Workspace::from_environment(&Environment::from_pairs(&[], &action));
        assert_eq!(of().label("//a:b"), "@rules_wasm_airgap//a:b");
        std::fs::write(base.path().join(OUTPUT_BASE), root.path().display().to_string()).unwrap();
        assert_eq!(of().label("//a:b"), "@wasm//a:b");
        let message = "run\nwasm-airgap config show --output-dir vendor";
        let addressed = "run\nbazel run @wasm//:wasm-airgap -- config show --output-dir vendor";
        assert_eq!(of().address(message), addressed);
        std::fs::write(base.path().join(OUTPUT_BASE), "not/absolute").unwrap();
        assert_eq!(of().label("//a:b"), "@rules_wasm_airgap//a:b");
    }

    #[test]
    fn commands_in_messages_use_bazel_run_and_the_module_name() {
        let (_root, workspace) = workspace("wasm", &[(env::BAZEL_WORKSPACE, "ROOT")], "");
        for (message, addressed) in [
            (
                "on a machine with a network, run\nwasm-airgap vendor wit a:b@1.0.0 --output-dir \
                 vendor/wit",
                "on a machine with a network, run\n\
                 bazel run @wasm//:wasm-airgap -- vendor wit a:b@1.0.0 --output-dir vendor/wit",
            ),
            ("`wasm-airgap mirror lock`", "`bazel run @wasm//:wasm-airgap -- mirror lock`"),
            ("bazel run @rules_wasm_airgap//a:b", "bazel run @wasm//a:b"),
            (
                "@@rules_wasm_airgap//a:b, @rules_wasm_airgap~//a",
                "@@rules_wasm_airgap//a:b, @rules_wasm_airgap~//a",
            ),
            (
                "the wasm-airgap binary, x/wasm-airgap vendor, -w@",
                "the wasm-airgap binary, x/wasm-airgap vendor, -w@",
            ),
        ] {
            assert_eq!(workspace.address(message), addressed);
        }
        for message in [
            "remove `/x/my wasm-airgap vendor`",
            "bazel run //:helper -- --output-dir 'my wasm-airgap vendor/@rules_wasm_airgap//x'",
            "bazel run //:helper -- --output-dir='a'\\''s: wasm-airgap vendor'",
            "looked in: /x/my wasm-airgap vendor",
            "run\nbazel run //:helper -- --cache '/a --output-dir vendor'",
        ] {
            assert_eq!(workspace.address(message), message);
        }
        for before in ["the helper's pin: ", "`A_B=1 ", "run `", "name it: A='b c' && ", "x | "] {
            let message = format!("{before}wasm-airgap wit pin");
            let addressed = format!("{before}bazel run @wasm//:wasm-airgap -- wit pin");
            assert_eq!(workspace.address(&message), addressed);
        }
        let quoted = "bazel run '@rules_wasm_airgap//a:b c'";
        assert_eq!(workspace.address(quoted), "bazel run '@wasm//a:b c'");
        let here = workspace.clone();
        let typed = Workspace { in_bazel: false, ..here };
        assert_eq!(typed.address("`wasm-airgap mirror lock`"), "`wasm-airgap mirror lock`");
        let message = format!("run\n{VENDOR_BY_BAZEL}--tool a");
        let by_bazel = typed.address(&message);
        assert_eq!(by_bazel, message.replace("@rules_wasm_airgap", "@wasm"));
        let alone = Workspace { has_module: false, ..typed };
        assert_eq!(alone.address(&message), "run\nwasm-airgap vendor toolchains --tool a");
    }
}
