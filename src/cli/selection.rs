//! The files that `--tool`, `--bundle`, `--registry`, `--request` and `--platform` select.

use std::path::{Path, PathBuf};

use super::{Context, SelectionArgs};
use airgap_core::artifact::Artifact;
use airgap_core::error::{Error, Result};
use airgap_core::platform::Platform;
use airgap_core::read;
use airgap_vendor::catalog::{ComponentCatalog, ToolCatalog};
use airgap_vendor::kinds::component::WantedComponent;
use airgap_vendor::request::{Platforms, Request};

/// The selected files and components.
pub(super) struct Selected {
    /// The files of tools and WIT packages.
    pub(super) artifacts: Vec<Artifact>,
    /// The components of a request.
    pub(super) components: Vec<WantedComponent>,
    /// The pinned helpers of a request.
    pub(super) helpers: Vec<Artifact>,
}

/// Returns the selected files and components.
///
/// A named tool that is not published for a platform is an error; one from a bundle or from the set
/// of all tools is left out with a warning. A tool that is WebAssembly only is left out without a
/// warning if all tools are taken, because it is not for a machine.
pub(super) fn selected(args: &SelectionArgs, context: &Context) -> Result<Selected> {
    let request = request(args, context)?;
    let components = WantedComponent::of_request(&request)?;
    let platforms = platforms(&args.platforms)?;
    let (wanted, helpers) = (request.artifacts(&platforms), request.helpers(&platforms));
    let is_everything =
        args.bundles.is_empty() && args.requests.is_empty() && args.tools.is_empty();
    let portable = wanted.portable.into_iter().filter(|_| !is_everything);
    for error in wanted.unpublished.into_iter().chain(portable) {
        if !args.tools.is_empty() || wanted.artifacts.is_empty() {
            return Err(error);
        }
        context.report.warn(&format!("left out: {}", error.statement()));
    }
    Ok(Selected { artifacts: wanted.artifacts, components, helpers })
}

fn request(args: &SelectionArgs, context: &Context) -> Result<Request> {
    let Some(request) = read_all(&args.requests, context)? else {
        let mut catalog = ToolCatalog::builtin()?;
        for file in &args.registries {
            catalog.add_file(&context.path(file))?;
        }
        return Ok(Request::new(catalog.choices(&args.tools, &args.bundles)?));
    };
    narrow(request, &args.tools)
}

/// Reads requests into one; `None` if there are none.
pub(super) fn read_all(paths: &[PathBuf], context: &Context) -> Result<Option<Request>> {
    let mut all: Option<Request> = None;
    for path in paths {
        let request = read(path, context)?;
        match &mut all {
            Some(all) => all.add(request),
            None => all = Some(request),
        }
    }
    Ok(all)
}

/// Returns the pinned components: the built-in ones, and those in these files.
pub(super) fn component_catalog(files: impl Iterator<Item = PathBuf>) -> Result<ComponentCatalog> {
    let mut catalog = ComponentCatalog::builtin()?;
    for file in files {
        catalog.add_file(&file)?;
    }
    Ok(catalog)
}

/// Reads the request in a file. Starlark names the file, so its path is relative to the initial
/// folder of the process.
pub(super) fn read(path: &Path, context: &Context) -> Result<Request> {
    let name = path.display().to_string();
    let text = match name.as_str() {
        "-" => read::stdin(read::LIMIT)?,
        _ => read::text(&context.runfile(path), read::LIMIT)?,
    };
    Request::parse(&text, &name)
}

/// Returns the part of a request that `--tool` names.
fn narrow(mut request: Request, tools: &[String]) -> Result<Request> {
    if tools.is_empty() {
        return Ok(request);
    }
    let known: Vec<_> = request.tools.iter().map(|choice| choice.tool.to_string()).collect();
    let known: Vec<_> = known.iter().map(String::as_str).collect();
    for wanted in tools {
        let (name, version) = split_version(wanted);
        let Some(choice) = request.tools.iter().find(|choice| choice.tool.as_str() == name) else {
            return Err(airgap_core::suggest::unknown("tool in MODULE.bazel", name, &known)
                .hint("add it there: `wasm.tool(name = ..., version = ...)`"));
        };
        if version.is_some_and(|version| version != choice.version.as_str()) {
            return Err(Error::usage(format!("MODULE.bazel requests another version of `{name}`"))
                .fact("expected", &choice.version)
                .fact("found", version.unwrap_or_default())
                .hint("change it there, so that the build requests the vendored version"));
        }
    }
    request.tools.retain(|choice| {
        tools.iter().any(|wanted| split_version(wanted).0 == choice.tool.as_str())
    });
    Ok(request)
}

fn split_version(wanted: &str) -> (&str, Option<&str>) {
    match wanted.split_once('@') {
        Some((name, version)) => (name, Some(version)),
        None => (wanted, None),
    }
}

/// Returns the platforms with these names.
pub(super) fn platforms(names: &[String]) -> Result<Platforms> {
    if names.iter().any(|platform| platform == "all") {
        return Ok(Platforms::All);
    }
    if names.is_empty() {
        let host = Platform::host().ok_or_else(|| {
            Error::usage("no tool is published for the platform of this machine")
                .hint("name one: `--platform linux_amd64`")
        })?;
        return Ok(Platforms::Only(vec![host]));
    }
    let named = names.iter().map(|name| name.parse().map_err(Error::usage));
    Ok(Platforms::Only(named.collect::<Result<_>>()?))
}
