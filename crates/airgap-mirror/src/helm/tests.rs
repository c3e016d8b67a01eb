//! Tests with small scripts in place of Helm. Tests with the real Helm are in `tests/`.

use std::io::Write;
use std::process::Stdio;

use super::*;

/// A folder with a script named `helm`. Another process writes it: a file that this process has
/// open for writing may be busy in a program that another test has started meanwhile.
struct Fake(tempfile::TempDir);

impl Fake {
    fn new(template: &str) -> Fake {
        Fake::with_version("v4.1.4+g05fa379", template)
    }

    fn with_version(version: &str, template: &str) -> Fake {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("helm").display().to_string();
        let script = format!(
            "#!/bin/sh\nif [ \"$1\" = version ]; then echo '{version}'; exit; fi\n{template}\n"
        );
        let mut writer = Command::new("/bin/sh")
            .args(["-c", r#"cat >"$1" && chmod 755 "$1""#, "sh", &file])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        writer.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        assert!(writer.wait().unwrap().success());
        Fake(folder)
    }

    fn environment(&self) -> Environment {
        let path = format!("{}:/usr/bin:/bin", self.0.path().display());
        let secret = ("HELM_REGISTRY_CONFIG", "/home/me/secret");
        Environment::from_pairs(&[("PATH", &path), ("HOME", "/home/me"), secret], "/")
    }

    fn helm(&self) -> Helm {
        Helm::find(&self.environment(), None).unwrap().unwrap()
    }

    fn render(&self, options: &RenderOptions) -> Result<Rendered> {
        self.helm().render(Path::new("/charts/web"), "web", options)
    }
}

#[test]
fn helm_is_found_on_path_or_where_it_is_named() {
    let fake = Fake::new("");
    assert_eq!(fake.helm().version(), "4.1.4");
    let nothing = Environment::from_pairs(&[("PATH", "/no/such/folder")], "/");
    assert!(Helm::find(&nothing, None).unwrap().is_none());
    let named = fake.0.path().join("helm");
    assert_eq!(Helm::find(&nothing, Some(&named)).unwrap().unwrap().version(), "4.1.4");
    let error = Helm::find(&nothing, Some(Path::new("helm5"))).unwrap_err();
    assert!(error.to_string().contains("no `helm5` on PATH"), "{error}");
    let error = Helm::find(&nothing, Some(Path::new("/no/helm"))).unwrap_err();
    assert!(
        error.to_string().contains("`/no/helm`") && error.kind() == ErrorKind::Usage,
        "{error}"
    );
}

#[test]
fn other_versions_and_programs_are_refused() {
    for (answer, found) in [
        ("Client: v2.17.0+ga690bad", "2.17.0"),
        ("v5.0.0", "5.0.0"),
        ("helm-unittest", "helm-unittest"),
        ("", "exit status: 0"),
    ] {
        let fake = Fake::with_version(answer, "");
        let error = Helm::find(&fake.environment(), None).unwrap_err().to_string();
        assert!(error.contains("Helm 3 or 4") && error.contains(found), "{error}");
    }
    assert_eq!(Fake::with_version("v3.14.0+gc309b6f", "").helm().version(), "3.14.0");
}

#[test]
fn helm_gets_the_options_and_a_clean_environment() {
    let fake = Fake::new(r#"printf '%s\n' "$@"; cat values-*; env; pwd"#);
    let options = RenderOptions {
        values: vec![ValuesFile { name: "a,b.yaml".to_owned(), text: "from: file\n".to_owned() }],
        set: vec!["a=1,b=2".to_owned()],
        set_string: vec!["c=3".to_owned()],
        kube_version: Some("1.33.0".to_owned()),
        api_versions: vec!["x/v1".to_owned(), "y/v1".to_owned()],
        namespace: Some("apps".to_owned()),
    };
    let text = fake.render(&options).unwrap().text;
    for line in [
        "template",
        "/charts/web",
        "--namespace=apps",
        "--set=a=1,b=2",
        "--set-string=c=3",
        "--kube-version=1.33.0",
        "--api-versions=x/v1",
        "--api-versions=y/v1",
        "from: file",
        "HTTPS_PROXY=http://127.0.0.1:9",
    ] {
        assert!(text.lines().any(|it| it == line), "{line} in {text}");
    }
    assert!(!text.contains("/home/me") && !text.contains("a,b.yaml"), "{text}");
    let room = text.lines().last().unwrap();
    assert!(text.contains(&format!("HOME={room}\n")), "{text}");
    assert!(text.contains(&format!("KUBECONFIG={room}/kubeconfig\n")), "{text}");
    assert!(!std::fs::exists(room).unwrap());
}

#[test]
fn messages_name_the_files_of_the_user_and_have_no_escapes() {
    let fake = Fake::new(
        r#"printf 'warning: x\nError: cannot load %s: \033[31mbad\n' "$PWD/values-0.yaml" >&2
        printf 'execution error at (web/templates/pod.yaml:3:5): no tag\n' >&2
        printf 'Use --debug flag to render out invalid YAML\n' >&2; exit 1"#,
    );
    let values = vec![ValuesFile { name: "mine.yaml".to_owned(), text: String::new() }];
    let error = fake.render(&RenderOptions { values, ..Default::default() }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    let text = error.to_string();
    assert!(text.starts_with("Helm does not render chart `web`"), "{text}");
    for words in
        ["cannot load mine.yaml", "web/templates/pod.yaml:3:5", "no tag", "--set KEY=VALUE"]
    {
        assert!(text.contains(words), "{text}");
    }
    assert!(!text.contains(['\u{1b}']) && !text.contains("--debug"), "{text}");
    let silent = Fake::new("exit 7").render(&RenderOptions::default()).unwrap_err();
    assert!(silent.to_string().contains("exit status: 7"), "{silent}");
}

#[test]
fn a_chart_over_a_limit_is_an_error() {
    let render = |script: &str| {
        let fake = Fake::new(script);
        let helm = fake.helm().with_limits(|limits| {
            limits.time = Duration::from_secs(2);
            limits.stdout = 1 << 20;
        });
        helm.render(Path::new("/charts/web"), "web", &RenderOptions::default()).unwrap_err()
    };
    for (script, words) in [
        ("exec sleep 600", "did not finish within 2s"),
        ("exec yes image", "more than 1 MiB"),
        ("echo 'fatal error: runtime: cannot allocate memory' >&2; exit 2", "2048 MiB of memory"),
    ] {
        let error = render(script);
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(error.kind(), ErrorKind::Usage);
    }
}

#[test]
fn a_schema_on_the_web_is_not_checked_and_warned_about() {
    let fake = Fake::new(
        r#"case "$*" in *--skip-schema-validation*) echo 'kind: Pod';;
        *) echo 'Error: schema: failing loading "https://a.example/s.json": dial tcp: x' >&2; exit 1;;
        esac"#,
    );
    let rendered = fake.render(&RenderOptions::default()).unwrap();
    assert_eq!(rendered.text, "kind: Pod\n");
    assert!(rendered.warnings[0].contains("not checked"), "{:?}", rendered.warnings);
}

#[test]
fn the_template_of_each_line_is_found() {
    let text = "---\n# Source: web/templates/a.yaml\nkind: A\n---\n# Source: web/b.yaml\nkind: B\n";
    let rendered = Rendered::new(text.to_owned(), Vec::new());
    let found: Vec<_> = (1..=6).map(|line| rendered.template_at(line)).collect();
    let (a, b) = (Some("web/templates/a.yaml"), Some("web/b.yaml"));
    assert_eq!(found, [None, a, a, a, b, b]);
}
