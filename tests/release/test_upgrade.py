"""The previous release serves on the present schema, and the present one takes its place under load: no request fails."""

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.databases import empty_postgresql
from tests.load import Load, lost, running_load, stored
from tests.nginx import SETTINGS_BEHIND_NGINX, NginxInFront
from tests.panel_session import PanelSession
from tests.release.load import ReleaseLoad
from tests.release.previous import previous_release, unpack
from tests.running_server import ROOT, RunningServer

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=50)]

SECONDS = float(os.environ.get("RELEASE_SECONDS", "0.5"))  # of load after each step


@pytest.fixture(scope="module")
def previous_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack(previous_release(), tmp_path_factory.mktemp("releases"))


@pytest.fixture
def releases(previous_folder: Path, tmp_path: Path, postgres_url: str) -> Iterator[tuple[RunningServer, RunningServer]]:
    """The previous release, which serves on its own schema, and the present one, which is not started."""
    settings = SETTINGS_BEHIND_NGINX | {
        "HTTPS_ONLY": "false",
        "HEARTBEATS_PER_MINUTE": "10000",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "SITE_KEY_PEPPER": secrets.token_urlsafe(50),
    }
    url = empty_postgresql(postgres_url)
    previous, present = (
        RunningServer(url, make_folder(tmp_path / name), settings=settings, root=root)
        for name, root in (("previous", previous_folder), ("present", ROOT))
    )
    previous.set_up("collectstatic")
    previous.start()
    yield previous, present
    for server in (previous, present):
        if server.process is not None:
            server.stop()


def make_folder(path: Path) -> Path:
    path.mkdir()
    return path


def go_on(load: Load) -> None:
    until = time.monotonic() + SECONDS
    load.until_acknowledged(40)
    time.sleep(max(0.0, until - time.monotonic()))


def send_to(nginx: NginxInFront, *servers: RunningServer) -> None:
    nginx.upstream_ports = [server.port for server in servers]
    nginx.write_configuration()
    nginx.reload()


def assert_nothing_failed(load: Load, database_url: str) -> None:
    print(
        f"{len(load.acknowledged)} writes acknowledged, {load.refusals.total()} refused;"
        f" {load.reads} reads, {load.failed_reads.total()} failed; slowest write {load.slowest_seconds:.1f} s"
    )
    assert (dict(load.refusals), dict(load.failed_reads)) == ({}, {})
    assert lost(database_url, load) == []
    assert [write for write, times in stored(database_url, load).items() if times > 1] == []


def test_no_request_fails_while_a_release_takes_the_place_of_the_previous_one_and_back(
    releases: tuple[RunningServer, RunningServer], tmp_path: Path
) -> None:
    previous, present = releases
    cookies = "; ".join(f"{name}={value}" for name, value in PanelSession(previous).cookies.items())
    with ExitStack() as stack:
        nginx = stack.enter_context(NginxInFront([previous.port], make_folder(tmp_path / "nginx")))
        # As restaurants do, one connection for each request: nginx closes those that are open when it is reloaded.
        new_client = partial(nginx.client, Connection="close")
        load = stack.enter_context(
            running_load(nginx.sign_in(), nginx, new_client, partial(ReleaseLoad, cookies=cookies))
        )
        go_on(load)
        migrated = present.manage("migrate", "--verbosity=0")
        assert migrated.returncode == 0, migrated.stderr
        go_on(load)  # the previous release, on the present schema
        present.start()
        send_to(nginx, previous, present)
        go_on(load)
        send_to(nginx, present)
        go_on(load)
        send_to(nginx, previous, present)  # back again, on the present schema
        go_on(load)
        present.stop()  # while nginx still sends requests to it
        go_on(load)
    assert_nothing_failed(load, present.database_url)
    verified = present.manage("verify_audit")
    assert verified.returncode == 0, verified.stderr
