//! A Helm chart, with the parts of it that its images depend on.

mod annotated;
mod files;
mod guessed;
mod image_paths;
mod images;
pub mod overrides;
pub mod registry;
mod rendered;
pub mod repository;
mod size_limits;
mod sources;
#[cfg(test)]
mod tests;
mod values;

use std::collections::HashSet;
use std::path::Path;
use std::rc::Rc;

use files::{ChartDependency, ChartFiles};
use size_limits::SizeBudget;

use crate::image_parts::RELIABLE_GLOBAL_REGISTRIES;
use crate::yaml::Node;
use airgap_core::error::Result;
use airgap_core::suggest::unknown;

pub use images::{ChartImage, ChartImages, LeftOut, Uncertainty, Unresolved, ValueForm};
pub use overrides::{Assignments, Override};

/// A chart with its effective values, and its subcharts.
#[derive(Debug)]
pub struct Chart {
    /// Its name.
    pub name: String,
    /// The `appVersion`: the tag of images without one.
    pub app_version: Option<String>,
    /// The path of its values in those of the root chart.
    path: Vec<String>,
    values: Rc<Node>,
    files: ChartFiles,
    charts: Vec<Chart>,
    /// The path of the false condition that disables this chart.
    off: Option<String>,
    /// The keys of its values that belong to subcharts.
    inner: HashSet<String>,
    /// The dependencies that are missing in `charts/`.
    missing: Vec<String>,
    /// The paths of the switches of parts that the user has disabled.
    switches: Vec<String>,
}

impl Chart {
    /// Reads a chart from a folder or a `.tgz`. `name` is the user's name for it. The `enabled`
    /// values of the `disabled` parts are set to false, over all other values.
    ///
    /// # Errors
    /// Usage, if it is not a chart, or if a part cannot be disabled; integrity, if the archive is
    /// damaged or hostile.
    pub fn read(
        path: &Path,
        name: &str,
        overrides: &[Override],
        disabled: &[String],
    ) -> Result<Chart> {
        let files = ChartFiles::read(path, name)?;
        let switches: Vec<_> =
            disabled.iter().map(|part| switch_of(&files, part)).collect::<Result<_>>()?;
        let off: Vec<_> = switches.iter().map(|switch| Override::disabled(switch)).collect();
        let mut values = files.values.clone();
        for over in overrides.iter().chain(&off) {
            values = over.apply(&values)?;
        }
        let chart = Chart::new(files, values, Vec::new(), None, &mut SizeBudget::new(name))?;
        Ok(Chart { switches, ..chart })
    }

    /// Returns the switches of the disabled parts, as assignments for Helm.
    pub fn disabled(&self) -> Vec<Assignments> {
        self.switches.iter().map(|switch| Assignments::disabled(switch)).collect()
    }

    /// Returns whether it is a library chart, which has only definitions and is not installed.
    pub fn is_library(&self) -> bool {
        self.files.manifest.text_of("type") == Some("library")
    }

    /// Returns the paths that `--disable` set to false.
    pub(super) fn switches(&self) -> Vec<Vec<String>> {
        self.switches.iter().map(|switch| switch.split('.').map(str::to_owned).collect()).collect()
    }

    /// Returns whether the chart has a value at this path.
    pub(super) fn has_value(&self, path: &[&str]) -> bool {
        self.values.at(path).is_some()
    }

    fn new(
        files: ChartFiles,
        values: Rc<Node>,
        path: Vec<String>,
        off: Option<String>,
        room: &mut SizeBudget,
    ) -> Result<Chart> {
        room.chart(&values)?;
        let mut chart = Chart {
            name: files.name.clone(),
            app_version: files.app_version.clone(),
            path,
            values,
            files,
            charts: Vec::new(),
            off,
            inner: HashSet::new(),
            missing: Vec::new(),
            switches: Vec::new(),
        };
        let inner = std::mem::take(&mut chart.files.charts);
        let dependencies = std::mem::take(&mut chart.files.dependencies);
        for dependency in dependencies.iter() {
            // A chart with two aliases is in `charts/` once and is installed twice.
            match inner.iter().find(|files| files.name == dependency.name) {
                Some(files) => chart.add(files, dependency, room)?,
                None if chart.off.is_none() && chart.is_enabled(dependency, None).0 => {
                    chart.missing.push(dependency.name.clone());
                }
                None => {}
            }
        }
        for files in inner.iter() {
            if dependencies.iter().all(|dependency| dependency.name != files.name) {
                chart.add(files, &ChartDependency::plain(&files.name), room)?;
            }
        }
        Ok(chart)
    }

    /// Adds a subchart, unless it is disabled.
    fn add(
        &mut self,
        files: &ChartFiles,
        dependency: &ChartDependency,
        room: &mut SizeBudget,
    ) -> Result<()> {
        let key = dependency.key();
        self.inner.insert(key.to_owned());
        let (enabled, decided_by) = self.is_enabled(dependency, Some(&files.values));
        let off = self.off.clone().or_else(|| (!enabled).then_some(decided_by));
        let values = values::for_inner(&self.values, &files.values, key);
        let mut path = self.path.clone();
        path.push(key.to_owned());
        self.charts.push(Chart::new(files.clone(), values, path, off, room)?);
        Ok(())
    }

    /// Returns whether a subchart is installed, and the path that decides it.
    fn is_enabled(
        &self,
        dependency: &ChartDependency,
        defaults: Option<&Rc<Node>>,
    ) -> (bool, String) {
        for condition in &dependency.conditions {
            let path: Vec<_> = condition.split('.').collect();
            let own = self.values.at(&path);
            let inner = || match path.split_first() {
                Some((first, rest)) if *first == dependency.key() => defaults?.at(rest),
                _ => None,
            };
            if let Some(value) = own.or_else(inner).filter(|value| !value.is_null()) {
                return (value.is_true(), condition.clone());
            }
        }
        let tags: Vec<_> = dependency
            .tags
            .iter()
            .filter_map(|tag| Some((tag, self.values.at(&["tags", tag])?.is_true())))
            .collect();
        match tags.first() {
            Some((tag, _)) => (tags.iter().any(|(_, is_true)| *is_true), format!("tags.{tag}")),
            None => (true, String::new()),
        }
    }

    /// Returns this chart and all its subcharts, this one first.
    fn all(&self) -> Vec<&Chart> {
        let inner = self.charts.iter().flat_map(Chart::all);
        std::iter::once(self).chain(inner).collect()
    }

    /// Returns the path of a value in the values of the root chart.
    fn path_of(&self, inner: &[String]) -> Vec<String> {
        self.path.iter().chain(inner).cloned().collect()
    }

    /// Returns the effective values.
    pub(super) fn values(&self) -> &Rc<Node> {
        &self.values
    }

    /// Returns the effective values of this chart and of its subcharts, each under its key.
    pub(super) fn whole_values(&self) -> Rc<Node> {
        let inner = self.charts.iter().filter(|chart| chart.off.is_none());
        let mut whole = self.values.clone();
        for chart in inner {
            let Some(key) = chart.path.last() else { continue };
            whole = values::with_inner(&whole, &chart.whole_values(), key);
        }
        whole
    }

    /// Returns whether a key of its values belongs to a subchart.
    fn has_inner(&self, key: &str) -> bool {
        self.inner.contains(key)
    }

    /// Returns the registry that replaces all others, if one is set.
    fn global_registry(&self) -> Option<&str> {
        RELIABLE_GLOBAL_REGISTRIES.iter().find_map(|path| self.values.at(path)?.text())
    }

    /// Returns the usual path of a global registry that the chart has a value for.
    pub(super) fn global_registry_path(&self) -> Option<&'static [&'static str]> {
        RELIABLE_GLOBAL_REGISTRIES.into_iter().find(|path| self.has_value(path))
    }
}

/// Returns the switch that disables a part: the path of its `enabled`.
fn switch_of(files: &ChartFiles, part: &str) -> Result<String> {
    let mut switches = Vec::new();
    files.switches(&mut Vec::new(), &mut switches);
    let asked = part.strip_suffix(".enabled").unwrap_or(part);
    let dependency = files.dependencies.iter().find(|dependency| dependency.key() == asked);
    let condition = dependency.and_then(|dependency| dependency.conditions.first());
    let enabled = format!("{asked}.enabled");
    if let Some(switch) = condition.or_else(|| switches.iter().find(|switch| **switch == enabled)) {
        return Ok(switch.clone());
    }
    let mut parts: Vec<_> =
        switches.iter().filter_map(|switch| switch.strip_suffix(".enabled")).collect();
    parts.sort_unstable();
    parts.dedup();
    Err(unknown("part with a switch `enabled`", part, &parts)
        .fact("chart", &files.origin)
        .hint("if it has another switch, use `--set`; `helm show values` shows all values"))
}
