//! Resolves the request and the settings into a plan, before anything is fetched.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::unpacked;
use airgap_config::policy::{Mirror, Offline, Policy};
use airgap_core::artifact::{ArchiveType, Artifact, Asset, Identity, VendoredKind};
use airgap_core::environment as env;
use airgap_core::error::{self, Error, Result};
use airgap_core::listing::{Listing, PathState};
use airgap_core::rooted::RootedPath;

/// The version of the plan's JSON form.
pub const SCHEMA_VERSION: u32 = 1;

/// The files to fetch and their sources. A plan can be printed, compared and executed.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    schema_version: u32,
    /// Whether the network is excluded.
    pub offline: bool,
    /// One item for each artifact.
    pub items: Vec<PlannedArtifact>,
}

/// The sources of one artifact.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedArtifact {
    /// Its identity.
    #[serde(flatten)]
    pub identity: Identity,
    /// The name of the published file.
    pub filename: String,
    /// The published file's address, identity and format.
    #[serde(flatten)]
    pub asset: Asset,
    /// The file on this machine, if any. Its digest is checked when it is used.
    pub path: Option<PathBuf>,
    /// The addresses to try, in order. None when offline.
    pub urls: Vec<String>,
    /// Every place that was searched or would be, in order.
    pub places: Vec<SearchPlace>,
    /// The message for a person if no address gives the file.
    pub failure: String,
    /// Its length in bytes, in a dry run, if it is known without the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// A place where an artifact may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SearchPlace {
    /// The kind of place: `vendor folder`, `workspace folder`, `mirror`, `upstream`.
    pub source: &'static str,
    /// The variable that named it, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setting: Option<&'static str>,
    /// The path or address.
    pub location: String,
    /// The finding there.
    pub finding: PlaceState,
}

/// The finding at a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceState {
    /// A file.
    Found,
    /// No file.
    Absent,
    /// A file that cannot be used, with the reason.
    Unusable(String),
    /// The files of the archive in the place of the archive.
    Unpacked,
    /// A place in the network that would be asked.
    Network,
    /// A place in the network, which this setting forbids.
    Offline(Offline),
}

/// Decides the source of each artifact.
///
/// # Errors
/// Usage, if the vendor folder that the environment names is not a readable folder.
pub fn resolve(artifacts: &[Artifact], policy: &Policy, listing: &dyn Listing) -> Result<Plan> {
    for kind in VendoredKind::ALL {
        if artifacts.iter().any(|artifact| artifact.identity.kind() == kind) {
            check_vendor_dirs(kind, policy, listing)?;
        }
    }
    let items =
        artifacts.iter().map(|artifact| PlannedArtifact::of(artifact, policy, listing)).collect();
    Ok(Plan { schema_version: SCHEMA_VERSION, offline: policy.is_offline(), items })
}

impl Plan {
    /// Fails if an artifact has no source.
    ///
    /// # Errors
    /// Unavailable, listing every place that was searched, why each failed, and the remedy.
    pub fn check(&self) -> Result<()> {
        match self.items.iter().find(|item| !item.is_available()) {
            Some(item) => Err(item.unavailable()),
            None => Ok(()),
        }
    }
}

impl PlannedArtifact {
    fn of(artifact: &Artifact, policy: &Policy, listing: &dyn Listing) -> PlannedArtifact {
        let local = local_places(artifact, policy, listing);
        let path = local.iter().find(|place| place.finding == PlaceState::Found);
        let path = path.map(|place| PathBuf::from(&place.location));
        let remote = remote_places(artifact, policy);
        let urls = match policy.is_offline() {
            true => Vec::new(),
            false => remote.iter().map(|place| place.location.clone()).collect(),
        };
        let mut item = PlannedArtifact {
            identity: artifact.identity.clone(),
            filename: artifact.filename(),
            asset: artifact.asset.clone(),
            path,
            urls,
            places: local.into_iter().chain(remote).collect(),
            failure: String::new(),
            size: None,
        };
        item.failure = item.unavailable().to_string();
        item
    }

    /// Returns the artifact of this item.
    pub fn artifact(&self) -> Artifact {
        Artifact { identity: self.identity.clone(), asset: self.asset.clone() }
    }

    /// Returns whether the artifact has a source.
    pub fn is_available(&self) -> bool {
        self.path.is_some() || !self.urls.is_empty()
    }

    /// Returns the error for an artifact that no place has.
    pub fn unavailable(&self) -> Error {
        let mut error = Error::new(
            error::ErrorKind::Unavailable,
            format!("{} was not found in any allowed source", self.identity),
        );
        for place in &self.places {
            error = error.fact(place.source, place.describe());
        }
        let unpacked = self.places.iter().find(|place| place.finding == PlaceState::Unpacked);
        if let Some(folder) = unpacked.and_then(|place| Path::new(&place.location).parent()) {
            error = error.hint(unpacked::remedy(folder));
        }
        let error = error.hint(format!(
            "on a machine with a network, run\n{}\nand copy the folder to this machine",
            vendor_command(&self.identity),
        ));
        match self.places.iter().find_map(|place| place.finding.offline()) {
            Some(offline) => error.hint(format!("or {} to use the network", offline.remedy())),
            None => error,
        }
    }
}

/// Returns the command that brings a file into the workspace's vendor folder.
fn vendor_command(identity: &Identity) -> String {
    match identity {
        Identity::Tool { tool, version, platform } => format!(
            "bazel run @rules_wasm_airgap//tools/vendor:vendor_all_toolchains -- \
             --output-dir vendor/toolchains --tool {tool}@{version} --platform {platform}"
        ),
        Identity::Helper { platform, .. } => format!(
            "bazel run @rules_wasm_airgap//tools/vendor:helper -- \
             --output-dir vendor/toolchains --platform {platform}"
        ),
        Identity::Wit { package } => {
            format!("wasm-airgap vendor wit {package} --archives --output-dir vendor/wit")
        }
    }
}

impl PlaceState {
    /// Returns the setting that forbids a request to this place.
    pub(crate) fn offline(&self) -> Option<Offline> {
        match self {
            PlaceState::Offline(offline) => Some(*offline),
            _ => None,
        }
    }
}

impl SearchPlace {
    /// Describes the location, the variable that named it, and the finding.
    pub fn describe(&self) -> String {
        let setting = self.setting.map(|name| format!(" ({name})")).unwrap_or_default();
        let finding = match &self.finding {
            PlaceState::Found => "found".to_owned(),
            PlaceState::Absent => "not there".to_owned(),
            PlaceState::Unusable(why) => format!("cannot be used: {why}"),
            PlaceState::Unpacked => format!("cannot be used: {}", unpacked::FINDING),
            PlaceState::Network => "needs the network".to_owned(),
            PlaceState::Offline(offline) => format!("not asked: {offline}"),
        };
        format!("{}{setting}: {finding}", self.location)
    }
}

/// Fails if a named vendor folder does not exist, which means a missing mount or a misspelt path.
/// Going on to the network would hide that.
pub(crate) fn check_vendor_dirs(
    kind: VendoredKind,
    policy: &Policy,
    listing: &dyn Listing,
) -> Result<()> {
    for (variable, dir) in policy.vendor_dirs(kind) {
        let problem = match listing.state(&RootedPath::from_trusted(dir)) {
            PathState::Folder => continue,
            PathState::Absent if policy.makes(dir) => continue,
            PathState::Absent => "does not exist".to_owned(),
            PathState::File => "is a file".to_owned(),
            PathState::Unusable(why) => format!("cannot be read: {why}"),
        };
        return Err(Error::usage(format!("the vendor folder `{}` {problem}", dir.display()))
            .fact("named by", variable)
            .hint(match policy.is_hidden(dir) {
                true => IN_ACTION,
                false => "a relative path is relative to the workspace root; check the path and the mount",
            })
            .hint(format!("to create it on an online machine, run\n{}", kind.vendor_command(dir))));
    }
    Ok(())
}

/// The remedy for an action that searches the workspace for a vendored component.
pub const IN_ACTION: &str = "an action cannot read the workspace: pass it an absolute folder with \
    `--action_env=BAZEL_WASM_VENDOR_DIR=/path`, or name the vendored file in the rule, \
    `vendored_component = \"//vendor/components:NAME.wasm\"`";

/// Returns the folders for a kind, in order, each with the variable that named it.
pub(crate) fn folders(
    kind: VendoredKind,
    policy: &Policy,
) -> Vec<(Option<&'static str>, RootedPath)> {
    let named = policy.vendor_dirs(kind).into_iter().flat_map(|(variable, dir)| {
        // A vendor root, or the folder of this kind in it.
        let dir = RootedPath::from_trusted(dir);
        [dir.join(kind.folder()), dir].map(|dir| (Some(variable), dir))
    });
    let own = kind.workspace_folders().iter().map(|(root, below)| {
        (None, RootedPath::from_trusted(join(policy.workspace(), root)).join(below))
    });
    let mut folders: Vec<(_, RootedPath)> = Vec::new();
    for (variable, dir) in named.chain(own) {
        // The variable may name one of the workspace's own folders.
        if folders.iter().all(|(_, known)| known.path() != dir.path()) {
            folders.push((variable, dir));
        }
    }
    folders
}

fn local_places(artifact: &Artifact, policy: &Policy, listing: &dyn Listing) -> Vec<SearchPlace> {
    let places = folders(artifact.identity.kind(), policy).into_iter();
    places
        .map(|(setting, dir)| {
            let path = dir.join(&artifact.path());
            let finding = match listing.state(&path) {
                PathState::File => PlaceState::Found,
                PathState::Absent if is_unpacked(artifact, &path, listing) => PlaceState::Unpacked,
                PathState::Absent => PlaceState::Absent,
                PathState::Folder => PlaceState::Unusable("it is a folder".to_owned()),
                PathState::Unusable(why) => PlaceState::Unusable(why),
            };
            let source = if setting.is_some() { "vendor folder" } else { "workspace folder" };
            SearchPlace { source, setting, location: path.to_string(), finding }
        })
        .collect()
}

/// Returns whether the files of an archive of a tool are where the archive belongs. The unpacked text
/// of a WIT package is used instead of its archive, and has its own search.
fn is_unpacked(artifact: &Artifact, path: &RootedPath, listing: &dyn Listing) -> bool {
    let is_archive = artifact.asset.archive != ArchiveType::Binary;
    let folder = match artifact.identity {
        Identity::Tool { .. } if is_archive => path.parent(),
        _ => None,
    };
    folder.is_some_and(|folder| unpacked::is_unpacked(&folder, listing))
}

fn remote_places(artifact: &Artifact, policy: &Policy) -> Vec<SearchPlace> {
    let finding = policy.offline().map_or(PlaceState::Network, PlaceState::Offline);
    let place = |source, setting, location| SearchPlace {
        source,
        setting,
        location,
        finding: finding.clone(),
    };
    let kind = artifact.identity.kind();
    let (path, url) = (artifact.path(), artifact.asset.url.as_str());
    let mut places = Vec::new();
    for mirror in policy.mirrors() {
        match mirror {
            Mirror::Base(base) => {
                let mirror = |location| place("mirror", Some(env::MIRROR), location);
                // A mirror is a served folder of tools; another kind may be in it or have a mirror
                // of its own.
                if kind != VendoredKind::Toolchain {
                    places.push(mirror(format!("{base}/{}/{path}", kind.folder())));
                }
                places.push(mirror(format!("{base}/{path}")));
            }
            Mirror::Direct => {
                places.push(place("upstream", policy.upstream_setting(url), policy.upstream(url)));
            }
        }
    }
    places
}

fn join(folder: &Path, relative: &str) -> PathBuf {
    relative.split('/').fold(folder.to_owned(), |path, part| path.join(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ToolCatalog;
    use airgap_core::environment::Environment;
    use airgap_core::error::ErrorKind;
    use airgap_core::listing::FixedListing;

    const PATH: &str = "wasm-tools/1.244.0/linux_amd64/wasm-tools-1.244.0-x86_64-linux.tar.gz";
    // This command works in every workspace.
    const VENDOR: &str = "bazel run @rules_wasm_airgap//tools/vendor:vendor_all_toolchains -- --";
    const RELEASE: &str = "bytecodealliance/wasm-tools/releases/download/v1.244.0/wasm-tools-1.244.0-x86_64-linux.tar.gz";

    fn item(variables: &[(&'static str, &str)], listing: &FixedListing) -> Result<PlannedArtifact> {
        let choice = ToolCatalog::builtin()?.choose("wasm-tools@1.244.0")?;
        let artifact = choice.artifact("linux_amd64".parse().unwrap())?;
        let policy = Policy::from_environment(
            &Environment::from_pairs(variables, "/cwd"),
            Path::new("/ws"),
        )?;
        Ok(resolve(&[artifact], &policy, listing)?.items.remove(0))
    }

    /// Checks one row of the table: variables and existing files, with the expected source.
    #[track_caller]
    fn row(variables: &[(&'static str, &str)], files: &[&str], path: Option<&str>, urls: &[&str]) {
        let files: Vec<_> = files.iter().map(|dir| format!("{dir}/{PATH}")).collect();
        let files: Vec<_> = files.iter().map(String::as_str).chain(["/v/x", "/ws/v/x"]).collect();
        let item = item(variables, &FixedListing::from_files(&files)).unwrap();
        assert_eq!(item.path, path.map(|dir| PathBuf::from(format!("{dir}/{PATH}"))));
        assert_eq!(item.urls, urls);
    }

    #[test]
    fn settings_give_the_sources_of_the_table() {
        let github = format!("https://github.com/{RELEASE}");
        let ghe = format!("https://ghe.corp/{RELEASE}");
        let (a, b) = (format!("https://a/{PATH}"), format!("https://b/t/{PATH}"));
        let offline = (env::OFFLINE, "yes");

        // Nothing set: upstream. The workspace's own folders need no setting.
        row(&[], &[], None, &[&github]);
        row(&[], &["/ws/vendor/toolchains"], Some("/ws/vendor/toolchains"), &[&github]);
        row(
            &[],
            &["/ws/vendor/toolchains", "/ws/third_party/toolchains"],
            Some("/ws/third_party/toolchains"),
            &[&github],
        );
        // The vendor folder comes first, in both shapes, absolute and relative.
        for (dir, shape) in
            [("/v", "/v/toolchains"), ("/v", "/v"), ("v", "/ws/v"), ("v", "/ws/v/toolchains")]
        {
            let variables = [(env::VENDOR_DIR, dir)];
            row(&variables, &[shape, "/ws/vendor/toolchains"], Some(shape), &[&github]);
        }
        row(
            &[(env::VENDOR_DIR, "/v")],
            &["/v", "/v/toolchains"],
            Some("/v/toolchains"),
            &[&github],
        );
        row(&[(env::VENDOR_DIR, "/v")], &[], None, &[&github]);
        // A mirror replaces upstream, unless the list says `direct`.
        row(&[(env::MIRROR, "https://a")], &[], None, &[&a]);
        row(&[(env::MIRROR, "https://a,https://b/t,direct")], &[], None, &[&a, &b, &github]);
        row(&[(env::MIRROR, "direct,https://a")], &[], None, &[&github, &a]);
        row(&[(env::GITHUB_MIRROR, "https://ghe.corp")], &[], None, &[&ghe]);
        row(
            &[(env::GITHUB_MIRROR, "https://ghe.corp"), (env::MIRROR, "https://a")],
            &[],
            None,
            &[&a],
        );
        // Offline wins over everything and leaves the files on this machine.
        row(&[offline], &[], None, &[]);
        row(&[offline, (env::MIRROR, "https://a,direct")], &[], None, &[]);
        row(&[offline, (env::VENDOR_DIR, "/v")], &["/v"], Some("/v"), &[]);
        row(&[offline], &["/ws/vendor/toolchains"], Some("/ws/vendor/toolchains"), &[]);
    }

    #[test]
    fn a_missing_file_names_every_place_and_the_command() {
        let variables = [(env::OFFLINE, "1"), (env::VENDOR_DIR, "/v"), (env::MIRROR, "https://a")];
        let item = item(&variables, &FixedListing::from_files(&["/v/x"])).unwrap();
        assert!(!item.is_available());
        let error = item.unavailable();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let text = error.to_string();
        let places = ["/v/toolchains/", "/v/wasm", "/ws/third_party", "/ws/vendor", "https://a/"];
        let positions: Vec<_> = places.iter().map(|place| text.find(place).unwrap()).collect();
        assert!(positions.is_sorted(), "{text}");
        for word in ["not there", "not asked: BAZEL_WASM_OFFLINE", VENDOR] {
            assert!(text.contains(word), "{word} is missing in {text}");
        }
    }

    /// The folder is as the exporter of rules_wasm_component leaves it.
    #[test]
    fn unpacked_files_in_the_place_of_an_archive_are_named_with_the_remedy() {
        let folder = "/v/wasm-tools/1.244.0/linux_amd64";
        for file in ["wasm-tools-1.244.0-x86_64-linux/README.md", "wasm-tools", "wasm-tools.exe"] {
            let listing = FixedListing::from_files(&[&format!("{folder}/{file}")]);
            let item = item(&[(env::VENDOR_DIR, "/v"), (env::OFFLINE, "1")], &listing).unwrap();
            assert!(!item.is_available());
            let text = item.unavailable().to_string();
            let finding = "cannot be used: the folder has the unpacked files and not the archive";
            for words in [finding, &format!("rm -r -- {folder}\n"), VENDOR] {
                assert!(text.contains(words), "{words} is missing in {text}");
            }
        }
        for file in [".wasm-tools.part", "README.md", "other.tar.gz"] {
            let listing = FixedListing::from_files(&[&format!("{folder}/{file}")]);
            let item = item(&[(env::VENDOR_DIR, "/v"), (env::OFFLINE, "1")], &listing).unwrap();
            assert!(!item.unavailable().to_string().contains("unpacked"), "{file}");
        }
    }

    #[test]
    fn a_vendor_folder_that_cannot_be_used_is_an_error() {
        let listing =
            FixedListing::from_files(&["/v"]).with("/secret", PathState::Unusable("denied".into()));
        for (dir, problem) in
            [("/v", "is a file"), ("/none", "does not exist"), ("/secret", "denied")]
        {
            let error = item(&[(env::VENDOR_DIR, dir)], &listing).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(error.statement().contains(problem), "{error}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_passed_over_and_named() {
        let path = format!("/v/{PATH}");
        let listing =
            FixedListing::from_files(&["/v/x"]).with(&path, PathState::Unusable("denied".into()));
        let item = item(&[(env::VENDOR_DIR, "/v"), (env::OFFLINE, "1")], &listing).unwrap();
        assert!(item.unavailable().to_string().contains("cannot be used: denied"));
    }
}
