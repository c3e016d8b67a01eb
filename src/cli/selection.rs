//! What `--tool`, `--bundle`, `--registry`, `--request` and `--platform` come down to.

use std::path::{Path, PathBuf};

use super::{Context, SelectionArgs};
use airgap_core::artifact::Artifact;
use airgap_core::error::{Error, Result};
use airgap_core::platform::Platform;
use airgap_core::read;
use airgap_vendor::components;
use airgap_vendor::registry::{ComponentRegistry, Registry};
use airgap_vendor::request::{Platforms, Request};

/// The files that are wanted.
///
/// A tool that was named and is not published for a platform is an error; one that came with a
/// bundle or with everything is left out with a warning.
pub(super) fn artifacts(args: &SelectionArgs, context: &Context) -> Result<Vec<Artifact>> {
    Ok(everything(args, context)?.0)
}

/// The files that are wanted, and the components that a request asks for beside them.
pub(super) fn everything(
    args: &SelectionArgs,
    context: &Context,
) -> Result<(Vec<Artifact>, Vec<components::Wanted>)> {
    let request = request(args, context)?;
    let components = components::Wanted::of_request(&request)?;
    let wanted = request.artifacts(&platforms(&args.platforms)?);
    for error in wanted.unpublished {
        if !args.tools.is_empty() || wanted.artifacts.is_empty() {
            return Err(error);
        }
        context.report.warn(&format!("left out: {}", error.statement()));
    }
    Ok((wanted.artifacts, components))
}

fn request(args: &SelectionArgs, context: &Context) -> Result<Request> {
    let Some(path) = &args.request else {
        let mut registry = Registry::builtin()?;
        for file in &args.registries {
            registry.add_file(&context.path(file))?;
        }
        return Ok(Request::new(registry.choices(&args.tools, &args.bundles)?));
    };
    narrow(read(path, context)?, &args.tools)
}

/// The components that are pinned: what is built in, and these files.
pub(super) fn component_registry(
    files: impl Iterator<Item = PathBuf>,
) -> Result<ComponentRegistry> {
    let mut registry = ComponentRegistry::builtin()?;
    for file in files {
        registry.add_file(&file)?;
    }
    Ok(registry)
}

/// The request in a file. Starlark names it, not a person: it is relative to where the process was
/// started.
pub(super) fn read(path: &Path, context: &Context) -> Result<Request> {
    let name = path.display().to_string();
    let text = match name.as_str() {
        "-" => read::stdin(read::LIMIT)?,
        _ => read::text(&context.written(path), read::LIMIT)?,
    };
    Request::parse(&text, &name)
}

/// The part of a request that `--tool` names.
fn narrow(mut request: Request, tools: &[String]) -> Result<Request> {
    if tools.is_empty() {
        return Ok(request);
    }
    let known: Vec<_> = request.tools.iter().map(|choice| choice.tool.to_string()).collect();
    let known: Vec<_> = known.iter().map(String::as_str).collect();
    for wanted in tools {
        let (name, version) = split(wanted);
        let Some(choice) = request.tools.iter().find(|choice| choice.tool.as_str() == name) else {
            return Err(airgap_core::suggest::unknown("tool in MODULE.bazel", name, &known)
                .hint("add it there: `wasm.tool(name = ..., version = ...)`"));
        };
        if version.is_some_and(|version| version != choice.version.as_str()) {
            return Err(Error::usage(format!("MODULE.bazel asks for another version of `{name}`"))
                .fact("expected", &choice.version)
                .fact("found", version.unwrap_or_default())
                .hint("change it there, so that the build asks for what is vendored"));
        }
    }
    request
        .tools
        .retain(|choice| tools.iter().any(|wanted| split(wanted).0 == choice.tool.as_str()));
    Ok(request)
}

fn split(wanted: &str) -> (&str, Option<&str>) {
    match wanted.split_once('@') {
        Some((name, version)) => (name, Some(version)),
        None => (wanted, None),
    }
}

/// The platforms of these names.
pub(super) fn platforms(names: &[String]) -> Result<Platforms> {
    if names.iter().any(|platform| platform == "all") {
        return Ok(Platforms::All);
    }
    if names.is_empty() {
        let host = Platform::host().ok_or_else(|| {
            Error::usage("no tools are published for the platform of this machine")
                .hint("name one: `--platform linux_amd64`")
        })?;
        return Ok(Platforms::Only(vec![host]));
    }
    let named = names.iter().map(|name| name.parse().map_err(Error::usage));
    Ok(Platforms::Only(named.collect::<Result<_>>()?))
}
