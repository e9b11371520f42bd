#!/usr/bin/env python3
"""Write docs/licenses.md: the licence of each package that runs in production. `make licenses` calls this.

Fails if a package has a licence that is not in ALLOWED. Versions come from requirements.lock, licences from the packages.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
PAGE = ROOT / "docs/licenses.md"
# Each part of a licence as packages spell it, and its SPDX name. A new one is a decision: read the licence, then add it.
ALLOWED = {
    "Apache Software License": "Apache-2.0",
    "Apache-2.0": "Apache-2.0",
    "BSD 3-Clause": "BSD-3-Clause",
    "BSD License": "BSD",
    "BSD-2-Clause": "BSD-2-Clause",
    "BSD-3-Clause": "BSD-3-Clause",
    "LGPL-3.0-only": "LGPL-3.0-only",
    "MIT": "MIT",
    "MIT License": "MIT",
    "MIT-0": "MIT-0",
    "MIT-CMU": "MIT-CMU",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "PSF-2.0": "PSF-2.0",
}
INTRODUCTION = """\
# Licences

The packages that run in production, from `requirements.lock`, with the licences that they declare. `make licenses`
writes this page and fails if a licence is new; `tests/test_licenses.py` fails if the page is out of date. Portcullis itself
is under the [MIT licence](../LICENSE).

Three are not merely permissive. psycopg is LGPL-3.0: Portcullis uses it unchanged, as a library that can be replaced. fido2
contains Mozilla's list of public suffixes and certifi Mozilla's certificates, which are MPL-2.0: a changed list would have to
be published.

"""


def locked_versions() -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", LOCK.read_text(), re.MULTILINE))


def declared_licenses(names: list[str]) -> dict[str, tuple[str, str]]:
    """The version and the licence of the packages that are installed: {name: (version, licence)}."""
    command = [sys.executable, "-m", "piplicenses", "--from=mixed", "--format=json", "--packages", *names]
    listed = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return {re.sub(r"[-_.]+", "-", one["Name"]).lower(): (one["Version"], one["License"]) for one in listed}


def spdx(name: str, declared: str) -> str:
    """The SPDX names in a licence. Raises ValueError if one of its parts is not allowed."""
    words = re.split(r"( OR | AND |; )", declared)
    if unknown := [word for word in words[::2] if word not in ALLOWED]:
        raise ValueError(f"{name} is under {', '.join(unknown)}: see ALLOWED in scripts/licenses.py.")
    return "".join(
        [ALLOWED[word] if place % 2 == 0 else word.replace("; ", " AND ") for place, word in enumerate(words)]
    )


def page() -> str:
    """Raises ValueError if a licence is not allowed, or if other versions than the locked ones are installed."""
    versions = locked_versions()
    declared = declared_licenses(list(versions))
    lines = []
    for name, version in versions.items():
        installed, license_ = declared.get(name, (version, None))
        if installed != version:
            raise ValueError(
                f"{name} {installed} is installed, but {version} is locked: run 'make lock' and install again."
            )
        lines.append(f"| {name} | {version} | {spdx(name, license_) if license_ else 'not needed by this Python'} |")
    return INTRODUCTION + "\n".join(["| package | version | licence |", "|---|---|---|", *lines]) + "\n"


if __name__ == "__main__":
    try:
        PAGE.write_text(page())
    except ValueError as error:
        sys.exit(str(error))
