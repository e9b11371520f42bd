import getpass
import os
from typing import Any

from django.contrib.auth import authenticate
from django.core.management.base import CommandParser
from django.utils import timezone

from accounts.errors import InvalidCredentials
from accounts.models import Admin
from accounts.required_steps import required_step
from audit.actors import Actor
from audit.models import Event
from common.commands import DomainCommand
from common.errors import InvalidInput
from common.instants import format_instant
from erasure.errors import ErasureNotRequested
from erasure.models import ErasureRequest
from erasure.preview import STAYS, preview_items
from erasure.services import confirm_erasure, request_erasure, withdraw_erasure
from erasure.traces import find_traces
from sites.errors import SiteErased, SiteNotFound
from sites.models import Site
from sites.validation import read_site_id


class Command(DomainCommand):
    help = (
        "Erase the personal data of a deregistered site. Shows what would be erased; with --request one sysadmin requests it,"
        " with --confirm another one confirms it. It cannot be undone. Each proves who they are: the password is read from"
        " PORTCULLIS_PASSWORD and the code of the second factor from PORTCULLIS_OTP, or asked for."
    )

    def declare(self, parser: CommandParser) -> None:
        parser.add_argument("site_id", metavar="SITE_ID")
        step = parser.add_mutually_exclusive_group()
        step.add_argument("--request", action="store_true", help="request the erasure; needs --reason")
        step.add_argument("--confirm", action="store_true", help="confirm another sysadmin's request, and erase")
        step.add_argument("--withdraw", action="store_true", help="end a request")
        parser.add_argument("--admin", metavar="NAME", help="the sysadmin who requests, confirms or withdraws")
        parser.add_argument("--reason", help="a reference, such as the number of a ticket; it stays for good")

    def run(self, options: dict[str, Any]) -> tuple[Any, list[str]]:
        site_id = read_site_id(options["site_id"])
        if not (options["request"] or options["confirm"] or options["withdraw"]):
            return preview(site_id)
        request = ErasureRequest.objects.select_related("requested_by").filter(site=site_id).first()
        if options["confirm"]:
            if request is None:
                raise ErasureNotRequested
            self.stderr.write(request_line(request))  # what the password is given for
        by = Actor(Event.Source.COMMAND, proven_admin(options["admin"]))
        at = timezone.now()
        if options["request"]:
            made = request_erasure(site_id, reason=options["reason"] or "", by=by, at=at)
            end = format_instant(made.expires_at)
            return {"confirm_until": end}, [f"Requested. Another sysadmin has to confirm it until {end}."]
        if options["withdraw"]:
            withdraw_erasure(site_id, by=by, at=at)
            return {"withdrawn": True}, ["The request is withdrawn. Nothing was erased."]
        assert request
        event = confirm_erasure(site_id, by=by, at=at, requested_at=request.requested_at)
        return {"event_id": str(event.id)}, [f"The personal data of {site_id} is erased (event {event.id})."]


def preview(site_id: Any) -> tuple[Any, list[str]]:
    site = Site.objects.filter(pk=site_id).first()
    if site is None:
        raise SiteNotFound
    if site.erased_at:
        raise SiteErased
    items = preview_items(find_traces(site))
    lines = [
        f"{item.label}: {item.count} {item.fate}" + "".join(f"\n    {text}" for text in item.examples) for item in items
    ]
    shown = [{"label": item.label, "count": item.count, "examples": item.examples} for item in items]
    request = ErasureRequest.open(at=timezone.now()).select_related("requested_by").filter(site=site).first()
    requested_at = format_instant(request.requested_at) if request else None
    return (
        {"erased": shown, "stays": list(STAYS), "requested_at": requested_at},
        [*lines, "What stays:", *(f"    {text}" for text in STAYS), *([request_line(request)] if request else [])],
    )


def request_line(request: ErasureRequest) -> str:
    at, end = format_instant(request.requested_at), format_instant(request.expires_at)
    return f"Requested by {request.requested_by} at {at}, to be confirmed until {end}: {request.reason}"


def proven_admin(username: str | None) -> Admin:
    """The named admin, after the right password and second factor: a shell does not make one person into two.

    Failures count like those of the API's login. Raises InvalidInput, InvalidCredentials, TooManyLoginAttempts, NotAllowed.
    """
    if not username:
        raise InvalidInput("--admin: name the sysadmin who does this.")
    password = os.environ.get("PORTCULLIS_PASSWORD") or getpass.getpass(f"Password of {username}: ")
    code = os.environ.get("PORTCULLIS_OTP")
    if code is None and not os.environ.get("PORTCULLIS_PASSWORD"):
        code = getpass.getpass("Code of the second factor (empty if there is none): ")
    admin = authenticate(None, username=username, password=password, otp=code or None)
    if not isinstance(admin, Admin):
        raise InvalidCredentials
    if step := required_step(admin, at=timezone.now()):
        raise step
    return admin
