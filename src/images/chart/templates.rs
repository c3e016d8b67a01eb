//! The images that a chart's templates write.

use std::rc::Rc;

use super::Chart;
use super::found::Unresolved;
use super::template::{HOLE, Machine, Trouble};
use crate::images::reference::ImageReference;
use crate::images::{scan, words};
use crate::yaml::Node;

/// Why most of what is not known is not.
const UNKNOWN: &str = "it cannot be told without rendering";

/// The images of templates, each with where it is.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) images: Vec<(ImageReference, String)>,
    pub(super) unresolved: Vec<Unresolved>,
}

/// What the templates of a chart and of the charts in it write with their values.
pub(super) fn written(root: &Chart) -> Written {
    let mut written = Written::default();
    let mut machine = Machine::default();
    let charts = root.all();
    for chart in &charts {
        for (name, text) in &chart.files.templates {
            // What cannot be read here is said where it is run.
            if machine.define(text).is_err() && is_helper(name) {
                let place = format!("{}/{name}", chart.files.origin);
                let reason = "this program does not understand the template".to_owned();
                written.unresolved.push(Unresolved { place, text: "define".to_owned(), reason });
            }
        }
    }
    for chart in &charts {
        let dot = chart.dot();
        for (name, text) in chart.files.templates.iter().filter(|(name, _)| !is_helper(name)) {
            let file = format!("{}/{name}", chart.files.origin);
            match machine.run(text, &dot) {
                Ok(output) => {
                    for (line, shown) in output.lines.iter().zip(output.text.split('\n')) {
                        written.line(shown, &file, *line, text);
                    }
                }
                Err(Trouble { line, problem }) => written.unresolved.push(Unresolved {
                    place: format!("{file}:{line}"),
                    text: source_line(text, line),
                    reason: problem,
                }),
            }
        }
    }
    written
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

impl Written {
    /// Looks at a line that a template wrote. It is not always YAML, as what is not known may be
    /// whole blocks of it.
    fn line(&mut self, line: &str, file: &str, number: u32, template: &str) {
        let line = line.trim().trim_start_matches("- ").trim_start();
        let place = || format!("template {file}:{number}");
        let key = line.split(':').next().unwrap_or_default().trim_matches('"');
        if key == "image"
            && let Some((_, value)) = line.split_once(':')
        {
            let value = value.split(" #").next().unwrap_or_default().trim();
            let value = value.trim_matches(['"', '\'']).trim();
            if value.is_empty() || value.starts_with(['{', '&', '*', '|', '>']) {
                return;
            }
            let reason = match value.parse() {
                Ok(image) => return self.images.push((image, place())),
                Err(_) if value.contains(HOLE) => UNKNOWN.to_owned(),
                Err(problem) => problem,
            };
            let text = source_line(template, number);
            return self.unresolved.push(Unresolved {
                place: format!("{file}:{number}"),
                text,
                reason,
            });
        }
        if line.starts_with('#') {
            return;
        }
        for word in line.split(|c: char| c.is_whitespace() || "\"'`,()[]".contains(c)) {
            match scan::flag(word) {
                Some((name, Some(value))) if words::says_image(name) => {
                    match value.contains(HOLE) {
                        true => self.unresolved.push(Unresolved {
                            place: format!("{file}:{number}"),
                            text: source_line(template, number),
                            reason: UNKNOWN.to_owned(),
                        }),
                        false => {
                            self.images
                                .extend(words::images_of(value).map(|(_, image)| (image, place())));
                        }
                    }
                }
                _ if word.contains(HOLE) => {}
                _ => self.images.extend(words::images_in(word).map(|(_, image)| (image, place()))),
            }
        }
    }
}

fn source_line(template: &str, line: u32) -> String {
    template.lines().nth(line.saturating_sub(1) as usize).unwrap_or_default().trim().to_owned()
}
