"""`portcullis-device doctor`: what is wrong between this device and the control plane."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from portcullis_agent.client import RequestFailed
from portcullis_agent.clock import Clock
from portcullis_agent.device.heartbeat import read_heartbeat_answer
from portcullis_agent.device.settings import DEFAULT_STATE_DIR, DeviceSettings
from portcullis_agent.device.status import Status, read_status
from portcullis_agent.doctor import machine, server
from portcullis_agent.doctor.examination import STEP_SECONDS, moment, reach
from portcullis_agent.doctor.report import OK, PROBLEM, SKIPPED, WARNING, Check
from portcullis_agent.errors import SettingsError

SERVICE = "portcullis-device.service"
NETWORK_STEPS = ("Proxy", "DNS", "TCP", "TLS", "Server", "Clock", "Keys", "Credentials")


def examine(
    state: str | None, environ: Mapping[str, str], *, seconds: float = STEP_SECONDS, clock: Clock | None = None
) -> list[Check]:
    """The checks of this machine, then of the way to the server. Sends one heartbeat, which names no installation."""
    clock = clock or Clock()
    folder, named_by = machine.state_folder(state, environ, DEFAULT_STATE_DIR)
    try:
        settings = DeviceSettings.load(folder, environ).require_enrolled()
    except SettingsError as error:
        checks = [Check("Settings", PROBLEM, str(error), f"The state folder is {folder} ({named_by}).")]
        reason = "Not checked: the settings come first."
    else:
        finding = f"Address {settings.url}, device {settings.id}, state folder {folder} (from {named_by})."
        checks = [Check("Settings", OK, finding)]
        reason = "Not checked: an earlier step failed."
        status = read_status(settings)
        checks += [machine.check_folder(folder), machine.check_writer(folder, SERVICE)]
        checks += [_check_queue(status), _check_firmware(status), *_network(settings, clock, seconds)]
    done = {check.name for check in checks}
    return [*checks, *(Check(name, SKIPPED, reason) for name in NETWORK_STEPS if name not in done)]


def _check_queue(status: Status) -> Check:
    waiting = status.waiting_samples + status.waiting_periods
    finding = f"{waiting} samples and periods wait for the server, {status.queue_bytes // 1024} KiB on the disk."
    if waiting > 100:
        return Check(
            "Queue", WARNING, finding, "They are sent as soon as the server can be reached: see the next lines."
        )
    return Check("Queue", OK, finding)


def _check_firmware(status: Status) -> Check:
    if status.firmware_problem:
        return Check("Firmware", WARNING, status.firmware_problem, "See the log of the device's service.")
    return Check("Firmware", OK, f"The device reports {status.firmware_version or 'no version'}.")


def _network(settings: DeviceSettings, clock: Clock, seconds: float) -> Iterator[Check]:
    status = read_status(settings)
    for check in reach(settings.url, clock, seconds, not_before=status.last_contact_at or 0.0):
        yield check
        if check.level == PROBLEM:
            return
    answer = server.ask("GET", f"{settings.url}/.well-known/jwks.json", seconds)
    check = server.check_answer(answer)
    yield check
    if answer.status is not None:
        yield server.check_clock(answer.date, moment(clock.wall()))
    if check.level == PROBLEM:
        return
    yield server.check_keys(answer.body, status.keys)
    headers = {"X-Device-ID": settings.id, "X-Device-Key": settings.device_key}
    # Without boot_id and sequence it is not taken for a second installation.
    body = {"config_version": status.config_version}
    answer = server.ask("POST", f"{settings.url}/api/devices/heartbeat", seconds, headers, body)
    yield _check_credentials(answer)


def _check_credentials(answer: server.Answer) -> Check:
    name = "Credentials"
    if answer.status == 401:
        advice = "The key was rotated or the device retired: ask for an enrolment code, then enrol with --replace."
        return Check(name, PROBLEM, "The server does not accept this device's id and key (401).", advice)
    if answer.problem is not None:
        return Check(name, PROBLEM, answer.problem, "The keys were answered, the heartbeat was not: tell the operator.")
    try:
        read = read_heartbeat_answer(answer.body)
    except RequestFailed as failure:
        return Check(name, PROBLEM, str(failure), "Tell the operator.")
    if read.locked or read.licensed is False:
        finding = "The server accepts the device's key. Its location is locked or has no licence."
        return Check(name, WARNING, finding, "The device goes on; the restaurant settles it with the vendor.")
    return Check(name, OK, "The server accepts the device's key.")
