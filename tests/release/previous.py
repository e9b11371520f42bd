"""The code of the previous release, to let it serve on the present schema.

It runs with the packages that are installed now, not with those that it was released with.
"""

import io
import os
import re
import subprocess
import tarfile
from pathlib import Path

from tests.running_server import ROOT

# Until there is a tag: the first commit that works on the present schema (docs/releases.md).
COMMIT_FILE = Path(__file__).with_name("previous_release.txt")


class NoPreviousRelease(Exception):
    pass


def git(*arguments: str) -> bytes:
    try:
        return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True).stdout
    except FileNotFoundError:
        raise NoPreviousRelease("The previous release is read from the repository: install git.") from None
    except subprocess.CalledProcessError as error:
        raise NoPreviousRelease(
            f"git {' '.join(arguments)} failed: {error.stderr.decode().strip()}. The test of releases needs a clone with its"
            " whole history: `git fetch --unshallow --tags`."
        ) from None


def previous_release() -> str:
    """PREVIOUS_RELEASE, else the newest tag vX.Y.Z before this commit, else the commit that is written in COMMIT_FILE."""
    if chosen := os.environ.get("PREVIOUS_RELEASE"):
        return chosen
    # A commit that is tagged itself is compared with the release before it.
    tags = git("tag", "--merged", "HEAD^", "--sort=-version:refname", "v*").decode().split()
    releases = [tag for tag in tags if re.fullmatch(r"v\d+\.\d+\.\d+", tag)]
    return releases[0] if releases else COMMIT_FILE.read_text().strip()


def unpack(release: str, folder: Path) -> Path:
    """The files of that release below `folder`, with the packages that are installed here."""
    root = folder / "previous"
    archive = git("archive", "--format=tar", release)
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(root, filter="data")
    return root
