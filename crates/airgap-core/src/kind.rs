//! The kinds of vendored things: a kind is registered here, by a variant and its row of facts.

use std::path::{Path, PathBuf};

use crate::environment as env;
use crate::shell;

/// The kinds of vendored files. Each has a folder of its own in a vendor folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VendoredKind {
    /// Tools.
    Toolchain,
    /// WIT packages.
    Wit,
    /// WebAssembly components.
    Component,
}

/// The facts of a kind.
struct Facts {
    /// The word in manifests.
    name: &'static str,
    /// The kind's own folder in a vendor root.
    folder: &'static str,
    /// The folders in the workspace that need no setting, highest first: each with the part of its
    /// path that is the root, below which no link is followed.
    own: &'static [(&'static str, &'static str)],
    /// The variable that names a vendor folder for this kind alone.
    variable: Option<&'static str>,
    /// The target in `//tools/vendor` that fills a folder of this kind alone; without one,
    /// `vendor_all` fills it with those of the other kinds.
    target: Option<&'static str>,
}

impl VendoredKind {
    /// All kinds.
    pub const ALL: [VendoredKind; 3] =
        [VendoredKind::Toolchain, VendoredKind::Wit, VendoredKind::Component];

    fn facts(self) -> Facts {
        match self {
            VendoredKind::Toolchain => Facts {
                name: "toolchain",
                folder: "toolchains",
                own: &[("third_party/toolchains", ""), ("vendor", "toolchains")],
                variable: None,
                target: Some("vendor_all_toolchains"),
            },
            VendoredKind::Wit => Facts {
                name: "wit",
                folder: "wit",
                own: &[("vendor", "wit")],
                variable: Some(env::WIT_VENDOR_DIR),
                target: None,
            },
            VendoredKind::Component => Facts {
                name: "component",
                folder: "components",
                own: &[("vendor", "components")],
                variable: None,
                target: Some("vendor_all_components"),
            },
        }
    }

    /// Returns the kind with this word in manifests; `None` if a later version has defined it.
    pub fn from_name(name: &str) -> Option<VendoredKind> {
        VendoredKind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Returns the word in manifests.
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// Returns the kind's own folder in a vendor root.
    pub fn folder(self) -> &'static str {
        self.facts().folder
    }

    /// Returns the folders in the workspace that need no setting, highest first: each with the part
    /// of its path that is the root, below which no link is followed.
    pub fn workspace_folders(self) -> &'static [(&'static str, &'static str)] {
        self.facts().own
    }

    /// Returns the variable that names a vendor folder for this kind alone, if there is one.
    pub fn variable(self) -> Option<&'static str> {
        self.facts().variable
    }

    /// Returns the command that fills this folder with the things that MODULE.bazel asks for.
    pub fn vendor_command(self, dir: &Path) -> String {
        let (target, dir) = match self.facts().target {
            Some(target) => (target, dir.to_owned()),
            // It fills the folder of the kind in the one that is named.
            None if dir.ends_with(self.folder()) => {
                ("vendor_all", dir.parent().map_or_else(PathBuf::new, Path::to_owned))
            }
            None => ("vendor_all", dir.to_owned()),
        };
        let dir = shell::path(&dir);
        format!("bazel run @rules_wasm_airgap//tools/vendor:{target} -- --output-dir {dir}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_and_a_folder_of_its_own() {
        for kind in VendoredKind::ALL {
            let same = |other: &&VendoredKind| {
                other.name() == kind.name() || other.folder() == kind.folder()
            };
            assert_eq!(VendoredKind::ALL.iter().filter(same).count(), 1, "{kind:?}");
        }
    }

    #[test]
    fn the_command_fills_the_folder() {
        let command = |kind: VendoredKind, dir| kind.vendor_command(Path::new(dir));
        assert!(command(VendoredKind::Wit, "/v/wit").ends_with(":vendor_all -- --output-dir /v"));
        assert!(command(VendoredKind::Wit, "/v").ends_with(":vendor_all -- --output-dir /v"));
        let tools = command(VendoredKind::Toolchain, "/v/toolchains");
        assert!(tools.ends_with(":vendor_all_toolchains -- --output-dir /v/toolchains"), "{tools}");
    }
}
