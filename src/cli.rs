//! The words of the command line. What they mean is in the modules below, one a command.

mod config;
mod emit;
mod extract;
mod pin;
mod plan;
mod selection;
mod vendor;
mod verify;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::artifact::{ArchiveType, Strip};
use crate::digest::Digest;
use crate::environment::Environment;
use crate::error::{Kind, Result};
use crate::platform::Platform;
use crate::policy::Policy;
use crate::report::Report;
use crate::segment::Segment;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed: a full disk, a folder that cannot be written, a bug
  2  wrong usage or configuration
  3  not available from the sources that are allowed
  4  integrity: a digest, a lock, an unlisted file, a hostile archive
  5  network or authentication";

/// Fetch WebAssembly toolchains once, pinned by SHA-256, and build from them with no network.
#[derive(Debug, Parser)]
#[command(name = "wasm-airgap", bin_name = "wasm-airgap", version, after_help = EXIT_CODES, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Print data as JSON on stdout
    #[arg(long, global = true)]
    json: bool,
    /// Use nothing that needs the network, as BAZEL_WASM_OFFLINE=1 does
    #[arg(long, global = true)]
    offline: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring what a build needs into a folder that goes across the gap
    #[command(subcommand)]
    Vendor(VendorCommand),
    /// Show where each file would come from, without fetching any
    Plan(PlanArgs),
    /// Verify an archive and unpack it
    Extract(ExtractArgs),
    /// Write the BUILD file of a repository
    #[command(subcommand)]
    Emit(EmitCommand),
    /// Manage the checksum registry
    #[command(subcommand)]
    Toolchain(ToolchainCommand),
    /// Hash a vendor folder again and compare it with its manifest
    Verify(VerifyArgs),
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the version of the border to Starlark; repository rules depend on it
    #[command(hide = true)]
    Stamp,
}

#[derive(Debug, Subcommand)]
enum VendorCommand {
    /// Download toolchain archives into a vendor folder
    Toolchains(VendorToolchainsArgs),
}

#[derive(Debug, Subcommand)]
enum EmitCommand {
    /// Write the BUILD file for an unpacked tool
    Tool(EmitToolArgs),
}

#[derive(Debug, Subcommand)]
enum ToolchainCommand {
    /// Compute the SHA-256 of release files and write their registry entries
    Pin(PinArgs),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Show every setting that is in force and where it came from
    Show,
}

/// What is wanted: tools by name, by bundle, by a request from Starlark, or all of them.
#[derive(Args, Debug)]
struct SelectionArgs {
    /// A tool, in its latest version or in this one; may be repeated [default: all tools]
    #[arg(long = "tool", value_name = "TOOL[@VERSION]")]
    tools: Vec<String>,
    /// A bundle of tools; may be repeated
    #[arg(long = "bundle", value_name = "NAME")]
    bundles: Vec<String>,
    /// A registry file of your own; what it says wins; may be repeated
    #[arg(long = "registry", value_name = "FILE")]
    registries: Vec<PathBuf>,
    /// A request as the toolchain extension writes it, relative to the current folder; - is stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["bundles", "registries"])]
    request: Option<PathBuf>,
    /// A platform, or `all`; may be repeated [default: this one]
    #[arg(long = "platform", value_name = "PLATFORM")]
    platforms: Vec<String>,
}

/// Download toolchain archives into a vendor folder.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap vendor toolchains --output-dir vendor/toolchains --bundle minimal --platform all

The folder can be used with BAZEL_WASM_VENDOR_DIR, and any static file server over it is a mirror
for BAZEL_WASM_MIRROR.")]
struct VendorToolchainsArgs {
    /// Where to; relative to the workspace root under `bazel run`, to the current folder otherwise
    #[arg(long, value_name = "DIR")]
    output_dir: PathBuf,
    #[command(flatten)]
    selection: SelectionArgs,
    /// How many files to fetch at a time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// Show what would be fetched from where, and fetch nothing
    #[arg(long)]
    dry_run: bool,
    /// Leave this program itself out of the folder
    #[arg(long)]
    no_helper: bool,
}

/// Show where each file would come from, without fetching any.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  BAZEL_WASM_OFFLINE=1 wasm-airgap plan --tool wasm-tools@1.244.0

Exits with 3 where a file is in none of the places that may be used.")]
struct PlanArgs {
    #[command(flatten)]
    selection: SelectionArgs,
    /// The workspace root, to which relative folders are relative
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
}

/// Verify an archive and unpack it.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap extract --sha256 e959f2… --type tar.gz --strip-prefix binaryen-version_123 \\
      binaryen-version_123-x86_64-linux.tar.gz out

Nothing is at OUT before everything is.")]
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
    /// A folder to take off the front of every path; empty for none [default: the one at the top]
    #[arg(long, value_name = "PREFIX")]
    strip_prefix: Option<Strip>,
    /// The name that a binary gets [default: that of the file]
    #[arg(long, value_name = "NAME")]
    filename: Option<Segment>,
    /// Rename BUILD files in the archive, which Bazel would take for packages
    #[arg(long)]
    for_bazel: bool,
    /// What the archive is, for messages
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
    tool: Segment,
    /// Its version
    #[arg(long)]
    version: Segment,
    /// Where it runs
    #[arg(long)]
    platform: Platform,
    /// An executable, the main one first
    #[arg(long = "executable", value_name = "PATH", required = true)]
    executables: Vec<String>,
    /// The label of the file with the `wasm_tool` rule
    #[arg(long, value_name = "LABEL")]
    rules: String,
}

/// Compute the SHA-256 of release files and write their registry entries.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap toolchain pin --registry wasm_tools.json \\
      https://github.com/bytecodealliance/wasm-tools/releases/download/v1.245.0/wasm-tools-1.245.0-x86_64-linux.tar.gz

Trust begins here: compare the printed SHA-256 with one that upstream publishes.")]
struct PinArgs {
    /// The addresses of the files; https://, http:// or file://
    #[arg(required = true, value_name = "URL")]
    urls: Vec<String>,
    /// The registry file to add to; it is made if it is not there [default: print it]
    #[arg(long, value_name = "FILE")]
    registry: Option<PathBuf>,
    /// The tool [default: by the address]
    #[arg(long)]
    tool: Option<Segment>,
    /// The version [default: by the address]
    #[arg(long)]
    version: Option<Segment>,
    /// The platform [default: by the address]
    #[arg(long)]
    platform: Option<Platform>,
    /// An executable in the archive, the main one first [default: the tool's name]
    #[arg(long = "executable", value_name = "PATH")]
    executables: Vec<String>,
}

/// Hash a vendor folder again and compare it with its manifest.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap verify vendor

Names each missing, changed and unlisted file and exits with 4 if there is any.")]
struct VerifyArgs {
    /// The vendor folder [default: BAZEL_WASM_VENDOR_DIR, or vendor]
    dir: Option<PathBuf>,
    /// How many files to hash at a time [default: one a processor]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

/// What every command gets.
struct Context {
    environment: Environment,
    report: Report,
    offline: bool,
}

impl Context {
    fn policy(&self) -> Result<Policy> {
        self.policy_in(&self.environment.base_dir())
    }

    fn policy_in(&self, workspace: &std::path::Path) -> Result<Policy> {
        Ok(Policy::of(&self.environment, workspace)?.or_offline(self.offline))
    }

    /// A path that a person typed.
    fn path(&self, typed: &std::path::Path) -> PathBuf {
        self.environment.base_dir().join(typed)
    }
}

/// Runs a command line and gives the process's exit code.
pub fn run(words: impl IntoIterator<Item = OsString>, environment: Environment) -> u8 {
    let arguments = match Arguments::try_parse_from(words) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version go to stdout and are no failure.
            let _ = error.print();
            return if error.use_stderr() { Kind::Usage as u8 } else { 0 };
        }
    };
    let report = Report::new(arguments.json);
    let context = Context { environment, report, offline: arguments.offline };
    match dispatch(arguments.command, &context) {
        Ok(()) => 0,
        Err(error) => {
            context.report.failure(&error);
            error.kind() as u8
        }
    }
}

fn dispatch(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Vendor(VendorCommand::Toolchains(args)) => vendor::run(&args, context),
        Command::Plan(args) => plan::run(&args, context),
        Command::Extract(args) => extract::run(&args, context),
        Command::Emit(EmitCommand::Tool(args)) => emit::run(args, context),
        Command::Toolchain(ToolchainCommand::Pin(args)) => pin::run(&args, context),
        Command::Verify(args) => verify::run(&args, context),
        Command::Config(ConfigCommand::Show) => config::run(context),
        Command::Stamp => context.report.data(crate::STAMP),
    }
}
