"""The steps that need no network: settings, state folder, what is stored, and the verdict."""

from __future__ import annotations

import fcntl
import os
import pwd
import stat
import uuid
from collections.abc import Mapping
from pathlib import Path

from portcullis_agent.doctor.report import OK, PROBLEM, WARNING, Check
from portcullis_agent.errors import SettingsError, StateError
from portcullis_agent.settings import CREDENTIALS_FILE, DEFAULT_STATE_DIR, Settings, read_credentials
from portcullis_agent.state import State, StateFolder
from portcullis_agent.verdict import Verdict

NEEDED_BYTES = 1024 * 1024
SERVICE = "portcullis-agent.service"


def state_folder(option: str | None, environ: Mapping[str, str], default: str = DEFAULT_STATE_DIR) -> tuple[Path, str]:
    """The state folder and the setting that names it."""
    if option:
        return Path(option), "--state"
    if environ.get("PORTCULLIS_STATE"):
        return Path(environ["PORTCULLIS_STATE"]), "PORTCULLIS_STATE"
    return Path(default), "the default"


def check_settings(folder: Path, named_by: str, environ: Mapping[str, str]) -> tuple[Settings | None, Check]:
    try:
        settings = Settings.load(folder, environ)
        uuid.UUID(settings.site_id)
    except SettingsError as error:
        return None, Check("Settings", PROBLEM, str(error), f"The state folder is {folder} ({named_by}).")
    except ValueError:
        advice = "Copy the site id from the panel: it looks like 3f1d4c6e-8f0a-4f57-9d0e-2b1c5a7e9d10."
        return None, Check("Settings", PROBLEM, "The site id is not a UUID.", advice)
    stored = read_credentials(folder)
    sources = {name: _source(name, environ) for name in ("url", "site_id", "site_key")}
    finding = (
        f"Address {settings.url} (from {sources['url']}), site {settings.site_id} (from {sources['site_id']}),"
        f" key from {sources['site_key']}, state folder {folder} (from {named_by})."
    )
    values = {"url": settings.url, "site_id": settings.site_id, "site_key": settings.site_key}
    differing = [
        sources[name] for name in values if stored.get(name, values[name]) != values[name] and sources[name] != "enrol"
    ]
    if differing:
        advice = "Unset it, or run 'portcullis-agent enrol' again, so that both say the same."
        finding += f" {' and '.join(differing)} differs from what enrol stored, and wins."
        return settings, Check("Settings", WARNING, finding, advice)
    return settings, Check("Settings", OK, finding)


def _source(name: str, environ: Mapping[str, str]) -> str:
    variable = f"PORTCULLIS_{name.upper()}"
    for candidate in (variable, f"{variable}_FILE"):
        if environ.get(candidate):
            return candidate
    return "enrol"


def check_folder(path: Path) -> Check:
    """Whether the writer can use the folder, and whether others can do too much with it."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return _absent(path)
    except OSError as error:
        return Check("State folder", PROBLEM, f"{path} cannot be used: {error.strerror}.", _as_the_services_user())
    if not stat.S_ISDIR(found.st_mode):
        return Check("State folder", PROBLEM, f"{path} is not a folder.", "Remove it, or name another state folder.")
    owner, mode = _user(found.st_uid), stat.S_IMODE(found.st_mode)
    described = f"{path} belongs to {owner}, mode {mode:04o}"
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        return Check("State folder", WARNING, f"{described}; this user cannot write it.", _as_the_services_user())
    for file in sorted(path.iterdir()):
        try:
            details = file.stat()
        except FileNotFoundError:  # replaced at this moment
            continue
        if details.st_uid != found.st_uid:
            finding = f"{described}, but {file.name} belongs to {_user(details.st_uid)}."
            return Check("State folder", PROBLEM, finding, f"Run 'chown -R {owner} {path}' as root.")
        if file.name == CREDENTIALS_FILE and details.st_mode & 0o077:
            finding = f"Others than {owner} can read the key in {file}."
            return Check("State folder", PROBLEM, finding, f"Run 'chmod 600 {file}', and rotate the key in the panel.")
    space = os.statvfs(path)
    if space.f_bavail * space.f_frsize < NEEDED_BYTES or (space.f_files and not space.f_favail):
        return Check("State folder", PROBLEM, f"The disk of {path} is full.", "Make room: the state cannot be stored.")
    if mode & 0o022:
        advice = f"Run 'chmod go-w {path}': who can write it can lower the stored time and pin a key."
        return Check("State folder", WARNING, f"{described}: others can write it.", advice)
    return Check("State folder", OK, f"{described}; it can be written.")


def _absent(path: Path) -> Check:
    parent = next(folder for folder in path.absolute().parents if folder.exists())
    if os.access(parent, os.W_OK | os.X_OK):
        return Check("State folder", WARNING, f"{path} is not there; the first heartbeat makes it.")
    advice = f"Make it as root, and give it to the user who runs the agent: install -d -m 750 -o USER {path}"
    return Check("State folder", PROBLEM, f"{path} is not there, and this user cannot make it.", advice)


def _as_the_services_user() -> str:
    return "If another user runs the agent, run the doctor as that user, or as root."


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def check_stored_state(path: Path, settings: Settings | None) -> Check:
    """Whether there is a state of this site, whole."""
    folder = StateFolder(path)
    try:
        states = folder.read()
    except StateError as error:
        files = [file for file in (folder.newest, folder.previous) if os.path.lexists(file)]
        if not os.access(path, os.X_OK) or not all(os.access(file, os.R_OK) for file in files):
            return Check("State", WARNING, "This user cannot read the state.", _as_the_services_user())
        advice = "Move the damaged files away; the next heartbeat stores a new state."
        return Check("State", PROBLEM, f"There is a state, but {error}.", advice)
    if not states:
        return Check("State", WARNING, "There is no state yet.", "Run 'portcullis-agent beat', or start the agent.")
    if settings is not None and states[0].site_id != settings.site_id:
        finding = f"The state is of another site, {states[0].site_id}."
        return Check("State", PROBLEM, finding, "Use one state folder for each site, or run 'portcullis-agent enrol'.")
    try:
        State.decode(folder.newest.read_bytes())
    except (OSError, StateError):
        return Check("State", WARNING, "state.json is damaged; the copy before it is used.", "Check the disk.")
    return Check("State", OK, "The stored state is whole.")


def check_writer(path: Path, service: str = SERVICE) -> Check:
    """Whether a process sends the heartbeats. An agent that starts in the same instant starts to send a minute later."""
    name = "Heartbeats"
    try:
        descriptor = os.open(path / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return _nobody_sends(name, service)
    except OSError:
        return Check(name, WARNING, "This user cannot see whether a process sends heartbeats.", _as_the_services_user())
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return Check(name, OK, "A process sends the heartbeats of this folder.")
    finally:
        os.close(descriptor)
    return _nobody_sends(name, service)


def _nobody_sends(name: str, service: str) -> Check:
    advice = f"Start the application that embeds the agent, or run 'systemctl start {service}'."
    return Check(name, WARNING, "No process sends the heartbeats of this folder.", advice)


ADVICE = {
    "locked": "Settle the cause with the vendor; the next heartbeat after the unlock lets the site operate again.",
    "expired": "Have the licence extended; the next heartbeat after that lets the site operate again.",
    "lapsed": "Repair the connection to the licence server; the next heartbeat lets the site operate again.",
}


def check_verdict(verdict: Verdict) -> Check:
    """What the agent says now, and until when it says so without the server."""
    name = "Verdict"
    if not verdict.may_operate:
        finding = f"{verdict.state}: the site may not operate. {verdict.reason}"
        return Check(name, PROBLEM, finding, ADVICE.get(verdict.state))
    until = (
        f" Without the server until {verdict.lease_expires_at:%Y-%m-%d %H:%M} UTC." if verdict.lease_expires_at else ""
    )
    finding = " ".join([f"{verdict.state}: the site may operate.{until}", *verdict.notices])
    return Check(name, OK if verdict.state == "ok" else WARNING, finding)
