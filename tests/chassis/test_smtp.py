"""What is told of a server's answer: all of it but the address."""

from __future__ import annotations

import pytest

from services.chassis.mail_troubles import masked
from services.chassis.smtp import without_address


@pytest.mark.parametrize(
    ("said", "to", "shown"),
    [
        ("5.1.1 <anne@example.org>: no such user", "anne@example.org", "5.1.1 <…>: no such user"),
        ("5.1.1 <Anne@Example.ORG> unknown", "anne@example.org", "5.1.1 <…> unknown"),
        ("mailbox anne is full", "anne@example.org", "mailbox … is full"),
        ("ANNE.MARTIN unknown", "anne.martin@example.org", "… unknown"),
        ("no user annemartin", "anne.martin+vote@example.org", "no user ……"),
        ("Martin, Anne has moved", "anne.martin@example.org", "…, … has moved"),
        ("rcpt anne=40example.org", "anne@example.org", "rcpt …=40example.org"),
        # A name that is part of a word, or of none.
        ("invalid al", "al@example.org", "invalid …"),
        ("forwarded to bruno@elsewhere.example", "anne@example.org", "forwarded to …"),
        ("4.7.1 greylisted", "anne@example.org", "4.7.1 greylisted"),
        ("cost is 5$ (a+b)", "a$b@example.org", "cost is 5$ (a+b)"),
    ],
)
def test_reply_is_shown_without_the_address(said: str, to: str, shown: str) -> None:
    assert without_address(said, to) == shown


@pytest.mark.parametrize(
    ("address", "shown"),
    [("chloe@example.org", "c…@example.org"), ("c@example.org", "c…@example.org")],
)
def test_address_is_masked(address: str, shown: str) -> None:
    assert masked(address) == shown
