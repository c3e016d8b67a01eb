//! A chart in a Helm repository: a folder of a web server with an `index.yaml`.

use std::rc::Rc;

use semver::Version;

use crate::yaml::{self, Duplicates, Node};
use airgap_core::digest::Digest;
use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::network::Network;
use airgap_core::report::{Report, printable_line};
use airgap_core::rooted::RootedPath;
use airgap_core::shell;
use airgap_core::suggest::unknown;
use airgap_http::{Client, Download};

/// The largest size of an index, in bytes.
const LARGEST_INDEX: u64 = yaml::MOST_BYTES;

/// The largest size of a chart, in bytes. It is Helm's own limit.
const LARGEST_CHART: u64 = 100 << 20;

/// A chart request by name.
#[derive(Clone, Copy, Debug)]
pub struct ChartRequest<'a> {
    /// The URL of the folder with the index.
    pub repository: &'a str,
    /// The name of the chart.
    pub chart: &'a str,
    /// The version; `None` for the highest stable one.
    pub version: Option<&'a str>,
}

/// A chart that was downloaded.
#[derive(Clone, Debug)]
pub struct DownloadedChart {
    /// Its URL.
    pub name: String,
    /// The digest of its archive, which equals the digest in the index.
    pub digest: Digest,
}

/// Downloads a chart's archive, and checks it against the digest in the index.
///
/// # Errors
/// Unavailable, if the repository does not have the chart or the version; usage, if the index or
/// the address is not valid; integrity, if the archive has another digest.
pub fn pull(
    network: &Network,
    request: ChartRequest<'_>,
    destination: &RootedPath,
    report: &Report,
) -> Result<DownloadedChart> {
    let client = Client::new(network)?.with_largest(LARGEST_CHART);
    let base = request.repository.trim_end_matches('/');
    let address = format!("{base}/index.yaml");
    let item = report.item(address.clone());
    let answer = client.get_small(&address, LARGEST_INDEX, &item)?.ok_or_else(|| {
        Error::new(ErrorKind::Unavailable, format!("`{base}` is not a repository of charts"))
            .fact("looked for", &address)
    })?;
    let text = yaml::read_from(answer.bytes.as_slice(), &address)?;
    let ChartVersion { version, url, digest } = ChartVersion::find(&text, &address, request)?;
    let subject = format!("the chart `{} {version}`", request.chart);
    let item = report.item(subject.clone());
    let (urls, expected) = (&[url.clone()][..], &digest);
    client.download(&Download { subject: &subject, urls, expected, destination }, &item)?;
    Ok(DownloadedChart { name: url, digest })
}

/// An index entry that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartVersion {
    /// Its version.
    pub version: String,
    /// The URL of its archive.
    pub url: String,
    /// The digest of its archive.
    pub digest: Digest,
}

impl ChartVersion {
    /// Finds a chart in the text of an index. `address` is that of the index.
    ///
    /// # Errors
    /// As for [`pull`].
    pub fn find(text: &str, address: &str, request: ChartRequest<'_>) -> Result<ChartVersion> {
        let index = yaml::document(text, address, Duplicates::LastCounts)?;
        let entry = IndexEntry::find(&index, request)?;
        Ok(ChartVersion {
            version: entry.version.to_owned(),
            url: entry.address(request.repository.trim_end_matches('/'))?,
            digest: entry.digest()?,
        })
    }
}

/// A version of a chart in an index.
#[derive(Clone, Copy)]
struct IndexEntry<'a> {
    node: &'a Node,
    version: &'a str,
}

impl<'a> IndexEntry<'a> {
    fn find(index: &'a Node, request: ChartRequest<'_>) -> Result<IndexEntry<'a>> {
        let charts = index.get("entries").map(|it| it.entries()).unwrap_or_default();
        let versions = charts.iter().rev().find(|entry| *entry.key == *request.chart);
        let Some(versions) = versions else {
            let names: Vec<_> = charts.iter().map(|entry| &*entry.key).collect();
            return Err(unknown("chart in the repository", request.chart, &names)
                .fact("repository", request.repository));
        };
        let all: Vec<_> = versions.value.items().iter().filter_map(IndexEntry::new).collect();
        let chosen = match request.version {
            Some(version) => all.iter().find(|entry| entry.is(version)),
            None => newest(&all),
        };
        chosen.copied().ok_or_else(|| {
            let there: Vec<_> = all.iter().take(10).map(|entry| entry.version).collect();
            let request =
                request.version.map_or("stable version".to_owned(), |it| format!("`{it}`"));
            Error::new(
                ErrorKind::Unavailable,
                format!("the repository has no {request} of the chart"),
            )
            .fact("versions", printable_line(&there.join(", ")))
            .hint("name one of them with `--version`")
        })
    }

    fn new(node: &'a Rc<Node>) -> Option<IndexEntry<'a>> {
        Some(IndexEntry { node, version: node.text_of("version")? })
    }

    fn is(&self, version: &str) -> bool {
        let plain = |it: &str| it.strip_prefix('v').unwrap_or(it).to_owned();
        plain(self.version) == plain(version)
    }

    fn digest(&self) -> Result<Digest> {
        let text = self.node.text_of("digest").unwrap_or_default();
        let text = text.strip_prefix("sha256:").unwrap_or(text);
        text.parse().map_err(|_| {
            Error::integrity("the index of the repository has no SHA-256 of the chart")
                .fact("at", &self.node.place)
                .hint("download the archive by hand, check it, and name it with `--chart FILE.tgz`")
        })
    }

    /// Returns the URL of the archive. A relative URL is relative to the index.
    fn address(&self, base: &str) -> Result<String> {
        let urls = self.node.get("urls").map(|urls| urls.items()).unwrap_or_default();
        let url = urls.first().and_then(|url| url.text()).ok_or_else(|| {
            Error::usage("the index of the repository has no URL of the chart")
                .fact("at", &self.node.place)
        })?;
        match url {
            url if url.starts_with("oci://") => {
                Err(Error::usage("the repository has the chart in an OCI registry").hint(format!(
                    "leave out `--repo`, and use `--chart {}`",
                    shell::word(printable_line(url))
                )))
            }
            url if url.starts_with("https://") || url.starts_with("http://") => Ok(url.to_owned()),
            url if url.contains("://") => {
                Err(Error::usage("the index of the repository has a URL with another scheme")
                    .fact("found", printable_line(url))
                    .fact("expected", "an http or https URL"))
            }
            url => Ok(format!("{base}/{}", url.trim_start_matches("./").trim_start_matches('/'))),
        }
    }
}

/// Returns the highest stable version.
fn newest<'a, 'b>(all: &'b [IndexEntry<'a>]) -> Option<&'b IndexEntry<'a>> {
    let versions = all.iter().filter_map(|entry| {
        let version = entry.version.strip_prefix('v').unwrap_or(entry.version);
        Some((version.parse::<Version>().ok().filter(|it| it.pre.is_empty())?, entry))
    });
    versions.max_by(|(one, _), (other, _)| one.cmp(other)).map(|(_, entry)| entry)
}
