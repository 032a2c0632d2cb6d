"""The figures of the vote, in one frozen object. Durations carry their unit in their name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rules:
    """What is fixed for every poll; what a marathon may choose is in its settings."""

    early_closing_s: int = 60
    """How far ahead an early closing is set: gateways may keep a poll that long (DESIGN §6)."""

    link_minutes: int = 30  # RULES S1
    mails_per_hour: int = 5  # to one address, RULES S2
    requests_per_minute: int = 60  # from one IP, before it slows down, RULES S2
    tracker_bytes: int = 16  # 128 bits, RULES V5
    code_symbols: int = 12  # of 5 bits: 60 bits, RULES V13
    most_codes: int = 2000  # in one batch
    page: int = 5000  # rows of a list in one answer


RULES = Rules()
