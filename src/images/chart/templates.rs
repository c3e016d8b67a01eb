//! The images that a chart's templates write.

use std::cell::OnceCell;
use std::rc::Rc;

use super::Chart;
use super::found::Unresolved;
use super::lines::{self, Find};
use super::template::{HOLE, Machine, Trouble};
use crate::error::{Error, Result};
use crate::images::reference::ImageReference;
use crate::images::scan::scan;
use crate::images::words;
use crate::yaml::{Documents, Duplicates, Node, Problem};

type Outcome = Result<()>;

/// Why most of what is not known is not.
const UNKNOWN: &str = "it cannot be told without rendering";

/// The most images and other words that the templates of a chart may name, and the bytes of them
/// with their places.
pub(super) const MOST_NAMED: usize = 50_000;
pub(super) const MOST_NAMED_BYTES: usize = 16 << 20;

/// How much of a line is shown, in characters.
const MOST_SHOWN: usize = 500;

/// The images of templates, each with where it is.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) images: Vec<(ImageReference, String)>,
    pub(super) unresolved: Vec<Unresolved>,
    bytes: usize,
}

/// What the templates of a chart and of the charts in it write with their values.
///
/// # Errors
/// Usage, where they name too much.
pub(super) fn written(root: &Chart) -> Result<Written> {
    let mut written = Written::default();
    let mut machine = Machine::default();
    let charts = root.all();
    for chart in &charts {
        for (name, text) in chart.files.templates.iter() {
            // What cannot be read here is said where it is run.
            if machine.define(text).is_err() && is_helper(name) {
                let place = format!("{}/{name}", chart.files.origin);
                let reason = "this program does not understand the template".to_owned();
                written.add_unresolved(Unresolved { place, text: "define".to_owned(), reason })?;
            }
        }
    }
    for chart in &charts {
        let dot = chart.dot();
        for (name, text) in chart.files.templates.iter().filter(|(name, _)| !is_helper(name)) {
            let file = format!("{}/{name}", chart.files.origin);
            let template = Template::new(text);
            match machine.run(text, &dot) {
                Ok(output) => {
                    let shown = output.text.split('\n').map(known);
                    let lines: Vec<_> = output.lines.iter().copied().zip(shown).collect();
                    // One document that cannot be read leaves the others as they are.
                    for lines in lines.chunk_by(|_, (_, next)| !next.starts_with("---")) {
                        let template = &template;
                        written.document(&Document { lines, file: &file, template })?;
                    }
                }
                Err(Trouble { line, problem }) => written.add_unresolved(Unresolved {
                    place: format!("{file}:{line}"),
                    text: template.line(line),
                    reason: problem,
                })?,
            }
        }
    }
    Ok(written)
}

/// Files whose names begin so only define.
fn is_helper(name: &str) -> bool {
    name.rsplit('/').next().is_some_and(|file| file.starts_with('_'))
}

impl Chart {
    /// What the dot of its templates is. A release and a cluster are not known.
    fn dot(&self) -> Rc<Node> {
        use super::template::{hole, mapping, text};
        let app_version = self.app_version.as_deref().unwrap_or_default();
        let chart = mapping(vec![
            ("Name", text(&self.name)),
            ("Version", text(&self.files.version)),
            ("AppVersion", text(app_version)),
        ]);
        mapping(vec![
            ("Values", self.values().clone()),
            ("Chart", chart),
            ("Release", hole()),
            ("Capabilities", hole()),
            ("Template", hole()),
            ("Files", hole()),
            ("Subcharts", hole()),
        ])
    }
}

/// A document that a template wrote: each line with the line of the template that it is from.
struct Document<'a> {
    lines: &'a [(u32, String)],
    file: &'a str,
    template: &'a Template<'a>,
}

impl Document<'_> {
    fn line(&self, index: usize) -> u32 {
        self.lines.get(index).or(self.lines.last()).map_or(1, |(line, _)| *line)
    }

    fn place(&self, index: usize) -> String {
        format!("{}:{}", self.file, self.line(index))
    }

    fn unresolved(&self, index: usize, reason: String) -> Unresolved {
        let text = self.template.line(self.line(index));
        Unresolved { place: self.place(index), text, reason }
    }

    /// The text, without the lines that are not known at all: they may be whole blocks. One that is
    /// the value of an image is none of these.
    fn text(&self) -> String {
        let (mut text, mut says_image) = (String::new(), false);
        for (_, line) in self.lines {
            let is_hole = line.trim().chars().all(|c| c == HOLE);
            if !is_hole || says_image {
                text.push_str(line);
            }
            text.push('\n');
            if !line.trim().is_empty() {
                let key = line.trim().trim_start_matches("- ").strip_suffix(':');
                says_image = key.is_some_and(words::says_image);
            }
        }
        text
    }
}

impl Written {
    /// Looks at a document as manifests are looked at. Where it is no YAML, as what is not known
    /// may be anything, its words are looked at one after the other.
    fn document(&mut self, document: &Document<'_>) -> Outcome {
        let text = document.text();
        let found = Documents::new(&text, document.file, Duplicates::LastCounts)
            .map(|document| document.and_then(|document| scan(&document)))
            .collect::<std::result::Result<Vec<_>, Problem>>();
        let is_read = found.is_ok();
        for mention in found.into_iter().flatten().flatten() {
            let index = (mention.place.line as usize).saturating_sub(1);
            match mention.image {
                Ok(image) => self.image(image, document, index)?,
                // It is found again below.
                Err(_) if mention.written.contains(HOLE) => {}
                Err(reason) => self.add_unresolved(document.unresolved(index, reason))?,
            }
        }
        // Of a key that both branches of a condition write, a reader sees the last one.
        let is_whole = is_read
            && Documents::new(&text, document.file, Duplicates::Refused).all(|it| it.is_ok());
        for (index, find) in lines::find(document.lines.iter().map(|(_, line)| line.as_str())) {
            let reason = match find {
                Find::Unknown => UNKNOWN.to_owned(),
                Find::Image(image) if !is_whole => {
                    self.image(image, document, index)?;
                    continue;
                }
                Find::Problem(problem) if !is_read => problem,
                Find::Part if !is_read => UNKNOWN.to_owned(),
                _ => continue,
            };
            let unresolved = document.unresolved(index, reason);
            if self.unresolved.last().is_none_or(|last| last.place != unresolved.place) {
                self.add_unresolved(unresolved)?;
            }
        }
        Ok(())
    }

    fn image(&mut self, image: ImageReference, document: &Document<'_>, index: usize) -> Outcome {
        let place = format!("template {}", document.place(index));
        self.bytes += place.len();
        self.images.push((image, place));
        self.check()
    }

    fn add_unresolved(&mut self, unresolved: Unresolved) -> Outcome {
        self.bytes += unresolved.size();
        self.unresolved.push(unresolved);
        self.check()
    }

    fn check(&self) -> Outcome {
        check_size(self.images.len() + self.unresolved.len(), self.bytes)
    }
}

/// A line in which each word with something unknown is unknown as a whole, so that what is left of
/// it is not taken for what it says.
fn known(line: &str) -> String {
    let mut known = String::with_capacity(line.len());
    for part in line.split_inclusive(|c: char| c.is_whitespace() || "\"'`,()[]{}=".contains(c)) {
        if !part.contains(HOLE) {
            known.push_str(part);
            continue;
        }
        let end = part.chars().next_back().filter(|c| *c != HOLE && !c.is_alphanumeric());
        let word = end.map_or(part, |end| &part[..part.len() - end.len_utf8()]);
        known.push(HOLE);
        if word.ends_with(':') {
            known.push(':');
        }
        known.extend(end.filter(|end| *end == ':' || !".-_/@".contains(*end)));
    }
    known
}

/// Checks that what a chart names is not more than it may be.
pub(super) fn check_size(count: usize, bytes: usize) -> Outcome {
    if count <= MOST_NAMED && bytes <= MOST_NAMED_BYTES {
        return Ok(());
    }
    Err(Error::usage("the chart names too many images")
        .fact("limit", format!("{MOST_NAMED} images in {MOST_NAMED_BYTES} bytes with their places"))
        .hint("render it with `helm template` and give the manifests"))
}

/// The text of a template, whose lines are shown in any order.
struct Template<'a> {
    text: &'a str,
    /// Where its lines begin. Most templates are understood, and none is shown.
    starts: OnceCell<Vec<usize>>,
}

impl Template<'_> {
    fn new(text: &str) -> Template<'_> {
        Template { text, starts: OnceCell::new() }
    }

    fn line(&self, line: u32) -> String {
        let starts = self.starts.get_or_init(|| {
            let behind = self.text.match_indices('\n').map(|(end, _)| end + 1);
            std::iter::once(0).chain(behind).collect()
        });
        let start = starts.get(line.saturating_sub(1) as usize).copied().unwrap_or(self.text.len());
        let line = self.text[start..].lines().next().unwrap_or_default().trim();
        line.chars().take(MOST_SHOWN).collect()
    }
}
