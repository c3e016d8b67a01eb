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
#[expect(private_interfaces, reason = "the words are those of the modules here")]
pub(super) enum MirrorCommand {
    /// Find the images of a chart or of rendered manifests, and write mirror.yaml
    List(ListArgs),
    /// Pin each tag of mirror.yaml to what it is now, in mirror.lock
    Lock(LockArgs),
    /// Copy the images of mirror.yaml: to a registry, or by way of a folder or a tar
    Copy(CopyArgs),
    /// Write the Helm values that make a chart use the private registry
    Values(ValuesArgs),
    /// Write the images transformer that makes manifests use the private registry
    Kustomize(KustomizeArgs),
    /// Write what makes container runtimes pull the images from the private registry
    Policy(PolicyArgs),
    /// Find every image in rendered manifests that is not in the private registry
    Check(CheckArgs),
}

/// Charts with the values and the cluster for which they are rendered.
#[derive(Args, Debug)]
struct ChartArgs {
    /// A Helm chart: its folder, its .tgz, oci:// with its place in a registry, or its name in --repo
    #[arg(long = "chart", id = "chart", value_name = "CHART")]
    charts: Vec<PathBuf>,
    /// The chart's version in the registry or repository [default: the highest stable one]
    #[arg(long, value_name = "VERSION", requires = "chart")]
    version: Option<String>,
    /// The repository of the chart: the address of the folder with its index.yaml
    #[arg(long, value_name = "URL", requires = "chart")]
    repo: Option<String>,
    /// A file with values over those of the chart; may be repeated
    #[arg(long, value_name = "FILE", requires = "chart")]
    values: Vec<PathBuf>,
    /// A value over those of the chart and the files, as in Helm; may be repeated
    #[arg(long, value_name = "KEY=VALUE", requires = "chart")]
    set: Vec<Assignments>,
    /// The same, where the value is always a text; may be repeated
    #[arg(long, value_name = "KEY=VALUE", requires = "chart", value_parser = Assignments::texts)]
    set_string: Vec<Assignments>,
    /// A part of the chart that is not installed: `nats` for `nats.enabled=false`; may be repeated
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

Helm has no network, no plugins, no configuration and no cluster here, and 30 s for each chart.
A file that is there keeps what is in it; only new images are added, at its end.

Exits with 2 if a file cannot be read; the list has the images of the others.")]
struct ListArgs {
    #[command(flatten)]
    chart: ChartArgs,
    /// Rendered manifests, lists of images with one a line, or folders with manifests; - is stdin
    /// [default: only the chart]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Where the images go, as in registry.corp:5000 or registry.corp/mirror
    #[arg(long, value_name = "REGISTRY", required_unless_present = "format")]
    registry: Option<String>,
    /// Write the list for another tool: one image a line, or a manifest of Hauler or Zarf
    #[arg(long, value_name = "images|hauler|zarf", conflicts_with_all = ["why", "prune"])]
    format: Option<ListFormat>,
    /// Say above each image where it was found
    #[arg(long)]
    why: bool,
    /// Add the images of parts of the chart that are off, and those of its annotations
    #[arg(long, requires = "chart")]
    all_parts: bool,
    /// Fail if an image cannot be told for sure, or if a chart was not rendered
    #[arg(long)]
    strict: bool,
    /// The file to write, or to add to [default: print it]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Take images out of the file that are not found any more
    #[arg(long, requires = "output")]
    prune: bool,
}

/// Pin each tag of mirror.yaml to what it is now, in mirror.lock.
///
/// What is locked already stays as it is, and what is not in the list any more goes. An image that
/// cannot be pinned is an error of that image; the others are locked all the same.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap mirror lock -f mirror.yaml

The digests are those of the sources, of indexes with all their platforms.")]
struct LockArgs {
    /// The list of images
    #[arg(long = "file", short = 'f', value_name = "FILE", default_value = "mirror.yaml")]
    list: PathBuf,
    /// The lock
    #[arg(long, value_name = "FILE", default_value = "mirror.lock")]
    lock_file: PathBuf,
    /// Look at every tag again, instead of keeping what is locked
    #[arg(long)]
    update: bool,
    /// How many images to ask for at a time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
}

/// Copy the images of mirror.yaml: to a registry, or by way of a folder or a tar.
///
/// Copies every platform, and with each image what is attached to it: signatures, attestations,
/// SBOMs. What is there is left alone; what a run that was cut off has done is not done again.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  wasm-airgap mirror copy -f mirror.yaml
  wasm-airgap mirror copy -f mirror.yaml --locked --to images.tar
  wasm-airgap mirror copy -f mirror.yaml --locked --from images.tar

One image that fails stops no other, and the exit code tells. Exits with 4 where a tag is not what is
locked; what is locked is copied all the same.")]
struct CopyArgs {
    /// The list of images
    #[arg(long = "file", short = 'f', value_name = "FILE", default_value = "mirror.yaml")]
    list: PathBuf,
    /// Take the images from an OCI layout, a folder or a tar of it [default: their sources]
    #[arg(long, value_name = "DIR|FILE.tar")]
    from: Option<LayoutName>,
    /// Bring the images into an OCI layout, a folder or a tar of it [default: their destinations]
    #[arg(long, value_name = "DIR|FILE.tar")]
    to: Option<LayoutName>,
    /// A platform of an index, as in linux/amd64; may be repeated [default: all of them]
    #[arg(long = "platform", value_name = "PLATFORM")]
    platforms: Vec<Platform>,
    /// Copy what mirror.lock says, whatever the tags are now
    #[arg(long)]
    locked: bool,
    /// The lock
    #[arg(long, value_name = "FILE", default_value = "mirror.lock")]
    lock_file: PathBuf,
    /// Where all destinations must be, as in registry.corp:5000 or registry.corp/mirror
    #[arg(long, value_name = "REGISTRY", conflicts_with = "to")]
    registry: Option<String>,
    /// How much to do at a time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// Show what would be copied, and copy nothing
    #[arg(long)]
    dry_run: bool,
    /// Look through images that are there too: mend them, and copy what was attached to them since
    #[arg(long)]
    recheck: bool,
    /// Leave signatures and whatever else is attached behind
    #[arg(long)]
    no_attached: bool,
    /// Copy layers that their media type says may not be passed on, as those of Windows; from the
    /// source, or else from the addresses in the manifest
    #[arg(long)]
    include_non_distributable: bool,
    /// Go on with the other images where one fails; that is so in any case
    #[arg(long, hide = true)]
    keep_going: bool,
}

/// A folder or a tar; also `oci:DIR` or `oci-archive:FILE`, as skopeo writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
enum LayoutName {
    Folder(PathBuf),
    Archive(PathBuf),
}

impl LayoutName {
    /// Returns the folder or file.
    fn path(&self) -> &std::path::Path {
        match self {
            LayoutName::Folder(path) | LayoutName::Archive(path) => path,
        }
    }
}

impl std::str::FromStr for LayoutName {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<LayoutName, String> {
        match text.split_once(':') {
            Some((_, "")) => Err(format!("`{text}` names no folder and no file")),
            Some(("oci", path)) => Ok(LayoutName::Folder(path.into())),
            Some(("oci-archive", path)) => Ok(LayoutName::Archive(path.into())),
            Some((scheme @ ("docker" | "docker-archive" | "docker-daemon" | "dir"), _)) => {
                Err(format!("`{scheme}:` is none of `oci:DIR` and `oci-archive:FILE.tar`"))
            }
            _ if text.is_empty() => Err("it names no folder and no file".to_owned()),
            _ if text.ends_with(".tar") => Ok(LayoutName::Archive(text.into())),
            _ => Ok(LayoutName::Folder(text.into())),
        }
    }
}

/// Write the Helm values that make a chart use the private registry.
///
/// Helm renders the chart with the values, and each image must be at its destination; the first line
/// says so. A global registry is set where that does it, and else the registry or the repository of
/// each component, whole lists and tags. Parts that are disabled are off in the values as well.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap mirror values --chart runtime-operator-2.0.0-rc.7.tgz -f mirror.yaml \\
      --pull-secret my-registry-secret > my-values.yaml

Exits with 4 if no value brings an image to its destination; it is named, and the values do the rest.
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
    /// Set the registry of each component, even where a global one would do
    #[arg(long)]
    per_component: bool,
}

/// Write the images transformer that makes manifests use the private registry.
///
/// Kustomize compares names as text: with manifests there is an entry for each spelling that is in
/// them, and without for each usual one.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap mirror kustomize -f mirror.yaml ./wasmcloud-manifests -o kustomization.yaml
  kubectl kustomize .

With -o the file has the manifests as its `resources` as well, and what is needed for images where
the transformer does not look: `configurations` and `patches`. All else in it stays.

Exits with 4 if an image cannot be brought to its destination with -o.")]
struct KustomizeArgs {
    /// Rendered manifests, or folders with them; - is stdin
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The list of images
    #[arg(long = "file", short = 'f', value_name = "FILE", default_value = "mirror.yaml")]
    list: PathBuf,
    /// The kustomization.yaml to write, or to bring up to date [default: print the `images`]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Write what makes container runtimes pull the images from the private registry.
///
/// Manifests keep the names of the sources then; each node asks for them at the destinations of
/// mirror.yaml, and never where they come from.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  wasm-airgap mirror policy --format containerd -o /etc/containerd/certs.d
  wasm-airgap mirror policy --format idms -o idms.yaml

Exits with 4 if an image cannot be pulled from its destination so, and says why.")]
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

A finding that you accept stands in a file for --allow, with the reason:
  allow:
    - image: registry.k8s.io/pause:3.10
      reason: every node has it

Exits with 4 if an image is not in the registry, and with 2 if a file is no YAML.")]
struct CheckArgs {
    /// Manifests, or folders with them; - is stdin
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Where the images must be, as in registry.corp:5000 or registry.corp/mirror
    #[arg(long, value_name = "REGISTRY")]
    registry: String,
    /// A file with images that may be elsewhere, each with a reason
    #[arg(long, value_name = "FILE")]
    allow: Option<PathBuf>,
    /// Ask the registry whether each image is really there, by its digest where it has one
    #[arg(long)]
    live: bool,
    /// How many images to ask for at a time
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
struct Asking {
    registries: Arc<Registries>,
    client: Client,
}

impl Asking {
    /// Creates a client. `what` is the purpose of the network access, as an infinitive, for
    /// messages.
    fn new(context: &Context, what: &str) -> Result<Asking> {
        let policy = context.policy()?;
        let network = policy.network(|| what.to_owned())?;
        let registries =
            Arc::new(Registries::from_environment(&context.environment, policy.workspace())?);
        let client = Client::new(network, registries.clone())?;
        Ok(Asking { registries, client })
    }
}
