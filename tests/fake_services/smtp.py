"""A small real SMTP server that keeps mails and refuses as a test says.

with FakeSmtp() as service:
    service.refuse("rcpt", "550 5.1.1 No such user")
    ...
    assert service.mails[0]["Subject"] == "..."
"""

import asyncio
import email
import email.policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from scripts.with_services import free_port
from tests.fake_services.certificates import server_context

STEPS = ("ehlo", "mail", "rcpt", "data")


class FakeSmtp:
    """Listens on a free port of 127.0.0.1 while it is entered. `mails` has what was accepted, `recipients` to whom.

    It offers STARTTLS if `certificate` is given, and wants to be signed in to if `user` is.
    """

    def __init__(
        self, *, user: str | None = None, password: str | None = None, certificate: Path | None = None
    ) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.refusals: dict[str, str] = {}
        self.hanging_step: str | None = None
        self.login = (user, password) if user else None
        self.logins: list[str] = []
        options: dict[str, Any] = {"tls_context": server_context(certificate)} if certificate else {}
        if user:
            options |= {"authenticator": self.authenticate, "auth_require_tls": False}
        self.controller = Controller(self, hostname="127.0.0.1", port=free_port(), **options)

    def refuse(self, step: str, answer: str) -> None:
        """Answer a step with a code and a text from now on, such as "451 4.3.0 Try later"."""
        assert step in STEPS
        self.refusals[step] = answer

    def hang(self, step: str) -> None:
        """Do not answer this step."""
        assert step in STEPS
        self.hanging_step = step

    def __enter__(self) -> Self:
        self.controller.start()
        return self

    @property
    def port(self) -> int:
        return int(self.controller.port)

    def __exit__(self, *_: object) -> None:
        self.controller.stop()

    async def answer(self, step: str) -> str | None:
        if self.hanging_step == step:
            await asyncio.sleep(30)
        return self.refusals.get(step)

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        if not isinstance(data, LoginPassword):
            return AuthResult(success=False)
        given = (data.login.decode(), data.password.decode())
        self.logins.append(given[0])
        return AuthResult(success=given == self.login, handled=False)

    # The names that aiosmtpd calls.

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        refusal = await self.answer("ehlo")
        return [refusal] if refusal else responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.login and not session.authenticated:
            return "530 5.7.0 Authentication required"
        if refusal := await self.answer("mail"):
            return refusal
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := await self.answer("rcpt"):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if refusal := await self.answer("data"):
            return refusal
        assert isinstance(envelope.content, bytes)
        parsed = email.message_from_bytes(envelope.content.replace(b"\r\n", b"\n"), policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        self.mails.append(parsed)
        self.recipients += envelope.rcpt_tos
        return "250 OK"
