"""One mailbox is one person (RULES V2, R6)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis import people
from services.chassis.errors import Invalid
from services.chassis.people import address, canonical_email, keyed_hash, person_key


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        (" Anne.Martin@Example.ORG ", "anne.martin@example.org"),
        ("anne+vote@example.org", "anne+vote@example.org"),
        ("A.n.N.e+vote@GMail.com", "anne@gmail.com"),
        ("anne@googlemail.com", "anne@gmail.com"),
        ("anne.martin+marathon+2@outlook.fr", "anne.martin@outlook.fr"),
        ("anne.martin@hotmail.com", "anne.martin@hotmail.com"),
        ("anne+a@proton.me", "anne@proton.me"),
        ("anne@pm.me", "anne@pm.me"),
        ("+34600@icloud.com", "+34600@icloud.com"),
        ("anne.martin@orange.fr", "anne.martin@orange.fr"),
        ("anne-1@laposte.net", "anne-1@laposte.net"),
        ("o'neill@example.org", "o'neill@example.org"),
        ("Anne@Mairie-Libos.FR", "anne@mairie-libos.fr"),
        ("anne@épicerie.example", "anne@xn--picerie-9xa.example"),
    ],
)
def test_canonical_form(written: str, canonical: str) -> None:
    assert canonical_email(written) == canonical
    assert canonical_email(canonical) == canonical


@pytest.mark.parametrize(
    "written",
    [
        "",
        "anne",
        "@example.org",
        "anne@",
        "anne@localhost",
        "anne@@example.org",
        "anne martin@example.org",
        "anne@exa mple.org",
        "anne@-example.org",
        "anne@example..org",
        ".anne@example.org",
        "an..ne@example.org",
        "anne@example.org\nBcc: all@example.org",
        "anne\r\nBcc: all@example.org",
        "anne\0@example.org",
        '"anne martin"@example.org',
        "anne@[192.0.2.1]",
        "<anne@example.org>",
        "a@example.org,b@example.org",
        "élise@example.org",
        "a" * 65 + "@example.org",
        "a@" + "b" * 64 + ".org",
        "a@" + "b." * 130 + "org",
    ],
)
def test_what_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(Invalid) as refused:
        canonical_email(written)
    assert (refused.value.code, refused.value.status) == ("email_invalid", 422)


def test_mail_goes_to_the_address_as_written() -> None:
    assert address(" A.Nne+vote@GMail.com ") == "A.Nne+vote@gmail.com"


@given(st.text(max_size=40))
def test_whatever_is_written_is_canonical_or_refused(written: str) -> None:
    try:
        once = canonical_email(written)
    except Invalid:
        return
    assert canonical_email(once) == once


def test_person_key_is_64_hex_digits_of_the_instance_alone() -> None:
    key = person_key(b"one secret", "anne@example.org")
    assert key == "8f4e4a4aa3fffe6d6bf8801d1b12f41473922e749dabfda192e90c69145a55c2"
    assert person_key(b"another secret", "anne@example.org") != key
    assert keyed_hash(b"one secret", "limit", "anne@example.org") != key


def test_every_provider_has_a_source_and_no_domain_twice() -> None:
    table = json.loads(people.PROVIDERS.read_text())["providers"]
    domains = [domain for entry in table for domain in entry["domains"]]
    assert len(domains) == len(set(domains))
    assert all(entry["source"].startswith("https://") for entry in table)
    assert {canonical_email(f"a.b+c@{domain}").count("+") for domain in domains} == {0}
