"""The installer lets nginx serve the certificate that it is given, or that of Let's Encrypt."""

from pathlib import Path

import pytest

from tests.installation.script import put_program, run_functions

pytestmark = pytest.mark.e2e

HOST = "licenses.example.com"
BY_EMAIL = f"host={HOST} email=anna@vendor.example; mkdir -p $TLS; install_certificate"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    put_program(tmp_path, "nginx", "")
    put_program(tmp_path, "systemctl", "")
    live = tmp_path / "lets_encrypt/live" / HOST
    put_program(tmp_path, "certbot", f"echo asked; mkdir -p {live}; touch {live}/fullchain.pem {live}/privkey.pem")
    return tmp_path


def served(machine: Path) -> str:
    return (machine / "nginx/certificate.conf").read_text()


def test_a_certificate_of_lets_encrypt_is_asked_for_and_served(machine: Path) -> None:
    installed = run_functions(BY_EMAIL, machine)
    assert (installed.returncode, "asked" in installed.stdout) == (0, True)
    assert f"{machine}/lets_encrypt/live/{HOST}/fullchain.pem;" in served(machine)


def test_one_that_is_already_there_is_served_without_asking(machine: Path) -> None:
    live = machine / "lets_encrypt/live" / HOST
    live.mkdir(parents=True)
    (live / "fullchain.pem").touch()
    (machine / "nginx").mkdir()
    (machine / "nginx/certificate.conf").write_text("the former, of our own")
    installed = run_functions(BY_EMAIL, machine)
    assert (installed.returncode, "asked" in installed.stdout) == (0, False)
    assert f"{live}/fullchain.pem;" in served(machine)
    assert f"{live}/privkey.pem;" in served(machine)


def test_an_upgrade_leaves_the_certificate_as_it_is(machine: Path) -> None:
    (machine / "nginx").mkdir()
    (machine / "nginx/certificate.conf").write_text("ours")
    assert run_functions(f"host={HOST}; install_certificate", machine).returncode == 0
    assert served(machine) == "ours"
