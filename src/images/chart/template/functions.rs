//! The functions of templates that names of images are made with.

use std::rc::Rc;

use super::HOLE;
use super::machine::{copied, hole, is_unknown, mapping, node, plain, shown, text, truth};
use crate::yaml::{Node, Scalar, Value};

/// The longest text that functions work on, and make. Names of images are shorter.
const MOST_TEXT: usize = 64 << 10;

/// The work of a function for one of its arguments.
pub(super) fn work(name: &str, argument: &Rc<Node>) -> usize {
    match name {
        // These look at each item or entry.
        "join" => copied(argument) + argument.items().iter().map(copied).sum::<usize>(),
        "get" | "index" | "hasKey" | "first" | "last" | "kindIs" | "deepCopy" => 0,
        _ => argument.scalar().map_or(0, |scalar| 2 * scalar.text.len()),
    }
}

/// The result of a function. Whatever is not here is not known.
pub(super) fn call(name: &str, arguments: &[Rc<Node>]) -> Rc<Node> {
    let known = match name {
        "default" | "coalesce" | "and" | "or" | "not" | "empty" | "ternary" | "eq" | "ne" => {
            choice(name, arguments)
        }
        "dict" | "list" | "tuple" | "get" | "index" | "hasKey" | "first" | "last" | "join"
        | "kindIs" | "deepCopy" => collection(name, arguments),
        _ => words(name, arguments),
    };
    known.unwrap_or_else(hole)
}

/// `set`: the dictionary with the key.
pub(super) fn set(arguments: &[Rc<Node>]) -> Rc<Node> {
    let [dictionary, key, value] = arguments else { return hole() };
    let (Value::Mapping(entries), Some(key)) = (&dictionary.value, known_text(key)) else {
        return hole();
    };
    let others = entries.iter().filter(|entry| *entry.key != *key);
    let mut all: Vec<_> = others.map(|entry| (&*entry.key, entry.value.clone())).collect();
    all.push((&key, value.clone()));
    mapping(all)
}

/// What depends on truth.
fn choice(name: &str, arguments: &[Rc<Node>]) -> Option<Rc<Node>> {
    let boolean = |value: bool| plain(if value { "true" } else { "false" });
    match (name, arguments) {
        ("default", [other, value]) => {
            Some(if truth(value)? { value.clone() } else { other.clone() })
        }
        ("default", [other]) => Some(other.clone()),
        ("coalesce" | "or", _) => {
            for value in arguments {
                if truth(value)? {
                    return Some(value.clone());
                }
            }
            arguments.last().filter(|_| name == "or").cloned().or_else(|| Some(plain("")))
        }
        ("and", _) => {
            let is_false = |value: &&Rc<Node>| truth(value) == Some(false);
            let first_false = arguments.iter().find(is_false);
            match first_false {
                Some(value) => Some(value.clone()),
                None if arguments.iter().all(|value| truth(value).is_some()) => {
                    arguments.last().cloned()
                }
                None => None,
            }
        }
        ("not", [value]) | ("empty", [value]) => Some(boolean(!truth(value)?)),
        ("ternary", [yes, no, condition]) => {
            Some(if truth(condition)? { yes.clone() } else { no.clone() })
        }
        ("eq", [first, others @ ..]) => {
            let first = known_text(first)?;
            let others: Vec<_> = others.iter().map(known_text).collect::<Option<_>>()?;
            Some(boolean(others.contains(&first)))
        }
        ("ne", [one, two]) => Some(boolean(known_text(one)? != known_text(two)?)),
        _ => None,
    }
}

/// What makes lists and dictionaries, and takes them apart.
fn collection(name: &str, arguments: &[Rc<Node>]) -> Option<Rc<Node>> {
    match (name, arguments) {
        ("dict", _) => {
            let keys: Vec<_> =
                arguments.chunks(2).map(|pair| known_text(&pair[0])).collect::<Option<_>>()?;
            let values =
                arguments.chunks(2).map(|pair| pair.get(1).cloned().unwrap_or_else(|| plain("")));
            Some(mapping(keys.iter().map(String::as_str).zip(values).collect()))
        }
        ("list" | "tuple", _) => Some(node(Value::Sequence(arguments.to_vec()))),
        ("deepCopy", [value]) => Some(value.clone()),
        ("get" | "index", [value, keys @ ..]) => {
            keys.iter().try_fold(value.clone(), |value, key| match &value.value {
                Value::Mapping(_) => {
                    Some(value.get(&known_text(key)?).cloned().unwrap_or_else(|| plain("")))
                }
                Value::Sequence(items) => {
                    items.get(known_text(key)?.parse::<usize>().ok()?).cloned()
                }
                Value::Scalar(_) => None,
            })
        }
        ("hasKey", [value, key]) if !is_unknown(value) => {
            let has = value.get(&known_text(key)?).is_some();
            Some(plain(if has { "true" } else { "false" }))
        }
        ("first", [value]) => value.items().first().cloned(),
        ("last", [value]) => value.items().last().cloned(),
        ("join", [separator, value]) => {
            let items: Vec<_> = value.items().iter().map(known_text).collect::<Option<_>>()?;
            let separator = shown(separator);
            let longest = items.iter().map(|item| item.len() + separator.len()).sum::<usize>();
            (!is_unknown(value) && longest <= MOST_TEXT).then(|| text(&items.join(&separator)))
        }
        ("kindIs", [kind, value]) if !is_unknown(value) => {
            let is = match (known_text(kind)?.as_str(), &value.value) {
                ("map", Value::Mapping(_)) | ("slice", Value::Sequence(_)) => true,
                ("map" | "slice", _) => false,
                ("string", Value::Scalar(scalar)) => {
                    let is_word = matches!(scalar.text.as_str(), "true" | "false");
                    let is_plain = scalar.style == crate::yaml::Style::Plain;
                    !(is_plain && (is_word || scalar.number().is_some() || scalar.is_null()))
                }
                ("string", _) => false,
                _ => return None,
            };
            Some(plain(if is { "true" } else { "false" }))
        }
        _ => None,
    }
}

/// What changes text. Text with a hole stays text with a hole.
fn words(name: &str, arguments: &[Rc<Node>]) -> Option<Rc<Node>> {
    if let ("fail", _) = (name, arguments) {
        return Some(plain(""));
    }
    if arguments.iter().any(|argument| argument.scalar().is_none()) {
        return None;
    }
    let number = |value: &Rc<Node>| value.scalar().and_then(Scalar::number);
    let argument = |value| match (name, number(value)) {
        // JSON writes large numbers without an exponent.
        ("toYaml", Some(number)) => number.to_string(),
        _ => shown(value),
    };
    let all: Vec<String> = arguments.iter().map(argument).collect();
    if all.iter().map(String::len).sum::<usize>() > MOST_TEXT {
        return None;
    }
    let last = all.last()?.as_str();
    let result = match (name, all.as_slice()) {
        ("quote", _) => all.iter().map(|it| format!("\"{it}\"")).collect::<Vec<_>>().join(" "),
        ("squote", _) => all.iter().map(|it| format!("'{it}'")).collect::<Vec<_>>().join(" "),
        ("print", _) => all.concat(),
        ("printf", [format, values @ ..]) => {
            let are_numbers: Vec<_> =
                arguments.iter().skip(1).map(|it| number(it).is_some()).collect();
            printf(format, values, &are_numbers)
        }
        ("toString" | "toYaml" | "html" | "urlquery", [_]) => last.to_owned(),
        ("required", [_, _]) => return arguments.last().cloned(),
        ("trim", [_]) => last.trim().to_owned(),
        ("lower", [_]) => last.to_lowercase(),
        ("upper", [_]) => last.to_uppercase(),
        ("trimSuffix", [end, _]) => last.strip_suffix(end.as_str()).unwrap_or(last).to_owned(),
        ("trimPrefix", [start, _]) => last.strip_prefix(start.as_str()).unwrap_or(last).to_owned(),
        ("trimAll", [chars, _]) => last.trim_matches(|c| chars.contains(c)).to_owned(),
        ("replace", [old, new, _]) if !old.is_empty() => {
            let longest = last.matches(old.as_str()).count() * new.len();
            (longest <= MOST_TEXT).then(|| last.replace(old.as_str(), new))?
        }
        ("trunc", [count, _]) => last.chars().take(count.parse().ok()?).collect(),
        ("indent" | "nindent", [count, _]) => {
            let space = " ".repeat(count.parse::<usize>().ok().filter(|count| *count < 100)?);
            let text = format!("{space}{}", last.replace('\n', &format!("\n{space}")));
            if name == "nindent" { format!("\n{text}") } else { text }
        }
        ("contains" | "hasPrefix" | "hasSuffix", [part, _]) => {
            if last.contains(HOLE) || part.contains(HOLE) {
                return None;
            }
            let is = match name {
                "contains" => last.contains(part.as_str()),
                "hasPrefix" => last.starts_with(part.as_str()),
                _ => last.ends_with(part.as_str()),
            };
            return Some(plain(if is { "true" } else { "false" }));
        }
        _ => return None,
    };
    Some(text(&result))
}

/// `%s`, `%d`, `%v` and `%q`; anything else is not known. Of a number, `%s` writes an error into the
/// text.
fn printf(format: &str, values: &[String], are_numbers: &[bool]) -> String {
    let (mut result, mut values) = (String::new(), values.iter().zip(are_numbers));
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            result.push(c);
            continue;
        }
        let verb = chars.next();
        if verb == Some('%') {
            result.push('%');
            continue;
        }
        match (verb, values.next()) {
            (Some('v'), Some((value, _)))
            | (Some('s'), Some((value, false)))
            | (Some('d'), Some((value, true))) => result.push_str(value),
            (Some('q'), Some((value, false))) => result.push_str(&format!("\"{value}\"")),
            _ => result.push(HOLE),
        }
    }
    result
}

/// The text of a value, where it has one and that has no hole.
fn known_text(value: &Rc<Node>) -> Option<String> {
    (value.scalar().is_some() && !is_unknown(value)).then(|| shown(value))
}
