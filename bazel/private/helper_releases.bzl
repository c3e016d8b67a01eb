"""Released helper binaries. A release job fills this table in; in the sources it is empty."""

# Platform -> struct(version, url, sha256).
HELPER_RELEASES = {}
