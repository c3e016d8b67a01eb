"""The helpers of a release. `scripts/source-archive` fills the table in; in the repository it is empty."""

# Platform -> struct(version, url, sha256).
HELPER_RELEASES = {}

def released_pins():
    """Returns the pins of the release: platform -> `[version, sha256, url]`."""
    return {
        platform: [release.version, release.sha256, release.url]
        for platform, release in HELPER_RELEASES.items()
    }
