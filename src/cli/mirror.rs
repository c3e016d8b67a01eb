//! `mirror`: container images for a cluster that reaches only a private registry.

mod chart;
mod charts;
mod check;
mod copy;
mod kustomize;
mod list;
mod lock;
mod output;
mod policy;
mod values;

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};

use super::Context;
use airgap_config::registries::Registries;
use airgap_core::error::{Error, Result};
use airgap_mirror::chart::overrides::Assignments;
use airgap_mirror::{ListFormat, RegistryPath};
use airgap_oci::{Client, Platform};

#[derive(Debug, Subcommand)]
#[command(defer = true)]
#[expect(private_interfaces, reason = "the words are those of the modules here")]
pub(super) enum MirrorCommand {
    /// Find the images of a chart or of rendered manifests, and write mirror.yaml
    List(ListArgs),
    /// Pin each tag of mirror.yaml to what it is now, in mirror.lock
    Lock(LockArgs),
    /// Copy the images of mirror.yaml to a registry, directly or through a folder or a tar
    Copy(CopyArgs),
    /// Write Helm values that make a chart use the private registry
    Values(ValuesArgs),
    /// Write an images transformer that makes manifests use the private registry
    Kustomize(KustomizeArgs),
    /// Write settings that make container runtimes pull the images from the private registry
    Policy(PolicyArgs),
    /// Find every image in rendered manifests that is not in the private registry
    Check(CheckArgs),
}

/// Charts with the values and the cluster for which they are rendered.
#[derive(Args, Debug)]
struct ChartArgs {
    /// A Helm chart: its folder, its .tgz, its oci:// reference, or its name in --repo
    #[arg(long = "chart", id = "chart", value_name = "CHART")]
    charts: Vec<PathBuf>,
    /// The chart's version in the registry or repository [default: the highest stable one]
    #[arg(long, value_name = "VERSION", requires = "chart")]
    version: Option<String>,
    /// The repository of the chart: the URL of the folder with its index.yaml
    #[arg(long, value_name = "URL", requires = "chart")]
    repo: Option<String>,
    /// A file with values that override those of the chart; may be repeated
    #[arg(long, value_name = "FILE", requires = "chart")]
    values: Vec<PathBuf>,
    /// A value that overrides those of the chart and the files, as in Helm; may be repeated
    #[arg(long, value_name = "KEY=VALUE", requires = "chart")]
    set: Vec<Assignments>,
    /// Like --set, but the value is always a string; may be repeated
    #[arg(long, value_name = "KEY=VALUE", requires = "chart", value_parser = Assignments::texts)]
    set_string: Vec<Assignments>,
    /// A part of the chart to disable: `nats` sets `nats.enabled=false`; may be repeated
    #[arg(long, value_name = "PART", requires = "chart")]
    disable: Vec<String>,
    /// The version of Kubernetes for which the chart is rendered [default: that of Helm]
    #[arg(long, value_name = "VERSION", requires = "chart")]
    kube_version: Option<String>,
    /// An API that the cluster has, as in monitoring.coreos.com/v1; may be repeated
    #[arg(long, value_name = "API", requires = "chart", value_delimiter = ',')]
    api_versions: Vec<String>,
    /// The namespace into which the chart is installed
    #[arg(long, value_name = "NAME", requires = "chart")]
    namespace: Option<String>,
    /// The Helm that renders the chart, version 3 or 4 [default: `helm` on PATH]
    #[arg(long, value_name = "PATH", requires = "chart")]
    helm: Option<PathBuf>,
}

/// Find the images of a chart or of rendered manifests, and write mirror.yaml.
///
/// Helm renders the chart, and the images are those of the manifests. Without Helm they are guessed
/// from the chart's values and annotations, and the first line says so.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap mirror list --chart runtime-operator-2.0.0-rc.7.tgz --disable nats \\
      --registry registry.corp:5000 -o mirror.yaml

Helm runs without network, plugins, configuration and cluster, for at most 30 s for each chart. An
existing file keeps its entries; only new images are added, at its end.

Exits with 2 if a file cannot be read; the list has the images of the others.")]
struct ListArgs {
    #[command(flatten)]
    chart: ChartArgs,
    /// Rendered manifests, lists of images with one a line, or folders with manifests; - is stdin
    /// [default: only the chart]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The destination of the images, as in registry.corp:5000 or registry.corp/mirror
    #[arg(long, value_name = "REGISTRY", required_unless_present = "format")]
    registry: Option<String>,
    /// Write the list for another tool: one image a line, or a manifest of Hauler or Zarf
    #[arg(long, value_name = "images|hauler|zarf", conflicts_with_all = ["why", "prune"])]
    format: Option<ListFormat>,
    /// Write above each image where it was found
    #[arg(long)]
    why: bool,
    /// Add the images of disabled parts of the chart, and those of its annotations
    #[arg(long, requires = "chart")]
    all_parts: bool,
    /// Fail if an image is uncertain, or if a chart was not rendered
    #[arg(long)]
    strict: bool,
    /// The file to create or extend [default: print the list]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Remove images from the file that are not found any more
    #[arg(long, requires = "output")]
    prune: bool,
}

/// Pin each tag of mirror.yaml to its present digest, in mirror.lock.
/// Existing entries keep their digests; entries of images that are not in the list any more are
/// removed. If an image cannot be pinned, its error is reported and the others are locked.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap mirror lock -f mirror.yaml

The digest of a multi-platform image is that of its index.")]
struct LockArgs {
    /// The list of images
    #[arg(long = "file", short = 'f', value_name = "FILE", default_value = "mirror.yaml")]
    list: PathBuf,
    /// The lock
    #[arg(long, value_name = "FILE", default_value = "mirror.lock")]
    lock_file: PathBuf,
    /// Pin every tag again, instead of keeping the locked digests
    #[arg(long)]
    update: bool,
    /// The number of images to look up in parallel
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
}

/// Copy the images of mirror.yaml to a registry, directly or through a folder or a tar.
/// Copies every platform, and the referrers of each image: signatures, attestations, SBOMs. Images
/// that are already at the destination are skipped, and an interrupted copy resumes.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  wasm-airgap mirror copy -f mirror.yaml
  wasm-airgap mirror copy -f mirror.yaml --locked --to images.tar
  wasm-airgap mirror copy -f mirror.yaml --locked --from images.tar

If an image fails, the others are still copied, and the exit code reports the failure. Exits with 4
if a tag differs from its lock; the locked image is copied nevertheless.")]
struct CopyArgs {
    /// The list of images
    #[arg(long = "file", short = 'f', value_name = "FILE", default_value = "mirror.yaml")]
    list: PathBuf,
    /// Copy the images from an OCI layout: a folder, or a tar of one [default: from their sources]
    #[arg(long, value_name = "DIR|FILE.tar")]
    from: Option<LayoutName>,
    /// Copy the images to an OCI layout: a folder, or a tar of one [default: to their destinations]
    #[arg(long, value_name = "DIR|FILE.tar")]
    to: Option<LayoutName>,
    /// A platform of an index, as in linux/amd64; may be repeated [default: all of them]
    #[arg(long = "platform", value_name = "PLATFORM")]
    platforms: Vec<Platform>,
    /// Copy the digests in mirror.lock, even if the tags have moved
    #[arg(long)]
    locked: bool,
    /// The lock
    #[arg(long, value_name = "FILE", default_value = "mirror.lock")]
    lock_file: PathBuf,
    /// The registry that all destinations must be in, as in registry.corp:5000 or
    /// registry.corp/mirror
    #[arg(long, value_name = "REGISTRY", conflicts_with = "to")]
    registry: Option<String>,
    /// The number of images and blobs to transfer in parallel
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// Show the images that would be copied, without copying them
    #[arg(long)]
    dry_run: bool,
    /// Check images that are already at the destination too: repair them, and copy new referrers
    #[arg(long)]
    recheck: bool,
    /// Do not copy signatures and other referrers
    #[arg(long)]
    no_attached: bool,
    /// Copy layers whose media type forbids distribution, such as those of Windows: from the
    /// source, or else from the URLs in the manifest
    #[arg(long)]
    include_non_distributable: bool,
    /// Continue with the other images if one fails; this is always the case
    #[arg(long, hide = true)]
    keep_going: bool,
}

/// A folder or a tar; also `oci:DIR` or `oci-archive:FILE`, as skopeo writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LayoutName {
    Folder(PathBuf),
    Archive(PathBuf),
}

impl LayoutName {
    /// Returns the folder or file.
    pub(super) fn path(&self) -> &std::path::Path {
        match self {
            LayoutName::Folder(path) | LayoutName::Archive(path) => path,
        }
    }
}

impl std::fmt::Display for LayoutName {
    /// Writes the shortest text that means the same.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = self.path().display().to_string();
        match path.parse::<LayoutName>() {
            Ok(meant) if meant == *self => f.write_str(&path),
            _ => match self {
                LayoutName::Folder(_) => write!(f, "oci:{path}"),
                LayoutName::Archive(_) => write!(f, "oci-archive:{path}"),
            },
        }
    }
}

impl std::str::FromStr for LayoutName {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<LayoutName, String> {
        match text.split_once(':') {
            Some((_, "")) => Err(format!("`{text}` does not name a folder or file")),
            Some(("oci", path)) => Ok(LayoutName::Folder(path.into())),
            Some(("oci-archive", path)) => Ok(LayoutName::Archive(path.into())),
            Some((scheme @ ("docker" | "docker-archive" | "docker-daemon" | "dir"), _)) => {
                Err(format!(
                    "`{scheme}:` is not supported; expected `oci:DIR` or `oci-archive:FILE.tar`"
                ))
            }
            _ if text.is_empty() => Err("it does not name a folder or file".to_owned()),
            _ if text.ends_with(".tar") => Ok(LayoutName::Archive(text.into())),
            _ => Ok(LayoutName::Folder(text.into())),
        }
    }
}

/// Write Helm values that make a chart use the private registry.
/// Helm renders the chart with the values, and each image must be at its destination; the first
/// line says so. A global registry is set if that is enough, or else the registry or the repository
/// of each component, whole lists and tags. Disabled parts are disabled in the values as well.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap mirror values --chart runtime-operator-2.0.0-rc.7.tgz -f mirror.yaml \\
      --pull-secret my-registry-secret > my-values.yaml

Exits with 4 and names the image if no value can change it; the values still cover the others.
Without Helm the values are guesses, and the first line says so.")]
struct ValuesArgs {
    #[command(flatten)]
    chart: ChartArgs,
    /// The list of images
    #[arg(long = "file", short = 'f', value_name = "FILE", default_value = "mirror.yaml")]
    list: PathBuf,
    /// The name of a secret with the registry's credentials; may be repeated
    #[arg(long = "pull-secret", value_name = "NAME")]
    pull_secrets: Vec<String>,
    /// Set the registry of each component, even if a global one is enough
    #[arg(long)]
    per_component: bool,
}

/// Write an images transformer that makes manifests use the private registry.
/// Kustomize compares names as text: the transformer has an entry for each spelling in the
/// manifests or, without manifests, for each usual spelling.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap mirror kustomize -f mirror.yaml ./wasmcloud-manifests -o kustomization.yaml
  kubectl kustomize .

With -o the file also lists the manifests as `resources`, and has `configurations` and `patches`
for images in fields that the transformer does not read. Its other content stays.

With -o, exits with 4 if an image cannot be changed to its destination.")]
struct KustomizeArgs {
    /// Rendered manifests, or folders with them; - is stdin
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The list of images
    #[arg(long = "file", short = 'f', value_name = "FILE", default_value = "mirror.yaml")]
    list: PathBuf,
    /// The kustomization.yaml to create or update [default: print the `images`]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Write settings that make container runtimes pull the images from the private registry.
/// Manifests can then keep the names of the sources; each node pulls from the destinations in
/// mirror.yaml, and never from the sources.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  wasm-airgap mirror policy --format containerd -o /etc/containerd/certs.d
  wasm-airgap mirror policy --format idms -o idms.yaml

Exits with 4 and the reason if an image cannot be pulled from its destination this way.")]
struct PolicyArgs {
    /// The list of images
    #[arg(long = "file", short = 'f', value_name = "FILE", default_value = "mirror.yaml")]
    list: PathBuf,
    /// hosts.toml files of containerd, or OpenShift's mirror set for digests (idms) or tags (itms)
    #[arg(long, value_name = "containerd|idms|itms")]
    format: PolicyFormat,
    /// The folder for containerd, and the file for OpenShift [default: print the set]
    #[arg(long, short, value_name = "DIR|FILE")]
    output: Option<PathBuf>,
    /// The file, on the nodes, with the certificate that containerd trusts for the registry
    #[arg(long, value_name = "FILE")]
    ca: Option<String>,
}

/// The runtime for which a policy is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PolicyFormat {
    Containerd,
    Idms,
    Itms,
}

impl std::str::FromStr for PolicyFormat {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<PolicyFormat, String> {
        match text {
            "containerd" => Ok(PolicyFormat::Containerd),
            "idms" => Ok(PolicyFormat::Idms),
            "itms" => Ok(PolicyFormat::Itms),
            _ => Err("the formats are `containerd`, `idms` and `itms`".to_owned()),
        }
    }
}

/// Find every image in rendered manifests that is not in the private registry.
///
/// Reads containers of every kind of workload, image volumes, custom resources, and the arguments,
/// variables, annotations and ConfigMaps that name images.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  helm template runtime ./runtime-operator -f my-values.yaml |
      wasm-airgap mirror check - --registry registry.corp:5000

List accepted findings in a file for --allow, each with a reason:
  allow:
    - image: registry.k8s.io/pause:3.10
      reason: every node has it

Exits with 4 if an image is not in the registry, and with 2 if a file is not valid YAML.")]
struct CheckArgs {
    /// Manifests, or folders with them; - is stdin
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The registry that the images must be in, as in registry.corp:5000 or registry.corp/mirror
    #[arg(long, value_name = "REGISTRY")]
    registry: String,
    /// A file with images that may be in other registries, each with a reason
    #[arg(long, value_name = "FILE")]
    allow: Option<PathBuf>,
    /// Ask the registry whether it has each image, by its digest if it has one
    #[arg(long)]
    live: bool,
    /// The number of images to look up in parallel
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64), requires = "live")]
    jobs: u16,
}

pub(super) fn run(command: &MirrorCommand, context: &Context) -> Result<()> {
    match command {
        MirrorCommand::List(args) => list::run(args, context),
        MirrorCommand::Lock(args) => lock::run(args, context),
        MirrorCommand::Copy(args) => copy::run(args, context),
        MirrorCommand::Values(args) => values::run(args, context),
        MirrorCommand::Kustomize(args) => kustomize::run(args, context),
        MirrorCommand::Policy(args) => policy::run(args, context),
        MirrorCommand::Check(args) => check::run(args, context),
    }
}

/// Parses `--registry`. The parser of the command line does not do it, because its error repeats
/// the text, which may contain a password.
fn registry(text: &str) -> Result<RegistryPath> {
    text.parse().map_err(|problem: String| Error::usage(problem).fact("named by", "--registry"))
}

/// A client of registries, with the credentials and the mirrors in the settings.
struct RegistryAccess {
    registries: Arc<Registries>,
    client: Client,
}

impl RegistryAccess {
    /// Creates a client. `what` is the purpose of the network access, as an infinitive, for
    /// messages.
    fn new(context: &Context, what: &str) -> Result<RegistryAccess> {
        let policy = context.policy()?;
        let network = policy.network(|| what.to_owned())?;
        let registries =
            Arc::new(Registries::from_environment(&context.environment, policy.workspace())?);
        let client = Client::new(network, registries.clone())?;
        Ok(RegistryAccess { registries, client })
    }
}
