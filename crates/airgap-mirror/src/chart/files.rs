//! A chart's files, from its folder or its archive.

use std::path::Path;
use std::rc::Rc;

use super::size_limits::SizeBudget;
use crate::yaml::{self, Duplicates, Node};
use airgap_archive::{self as extract, Layout, Limits};
use airgap_core::artifact::{ArchiveType, Strip};
use airgap_core::error::{Context, Error, Result};
use airgap_core::path_component::PathComponent;
use airgap_core::store::Scratch;
use airgap_core::system_files::is_system_file;
use airgap_core::user_path;
use airgap_core::verify::Unverified;

/// The largest depth of nested charts.
const MOST_LEVELS: usize = 8;

/// The files of a chart.
#[derive(Clone, Debug)]
pub(super) struct ChartFiles {
    /// The user's name for it, or its path in the chart that the user named.
    pub(super) origin: String,
    pub(super) name: String,
    pub(super) app_version: Option<String>,
    pub(super) values: Rc<Node>,
    /// The content of `Chart.yaml`.
    pub(super) manifest: Rc<Node>,
    pub(super) dependencies: Rc<[ChartDependency]>,
    pub(super) charts: Rc<[ChartFiles]>,
}

/// A dependency entry of a chart.
#[derive(Clone, Debug)]
pub(super) struct ChartDependency {
    pub(super) name: String,
    pub(super) alias: Option<String>,
    /// Paths of values; the first existing one decides.
    pub(super) conditions: Vec<String>,
    pub(super) tags: Vec<String>,
}

impl ChartDependency {
    /// Creates a dependency without an entry in the chart's metadata.
    pub(super) fn plain(name: &str) -> ChartDependency {
        ChartDependency {
            name: name.to_owned(),
            alias: None,
            conditions: Vec::new(),
            tags: Vec::new(),
        }
    }

    fn from_node(node: &Rc<Node>) -> Option<ChartDependency> {
        let list = |key: &str| {
            let text = node.text_of(key).unwrap_or_default();
            text.split(',').map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect()
        };
        let tags = node.get("tags").map(|tags| tags.items()).unwrap_or_default();
        Some(ChartDependency {
            name: node.text_of("name")?.to_owned(),
            alias: node.text_of("alias").map(str::to_owned),
            conditions: list("condition"),
            tags: tags.iter().filter_map(|tag| tag.text()).map(str::to_owned).collect(),
        })
    }

    /// Returns the key of its values in those of the parent chart.
    pub(super) fn key(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.name)
    }
}

impl ChartFiles {
    /// Reads a folder or an archive.
    pub(super) fn read(path: &Path, origin: &str) -> Result<ChartFiles> {
        ChartFiles::read_at(path, origin, MOST_LEVELS, &mut SizeBudget::new(origin))
    }

    fn read_at(
        path: &Path,
        origin: &str,
        levels: usize,
        room: &mut SizeBudget,
    ) -> Result<ChartFiles> {
        if levels == 0 {
            return Err(Error::usage(format!(
                "`{origin}` is nested in more than {MOST_LEVELS} charts"
            )));
        }
        match user_path::is_folder(path)? {
            true => ChartFiles::from_folder(path, origin, levels, room),
            false => ChartFiles::from_archive(path, origin, levels, room),
        }
    }

    /// Reads an archive. It is untrusted until [`extract`] has checked its entries.
    fn from_archive(
        path: &Path,
        origin: &str,
        levels: usize,
        room: &mut SizeBudget,
    ) -> Result<ChartFiles> {
        // The archive is not pinned; its hash detects a change between checking and extraction.
        let archive = Unverified::open(path, origin)?.accept_unpinned()?;
        let folder = Scratch::new()?;
        let filename: PathComponent = "chart.tgz".parse().map_err(Error::usage)?;
        let layout = Layout { archive: ArchiveType::TarGz, strip: Strip::TopFolder, filename };
        let limits = Limits { entries: 20_000, bytes: 256 << 20, ..Limits::default() };
        let tree =
            extract::extract_chart(&archive, &layout, &folder.path().join("chart"), &limits)?;
        ChartFiles::from_folder(&tree.root, origin, levels, room)
    }

    fn from_folder(
        folder: &Path,
        origin: &str,
        levels: usize,
        room: &mut SizeBudget,
    ) -> Result<ChartFiles> {
        let shown = |name: &str| format!("{origin}/{name}");
        let read = |name: &str| match user_path::exists(&folder.join(name))? {
            true => {
                let text = yaml::read(&folder.join(name), &shown(name))?;
                yaml::document(&text, &shown(name), Duplicates::LastCounts).map(Some)
            }
            false => Ok(None),
        };
        let Some(manifest) = read("Chart.yaml")? else {
            return Err(Error::usage(format!("`{origin}` is not a Helm chart"))
                .fact("looked for", shown("Chart.yaml"))
                .hint("name the folder or the archive of a chart, as `helm pull` downloads it"));
        };
        let text = |key: &str| manifest.text_of(key).map(str::to_owned);
        let name = text("name")
            .ok_or_else(|| Error::usage(format!("`{}` has no `name`", shown("Chart.yaml"))))?;
        let values = match read("values.yaml")? {
            Some(values) => values,
            None => yaml::document("", &shown("values.yaml"), Duplicates::LastCounts)?,
        };
        // Helm 2 charts list their dependencies in a separate file.
        let requirements = read("requirements.yaml")?;
        let dependencies =
            requirements.iter().chain([&manifest]).filter_map(|it| it.get("dependencies"));
        let dependencies: Rc<[_]> = dependencies
            .flat_map(|list| list.items())
            .filter_map(ChartDependency::from_node)
            .collect();
        room.dependencies(dependencies.len())?;
        room.chart(&manifest)?;
        room.file(&values)?;
        Ok(ChartFiles {
            app_version: text("appVersion"),
            name,
            values,
            dependencies,
            charts: charts(folder, origin, levels, room)?.into(),
            manifest,
            origin: origin.to_owned(),
        })
    }

    /// Adds the path of every `enabled` in the values, and the conditions of the subcharts.
    pub(super) fn switches(&self, path: &mut Vec<String>, switches: &mut Vec<String>) {
        for condition in self.dependencies.iter().flat_map(|dependency| &dependency.conditions) {
            switches.push([&path[..], std::slice::from_ref(condition)].concat().join("."));
        }
        add_switches(&self.values, path, switches);
        for chart in self.charts.iter() {
            let same = self.dependencies.iter().find(|dependency| dependency.name == chart.name);
            path.push(same.map_or(&chart.name[..], ChartDependency::key).to_owned());
            chart.switches(path, switches);
            path.pop();
        }
    }
}

fn add_switches(node: &Node, path: &mut Vec<String>, switches: &mut Vec<String>) {
    for entry in node.entries() {
        path.push(entry.key.to_string());
        match &*entry.key {
            "enabled" if path.len() > 1 => switches.push(path.join(".")),
            _ => add_switches(&entry.value, path, switches),
        }
        path.pop();
    }
}

/// Reads the charts in `charts/`, as folders or archives.
fn charts(
    folder: &Path,
    origin: &str,
    levels: usize,
    room: &mut SizeBudget,
) -> Result<Vec<ChartFiles>> {
    let root = folder.join("charts");
    if !user_path::is_folder(&root)? {
        return Ok(Vec::new());
    }
    let mut paths = Vec::new();
    for path in user_path::list(&root).doing(|| format!("list `{origin}/charts`"))? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_archive = name.ends_with(".tgz");
        if name.starts_with(['.', '_']) || is_system_file(&name) {
            continue;
        }
        if is_archive || user_path::is_file(&path.join("Chart.yaml"))? {
            paths.push((name, path));
        }
    }
    let mut read = |(name, path): &(String, std::path::PathBuf)| {
        ChartFiles::read_at(path, &format!("{origin}/charts/{name}"), levels - 1, room)
    };
    paths.iter().map(&mut read).collect()
}
