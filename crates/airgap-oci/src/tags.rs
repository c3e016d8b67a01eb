//! Lists of a repository: its tags, and the referrers of a manifest.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, Instant};

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use ureq::http::{HeaderMap, Method, header};

use crate::api_call::{ApiCall, ApiResponse};
use crate::client::Client;
use crate::error_response::{self, RequestSubject};
use crate::manifest::{Content, Descriptor, Items, Keep, Manifest};
use crate::media_type;
use crate::reference::{Repository, Tag};
use crate::token::Scope;
use airgap_core::digest::Digest;
use airgap_core::error::{Error, Result};
use airgap_core::quantity::count;
use airgap_core::report::printable;

/// The most bytes of one page of a list.
const PAGE_LIMIT: u64 = 4 << 20;

/// The most pages of a list that are read, as a registry could send pages without end.
const PAGES: usize = 1000;

/// The most bytes of all pages together.
const LIST_LIMIT: usize = 64 << 20;

/// The most time for all pages together. A hundred thousand tags take a few minutes.
const LIST_TIME: Duration = Duration::from_secs(900);

/// The number of tags that are requested if one page is to have all of them.
const FEW: &str = "1000";

/// The most tags of one repository. Large ones have a hundred thousand.
const TAGS: usize = 250_000;

/// The longest tag in bytes, by the OCI distribution specification ("Pulling manifests").
const TAG_LENGTH: usize = 128;

/// The most descriptors and annotations in one list of referrers.
const REFERRERS: usize = 20_000;

/// The most bytes of all pages of a list of referrers.
const REFERRERS_LIMIT: usize = 8 << 20;

/// A seed for a page of tags. It adds those that `wanted` accepts to `tags`.
struct TagsPage<'a> {
    tags: &'a mut Vec<String>,
    wanted: &'a dyn Fn(&str) -> bool,
    most: usize,
}

impl<'de> DeserializeSeed<'de> for TagsPage<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> std::result::Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for TagsPage<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a list of tags")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        let TagsPage { tags, wanted, most } = self;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "tags" => map.next_value_seed(TagList { tags, wanted, most })?,
                _ => map.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(())
    }
}

/// A seed for the list in a page, or `null` if there are no tags.
struct TagList<'a> {
    tags: &'a mut Vec<String>,
    wanted: &'a dyn Fn(&str) -> bool,
    most: usize,
}

impl<'de> DeserializeSeed<'de> for TagList<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> std::result::Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TagList<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of tags")
    }

    fn visit_unit<E>(self) -> std::result::Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<(), A::Error> {
        while let Some(mut tag) = list.next_element::<String>()? {
            // A longer text is not a valid tag and cannot be requested.
            if tag.len() > TAG_LENGTH || !(self.wanted)(&tag) {
                continue;
            }
            if self.tags.len() == self.most {
                return Err(A::Error::custom(format!("more than {} tags", self.most)));
            }
            tag.shrink_to_fit();
            self.tags.push(tag);
        }
        Ok(())
    }
}

impl TagsPage<'_> {
    fn read(self, json: &[u8]) -> serde_json::Result<()> {
        let mut reader = serde_json::Deserializer::from_slice(json);
        self.deserialize(&mut reader)?;
        reader.end()
    }
}

impl Client {
    /// Returns all tags of a repository, in the order of the registry.
    ///
    /// # Errors
    /// Unavailable, if there is no such repository; integrity, if the list does not end, leads to
    /// another server, or has more than 250 000 tags.
    pub fn tags(&self, repository: &Repository) -> Result<Vec<String>> {
        self.tags_that(repository, &|_| true, TAGS)
    }

    /// Returns the tags of a repository that `wanted` accepts, in the order of the registry. Other
    /// tags take no memory.
    ///
    /// # Errors
    /// The errors of [`Client::tags`]; integrity, if it accepts more than `most` tags.
    pub fn tags_that(
        &self,
        repository: &Repository,
        wanted: &dyn Fn(&str) -> bool,
        most: usize,
    ) -> Result<Vec<String>> {
        let doing = format!("list the tags of `{repository}`");
        let mut tags = Vec::new();
        let list = ListRequest {
            path: "tags/list",
            accept: "application/json",
            accepted_statuses: &[],
            limit: LIST_LIMIT,
        };
        self.pages(repository, &doing, &list, |reply| {
            let page = TagsPage { tags: &mut tags, wanted, most };
            page.read(&reply.body).map_err(|cause| unreadable(&doing, repository, &reply, &cause))
        })?;
        Ok(tags)
    }

    /// Returns the referrers of a manifest, such as signatures: from the referrers API, or from the
    /// tag `sha256-DIGEST` if the registry does not have the API.
    ///
    /// # Errors
    /// The errors of [`Client::tags`]; a manifest without referrers is not an error.
    pub fn referrers(&self, repository: &Repository, digest: &Digest) -> Result<Vec<Descriptor>> {
        match self.api_referrers(repository, digest)? {
            Some(found) => Ok(found),
            None => {
                let tagged = repository.tagged(Tag::for_attached(digest, ""));
                match self.manifest_if_there(&tagged, &[media_type::INDEX])? {
                    Some(list) => listed(list, repository, digest),
                    None => Ok(Vec::new()),
                }
            }
        }
    }

    /// Returns the referrers from the API alone; `None` if the registry does not have the API.
    ///
    /// # Errors
    /// The errors of [`Client::tags`].
    pub fn api_referrers(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<Vec<Descriptor>>> {
        let doing = format!("list the referrers of `{}`", repository.at(*digest));
        let path = format!("referrers/sha256:{digest}");
        let (mut found, mut items) = (Vec::new(), Items::new(REFERRERS));
        let mut known = true;
        // Registries without the referrers API answer in one of these ways.
        let accepted_statuses = &[400, 404, 405, 406, 410, 415, 422, 501];
        let list = ListRequest {
            path: &path,
            accept: media_type::INDEX,
            accepted_statuses,
            limit: REFERRERS_LIMIT,
        };
        self.pages(repository, &doing, &list, |reply| {
            let page = Manifest::new(reply.body, media_type::INDEX);
            // By the OCI distribution specification ("Listing Referrers") it answers with an index.
            if !reply.status.is_success() || reply.page || page.has_no_list() {
                known = false;
                return Ok(());
            }
            found.extend(attached(page, &doing, &mut items)?);
            Ok(())
        })?;
        Ok(known.then_some(found))
    }

    /// Returns the referrers from the tag alone, which must be there.
    ///
    /// # Errors
    /// The errors of [`Client::manifest`]; integrity, if it is not an index.
    pub fn tagged_referrers(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Vec<Descriptor>> {
        let tagged = repository.tagged(Tag::for_attached(digest, ""));
        listed(self.manifest(&tagged, &[media_type::INDEX])?, repository, digest)
    }

    /// Returns the referrers from the tag before a push to it: a missing list is empty.
    ///
    /// # Errors
    /// The errors of [`Client::tagged_referrers`].
    pub fn tagged_referrers_to_push(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Vec<Descriptor>> {
        let tagged = repository.tagged(Tag::for_attached(digest, ""));
        match self.manifest_to_push(&tagged)? {
            Some(list) => listed(list, repository, digest),
            None => Ok(Vec::new()),
        }
    }

    /// Returns the tags of a repository that `wanted` accepts, if one page has all tags of the
    /// repository: one request is enough. Returns `None` if there are more pages or more than
    /// `most` such tags, or if the registry does not list them.
    ///
    /// # Errors
    /// Network, if the registry does not answer.
    pub fn few_tags(
        &self,
        repository: &Repository,
        wanted: fn(&str) -> bool,
        most: usize,
    ) -> Result<Option<Vec<String>>> {
        let session = self.session(repository.registry())?;
        let address = session.address(&format!("{}/tags/list", repository.name()))?;
        let call = ApiCall {
            doing: format!("list the tags of `{repository}`"),
            about: RequestSubject::Repository(repository.clone()),
            method: Method::GET,
            address: address.with_query("n", FEW),
            headers: vec![(header::ACCEPT, "application/json".to_owned())],
            body: &[],
            scopes: vec![Scope::pull(repository.name())],
            accepted_statuses: &[400, 401, 403, 404, 405, 501],
            limit: PAGE_LIMIT,
        };
        let reply = self.transport().call(&session, &call)?;
        if !reply.status.is_success() || next(&reply.headers).is_some() {
            return Ok(None);
        }
        let mut tags = Vec::new();
        let page = TagsPage { tags: &mut tags, wanted: &wanted, most };
        Ok(page.read(&reply.body).is_ok().then_some(tags))
    }

    /// Requests a list page by page.
    fn pages(
        &self,
        repository: &Repository,
        doing: &str,
        list: &ListRequest<'_>,
        mut take: impl FnMut(ApiResponse) -> Result<()>,
    ) -> Result<()> {
        let session = self.session(repository.registry())?;
        let ListRequest { path, accept, accepted_statuses, limit } = *list;
        let mut address = session.address(&format!("{}/{path}", repository.name()))?;
        let mut seen = Vec::new();
        let mut total = 0;
        let mut retries = self.transport().retry_policy.retries();
        let began = Instant::now();
        loop {
            let call = ApiCall {
                doing: doing.to_owned(),
                about: RequestSubject::Repository(repository.clone()),
                method: Method::GET,
                address: address.clone(),
                headers: vec![(header::ACCEPT, accept.to_owned())],
                body: &[],
                scopes: vec![Scope::pull(repository.name())],
                accepted_statuses,
                limit: PAGE_LIMIT,
            };
            // All pages share one budget for waiting; a page that was received is progress.
            retries.next_source();
            let reply = self.transport().call_within(&session, &call, &mut retries)?;
            total += reply.body.len();
            let next = next(&reply.headers).filter(|_| reply.status.is_success());
            take(reply)?;
            let Some(next) = next else { return Ok(()) };
            seen.push(address.clone());
            let refuse = |problem: String| {
                Error::integrity(format!("cannot {doing}: {problem}")).fact("page", &address)
            };
            let Some(next) = address.join(&next) else {
                return Err(refuse("the next page has no valid URL".to_owned()));
            };
            if next.origin() != session.base().origin() {
                return Err(refuse(format!("the next page is on another server, at {next}")).hint(
                    "a proxy in front of a registry must send it X-Forwarded-Proto and \
                     X-Forwarded-Host, so that the registry knows its own URL",
                ));
            }
            if seen.contains(&next) || seen.len() >= PAGES || total > limit {
                return Err(refuse(format!(
                    "the list does not end after {}",
                    count(seen.len(), "page")
                ))
                .fact("expected", format!("at most {PAGES} pages of {limit} bytes in total")));
            }
            if began.elapsed() > LIST_TIME {
                let (seconds, pages) = (LIST_TIME.as_secs(), seen.len());
                return Err(refuse(format!("{pages} pages took more than {seconds} s"))
                    .hint("try again later, or use a mirror that answers faster"));
            }
            address = next;
        }
    }
}

/// Returns the address of the next page: `<...>; rel="next"` (RFC 8288).
pub(super) fn next(headers: &HeaderMap) -> Option<String> {
    let links = headers.get_all(header::LINK);
    let links = links.iter().filter_map(|value| value.to_str().ok()).flat_map(|it| {
        it.split(", <").enumerate().map(|(nth, link)| match nth {
            0 => Cow::Borrowed(link),
            _ => Cow::Owned(format!("<{link}")),
        })
    });
    links.filter_map(|link| read_link(&link)).next()
}

fn read_link(link: &str) -> Option<String> {
    let (target, params) = link.trim().strip_prefix('<')?.split_once('>')?;
    let rel = params.split(';').find_map(|param| {
        let (key, value) = param.split_once('=')?;
        key.trim().eq_ignore_ascii_case("rel").then(|| value.trim().trim_matches('"'))
    });
    // One that does not say what it is for can only be for that.
    rel.is_none_or(|rel| rel.eq_ignore_ascii_case("next")).then(|| target.to_owned())
}

/// Parses one page of tags; for `fuzzing`.
pub(super) fn tags_of(page: &[u8]) -> serde_json::Result<Vec<String>> {
    let mut tags = Vec::new();
    TagsPage { tags: &mut tags, wanted: &|_| true, most: TAGS }.read(page)?;
    Ok(tags)
}

/// Parses one page of referrers; for `fuzzing`.
pub(super) fn referrers_of(page: &[u8]) -> Result<Vec<Descriptor>> {
    let page = Manifest::new(page.to_vec(), media_type::INDEX);
    attached(page, "list the referrers", &mut Items::new(REFERRERS))
}

/// A list that comes in pages.
struct ListRequest<'a> {
    path: &'a str,
    accept: &'a str,
    /// The statuses besides 2xx that are not failures.
    accepted_statuses: &'a [u16],
    /// The most bytes of all pages.
    limit: usize,
}

/// Returns the error for a page that cannot be parsed.
fn unreadable(
    doing: &str,
    repository: &Repository,
    reply: &ApiResponse,
    cause: &serde_json::Error,
) -> Error {
    if reply.page || reply.body.trim_ascii_start().starts_with(b"<") {
        let failure = error_response::page();
        return error_response::error(doing, &reply.from, repository.registry(), failure);
    }
    Error::integrity(format!("cannot {doing}: the answer is not valid"))
        .fact("source", &reply.from)
        .because(printable(&cause.to_string()))
}

/// Returns the entries of the list under the referrers tag of a manifest.
fn listed(list: Manifest, repository: &Repository, digest: &Digest) -> Result<Vec<Descriptor>> {
    let doing = format!("list the referrers of `{}`", repository.at(*digest));
    attached(list, &doing, &mut Items::new(REFERRERS))
}

fn attached(manifest: Manifest, doing: &str, items: &mut Items) -> Result<Vec<Descriptor>> {
    let subject = format!("the list when asked to {doing}");
    match manifest.content_within(&subject, Keep::All, items)? {
        Content::Index(index) => Ok(index.manifests),
        Content::Image(_) => Err(Error::integrity(format!("cannot {doing}: it is not an index"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_to_the_next_page_is_read() {
        for (link, expected) in [
            ("</v2/a/tags/list?last=x&n=2>; rel=\"next\"", Some("/v2/a/tags/list?last=x&n=2")),
            ("<https://a/v2/b?c=d,e>; rel=next", Some("https://a/v2/b?c=d,e")),
            ("</p>; rel=\"prev\", </n>; rel=\"next\"", Some("/n")),
            ("</n>; title=\"x\"; REL=\"Next\"", Some("/n")),
            ("</n>", Some("/n")),
            ("</p>; rel=\"prev\"", None),
            ("/n; rel=\"next\"", None),
            ("", None),
        ] {
            let headers = [(header::LINK, link.parse().unwrap())].into_iter().collect();
            assert_eq!(next(&headers).as_deref(), expected, "{link}");
        }
    }
}
