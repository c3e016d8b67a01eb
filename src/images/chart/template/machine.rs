//! Evaluates a template's items.

use std::collections::HashMap;
use std::rc::Rc;

use super::parse::{self, Item, Kind, Pipe, Term};
use super::{HOLE, Trouble, functions};
use crate::yaml::{Entry, Node, Place, Scalar, Style, Value};

/// The most work for all templates of a chart, in bytes that are read or copied. It bounds the
/// memory as well, as whatever is kept was copied.
const MOST_WORK: usize = 64 << 20;

/// The work for each item that is evaluated and each value that is copied or looked at.
const STEP: usize = 64;

/// The longest output of one template, in bytes and in lines.
const MOST_OUTPUT: usize = 4 << 20;
const MOST_LINES: usize = 200_000;

/// The most templates that call each other.
const MOST_CALLS: usize = 50;

/// The templates of a chart and of the charts in it, which share their definitions.
#[derive(Default)]
pub(in super::super) struct Machine {
    defines: HashMap<String, Rc<Vec<Item>>>,
    /// How much work was done.
    work: usize,
    /// The line of the item that is evaluated.
    line: u32,
    calls: usize,
}

/// What a template writes.
#[derive(Debug, Default)]
pub(in super::super) struct Output {
    pub(in super::super) text: String,
    /// The line of the template for each line of the text.
    pub(in super::super) lines: Vec<u32>,
}

/// What names mean at some place of a template.
#[derive(Clone)]
pub(super) struct Scope {
    pub(super) dot: Rc<Node>,
    pub(super) variables: Vec<(String, Rc<Node>)>,
}

impl Machine {
    /// Takes what a file defines. One that cannot be read defines nothing.
    pub(in super::super) fn define(&mut self, text: &str) -> Result<(), Trouble> {
        self.charge(text.len())?;
        let parsed = parse::parse(text)?;
        self.defines.extend(parsed.defines.into_iter().map(|(name, items)| (name, Rc::new(items))));
        Ok(())
    }

    /// Evaluates a file with this as its dot.
    pub(in super::super) fn run(&mut self, text: &str, dot: &Rc<Node>) -> Result<Output, Trouble> {
        self.charge(text.len())?;
        let parsed = parse::parse(text)?;
        let mut output = Output { text: String::new(), lines: vec![1] };
        self.items(&parsed.items, &mut Scope::of(dot), &mut output)?;
        Ok(output)
    }

    /// Adds to the work that was done.
    fn charge(&mut self, work: usize) -> Result<(), Trouble> {
        self.work = self.work.saturating_add(work);
        if self.work > MOST_WORK { Err(self.too_long()) } else { Ok(()) }
    }

    fn too_long(&self) -> Trouble {
        let problem = "the templates go on for too long".to_owned();
        Trouble { line: self.line, problem }
    }

    fn items(
        &mut self,
        items: &[Item],
        scope: &mut Scope,
        output: &mut Output,
    ) -> Result<(), Trouble> {
        // What is declared in a block ends with it; what is set there stays.
        let depth = scope.variables.len();
        for item in items {
            self.line = item.line;
            self.charge(STEP)?;
            if output.text.len() > MOST_OUTPUT || output.lines.len() > MOST_LINES {
                return Err(self.too_long());
            }
            self.item(item, scope, output)?;
        }
        scope.variables.truncate(depth);
        Ok(())
    }

    fn item(&mut self, item: &Item, scope: &mut Scope, output: &mut Output) -> Result<(), Trouble> {
        match &item.kind {
            Kind::Text(text) => {
                self.charge(text.len())?;
                output.write(text, item.line, true);
            }
            Kind::Print(pipe) => {
                let shown = shown(&self.pipe(pipe, scope)?);
                self.charge(shown.len())?;
                output.write(&shown, item.line, false);
            }
            Kind::Set { name, declares, pipe } => {
                let value = self.pipe(pipe, scope)?;
                self.charge(scope.work())?;
                match declares {
                    true => scope.variables.push((name.clone(), value)),
                    false => scope.set(name, value),
                }
            }
            Kind::If(branches) => return self.branches(branches, scope, output),
            Kind::With { variable, pipe, body, otherwise } => {
                let value = self.pipe(pipe, scope)?;
                let truth = truth(&value);
                if truth != Some(false) {
                    let names = variable.iter().map(|name| (name, &value)).collect::<Vec<_>>();
                    self.within(body, &value, &names, scope, output)?;
                }
                if truth != Some(true) {
                    self.items(otherwise, scope, output)?;
                }
            }
            Kind::Range { variables, pipe, body, otherwise } => {
                let value = self.pipe(pipe, scope)?;
                self.charge(copied(&value))?;
                let items: Vec<(Rc<Node>, Rc<Node>)> = match &value.value {
                    Value::Scalar(_) if is_unknown(&value) => vec![(hole(), hole())],
                    Value::Scalar(_) => Vec::new(),
                    Value::Sequence(items) => {
                        let number = |index: usize| plain(&index.to_string());
                        items
                            .iter()
                            .enumerate()
                            .map(|(index, item)| (number(index), item.clone()))
                            .collect()
                    }
                    Value::Mapping(entries) => entries
                        .iter()
                        .map(|entry| (text(&entry.key), entry.value.clone()))
                        .collect(),
                };
                for (key, item) in &items {
                    let names = match variables.as_slice() {
                        [] => Vec::new(),
                        [one] => vec![(one, item)],
                        [one, two, ..] => vec![(one, key), (two, item)],
                    };
                    self.within(body, item, &names, scope, output)?;
                }
                if items.is_empty() || is_unknown(&value) {
                    self.items(otherwise, scope, output)?;
                }
            }
        }
        Ok(())
    }

    /// Evaluates items with another dot and more variables.
    fn within(
        &mut self,
        items: &[Item],
        dot: &Rc<Node>,
        names: &[(&String, &Rc<Node>)],
        scope: &mut Scope,
        output: &mut Output,
    ) -> Result<(), Trouble> {
        let outer = std::mem::replace(&mut scope.dot, dot.clone());
        let depth = scope.variables.len();
        scope
            .variables
            .extend(names.iter().map(|(name, value)| ((*name).clone(), (*value).clone())));
        let done = self.items(items, scope, output);
        scope.variables.truncate(depth);
        scope.dot = outer;
        done
    }

    /// Evaluates the branch whose condition is true, and before it those where that is not known.
    fn branches(
        &mut self,
        branches: &[(Option<Pipe>, Vec<Item>)],
        scope: &mut Scope,
        output: &mut Output,
    ) -> Result<(), Trouble> {
        // One copy for the scope as it was, and up to two for each branch.
        self.charge(scope.work() * (1 + 2 * branches.len()))?;
        let before = scope.clone();
        let mut ends: Vec<Scope> = Vec::new();
        let mut decided = false;
        for (condition, body) in branches {
            let truth = match condition {
                Some(pipe) => truth(&self.pipe(pipe, &mut before.clone())?),
                None => Some(true),
            };
            if truth == Some(false) {
                continue;
            }
            let mut inner = before.clone();
            self.items(body, &mut inner, output)?;
            ends.push(inner);
            if truth == Some(true) {
                decided = true;
                break;
            }
        }
        if !decided {
            ends.push(before);
        }
        // A variable that differs by what is not known is not known.
        let mut ends = ends.into_iter();
        if let Some(first) = ends.next() {
            *scope = first;
            for other in ends {
                for (one, two) in scope.variables.iter_mut().zip(other.variables) {
                    if !Rc::ptr_eq(&one.1, &two.1) {
                        one.1 = hole();
                    }
                }
            }
        }
        Ok(())
    }

    fn pipe(&mut self, pipe: &Pipe, scope: &mut Scope) -> Result<Rc<Node>, Trouble> {
        let mut value = None;
        for command in pipe {
            value = Some(self.command(command, value, scope)?);
        }
        Ok(value.unwrap_or_else(hole))
    }

    fn command(
        &mut self,
        command: &[Term],
        piped: Option<Rc<Node>>,
        scope: &mut Scope,
    ) -> Result<Rc<Node>, Trouble> {
        let mut arguments = Vec::new();
        for term in &command[1..] {
            self.charge(STEP)?;
            arguments.push(self.term(term, scope)?);
        }
        arguments.extend(piped);
        let Term::Word(name) = &command[0] else {
            let value = self.term(&command[0], scope)?;
            // Something that is called is a method, and those need a release.
            return Ok(if arguments.is_empty() { value } else { hole() });
        };
        match name.as_str() {
            "true" | "false" => Ok(plain(name)),
            "nil" => Ok(plain("")),
            // What a function makes is at most a few times what it is given.
            "include" => self.include(&arguments),
            "tpl" => self.tpl(&arguments),
            "set" => {
                self.charge(arguments.first().map_or(0, copied))?;
                let changed = functions::set(&arguments);
                // The dictionary itself changes; only one in a variable can be followed.
                if let Some(Term::Variable(variable, fields)) = command.get(1) {
                    scope.set(variable, if fields.is_empty() { changed.clone() } else { hole() });
                }
                Ok(changed)
            }
            _ => {
                let given: usize = arguments.iter().map(|it| functions::work(name, it)).sum();
                self.charge(given)?;
                let made = functions::call(name, &arguments);
                self.charge(made.scalar().map_or(0, |scalar| scalar.text.len()))?;
                Ok(made)
            }
        }
    }

    fn term(&mut self, term: &Term, scope: &mut Scope) -> Result<Rc<Node>, Trouble> {
        Ok(match term {
            Term::Word(_) => self.command(std::slice::from_ref(term), None, scope)?,
            Term::Field(fields) => field(&scope.dot, fields),
            Term::Variable(name, fields) => {
                self.charge(scope.work())?;
                field(&scope.get(name), fields)
            }
            Term::Text(it) => text(it),
            // An integer of a template is not a `float64`, and is written as it is.
            Term::Number(number) if number.len() > 6 && !number.contains(['.', 'e']) => {
                text(number)
            }
            Term::Number(number) => plain(number),
            Term::Inner(pipe, fields) => field(&self.pipe(pipe, scope)?, fields),
        })
    }

    fn include(&mut self, arguments: &[Rc<Node>]) -> Result<Rc<Node>, Trouble> {
        let name = arguments.first().and_then(|name| name.text());
        let Some(items) = name.and_then(|name| self.defines.get(name)).cloned() else {
            return Ok(hole());
        };
        let nothing = plain("");
        let dot = arguments.get(1).unwrap_or(&nothing);
        self.called(&items, dot)
    }

    fn tpl(&mut self, arguments: &[Rc<Node>]) -> Result<Rc<Node>, Trouble> {
        let [template, dot] = arguments else { return Ok(hole()) };
        match template.scalar() {
            Some(scalar) if !is_unknown(template) => {
                // The items of a template take some times the space of its text.
                self.charge(8 * scalar.text.len())?;
                match parse::parse(&scalar.text) {
                    Ok(parsed) => self.called(&parsed.items, dot),
                    Err(_) => Ok(hole()),
                }
            }
            _ => Ok(hole()),
        }
    }

    fn called(&mut self, items: &[Item], dot: &Rc<Node>) -> Result<Rc<Node>, Trouble> {
        if self.calls == MOST_CALLS {
            return Ok(hole());
        }
        self.calls += 1;
        let mut output = Output { text: String::new(), lines: vec![1] };
        let done = self.items(items, &mut Scope::of(dot), &mut output);
        self.calls -= 1;
        done?;
        self.charge(output.text.len())?;
        Ok(text(&output.text))
    }
}

impl Output {
    fn write(&mut self, text: &str, line: u32, is_template: bool) {
        for (index, part) in text.split('\n').enumerate() {
            let line = if is_template { line.saturating_add(index as u32) } else { line };
            if index > 0 {
                self.text.push('\n');
                self.lines.push(line);
            } else if is_template
                && !part.trim().is_empty()
                && let Some(last) = self.lines.last_mut()
            {
                *last = line;
            }
            self.text.push_str(part);
        }
    }
}

impl Scope {
    fn of(dot: &Rc<Node>) -> Scope {
        Scope { dot: dot.clone(), variables: vec![(String::new(), dot.clone())] }
    }

    /// The work of looking through the variables, or of copying them.
    fn work(&self) -> usize {
        self.variables.len() * STEP / 4
    }

    fn get(&self, name: &str) -> Rc<Node> {
        let found = self.variables.iter().rev().find(|(known, _)| known == name);
        found.map_or_else(hole, |(_, value)| value.clone())
    }

    fn set(&mut self, name: &str, value: Rc<Node>) {
        match self.variables.iter_mut().rev().find(|(known, _)| known == name) {
            Some(known) => known.1 = value,
            None => self.variables.push((name.to_owned(), value)),
        }
    }
}

/// The work of copying the items or entries of a value, or its text.
pub(super) fn copied(value: &Rc<Node>) -> usize {
    let items = value.items().len() + value.entries().len();
    items * 2 * STEP + value.scalar().map_or(0, |scalar| scalar.text.len())
}

/// What is at the end of a path; nothing where a part is missing.
fn field(node: &Rc<Node>, fields: &[String]) -> Rc<Node> {
    let mut node = node.clone();
    for name in fields {
        if is_unknown(&node) {
            return hole();
        }
        node = node.get(name).cloned().unwrap_or_else(|| plain(""));
    }
    node
}

/// Whether a value is true; none where that is not known.
pub(super) fn truth(node: &Rc<Node>) -> Option<bool> {
    (!is_unknown(node)).then(|| node.is_true())
}

/// Whether a text has a hole.
pub(super) fn is_unknown(node: &Rc<Node>) -> bool {
    node.scalar().is_some_and(|scalar| scalar.text.contains(HOLE))
}

/// A value as a template writes it.
pub(super) fn shown(node: &Rc<Node>) -> String {
    match node.scalar() {
        Some(scalar) if scalar.is_null() => String::new(),
        Some(scalar) => scalar.helm_number().unwrap_or_else(|| scalar.text.clone()),
        None => HOLE.to_string(),
    }
}

/// The unknown.
pub(in super::super) fn hole() -> Rc<Node> {
    text(&HOLE.to_string())
}

/// Text.
pub(in super::super) fn text(text: &str) -> Rc<Node> {
    node(Value::Scalar(Scalar::text(text)))
}

/// A number, a truth value or nothing.
pub(super) fn plain(text: &str) -> Rc<Node> {
    node(Value::Scalar(Scalar { text: text.to_owned(), style: Style::Plain }))
}

/// A value that stands nowhere. One that is put into itself again and again is not known.
pub(super) fn node(value: Value) -> Rc<Node> {
    let node = Node::new(value, Place { file: "".into(), line: 1, column: 1 });
    if node.is_too_much() { hole() } else { Rc::new(node) }
}

/// A mapping.
pub(in super::super) fn mapping(entries: Vec<(&str, Rc<Node>)>) -> Rc<Node> {
    let place = Place { file: "".into(), line: 1, column: 1 };
    let entry =
        |(key, value): (&str, Rc<Node>)| Entry { key: key.into(), place: place.clone(), value };
    node(Value::Mapping(entries.into_iter().map(entry).collect()))
}
