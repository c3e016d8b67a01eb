//! `wit`: the content of one package, and the work of the rule `wit_library`.

use std::path::Path;

use clap::Args;

use super::{Context, WitAdoptArgs, WitFetchArgs, WitInspectArgs, WitLibraryArgs, WitUnpackArgs};
use airgap_core::artifact::VendoredKind;
use airgap_core::error::{Error, Result};
use airgap_core::package::{AllowedVersions, PackageId, PackageRequest};
use airgap_core::path_component::PathComponent;
use airgap_core::quantity::count;
use airgap_core::read;
use airgap_core::rooted::RootedPath;
use airgap_core::store::{self, Scratch};
use airgap_core::user_path;
use airgap_core::verify::Unverified;
use airgap_vendor::catalog::{SourceArchive, WitCatalog};
use airgap_vendor::kinds::wit::{Form, Packages, Published, WitJob, vendor_wit, wasm_name};
use airgap_vendor::manifest::VendorDir;
use airgap_vendor::request::{Request, WitChoice};
use airgap_wit::{Library, Lock, Locked, WitSource};

/// Prints the declarations and dependencies of a package (`wit inspect`).
pub(super) fn inspect(args: &WitInspectArgs, context: &Context) -> Result<()> {
    let path = context.path(&args.path);
    let source = match user_path::is_folder(&path)? {
        true => WitSource::from_folder(&path)?,
        false => WitSource::from_unverified(&path)?,
    };
    let package = source.declared();
    if context.report.is_json() {
        return context.report.json(&serde_json::json!({
            "package": package,
            "dependencies": dependencies(&source),
            "nested": source.nested,
            "interfaces": source.interfaces,
            "worlds": source.worlds,
            "tree": format!("sha256:{}", source.tree_hash()),
        }));
    }
    let mut text = format!("{package}\n");
    for (label, names) in [
        ("depends on", dependencies(&source)),
        ("nested", source.nested.iter().map(ToString::to_string).collect()),
        ("interfaces", source.interfaces.into_iter().collect()),
        ("worlds", source.worlds.into_iter().collect()),
    ] {
        for name in names {
            text.push_str(&format!("  {label:12} {name}\n"));
        }
    }
    context.report.data(&text)
}

fn dependencies(source: &WitSource) -> Vec<String> {
    let with = source.dependencies.iter().map(ToString::to_string);
    with.chain(source.unversioned.iter().map(ToString::to_string)).collect()
}

/// Checks a package and creates its folder (`wit library`).
pub(super) fn library(args: &WitLibraryArgs, context: &Context) -> Result<()> {
    let name = args.request.display().to_string();
    // All paths, also those in the request, are relative to the folder in which Bazel runs the
    // action.
    let text = read::text(&args.request, read::LIMIT)?;
    let catalog = WitCatalog::builtin()?;
    let known = catalog.labels().map(|(package, label)| (package.to_string(), label));
    let made = Library::parse(&text, &name)?.with_known(known).make(&args.out)?;
    if context.report.is_json() {
        return context.report.json(&serde_json::json!({
            "package": made.package, "deps": made.deps, "remarks": made.remarks,
        }));
    }
    for remark in &made.remarks {
        context.report.warn(remark);
    }
    Ok(())
}

/// Fetches one package from a vendor folder, a mirror or a registry (`wit fetch`).
pub(super) fn fetch(args: &WitFetchArgs, context: &Context) -> Result<()> {
    let workspace = args.workspace.as_deref().map(|dir| context.path(dir));
    let policy = context.policy_in(workspace.as_deref().unwrap_or(context.workspace.root()))?;
    let packages = Packages::new(policy, WitCatalog::builtin()?, &context.environment)?;
    let request: PackageRequest = args.package.parse().map_err(Error::usage)?;
    let package = exact(request, &packages, args.registry.as_deref())?;
    let out = match (&args.output, &args.out) {
        (Some(output), _) => {
            return fetch_all(&package, &context.path(output), packages, args, context);
        }
        (None, Some(out)) => context.path(out),
        (None, None) => {
            return Err(Error::usage("no folder is named")
                .hint("name the folder for the text and its dependencies: `--output DIR`"));
        }
    };
    let rule = args.registry.as_deref();
    let fetched = packages.fetch_into(&package, rule, args.sha256, &out, &context.report)?;
    let source = fetched.source().inspect_err(|_| fetched.discard().unwrap_or(()))?;
    write(&source, &out)?;
    let sha256 = fetched.file().map(|file| *file.digest());
    if context.report.is_json() {
        return context.report.json(&serde_json::json!({
            "package": package, "from": fetched.from, "sha256": sha256,
        }));
    }
    context.report.say(&format!("{package} from {}", fetched.from));
    Ok(())
}

/// Returns the package with its version that a request selects.
fn exact(request: PackageRequest, packages: &Packages, rule: Option<&str>) -> Result<PackageId> {
    match request.version {
        AllowedVersions::Exactly(version) => Ok(PackageId { name: request.name, version }),
        _ => packages.newest(&request, rule),
    }
}

/// Parses a name and its registry: `myorg=ghcr.io/myorg`.
pub(super) fn registry_of(text: &str) -> std::result::Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, registry)) if !name.is_empty() && !registry.is_empty() => {
            Ok((name.to_owned(), registry.to_owned()))
        }
        _ => Err(format!("`{text}` is not a package or namespace, `=`, and a registry")),
    }
}

/// Writes the text of a package beside the published file, and the text of all dependencies in the
/// folder `deps` (`wit fetch --output`).
fn fetch_all(
    package: &PackageId,
    out: &Path,
    packages: Packages,
    args: &WitFetchArgs,
    context: &Context,
) -> Result<()> {
    let packages = choosing(packages, package, args)?;
    // Other files of a vendor folder, such as BUILD files, are not copied.
    let scratch = Scratch::new()?;
    let dir = VendorDir::of(scratch.path(), VendoredKind::Wit);
    let lock = Lock::default();
    let request = PackageRequest {
        name: package.name.clone(),
        version: AllowedVersions::Exactly(package.version.clone()),
    };
    let done = vendor_wit(
        &WitJob {
            requests: &[request],
            dir: &dir,
            lock: &lock,
            previous: &lock,
            packages: &packages,
            rules: "",
            bazel_package: "",
            jobs: 4,
        },
        &context.report,
    )?;
    let mut deps = Vec::new();
    for locked in &done.lock.packages {
        if locked.package == *package {
            write_package(locked, &dir, out)?;
            continue;
        }
        deps.push(locked.package.clone());
        write_package(locked, &dir, &out.join("deps").join(locked.package.folder()))?;
    }
    if context.report.is_json() {
        return context.report.json(&serde_json::json!({"package": package, "deps": deps}));
    }
    let needed = count(deps.len(), "package");
    context.report.say(&format!("{package} and {needed} that it depends on"));
    Ok(())
}

/// Applies `--registry` and `--sha256` to a package.
fn choosing(packages: Packages, package: &PackageId, args: &WitFetchArgs) -> Result<Packages> {
    let registry = args.registry.clone();
    let packages = packages.naming(registry.map(|it| (package.name.namespace().to_owned(), it)));
    let Some(sha256) = args.sha256 else { return Ok(packages) };
    packages.choosing(&[WitChoice {
        package: package.clone(),
        registry: args.registry.clone().unwrap_or_default(),
        sha256: sha256.to_string(),
    }])
}

/// Writes the text of a vendored package to a folder, and beside it the published file if there is
/// one: a build that uses the text can check its pin only with that file.
fn write_package(locked: &Locked, dir: &VendorDir, out: &Path) -> Result<()> {
    let folder = locked.package.folder();
    write(&WitSource::from_folder(&dir.folder().join(&folder))?, out)?;
    if locked.url.is_some() || locked.is_text() {
        return Ok(());
    }
    let name = wasm_name(&locked.package);
    let published = dir.place(&format!("{folder}/{name}"));
    let file = Unverified::open_rooted(&published, locked.package.to_string())?;
    let file = file.verify(&locked.digest)?;
    store::place_copy(&file, &RootedPath::from_trusted(out).join(&name), false)?;
    Ok(())
}

/// Print the SHA-256 of a published package, and the lines that pin it.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  wasm-airgap wit pin myorg:api@1.0.0 --registry ghcr.io/myorg

Compare the printed SHA-256 with the one that its makers publish: all later checks rely on it.")]
pub(super) struct PinArgs {
    /// The package
    #[arg(value_name = "PACKAGE[@VERSION]")]
    package: String,
    /// The registry, as in ghcr.io/myorg or wasi.dev [default: the configured one]
    #[arg(long, value_name = "REGISTRY")]
    registry: Option<String>,
    /// The name of the repository [default: that of the package, with `_`]
    #[arg(long, value_name = "NAME")]
    name: Option<PathComponent>,
}

/// Prints the digest of a published package, and the lines that use it (`wit pin`).
pub(super) fn pin(args: &PinArgs, context: &Context) -> Result<()> {
    let packages = Packages::new(context.policy()?, WitCatalog::builtin()?, &context.environment)?;
    let request: PackageRequest = args.package.parse().map_err(Error::usage)?;
    let rule = args.registry.as_deref();
    let package = exact(request, &packages, rule)?;
    let scratch = Scratch::new()?;
    let fetched = packages.fetch_for_inspection(&package, rule, scratch.path(), &context.report)?;
    let Some(file) = fetched.file() else {
        return Err(Error::usage(format!("{package} has no published file to pin"))
            .fact("from", &fetched.from)
            .hint("a folder in `[overrides]` is used without a digest"));
    };
    // A file that is not a package must not be pinned.
    fetched.source()?;
    let name = match &args.name {
        Some(name) => name.to_string(),
        None => package.name.hyphened().replace('-', "_"),
    };
    let registry = rule.map(|it| format!("    registry = \"{it}\",\n")).unwrap_or_default();
    let lines = format!(
        "wit = use_extension(\"{}\", \"wit_packages\")\nwit.package(\n    name = \"{name}\",\n    \
         package = \"{package}\",\n{registry}    sha256 = \"{}\",\n)\n\
         use_repo(wit, \"{name}\")\n",
        context.workspace.label("//bazel:wit.bzl"),
        file.digest(),
    );
    if context.report.is_json() {
        return context.report.json(&serde_json::json!({
            "package": package, "from": fetched.from, "sha256": file.digest(), "module": lines,
        }));
    }
    context.report.data(&format!(
        "{package}\n  sha256    {}\n  from      {}\n\nin MODULE.bazel:\n\n{lines}",
        file.digest(),
        fetched.from
    ))
}

/// Writes the text of a pinned archive from a folder that a user unpacked (`wit adopt`).
pub(super) fn adopt(args: &WitAdoptArgs, context: &Context) -> Result<()> {
    let workspace = args.workspace.as_deref().map(|dir| context.path(dir));
    let policy = context.policy_in(workspace.as_deref().unwrap_or(context.workspace.root()))?;
    let packages = Packages::new(policy, WitCatalog::default(), &context.environment)?;
    let adopted = packages.adopt(&requested(&args.request, context)?)?;
    if let Some(source) = &adopted.source {
        write(source, &context.path(&args.out))?;
    }
    context.report.json(&serde_json::json!({
        "adopted": adopted.source.is_some(), "overridden": adopted.overridden,
        "remarks": adopted.remarks,
    }))
}

/// Writes the text of a package from a local pinned archive (`wit unpack`).
pub(super) fn unpack(args: &WitUnpackArgs, context: &Context) -> Result<()> {
    let archive = requested(&args.request, context)?;
    let subject = archive.package.to_string();
    let file =
        Unverified::open(&context.path(&args.archive), subject)?.verify(&archive.archive.sha256)?;
    let published = Published { package: archive.package.clone(), file, form: Form::of(&archive) };
    write(&published.source()?, &context.path(&args.out))
}

/// Returns the one archive of a request.
fn requested(request: &Path, context: &Context) -> Result<SourceArchive> {
    let path = context.environment.current_dir().join(request);
    let name = request.display().to_string();
    let text = read::text(&path, read::LIMIT)?;
    let mut request = Request::parse(&text, &name)?;
    match (request.packages.pop(), request.packages.len()) {
        (Some(archive), 0) => Ok(archive),
        (_, more) => {
            Err(Error::usage(format!("the request `{name}` must name one package"))
                .fact("found", more))
        }
    }
}

fn write(source: &WitSource, out: &Path) -> Result<()> {
    for (name, bytes) in &source.files {
        store::write_atomically(&RootedPath::from_trusted(out).join(name), bytes)?;
    }
    Ok(())
}
