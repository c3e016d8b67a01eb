//! The arguments of the command line. The modules below contain the commands, one in each.

#[cfg(feature = "operations")]
mod bundle;
#[cfg(feature = "operations")]
mod completions;
mod component;
mod config;
#[cfg(feature = "operations")]
mod doctor;
mod emit;
mod extract;
mod help;
#[cfg(feature = "operations")]
mod import;
#[cfg(feature = "mirror")]
mod mirror;
#[cfg(not(all(feature = "mirror", feature = "operations")))]
mod missing_features;
#[cfg(feature = "operations")]
mod network_namespace;
#[cfg(feature = "operations")]
mod outdated;
mod panics;
mod pin;
mod plan;
mod plan_output;
#[cfg(feature = "operations")]
mod prove;
#[cfg(feature = "operations")]
mod prune;
#[cfg(all(test, feature = "operations"))]
mod reference;
#[cfg(feature = "operations")]
mod sbom;
mod selection;
mod vendor;
mod verify;
mod wit;

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use clap::{Args, CommandFactory, Parser, Subcommand};

use airgap_config::policy::Policy;
use airgap_config::unread;
use airgap_core::artifact::{ArchiveType, Strip};
use airgap_core::bazel::{self, Settings};
use airgap_core::digest::Digest;
use airgap_core::environment::Environment;
use airgap_core::error::{Context as _, ErrorKind, Result};
use airgap_core::package::PackageId;
use airgap_core::path_component::PathComponent;
use airgap_core::platform::Platform;
use airgap_core::report::Report;
use airgap_core::runfiles;
use airgap_core::secrets;
use airgap_core::workspace::Workspace;

/// The version of the interface between Starlark and this program.
///
/// Repository rules depend on this text and not on the binary. It changes only when their results
/// for the same input change, and only then are tools fetched again.
const STAMP: &str = "wasm-airgap border 1\n";

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed: a full disk, a folder that cannot be written, a bug
  2  wrong usage or configuration
  3  not available from the sources that are allowed
  4  integrity: a digest, a lock, an unlisted file, a hostile archive, or an
     image that is not in the private registry
  5  network or authentication";

/// Fetch WebAssembly toolchains once, pinned by SHA-256, and build from them with no network.
#[derive(Debug, Parser)]
#[command(name = "wasm-airgap", bin_name = "wasm-airgap", version, after_help = EXIT_CODES,
arg_required_else_help = true, args_override_self = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Print data as JSON on stdout
    #[arg(long, global = true)]
    json: bool,
    /// Do not use the network, like BAZEL_WASM_OFFLINE=1
    #[arg(long, global = true)]
    offline: bool,
    /// The settings of the workspace, as Bazel's repository rules see them; `beside` this program
    #[arg(long, global = true, value_name = "FILE", hide = true)]
    settings: Option<PathBuf>,
    /// Resolve relative paths from the folder in which `bazel run` was typed
    #[arg(long, global = true, hide = true)]
    as_typed: bool,
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
enum Command {
    /// Download the inputs of a build into a folder for the offline machine
    #[command(subcommand)]
    Vendor(vendor::VendorCommand),
    /// Show the source of each file without downloading anything
    Plan(PlanArgs),
    /// Verify an archive and unpack it
    Extract(ExtractArgs),
    /// Write the BUILD file of a repository
    #[command(subcommand)]
    Emit(EmitCommand),
    /// Inspect, fetch and pin WIT packages
    #[command(subcommand)]
    Wit(WitCommand),
    /// Pull, check and pin components
    #[command(subcommand)]
    Component(component::ComponentCommand),
    /// Manage the checksum registry
    #[command(subcommand)]
    Toolchain(ToolchainCommand),
    /// Convert the registry files of other rules into registry files of this program
    #[cfg(feature = "operations")]
    #[command(subcommand)]
    Import(import::ImportCommand),
    /// Registry files of other rules (not in this build)
    #[cfg(not(feature = "operations"))]
    Import(missing_features::Absent),
    /// Hash a vendor folder again and compare it with its manifest
    Verify(VerifyArgs),
    /// Copy container images to a private registry, and change manifests to use it
    #[cfg(feature = "mirror")]
    #[command(subcommand)]
    Mirror(mirror::MirrorCommand),
    /// Container images (not in this build)
    #[cfg(not(feature = "mirror"))]
    Mirror(missing_features::Absent),
    /// Bring a vendor folder and image layouts over the gap: in parts, each with its checksum
    #[cfg(feature = "operations")]
    #[command(subcommand)]
    Bundle(bundle::BundleCommand),
    /// Transfers over the gap (not in this build)
    #[cfg(not(feature = "operations"))]
    Bundle(missing_features::Absent),
    /// Compare each pin with the present content of its source
    #[cfg(feature = "operations")]
    Outdated(outdated::OutdatedArgs),
    /// Newer versions of pins (not in this build)
    #[cfg(not(feature = "operations"))]
    Outdated(missing_features::Absent),
    /// Remove the files of a vendor folder that no request and no lock needs
    #[cfg(feature = "operations")]
    Prune(prune::PruneArgs),
    /// Cleaning of vendor folders (not in this build)
    #[cfg(not(feature = "operations"))]
    Prune(missing_features::Absent),
    /// List the content of a vendor folder for vulnerability scanners (SBOM)
    #[cfg(feature = "operations")]
    Sbom(sbom::SbomArgs),
    /// Lists for scanners (not in this build)
    #[cfg(not(feature = "operations"))]
    Sbom(missing_features::Absent),
    /// List the artifacts that an offline build here would miss, before it is tried
    #[cfg(feature = "operations")]
    Doctor(doctor::DoctorArgs),
    /// The diagnosis of a workspace (not in this build)
    #[cfg(not(feature = "operations"))]
    Doctor(missing_features::Absent),
    /// Prove that a build uses no network
    #[cfg(feature = "operations")]
    Prove(prove::ProveArgs),
    /// Proofs that a build uses no network (not in this build)
    #[cfg(not(feature = "operations"))]
    Prove(missing_features::Absent),
    /// The process in a network namespace, for `prove` and `doctor`
    #[cfg(feature = "operations")]
    #[command(hide = true)]
    NetworkNamespace(network_namespace::NetworkNamespaceArgs),
    /// Show the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a script with which a shell completes commands and options
    #[cfg(feature = "operations")]
    Completions(completions::CompletionsArgs),
    /// Completions for shells (not in this build)
    #[cfg(not(feature = "operations"))]
    Completions(missing_features::Absent),
    /// Write a man page for each command
    #[cfg(feature = "operations")]
    ManPages(completions::ManPagesArgs),
    /// Man pages (not in this build)
    #[cfg(not(feature = "operations"))]
    ManPages(missing_features::Absent),
    /// Print the version of the border to Starlark; repository rules depend on it
    #[command(hide = true)]
    Stamp,
    /// Print an error; repository rules call this because Bazel would print it twice
    #[command(hide = true)]
    Say {
        /// The message
        message: String,
    },
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
enum EmitCommand {
    /// Write the BUILD file for an unpacked tool
    Tool(EmitToolArgs),
    /// Write the BUILD file for the folder of a WIT package
    Wit(EmitWitArgs),
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
enum WitCommand {
    /// Print the declarations and dependencies of a WIT package
    Inspect(WitInspectArgs),
    /// Fetch one package, verify it and write its text
    Fetch(WitFetchArgs),
    /// Print the SHA-256 of a published package, and the lines that pin it
    Pin(wit::PinArgs),
    /// Copy the text of a pinned archive from a folder that a user unpacked, if the folder exists
    #[command(hide = true)]
    Adopt(WitAdoptArgs),
    /// Extract the WIT of a package from a pinned archive
    #[command(hide = true)]
    Unpack(WitUnpackArgs),
    /// Check a package against its dependencies and write all of them to one folder, for
    /// `wit_library`
    #[command(hide = true)]
    Library(WitLibraryArgs),
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
enum ToolchainCommand {
    /// Compute the SHA-256 of release files and write their registry entries
    Pin(PinArgs),
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
enum ConfigCommand {
    /// Show every setting in effect and its origin
    Show,
}

/// The selected tools: by name, by bundle, by a request from Starlark, or all of them.
#[derive(Args, Debug)]
struct SelectionArgs {
    /// A tool in this version, or in its latest one; may be repeated [default: all tools]
    #[arg(long = "tool", value_name = "TOOL[@VERSION]")]
    tools: Vec<String>,
    /// A bundle of tools; may be repeated
    #[arg(long = "bundle", value_name = "NAME")]
    bundles: Vec<String>,
    /// Your own registry file, which overrides the built-in entries; may be repeated
    #[arg(long = "registry", value_name = "FILE")]
    registries: Vec<PathBuf>,
    /// A request written by the module extensions, relative to the current folder; - is stdin; may
    /// be repeated
    #[arg(long = "request", value_name = "FILE", conflicts_with_all = ["bundles", "registries"])]
    requests: Vec<PathBuf>,
    /// A platform, or `all`; may be repeated [default: this one]
    #[arg(long = "platform", value_name = "PLATFORM")]
    platforms: Vec<String>,
}

/// Show the source of each file without downloading anything.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  BAZEL_WASM_OFFLINE=1 wasm-airgap plan --tool wasm-tools@1.244.0

Exits with 3 if a file was not found in any allowed source.")]
struct PlanArgs {
    #[command(flatten)]
    selection: SelectionArgs,
    /// The workspace root, to which relative folders are relative
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// Include files without a source, because the caller has a cache
    #[arg(long, hide = true, requires = "json")]
    with_missing: bool,
}

/// Verify an archive and unpack it.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap extract --sha256 e959f2… --type tar.gz --strip-prefix binaryen-version_123 \\
      binaryen-version_123-x86_64-linux.tar.gz out

OUT appears only when the whole archive is verified and unpacked.")]
struct ExtractArgs {
    /// The archive, or the binary with `--type none`
    archive: PathBuf,
    /// A folder that does not exist yet or is empty
    out: PathBuf,
    /// The SHA-256 that the archive must have
    #[arg(long, value_name = "HEX")]
    sha256: Digest,
    /// tar.gz, tar.xz, tar.zst, zip, or none for a binary [default: by the file's name]
    #[arg(long = "type", value_name = "TYPE")]
    archive_type: Option<ArchiveType>,
    /// The folder to remove from the start of every path; empty for none [default: the top folder]
    #[arg(long, value_name = "PREFIX")]
    strip_prefix: Option<Strip>,
    /// The name of the binary after extraction [default: that of the file]
    #[arg(long, value_name = "NAME")]
    filename: Option<PathComponent>,
    /// Rename BUILD files in the archive, because Bazel would make packages of them
    #[arg(long)]
    for_bazel: bool,
    /// A file to make executable, regardless of its mode in the archive; may be repeated
    #[arg(long = "executable", value_name = "PATH")]
    executables: Vec<String>,
    /// The name of the archive in messages
    #[arg(long, value_name = "TEXT")]
    subject: Option<String>,
}

/// Write the BUILD file for an unpacked tool.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap emit tool --tool wasm-tools --version 1.244.0 --platform linux_amd64 \\
      --executable wasm-tools --rules @rules_wasm_airgap//bazel:toolchain.bzl .")]
struct EmitToolArgs {
    /// The repository's folder; the tool is unpacked in its folder `tool`
    root: PathBuf,
    /// The tool
    #[arg(long)]
    tool: PathComponent,
    /// Its version
    #[arg(long)]
    version: PathComponent,
    /// The platform on which it runs
    #[arg(long)]
    platform: Platform,
    /// An executable, the main one first
    #[arg(long = "executable", value_name = "PATH", required = true)]
    executables: Vec<String>,
    /// The label of the file with the `wasm_tool` rule
    #[arg(long, value_name = "LABEL")]
    rules: String,
}

/// Write the BUILD file for the folder of a WIT package.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap emit wit --package wasi:clocks@0.2.6 --rules @rules_wasm_airgap//wit:defs.bzl \\
      --dep wasi:io@0.2.6=//vendor/wit/wasi-io-0.2.6:wasi-io vendor/wit/wasi-clocks-0.2.6

The dependencies and the interfaces are read from the WIT; each dependency needs its `--dep`.")]
struct EmitWitArgs {
    /// The folder of the BUILD file
    root: PathBuf,
    /// The package that the WIT must declare
    #[arg(long, value_name = "NS:NAME@VERSION")]
    package: PackageId,
    /// The label of the file with `wit_library`
    #[arg(long, value_name = "LABEL")]
    rules: String,
    /// The label of a package's library; may be repeated
    #[arg(long = "dep", value_name = "PACKAGE=LABEL", value_parser = package_label)]
    deps: Vec<(PackageId, String)>,
    /// The folder with the `.wit` files, below that of the BUILD file [default: the same]
    #[arg(long, value_name = "FOLDER", default_value = "", hide_default_value = true)]
    folder: String,
    /// The published file beside the BUILD file, for use by other packages
    #[arg(long, value_name = "FILE")]
    published: Option<PathComponent>,
}

/// Parses a package and its label: `wasi:io@0.2.6=@wasi//:io`.
fn package_label(text: &str) -> std::result::Result<(PackageId, String), String> {
    // `=` may also follow the `@`, as in `wasi:io@=0.2.6`; a label starts with `@`, `/` or `:`.
    let split =
        ["=@", "=//", "=:"].iter().find_map(|mark| text.split_once(mark).map(|it| (it, mark)));
    let ((package, rest), mark) = split.ok_or_else(|| {
        format!("`{text}` is not a package, `=`, and a label with `@`, `//` or `:`")
    })?;
    Ok((package.parse()?, format!("{}{rest}", &mark[1..])))
}

/// Print the declarations and dependencies of a WIT package.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap wit inspect vendor/wit/wasi-http-0.2.6

The file can be a published package in the binary format, or WIT text.")]
struct WitInspectArgs {
    /// A folder with `.wit` files, a `.wit` file, or a published `.wasm`
    path: PathBuf,
}

/// Fetch one package, verify it and write its text.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap wit fetch wasi:cli@0.2.6 --output vendor/wit/wasi-cli
  wasm-airgap wit fetch myorg:api@1.0.0 --registry ghcr.io/myorg --output vendor/wit/api

The source is a vendor folder, a mirror, a pinned archive or the registry; `config show` prints
which. --output also writes the dependencies, into the folder `deps`. OUT keeps the published file
beside its text, without dependencies.")]
struct WitFetchArgs {
    /// The package
    #[arg(value_name = "PACKAGE[@VERSION]")]
    package: String,
    /// The folder for the published file and its text
    #[arg(conflicts_with = "output")]
    out: Option<PathBuf>,
    /// The folder for the text of the package and of its dependencies
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
    /// The registry, as in ghcr.io/myorg or wasi.dev [default: the configured one]
    #[arg(long, value_name = "REGISTRY")]
    registry: Option<String>,
    /// The SHA-256 that the published file must have
    #[arg(long, value_name = "HEX")]
    sha256: Option<Digest>,
    /// The workspace root, to which relative folders are relative
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
}

/// Copy the text of a pinned archive from a folder that a user unpacked, if the folder exists.
#[derive(Args, Debug)]
struct WitAdoptArgs {
    /// The folder for the `.wit` files
    out: PathBuf,
    /// The request with the package and its archive, relative to the current folder
    #[arg(long, value_name = "FILE")]
    request: PathBuf,
    /// The workspace root, to which relative folders are relative
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
}

/// Extract the WIT of a package from a pinned archive.
#[derive(Args, Debug)]
struct WitUnpackArgs {
    /// The archive
    archive: PathBuf,
    /// The folder for the `.wit` files
    out: PathBuf,
    /// The request with the package and its archive, relative to the current folder
    #[arg(long, value_name = "FILE")]
    request: PathBuf,
}

/// Check a package against its dependencies and write all of them to one folder.
#[derive(Args, Debug)]
struct WitLibraryArgs {
    /// The request written by `wit_library`
    #[arg(long, value_name = "FILE")]
    request: PathBuf,
    /// A folder that does not exist yet or is empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Compute the SHA-256 of release files and write their registry entries.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap toolchain pin --registry wasm_tools.json \\
      https://github.com/bytecodealliance/wasm-tools/releases/download/v1.245.0/wasm-tools-1.245.0-x86_64-linux.tar.gz

Compare the printed SHA-256 with the one that upstream publishes: all later checks rely on it.")]
struct PinArgs {
    /// The URLs of the files; https://, http:// or file://
    #[arg(required = true, value_name = "URL")]
    urls: Vec<String>,
    /// The registry file for the entries; it is created if it does not exist [default: print them]
    #[arg(long, value_name = "FILE")]
    registry: Option<PathBuf>,
    /// The tool [default: from the URL]
    #[arg(long)]
    tool: Option<PathComponent>,
    /// The version [default: from the URL]
    #[arg(long)]
    version: Option<PathComponent>,
    /// The platform [default: from the URL]
    #[arg(long)]
    platform: Option<Platform>,
    /// An executable in the archive, the main one first [default: the tool's name]
    #[arg(long = "executable", value_name = "PATH")]
    executables: Vec<String>,
    /// Replace existing pins whose bytes have changed
    #[arg(long, requires = "registry")]
    update: bool,
}

/// Hash a vendor folder again and compare it with its manifest.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap verify vendor

Prints each missing, changed and unlisted file, and exits with 4 if there are any.")]
struct VerifyArgs {
    /// The vendor folder [default: BAZEL_WASM_VENDOR_DIR, or vendor]
    dir: Option<PathBuf>,
    /// The number of files to hash in parallel [default: the number of processors]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// A source file, relative to the workspace root, in whose workspace the folder is; for a test
    #[arg(long, value_name = "FILE", hide = true, requires = "dir")]
    workspace_of: Option<PathBuf>,
}

/// The state that every command gets.
struct Context {
    environment: Environment,
    report: Report,
    workspace: Workspace,
    offline: bool,
}

impl Context {
    fn policy(&self) -> Result<Policy> {
        self.policy_in(self.workspace.root())
    }

    /// Warns of variables of other rules, which nothing reads.
    fn warn_of_unread_variables(&self) {
        unread::warnings(&self.environment).for_each(|line| self.report.warn(&line));
    }

    fn policy_in(&self, workspace: &std::path::Path) -> Result<Policy> {
        Ok(Policy::from_environment(&self.environment, workspace)?
            .or_offline("--offline", self.offline))
    }

    /// Returns the full path of an argument, which is relative to the user's folder.
    fn path(&self, typed: &std::path::Path) -> PathBuf {
        self.environment.base_dir().join(typed)
    }

    /// Returns the root of the source tree of a file, which is relative to it.
    ///
    /// A test in Bazel gets the path of a source file, and finds the tree by the file's real path,
    /// because Bazel does not pass the path of the tree.
    fn tree_of(&self, file: &Path) -> Result<PathBuf> {
        let real = self.runfile(file).canonicalize();
        let real = real.doing(|| format!("find `{}`", file.display()))?;
        let parts = file.components().filter(|it| matches!(it, Component::Normal(_))).count();
        Ok(real.ancestors().nth(parts).unwrap_or(&real).to_owned())
    }

    /// Returns a path that Starlark wrote, which is relative to the initial folder of the process.
    fn runfile(&self, path: &std::path::Path) -> PathBuf {
        runfiles::find(path, &self.environment)
    }
}

/// Runs a command line and returns the process's exit code, which is one of [`ErrorKind`] also if
/// the program panics.
pub(crate) fn run(words: impl IntoIterator<Item = OsString>, environment: Environment) -> u8 {
    let words: Vec<_> = words.into_iter().collect();
    environment.register_secrets();
    words.iter().for_each(|word| secrets::register_addresses_in(&word.to_string_lossy()));
    let arguments = match Arguments::try_parse_from(&words) {
        Ok(arguments) => arguments,
        Err(error) => {
            let error = help::laid_out(Arguments::command(), &words, error);
            let code = if error.use_stderr() { ErrorKind::Usage as u8 } else { 0 };
            let report = Report::new(false, Workspace::from_environment(&environment));
            let told = report.end(help::print(&error, &report));
            return told.map_or_else(|error| error.kind() as u8, |()| code);
        }
    };
    // The path of the settings is relative to the folder in which Bazel starts the program, so it
    // is read before `as_typed` moves to the user's folder.
    let settings = match settings(&environment, arguments.settings.as_deref()) {
        Ok(settings) => settings,
        Err(error) => {
            let report = Report::new(arguments.json, Workspace::from_environment(&environment));
            return report.end(Err(error)).map_or_else(|error| error.kind() as u8, |()| 0);
        }
    };
    let environment = with_settings(environment, settings);
    let environment = if arguments.as_typed { environment.as_typed() } else { environment };
    let workspace = Workspace::from_environment(&environment);
    let report = Report::new(arguments.json, workspace.clone());
    let context = Context { environment, report, workspace, offline: arguments.offline };
    let result = panics::caught(|| dispatch(arguments.command, &context));
    context.report.end(result).map_or_else(|error| error.kind() as u8, |()| 0)
}

/// Reads the file with settings that the command line names.
fn settings(environment: &Environment, file: Option<&Path>) -> Result<Option<Settings>> {
    let Some(file) = file else { return Ok(None) };
    let in_action = file.to_str() == Some(bazel::BESIDE);
    Settings::read(&settings_file(file, environment)?, in_action).map(Some)
}

/// Returns the environment with these settings; their secrets are hidden in messages too.
fn with_settings(environment: Environment, settings: Option<Settings>) -> Environment {
    let Some(settings) = settings else { return environment };
    let environment = environment.with_settings(settings);
    environment.register_secrets();
    environment
}

/// Returns the path of the settings: beside this program, or in the runfiles.
fn settings_file(named: &Path, environment: &Environment) -> Result<PathBuf> {
    match named.to_str() {
        Some(bazel::BESIDE) => bazel::beside_this_program(),
        _ => Ok(runfiles::find(named, environment)),
    }
}

fn dispatch(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Vendor(command) => vendor::run(&command, context),
        Command::Component(command) => component::run(&command, context),
        Command::Plan(args) => plan::run(&args, context),
        Command::Extract(args) => extract::run(&args, context),
        Command::Emit(EmitCommand::Tool(args)) => emit::tool(args, context),
        Command::Emit(EmitCommand::Wit(args)) => emit::wit(args, context),
        Command::Wit(WitCommand::Inspect(args)) => wit::inspect(&args, context),
        Command::Wit(WitCommand::Fetch(args)) => wit::fetch(&args, context),
        Command::Wit(WitCommand::Pin(args)) => wit::pin(&args, context),
        Command::Wit(WitCommand::Adopt(args)) => wit::adopt(&args, context),
        Command::Wit(WitCommand::Unpack(args)) => wit::unpack(&args, context),
        Command::Wit(WitCommand::Library(args)) => wit::library(&args, context),
        Command::Toolchain(ToolchainCommand::Pin(args)) => pin::run(&args, context),
        #[cfg(feature = "operations")]
        Command::Import(command) => import::run(&command, context),
        #[cfg(not(feature = "operations"))]
        Command::Import(absent) => Err(absent.refusal("import")),
        Command::Verify(args) => verify::run(&args, context),
        #[cfg(feature = "mirror")]
        Command::Mirror(command) => mirror::run(&command, context),
        #[cfg(not(feature = "mirror"))]
        Command::Mirror(absent) => Err(absent.refusal("mirror")),
        #[cfg(feature = "operations")]
        Command::Bundle(command) => bundle::run(&command, context),
        #[cfg(not(feature = "operations"))]
        Command::Bundle(absent) => Err(absent.refusal("bundle")),
        #[cfg(feature = "operations")]
        Command::Outdated(args) => outdated::run(&args, context),
        #[cfg(not(feature = "operations"))]
        Command::Outdated(absent) => Err(absent.refusal("outdated")),
        #[cfg(feature = "operations")]
        Command::Prune(args) => prune::run(&args, context),
        #[cfg(not(feature = "operations"))]
        Command::Prune(absent) => Err(absent.refusal("prune")),
        #[cfg(feature = "operations")]
        Command::Sbom(args) => sbom::run(&args, context),
        #[cfg(not(feature = "operations"))]
        Command::Sbom(absent) => Err(absent.refusal("sbom")),
        #[cfg(feature = "operations")]
        Command::Doctor(args) => doctor::run(&args, context),
        #[cfg(not(feature = "operations"))]
        Command::Doctor(absent) => Err(absent.refusal("doctor")),
        #[cfg(feature = "operations")]
        Command::Prove(args) => prove::run(&args, context),
        #[cfg(not(feature = "operations"))]
        Command::Prove(absent) => Err(absent.refusal("prove")),
        #[cfg(feature = "operations")]
        Command::NetworkNamespace(args) => network_namespace::run(&args),
        #[cfg(feature = "operations")]
        Command::Completions(args) => completions::completions(&args, context),
        #[cfg(not(feature = "operations"))]
        Command::Completions(absent) => Err(absent.refusal("completions")),
        #[cfg(feature = "operations")]
        Command::ManPages(args) => completions::man_pages(&args, context),
        #[cfg(not(feature = "operations"))]
        Command::ManPages(absent) => Err(absent.refusal("man-pages")),
        Command::Config(ConfigCommand::Show) => config::run(context),
        Command::Say { message } => {
            context.report.say(&format!("error: {}", context.workspace.address(&message)));
            Ok(())
        }
        Command::Stamp => context.report.content(STAMP),
    }
}
