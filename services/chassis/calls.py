"""Calls to the services: with a deadline, over pooled proxies that are rebuilt when broken."""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from functools import partial
from typing import Any, Unpack

import amqp
from kombu.exceptions import KombuError
from nameko.exceptions import RpcTimeout, UnknownService
from nameko.standalone.rpc import ClusterRpcProxy

from services.chassis import embedded
from services.chassis.actor import How
from services.chassis.call_wire import ConnectionLost, Method, hasten
from services.chassis.catalogue import PATIENCE_S
from services.chassis.config import Settings
from services.chassis.confirms import abandon
from services.chassis.errors import Refusal, Unavailable

__all__ = ["Caller", "Unavailable", "embedded"]

DEADLINE_S = PATIENCE_S
BROKEN = (OSError, amqp.exceptions.AMQPError, KombuError, RuntimeError, RpcTimeout)


class Caller:
    """Asks services and waits for their answers; usable from any number of green threads.

    A proxy serves one call at a time, so they are pooled: taken for a call, put back after.
    One that timed out or lost its connection is thrown away, for its late answers would be
    taken for those of the next call.
    """

    def __init__(self, settings: Settings, keep: int = 20) -> None:
        self.config = nameko_config(settings)
        self.keep = keep
        self.free: deque[Any] = deque()

    def call(
        self,
        service: str,
        door: str,
        request: dict[str, Any] | None = None,
        **how: Unpack[How],
    ) -> Any:
        """The answer of ``service.door``: what :meth:`exchange` has under "ok"."""
        return self.exchange(service, door, request, **how)["ok"]

    def exchange(
        self,
        service: str,
        door: str,
        request: dict[str, Any] | None = None,
        **how: Unpack[How],
    ) -> dict[str, Any]:
        """The answer of ``service.door`` under "ok", the tag of what it edited under "etag".

        Raises :class:`Refusal` as the service refused, :class:`Unavailable` when no answer
        came in time: what was asked is then dropped by the service if it is still waiting.
        """
        deadline_s = how.get("deadline_s", DEADLINE_S)
        actor, if_match = how.get("actor"), how.get("if_match")
        headers = {
            "deadline": time.time() + deadline_s,
            "correlation": how.get("correlation", ""),
            "actor": actor.to_dict() if actor else None,
            "key": how.get("key"),
            "if_match": None if if_match is None else list(if_match),
        }
        answer = self._ask(service, door, request or {}, headers, deadline_s)
        if "problem" in answer:
            raise Refusal.from_problem(answer["problem"])
        return answer

    def close(self) -> None:
        """Gives all connections back."""
        while self.free:
            _discard(self.free.pop())

    def _ask(
        self, service: str, door: str, request: Any, headers: dict[str, Any], deadline_s: float
    ) -> dict[str, Any]:
        if deadline_s <= 0:
            raise Unavailable(service)

        def ask(proxy: Any) -> dict[str, Any]:
            _set_up(proxy, headers, deadline_s)
            return self._ask_by(proxy, service, door, request)

        try:
            if (proxy := self._take()) is not None:
                with suppress(ConnectionLost):  # while it lay idle, most likely
                    return ask(proxy)
            return ask(self._connect())
        except (UnknownService, *BROKEN) as error:
            raise Unavailable(service) from error

    def _ask_by(self, proxy: Any, service: str, door: str, request: Any) -> dict[str, Any]:
        try:
            method = Method(proxy._worker_ctx, service, door, proxy._reply_listener)
            answer: dict[str, Any] = method(request=request)
        except BaseException:
            _discard(proxy)
            raise
        self._put_back(proxy)
        return answer

    def _take(self) -> Any:
        """A proxy that is free, if there is one."""
        try:
            return self.free.pop()
        except IndexError:
            return None

    def _connect(self) -> Any:
        proxy = ClusterRpcProxy(self.config, timeout=DEADLINE_S)
        proxy.start()
        hasten(proxy._reply_listener.queue_consumer.connection)
        return proxy

    def _put_back(self, proxy: Any) -> None:
        if len(self.free) < self.keep:
            self.free.append(proxy)
        else:
            _discard(proxy)


def nameko_config(settings: Settings) -> dict[str, Any]:
    """nameko's own configuration for these settings."""
    return {
        "AMQP_URI": settings.amqp_url,
        "HEARTBEAT": None if settings.embedded else 10,
        "max_workers": settings.workers,
        "serializer": "json",
        "TRANSPORT_OPTIONS": {
            "connect_timeout": settings.connect_timeout_s,
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0.2,
            "interval_max": 0.5,
        },
    }


def _set_up(proxy: Any, headers: dict[str, Any], deadline_s: float) -> None:
    # nameko fixes context and timeout when a proxy is made; both belong to the call here.
    # The names are nameko's private ones: it is frozen at the version that is pinned.
    proxy._worker_ctx.data = {k: v for k, v in headers.items() if v is not None}
    consumer = proxy._reply_listener.queue_consumer
    consumer.timeout = deadline_s
    consumer._setup_consumer = partial(_reconnect, consumer, time.monotonic() + deadline_s)


def _reconnect(consumer: Any, until: float) -> None:
    """Reconnects who lost the broker while waiting; who has waited long enough gives up.

    nameko would talk to the broker even after a timeout, and wait for ever if it is silent.
    """
    if time.monotonic() >= until:
        raise TimeoutError("no answer in time")
    type(consumer)._setup_consumer(consumer)


def _discard(proxy: Any) -> None:
    abandon(proxy._reply_listener.queue_consumer.connection)
