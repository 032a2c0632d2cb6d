"""Mails as files in a folder instead of at an SMTP server: for the demonstration and tests.

Chosen by ``MARATHON_SMTP_URL=folder:PATH``; a relative path is taken from the working folder.
Each mail is one ``.eml`` file that any mail program opens, named by its Message-ID: a mail that
is sent twice is the same file. Nobody is sent anything, and nothing is ever deleted here.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import default
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote

from services.chassis.config import SettingsError
from services.chassis.paging import Answer, Page
from services.chassis.smtp import ServerAway

SCHEME = "folder:"
ENDING = ".eml"


def folder_of(url: str) -> Path | None:
    """The folder that a ``MARATHON_SMTP_URL`` names; None for another kind of address.

    Raises ``SettingsError`` where no path follows.
    """
    if not url.startswith(SCHEME):
        return None
    path = url.removeprefix(SCHEME)
    if not path:
        raise SettingsError("MARATHON_SMTP_URL names no folder: write folder:PATH")
    return Path(path)


class FolderTransport:
    """Writes mails into a folder, which is made when the first one comes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.was_away = False

    def send(self, message: EmailMessage, to: str) -> None:
        """Returns once the file is there, whole. Raises ``ServerAway`` when it can't be written."""
        del to  # it is in the message
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _replace(self.folder / _name(message), message.as_bytes())
        except OSError as error:
            # A full disk, a folder that is not ours: it would be the same for the next mail.
            self.was_away = True
            raise ServerAway(f"{type(error).__name__} {error.errno}") from error

    def close(self) -> None:
        """Nothing is open in between."""


@dataclass(frozen=True)
class SentMail:
    """A mail as it was written: ``sent_at`` is the instant of its ``Date``, in whole seconds."""

    id: str
    to: str
    subject: str
    text: str
    html: str
    """The source of its HTML part; empty where it has none."""

    sent_at: datetime


@dataclass(frozen=True)
class _Line:
    """What is remembered of a file: enough to find the newest mails of an address."""

    path: Path
    to: str
    sent_at: datetime
    written: int
    """Nanoseconds since the epoch, by the file system."""


class Mailbox:
    """Reads what a :class:`FolderTransport` wrote.

    A file never changes under its name, so each is looked at once.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, _Line] = {}

    def newest(self, page: Page, to: str | None = None) -> Answer:
        """A page of the mails, the newest first: of all, or of those to one address."""
        wanted = None if to is None else to.strip().casefold()
        lines = [line for line in self._lines() if wanted is None or line.to.casefold() == wanted]
        return page.of(lines, _age, lambda line: _read(line.path), falling=True)

    def _lines(self) -> list[_Line]:
        known = self._known
        # Replaced as a whole: another thread may be going through the old one.
        self._known = {
            path.name: known.get(path.name) or _line(path) for path in _files(self.folder)
        }
        return list(self._known.values())


def _age(line: _Line) -> tuple[str, int, str]:
    """Within one second, the order in which they were written."""
    return (line.sent_at.isoformat(), line.written, line.path.name)


def _files(folder: Path) -> Iterator[Path]:
    try:
        yield from (path for path in folder.iterdir() if path.name.endswith(ENDING))
    except FileNotFoundError:
        return  # nothing was sent yet


def _line(path: Path) -> _Line:
    with path.open("rb") as file:
        headers = BytesHeaderParser(policy=default).parse(file)
        written = os.fstat(file.fileno()).st_mtime_ns
    return _Line(path, str(headers["To"]), _date(str(headers["Date"])), written)


def _read(path: Path) -> SentMail:
    message = message_from_bytes(path.read_bytes(), policy=default)
    return SentMail(
        id=path.name.removesuffix(ENDING),
        to=str(message["To"]),
        subject=str(message["Subject"]),
        text=_part(message, "plain"),
        html=_part(message, "html"),
        sent_at=_date(str(message["Date"])),
    )


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return "" if part is None else str(part.get_content()).replace("\r\n", "\n")


def _date(text: str) -> datetime:
    return parsedate_to_datetime(text).astimezone(UTC)


def _name(message: EmailMessage) -> str:
    return quote(str(message["Message-ID"]).strip("<>"), safe="@") + ENDING


def _replace(path: Path, content: bytes) -> None:
    """Writes beside and renames: nobody ever reads half a mail."""
    handle, beside = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
