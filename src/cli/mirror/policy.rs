//! `mirror policy`.

use serde_json::json;

use super::output::{self, OwnFile};
use super::{PolicyArgs, PolicyFormat};
use crate::cli::Context;
use airgap_core::error::{Error, Result};
use airgap_core::quantity::{are, count};
use airgap_core::rooted::RootedPath;
use airgap_mirror::MirrorList;
use airgap_mirror::pull_policy::openshift::MirrorSet;
use airgap_mirror::pull_policy::{Unreached, containerd, openshift};
use airgap_mirror::yaml;

pub(super) fn run(args: &PolicyArgs, context: &Context) -> Result<()> {
    let list = MirrorList::read(&context.path(&args.list), &args.list.display().to_string())?;
    if list.entries().is_empty() {
        context.report.warn(&format!("`{}` has no images", list.name()));
    }
    let unreached = match args.format {
        PolicyFormat::Containerd => write_hosts(&list, args, context)?,
        PolicyFormat::Idms => write_mirrors(&list, MirrorSet::Digest, args, context)?,
        PolicyFormat::Itms => write_mirrors(&list, MirrorSet::Tag, args, context)?,
    };
    if unreached.is_empty() {
        return Ok(());
    }
    for Unreached { source, destination, reason } in &unreached {
        context.report.warn(&format!("`{source}` is not pulled from `{destination}`: {reason}"));
    }
    let (found, all) = (unreached.len(), count(list.entries().len(), "image"));
    Err(Error::integrity(format!("{found} of {all} {} not pulled from the destination", are(found)))
        .hint(format!("change the destinations in `{}`, or the manifests with `wasm-airgap mirror values` or `mirror kustomize`", list.name())))
}

/// Writes the files of containerd into a folder.
fn write_hosts(list: &MirrorList, args: &PolicyArgs, context: &Context) -> Result<Vec<Unreached>> {
    let Some(output) = &args.output else {
        return Err(Error::usage("containerd needs a file for each registry")
            .hint("name the folder for them: `-o certs.d`"));
    };
    let hosts = containerd::hosts(list, args.ca.as_deref());
    let root = RootedPath::from_trusted(context.path(output));
    for (folder, text) in &hosts.files {
        let path = root.join(folder).join("hosts.toml");
        let name = output.join(folder).join("hosts.toml");
        let file = OwnFile {
            place: &path,
            name: &name,
            header: containerd::HEADER,
            command: "mirror policy",
            hint: "name another folder with `-o`, and copy the files that you need from it",
        };
        file.write(text)?;
    }
    let folders = count(hosts.files.len(), "registry");
    context.report.say(&format!("{}: hosts.toml for {folders}", output.display()));
    if context.report.is_json() {
        let (files, unreached) = (&hosts.files, &hosts.unreached);
        context.report.json(&json!({ "files": files, "unreached": unreached }))?;
    }
    Ok(hosts.unreached)
}

/// Writes or prints a mirror set of OpenShift.
fn write_mirrors(
    list: &MirrorList,
    set: MirrorSet,
    args: &PolicyArgs,
    context: &Context,
) -> Result<Vec<Unreached>> {
    if args.ca.is_some() {
        return Err(Error::usage("`--ca` is for containerd").hint(
            "OpenShift has the certificates of registries in `image.config.openshift.io/cluster`",
        ));
    }
    let made = openshift::mirrors(list, set);
    let text = yaml::block(&made.resource);
    if let Some(output) = &args.output {
        output::write_named(output, &text, [&args.list], context)?;
    }
    let (images, other) = (count(made.others, "image"), are(made.others));
    match (made.others, set) {
        (0, _) => {}
        (_, MirrorSet::Digest) => context.report.warn(&format!(
            "{images} {other} in the list by tag alone: this set is for pulls by digest, and `--format itms` writes the one for tags"
        )),
        (_, MirrorSet::Tag) => context.report.warn(&format!(
            "{images} {other} in the list by digest alone: this set is for pulls by tag, and `--format idms` writes the one for digests"
        )),
    }
    match (context.report.is_json(), &args.output) {
        (true, _) => {
            let (resource, unreached) = (&made.resource, &made.unreached);
            context.report.json(&json!({ "resource": resource, "unreached": unreached }))?;
        }
        (false, Some(output)) => context.report.say(&format!("wrote `{}`", output.display())),
        (false, None) => context.report.content(&text)?,
    }
    Ok(made.unreached)
}
