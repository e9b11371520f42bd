"""A fresh Debian 12 root file system, and what a test puts into it before the installer runs."""

import os
import shutil
import ssl
import subprocess
from pathlib import Path

from tests.running_server import ROOT

MIRROR = "http://deb.debian.org/debian"
HOST = "licenses.example.com"
KEPT = ("PATH", "LANG", "PIP_")


def environment() -> dict[str, str]:
    """What a shell of root has, and how this machine reaches Python's packages."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
    return kept | {"HOME": "/root", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


def chroot(root: Path, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["chroot", str(root), *command],
        env=environment() | more,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def make_root(root: Path, base: Path | None) -> None:
    """Debian's smallest system, or the tar file of one that was made before."""
    if base is None:
        subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", "bookworm", str(root), MIRROR], check=True)
    else:
        root.mkdir(exist_ok=True)
        subprocess.run(["tar", "-xf", str(base), "-C", str(root)], check=True)
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")


def copy_source(destination: Path) -> None:
    """The files of the repository as they are now, as a release would be unpacked."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            target = destination / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)


def install_packages(root: Path) -> str:
    """With the network of this machine, but without starting a server on its ports."""
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    done = chroot(root, "/root/portcullis/deploy/install.sh", "packages")
    policy.unlink()
    assert done.returncode == 0, done.stdout
    return done.stdout


def download_wheels(root: Path) -> None:
    """Into the root file system, because the installer runs without a network later."""
    lock = next(name for name in ("requirements.lock", "requirements.txt") if (ROOT / name).exists())
    # This machine may reach the index through a proxy with a certificate of its own.
    shutil.copy(ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt", root / "root/ca.crt")
    command = ["python3", "-m", "pip", "download", "-q", "--only-binary", ":all:", "-d", "/root/wheels"]
    done = chroot(root, *command, "-r", f"/root/portcullis/{lock}", PIP_CERT="/root/ca.crt")
    assert done.returncode == 0, done.stdout


def make_certificate(root: Path) -> None:
    """For the host name, and trusted by this root file system."""
    chain = root / "root/fullchain.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"]
    command += ["-keyout", str(root / "root/privkey.pem"), "-out", str(chain)]
    subprocess.run(command, check=True, capture_output=True)
    shutil.copy(chain, root / "usr/local/share/ca-certificates/test.crt")
    assert chroot(root, "update-ca-certificates").returncode == 0


def mount_for_programs(root: Path) -> None:
    """What every program expects: /proc, /dev and the host name. In the mount namespace of this process alone."""
    (root / "etc/hosts").write_text(f"127.0.0.1 localhost {HOST}\n")
    for arguments in (
        ["-t", "proc", "proc", str(root / "proc")],
        ["--rbind", "/dev", str(root / "dev")],
        ["-t", "tmpfs", "tmpfs", str(root / "dev/shm")],
        ["-t", "tmpfs", "tmpfs", str(root / "run")],
    ):
        subprocess.run(["mount", *arguments], check=True)
    (root / "run/lock").mkdir()
