//! Links: attempts of archives to leave the tree.

use airgap_core::artifact::{ArchiveType, Strip};

use crate::archives::{Tar, Zip};
use crate::unpacking::Unpacking;

#[track_caller]
fn refused(tar: Tar, words: &[&str]) {
    Unpacking::new(ArchiveType::TarGz, &tar.gz()).refused(words);
}

#[test]
fn symbolic_links_out_of_the_tree_are_refused() {
    for (target, reason) in [
        ("/etc/passwd", "absolute"),
        ("../canary", "leads out of the tree"),
        ("..", "leads out of the tree"),
        ("d/../../canary", "leads out of the tree"),
        ("C:/canary", "colon"),
        ("..\\canary", "backslash"),
        ("", "empty"),
        ("nul", "device"),
        ("../../../../../../../../../../etc/passwd", "leads out of the tree"),
    ] {
        let tar = Tar::new().file("d/f", "x").symlink("link", target);
        refused(tar, &["`link`", "it is a link to", reason]);
        let zip = Zip::new().file("d/f", "x").with("link", 0o120_777, target, |_| {});
        Unpacking::new(ArchiveType::Zip, &zip.bytes()).refused(&["`link`", reason]);
    }
}

#[test]
fn writing_through_a_symbolic_link_is_refused() {
    let link = || Tar::new().file("d/f", "x").symlink("link", "d");
    refused(link().file("link/g", "y"), &["`link/g`", "`link` in its path is a link"]);
    refused(link().file("link", "y"), &["twice"]);
    refused(link().folder("link/sub/"), &["is a link, not a folder"]);
    refused(link().symlink("link/up", "f"), &["is a link, not a folder"]);
    // If the link comes last, a folder with its name exists already.
    let tar = Tar::new().file("link/g", "y").symlink("link", "d").file("d/f", "x");
    refused(tar, &["a folder of this name"]);
    let zip = Zip::new().with("link", 0o120_777, "..", |_| {}).file("link/canary", "dead");
    Unpacking::new(ArchiveType::Zip, &zip.bytes()).refused(&["a folder of this name"]);
}

#[test]
fn dangling_and_cyclic_symbolic_links_are_refused() {
    refused(Tar::new().file("a", "x").symlink("l", "b"), &["`b`, which is not in the archive"]);
    refused(Tar::new().file("a", "x").symlink("l", "A"), &["not in the archive"]);
    refused(Tar::new().file("a", "x").symlink("l", "no/../a"), &["not in the archive"]);
    refused(Tar::new().file("a", "x").symlink("l", "l"), &["circle"]);
    refused(Tar::new().symlink("a", "b").symlink("b", "a"), &["circle"]);
    refused(Tar::new().file("a", "x").symlink("l", "a/b"), &["not a folder"]);
    refused(Tar::new().file("a", "x").symlink("l", "a/."), &["not a folder"]);
    refused(Tar::new().file("a", "x").symlink("l", "a/.."), &["not a folder"]);
}

#[test]
fn links_that_lead_out_through_other_links_are_refused() {
    // As text, `d/up/../f` is `d/f`; followed, it is in the parent of the target of `d/up`.
    let tar = Tar::new().file("d/f", "x").symlink("d/up", "../e/deep").folder("e/deep/");
    refused(tar.clone().symlink("link", "d/up/../f"), &["`link`", "is not in the archive"]);
    refused(tar.symlink("link", "d/up/g"), &["`link`", "is not in the archive"]);
    // Each link alone stays inside, and together they leave the tree.
    let tar = Tar::new().file("a/b/f", "x").symlink("up", "a/b").symlink("a/b/top", "../..");
    for target in ["up/../../..", "a/b/top/..", "up/top/a/../..", "up/top/../canary"] {
        refused(tar.clone().symlink("link", target), &["`link`", "leads out of the tree"]);
    }
    let tar = Tar::new().file("f", "x").symlink("l", "f");
    refused(tar.clone().symlink("m", "l/f"), &["goes through an entry that is not a folder"]);
    refused(tar.symlink("m", "l//"), &["goes through an entry that is not a folder"]);
    let cyclic = Tar::new().file("f", "x").symlink("a", "b/f").symlink("b", "a/..");
    refused(cyclic, &["circle"]);
}

#[test]
fn links_through_linked_folders_resolve_as_on_disk() {
    let tar = Tar::new()
        .file("F/Versions/A/Headers/x.h", "x")
        .symlink("F/Versions/Current", "A")
        .symlink("F/Headers", "Versions/Current/Headers")
        .symlink("x.h", "F//Headers/./x.h")
        // As text, this is `F/Versions/..`; followed, it is the parent of `A/Headers`.
        .symlink("up", "F/Headers/..")
        .symlink("late", "up/Headers/x.h")
        .hard_link("again", "late");
    // A second name of a link, in another folder, leads to another path.
    refused(tar.clone().hard_link("d/again", "late"), &["`d/again`", "is not in the archive"]);
    let unpacking = Unpacking::new(ArchiveType::TarGz, &tar.gz());
    let tree = unpacking.tree();
    assert_eq!(tree["F/Headers"], "-> Versions/Current/Headers");
    assert_eq!(tree["again"], "-> up/Headers/x.h");
    for link in ["x.h", "late", "again", "up/Headers/x.h"] {
        assert_eq!(std::fs::read(unpacking.destination().join(link)).unwrap(), b"x", "{link}");
    }
}

#[test]
fn long_chains_are_followed_and_the_steps_counted() {
    let mut chain = Tar::new().file("f", "x");
    for n in 0..5000 {
        chain = chain.symlink(&format!("l{n}"), &format!("l{}", n + 1));
    }
    let whole = chain.clone().symlink("l5000", "f").gz();
    assert_eq!(Unpacking::new(ArchiveType::TarGz, &whole).tree()["l0"], "-> l1");
    refused(chain.symlink("l5000", "l0"), &["circle"]);

    // One name in a target is one step, and `.` is not a step.
    let mut dots = Tar::new().file("d/f", "x");
    let mut bomb = dots.clone();
    for n in 0..1000 {
        dots =
            dots.pax("linkpath", format!("{}f", "./".repeat(500))).symlink(&format!("d/{n}"), "");
    }
    Unpacking::new(ArchiveType::TarGz, &dots.gz()).tree();
    for n in 0..12_000 {
        bomb = bomb
            .pax("linkpath", format!("{}f", "../d/".repeat(200)))
            .symlink(&format!("d/{n}"), "");
    }
    refused(bomb, &["too many steps", "4000000"]);
}

#[test]
fn a_link_that_leads_out_after_the_strip_is_refused() {
    let tar = Tar::new().file("top/f", "x").symlink("top/bin/link", "../../top/f").gz();
    Unpacking::new(ArchiveType::TarGz, &tar).tree();
    for strip in [Strip::TopFolder, Strip::Prefix("top".to_owned())] {
        Unpacking::new(ArchiveType::TarGz, &tar).strip(strip).refused(&["leads out of the tree"]);
    }
}

#[test]
fn hard_links_to_other_than_earlier_files_are_refused() {
    let file = || Tar::new().file("d/f", "x");
    for (target, reason) in [
        ("/etc/passwd", "not a path in the tree"),
        ("../canary", "not a path in the tree"),
        ("d/../../canary", "not a path in the tree"),
        ("later", "does not come before it"),
        ("d", "not a regular file"),
        ("", "not a path in the tree"),
        (".", "not a regular file"),
    ] {
        let tar = file().symlink("link", "d/f").hard_link("hard", target).file("later", "y");
        refused(tar, &["`hard`", "it is a hard link to", reason]);
    }
    let outside = Tar::new().file("other/f", "x").folder("sdk/").hard_link("sdk/f", "other/f");
    Unpacking::new(ArchiveType::TarGz, &outside.gz())
        .strip(Strip::Prefix("sdk".to_owned()))
        .refused(&["is not below"]);
}
