//! The options with which Bazel builds from a bundle and from no network.

use std::collections::BTreeSet;

/// The text with which Bazel refuses an address.
const MESSAGE: &str = "This build has no network, and the bundle has no such file. Create the bundle \
                       again with a --bazel-target that needs it.";

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

    fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Returns the text of `airgap.bazelrc`. `folder` is the folder of these files, relative to the
    /// workspace. A Bazel refuses an option that it does not know, so the text has only options that
    /// this one knows.
    pub(super) fn bazelrc(&self, folder: &str) -> String {
        // The name without `experimental` is that of Bazel 8.2 and newer.
        let config = match self.has("downloader_config") {
            true => "downloader_config",
            false => "experimental_downloader_config",
        };
        let mut text = format!(
            "# Options for a build from the files of a bundle, without a network.\n\
             # The paths are relative to the workspace. Add this line to its .bazelrc:\n\
             #     try-import %workspace%/{folder}/airgap.bazelrc\n\
             common --repository_cache={folder}/repository_cache\n\
             # No download, and no read from a module registry either.\n\
             common --{config}={folder}/downloader.cfg\n\
             # http_archive takes a file by its digest, whatever its address was.\n\
             common --repo_env=BAZEL_HTTP_RULES_URLS_AS_DEFAULT_CANONICAL_ID=0\n"
        );
        if self.has("repo_contents_cache") {
            text.push_str(
                "# Bazel refuses this cache inside of a workspace, and would put it there.\n\
                 common --repo_contents_cache=\n",
            );
        }
        text
    }
}

/// Returns the text of the configuration of Bazel's downloader.
pub(super) fn downloader_config() -> String {
    format!("all_blocked_message {MESSAGE}\nblock *\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEVEN: &str = "Options:\n  --[no]keep_going (x)\n  --experimental_downloader_config=x\n";
    const NINE: &str = "  --downloader_config\n  --repo_contents_cache\n";

    #[test]
    fn only_options_that_this_bazel_knows_are_written() {
        let seven = KnownOptions::parse(SEVEN).bazelrc("vendor/bazel");
        assert!(seven.contains("common --experimental_downloader_config=vendor/bazel/downloader"));
        assert!(seven.contains("common --repository_cache=vendor/bazel/repository_cache\n"));
        assert!(!seven.contains("repo_contents_cache"), "{seven}");
        let nine = KnownOptions::parse(NINE).bazelrc("v/bazel");
        assert!(nine.contains("common --downloader_config=v/bazel/downloader.cfg\n"), "{nine}");
        assert!(nine.contains("common --repo_contents_cache=\n"), "{nine}");
        assert!(KnownOptions::parse(SEVEN).has("keep_going"));
    }
}
