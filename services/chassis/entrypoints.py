"""nameko entrypoints that keep the promises: late calls dropped, no event lost or spun on."""

from __future__ import annotations

from functools import partial
from typing import Any

import eventlet
import structlog
from eventlet.event import Event
from eventlet.timeout import Timeout
from nameko.exceptions import ContainerBeingKilled
from nameko.extensions import Entrypoint
from nameko.messaging import QueueConsumer
from nameko.rpc import Rpc, RpcConsumer

from services.chassis import metrics
from services.chassis.confirms import BROKER_ERRORS
from services.chassis.core import Core
from services.chassis.database import is_away
from services.chassis.streams import Stream
from services.chassis.topology import inbox_queue

log = structlog.get_logger()

DATABASE_RETRY_S = 0.5


def as_read(message: Any) -> dict[str, Any]:
    """What there is to keep of a message that can't be decoded."""
    body = bytes(message.body) if isinstance(message.body, memoryview) else message.body
    return {"undecodable": body.decode(errors="replace") if isinstance(body, bytes) else body}


def settle(action: Any) -> None:
    """Acknowledges, rejects or requeues; on a dead connection the broker does it for us."""
    try:
        action()
    except BROKER_ERRORS as error:
        log.warning("message_not_settled", error=repr(error))


class TolerantConsumer(QueueConsumer):  # type: ignore[misc]  # nameko has no types
    """A consumer that survives a body it can't decode.

    kombu would raise, nameko would let the service die of it, and the broker would bring the
    same message to the next one.
    """

    def run(self, _tokens: int = 1, **kwargs: Any) -> None:
        """Consumes until stopped; a wish to stop is seen within a fifth of a second."""
        super().run(_tokens, safety_interval=0.2, **kwargs)

    def get_consumers(self, consumer_cls: Any, channel: Any) -> Any:
        consumers = super().get_consumers(consumer_cls, channel)
        for provider, consumer in self._consumers.items():
            consumer.on_decode_error = partial(self._undecodable, provider)
        return consumers

    def _undecodable(self, provider: Any, message: Any, error: Exception) -> None:
        log.warning("message_undecodable", service=self.container.service_name, error=repr(error))
        provider.handle_undecodable(message)


class CallConsumer(RpcConsumer):  # type: ignore[misc]
    """nameko's RPC consumer on a connection that survives undecodable calls."""

    queue_consumer = TolerantConsumer()

    def handle_undecodable(self, message: Any) -> None:
        """Drops a call that nobody could have an answer to."""
        settle(message.reject)


class AnswerEntrypoint(Rpc):  # type: ignore[misc]
    """RPC whose answer may find the broker gone without taking the service down with it."""

    rpc_consumer = CallConsumer()

    def handle_result(self, message: Any, worker_ctx: Any, result: Any, exc_info: Any) -> Any:
        try:
            return super().handle_result(message, worker_ctx, result, exc_info)
        except BROKER_ERRORS as error:
            # The request comes again from the broker; its deadline and its key make that safe.
            log.warning("answer_not_sent", door=self.method_name, error=repr(error))
            return result, exc_info


class EventConsumer(TolerantConsumer):
    """The connection on which events arrive, apart from that of the calls.

    Fewer events than workers are held at once, so that events waiting for the database never
    take every worker from the calls.
    """

    @property
    def prefetch_count(self) -> int:
        workers: int = self.container.max_workers
        return max(1, workers // 2)


class WorkingEntrypoint(Entrypoint):  # type: ignore[misc]  # nameko has no types
    """An entrypoint that waits for its worker and learns what became of it."""

    stopping = False

    @property
    def core(self) -> Core:
        """The core of this container."""
        found: Core = self.container.config["cores"][self.container.service_name]
        return found

    def start(self) -> None:
        self.container.spawn_managed_thread(self._retry_for_ever, identifier="retries")

    def _work(self, *args: Any, **kwargs: Any) -> BaseException | None:
        """Runs the handler; ``None`` when all is done, else what went wrong."""
        done = Event()

        def finish(_ctx: Any, result: Any, exc_info: Any) -> Any:
            done.send(exc_info[1] if exc_info else None)
            return result, exc_info

        try:
            self.container.spawn_worker(self, args, kwargs, handle_result=finish)
        except ContainerBeingKilled as killed:
            gone: BaseException = killed
            return gone
        outcome: BaseException | None = done.wait()
        return outcome

    def _work_until_done(self, *args: Any) -> BaseException | None:
        """Runs the handler; while the database is away, again and again."""
        while True:
            outcome = self._work(*args)
            if outcome is None or self.stopping or not is_away(outcome):
                return outcome
            # What is held stays unacknowledged: the prefetch limit pauses consumption by itself.
            eventlet.sleep(DATABASE_RETRY_S)

    def _retry_for_ever(self) -> None:
        while not self.stopping:
            eventlet.sleep(self.core.settings.retry_poll_s)
            self._work(None, retry=True)


class HearEntrypoint(WorkingEntrypoint):
    """All that a service hears, from its one queue; acknowledged once it is done or stored."""

    queue_consumer = EventConsumer()

    def setup(self) -> None:
        self.queue = inbox_queue(self.core.name, self.core.messages, self.core.settings)
        self.queue_consumer.register_provider(self)

    def stop(self) -> None:
        self.stopping = True
        self.queue_consumer.unregister_provider(self)

    def handle_message(self, body: Any, message: Any) -> None:
        """Hands one event to a worker."""
        if self._work_until_done(body) is not None:
            return settle(message.requeue)
        metrics.heard(self.core.name)
        return settle(message.ack)

    def handle_undecodable(self, message: Any) -> None:
        """Parks what can't be read, as any other event that can't be handled."""
        raw = as_read(message)
        self.container.spawn_managed_thread(lambda: self.handle_message(raw, message))


class BatchConsumer(TolerantConsumer):
    """The connection on which bulk messages arrive, in their order and without a thread each.

    While one lot is written the next is here already: it is half of these.
    """

    prefetch_count = 50

    def handle_message(self, provider: Any, body: Any, message: Any) -> None:
        provider.handle_message(body, message)


GATHER_S = 0.1
"""Who sends was told "accepted" already, so nobody waits for the writing: a transaction for each
message as it comes would cost several times the processor."""

FULL = BatchConsumer.prefetch_count // 2
"""So many messages are worth their transaction at once, and no lot is larger: none is long."""


class TakeEntrypoint(WorkingEntrypoint):
    """A stream's messages, as many at a time as are there: one transaction, one acknowledgement.

    Stopping, it finishes what it has begun; what it has not begun goes back to the others when
    the connection closes.
    """

    queue_consumer = BatchConsumer()

    def __init__(self, stream: Stream, **kwargs: Any) -> None:
        self.stream = stream
        self.queue = stream.queue
        self.waiting: list[tuple[Any, Any]] = []
        self.nudged, self.full, self.ended = Event(), Event(), Event()
        super().__init__(**kwargs)

    def setup(self) -> None:
        if not self.core.settings.embedded:  # there every message is a call
            self.queue_consumer.register_provider(self)

    def start(self) -> None:
        if self.core.settings.embedded:
            return
        super().start()
        self.container.spawn_managed_thread(self._empty_for_ever, identifier=self.stream.address)

    def stop(self) -> None:
        self.stopping = True
        if self.core.settings.embedded:
            return
        self._nudge()
        self.ended.wait()
        # Only now: with its last provider the connection goes, and what was not acknowledged
        # would come again.
        self.queue_consumer.unregister_provider(self)

    def handle_message(self, body: Any, message: Any) -> None:
        """Puts a message to those that wait; called in the order in which they come."""
        if self.stopping:
            return
        if self.waiting and self.waiting[0][1].channel is not message.channel:
            # Those came by a connection that broke, and come again: with a database that is away
            # they would be more with each broken connection.
            self.waiting = []
        self.waiting.append((body, message))
        self._nudge()

    def handle_undecodable(self, message: Any) -> None:
        """Parks what can't be read, as any other message that can't be handled."""
        self.handle_message(as_read(message), message)

    def _nudge(self) -> None:
        if not self.nudged.ready():
            self.nudged.send(None)
        if (len(self.waiting) >= FULL or self.stopping) and not self.full.ready():
            self.full.send(None)

    def _empty_for_ever(self) -> None:
        while not self.stopping:
            self.nudged.wait()
            with Timeout(GATHER_S, False):
                self.full.wait()
            self.nudged, self.full = Event(), Event()
            taken, self.waiting = self.waiting[:FULL], self.waiting[FULL:]
            if self.waiting:
                self._nudge()
            if taken and not self.stopping:
                self._take(taken)
        self.ended.send(None)

    def _take(self, taken: list[tuple[Any, Any]]) -> None:
        outcome = self._work_until_done([body for body, _message in taken])
        _body, last = taken[-1]
        if outcome is None:
            metrics.taken(self.core.name, self.stream.name, len(taken))
            # Those from a connection that broke meanwhile come again, and are known then.
            settle(partial(last.ack, multiple=True))
        elif not self.stopping:
            log.error("batch_not_taken", stream=self.stream.address, error=repr(outcome))
            settle(partial(last.channel.basic_nack, last.delivery_tag, multiple=True))


class TickEntrypoint(Entrypoint):  # type: ignore[misc]
    """Calls a method about once a second, one call at a time, whatever the last one raised."""

    stopping = False

    def start(self) -> None:
        self.container.spawn_managed_thread(self._tick_for_ever, identifier="ticks")

    def stop(self) -> None:
        self.stopping = True

    def _tick_for_ever(self) -> None:
        core: Core = self.container.config["cores"][self.container.service_name]
        while not self.stopping:
            done = Event()
            try:
                self.container.spawn_worker(self, (), {}, handle_result=partial(self._finish, done))
            except ContainerBeingKilled:
                return
            done.wait()
            eventlet.sleep(core.settings.tick_s)

    def _finish(self, done: Event, _ctx: Any, result: Any, exc_info: Any) -> Any:
        if exc_info is not None:
            log.warning("tick_failed", door=self.method_name, error=repr(exc_info[1]))
        done.send(None)
        return result, exc_info
