"""One connection to an SMTP server, opened when it is needed; what it answers, in two words."""

from __future__ import annotations

import re
import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from services.chassis.config import SettingsError
from services.chassis.letters import one_line

PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
TIMEOUT_S = 10.0


LONGEST_REPLY = 200
SOME_ADDRESS = re.compile(r"[^\s<>()\"']*@[^\s<>()\"']*")
SHORT = 3
CLOSING = 421  # "service not available, closing": about the server, whatever was asked


class NotSent(Exception):
    """A mail that was not sent: ``str()`` is for logs, kind and code only.

    ``reply`` is what the server said, without anything of the address: organisers see it.
    """

    def __init__(self, reason: str, reply: str = "") -> None:
        super().__init__(reason)
        self.reply = reply or reason


class NotTaken(NotSent):
    """The server would not take this mail now; it may take the next one."""


class Refused(NotSent):
    """The server will never take this mail: its receiver is unknown, its content unwanted."""


class ServerAway(NotSent):
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
        """Returns once the server took the mail. Raises ``NotTaken``, ``Refused``, ``ServerAway``.

        A mail that breaks off in its middle was not taken. One that breaks off after its last
        dot, before the server's answer, may have been: it is sent twice then, rather than never.
        """
        try:
            self._connected().send_message(message, self.sender, [to])
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError) as refused:
            failure = _refusal(refused, to)
            if isinstance(failure, ServerAway):
                self._lose()
            else:
                self._reset()
            raise failure from refused
        except (OSError, smtplib.SMTPException) as broken:
            # A sender refused, a greeting refused, a line cut: it would be the same for all.
            self._lose()
            raise ServerAway(_reason(broken), _reply(broken, to)) from broken

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

    def _reset(self) -> None:
        """Takes back what the refused mail left open; a server that can't is left."""
        try:
            if self._server is not None:
                self._server.rset()
        except (OSError, smtplib.SMTPException):
            self._drop()

    def _lose(self) -> None:
        self._drop()
        self.was_away = True

    def _drop(self) -> None:
        if self._server is not None:
            self._server.close()
        self._server = None


def _refusal(error: smtplib.SMTPException, to: str) -> NotSent:
    code, _words = _answer(error)
    kind: type[NotSent] = Refused if code >= 500 else NotTaken
    return (ServerAway if code == CLOSING else kind)(_reason(error), _reply(error, to))


def _answer(error: BaseException) -> tuple[int, str]:
    """The server's code and words; 0 and nothing where it said nothing."""
    code, words = getattr(error, "smtp_code", 0), getattr(error, "smtp_error", b"")
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, words = next(iter(error.recipients.values()))
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
    return code, text


def _reason(error: BaseException) -> str:
    """Kind and code only: a server's words often contain the address."""
    code = _answer(error)[0] or getattr(error, "errno", None)
    return f"{type(error).__name__} {code}" if code else type(error).__name__


def _reply(error: BaseException, to: str) -> str:
    """The server's answer without the address; kind and code where it gave none."""
    code, words = _answer(error)
    said = without_address(one_line(words), to)[:LONGEST_REPLY]
    return f"{code} {said}".strip() if code else _reason(error)


def without_address(text: str, to: str) -> str:
    """``text`` without addresses, and without what stands before the @ of ``to``."""
    local = to.rpartition("@")[0]
    parts = re.split(r"[._+-]", local)
    shown = SOME_ADDRESS.sub("…", text)
    for name in sorted({local, "".join(parts), *parts} - {""}, key=len, reverse=True):
        found = re.escape(name)
        # A short one only as a word of its own: "al" is also in "invalid".
        pattern = found if len(name) > SHORT else rf"(?<!\w){found}(?!\w)"
        shown = re.sub(pattern, "…", shown, flags=re.IGNORECASE)
    return shown
