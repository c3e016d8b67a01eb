//! The options with which Bazel builds from a bundle and from no network.

use std::collections::BTreeSet;

/// The text with which Bazel refuses an address.
const MESSAGE: &str = "This build has no network, and the bundle has no such file of a module registry. Create \
                       the bundle again with the MODULE.bazel of this workspace.";

/// The names of the options that a Bazel knows.
#[derive(Debug, Default)]
pub(super) struct KnownOptions(BTreeSet<String>);

impl KnownOptions {
    /// Parses the output of `bazel help build --short`, which has one option in each line:
    /// `  --[no]keep_going`.
    pub(super) fn parse(help: &str) -> KnownOptions {
        let options = help.lines().filter_map(|line| line.trim().strip_prefix("--"));
        let name = |option: &str| {
            let option = option.strip_prefix("[no]").unwrap_or(option);
            option.split([' ', '=']).next().unwrap_or_default().to_owned()
        };
        KnownOptions(options.map(name).collect())
    }

    /// Returns the generation of this Bazel.
    pub(super) fn generation(&self) -> Generation {
        match self.0.contains("repo_contents_cache") {
            true => Generation::Since8_3,
            false => Generation::Before8_3,
        }
    }
}

/// The releases of Bazel that accept the same options. A Bazel refuses an option that it does not
/// know, and a `.bazelrc` can ask for the version from Bazel 8.7 on only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Generation {
    /// Bazel 7.0 to 8.2.
    Before8_3,
    /// Bazel 8.3 and newer, 9 included.
    Since8_3,
}

impl Generation {
    /// All of them.
    pub(super) const ALL: [Generation; 2] = [Generation::Before8_3, Generation::Since8_3];

    /// Returns the name of the file for this generation. `airgap.bazelrc` is a copy of the one for the
    /// Bazel that fetched.
    pub(super) fn file_name(self) -> &'static str {
        match self {
            Generation::Before8_3 => "airgap-7.0.bazelrc",
            Generation::Since8_3 => "airgap-8.3.bazelrc",
        }
    }

    /// Returns the text of the file. `folder` is the folder of these files, relative to the
    /// workspace.
    pub(super) fn bazelrc(self, folder: &str) -> String {
        // The name without `experimental` is that of Bazel 8.2 and newer, which warn about the other.
        let (releases, config) = match self {
            Generation::Before8_3 => ("7.0 to 8.2", "experimental_downloader_config"),
            Generation::Since8_3 => ("8.3 and newer", "downloader_config"),
        };
        let mut text = format!(
            "# Options for a build from the files of a bundle, without a network: Bazel {releases}.\n\
             # The paths are relative to the workspace. Add this line to its .bazelrc:\n\
             #     try-import %workspace%/{folder}/airgap.bazelrc\n\
             # airgap.bazelrc is for the Bazel that fetched the files. For another one, name\n\
             # airgap-7.0.bazelrc (Bazel 7.0 to 8.2) or airgap-8.3.bazelrc (8.3 and newer).\n\
             common --repository_cache={folder}/repository_cache\n\
             # No download by a repository rule, except from that cache.\n\
             common --repository_disable_download\n\
             # And no read from a module registry, except from that cache.\n\
             common --{config}={folder}/downloader.cfg\n\
             # http_archive takes a file by its digest, whatever its address was.\n\
             common --repo_env=BAZEL_HTTP_RULES_URLS_AS_DEFAULT_CANONICAL_ID=0\n"
        );
        if self == Generation::Since8_3 {
            text.push_str(
                "# Bazel refuses this cache inside of a workspace, and would put it there.\n\
                 common --repo_contents_cache=\n",
            );
        }
        text
    }
}

/// Returns the text of the configuration of Bazel's downloader: files of module registries lead to a
/// blocked host. `block *` would do the same for archives, and Bazel then takes the name of a cached
/// archive from another address, so that it cannot tell the format of one that has no `type`, such as
/// each archive of a module.
pub(super) fn downloader_config() -> String {
    format!(
        "all_blocked_message {MESSAGE}\n\
         rewrite (.*)/modules/(.*[.](?:bazel|json)) {BLOCKED}/$1/modules/$2\n\
         rewrite (.*)/bazel_registry[.]json {BLOCKED}/$1/bazel_registry.json\n\
         block {BLOCKED}\n"
    )
}

/// A host that cannot exist (RFC 2606, section 2).
const BLOCKED: &str = "registry.invalid";

#[cfg(test)]
mod tests {
    use super::*;

    const SEVEN: &str = "Options:\n  --[no]keep_going (x)\n  --experimental_downloader_config=x\n";
    const NINE: &str = "  --downloader_config\n  --repo_contents_cache\n";

    #[test]
    fn each_generation_gets_only_options_that_it_knows() {
        let seven = KnownOptions::parse(SEVEN).generation();
        let nine = KnownOptions::parse(NINE).generation();
        assert_eq!([seven, nine], Generation::ALL);
        let seven = seven.bazelrc("vendor/bazel");
        assert!(seven.contains("common --experimental_downloader_config=vendor/bazel/downloader"));
        assert!(seven.contains("common --repository_cache=vendor/bazel/repository_cache\n"));
        assert!(!seven.contains("repo_contents_cache"), "{seven}");
        let nine = nine.bazelrc("v/bazel");
        assert!(nine.contains("common --downloader_config=v/bazel/downloader.cfg\n"), "{nine}");
        assert!(nine.contains("common --repo_contents_cache=\n"), "{nine}");
        for generation in Generation::ALL {
            assert!(
                seven.contains(generation.file_name()) && nine.contains(generation.file_name())
            );
        }
    }
}
