//! A release of the sources as they are now, whether they are committed or not.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::sandbox::{Sandbox, sha256};

/// The root of the repository.
const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

/// The version of this module.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A folder as `scripts/release` writes it, and an index of Git with the sources.
pub struct Release {
    /// The sandbox with the folder `release`. Git's objects and index are beside it.
    pub sandbox: Sandbox,
}

impl Release {
    /// Creates the folder with a binary for each of these platforms, and the index.
    pub fn new(programs: &[(&str, &[u8])]) -> Release {
        let sandbox = Sandbox::new();
        let mut sums = String::new();
        for (platform, program) in programs {
            let name = binary(platform);
            sandbox.write(&format!("release/{name}"), program);
            sums += &format!("{}  {name}\n", sha256(program));
        }
        sandbox.write("release/SHA256SUMS", sums);
        sandbox.write("objects/info/alternates", "");
        let release = Release { sandbox };
        release.git(&["add", "--all"]);
        release
    }

    /// Returns the folder.
    pub fn path(&self) -> PathBuf {
        self.sandbox.path("release")
    }

    /// Returns the path of the source archive in the folder.
    pub fn archive(&self) -> PathBuf {
        self.path().join(format!("rules_wasm_airgap-v{VERSION}.tar.gz"))
    }

    /// Replaces a file of the sources, in the index only.
    #[allow(dead_code, reason = "not every test binary replaces one")]
    pub fn replace(&self, path: &str, content: &str) {
        let file = self.sandbox.write("replacement", content);
        let object = self.git(&["hash-object", "-w", file.to_str().unwrap()]);
        self.git(&["update-index", "--cacheinfo", &format!("100644,{object},{path}")]);
    }

    /// Returns the command that makes the source archive.
    pub fn source_archive(&self, arguments: &[&str]) -> Command {
        self.source_archive_of(Path::new(REPOSITORY), arguments)
    }

    /// Returns the command that makes the source archive with another checkout.
    pub fn source_archive_of(&self, checkout: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(checkout.join("scripts/source-archive"));
        let tree = self.git(&["write-tree"]);
        command.args(["--commit", &tree]).args(arguments).current_dir(self.sandbox.root());
        self.with_index(&mut command);
        command
    }

    fn git(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args(arguments).current_dir(REPOSITORY);
        self.with_index(&mut command);
        crate::output(&mut command).trim().to_owned()
    }

    /// Lets Git write its objects and its index here, and not into the repository.
    fn with_index(&self, command: &mut Command) {
        let mut objects = Command::new("git");
        objects.args(["rev-parse", "--path-format=absolute", "--git-path", "objects"]);
        let objects = crate::output(objects.current_dir(REPOSITORY));
        command.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", objects.trim());
        command.env("GIT_OBJECT_DIRECTORY", self.sandbox.path("objects"));
        command.env("GIT_INDEX_FILE", self.sandbox.path("index"));
    }
}

/// Returns the name of the binary for a platform.
pub fn binary(platform: &str) -> String {
    let ending = if platform.starts_with("windows") { ".exe" } else { "" };
    format!("wasm-airgap-{VERSION}-{platform}{ending}")
}
