"""Follow docs/install.md in a fresh Debian 12 root file system: `make test-install`, or as root

    python -m tests.installation [--base TAR] [--keep FOLDER]

`--base` is a tar file of Debian's smallest system; without it mmdebstrap makes one, which takes minutes. Debian's packages are
installed with this machine's network; everything else runs in namespaces of its own with loopback alone, so that no port
of this machine is used. systemd does not run there: tests/installation/units.py starts what the units say.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.installation.rootfs import copy_source, download_wheels, install_packages, make_root
from tests.running_server import ROOT

UNSHARE = ["unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child"]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--base", type=Path)
    parser.add_argument("--keep", type=Path, help="the folder of the root file system, which stays")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("Run this as root: it needs chroot and namespaces.")
    with tempfile.TemporaryDirectory(prefix="portcullis-install-") as name:
        folder = arguments.keep or Path(name)
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
        root = folder / "root"
        began = time.monotonic()

        def report(what: str) -> None:
            print(f"{time.monotonic() - began:6.1f} s  {what}", flush=True)

        make_root(root, arguments.base)
        report("a fresh Debian 12 root file system")
        copy_source(root / "root/portcullis")
        print(install_packages(root), end="")
        report("Debian's packages are installed")
        download_wheels(root)
        report("Python's packages are downloaded")
        # The shell is the first process of the namespace; it reaps what the others leave.
        inside = f'"{sys.executable}" -m tests.installation.inside "{root}"; exit $?'
        status = subprocess.run([*UNSHARE, "sh", "-c", inside], cwd=ROOT, check=False).returncode
        report("done" if status == 0 else "failed")
    return status


if __name__ == "__main__":
    sys.exit(main())
