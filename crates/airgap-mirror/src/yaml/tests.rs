use super::*;

fn one(text: &str) -> Rc<Node> {
    document(text, "a.yaml", Duplicates::Refused).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn problems(text: &str) -> Vec<(u32, u32, String)> {
    Documents::new(text, "a.yaml", Duplicates::Refused)
        .filter_map(|document| document.err())
        .map(|problem| (problem.place.line, problem.place.column, problem.problem))
        .collect()
}

#[test]
fn each_value_has_its_place() {
    let root = one("a:\n  - b: x\n    c: |\n      text\n  - \"y\"\n");
    let items = root.get("a").unwrap().items();
    assert_eq!(items[0].get("b").unwrap().place.to_string(), "a.yaml:2:8");
    assert_eq!(items[1].place.to_string(), "a.yaml:5:5");
    let block = items[0].get("c").unwrap();
    assert_eq!(block.scalar().unwrap(), &Scalar { text: "text\n".into(), style: Style::Literal });
    assert_eq!(block.place.line, 4, "that of the first line in it");
    assert_eq!(root.entries()[0].place.to_string(), "a.yaml:1:1");
}

#[test]
fn a_broken_document_has_a_line_and_those_behind_it_still_come() {
    let text = "a: 1\n---\nb: [1, 2\n---\nc: 3\n";
    let documents: Vec<_> = Documents::new(text, "a.yaml", Duplicates::Refused).collect();
    assert_eq!(documents.len(), 3);
    assert!(documents[0].is_ok() && documents[1].is_err());
    assert_eq!(documents[2].as_ref().unwrap().text_of("c"), Some("3"));
    for (text, line) in [
        ("a: b: c", 1),
        ("a:\n\tb: 1", 2),
        ("a: *x", 1),
        ("a: \"x", 1),
        ("x: {a: 1", 1),
        ("a: 1\n b: 2\n", 2),
    ] {
        let found = problems(text);
        assert_eq!(found.len(), 1, "{text:?} {found:?}");
        assert!((line..=line + 1).contains(&found[0].0), "{text:?} {found:?}");
    }
}

#[test]
fn aliases_share_and_merge_keys_merge() {
    let root = one("base: &b {image: x, tag: '1'}\nother: &o {tag: '2', more: z}\n\
                    one:\n  <<: *b\n  tag: '3'\ntwo:\n  <<: [*o, *b]\n\"<<\": text\n");
    let texts = |name: &str, keys: [&str; 2]| {
        let node = root.get(name).unwrap();
        keys.map(|key| node.text_of(key).unwrap().to_owned())
    };
    assert_eq!(texts("one", ["image", "tag"]), ["x", "3"]);
    assert_eq!(texts("two", ["more", "tag"]), ["z", "2"]);
    assert_eq!(root.get("two").unwrap().text_of("image"), Some("x"));
    assert_eq!(root.text_of("<<"), Some("text"));
    assert!(problems("a:\n  <<: text\n")[0].2.contains("merges mappings"));
}

#[test]
fn a_key_that_occurs_twice_is_refused_or_the_last_counts() {
    let text = "a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n";
    let found = problems(text);
    assert_eq!((found[0].0, found[0].1), (5, 3));
    assert!(found[0].2.contains("`c` is already in line 3"), "{found:?}");
    let root = document(text, "values.yaml", Duplicates::LastCounts).unwrap();
    assert_eq!(root.get("b").unwrap().text_of("c"), Some("3"));
}

#[test]
fn alias_bombs_are_refused() {
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..30 {
        let alias = format!("*a{}", n - 1);
        laughs.push_str(&format!("a{n}: &a{n} [{}]\n", [alias.as_str(); 10].join(", ")));
    }
    assert!(problems(&laughs)[0].2.contains("more than 1000000 values"));
    let mut merges = String::from("a0: &a0 {k: v}\n");
    for n in 1..2000 {
        merges.push_str(&format!("a{n}: &a{n} {{<<: *a{}, k{n}: v}}\n", n - 1));
    }
    assert!(problems(&merges)[0].2.contains("more than 1000000 values"));
    let mut chain = String::from("a0: &a0 x\n");
    for n in 1..300 {
        chain.push_str(&format!("a{n}: &a{n} [*a{}]\n", n - 1));
    }
    assert!(problems(&chain)[0].2.contains("more than 200 levels"));
    for deep in ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(100_000)] {
        assert_eq!(problems(&deep).len(), 1);
    }
    assert!(problems("a: &a [*a]")[0].2.contains("itself"));
    let wide = format!("[{}]", "1,".repeat(1_000_001));
    assert!(problems(&wide)[0].2.contains("more than 1000000 values"));
}

#[test]
fn truth_values_are_those_of_templates() {
    let root = one("t: [true, yes, 'false', 1, x, [0], {a: 1}, '0']\n\
                    f: [false, no, off, 0, 0.0, '', null, ~, [], {}, ]\n");
    for item in root.get("t").unwrap().items() {
        assert!(item.is_true(), "{item:?}");
    }
    for item in root.get("f").unwrap().items() {
        assert!(!item.is_true(), "{item:?}");
    }
}

#[test]
fn empty_several_and_invalid_documents_are_told_apart() {
    assert!(one("").is_null());
    assert!(one("# only a comment\n").is_null());
    assert!(one("\u{feff}a: 1").text_of("a").is_some());
    let error = document("a: 1\n---\nb: 2\n", "mirror.yaml", Duplicates::Refused).unwrap_err();
    assert!(error.to_string().contains("more than one"), "{error}");
    let error = read_from(&b"a: 1\nb: \xff\n"[..], "x.yaml").unwrap_err().to_string();
    assert!(error.contains("UTF-8") && error.contains("line 2"), "{error}");
    assert!(read_from(std::io::repeat(b'#'), "x").unwrap_err().to_string().contains("too long"));
}

#[test]
fn utf16_and_html_are_named_in_the_error() {
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(*b"a\0:\0").collect();
    let error = read_from(utf16.as_slice(), "m.yaml").unwrap_err().to_string();
    assert!(error.contains("text in UTF-16") && error.contains("iconv -f UTF-16"), "{error}");
    let error = read_from(&b"<html><p>Sign in"[..], "m.yaml").unwrap_err().to_string();
    assert!(error.contains("an HTML page"), "{error}");
}

#[test]
fn damaged_text_is_an_error_and_never_a_panic() {
    let whole = "a: &x {b: [1, 'two', \"three\"]}\nc:\n  - |\n    block\n  - *x\n  - <<: *x\n---\n? k\n: v\n";
    let odd = b"{}[],:-?&*!|>'\"%@`#\t\n \\~\xc3\xa9";
    let mut seed = 1_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    for _ in 0..3_000 {
        let mut bytes = whole.as_bytes().to_vec();
        for _ in 0..=random(4) {
            let at = random(bytes.len());
            match random(3) {
                0 => bytes[at] = odd[random(odd.len())],
                1 => bytes.insert(at, odd[random(odd.len())]),
                _ => bytes.truncate(at.max(1)),
            }
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(Documents::new(&text, "a", Duplicates::Refused).count() < 100, "{text:?}");
    }
}

/// Reads the output of `mirror values` and `mirror kustomize` with our reader as the same values.
#[test]
fn written_documents_are_read_as_the_same_values() {
    use serde_json::{Value as Json, json};

    let as_text = |scalar: &Scalar| Json::from(scalar.text.as_str());
    let long = "k".repeat(3000);
    let texts = [
        "",
        " ",
        "a\nb",
        "a\r\nb",
        "- a",
        "# a",
        "a: b",
        "a #b",
        "'",
        "\"",
        "{",
        "[",
        "&a",
        "*a",
        "!a",
        "|",
        ">",
        "%",
        "@",
        "`",
        "?",
        ":",
        "-",
        "~",
        "null",
        "yes",
        "1",
        "0x1",
        "1e3",
        ".inf",
        "<<",
        "---",
        "...",
        "\u{feff}a",
        "\u{85}",
        "\u{2028}",
        "\u{1b}",
        "\u{e0041}",
        "\u{1f600}",
        "\\",
        &long,
    ];
    for text in texts {
        for value in [
            json!({text: text}),
            json!({"a": {text: [text, {text: text}, [text, [text]]]}, text: {"b": {}}}),
            json!([text, [], {}, [[], {}], {"a": []}, {text: {}}]),
        ] {
            let written = block(&value);
            assert!(
                !written.contains(|c| c != '\n' && airgap_core::report::is_hidden(c)),
                "{written:?}"
            );
            let read = document(&written, "f", Duplicates::Refused);
            let read = read.unwrap_or_else(|error| panic!("{error} in\n{written}"));
            assert_eq!(to_json(&read, as_text), value, "{written}");
        }
    }
}

#[test]
fn written_scalars_are_read_as_the_same_text() {
    for text in [
        "myregistry/nats:2.11",
        "1.10",
        "true",
        "No",
        "",
        "a: b",
        "a #b",
        "- x",
        "\u{1b}",
        "é",
        "a:",
        "0x1",
    ] {
        let root = one(&format!("k: {}\n", scalar(text)));
        let read = root.get("k").unwrap().scalar().unwrap();
        assert_eq!((read.text.as_str(), read.number()), (text, None), "{text:?}");
        assert!(
            !read.is_null()
                && (read.style == Style::Text || text.starts_with('m') || text.len() > 5)
        );
    }
}

#[test]
fn each_character_is_read_back() {
    let text: String = ('\0'..='\u{3000}').chain(['\u{feff}', '\u{1f600}', '\u{e0041}']).collect();
    let written = format!("a: {}\n", crate::yaml::scalar(&text));
    let read = document(&written, "f", Duplicates::Refused).unwrap();
    assert_eq!(read.text_of("a"), Some(text.as_str()));
}
