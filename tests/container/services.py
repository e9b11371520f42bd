"""Runs the services of compose.yaml without a container engine: ours in the file system of the image, those of other images
by the programs of this machine. Everything happens in namespaces of its own, so that each has its usual port.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml

from scripts.with_services import postgresql_bin
from tests.container.dockerfile import Image

ROOT = Path(__file__).resolve().parent.parent.parent
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
OURS = ("web", "doorbell", "worker", "backup")
HEALTHY_WITHIN_SECONDS = 120

# What an engine does for `read_only`, `tmpfs`, `volumes` and `secrets`: everything is read-only but what is mounted for it.
CONTAINER = """
set -e
root=$1 volume=$2 secrets=$3 user=$4
shift 4
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
if [ -n "$volume" ]; then mount --bind "$volume" "$root/app/var"
else mount -t tmpfs -o "uid=${user%:*},gid=${user#*:}" tmpfs "$root/app/var"; fi
mount -t tmpfs tmpfs "$root/run"
mkdir "$root/run/secrets"
for secret in $secrets; do : >"$root/run/secrets/${secret##*/}"; mount --bind "$secret" "$root/run/secrets/${secret##*/}"; done
mount --bind /etc/hosts "$root/etc/hosts"
mount -o remount,bind,ro "$root"
exec chroot "$root" setpriv --reuid "${user%:*}" --regid "${user#*:}" --clear-groups --no-new-privs --bounding-set=-all \
  sh -c 'cd /app && exec "$@"' sh "$@"
"""


def with_defaults(text: str) -> str:
    """As compose replaces variables, none of which is set here."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text).replace("$$", "$")


class Services:
    """The services that run, and how to ask and stop them."""

    def __init__(self, image: Image, deploy: Path, folder: Path) -> None:
        self.image, self.deploy, self.folder = image, deploy, folder
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.volume = folder / "backups"
        # A new volume is a copy of what the image has at its place, with its owner.
        shutil.copytree(image.inside("/app/var"), self.volume)
        shutil.chown(self.volume, *map(int, image.user.split(":")))

    def contained(self, name: str, command: list[str]) -> tuple[list[str], dict[str, str]]:
        """A command in the container of one of our services, and its environment."""
        service = COMPOSE["services"][name]
        volume = str(self.volume) if service.get("volumes") and name == "backup" else ""
        secrets = " ".join(
            str(self.deploy.parent / COMPOSE["secrets"][secret]["file"]) for secret in service["secrets"]
        )
        settings = {setting: with_defaults(str(value)) for setting, value in service.get("environment", {}).items()}
        # nginx has no address of its own here.
        settings |= {"TRUSTED_PROXIES": "127.0.0.1"} if "TRUSTED_PROXIES" in settings else {}
        unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        start = [*unshare, "sh", "-c", CONTAINER, "sh", str(self.image.root), volume, secrets, self.image.user]
        return [*start, *command], self.image.environment | settings

    def execute(self, name: str, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        arguments, settings = self.contained(name, list(command))
        return subprocess.run(
            arguments, env=settings | environment, capture_output=True, text=True, check=False, timeout=120
        )

    def start_ours(self, name: str) -> None:
        arguments, settings = self.contained(name, [*self.image.entrypoint, *COMPOSE["services"][name]["command"]])
        self.start(name, arguments, env=settings)

    def run_once(self, name: str) -> None:
        command = COMPOSE["services"][name]["command"]
        done = self.execute(name, *self.image.entrypoint, *command)
        assert done.returncode == 0, done.stdout + done.stderr
        say(f"{name}: ended with 0")

    def start(self, name: str, arguments: list[Any], **options: Any) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(arguments, stdout=log, stderr=subprocess.STDOUT, **options)

    def wait_for(self, name: str, is_healthy: Callable[[], bool]) -> None:
        deadline = time.monotonic() + HEALTHY_WITHIN_SECONDS
        started = time.monotonic()
        while not is_healthy():
            log = (self.folder / f"{name}.log").read_text(errors="replace")[-3000:]
            assert self.running[name].poll() is None, f"{name} ended:\n{log}"
            assert time.monotonic() < deadline, f"{name} is not healthy:\n{log}"
            time.sleep(0.3)
        say(f"{name}: healthy after {time.monotonic() - started:.1f} s")

    def healthy_by_its_test(self, name: str) -> bool:
        """The health check of a service whose image is replaced by programs of this machine."""
        kind, *test = [with_defaults(word) for word in COMPOSE["services"][name]["healthcheck"]["test"]]
        command = ["sh", "-c", *test] if kind == "CMD-SHELL" else test
        return subprocess.run(command, capture_output=True, check=False, env=other_images_environment()).returncode == 0

    def stop(self) -> None:
        """As an engine does: SIGTERM to the first process of each, and SIGKILL if that does not help."""
        for name in reversed(list(self.running)):
            process = self.running[name]
            pid = process.pid
            if name in OURS:  # `unshare` ignores the signal; its child is the container's first process
                pid = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
            os.kill(pid, signal.SIGTERM)
            try:
                say(f"{name}: stopped with {process.wait(10 if name == 'backup' else 40)}")
            except subprocess.TimeoutExpired:
                process.kill()
                say(f"{name}: killed")


def say(line: str) -> None:
    print(f"  {line}", flush=True)


def other_images_environment() -> dict[str, str]:
    return {"PATH": f"{postgresql_bin()}:/usr/sbin:/usr/bin:/sbin:/bin"}


def start_postgres(services: Services) -> None:
    service = COMPOSE["services"]["postgres"]
    data = services.folder / "postgres"
    data.mkdir()
    shutil.chown(data, "postgres", "postgres")
    as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
    environment = other_images_environment()
    password = service["environment"]["POSTGRES_PASSWORD_FILE"]
    user = service["environment"]["POSTGRES_USER"]
    # The image's locale is one of UTF-8.
    cluster = [
        "-D",
        data,
        "-U",
        user,
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        f"--pwfile={password}",
        "--auth-local=trust",
        "--auth-host=scram-sha-256",
    ]
    subprocess.run([*as_postgres, "initdb", *cluster], env=environment, check=True, capture_output=True)
    options = ["-c", "listen_addresses=*", "-c", "unix_socket_directories=/tmp"]
    services.start("postgres", [*as_postgres, "postgres", "-D", data, *options], env=environment)
    services.wait_for("postgres", lambda: services.healthy_by_its_test("postgres"))
    by_socket = environment | service["environment"] | {"PGHOST": "/tmp"}
    subprocess.run(["createdb", "-U", "postgres", service["environment"]["POSTGRES_DB"]], env=by_socket, check=True)
    roles = ROOT / "deploy/postgresql_roles.sql"
    subprocess.run([ROOT / "deploy/compose/roles.sh"], env=by_socket | {"ROLES": str(roles)}, check=True)


def start_redis(services: Services) -> None:
    services.start("redis", COMPOSE["services"]["redis"]["command"], cwd="/tmp")
    services.wait_for("redis", lambda: services.healthy_by_its_test("redis"))


def start_nginx(services: Services) -> None:
    services.start(
        "nginx", ["nginx", "-c", "/etc/nginx/nginx.conf", "-g", "daemon off;"], env=other_images_environment()
    )
    services.wait_for("nginx", lambda: services.healthy_by_its_test("nginx"))


def lay_out_the_machine(deploy: Path, folder: Path) -> None:
    """In this process's own mount namespace: names of services, secrets, and nginx's folder as compose.yaml mounts them."""
    hosts = folder / "hosts"
    hosts.write_text("127.0.0.1 localhost web doorbell postgres redis\n")
    passwords = folder / "passwd"
    passwords.write_text(Path("/etc/passwd").read_text() + "nginx:x:101:101::/nonexistent:/usr/sbin/nologin\n")
    groups = folder / "group"
    groups.write_text(Path("/etc/group").read_text() + "nginx:x:101:\n")
    private = deploy / "compose/private"
    # This machine's nginx is older than the image's, and looks names up only when it starts; here they are in /etc/hosts.
    for upstream in private.glob("nginx/upstream*.conf"):
        upstream.write_text(upstream.read_text().replace(" resolve ", " "))
    Path("/run").mkdir(exist_ok=True)
    commands = [
        f"mount --bind {hosts} /etc/hosts",
        f"mount --bind {passwords} /etc/passwd",
        f"mount --bind {groups} /etc/group",
        "mount -t tmpfs tmpfs /run",
        "mkdir /run/secrets",
        f"mount --bind {private}/secrets /run/secrets",
        "mount -t tmpfs tmpfs /etc/nginx",
        "mkdir /etc/nginx/portcullis /etc/nginx/certificate",
        "touch /etc/nginx/nginx.conf",
        f"mount --bind {deploy}/compose/nginx.conf /etc/nginx/nginx.conf",
        f"mount --bind {private}/nginx /etc/nginx/portcullis",
        f"mount --bind {private}/certificate /etc/nginx/certificate",
        "ip link set lo up",
    ]
    for command in commands:
        subprocess.run(command.split(), check=True)


@contextmanager
def all_services(image: Image, deploy: Path, folder: Path):
    """In the order of their dependencies, each as soon as those before it are healthy."""
    services = Services(image, deploy, folder)
    with ExitStack() as stack:
        stack.callback(services.stop)
        start_postgres(services)
        start_redis(services)
        services.run_once("migrate")
        for name in ("web", "doorbell"):
            services.start_ours(name)
            health = COMPOSE["services"][name]["healthcheck"]["test"][1:]
            services.wait_for(name, lambda name=name, health=health: services.execute(name, *health).returncode == 0)
        for name in ("worker", "backup"):
            services.start_ours(name)
        start_nginx(services)
        yield services
