"""The figures of the vote, in one frozen object. Durations carry their unit in their name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """From how many voters on something is looked at before the count (RULES V15): a share of
    all who voted by mail, but never less than ``least`` nor more than ``most``."""

    least: int
    percent: int
    most: int

    def among(self, voters: int, least: int | None = None) -> int:
        """The limit in a poll of so many voters; ``least`` is what the organisers declared."""
        floor = self.least if least is None else least
        return max(floor, min(self.most, -(-voters * self.percent // 100)))


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

    suspicious_network: Limit = Limit(100, 5, 2000)
    """A town hall or a village shares one network (RULES S2), and so do a provider's mobile
    telephones: a hundred voters of one are nothing yet."""

    suspicious_domain: Limit = Limit(50, 5, 500)
    """Not of the domains where anybody may have an address (``data/common_domains.json``)."""

    suspicious_second: Limit = Limit(30, 1, 300)
    """A stage that says "vote now" brings many in a minute, not in a second."""

    burst_gap_s: int = 5
    """Suspicious seconds that lie no further apart are one case."""

    least_invalidated: int = 3
    """Voters in an invalidation: of fewer the choice could be read from raw and counted totals,
    both of which are published (RULES V6, V9)."""


RULES = Rules()
