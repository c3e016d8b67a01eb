//! The netrc file with credentials, which curl, git and Bazel read too.
//!
//! Own code: `rust-netrc` prints unknown words in its errors, which may be a password, and parses
//! the rest of a comment as keywords.

use std::io;
use std::path::{Path, PathBuf};

use super::Login;
use crate::error::{Error, Result};
use crate::read;
use crate::regular_file;

/// The largest netrc file in bytes.
const LARGEST: u64 = 1 << 20;

/// The entries of a netrc file, in their order.
#[derive(Default)]
pub struct Netrc {
    path: Option<PathBuf>,
    machines: Vec<(String, Login)>,
    default: Option<Login>,
}

impl Netrc {
    /// Reads the file. A missing file counts as an empty one.
    pub fn read(path: Option<&Path>) -> Result<Netrc> {
        let Some(path) = path else { return Ok(Netrc::default()) };
        let text = match regular_file::open(path) {
            Ok(mut file) => read::rest(&mut file, path, LARGEST)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            // Many users set this to mean no file at all.
            Err(_) if path == Path::new("/dev/null") => Vec::new(),
            Err(error) => {
                let text = format!("cannot read the credentials in `{}`", path.display());
                let error = Error::usage(text).because(error);
                return Err(error.hint("set NETRC to a readable file"));
            }
        };
        let text = String::from_utf8_lossy(&text);
        let mut netrc = parse(text.trim_start_matches('\u{feff}')).map_err(|line| {
            let path = path.display();
            Error::usage(format!("`{path}` has an unclosed quote in line {line}"))
        })?;
        netrc.path = Some(path.to_owned());
        Ok(netrc)
    }

    /// Returns the path of the file, even if the file is missing.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns the credential of the entry for exactly this host.
    pub fn machine(&self, host: &str) -> Option<&Login> {
        let found = self.machines.iter().find(|(name, _)| name.eq_ignore_ascii_case(host));
        found.map(|(_, credential)| credential)
    }

    /// Returns the credential of the `default` entry.
    pub fn default_entry(&self) -> Option<&Login> {
        self.default.as_ref()
    }
}

/// The hosts that an entry is for.
enum NetrcEntry {
    Machine(String),
    Default,
}

fn parse(text: &str) -> std::result::Result<Netrc, usize> {
    let mut netrc = Netrc::default();
    let mut words = Words { text, line: 1 };
    let mut entry = None;
    let (mut login, mut password) = (None, None);
    loop {
        let word = words.next()?;
        let ends = matches!(word.as_deref(), None | Some("machine" | "default" | "macdef"));
        if ends {
            netrc.add(entry.take(), login.take(), password.take());
        }
        match word.as_deref() {
            None => return Ok(netrc),
            Some("machine") => entry = words.next()?.map(NetrcEntry::Machine),
            Some("default") => entry = Some(NetrcEntry::Default),
            Some("macdef") => words.skip_macro(),
            Some("login" | "user") => login = words.next()?,
            Some("password") => password = words.next()?,
            Some("account") => drop(words.next()?),
            Some(word) if word.starts_with('#') => words.skip_line(),
            Some(_) => {}
        }
    }
}

impl Netrc {
    fn add(&mut self, entry: Option<NetrcEntry>, login: Option<String>, password: Option<String>) {
        let Some(login) = login else { return };
        let credential = Login { login, password: password.unwrap_or_default() };
        credential.register_secrets();
        match entry {
            Some(NetrcEntry::Machine(name)) => self.machines.push((name, credential)),
            Some(NetrcEntry::Default) => self.default = Some(credential),
            None => {}
        }
    }
}

/// The rest of the text, from which words are taken one by one.
struct Words<'a> {
    text: &'a str,
    line: usize,
}

impl<'a> Words<'a> {
    /// Returns the next word, without its quotes; an error is the line of an opening quote.
    fn next(&mut self) -> std::result::Result<Option<String>, usize> {
        let rest = self.text.trim_start();
        self.line += newlines(&self.text[..self.text.len() - rest.len()]);
        self.text = rest;
        if let Some(quoted) = rest.strip_prefix('"') {
            return self.quoted(quoted).map(Some);
        }
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        self.text = &rest[end..];
        Ok((end > 0).then(|| rest[..end].to_owned()))
    }

    fn quoted(&mut self, text: &'a str) -> std::result::Result<String, usize> {
        let mut word = String::new();
        let mut chars = text.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.line += newlines(&text[..at]);
                    self.text = &text[at + 1..];
                    return Ok(word);
                }
                '\\' => word.extend(chars.next().map(|(_, c)| c)),
                c => word.push(c),
            }
        }
        Err(self.line)
    }

    fn skip_line(&mut self) {
        self.text = self.text.find('\n').map_or("", |end| &self.text[end..]);
    }

    /// Skips a macro, which ends at the first empty line.
    fn skip_macro(&mut self) {
        let mut end = 0;
        for (index, line) in self.text.split_inclusive('\n').enumerate() {
            end += line.len();
            if index > 0 && line.trim().is_empty() {
                break;
            }
        }
        self.line += newlines(&self.text[..end]);
        self.text = &self.text[end..];
    }
}

fn newlines(text: &str) -> usize {
    text.matches('\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(credential: Option<&Login>) -> Option<(&str, &str)> {
        credential.map(|it| (it.login.as_str(), it.password.as_str()))
    }

    #[test]
    fn reads_the_syntax_that_curl_reads() {
        let text = "\
            # machine no.example login no password no\n\
            machine one.example login me password s#cret # a comment machine x\n\
            macdef init\n\
            machine in.macro login no password no\n\
            \n\
            machine Two.Example user \"a b\" account x password \"q\\\"uo te\"\n\
            machine three.example port 21 login only\n\
            machine no.login password x\n\
            default login anonymous password guest\n";
        let netrc = parse(text).unwrap_or_else(|line| panic!("line {line}"));
        let machine = |host| pair(netrc.machine(host));
        assert_eq!(machine("one.example"), Some(("me", "s#cret")));
        assert_eq!(machine("two.example"), Some(("a b", "q\"uo te")));
        assert_eq!(machine("three.example"), Some(("only", "")));
        for host in ["no.example", "in.macro", "no.login", "x", "sub.one.example"] {
            assert_eq!(machine(host), None, "{host}");
        }
        assert_eq!(pair(netrc.default_entry()), Some(("anonymous", "guest")));
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("netrc");
        std::fs::write(&path, "\u{feff}machine a login b password c\r\n").unwrap();
        let netrc = Netrc::read(Some(&path)).unwrap();
        assert_eq!(pair(netrc.machine("a")), Some(("b", "c")));
    }

    #[test]
    fn a_truncated_file_does_not_panic() {
        let text = "machine a login \"b\\\"\" password c\nmacdef x\ny\n\ndefault login d";
        for end in 0..=text.len() {
            let _ = parse(&text[..end]);
        }
    }

    #[test]
    fn an_open_quote_is_named_by_line_without_its_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("netrc");
        std::fs::write(&path, "machine a\n login b\n password \"geheim\n").unwrap();
        let error = Netrc::read(Some(&path)).err().unwrap();
        assert_eq!(error.kind(), crate::error::ErrorKind::Usage);
        assert!(error.statement().contains("line 3"), "{error}");
        assert!(!error.to_string().contains("geheim"), "{error}");
    }

    #[test]
    fn a_missing_file_is_none_and_an_unreadable_one_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Netrc::read(Some(&folder.path().join("none"))).is_ok());
        let error = Netrc::read(Some(folder.path())).err().unwrap();
        assert_eq!(error.kind(), crate::error::ErrorKind::Usage);
        assert!(Netrc::read(Some(Path::new("/dev/null"))).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn a_device_a_pipe_and_a_file_without_end_are_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, large) = (folder.path().join("pipe"), folder.path().join("large"));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::fs::File::create(&large).unwrap().set_len(LARGEST + 1).unwrap();
        for path in [&pipe, &large, Path::new("/dev/zero")] {
            let error = Netrc::read(Some(path)).err().unwrap();
            assert_eq!(error.kind(), crate::error::ErrorKind::Usage, "{error}");
            assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        }
    }
}
