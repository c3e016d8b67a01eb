//! The manifests that Helm has rendered.

use std::ops::Range;

/// The beginning of the line that Helm writes above the text of each template.
pub(super) const SOURCE: &str = "# Source: ";

/// Manifests, with the template of each line.
#[derive(Debug)]
pub struct Rendered {
    /// The manifests as Helm prints them.
    pub text: String,
    /// The warnings of Helm, each on one line.
    pub warnings: Vec<String>,
    /// The line, from 1, at which the text of a template begins, and the range of its name in the
    /// text.
    sources: Vec<(u32, Range<usize>)>,
}

impl Rendered {
    /// Parses Helm's output.
    pub fn new(text: String, warnings: Vec<String>) -> Rendered {
        let mut sources = Vec::new();
        let mut start = 0;
        for (line, number) in text.split_inclusive('\n').zip(1_u32..) {
            if let Some(name) = line.strip_prefix(SOURCE) {
                let at = start + SOURCE.len();
                sources.push((number, at..at + name.trim_end().len()));
            }
            start += line.len();
        }
        Rendered { text, warnings, sources }
    }

    /// Returns the template of a line of the manifests, such as `nginx/templates/pod.yaml`.
    pub fn template_at(&self, line: u32) -> Option<&str> {
        let after = self.sources.partition_point(|(first, _)| *first <= line);
        let (_, name) = self.sources.get(after.checked_sub(1)?)?;
        Some(&self.text[name.clone()])
    }
}
