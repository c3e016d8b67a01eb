"""Checks SBOMs with the libraries of both formats' own projects; see scripts/sbom-check."""

import json
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

# wasm-airgap writes 1.6, and cargo-cyclonedx at most 1.5.
VERSIONS = {"1.5": SchemaVersion.V1_5, "1.6": SchemaVersion.V1_6}


def problems(path):
    """Returns the defects of the document in a file."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    document = json.loads(text)
    if document.get("bomFormat") == "CycloneDX":
        version = VERSIONS.get(document["specVersion"])
        if version is None:
            return [f"it has version {document['specVersion']}, not one of {', '.join(VERSIONS)}"]
        error = JsonStrictValidator(version).validate_str(text)
        return [str(error)] if error else []
    if document.get("spdxVersion") == "SPDX-2.3":
        found = validate_full_spdx_document(parse_file(path))
        return [message.validation_message for message in found]
    return ["it is neither CycloneDX nor SPDX 2.3"]


def main(paths):
    failed = False
    for path in paths:
        for problem in problems(path):
            print(f"{path}: {problem}", file=sys.stderr)
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
