"""The step TLS: whether the server's certificate is accepted, and if not, whether this machine's date is the cause."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from cryptography import x509

from portcullis_agent.doctor.connection import within
from portcullis_agent.doctor.report import OK, PROBLEM, WARNING, Check

# X509_V_ERR_… of OpenSSL
NOT_YET_VALID, EXPIRED = 9, 10
OTHER_NAME = {62, 64}
UNKNOWN_ISSUER = {2, 18, 19, 20, 21}
ENDS_SOON = timedelta(days=7)
DATE_TOLERANCE = timedelta(days=1)


@dataclass(frozen=True)
class Shown:
    """What the server shows to a client that believes everything: nothing of it is more than a hint."""

    certificate: x509.Certificate | None = None
    date: datetime | None = None


def check_certificate(address: Any, host: str, seconds: float, *, now: datetime, not_before: datetime) -> Check:
    """`now` is this machine's date; `not_before` the lower bound of the present that the stored lease gives."""
    try:
        context = httpx.create_ssl_context()
    except OSError as error:
        advice = "Correct SSL_CERT_FILE or SSL_CERT_DIR, or unset it."
        return Check("TLS", PROBLEM, f"The trusted certificates cannot be read: {error}.", advice)

    def handshake() -> Check:
        with _connected(address, seconds) as connection, context.wrap_socket(connection, server_hostname=host) as tls:
            return _accepted(tls, now)

    try:
        return within(seconds, handshake)
    except ssl.SSLCertVerificationError as error:
        return _refused(error, look(address, host, seconds / 2), host, now, not_before)
    except (TimeoutError, socket.timeout):  # one and the same from Python 3.10 on
        finding = f"The server accepted the connection, and then said nothing for {seconds:g} seconds."
        return Check("TLS", PROBLEM, finding, "The server hangs, or a firewall in between holds the connection.")
    except ssl.SSLError as error:
        advice = "What answers on this port speaks no TLS, or a firewall in between changes the connection."
        return Check("TLS", PROBLEM, f"There is no encrypted connection: {error.reason or error}.", advice)
    except OSError as error:
        finding = f"The connection ended before it was encrypted: {error.strerror or type(error).__name__}."
        return Check("TLS", PROBLEM, finding, "The server refuses TLS on this port, or a firewall cuts it off.")


def _connected(address: Any, seconds: float) -> socket.socket:
    connection = socket.socket(socket.AF_INET6 if len(address) == 4 else socket.AF_INET)
    connection.settimeout(seconds)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def _accepted(tls: ssl.SSLSocket, now: datetime) -> Check:
    certificate = _parse(tls)
    if certificate is None:
        return Check("TLS", OK, f"{tls.version()}, the certificate is accepted.")
    ends = certificate.not_valid_after_utc
    finding = f"{tls.version()}, the certificate is accepted and valid until {ends:%Y-%m-%d}."
    if ends - now < ENDS_SOON:
        return Check("TLS", WARNING, finding, "Tell the administrator of the server to renew the certificate.")
    return Check("TLS", OK, finding)


def _parse(tls: ssl.SSLSocket) -> x509.Certificate | None:
    data = tls.getpeercert(binary_form=True)
    with suppress(ValueError):
        return x509.load_der_x509_certificate(data) if data else None
    return None


def look(address: Any, host: str, seconds: float) -> Shown:
    """The certificate, and the server's date, without believing either. Nothing of the site is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    found: list[Shown] = []

    def handshake() -> None:
        with _connected(address, seconds) as connection, context.wrap_socket(connection, server_hostname=host) as tls:
            found.append(Shown(_parse(tls)))
            tls.sendall(f"HEAD / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("ascii", "replace"))
            for line in tls.recv(4096).decode("latin-1").split("\r\n"):
                if line.lower().startswith("date:"):
                    found.append(Shown(found[0].certificate, read_date(line[5:])))

    with suppress(OSError):
        within(seconds, handshake)
    return found[-1] if found else Shown()


def read_date(text: str | None) -> datetime | None:
    """The header `Date`, if there is one and it can be read."""
    if text is None:
        return None
    with suppress(ValueError, TypeError, IndexError, OverflowError):
        found = parsedate_to_datetime(text.strip())
        return found if found.tzinfo else found.replace(tzinfo=timezone.utc)
    return None


def _refused(
    error: ssl.SSLCertVerificationError, shown: Shown, host: str, now: datetime, not_before: datetime
) -> Check:
    if error.verify_code in {NOT_YET_VALID, EXPIRED}:
        return _out_of_date(error.verify_code == EXPIRED, shown, now, not_before)
    certificate = shown.certificate
    if error.verify_code in OTHER_NAME:
        finding = f"The certificate is for another host ({_names(certificate)}), not for {host}."
        return Check("TLS", PROBLEM, finding, "Check the address; a network's sign-in page answers like this too.")
    if error.verify_code in UNKNOWN_ISSUER:
        issuer = certificate.issuer.rfc4514_string() if certificate else "an unknown issuer"
        finding = f"This machine does not know who issued the certificate: {issuer}."
        advice = (
            "A firewall may read along, or a network's sign-in page answers. "
            "If the issuer is your own, name its certificate in SSL_CERT_FILE."
        )
        return Check("TLS", PROBLEM, finding, advice)
    finding = f"The certificate is refused: {error.verify_message}."
    return Check("TLS", PROBLEM, finding, "Tell the administrator of the server.")


def _names(certificate: x509.Certificate | None) -> str:
    if certificate is None:
        return "unknown"
    with suppress(x509.ExtensionNotFound, ValueError):
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return ", ".join(str(name.value) for name in list(names)[:4])
    return certificate.subject.rfc4514_string()


def _out_of_date(is_expired: bool, shown: Shown, now: datetime, not_before: datetime) -> Check:
    """Whose date is wrong? The server's own date and the newest lease say so, as far as they can."""
    certificate = shown.certificate
    if certificate is None:
        period = "not known"
    else:
        period = f"{certificate.not_valid_before_utc:%Y-%m-%d} to {certificate.not_valid_after_utc:%Y-%m-%d}"
    state = "has expired" if is_expired else "is not valid yet"
    present = f"{now:%Y-%m-%d %H:%M} UTC"
    finding = f"By this machine's date, {present}, the certificate {state} (valid: {period})."
    true_date = max(shown.date, not_before) if shown.date else None
    is_slow = now < not_before - DATE_TOLERANCE
    is_off = true_date is not None and abs(true_date - now) > DATE_TOLERANCE
    if is_slow or is_off:
        known = f"about {true_date:%Y-%m-%d}" if true_date else f"at least {not_before:%Y-%m-%d}"
        finding += f" The failure comes from this machine's date: it is {known}."
        return Check("TLS", PROBLEM, finding, "Set the date: timedatectl set-ntp true, or timedatectl set-time.")
    if is_expired:
        advice = "Tell the administrator of the server to renew the certificate, unless this machine's date is wrong."
    else:
        advice = "Check this machine's date first: timedatectl. If it is right, tell the administrator of the server."
    return Check("TLS", PROBLEM, finding, advice)
