"""A real SMTP server for tests: up and down, refusing, slow, breaking off where it is told to."""
# ruff: noqa: N802 - aiosmtpd calls its hooks by the SMTP command

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from tests.instance import free_port


class PostOffice:
    """What the server does with mail; it keeps all it was given, in the order it came."""

    def __init__(self) -> None:
        self.port = free_port()
        self.given: list[EmailMessage] = []
        self.answers: dict[str, str] = {}
        """What it says to a receiver's address, such as "550 no such user"."""

        self.once: dict[str, str] = {}
        """The same, the first time only."""

        self.content_answer = "250 taken"
        self.sender_answer = "250 fine"
        self.sleeps = 0.0
        self.breaks_in_the_middle = False
        self.breaks_after_the_dot = False
        self.came = threading.Event()
        """Set as soon as a whole mail is there, before it is answered."""

    @property
    def url(self) -> str:
        """Where it is, whether it is open or not."""
        return f"smtp://127.0.0.1:{self.port}"

    @contextmanager
    def open(self) -> Iterator[None]:
        """Takes mail while this lasts; the port is free before and after."""
        controller = _Controller(self, hostname="127.0.0.1", port=self.port)
        controller.start()
        try:
            yield
        finally:
            controller.stop()

    def ids(self) -> list[str]:
        """The Message-IDs of all it was given."""
        return [str(message["Message-ID"]) for message in self.given]

    def receivers(self) -> list[str]:
        """Whom the mails it was given are for."""
        return [str(message["To"]) for message in self.given]

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, *rest: Any) -> str:
        envelope.mail_from = rest[0]
        return self.sender_answer

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, *rest: Any) -> str:
        said = self.once.pop(rest[0], "") or self.answers.get(rest[0], "")
        if not said:
            envelope.rcpt_tos.append(rest[0])
        return said or "250 fine"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.given.append(message)
        self.came.set()
        await asyncio.sleep(self.sleeps)
        if self.breaks_after_the_dot:
            server.transport.abort()
        return self.content_answer


class _Server(SMTP):  # type: ignore[misc]  # aiosmtpd has no types
    async def smtp_DATA(self, arg: str) -> None:
        if not self.event_handler.breaks_in_the_middle:
            await super().smtp_DATA(arg)
            return
        await self.push("354 go on")
        assert await self._reader.readline()  # the mail has begun
        self.transport.abort()


class _Controller(Controller):  # type: ignore[misc]  # the same
    def factory(self) -> SMTP:
        return _Server(self.handler)
