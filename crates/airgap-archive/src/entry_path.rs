//! A path inside an archive that means the same place on every platform.

use super::limits::Limits;
use super::refusal::is_unseen;

/// A relative path: components joined by `/`, none of which is special on any platform.
///
/// Linux would accept most of the names that are refused here. But the tree is carried across
/// platforms, and a name that Windows reads in another way misleads a reviewer on Linux.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EntryPath(String);

impl EntryPath {
    /// Parses a name as it is in an archive; the error is the reason for refusing it.
    ///
    /// A leading `./` and one `/` at the end are removed, as `tar` writes folders so.
    pub(super) fn parse(raw: &[u8], limits: &Limits) -> Result<EntryPath, String> {
        let text = check_text(raw, limits)?;
        let mut rest = text.strip_suffix('/').unwrap_or(text);
        while let Some(after) = rest.strip_prefix("./") {
            rest = after;
        }
        if rest == "." || (rest.is_empty() && text == "./") {
            return Ok(EntryPath(String::new()));
        }
        let mut depth = 0;
        for component in rest.split('/') {
            check_component(component)?;
            depth += 1;
        }
        if depth > limits.depth {
            return Err(format!("it is {depth} folders deep; the limit is {}", limits.depth));
        }
        Ok(EntryPath(rest.to_owned()))
    }

    /// Parses the name of an existing file, to which a hard link leads. As in the target of a
    /// symbolic link, `.` and empty components change nothing.
    pub(super) fn parse_target(raw: &[u8], limits: &Limits) -> Result<EntryPath, String> {
        let text = check_text(raw, limits)?;
        let plain = |component: &&str| !matches!(*component, "" | ".");
        let components: Vec<_> = text.split('/').filter(plain).collect();
        match components.join("/").as_str() {
            "" => Ok(EntryPath(String::new())),
            plain => EntryPath::parse(plain.as_bytes(), limits),
        }
    }

    /// Returns the path, which is empty for the root.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether this is the root folder.
    pub(super) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the folder that contains it, which is empty for the root.
    pub(super) fn parent(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(parent, _)| parent)
    }

    /// Returns its last component.
    pub(super) fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// Returns the path of another name in the same folder.
    pub(super) fn sibling(&self, name: &str) -> EntryPath {
        EntryPath(match self.parent() {
            "" => name.to_owned(),
            parent => format!("{parent}/{name}"),
        })
    }

    /// Returns the path relative to `folder` if it is inside; the root if it is that folder.
    pub(super) fn below(&self, folder: &EntryPath) -> Option<EntryPath> {
        if folder.is_root() {
            return Some(self.clone());
        }
        match self.0.strip_prefix(&folder.0)? {
            "" => Some(EntryPath(String::new())),
            rest => rest.strip_prefix('/').map(|rest| EntryPath(rest.to_owned())),
        }
    }
}

/// Checks the rules for a text as a whole, which apply to the targets of links too.
pub(super) fn check_text<'a>(raw: &'a [u8], limits: &Limits) -> Result<&'a str, String> {
    if raw.len() > limits.path {
        return Err(format!("the path is {} bytes long; the limit is {}", raw.len(), limits.path));
    }
    let text = std::str::from_utf8(raw).map_err(|_| "the path is not UTF-8".to_owned())?;
    if text.is_empty() {
        return Err("the path is empty".to_owned());
    }
    if text.starts_with('/') {
        return Err("the path is absolute".to_owned());
    }
    match text.chars().find(|&c| c == '\\' || c == ':' || is_unseen(c)) {
        None => Ok(text),
        Some('\\') => {
            Err("the path contains a backslash, which separates folders on Windows".into())
        }
        Some(':') => {
            Err("the path contains a colon, which names a drive or a stream on Windows".into())
        }
        Some(c) if c.is_control() => {
            Err(format!("the path contains the control character {}", c.escape_default()))
        }
        Some(c) => Err(format!(
            "the path contains the character {}, which is invisible or changes how the path is \
             displayed",
            c.escape_default()
        )),
    }
}

/// Checks the rules for one component.
pub(super) fn check_component(component: &str) -> Result<(), String> {
    match component {
        "" => Err("a component of the path is empty".to_owned()),
        "." => Err("a component of the path is `.`".to_owned()),
        ".." => Err("the path climbs with `..`".to_owned()),
        _ if component.len() > 255 => {
            Err("a component of the path is longer than 255 bytes".to_owned())
        }
        _ if component.ends_with(['.', ' ']) => {
            Err(format!("`{component}` ends in a dot or a space, which Windows removes"))
        }
        _ if is_device(component) => Err(format!("`{component}` names a device on Windows")),
        _ => Ok(()),
    }
}

/// Returns whether Windows opens a device for the name: `con`, `CON` and `con.txt` alike, in every
/// folder.
fn is_device(component: &str) -> bool {
    let stem = component.split('.').next().unwrap_or_default().trim_end_matches(' ');
    let lower = stem.to_ascii_lowercase();
    if matches!(lower.as_str(), "con" | "prn" | "aux" | "nul" | "conin$" | "conout$") {
        return true;
    }
    let number = lower.strip_prefix("com").or_else(|| lower.strip_prefix("lpt"));
    number.is_some_and(|number| {
        let mut chars = number.chars();
        matches!((chars.next(), chars.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(raw: &[u8]) -> Result<String, String> {
        EntryPath::parse(raw, &Limits::default()).map(|path| path.0)
    }

    #[test]
    fn takes_the_paths_of_toolchains() {
        for (raw, path) in [
            ("a", "a"),
            ("./a/b", "a/b"),
            ("././a", "a"),
            ("a/b/", "a/b"),
            ("./", ""),
            (".", ""),
            ("bin/.hidden", "bin/.hidden"),
            ("lib/ünïcode 1.2+3@4~5", "lib/ünïcode 1.2+3@4~5"),
            ("console/nullable/aux-1/common", "console/nullable/aux-1/common"),
            ("...a", "...a"),
        ] {
            assert_eq!(parse(raw.as_bytes()).as_deref(), Ok(path), "{raw:?}");
        }
    }

    #[test]
    fn refuses_paths_that_some_system_reads_differently() {
        for (raw, reason) in [
            (&b""[..], "empty"),
            (b"/", "absolute"),
            (b"/etc/passwd", "absolute"),
            (b"//server/share", "absolute"),
            (b"..", "climbs"),
            (b"a/../b", "climbs"),
            (b"./../b", "climbs"),
            (b"a//b", "empty"),
            (b"a//", "empty"),
            (b".//a", "empty"),
            (b"a/./b", "`.`"),
            (b"a/.", "`.`"),
            (b"a\\b", "backslash"),
            (b"C:/a", "colon"),
            (b"a:stream", "colon"),
            (b"a\0b", "control character"),
            (b"a\x1b[2J", "control character"),
            ("a\u{85}".as_bytes(), "control character"),
            ("a\u{202e}b".as_bytes(), "\\u{202e}"),
            ("a\u{2066}b".as_bytes(), "\\u{2066}"),
            ("a\u{200b}".as_bytes(), "invisible"),
            ("\u{feff}a".as_bytes(), "invisible"),
            (b"\xff", "UTF-8"),
            (b"a./b", "dot or a space"),
            (b"a ", "dot or a space"),
            (b"...", "dot or a space"),
            (b"CON", "device"),
            (b"a/nul.txt", "device"),
            (b"com1", "device"),
            ("LPT¹.x".as_bytes(), "device"),
            (b"aux .h", "device"),
        ] {
            let found = parse(raw).unwrap_err();
            assert!(found.contains(reason), "{raw:?}: {found}");
        }
    }

    #[test]
    fn bounds_length_and_depth() {
        let limits = Limits { path: 10, depth: 3, ..Limits::default() };
        let parse = |raw: &str| EntryPath::parse(raw.as_bytes(), &limits);
        assert!(parse("a/b/c").is_ok());
        assert!(parse("a/b/c/d").unwrap_err().contains("deep"));
        assert!(parse("abcdefghijk").unwrap_err().contains("11 bytes"));
        let long = "x".repeat(256);
        assert!(EntryPath::parse(long.as_bytes(), &Limits::default()).is_err());
    }
}
