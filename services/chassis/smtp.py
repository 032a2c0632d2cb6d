"""One connection to an SMTP server, opened when it is needed; what it answers, in two words."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from services.chassis.config import SettingsError

PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
TIMEOUT_S = 10.0


class NotTaken(Exception):
    """The server refused this mail; it may take the next one."""


class ServerAway(Exception):
    """The server can't be reached, or broke off: nothing can be sent now.

    Also when it broke off after the whole mail was given to it: nobody knows whether it took
    it, so it is sent again, under the same Message-ID.
    """


@dataclass(frozen=True)
class Address:
    """Where the server is; raises ``SettingsError`` for what can't be meant."""

    scheme: str
    host: str
    port: int
    user: str | None
    password: str | None = field(repr=False)

    @staticmethod
    def of(url: str) -> Address:
        """Reads ``smtp://``, ``smtp+tls://`` (STARTTLS, demanded) or ``smtps://``."""
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname:
            raise SettingsError(
                "MARATHON_SMTP_URL must look like smtp://host:25, smtp+tls://user:password@host,"
                " smtps://user:password@host or folder:PATH"
            )
        if parts.username and parts.scheme == "smtp":
            raise SettingsError(
                "MARATHON_SMTP_URL would send its password unencrypted: use smtp+tls:// or smtps://"
            )
        return Address(
            parts.scheme,
            parts.hostname,
            parts.port or PORTS[parts.scheme],
            unquote(parts.username) if parts.username else None,
            unquote(parts.password or ""),
        )


class SmtpTransport:
    """Sends mails one after the other over one connection; not shared between threads."""

    def __init__(self, url: str, sender: str, timeout_s: float = TIMEOUT_S) -> None:
        self.address = Address.of(url)
        self.sender = sender
        self.timeout_s = timeout_s
        self.was_away = False
        self._server: smtplib.SMTP | None = None

    def send(self, message: EmailMessage, to: str) -> None:
        """Returns once the server took the mail. Raises ``NotTaken`` or ``ServerAway``."""
        try:
            self._connected().send_message(message, self.sender, [to])
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError) as refused:
            raise NotTaken(_reason(refused)) from refused
        except (OSError, smtplib.SMTPException) as broken:
            # A sender refused, a greeting refused, a line cut: it would be the same for all.
            self._drop()
            self.was_away = True
            raise ServerAway(_reason(broken)) from broken

    def close(self) -> None:
        """Says good-bye, if there is anybody to say it to."""
        if self._server is None:
            return
        try:
            self._server.quit()
        except (OSError, smtplib.SMTPException):
            self._drop()
        self._server = None

    def _connected(self) -> smtplib.SMTP:
        if self._server is None:
            self._server = self._connect()
        return self._server

    def _connect(self) -> smtplib.SMTP:
        where = self.address
        if where.scheme == "smtps":
            context = ssl.create_default_context()
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                where.host, where.port, timeout=self.timeout_s, context=context
            )
        else:
            server = smtplib.SMTP(where.host, where.port, timeout=self.timeout_s)
        self._server = server
        if where.scheme == "smtp+tls":
            server.starttls(context=ssl.create_default_context())
        if where.user is not None:
            server.login(where.user, where.password or "")
        return server

    def _drop(self) -> None:
        if self._server is not None:
            self._server.close()
        self._server = None


def _reason(error: BaseException) -> str:
    """Kind and code only: a server's words often contain the address."""
    code = getattr(error, "smtp_code", None) or getattr(error, "errno", None)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code = next(iter(error.recipients.values()))[0]
    return f"{type(error).__name__} {code}" if code else type(error).__name__
