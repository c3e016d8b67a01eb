use super::*;

fn item(kind: &'static str, subject: &str, status: Status) -> Item {
    let mut item = Item::ok(kind, subject, subject.to_owned(), "here".to_owned());
    item.status = status;
    item
}

fn judged(items: Vec<Item>, code: i32, stderr: &str) -> Diagnosis {
    let mut diagnosis = Diagnosis { items, ..Diagnosis::default() };
    let environment = Environment::from_pairs(&[], "/");
    let examination = Examination {
        root: Path::new("/ws"),
        targets: &["//...".to_owned()],
        configs: &[],
        platforms: &Platforms::All,
        bazel: None,
        layouts: &[],
        vendor_all: "@r//tools/vendor:vendor_all",
        environment: &environment,
        report: &Report::quiet(),
    };
    let answer = Answer { code: Some(code), stdout: String::new(), stderr: stderr.to_owned() };
    diagnosis.judge(&answer, &examination);
    diagnosis
}

fn subjects(items: &[Item]) -> Vec<&str> {
    items.iter().map(|item| item.subject.as_str()).collect()
}

#[test]
fn items_that_a_build_does_not_need_are_not_missing() {
    let items =
        || vec![item("wit", "a:b@1.0.0", Status::Missing), item("tool", "c 1", Status::Missing)];
    let fine = judged(items(), 0, "");
    assert!(fine.is_fine() && fine.not_asked_for.len() == 2);
    // An error that names one of them: the build did not come to the other.
    let named = judged(items(), 1, "ERROR: cannot find c 1, neither");
    assert_eq!(subjects(&named.items), ["c 1"]);
    assert_eq!(named.failure().unwrap().kind(), ErrorKind::Unavailable);
    // An error that names none: each may be the reason, and the error is said.
    let unclear = judged(items(), 1, "ERROR: something else\n");
    assert_eq!(subjects(&unclear.items), ["a:b@1.0.0", "c 1", "//..."]);
    assert!(unclear.items[2].why.contains("something else"));
}

#[test]
fn a_failed_build_or_wrong_file_is_not_fine() {
    let unexplained = judged(vec![item("tool", "c 1", Status::Ok)], 1, "");
    assert!(!unexplained.is_fine());
    // A wrong file counts, also if the build does not need it.
    let wrong = judged(vec![item("tool", "c 1", Status::Wrong)], 0, "");
    assert_eq!(wrong.failure().unwrap().kind(), ErrorKind::Integrity);
    let mut unseen = Diagnosis::default();
    assert!(unseen.is_fine());
    unseen.unseen("everything", "no bazel");
    assert_eq!(unseen.failure().unwrap().kind(), ErrorKind::Unavailable);
}

#[test]
fn repositories_of_others_and_the_helper_are_named() {
    let stderr = "ERROR: no such package '@@other~1~x//': it failed\n\
                  ERROR: no such package '@@r~~wasm_helper~wasm_airgap_helper//': no cargo\n\
                  ERROR: no such package '@@r~~wasm_toolchains~wasm_toolchains_c//': it failed\n";
    // Bazel 7 separates the parts of a canonical name by `~`, later releases by `+`.
    for separator in ["~", "+"] {
        let found = judged(Vec::new(), 1, &stderr.replace('~', separator));
        let other = "@@other~1~x".replace('~', separator);
        assert_eq!(subjects(&found.items), ["the helper wasm-airgap", &other]);
        assert!(found.items[0].fix.contains("bazel run @r//tools/vendor:helper"));
    }
}

/// The rules whose messages and names `doctor` recognizes.
const RULES: [&str; 5] = [
    include_str!("../../../../bazel/private/pinned_helper.bzl"),
    include_str!("../../../../bazel/helper.bzl"),
    include_str!("../../../../bazel/toolchains.bzl"),
    include_str!("../../../../bazel/wit.bzl"),
    include_str!("../../../../bazel/components.bzl"),
];

#[test]
fn the_rules_use_the_words_and_names_that_are_recognized() {
    let [pinned, helper, others @ ..] = RULES;
    assert!(pinned.contains(&format!("\"{WRONG_HELPER}\\n\"")));
    assert!(pinned.contains(&format!("\"{{}}{NOT_THERE}\".format(file)")));
    assert!(helper.contains(&format!("helper_repo(name = \"{HELPER_REPOSITORY}\"")));
    let extensions: Vec<_> = [helper].into_iter().chain(others).collect();
    let defined = |name: &str| {
        let line = format!("\n{name} = module_extension(");
        extensions.iter().filter(|file| file.contains(&line)).count()
    };
    assert_eq!(EXTENSIONS.map(defined), [1; 4]);
    let all = extensions.iter().map(|file| file.matches("module_extension(").count());
    assert_eq!(all.sum::<usize>(), EXTENSIONS.len(), "an extension that doctor does not know");
}

#[test]
fn a_helper_with_other_bytes_is_wrong_and_an_absent_one_is_missing() {
    let failed = "no such package '@@r~~wasm_helper~wasm_airgap_helper//'";
    let found = |words: &str| {
        let stderr = format!("error: {words}\nERROR: {failed}: {words}\n");
        judged(Vec::new(), 1, &stderr).items.remove(0)
    };
    assert_eq!(found(WRONG_HELPER).status, Status::Wrong);
    let absent = found("the pinned helper was not found:\n  /v/wasm-airgap: not there");
    assert_eq!(absent.status, Status::Missing);
    assert_eq!(absent.looked_in, ["/v/wasm-airgap: not there"]);
}

#[test]
fn an_archive_of_the_lock_is_named_once_and_only_if_the_build_needs_it() {
    let url = "https://r.example/x.zip";
    let items = || vec![item("archive", url, Status::Missing)];
    assert!(judged(items(), 0, "").is_fine());
    let git = judged(vec![item("git", "https://r.example/g.git (g)", Status::Network)], 0, "");
    assert_eq!(subjects(&git.not_asked_for), ["https://r.example/g.git (g)"]);
    let stderr = format!(
        "ERROR: no such package '@@t~~x~x//': java.io.IOException: Error downloading [{url}] to /o\n"
    );
    let named = judged(items(), 1, &stderr);
    assert_eq!(subjects(&named.items), [url]);
    assert_eq!(named.failure().unwrap().kind(), ErrorKind::Unavailable);
    assert_eq!(subjects(&judged(Vec::new(), 1, &stderr).items), ["@@t~~x~x"]);
}

#[test]
fn the_paths_in_commands_are_quoted() {
    let environment = Environment::from_pairs(&[], "/");
    let examination = Examination {
        root: Path::new("/ws"),
        targets: &["//a b/...".to_owned()],
        configs: &[],
        layouts: &[],
        platforms: &Platforms::All,
        bazel: None,
        vendor_all: "@r//tools/vendor:vendor_all",
        environment: &environment,
        report: &Report::quiet(),
    };
    assert_eq!(
        examination.fetch_command(Some(Path::new("/ws/my cache"))),
        "bazel fetch --force --repository_cache='my cache' '//a b/...'"
    );
}

#[test]
fn a_bazel_that_does_not_answer_is_not_fine() {
    let mut hung = Diagnosis::default();
    hung.add_failure(Err(Error::new(ErrorKind::Failed, "it did not end within its time"))).unwrap();
    assert_eq!(hung.failure().unwrap().kind(), ErrorKind::Unavailable);
    assert!(Diagnosis::default().add_failure(Err(Error::usage("x"))).is_err());
}
