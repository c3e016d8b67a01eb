//! What is in a repository: its tags, and what is attached to a manifest.

use std::time::{Duration, Instant};

use serde::Deserialize;
use ureq::http::{HeaderMap, Method, header};

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::oci::client::Client;
use crate::oci::manifest::{Content, Descriptor, Manifest};
use crate::oci::media_type;
use crate::oci::reference::{Repository, Tag};
use crate::oci::refusal::{self, About};
use crate::oci::token::Scope;
use crate::oci::wire::{Call, Reply};
use crate::report::printable;

/// No page of a list is longer.
const PAGE_LIMIT: u64 = 4 << 20;

/// How many pages of a list are read. A registry could go on for ever.
const PAGES: usize = 1000;

/// How much all pages may be together.
const LIST_LIMIT: usize = 64 << 20;

/// How long all pages may take together. A registry with a hundred thousand tags takes a few minutes.
const LIST_TIME: Duration = Duration::from_secs(900);

/// How many tags are asked for where one page is to hold all.
const FEW: &str = "1000";

/// A page of tags.
#[derive(Deserialize)]
struct Tags {
    /// Nothing where there are none.
    #[serde(default)]
    tags: Option<Vec<String>>,
}

impl Client {
    /// All tags of a repository, in the registry's order.
    ///
    /// # Errors
    /// Unavailable, where there is no such repository; integrity, where the list does not end or
    /// leads to another server.
    pub fn tags(&self, repository: &Repository) -> Result<Vec<String>> {
        let doing = format!("list the tags of `{repository}`");
        let mut tags = Vec::new();
        self.pages(repository, &doing, "tags/list", "application/json", &[200], |reply| {
            let page: Tags = read_json(&doing, repository, &reply)?;
            tags.extend(page.tags.unwrap_or_default());
            Ok(())
        })?;
        Ok(tags)
    }

    /// The manifests that are attached to this one, such as signatures: by the registry's own
    /// knowledge, or by the tag `sha256-DIGEST` where it has none.
    ///
    /// # Errors
    /// As [`Client::tags`]; nothing attached is none.
    pub fn referrers(&self, repository: &Repository, digest: &Digest) -> Result<Vec<Descriptor>> {
        match self.known_referrers(repository, digest)? {
            Some(found) => Ok(found),
            None => {
                let tagged = repository.tagged(Tag::of_attached(digest, ""));
                match self.head_manifest(&tagged, &[media_type::INDEX])? {
                    Some(_) => self.tagged_referrers(repository, digest),
                    None => Ok(Vec::new()),
                }
            }
        }
    }

    /// The same by the registry's own knowledge alone; nothing where it has none.
    ///
    /// # Errors
    /// As [`Client::tags`].
    pub fn known_referrers(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<Vec<Descriptor>>> {
        let doing = format!("list what is attached to `{}`", repository.at(*digest));
        let path = format!("referrers/sha256:{digest}");
        let mut found = Vec::new();
        let mut known = true;
        // A registry that has never heard of it says so in one of these ways.
        let fine = &[200, 400, 404, 405, 501];
        self.pages(repository, &doing, &path, media_type::INDEX, fine, |reply| {
            if reply.status != 200 || reply.page {
                known = false;
                return Ok(());
            }
            found.extend(attached(Manifest::new(reply.body, media_type::INDEX), &doing)?);
            Ok(())
        })?;
        Ok(known.then_some(found))
    }

    /// The same by the tag alone, which is there.
    ///
    /// # Errors
    /// As [`Client::manifest`]; integrity, where it is no index.
    pub fn tagged_referrers(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Vec<Descriptor>> {
        let tagged = repository.tagged(Tag::of_attached(digest, ""));
        let doing = format!("list what is attached to `{}`", repository.at(*digest));
        attached(self.manifest(&tagged, &[media_type::INDEX])?, &doing)
    }

    /// All tags of a repository, if one page holds them: a look-up that costs one request. Nothing
    /// where there are more, or where the registry does not list them.
    ///
    /// # Errors
    /// Network, where the registry does not answer.
    pub fn few_tags(&self, repository: &Repository) -> Result<Option<Vec<String>>> {
        let session = self.session(repository.registry())?;
        let address = session.address(&format!("{}/tags/list", repository.name()))?;
        let call = Call {
            doing: format!("list the tags of `{repository}`"),
            about: About::Repository(repository.clone()),
            method: Method::GET,
            address: address.with_query("n", FEW),
            headers: vec![(header::ACCEPT, "application/json".to_owned())],
            body: &[],
            scopes: vec![Scope::pull(repository.name())],
            fine: &[200, 400, 401, 403, 404, 405, 501],
            limit: PAGE_LIMIT,
        };
        let reply = self.wire().call(&session, &call)?;
        if reply.status != 200 || next(&reply.headers).is_some() {
            return Ok(None);
        }
        let page = serde_json::from_slice::<Tags>(&reply.body).ok();
        Ok(page.map(|page| page.tags.unwrap_or_default()))
    }

    /// Reads a list page by page.
    fn pages(
        &self,
        repository: &Repository,
        doing: &str,
        path: &str,
        accept: &str,
        fine: &[u16],
        mut take: impl FnMut(Reply) -> Result<()>,
    ) -> Result<()> {
        let session = self.session(repository.registry())?;
        let mut address = session.address(&format!("{}/{path}", repository.name()))?;
        let mut seen = Vec::new();
        let mut total = 0;
        let mut retries = self.wire().patience.retries();
        let began = Instant::now();
        loop {
            let call = Call {
                doing: doing.to_owned(),
                about: About::Repository(repository.clone()),
                method: Method::GET,
                address: address.clone(),
                headers: vec![(header::ACCEPT, accept.to_owned())],
                body: &[],
                scopes: vec![Scope::pull(repository.name())],
                fine,
                limit: PAGE_LIMIT,
            };
            // All pages share one budget for waiting; a page that came is progress.
            retries.next_source();
            let reply = self.wire().call_within(&session, &call, &mut retries)?;
            total += reply.body.len();
            let next = next(&reply.headers).filter(|_| reply.status == 200);
            take(reply)?;
            let Some(next) = next else { return Ok(()) };
            seen.push(address.clone());
            let refuse = |problem: String| {
                Error::integrity(format!("cannot {doing}: {problem}")).fact("page", &address)
            };
            let Some(next) = address.join(&next) else {
                return Err(refuse("the next page has no address".to_owned()));
            };
            if next.origin() != session.base().origin() {
                return Err(refuse(format!("the next page is on another server, at {next}")).hint(
                    "a registry behind a proxy must know by which address it is reached: its \
                     X-Forwarded-Proto and X-Forwarded-Host",
                ));
            }
            if seen.contains(&next) || seen.len() >= PAGES || total > LIST_LIMIT {
                return Err(refuse(format!("the list does not end after {} pages", seen.len()))
                    .fact(
                        "expected",
                        format!("at most {PAGES} pages of {LIST_LIMIT} bytes in all"),
                    ));
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

/// Where the next page is: `<...>; rel="next"`.
fn next(headers: &HeaderMap) -> Option<String> {
    let links = headers.get_all(header::LINK);
    let links = links.iter().filter_map(|value| value.to_str().ok()).flat_map(|it| it.split(", <"));
    links.filter_map(read_link).next()
}

fn read_link(link: &str) -> Option<String> {
    let (target, params) = link.trim().trim_start_matches('<').split_once('>')?;
    let is_next = params.split(';').any(|param| {
        let (key, value) = param.split_once('=').unwrap_or_default();
        let value = value.trim().trim_matches('"');
        key.trim().eq_ignore_ascii_case("rel") && value.eq_ignore_ascii_case("next")
    });
    is_next.then(|| target.to_owned())
}

fn read_json<T: for<'a> Deserialize<'a>>(
    doing: &str,
    repository: &Repository,
    reply: &Reply,
) -> Result<T> {
    serde_json::from_slice(&reply.body).map_err(|cause| {
        if reply.page || reply.body.trim_ascii_start().starts_with(b"<") {
            let failure = refusal::page();
            return refusal::error(doing, &reply.from, repository.registry(), failure);
        }
        Error::integrity(format!("cannot {doing}: the answer is not as it should be"))
            .fact("source", &reply.from)
            .because(printable(&cause.to_string()))
    })
}

fn attached(manifest: Manifest, doing: &str) -> Result<Vec<Descriptor>> {
    match manifest.content(&format!("the list when asked to {doing}"))? {
        Content::Index(index) => Ok(index.manifests),
        Content::Image(_) => Err(Error::integrity(format!("cannot {doing}: it is no index"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_as_registries_write_them() {
        for (link, expected) in [
            ("</v2/a/tags/list?last=x&n=2>; rel=\"next\"", Some("/v2/a/tags/list?last=x&n=2")),
            ("<https://a/v2/b?c=d,e>; rel=next", Some("https://a/v2/b?c=d,e")),
            ("</p>; rel=\"prev\", </n>; rel=\"next\"", Some("/n")),
            ("</n>; title=\"x\"; REL=\"Next\"", Some("/n")),
            ("</p>; rel=\"prev\"", None),
            ("/n; rel=\"next\"", None),
            ("", None),
        ] {
            let headers = [(header::LINK, link.parse().unwrap())].into_iter().collect();
            assert_eq!(next(&headers).as_deref(), expected, "{link}");
        }
    }
}
