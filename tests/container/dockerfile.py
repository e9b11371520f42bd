"""Follows a Dockerfile without a container engine: each stage is a folder, and its commands run in it by chroot."""

import json
import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.test_container import KEPT, copy_of_the_tree

# A package index and its certificates may be set up on this machine; they are no part of the image.
BORROWED = ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt", "/etc/xdg/pip", "/etc/pip.conf")


@dataclass
class Image:
    """What a stage of a Dockerfile has led to."""

    root: Path
    environment: dict[str, str] = field(
        default_factory=lambda: {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
    )
    folder: str = "/"
    user: str = "0:0"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)

    def inside(self, path: str) -> Path:
        return self.root / os.path.normpath(os.path.join(self.folder, path)).lstrip("/")


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    lines = dockerfile.read_text().replace("\\\n", " ").splitlines()
    return [
        (word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines if line[:1] not in {"", "#"})
    ]


def follow(dockerfile: Path, base: Path, folder: Path) -> Image:
    """Carry out every instruction, with the archive `base` in place of the image that FROM names. Returns the last stage."""
    stages: dict[str, Image] = {}
    context = copy_of_the_tree(folder / "context")
    image = Image(folder)
    for word, rest in instructions(dockerfile):
        print(f"  {word} {rest}", flush=True)
        match word:
            case "FROM":
                name = rest.partition(" AS ")[2] or "last"
                image = stages[name] = Image(unpacked(base, folder / name))
            case "WORKDIR":
                image.folder = rest
                image.inside(".").mkdir(parents=True, exist_ok=True)
            case "ENV":
                image.environment |= dict(pair.split("=", 1) for pair in shlex.split(rest))
            case "COPY":
                copy(image, rest, context, stages)
            case "RUN":
                run(image, rest)
            case "USER":
                image.user = rest
            case "ENTRYPOINT":
                image.entrypoint = json.loads(rest)
            case "CMD":
                image.command = json.loads(rest)
            case "HEALTHCHECK":
                image.health = json.loads(rest.partition(" CMD ")[2])
            case "EXPOSE" | "VOLUME":
                pass
            case _:
                raise NotImplementedError(word)
    return image


def unpacked(archive: Path, root: Path) -> Path:
    root.mkdir()
    subprocess.run(["tar", "-xf", archive, "-C", root, "--numeric-owner"], check=True)
    return root


def copy(image: Image, rest: str, context: Path, stages: dict[str, Image]) -> None:
    """COPY [--from=STAGE] [--chown=USER:GROUP] SOURCE… TARGET, for what our Dockerfile says."""
    words = rest.split()
    options = dict(word[2:].split("=") for word in words if word.startswith("--"))
    *sources, target = [word for word in words if not word.startswith("--")]
    for source in sources:
        origin = stages[options["from"]].root / source.lstrip("/") if "from" in options else context / source
        goal = image.inside(target)
        if origin.is_dir():
            shutil.copytree(origin, goal, dirs_exist_ok=True, symlinks=True)
        else:
            goal = goal / origin.name if target.endswith("/") else goal
            goal.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(origin, goal)
        if "chown" in options:
            subprocess.run(["chown", "-R", options["chown"], goal], check=True)


def run(image: Image, command: str) -> None:
    """RUN: as root, with the network and the package index of this machine."""
    borrowed = " ".join(path for path in BORROWED if os.path.exists(path))
    script = f"""
set -e
mount -t proc proc "$1/proc"
mount -t devpts devpts "$1/dev/pts"
for path in {borrowed}; do
  if [ -d "$path" ]; then mkdir -p "$1$path"; else mkdir -p "$1${{path%/*}}"; [ -e "$1$path" ] || : >"$1$path"; fi
  mount --bind "$path" "$1$path"
done
exec chroot "$1" sh -c "cd $2 && $3"
"""
    kept = {
        name: value for name, value in os.environ.items() if name.startswith(KEPT) and name not in {"PATH", "TMPDIR"}
    }
    subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "sh", "-c", script, "sh", image.root, image.folder, command],
        env=kept | image.environment | {"HOME": "/root"},
        check=True,
        timeout=900,
    )
