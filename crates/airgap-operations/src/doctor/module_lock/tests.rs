use super::*;

use serde_json::json;

/// The file of the rules `http_archive` and `http_file`.
const HTTP: &str = "@@bazel_tools//tools/build_defs/repo:http.bzl";

/// Writes a file into a repository cache, and returns its digest.
fn cached(cache: &Path, bytes: &[u8]) -> String {
    let digest = Digest::compute(bytes).to_string();
    let folder = cache.join("content_addressable/sha256").join(&digest);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("file"), bytes).unwrap();
    digest
}

fn states(lock: &Value, cache: &Path, distdirs: &[PathBuf]) -> Vec<(String, Status)> {
    let places = Places {
        root: cache,
        distdirs,
        repository_cache: Some(cache),
        vendor_dir: None,
        fix: "bazel fetch //...",
    };
    let found = examine_text(&lock.to_string(), &places);
    assert!(found.unseen.is_empty(), "{:?}", found.unseen);
    found.items.into_iter().map(|item| (item.subject, item.status)).collect()
}

/// Writes a cache with all files of a lock, and returns the lock and the digests by URL.
fn complete(cache: &Path, version: u64) -> (Value, Vec<(&'static str, String)>) {
    let module = cached(cache, b"the archive of a module");
    let sri = "sha256-TukNyMK/BNi2pkWCPGCh0Qk5LL+ggWgOUHCcXxQ7kYE=";
    let patch = cached(cache, b"a patch of the registry");
    let source = json!({"url": "https://r.example/m.tar.gz", "integrity": sri, "strip_prefix": "",
        "patches": {"a.patch": sri_of(&patch)}, "patch_strip": 1});
    let source = source.to_string().replace(sri, &sri_of(&module));
    let source = cached(cache, source.as_bytes());
    let archive = cached(cache, b"an archive");
    let rule = match version {
        ..16 => json!({"bzlFile": HTTP, "ruleClassName": "http_archive"}),
        _ => json!({"repoRuleId": format!("{HTTP}%http_archive")}),
    };
    let mut spec = rule;
    // Locks have both forms, with the attributes as the extension wrote them.
    spec["attributes"] = match version {
        ..16 => json!({"add_prefix": "", "url": "https://r.example/x.zip", "sha256": archive}),
        _ => json!({"urls": ["https://r.example/x.zip"], "sha256": archive, "strip_prefix": "x/"}),
    };
    let inputs = match version {
        ..26 => json!({"recordedFileInputs": {}, "recordedDirentsInputs": {}, "envVariables": {},
            "recordedRepoMappingEntries": [["", "bazel_tools", "bazel_tools"]]}),
        _ => json!({"recordedInputs": ["REPO_MAPPING:,bazel_tools bazel_tools"]}),
    };
    let mut evaluated = inputs;
    evaluated["bzlTransitiveDigest"] = json!("ebQBqyx8jAJfcXT4oh+CPena0OymKG+bFhOlZ+o7rXg=");
    evaluated["moduleExtensionMetadata"] = json!({"useAllRepos": "NO", "reproducible": false});
    evaluated["generatedRepoSpecs"] = json!({"x": spec,
        "local": {"bzlFile": "@@t//:local.bzl", "ruleClassName": "local", "attributes": {}}});
    let platform = if version == 13 { "os:linux,arch:amd64" } else { "general" };
    let lock = json!({
        "lockFileVersion": version,
        "registryFileHashes": {
            "https://r.example/modules/m/1/MODULE.bazel": null,
            "https://r.example/modules/m/1/source.json": source,
        },
        "selectedYankedVersions": {},
        "moduleExtensions": {"@@t+//:x.bzl%x": {platform: evaluated}},
        "facts": {"@@go+//go:extensions.bzl%sdk": {"1.25.0": {"linux": ["go.tar.gz", "00"]}}},
    });
    let files = vec![
        ("https://r.example/m.tar.gz", module),
        ("https://r.example/modules/m/1/patches/a.patch", patch),
        ("https://r.example/modules/m/1/source.json", source),
        ("https://r.example/x.zip", archive),
    ];
    (lock, files)
}

/// Returns the checksum in the form of Subresource Integrity.
fn sri_of(hex: &str) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: String = hex.chars().map(|c| format!("{:04b}", c.to_digit(16).unwrap())).collect();
    let bits = format!("{bits}00");
    let digit =
        |at: usize| char::from(DIGITS[usize::from_str_radix(&bits[at..at + 6], 2).unwrap()]);
    let digits: String = (0..bits.len()).step_by(6).map(digit).collect();
    format!("sha256-{digits}=")
}

#[test]
fn each_file_of_a_lock_is_named_if_it_is_taken_away_or_changed() {
    for version in [11, 13, 16, 18, 24, 26] {
        let folder = tempfile::tempdir().unwrap();
        let (lock, files) = complete(folder.path(), version);
        let fine = states(&lock, folder.path(), &[]);
        assert_eq!(fine.len(), 4, "{fine:?}");
        assert!(fine.iter().all(|(_, status)| *status == Status::Ok), "{fine:?}");
        for (url, digest) in &files {
            let file = folder.path().join("content_addressable/sha256").join(digest).join("file");
            let bytes = std::fs::read(&file).unwrap();
            let named = || {
                let all = states(&lock, folder.path(), &[]).into_iter();
                all.filter(|(_, status)| *status != Status::Ok).collect::<Vec<_>>()
            };
            std::fs::remove_file(&file).unwrap();
            // The files that a lost source.json names are unknown.
            assert_eq!(named(), [((*url).to_owned(), Status::Missing)]);
            std::fs::write(&file, b"other").unwrap();
            assert_eq!(named(), [((*url).to_owned(), Status::Wrong)]);
            std::fs::write(&file, bytes).unwrap();
        }
    }
}

#[test]
fn a_distdir_gives_archives_and_its_other_files_are_not_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, dist) = (folder.path().join("cache"), folder.path().join("dist"));
    std::fs::create_dir_all(&dist).unwrap();
    let (lock, files) = complete(&cache, 26);
    std::fs::remove_dir_all(cache.join("content_addressable/sha256").join(&files[3].1)).unwrap();
    let state = || {
        let all = states(&lock, &cache, std::slice::from_ref(&dist));
        all.into_iter().find(|(url, _)| url.ends_with("x.zip")).unwrap().1
    };
    std::fs::write(dist.join("x.zip"), b"an archive").unwrap();
    assert_eq!(state(), Status::Ok);
    std::fs::write(dist.join("x.zip"), b"another archive").unwrap();
    assert_eq!(state(), Status::Missing);
}

#[test]
fn archives_without_checksum_are_unpinned_and_clones_need_the_network() {
    let folder = tempfile::tempdir().unwrap();
    let spec =
        |rule: &str, attributes: Value| json!({"repoRuleId": rule, "attributes": attributes});
    let specs = json!({
        "a": spec("@@t//:http.bzl%http_file", json!({"url": "https://r.example/a"})),
        "g": spec("@@t//:git.bzl%git_repository", json!({"remote": "https://r.example/g.git"})),
        "h": spec("@@t//:sdk.bzl%sdk", json!({"urls": ["https://r.example/{}.tar.xz"]})),
        "l": spec("@@t//:local.bzl%local", json!({"path": "x", "urls": 7})),
    });
    let lock = json!({"lockFileVersion": 24,
        "moduleExtensions": {"//:x.bzl%x": {"general": {"generatedRepoSpecs": specs}}}});
    let expected = [
        ("https://r.example/a".to_owned(), Status::Unpinned),
        ("https://r.example/g.git (g)".to_owned(), Status::Network),
    ];
    assert_eq!(states(&lock, folder.path(), &[]), expected);
}

#[test]
fn a_lock_that_cannot_be_read_is_not_fine() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places {
        root: folder.path(),
        distdirs: &[],
        repository_cache: None,
        vendor_dir: None,
        fix: "",
    };
    assert!(examine(&places).unseen.is_empty());
    assert!(examine_text("{}", &places).unseen.is_empty());
    let deep = "[".repeat(100_000);
    let locks = [
        "",
        "[]",
        "{\"lockFileVersion\": 6, \"moduleDepGraph\": {}}",
        "{\"lockFileVersion\": 999}",
        "{\"lockFileVersion\": 26, \"registryFileHashes\": 3}",
        "{\"lockFileVersion\": 26, \"registryFileHashes\": {\"https://a/b\": \"sha512-x\"}}",
        deep.as_str(),
    ];
    for lock in locks {
        let found = examine_text(lock, &places);
        assert!(
            found.items.is_empty() && found.unseen.len() + found.unhashed.len() == 1,
            "{lock:.60}: {found:?}"
        );
    }
    // A path in a URL does not leave the folders.
    let hostile = json!({"lockFileVersion": 26,
        "registryFileHashes": {"https://a/../../x": Digest::compute(b"x").to_string()}});
    let found = examine_text(&hostile.to_string(), &places);
    assert_eq!(found.items[0].status, Status::Missing);
}
