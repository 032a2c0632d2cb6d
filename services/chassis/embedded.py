"""The broker of the embedded mode: kombu's in-memory transport, made fit for nameko's RPC.

kombu's virtual transports keep the content type on the message, nameko's responder looks for
it among the properties; so a message subclass copies it. And they poll their queues; here who
puts a message rings a bell, so that whoever waits looks at once, and hardly ever in vain.
"""

from __future__ import annotations

import threading
from queue import Empty
from time import monotonic
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, memory, virtual

LOOK_EVERY_S = 0.1
"""How often a queue is looked at without a bell: in native threads one may be missed."""


class Bell:
    """Wakes all who wait for any message."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def ring(self) -> None:
        """Wakes them; who waits from now on waits for the next ring."""
        rung, self._event = self._event, threading.Event()
        rung.set()

    def wait(self, seconds: float) -> None:
        """Returns at the next ring, at the latest after ``seconds``."""
        self._event.wait(seconds)


class Message(virtual.Message):  # type: ignore[misc]  # kombu has no types
    """A message whose properties hold its content type, as a real broker's do."""

    def __init__(self, payload: Any, channel: Any = None, **kwargs: Any) -> None:
        super().__init__(payload, channel=channel, **kwargs)
        self.properties["content_type"] = self.content_type


class Channel(memory.Channel):  # type: ignore[misc]
    """An in-memory channel that makes our messages, and rings when it has put one."""

    Message = Message
    bell = Bell()

    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:
        super()._put(queue, message, **kwargs)
        self.bell.ring()


class Transport(memory.Transport):  # type: ignore[misc]
    """kombu's in-memory transport with our channel."""

    Channel = Channel

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:
        """Delivers one message. Raises ``TimeoutError`` when none came in ``timeout`` seconds."""
        del connection
        until = None if timeout is None else monotonic() + timeout
        while True:
            try:
                self.cycle.get(self._deliver, timeout=timeout)
            except Empty:
                left = LOOK_EVERY_S if until is None else min(LOOK_EVERY_S, until - monotonic())
                if left <= 0:
                    raise TimeoutError() from None
                self.Channel.bell.wait(left)
            else:
                return


def register() -> None:
    """Makes ``embedded://`` an address that kombu understands."""
    TRANSPORT_ALIASES["embedded"] = "services.chassis.embedded:Transport"


def forget_everything() -> None:
    """Empties the in-memory broker, as the end of its process would."""
    Channel.queues.clear()
    Transport.global_state.clear()


register()
