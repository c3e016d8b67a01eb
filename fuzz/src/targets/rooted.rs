//! Paths below a root that contains hostile links.

use std::fs;
use std::os::unix::fs::symlink;

use airgap_core::listing::{Disk, Listing};
use airgap_core::rooted::RootedPath;
use airgap_core::store::write_atomically;

use crate::{text, words};

/// Writes files at paths below a root, one in each line.
pub fn rooted(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let sandbox = tempfile::tempdir().expect("create a sandbox");
    let (root, outside) = (sandbox.path().join("root"), sandbox.path().join("outside"));
    for folder in [&root, &root.join("in"), &outside] {
        fs::create_dir(folder).expect("create a folder");
    }
    fs::write(outside.join("canary"), "alive").expect("write the canary");
    for (target, link) in [
        ("..", "up"),
        ("../outside", "etc"),
        ("../outside/canary", "file"),
        ("../outside/new", "dangling"),
        ("../../outside", "in/a"),
    ] {
        symlink(target, root.join(link)).expect("create a link");
    }
    for line in text.split('\n').take(16) {
        let path = RootedPath::from_trusted(&root).join(line);
        let _ = (path.name(), path.parent(), Disk.state(&path));
        if let Err(error) = write_atomically(&path, b"new") {
            words(&error);
        }
    }
    let list = |folder| {
        let entries = fs::read_dir(folder).expect("list the sandbox");
        let mut names: Vec<_> = entries.map(|it| it.expect("list it").file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(list(&outside), ["canary"], "something was written through a link");
    assert_eq!(
        list(&sandbox.path().to_owned()),
        ["outside", "root"],
        "something is beside the root"
    );
    let canary = fs::read(outside.join("canary")).expect("the canary is there");
    assert_eq!(canary, b"alive", "the canary was changed");
}
