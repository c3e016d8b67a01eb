//! Charts, manifests, requests and locks at the edge of each limit: an accepted input takes at most
//! 256 MB, and a refused one is reported with the limit that it exceeds. No run would end within
//! minutes if the work grew with the square of the items.

use crate::memory_limit::with_memory_limit;
use crate::sandbox::{Printed, Sandbox};

const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn repeated(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect()
}

/// Lists the images of a chart with these files.
#[track_caller]
fn list(files: &[(&str, &str)], code: i32) -> Printed {
    let sandbox = Sandbox::new();
    sandbox.write("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\nappVersion: '9'\n");
    sandbox.write("c/values.yaml", "image: a.io/x:1\n");
    for (name, text) in files {
        sandbox.write(&format!("c/{name}"), text);
    }
    let words = ["mirror", "list", "--registry=r.corp", "--chart=c", "-o=list.yaml"];
    with_memory_limit(sandbox.run(&words)).ends_with(code)
}

const INNER: &str = "apiVersion: v2\nname: inner\nversion: 1.0.0\n";

fn aliases(count: usize) -> String {
    let one = |n| format!("- {{name: inner, version: 1.0.0, alias: a{n}}}\n");
    format!("dependencies:\n{}", repeated(count, one))
}

#[test]
fn aliases_of_a_chart_are_limited() {
    let chart = |count: usize, values: &str, code| {
        let requirements = aliases(count);
        let values = format!("image: a.io/x:1\nmany: [{values}]\n");
        let files = [
            ("requirements.yaml", requirements.as_str()),
            ("charts/inner/Chart.yaml", INNER),
            ("charts/inner/values.yaml", &values),
        ];
        list(&files, code)
    };
    chart(499, "", 0);
    chart(500, "", 2).says(&["more than 500 charts", "helm template"]);
    chart(9, &"a,".repeat(49_000), 0);
    chart(11, &"a,".repeat(49_000), 2).says(&["more than 500000 values"]);
    chart(1001, "", 2).says(&["more than 1000 dependencies"]);
}

#[test]
fn values_of_all_charts_share_one_limit() {
    let values = format!("image: a.io/x:1\na: [{}]\n", "a,".repeat(260_000));
    list(&[("values.yaml", &values)], 0);
    let inner = [("charts/inner/Chart.yaml", INNER), ("charts/inner/values.yaml", &values)];
    let more = [&[("values.yaml", values.as_str())], &inner[..]].concat();
    list(&more, 2).says(&["more than 500000 values"]);
}

#[test]
fn images_of_values_are_limited() {
    let images = |count: usize| {
        let one = |n| format!("k{n}: {{image: 'a.io/x:{n}'}}\n");
        repeated(count, one)
    };
    list(&[("values.yaml", &images(15_000))], 0);
    list(&[("values.yaml", &images(50_001))], 2).says(&["images too often", "limit: 50000 times"]);
    let key = "k".repeat(1000);
    let deep = repeated(20, |n| format!("{}{key}:\n", " ".repeat(n)));
    let deep = format!(
        "{deep}{}",
        repeated(2000, |n| format!("{}i{n}: {{image: 'a:1'}}\n", " ".repeat(20)))
    );
    list(&[("values.yaml", &deep)], 2).says(&["images too often"]);
    list(&[("values.yaml", &format!("? {key}{key}\n: 1\n"))], 2).says(&["a key that is too long"]);
}

#[test]
fn the_files_of_a_vendor_folder_are_limited() {
    let entry = |n: usize| {
        format!(
            r#"{{"kind":"wit","name":"a:b","version":"1.0.0","path":"wit/p{n}/a.wit","size":1,"sha256":"{DIGEST}","url":""}},"#
        )
    };
    let sandbox = Sandbox::new();
    let check = |count: usize| {
        let files = repeated(count, entry);
        let files = files.trim_end_matches(',');
        sandbox
            .write("vendor/manifest.json", format!(r#"{{"schema_version":1,"files":[{files}]}}"#));
        with_memory_limit(sandbox.run(&["verify", "vendor"]))
    };
    check(50_000).ends_with(4).says(&["findings: 50000"]);
    check(50_001).ends_with(2).says(&["too many files", "50000 files"]);
    let values = format!(r#"{{"schema_version":1,"files":[{}1]}}"#, "1,".repeat(8_000_000));
    sandbox.write("vendor/manifest.json", values);
    let check = with_memory_limit(sandbox.run(&["verify", "vendor"]));
    check.ends_with(2).says(&["more than 500000 values"]);
}

#[test]
fn values_of_requests_and_registry_files_are_limited() {
    let sandbox = Sandbox::new();
    let plan = |text: &str| {
        sandbox.write("request.json", text);
        with_memory_limit(sandbox.run(&["plan", "--request=request.json"]))
    };
    let package = |n: usize| format!(r#"{{"package":"a:p{n}@1.0.0"}},"#);
    let packages = |count: usize| {
        let packages = repeated(count, package);
        format!(r#"{{"schema_version":1,"wit":[{}]}}"#, packages.trim_end_matches(','))
    };
    plan(&packages(5_000)).succeeds();
    plan(&packages(5_001)).ends_with(2).says(&["too many files", "5000 files"]);
    let fields = format!("[{}0]", "0,".repeat(8_000_000));
    let text = format!(r#"{{"schema_version":1,"component_registry":{fields}}}"#);
    plan(&text).ends_with(2).says(&["more than 250000 values"]);
    sandbox.write("tool.json", format!(r#"{{"schema_version":1,"tool":{fields}}}"#));
    let words = ["plan", "--registry=tool.json", "--tool=a"];
    with_memory_limit(sandbox.run(&words)).ends_with(2).says(&["more than 250000 values"]);
}

#[test]
fn keys_of_the_configuration_are_limited() {
    let sandbox = Sandbox::new();
    let config = |text: &str, code: i32| {
        sandbox.write("config.toml", text);
        let run = sandbox.run(&["config", "show"]).env("WKG_CONFIG_FILE", "config.toml");
        with_memory_limit(run).ends_with(code)
    };
    config(&repeated(1_000, |n| format!("[registry.\"a{n}.io\"]\ntype = \"oci\"\n")), 0);
    let words = &["more than 500000 keys and values"];
    config(&"a=1\n".repeat(255_000), 2).says(words);
    config(&format!("{}a = 1\n", "a.".repeat(500_000)), 2).says(words);
    config(&format!("{}a = 1\n", "a.".repeat(10_000)), 2).says(&["more than 1000 dots"]);
}
