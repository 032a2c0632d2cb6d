"""The queues that must lose nothing: quorum queues, and no limit to how often one tries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

QUORUM: Mapping[str, Any] = {
    "x-queue-type": "quorum",
    # From 4.0 on RabbitMQ drops what came back 20 times: a service that dies at its start, again
    # and again, would lose what it had in its hands. What can't be handled is put aside by the
    # service itself, after few attempts. 3.10 knows no -1 for "never".
    "x-delivery-limit": 1_000_000_000,
}
"""Arguments of such a queue."""
