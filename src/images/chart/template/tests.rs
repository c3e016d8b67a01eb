use std::rc::Rc;

use super::*;
use crate::yaml::{self, Duplicates, Node};

const VALUES: &str = "\
registry: ghcr.io
empty: ''
nothing:
off: false
number: 1.10
list: [a, b]
image: {registry: docker.io, repository: nats, tag: '2'}
text: '{{ .Values.registry }}/x'
";

fn dot() -> Rc<Node> {
    let values = yaml::document(VALUES, "values.yaml", Duplicates::Refused).unwrap();
    let chart = mapping(vec![("AppVersion", text("9.9")), ("Name", text("c"))]);
    mapping(vec![("Values", values), ("Chart", chart), ("Release", hole())])
}

fn run(template: &str) -> String {
    let mut machine = Machine::default();
    machine.define(template).unwrap();
    let output = machine.run(template, &dot()).unwrap();
    assert_eq!(output.text.split('\n').count(), output.lines.len());
    output.text.replace(HOLE, "?")
}

#[test]
fn values_functions_and_pipes() {
    for (template, expected) in [
        ("a {{ .Values.registry }} b", "a ghcr.io b"),
        (
            "{{ .Values.image.registry }}/{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}",
            "docker.io/nats:2",
        ),
        ("{{ .Values.empty | default .Values.nothing | default .Chart.AppVersion }}", "9.9"),
        ("{{ printf \"%s/%s:%v\" .Values.registry \"x\" 3 | quote }}", "\"ghcr.io/x:3\""),
        ("{{ .Values.number }}", "1.1"),
        ("{{ (.Values.missing).deeper | default \"d\" }}", "d"),
        ("{{ .Release.Name }}-x", "?-x"),
        ("{{ printf \"%s-%s\" .Release.Name \"x\" | trunc 63 | trimSuffix \"-\" }}", "?-x"),
        ("{{ default .Release.Name .Values.registry }}", "ghcr.io"),
        ("{{ .Release.Name | default \"x\" }}", "?"),
        ("{{ tpl .Values.text . }}", "ghcr.io/x"),
        ("{{ index .Values.list 1 }}{{ index .Values \"registry\" }}", "bghcr.io"),
        ("{{ get (dict \"a\" 1 \"b\" 2) \"b\" }}", "2"),
        ("{{ ternary \"y\" \"n\" (eq .Values.registry \"ghcr.io\") }}", "y"),
        ("{{ coalesce .Values.empty .Values.registry }}", "ghcr.io"),
        ("{{ unknownFunction 1 }}", "?"),
        ("{{ .Values.registry | unknownFunction }}", "?"),
        ("{{ `raw {{ }}` }}{{ \"}}\" }}", "raw {{ }}}}"),
        ("{{/* no {{ action }} */}}x{{- /* one */ -}} y", "xy"),
        ("x  {{- 1 -}}  y", "x1y"),
        ("{{ $a := \"1\" }}{{ $a = \"2\" }}{{ $a }}", "2"),
        ("{{ $.Values.registry }}", "ghcr.io"),
        ("{{ join \",\" .Values.list }}", "a,b"),
        ("{{ $d := dict \"a\" \"1\" }}{{ $_ := set $d \"b\" \"2\" }}{{ $d.b }}", "2"),
        ("{{ .Values.image }}", "?"),
        ("{{ not .Values.off }}", "true"),
        ("{{ 'x' }}", "x"),
    ] {
        assert_eq!(run(template), expected, "{template}");
    }
}

#[test]
fn blocks() {
    for (template, expected) in [
        ("{{ if .Values.off }}a{{ else if .Values.registry }}b{{ else }}c{{ end }}", "b"),
        ("{{ if and .Values.registry (not .Values.empty) }}a{{ end }}", "a"),
        ("{{ if .Release.IsInstall }}a{{ else }}b{{ end }}", "ab"),
        ("{{ if .Release.X }}a{{ else if .Values.registry }}b{{ else }}c{{ end }}", "ab"),
        ("{{ with .Values.image }}{{ .tag }}{{ $.Values.registry }}{{ end }}", "2ghcr.io"),
        ("{{ with .Values.nothing }}a{{ else }}b{{ end }}", "b"),
        ("{{ range .Values.list }}<{{ . }}>{{ end }}", "<a><b>"),
        ("{{ range $i, $x := .Values.list }}{{ $i }}{{ $x }}{{ end }}", "0a1b"),
        ("{{ range $k, $v := .Values.image }}{{ $k }}{{ end }}", "registryrepositorytag"),
        ("{{ range .Release.Names }}<{{ . }}>{{ end }}", "<?>"),
        ("{{ range .Values.nothing }}a{{ else }}b{{ end }}", "b"),
        ("{{ define \"t\" }}{{ .tag }}{{ end }}{{ include \"t\" .Values.image | upper }}", "2"),
        ("{{ template \"t\" .Values.image }}{{ define \"t\" }}<{{ .tag }}>{{ end }}", "<2>"),
        ("{{ block \"t\" .Values.image }}{{ .tag }}{{ end }}", "2"),
        ("{{ include \"nowhere\" . }}", "?"),
        ("{{ define \"r\" }}{{ include \"r\" . }}{{ end }}{{ include \"r\" . }}", "?"),
        // A variable that depends on what is not known is not known.
        ("{{ $a := \"1\" }}{{ if .Release.X }}{{ $a = \"2\" }}{{ end }}{{ $a }}", "?"),
        ("{{ $a := \"1\" }}{{ if .Values.off }}{{ $a = \"2\" }}{{ end }}{{ $a }}", "1"),
        ("{{ $a := \"1\" }}{{ if .Values.registry }}{{ $a := \"2\" }}{{ end }}{{ $a }}", "1"),
        ("{{ if $x := .Values.registry }}{{ $x }}{{ end }}", "?"),
    ] {
        assert_eq!(run(template), expected, "{template}");
    }
}

#[test]
fn each_line_knows_where_it_is_from() {
    let template = "{{- if .Values.registry }}\na: 1\n{{- end }}\n{{ range .Values.list }}\nb: {{ . }}\n{{- end }}\nc: 2\n";
    let output = Machine::default().run(template, &dot()).unwrap();
    let lines: Vec<_> =
        output.text.split('\n').zip(&output.lines).filter(|(text, _)| !text.is_empty()).collect();
    assert_eq!(lines, [("a: 1", &2), ("b: a", &5), ("b: b", &5), ("c: 2", &7)]);
}

#[test]
fn what_is_no_template_says_where() {
    for (template, line) in [
        ("a\n{{ if .x }}", 2),
        ("a\n\n{{ end }}", 3),
        ("{{ .x", 1),
        ("{{ \"x }}", 1),
        ("{{ ( }}", 1),
        ("{{ ) }}", 1),
        ("{{ | }}", 1),
        ("{{ ~ }}", 1),
        ("{{ define }}{{ end }}", 1),
    ] {
        let mut machine = Machine::default();
        let trouble = machine.run(template, &dot()).unwrap_err();
        assert_eq!(trouble.line, line, "{template} {trouble:?}");
    }
    let deep = "{{ if .x }}".repeat(5000);
    assert!(Machine::default().run(&deep, &dot()).is_err());
    let deep = format!("{{{{ {}1{} }}}}", "(".repeat(5000), ")".repeat(5000));
    assert!(Machine::default().run(&deep, &dot()).is_err());
    // Templates that call each other twice each would go on for a very long time.
    let bomb = (0..40).map(|n| format!("{{{{ define \"{}\" }}}}{{{{ include \"{}\" . }}}}{{{{ include \"{}\" . }}}}{{{{ end }}}}", n, n + 1, n + 1));
    let bomb = bomb.collect::<String>() + "{{ include \"0\" . }}";
    let mut machine = Machine::default();
    machine.define(&bomb).unwrap();
    assert!(machine.run(&bomb, &dot()).unwrap_err().problem.contains("too long"));
    let doubling = format!(
        "{{{{ $a := \"xxxxxxxxxxxxxxxx\" }}}}{}{{{{ $a }}}}",
        "{{ $a = print $a $a }}".repeat(60)
    );
    assert!(run(&doubling).chars().all(|c| c == '?'));
    let nested =
        format!("{{{{ $a := list 1 }}}}{}{{{{ $a }}}}", "{{ $a = list $a $a }}".repeat(400));
    assert!(run(&nested).chars().all(|c| c == '?'));
}

#[test]
fn the_ways_in_which_charts_write_images() {
    // A group that overrides parts of a component's image.
    let groups = "{{- $top := . -}}{{- range (list (dict) (dict \"image\" (dict \"tag\" \"9\"))) -}}\n\
        {{- $own := default (dict) .image -}}\n\
        {{- $registry := $own.registry | default $top.Values.image.registry -}}\n\
        {{- $tag := $own.tag | default $top.Values.image.tag | default $top.Chart.AppVersion -}}\n\
        <{{ if $registry }}{{ printf \"%s/%s\" $registry $top.Values.image.repository }}{{ else }}{{ $top.Values.image.repository }}{{ end }}:{{ $tag }}>\n\
        {{- end -}}";
    assert_eq!(run(groups), "<docker.io/nats:2><docker.io/nats:9>");
    // A library's helper, which takes the image and the global values.
    let helper = "{{- define \"lib.image\" -}}\n\
        {{- $registry := default .image.registry ((.global).imageRegistry) -}}\n\
        {{- $separator := \":\" -}}{{- $end := .image.tag | toString -}}\n\
        {{- if .image.digest -}}{{- $separator = \"@\" -}}{{- $end = .image.digest | toString -}}{{- end -}}\n\
        {{- if $registry -}}{{- printf \"%s/%s%s%s\" $registry .image.repository $separator $end -}}\n\
        {{- else -}}{{- printf \"%s%s%s\" .image.repository $separator $end -}}{{- end -}}\n\
        {{- end -}}\n\
        {{ include \"lib.image\" (dict \"image\" .Values.image \"global\" .Values.global) }}";
    assert_eq!(run(helper).trim(), "docker.io/nats:2");
}

#[test]
fn damaged_templates_are_errors_and_never_a_panic() {
    let whole = "a: {{- $x := dict \"k\" .Values.image -}} {{ range $i, $v := .Values.list }}{{ $v | quote }}é{{ else }}x{{ end }}\n{{ if and (eq .Values.registry `a`) $x.k }}{{ printf \"%s:%v\" 'c' 1.5 }}{{ end }}{{/* c */}}";
    let odd = [
        "{{", "}}", "(", ")", "|", "\"", "`", "'", "-", ".", "$", "é", "%", ":=", "end", "else",
        "\\", "\n",
    ];
    let mut seed = 7_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let (dot, mut fine) = (dot(), 0);
    for _ in 0..5_000 {
        let mut chars: Vec<char> = whole.chars().collect();
        for _ in 0..=random(3) {
            let at = random(chars.len().max(1)).min(chars.len());
            match random(3) {
                0 => drop(chars.drain(at..chars.len().min(at + 1))),
                1 => drop(chars.splice(at..at, odd[random(odd.len())].chars())),
                _ => chars.truncate(at.max(1)),
            }
        }
        let text: String = chars.into_iter().collect();
        fine += usize::from(Machine::default().run(&text, &dot).is_ok());
    }
    assert!(fine > 100);
}
