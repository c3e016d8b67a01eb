//! `wit`: what one package is, and what the rule `wit_library` does with it.

use std::path::Path;

use super::{Context, WitAdoptArgs, WitFetchArgs, WitInspectArgs, WitLibraryArgs, WitUnpackArgs};
use crate::error::{Error, Result};
use crate::look;
use crate::package::{PackageId, PackageRequest, Wanted};
use crate::packages::{Form, Published, Sources};
use crate::read;
use crate::registry::{SourceArchive, WitRegistry};
use crate::request::Request;
use crate::rooted::RootedPath;
use crate::store;
use crate::verify::Unverified;
use crate::wit::{Library, Source};

/// `wit inspect`: what a package declares and needs.
pub(super) fn inspect(args: &WitInspectArgs, context: &Context) -> Result<()> {
    let path = context.path(&args.path);
    let source = match look::is_folder(&path)? {
        true => Source::of_folder(&path)?,
        false => Source::of_unverified(&path)?,
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

fn dependencies(source: &Source) -> Vec<String> {
    let with = source.dependencies.iter().map(ToString::to_string);
    with.chain(source.unversioned.iter().map(ToString::to_string)).collect()
}

/// `wit library`: check a package and make its folder.
pub(super) fn library(args: &WitLibraryArgs, context: &Context) -> Result<()> {
    let name = args.request.display().to_string();
    // All paths are relative to where Bazel runs the action, as those in the request are.
    let text = read::text(&args.request, read::LIMIT)?;
    let made = Library::parse(&text, &name)?.make(&args.out)?;
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

/// `wit fetch`: one package from a vendor folder, a mirror or a registry.
pub(super) fn fetch(args: &WitFetchArgs, context: &Context) -> Result<()> {
    let workspace = args.workspace.as_deref().map(|dir| context.path(dir));
    let policy = context.policy_in(workspace.as_deref().unwrap_or(context.workspace.root()))?;
    let sources = Sources::new(policy, WitRegistry::builtin()?, &context.environment)?;
    let request: PackageRequest = args.package.parse().map_err(Error::usage)?;
    let package = match request.version {
        Wanted::Exactly(version) => PackageId { name: request.name, version },
        _ => sources.newest(&request, args.registry.as_deref())?,
    };
    let out = context.path(&args.out);
    let rule = args.registry.as_deref();
    let fetched = sources.fetch_into(&package, rule, args.sha256, &out, &context.report)?;
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

/// `wit adopt`: the text of a pinned archive from a folder that somebody made.
pub(super) fn adopt(args: &WitAdoptArgs, context: &Context) -> Result<()> {
    let workspace = args.workspace.as_deref().map(|dir| context.path(dir));
    let policy = context.policy_in(workspace.as_deref().unwrap_or(context.workspace.root()))?;
    let sources = Sources::new(policy, WitRegistry::default(), &context.environment)?;
    let adopted = sources.adopt(&requested(&args.request, context)?)?;
    if let Some(source) = &adopted.source {
        write(source, &context.path(&args.out))?;
    }
    context.report.json(&serde_json::json!({
        "adopted": adopted.source.is_some(), "overridden": adopted.overridden,
        "remarks": adopted.remarks,
    }))
}

/// `wit unpack`: from a pinned archive that is at hand.
pub(super) fn unpack(args: &WitUnpackArgs, context: &Context) -> Result<()> {
    let archive = requested(&args.request, context)?;
    let subject = archive.package.to_string();
    let file =
        Unverified::open(&context.path(&args.archive), subject)?.verify(&archive.archive.sha256)?;
    let published = Published { package: archive.package.clone(), file, form: Form::of(&archive) };
    write(&published.source()?, &context.path(&args.out))
}

/// The one archive of a request.
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

fn write(source: &Source, out: &Path) -> Result<()> {
    for (name, bytes) in &source.files {
        store::write_atomically(&RootedPath::given(out).join(name), bytes)?;
    }
    Ok(())
}
