//! From a template's text to its items.

use std::collections::HashMap;

use super::{HOLE, Trouble};

/// The most blocks in blocks, and parentheses in parentheses.
const MOST_NESTED: usize = 100;

/// A piece of a template.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) line: u32,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Text(String),
    Print(Pipe),
    /// `$x := …`, or without the colon for one that is there.
    Set {
        name: String,
        declares: bool,
        pipe: Pipe,
    },
    /// Each branch with its condition; those of `else` have none.
    If(Vec<(Option<Pipe>, Vec<Item>)>),
    With {
        variable: Option<String>,
        pipe: Pipe,
        body: Vec<Item>,
        otherwise: Vec<Item>,
    },
    Range {
        variables: Vec<String>,
        pipe: Pipe,
        body: Vec<Item>,
        otherwise: Vec<Item>,
    },
}

/// Commands, each with the result of the one before it as its last argument.
pub(super) type Pipe = Vec<Vec<Term>>;

#[derive(Debug)]
pub(super) enum Term {
    /// A function's name, `true`, `false` or `nil`.
    Word(String),
    /// `.a.b`; the dot itself has no parts.
    Field(Vec<String>),
    /// `$x.a`; the root has an empty name.
    Variable(String, Vec<String>),
    Text(String),
    Number(String),
    /// `(…).a`
    Inner(Pipe, Vec<String>),
}

/// What a file defines, and what it is itself.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) items: Vec<Item>,
    pub(super) defines: HashMap<String, Vec<Item>>,
}

/// Reads a template.
pub(super) fn parse(text: &str) -> Result<Parsed, Trouble> {
    let text = text.replace(HOLE, "");
    let mut parser = Parser { pieces: pieces(&text)?.into_iter(), defines: HashMap::new() };
    let (items, end) = parser.items(0)?;
    match end {
        None => Ok(Parsed { items, defines: parser.defines }),
        Some((line, word, _)) => Err(Trouble { line, problem: format!("`{word}` ends nothing") }),
    }
}

/// Text, or the words of an action.
enum Piece {
    Text(String),
    Action(Vec<Token>),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Field(Vec<String>),
    Variable(String, Vec<String>),
    Text(String),
    Number(String),
    Open,
    /// With the field behind it, as in `(…).a`.
    Close(Vec<String>),
    Pipe,
    Comma,
    /// `:=`
    Declare,
    /// `=`
    Assign,
}

/// Takes the text apart at its actions.
fn pieces(text: &str) -> Result<Vec<(u32, Piece)>, Trouble> {
    let (mut pieces, mut rest, mut line, mut trim) = (Vec::new(), text, 1_u32, false);
    let count = |text: &str| u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX);
    loop {
        let (before, action) = match rest.find("{{") {
            Some(at) => (&rest[..at], Some(&rest[at + 2..])),
            None => (rest, None),
        };
        let trims_before =
            action.is_some_and(|action| action.starts_with("- ") || action.starts_with("-\n"));
        let mut shown = before;
        let mut shown_line = line;
        if trim {
            shown = shown.trim_start();
            shown_line += count(&before[..before.len() - shown.len()]);
        }
        if trims_before {
            shown = shown.trim_end();
        }
        if !shown.is_empty() {
            pieces.push((shown_line, Piece::Text(shown.to_owned())));
        }
        line += count(before);
        let Some(action) = action else { return Ok(pieces) };
        let end = end_of_action(action)
            .ok_or_else(|| Trouble { line, problem: "an action has no end".to_owned() })?;
        let inside =
            action[..end].strip_prefix('-').filter(|_| trims_before).unwrap_or(&action[..end]);
        trim = inside.ends_with('-') && inside[..inside.len() - 1].ends_with(char::is_whitespace);
        let inside = if trim { &inside[..inside.len() - 1] } else { inside };
        let tokens = match inside.trim_start().starts_with("/*") {
            true => Vec::new(),
            false => tokens(inside).map_err(|problem| Trouble { line, problem })?,
        };
        if !tokens.is_empty() {
            pieces.push((line, Piece::Action(tokens)));
        }
        line += count(&action[..end]);
        rest = &action[end + 2..];
    }
}

/// Where the `}}` of an action is, which may have braces in its texts.
fn end_of_action(action: &str) -> Option<usize> {
    if action.trim_start_matches('-').trim_start().starts_with("/*") {
        let comment = action.find("*/")?;
        return Some(comment + action[comment..].find("}}")?);
    }
    let (mut quote, mut escaped) = (None, false);
    for (index, c) in action.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some('"' | '\'') if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '`' | '\'') => quote = Some(c),
            None if action[index..].starts_with("}}") => return Some(index),
            None => {}
        }
    }
    None
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let name_end = |text: &str| text.find(|c| !is_name(c)).unwrap_or(text.len());
        let token;
        (token, rest) = match c {
            '(' => (Token::Open, &rest[1..]),
            ')' => {
                let (fields, rest) = fields(&rest[1..]);
                (Token::Close(fields), rest)
            }
            '|' => (Token::Pipe, &rest[1..]),
            ',' => (Token::Comma, &rest[1..]),
            ':' if rest.starts_with(":=") => (Token::Declare, &rest[2..]),
            '=' => (Token::Assign, &rest[1..]),
            '.' => {
                let (fields, after) = fields(rest);
                (Token::Field(fields), if after.len() == rest.len() { &rest[1..] } else { after })
            }
            '$' => {
                let end = 1 + name_end(&rest[1..]);
                let (fields, after) = fields(&rest[end..]);
                (Token::Variable(rest[1..end].to_owned(), fields), after)
            }
            '"' | '\'' => {
                let end = end_of_quoted(rest, c).ok_or("a text has no end")?;
                (Token::Text(unescaped(&rest[1..end])), &rest[end + 1..])
            }
            '`' => {
                let end = rest[1..].find('`').ok_or("a text has no end")?;
                (Token::Text(rest[1..=end].to_owned()), &rest[end + 2..])
            }
            _ if c.is_ascii_digit() || matches!(c, '-' | '+') => {
                let end = rest[1..]
                    .find(|c: char| !is_name(c) && c != '.')
                    .map_or(rest.len(), |at| at + 1);
                (Token::Number(rest[..end].to_owned()), &rest[end..])
            }
            _ if is_name(c) => {
                let end = name_end(rest);
                (Token::Word(rest[..end].to_owned()), &rest[end..])
            }
            _ => return Err(format!("`{}` is no word of a template", c.escape_default())),
        };
        tokens.push(token);
        rest = rest.trim_start();
    }
    Ok(tokens)
}

/// The parts of `.a.b` at the beginning of a text, and what is behind them.
fn fields(text: &str) -> (Vec<String>, &str) {
    let (mut fields, mut rest) = (Vec::new(), text);
    while let Some(after) = rest.strip_prefix('.') {
        let end = after.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(after.len());
        if end == 0 {
            break;
        }
        fields.push(after[..end].to_owned());
        rest = &after[end..];
    }
    (fields, rest)
}

fn end_of_quoted(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().skip(1).find_map(|(index, c)| {
        let ends = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(index)
    })
}

fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        plain.push(match c {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some(other) => other,
                None => '\\',
            },
            c => c,
        });
    }
    plain
}

struct Parser {
    pieces: std::vec::IntoIter<(u32, Piece)>,
    defines: HashMap<String, Vec<Item>>,
}

/// What ended a list of items: `end` or `else`, and what stands behind it.
type End = Option<(u32, String, Vec<Token>)>;

impl Parser {
    fn items(&mut self, nested: usize) -> Result<(Vec<Item>, End), Trouble> {
        let mut items = Vec::new();
        while let Some((line, piece)) = self.pieces.next() {
            let fail = |problem: &str| Trouble { line, problem: problem.to_owned() };
            if nested > MOST_NESTED {
                return Err(fail("too many blocks are in each other"));
            }
            let mut tokens = match piece {
                Piece::Text(text) => {
                    items.push(Item { line, kind: Kind::Text(text) });
                    continue;
                }
                Piece::Action(tokens) => tokens,
            };
            let word = match &tokens[0] {
                Token::Word(word) => word.clone(),
                _ => String::new(),
            };
            let rest = |tokens: &mut Vec<Token>| tokens.split_off(1);
            let kind = match word.as_str() {
                "end" | "else" => return Ok((items, Some((line, word, rest(&mut tokens))))),
                "break" | "continue" => continue,
                "define" | "block" => {
                    let mut rest = rest(&mut tokens);
                    let Some(Token::Text(name)) = rest.first().cloned() else {
                        return Err(fail("a definition has no name"));
                    };
                    let body = self.body(line, nested)?.0;
                    self.defines.insert(name.clone(), body);
                    if word == "define" {
                        continue;
                    }
                    let mut call = vec![Token::Word("include".to_owned())];
                    call.append(&mut rest);
                    Kind::Print(pipe(&call).map_err(|problem| fail(&problem))?)
                }
                "template" => {
                    tokens[0] = Token::Word("include".to_owned());
                    Kind::Print(pipe(&tokens).map_err(|problem| fail(&problem))?)
                }
                "if" => self.branches(line, &rest(&mut tokens), nested)?,
                "with" | "range" => {
                    let (variables, pipe) =
                        assignment(&rest(&mut tokens)).map_err(|problem| fail(&problem))?;
                    let (body, otherwise) = self.body(line, nested)?;
                    match word.as_str() {
                        "range" => Kind::Range { variables, pipe, body, otherwise },
                        _ => Kind::With {
                            variable: variables.into_iter().next(),
                            pipe,
                            body,
                            otherwise,
                        },
                    }
                }
                _ => {
                    let (variables, pipe) =
                        assignment(&tokens).map_err(|problem| fail(&problem))?;
                    match variables.into_iter().next() {
                        Some(name) => {
                            Kind::Set { name, declares: tokens.contains(&Token::Declare), pipe }
                        }
                        None => Kind::Print(pipe),
                    }
                }
            };
            items.push(Item { line, kind });
        }
        Ok((items, None))
    }

    /// A block's items, and those of its `else`.
    fn body(&mut self, line: u32, nested: usize) -> Result<(Vec<Item>, Vec<Item>), Trouble> {
        let (body, end) = self.items(nested + 1)?;
        match end {
            Some((_, word, _)) if word == "end" => Ok((body, Vec::new())),
            Some((line, _, rest)) if rest.is_empty() => Ok((body, self.body(line, nested + 1)?.0)),
            // `else with …` is rare enough to be left to Helm.
            _ => Err(Trouble { line, problem: "the block has no end".to_owned() }),
        }
    }

    fn branches(&mut self, line: u32, condition: &[Token], nested: usize) -> Result<Kind, Trouble> {
        let mut branches = Vec::new();
        let mut condition = Some(condition.to_vec());
        loop {
            // A variable that the condition declares is not known in the branch.
            let pipe = condition.map(|tokens| Ok(assignment(&tokens)?.1)).transpose();
            let pipe = pipe.map_err(|problem| Trouble { line, problem })?;
            let (body, end) = self.items(nested + 1)?;
            branches.push((pipe, body));
            match end {
                Some((_, word, _)) if word == "end" => return Ok(Kind::If(branches)),
                Some((_, _, rest)) if rest.is_empty() => condition = None,
                Some((_, _, rest)) if rest[0] == Token::Word("if".to_owned()) => {
                    condition = Some(rest[1..].to_vec());
                }
                _ => return Err(Trouble { line, problem: "the block has no end".to_owned() }),
            }
        }
    }
}

/// `$a, $b := pipe`, `$a = pipe` or `pipe`.
fn assignment(tokens: &[Token]) -> Result<(Vec<String>, Pipe), String> {
    let Some(at) = tokens.iter().position(|token| matches!(token, Token::Declare | Token::Assign))
    else {
        return Ok((Vec::new(), pipe(tokens)?));
    };
    let names = tokens[..at].iter().filter_map(|token| match token {
        Token::Variable(name, _) => Some(name.clone()),
        _ => None,
    });
    Ok((names.collect(), pipe(&tokens[at + 1..])?))
}

fn pipe(tokens: &[Token]) -> Result<Pipe, String> {
    let mut tokens = tokens.iter();
    let (pipe, _) = inner(&mut tokens, 0)?;
    Ok(pipe)
}

/// The commands up to a closing parenthesis or the end, and the field behind the parenthesis.
fn inner(
    tokens: &mut std::slice::Iter<'_, Token>,
    nested: usize,
) -> Result<(Pipe, Vec<String>), String> {
    if nested > MOST_NESTED {
        return Err("too many parentheses are in each other".to_owned());
    }
    let (mut pipe, mut command) = (Vec::new(), Vec::new());
    let field = loop {
        let term = match tokens.next() {
            None if nested == 0 => break Vec::new(),
            None => return Err("a parenthesis is not closed".to_owned()),
            Some(Token::Close(_)) if nested == 0 => {
                return Err("a parenthesis is closed that was not opened".to_owned());
            }
            Some(Token::Close(field)) => break field.clone(),
            Some(Token::Pipe) => {
                pipe.push(std::mem::take(&mut command));
                continue;
            }
            Some(Token::Open) => {
                let (inner, field) = inner(tokens, nested + 1)?;
                Term::Inner(inner, field)
            }
            Some(Token::Word(word)) => Term::Word(word.clone()),
            Some(Token::Field(field)) => Term::Field(field.clone()),
            Some(Token::Variable(name, field)) => Term::Variable(name.clone(), field.clone()),
            Some(Token::Text(text)) => Term::Text(text.clone()),
            Some(Token::Number(number)) => Term::Number(number.clone()),
            Some(Token::Comma | Token::Declare | Token::Assign) => {
                return Err("an action is not understood".to_owned());
            }
        };
        command.push(term);
    };
    pipe.push(command);
    if pipe.iter().any(Vec::is_empty) {
        return Err("a command is empty".to_owned());
    }
    Ok((pipe, field))
}
