//! The files in the folder, and the time at which they appear.

use std::fs;
use std::sync::Barrier;
use std::thread;

use airgap_core::digest::Digest;
use airgap_core::error::ErrorKind;
use airgap_core::report::Item;
use airgap_http::Download;

use crate::server::{Reply, Server};
use crate::{BODY, Case, says};

#[test]
fn sixteen_writers_of_one_file_all_succeed() {
    let bytes: Vec<u8> = (0..400_000_u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
    let server = Server::start({
        let bytes = bytes.clone();
        // Every third answer is cut, so that there are partial files to compete for.
        move |request| match request.nth % 3 {
            0 => Reply::file(request, &bytes, "\"1\"").cut_at(150_000),
            _ => Reply::file(request, &bytes, "\"1\""),
        }
    });
    let case = Case::new();
    let (barrier, urls) = (Barrier::new(16), [server.url("/")]);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let client = case.client().unwrap();
                barrier.wait();
                let request = Download {
                    subject: "tool",
                    urls: &urls,
                    expected: &Digest::compute(&bytes),
                    destination: &case.place(),
                };
                let verified = client.download(&request, &Item::hidden());
                assert_eq!(verified.unwrap_or_else(|error| panic!("{error}")).size(), 400_000);
            });
        }
    });
    assert!(fs::read(case.destination()).unwrap() == bytes);
    assert_eq!(case.names(), ["tool.tar.gz"]);
}

#[test]
fn one_client_serves_many_threads_over_few_connections() {
    let server = Server::start(|_| Reply::ok(BODY));
    let case = Case::new();
    let client = case.client().unwrap();
    thread::scope(|scope| {
        for thread in 0..8 {
            let (case, client, server) = (&case, &client, &server);
            scope.spawn(move || {
                for file in 0..8 {
                    let name = format!("{thread}-{file}");
                    let request = Download {
                        subject: "tool",
                        urls: &[server.url(&format!("/{name}"))],
                        expected: &Digest::compute(BODY),
                        destination: &case.place().with_name(&name),
                    };
                    client.download(&request, &Item::hidden()).unwrap();
                }
            });
        }
    });
    assert_eq!(case.names().len(), 64);
}

#[cfg(unix)]
#[test]
fn the_file_has_mode_0644() {
    use std::os::unix::fs::PermissionsExt;

    let server = Server::start(|_| Reply::ok(BODY));
    let case = Case::new();
    case.succeed(&[&server.url("/")]);
    let mode = fs::metadata(case.destination()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
}

#[test]
fn a_destination_that_cannot_be_written_is_named() {
    let server = Server::start(|_| Reply::ok(BODY));
    let case = Case::new();
    fs::write(case.folder.path().join("out"), "a file where a folder should be").unwrap();
    let error = case.fail(&[&server.url("/")]);
    assert_eq!(error.kind(), ErrorKind::Failed);
    says(&error, &["create the folder", "out"]);
    assert!(server.requests().is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_no_finished_file_and_the_next_run_resumes() {
    let bytes = vec![7; 3 << 20];
    let server = Server::start({
        let bytes = bytes.clone();
        move |request| Reply::file(request, &bytes, "\"1\"")
    });
    let case = Case::new();
    let out = case.destination().parent().unwrap().to_owned();
    fs::create_dir(&out).unwrap();
    let Some(disk) = SmallDisk::mount(&out, "size=2m") else {
        say_skipped("only root can mount a small disk; the pipe's own test covers the error");
        return;
    };
    let error = case.get_bytes(&[&server.url("/")], &bytes).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Failed);
    says(&error, &[&out.display().to_string(), "No space left", "free some space"]);
    assert!(!case.destination().exists());
    disk.mount_option("remount,size=8m");
    case.get_bytes(&[&server.url("/")], &bytes).unwrap();
    assert_eq!(case.names(), ["tool.tar.gz"]);
    let range = server.headers("range")[1].clone();
    assert!(range.is_some(), "it went on where it stopped");
}

#[cfg(target_os = "linux")]
#[expect(clippy::print_stderr, reason = "a skipped test must not look like a passed one")]
fn say_skipped(why: &str) {
    eprintln!("skipped: {why}");
}

/// A file system in memory, unmounted when dropped.
#[cfg(target_os = "linux")]
struct SmallDisk<'a>(&'a std::path::Path);

#[cfg(target_os = "linux")]
impl SmallDisk<'_> {
    fn mount<'a>(at: &'a std::path::Path, option: &str) -> Option<SmallDisk<'a>> {
        let disk = SmallDisk(at);
        disk.mount_option(option).then_some(disk)
    }

    fn mount_option(&self, option: &str) -> bool {
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", option, "tmpfs"]).arg(self.0);
        mount.stderr(std::process::Stdio::null()).status().is_ok_and(|status| status.success())
    }
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(self.0).status();
    }
}
