//! Documents in a form in which this program reads them as Helm does.
//!
//! Helm's YAML reader accepts documents that others refuse: two equal keys, and quoted texts whose
//! next line is not indented. Helm itself turns such documents into JSON: they are files of a small
//! chart, whose template is [`TEMPLATE`].

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::Path;

use super::rendered::SOURCE;
use crate::yaml::{Documents, Duplicates};
use airgap_core::folder::Folder;
use airgap_core::rooted::RootedPath;

/// The largest number of documents of a chart, the last of which has the rest, and the largest
/// number of them that are read again.
const MOST_PARTS: usize = 50_000;
const MOST_UNREAD: usize = 1000;

/// The largest file that Helm reads in a chart, in bytes.
const LARGEST: usize = 5 << 20;

/// The line above each document.
const MARK: &str = "---";

/// The name of the small chart in the run's folder.
pub(super) const CHART: &str = "documents";

const MANIFEST: &str = "apiVersion: v2\nname: documents\nversion: 1.0.0\n";
const TEMPLATE: &str = "\
documents:
{{- range $path, $_ := .Files.Glob \"files/*\" }}
- {{ $.Files.Get $path | fromYaml | toJson }}
{{- end }}
";

/// The documents of a text, some of which Helm must read.
pub(super) struct DocumentParts<'a> {
    parts: Vec<&'a str>,
    /// The indexes of the documents that Helm must read.
    unread: Vec<usize>,
}

impl<'a> DocumentParts<'a> {
    /// Splits a text into its documents.
    pub(super) fn new(text: &'a str) -> DocumentParts<'a> {
        let mut parts = Vec::new();
        let (mut start, mut end) = (0, 0);
        for line in text.split_inclusive('\n') {
            if line.starts_with(MARK) && end > start && parts.len() < MOST_PARTS {
                parts.push(&text[start..end]);
                start = end;
            }
            end += line.len();
        }
        parts.push(&text[start..]);
        let is_unread = |part: &&str| {
            Documents::new(part, "", Duplicates::Refused).any(|document| document.is_err())
        };
        let unread = (0..parts.len()).filter(|index| is_unread(&parts[*index]));
        let unread = unread.filter(|index| parts[*index].len() <= LARGEST);
        let unread = unread.take(MOST_UNREAD).collect();
        DocumentParts { parts, unread }
    }

    /// Returns whether all documents can be read without Helm.
    pub(super) fn are_read(&self) -> bool {
        self.unread.is_empty()
    }

    /// Writes the small chart into a folder.
    pub(super) fn write_chart(&self, room: &Path) -> io::Result<()> {
        let chart = RootedPath::from_trusted(room.join(CHART)).make()?;
        write(&chart, "Chart.yaml", MANIFEST)?;
        write(&chart.make(OsStr::new("templates"))?, "documents.yaml", TEMPLATE)?;
        let files = chart.make(OsStr::new("files"))?;
        for index in &self.unread {
            write(&files, &format!("{index:08}.yaml"), self.parts[*index])?;
        }
        Ok(())
    }

    /// Returns the text with the documents from Helm's answer.
    pub(super) fn with(&self, answer: &str) -> String {
        let read = answer.lines().filter_map(|line| line.strip_prefix("- "));
        let mut read: std::collections::HashMap<_, _> =
            self.unread.iter().copied().zip(read).collect();
        let mut text = String::new();
        for (index, part) in self.parts.iter().enumerate() {
            match read.remove(&index).filter(|json| !json.starts_with(r#"{"Error":"#)) {
                None => text.push_str(part),
                Some(json) => {
                    let source = part.lines().find(|line| line.starts_with(SOURCE));
                    let lines = [Some(MARK), source, Some(json)];
                    lines.into_iter().flatten().for_each(|line| text.extend([line, "\n"]));
                }
            }
        }
        text
    }
}

fn write(folder: &Folder, name: &str, text: &str) -> io::Result<()> {
    folder.create(OsStr::new(name), false)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_that_only_helm_reads_are_replaced() {
        let text = "---\n# Source: c/a.yaml\na: 1\n---\n# Source: c/b.yaml\na: 1\na: 2\n--- # x\n\
                    # Source: c/d.yaml\nb:\n  c: \"d\n  e\"\n---\n: [\n";
        let parts = DocumentParts::new(text);
        assert_eq!(parts.unread, [1, 2, 3]);
        let answer = "---\n# Source: documents/templates/documents.yaml\ndocuments:\n\
                      - {\"a\":2}\n- {\"b\":{\"c\":\"d e\"}}\n- {\"Error\":\"no\"}\n";
        assert_eq!(
            parts.with(answer),
            "---\n# Source: c/a.yaml\na: 1\n---\n# Source: c/b.yaml\n{\"a\":2}\n---\n\
             # Source: c/d.yaml\n{\"b\":{\"c\":\"d e\"}}\n---\n: [\n"
        );
        // Documents that the answer lacks stay unchanged.
        assert_eq!(parts.with(""), text);
        assert!(DocumentParts::new("a: 1\n").are_read());
    }
}
