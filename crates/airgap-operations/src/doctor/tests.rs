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
        vendor_all: "@r//tools/vendor:vendor_all",
        environment: &environment,
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
    let found = judged(Vec::new(), 1, stderr);
    assert_eq!(subjects(&found.items), ["the helper wasm-airgap", "@@other~1~x"]);
    assert!(found.items[0].fix.contains("bazel run @r//tools/vendor:helper"));
}
