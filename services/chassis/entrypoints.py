"""nameko entrypoints that keep the promises: late calls dropped, no event lost or spun on."""

from __future__ import annotations

from functools import partial
from typing import Any

import amqp
import eventlet
import structlog
from eventlet.event import Event
from nameko.exceptions import ContainerBeingKilled
from nameko.extensions import Entrypoint
from nameko.messaging import QueueConsumer
from nameko.rpc import Rpc, RpcConsumer

from services.chassis import metrics
from services.chassis.core import Core
from services.chassis.database import is_away
from services.chassis.topology import inbox_queue

log = structlog.get_logger()

BROKER_ERRORS = (OSError, amqp.exceptions.AMQPError)
DATABASE_RETRY_S = 0.5


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


class HearEntrypoint(Entrypoint):  # type: ignore[misc]
    """All that a service hears, from its one queue; acknowledged once it is done or stored."""

    queue_consumer = EventConsumer()
    stopping = False

    @property
    def core(self) -> Core:
        """The core of this container."""
        found: Core = self.container.config["cores"][self.container.service_name]
        return found

    def setup(self) -> None:
        self.queue = inbox_queue(self.core.name, self.core.messages, self.core.settings)
        self.queue_consumer.register_provider(self)

    def start(self) -> None:
        self.container.spawn_managed_thread(self._retry_for_ever, identifier="retries")

    def stop(self) -> None:
        self.stopping = True
        self.queue_consumer.unregister_provider(self)

    def handle_message(self, body: Any, message: Any) -> None:
        """Hands one event to a worker; while the database is away, to another and another."""
        while True:
            outcome = self._work(body)
            if outcome is None:
                metrics.heard(self.core.name)
                return settle(message.ack)
            if self.stopping or not is_away(outcome):
                return settle(message.requeue)
            # Held unacknowledged: the prefetch limit then pauses consumption by itself.
            eventlet.sleep(DATABASE_RETRY_S)

    def _work(self, body: Any, **kwargs: Any) -> BaseException | None:
        """Runs the handler; ``None`` when all is done, else what went wrong."""
        done = Event()

        def finish(_ctx: Any, result: Any, exc_info: Any) -> Any:
            done.send(exc_info[1] if exc_info else None)
            return result, exc_info

        try:
            self.container.spawn_worker(self, (body,), kwargs, handle_result=finish)
        except ContainerBeingKilled as killed:
            gone: BaseException = killed
            return gone
        outcome: BaseException | None = done.wait()
        return outcome

    def handle_undecodable(self, message: Any) -> None:
        """Parks what can't be read, as any other event that can't be handled."""
        body = bytes(message.body) if isinstance(message.body, memoryview) else message.body
        raw = {"undecodable": body.decode(errors="replace") if isinstance(body, bytes) else body}
        self.container.spawn_managed_thread(lambda: self.handle_message(raw, message))

    def _retry_for_ever(self) -> None:
        while not self.stopping:
            eventlet.sleep(self.core.settings.retry_poll_s)
            self._work(None, retry=True)


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
