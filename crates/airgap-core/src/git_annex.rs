//! The object store of git-annex, into which the links of a checkout lead.

/// The advice for a file whose content is still in the store.
pub(crate) const REMEDY: &str = "run `git annex get .` and `git annex unlock .` in the checkout \
    that the file comes from, to download its content; then copy it here again";

/// Returns whether the target of a link is in the store (git-annex internals,
/// ".git/annex/objects").
pub(crate) fn holds(target: &str) -> bool {
    target.contains(".git/annex/objects/")
}
