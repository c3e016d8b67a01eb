//! The pins of requests, locks and lists of images, each with its file.

use std::fmt;
use std::path::Path;

use airgap_core::digest::Digest;
use airgap_core::error::Result;
use airgap_core::package::PackageId;
use airgap_core::shell;
use airgap_mirror::{MirrorList, MirrorLock};
use airgap_oci::Reference;
use airgap_vendor::kinds::component::WantedComponent;
use airgap_vendor::request::Request;
use airgap_wit::Lock;

use super::NotLookedUp;

/// One pin.
#[derive(Clone, Debug)]
pub enum Pin {
    /// A tool in a version.
    Tool {
        /// Its name in the checksum registry.
        tool: String,
        /// The version.
        version: String,
    },
    /// A WIT package.
    Wit {
        /// The package.
        package: PackageId,
        /// The registry that a tag in MODULE.bazel names.
        rule: Option<String>,
        /// The registry in a lock, for a package for which no setting names one.
        locked: Option<String>,
        /// The SHA-256 of the published file.
        digest: Option<Digest>,
    },
    /// A component.
    Component(WantedComponent),
    /// An image.
    Image {
        /// Its source, with a tag or a digest.
        source: Reference,
        /// The digest of the list or of its lock.
        digest: Option<Digest>,
    },
}

/// A pin in a file, with the way to update it.
#[derive(Clone, Debug)]
pub struct Pinned {
    /// The pin.
    pub pin: Pin,
    /// The file.
    pub file: String,
    /// The line in the file, from 1.
    pub line: Option<u32>,
    /// The way to update it.
    pub(super) update: Update,
}

/// The way to update a pin.
#[derive(Clone, Debug)]
pub(super) enum Update {
    /// A change of MODULE.bazel, and then the command that vendors everything.
    Module,
    /// A change of a rule, or of another file, with the lines that a command prints.
    Rule,
    /// The command that writes a lock again, after a change of the file that asks for the package.
    Lock {
        /// The command.
        command: String,
        /// The file or rule that asks for the package; empty if the command does.
        asks: String,
    },
    /// A change of a list of images, and then the command that locks it.
    Images {
        /// The options that name the list and the lock.
        options: String,
    },
}

/// The facts of a pin in a row.
pub(super) struct Subject {
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) current: Option<String>,
    pub(super) digest: Option<Digest>,
}

/// The pins that were found, and the files that could not be read.
#[derive(Debug, Default)]
pub struct Pins {
    /// The pins.
    pub pins: Vec<Pinned>,
    /// The groups of pins that could not be read.
    pub not_looked_up: Vec<NotLookedUp>,
}

impl Pin {
    pub(super) fn subject(&self) -> Subject {
        match self {
            Pin::Tool { tool, version } => Subject {
                kind: "tool",
                name: tool.clone(),
                current: Some(version.clone()),
                digest: None,
            },
            Pin::Wit { package, digest, .. } => Subject {
                kind: "wit",
                name: package.name.to_string(),
                current: Some(package.version.to_string()),
                digest: *digest,
            },
            Pin::Component(wanted) => {
                let repository = wanted.reference.as_ref().map(|it| it.repository().to_string());
                Subject {
                    kind: "component",
                    name: repository.unwrap_or_else(|| wanted.name.to_string()),
                    current: wanted.version.clone(),
                    digest: wanted.pin.as_ref().map(|pin| pin.digest),
                }
            }
            Pin::Image { source, digest } => Subject {
                kind: "image",
                name: source.repository().to_string(),
                current: source.tag().map(ToString::to_string),
                digest: *digest,
            },
        }
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pin::Tool { tool, version } => write!(f, "{tool} {version}"),
            Pin::Wit { package, .. } => write!(f, "{package}"),
            Pin::Component(wanted) => write!(f, "{}", wanted.words),
            Pin::Image { source, .. } => write!(f, "{source}"),
        }
    }
}

impl Pins {
    /// Adds everything in a request of a module extension. `file` is the file with the tags.
    ///
    /// # Errors
    /// Usage, if a digest or a reference in the request is invalid.
    pub fn add_request(&mut self, request: &Request, file: &str) -> Result<()> {
        let mut add = |pin| self.add(pin, file, None, Update::Module);
        for choice in &request.tools {
            let (tool, version) = (choice.tool.to_string(), choice.version.to_string());
            add(Pin::Tool { tool, version });
        }
        for archive in &request.packages {
            let (package, digest) = (archive.package.clone(), Some(archive.archive.sha256));
            add(Pin::Wit { package, rule: None, locked: None, digest });
        }
        for choice in &request.wit {
            let rule = Some(choice.registry.clone()).filter(|registry| !registry.is_empty());
            let (package, digest) = (choice.package.clone(), choice.digest()?);
            add(Pin::Wit { package, rule, locked: None, digest });
        }
        WantedComponent::of_request(request)?.into_iter().map(Pin::Component).for_each(add);
        Ok(())
    }

    /// Adds the packages of a lock that `bazel run` of a rule, or else a command, writes.
    pub fn add_lock(&mut self, lock: &Lock, file: &str, rule: Option<&str>) {
        for locked in &lock.packages {
            let update = match rule {
                Some(label) => Update::Lock {
                    command: format!("bazel run {} -- --update", shell::word(label)),
                    asks: label.to_owned(),
                },
                None => Update::Lock { command: lock_command(lock, file), asks: String::new() },
            };
            let pin = Pin::Wit {
                package: locked.package.clone(),
                rule: None,
                locked: locked.registry.clone(),
                digest: Some(locked.digest).filter(|_| !locked.is_text()),
            };
            self.add(pin, file, None, update);
        }
    }

    /// Adds the images of a list, with the digests of its lock. `options` names both files in the
    /// command line of `mirror lock`.
    pub fn add_images(&mut self, list: &MirrorList, lock: &MirrorLock, options: &str) {
        for entry in list.entries() {
            let source = entry.source.meaning().clone();
            let digest = source.digest().or_else(|| lock.get(&source)).copied();
            let line = Some(entry.place.line).filter(|line| *line > 0);
            let update = Update::Images { options: options.to_owned() };
            self.add(Pin::Image { source, digest }, list.name(), line, update);
        }
    }

    pub(super) fn add(&mut self, pin: Pin, file: &str, line: Option<u32>, update: Update) {
        self.pins.push(Pinned { pin, file: file.to_owned(), line, update });
    }
}

/// Returns the command that writes a lock again: with each package that no other one needs, in the
/// newest version.
fn lock_command(lock: &Lock, file: &str) -> String {
    if file.ends_with("wkg.lock") {
        return "wkg wit update".to_owned();
    }
    let is_needed = |package: &PackageId| {
        lock.packages.iter().any(|other| other.dependencies.contains(package))
    };
    let packages = lock.packages.iter().map(|locked| &locked.package);
    let mut names: Vec<_> =
        packages.filter(|it| !is_needed(it)).map(|it| it.name.to_string()).collect();
    names.dedup();
    format!(
        "wasm-airgap vendor wit {} --lock-file {} --output-dir vendor/wit --update",
        names.join(" "),
        shell::path(Path::new(file))
    )
}
