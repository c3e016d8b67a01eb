//! `mirror kustomize`.

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

use serde_json::json;

use super::KustomizeArgs;
use super::output::{self, OwnFile};
use crate::cli::Context;
use airgap_core::error::{Error, Result};
use airgap_core::quantity::{are, count};
use airgap_core::store;
use airgap_core::user_path;
use airgap_mirror::json_patch::{self, JsonPatch, JsonPatches};
use airgap_mirror::kustomization::{Fate, Kustomization};
use airgap_mirror::kustomize::{self, FieldSpec, ImageEntry};
use airgap_mirror::manifests::Manifests;
use airgap_mirror::yaml;
use airgap_mirror::yaml::Node;
use airgap_mirror::{ImageOccurrence, MirrorList};

/// The name of the file beside the kustomization with the transformer's additional fields.
const FIELDS: &str = "image-fields.yaml";

/// The first line of that file.
const HEADER: &str =
    "# Written by `wasm-airgap mirror kustomize`: fields whose text is an image.\n";

/// The names by which Kustomize finds a kustomization in a folder.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

pub(super) fn run(args: &KustomizeArgs, context: &Context) -> Result<()> {
    let list = MirrorList::read(&context.path(&args.list), &args.list.display().to_string())?;
    let base = context.environment.base_dir();
    let mut manifests = Manifests::read(&args.paths, &base, std::io::stdin())?;
    if args.output.is_some() {
        let own = [path_of(&base, &args.list), path_of(&base, Path::new(FIELDS))];
        manifests.retain_files(|name| {
            let path = path_of(&base, Path::new(name));
            let filename = path.file_name().unwrap_or_default().to_string_lossy();
            !own.contains(&path) && !NAMES.contains(&&*filename) && filename != FIELDS
        });
    }
    let manifests = manifests.without_empty()?.complete()?;
    match &args.output {
        None => print(args, &list, &manifests, context),
        Some(output) => write(output, args, &list, &manifests, context),
    }
}

/// Prints the images transformer.
fn print(
    args: &KustomizeArgs,
    list: &MirrorList,
    manifests: &Manifests,
    context: &Context,
) -> Result<()> {
    let report = &context.report;
    let images = match args.paths.is_empty() {
        true => kustomize::for_list(list)?,
        false => {
            let transformer = kustomize::for_manifests(list, &manifests.occurrences)?;
            warn_of_unlisted(&transformer.unlisted, list, context);
            for occurrence in &transformer.unreached {
                report.warn(&format!(
                    "{}: Kustomize does not change `{}` in {} by default; `-o kustomization.yaml` \
                     also writes the configuration for it",
                    occurrence.place, occurrence.written, occurrence.field
                ));
            }
            transformer.images
        }
    };
    let data = json!({ "images": images });
    match report.is_json() {
        true => report.json(&data),
        false => report.content(&yaml::block(&data)),
    }
}

/// The additions to a kustomization.
struct KustomizationParts {
    images: Vec<ImageEntry>,
    fields: Vec<FieldSpec>,
    patches: Vec<JsonPatch>,
    resources: Vec<String>,
}

/// Writes a kustomization, or updates one.
fn write(
    output: &Path,
    args: &KustomizeArgs,
    list: &MirrorList,
    manifests: &Manifests,
    context: &Context,
) -> Result<()> {
    let (base, report) = (context.environment.base_dir(), &context.report);
    let name = output.display().to_string();
    if args.paths.iter().any(|path| path == Path::new("-")) {
        return Err(Error::usage("standard input cannot be a resource of a kustomization")
            .hint("write it to a file in the folder of the kustomization, and name that"));
    }
    output::refuse_inputs(output, [&args.list], context)?;
    let file = path_of(&base, output);
    let folder = file.parent().unwrap_or(&base);
    let (parts, left) = parts(args, list, manifests, folder, context)?;
    write_fields(&folder.join(FIELDS), &parts.fields)?;
    let given: Vec<_> = args.paths.iter().map(|path| path_of(&base, path)).collect();
    let mut said = Vec::new();
    store::change(&store::through_link(&file)?, yaml::MOST_BYTES, |bytes| {
        let mut kustomization = match bytes {
            Some(bytes) => Kustomization::parse(&yaml::read_from(bytes, &name)?, &name)?,
            None => Kustomization::new(&name),
        };
        said = update(&mut kustomization, &parts, folder, &given)?;
        Ok(kustomization.text().as_bytes().to_vec())
    })?;
    said.iter().for_each(|text| report.say(&format!("{name}: {text}")));
    report.say(&format!(
        "{name}: {}, {}, {}, {}",
        count(parts.resources.len(), "resource"),
        count(parts.images.len(), "image"),
        count(parts.fields.len(), "field"),
        count(parts.patches.len(), "patch"),
    ));
    if report.is_json() {
        let left: Vec<_> = left.iter().collect();
        report.json(&json!({
            "images": parts.images, "resources": parts.resources, "fields": parts.fields,
            "patched": parts.patches.iter().map(|patch| &patch.resource).collect::<Vec<_>>(),
            "unreached": left,
        }))?;
    }
    match left.len() {
        0 => Ok(()),
        some => Err(Error::integrity(format!(
            "{} {} not changed to the destination by `{name}`",
            count(some, "image"),
            are(some)
        ))
        .hint("set it in the chart's values, or change the manifests")),
    }
}

/// Creates the parts of a kustomization, and returns the images that no entry can change.
fn parts<'a>(
    args: &KustomizeArgs,
    list: &MirrorList,
    manifests: &'a Manifests,
    folder: &Path,
    context: &Context,
) -> Result<(KustomizationParts, Vec<&'a ImageOccurrence>)> {
    let base = context.environment.base_dir();
    if args.paths.is_empty() {
        let images = kustomize::for_list(list)?;
        let (fields, patches, resources) = Default::default();
        return Ok((KustomizationParts { images, fields, patches, resources }, Vec::new()));
    }
    let transformer = kustomize::with_fields(list, &manifests.occurrences)?;
    warn_of_unlisted(&transformer.unlisted, list, context);
    let mut made = JsonPatches::default();
    let is_of_one_file = |a: &&ImageOccurrence, b: &&ImageOccurrence| a.place.file == b.place.file;
    for occurrences in transformer.unreached.chunk_by(is_of_one_file) {
        let name = &*occurrences[0].place.file;
        let text = yaml::read(&base.join(name), name)?;
        made.add(&text, name, occurrences, list)?;
    }
    let JsonPatches { patches, left, .. } = made;
    for occurrence in &left {
        context.report.warn(&format!(
            "{}: `{}` in {} cannot be changed by Kustomize",
            occurrence.place, occurrence.written, occurrence.field
        ));
    }
    let resources = manifests.resources.iter().map(|name| below(&base, name, folder));
    let resources = resources.collect::<Result<_>>()?;
    let (images, fields) = (transformer.images, transformer.fields);
    Ok((KustomizationParts { images, fields, patches, resources }, left))
}

/// Updates a kustomization, and returns the messages about it.
fn update(
    kustomization: &mut Kustomization,
    parts: &KustomizationParts,
    folder: &Path,
    given: &[PathBuf],
) -> Result<Vec<String>> {
    let mut said = Vec::new();
    let gone = update_resources(kustomization, parts, folder, given)?;
    said.extend(gone.into_iter().map(|name| format!("removed `{name}` from the resources")));

    let by_name: HashMap<_, _> = parts.images.iter().map(|it| (it.name.as_str(), it)).collect();
    let entry_of = |node: &Node| by_name.get(node.text_of("name")?).copied();
    let mut there = HashSet::new();
    let fate = |node: &Node| match entry_of(node) {
        Some(entry) => merged(node, entry),
        None => Fate::Kept,
    };
    kustomization.each("images", |node| {
        there.extend(node.text_of("name").map(str::to_owned));
        let Some(entry) = entry_of(node) else { return };
        for (key, set) in
            [("newTag", &entry.new_tag), ("digest", &entry.digest), ("tagSuffix", &None)]
        {
            if let (None, Some(kept)) = (set, node.text_of(key)) {
                let name = &entry.name;
                said.push(format!("kept `{key}: {kept}` of `{name}`, which is not in mirror.yaml"));
            }
        }
    })?;
    let new = parts.images.iter().filter(|entry| !there.contains(&entry.name));
    let new: Vec<_> = new.map(|entry| yaml::block(&json!(entry))).collect();
    kustomization.change("images", fate, &new)?;

    let is_fields = |node: &Node| node.text() == Some(FIELDS);
    let has_fields = kustomization.has("configurations", is_fields)?;
    let fate = |node: &Node| match is_fields(node) && parts.fields.is_empty() {
        true => Fate::Gone,
        false => Fate::Kept,
    };
    let new = (!has_fields && !parts.fields.is_empty()).then(|| FIELDS.to_owned());
    kustomization.change("configurations", fate, new.as_slice())?;

    let patches: Vec<_> = parts.patches.iter().map(JsonPatch::text).collect();
    let is_own =
        |node: &Node| node.text_of("patch").is_some_and(|text| text.starts_with(json_patch::MARK));
    let fate = |node: &Node| if is_own(node) { Fate::Gone } else { Fate::Kept };
    kustomization.change("patches", fate, &patches)?;
    Ok(said)
}

/// Adds the manifests to the resources. Removes entries of missing files, and of folders without a
/// kustomization, and returns their names.
fn update_resources(
    kustomization: &mut Kustomization,
    parts: &KustomizationParts,
    folder: &Path,
    given: &[PathBuf],
) -> Result<Vec<String>> {
    let (mut there, mut gone) = (HashSet::new(), Vec::new());
    let mut error = None;
    kustomization.each("resources", |node| {
        let Some(name) = node.text().filter(|name| !name.contains("://")) else { return };
        let path = path_of(folder, Path::new(name));
        match is_stale(&path, given) {
            Ok(true) => gone.push(name.to_owned()),
            Ok(false) => drop(there.insert(path)),
            Err(problem) => error = Some(problem),
        }
    })?;
    if let Some(error) = error {
        return Err(error);
    }
    let is_there = |name: &&String| {
        let path = path_of(folder, Path::new(name));
        path.ancestors().any(|folder| there.contains(folder))
    };
    let new: Vec<_> = parts.resources.iter().filter(|name| !is_there(name)).collect();
    let new: Vec<_> = new.into_iter().map(|name| yaml::scalar(name)).collect();
    let names: HashSet<&str> = gone.iter().map(String::as_str).collect();
    let fate = |node: &Node| match node.text() {
        Some(name) if names.contains(name) => Fate::Gone,
        _ => Fate::Kept,
    };
    kustomization.change("resources", fate, &new)?;
    Ok(gone)
}

/// Returns whether a resource among the given paths is one that Kustomize does not accept: a
/// missing file, or a folder without a kustomization.
fn is_stale(path: &Path, given: &[PathBuf]) -> Result<bool> {
    if !given.iter().any(|given| path.starts_with(given) || given.starts_with(path)) {
        return Ok(false);
    }
    if !user_path::is_folder(path)? {
        return Ok(user_path::kind(path)?.is_none());
    }
    for name in NAMES {
        if user_path::kind(&path.join(name))?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Merges a user's entry for the same image with the new name; its other fields stay.
fn merged(node: &Node, entry: &ImageEntry) -> Fate {
    let mut data = airgap_mirror::kustomization::data(node);
    let old = data.clone();
    if let (Some(data), Ok(serde_json::Value::Object(new))) =
        (data.as_object_mut(), serde_json::to_value(entry))
    {
        data.extend(new);
    }
    if data == old { Fate::Kept } else { Fate::Replaced(yaml::block(&data)) }
}

/// Writes the file with the transformer's additional fields.
fn write_fields(path: &Path, fields: &[FieldSpec]) -> Result<()> {
    if fields.is_empty() {
        return Ok(());
    }
    let text = format!("{HEADER}{}", yaml::block(&json!({ "images": fields })));
    let file = OwnFile {
        place: &store::through_link(path)?,
        name: Path::new(FIELDS),
        header: HEADER,
        command: "mirror kustomize",
        hint: "rename it, and run the same command again",
    };
    file.write(&text)
}

fn warn_of_unlisted(unlisted: &[&ImageOccurrence], list: &MirrorList, context: &Context) {
    for occurrence in unlisted {
        let (place, written, list) = (&occurrence.place, &occurrence.written, list.name());
        context.report.warn(&format!("{place}: `{written}` is not in `{list}`"));
    }
}

/// Returns the path of a file below a folder, in the form that Kustomize needs.
fn below(base: &Path, name: &str, folder: &Path) -> Result<String> {
    let path = path_of(base, Path::new(name));
    let below = path.strip_prefix(folder).map_err(|_| {
        Error::usage(format!("`{name}` is not below the folder of the kustomization"))
            .fact("folder", folder.display())
            .hint("Kustomize reads no other files; write the kustomization above the manifests with `-o`")
    })?;
    let parts = below.components().map(|part| part.as_os_str().to_string_lossy());
    Ok(parts.collect::<Vec<_>>().join("/"))
}

/// Returns a path without `.` and `..`.
fn path_of(base: &Path, path: &Path) -> PathBuf {
    let mut whole = PathBuf::new();
    for part in base.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(whole.pop()),
            part => whole.push(part),
        }
    }
    whole
}
