"""The cycle file: read whole or refused with line and reason (RULES C5)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from services.chassis import territory
from services.chassis.errors import Refusal
from services.registration import cycle_file
from tests.registration.season import FILE

SHIPPED = Path(__file__).parents[2] / "deploy" / "cycles" / "vallee-du-lot-2023.yaml"


def problems(file: Any) -> list[tuple[int | None, str, str]]:
    """(line, where, reason) of everything a file is refused for."""
    with pytest.raises(Refusal) as refused:
        cycle_file.load(file)
    assert refused.value.code == "cycle_file_invalid"
    return [
        (error["line"], error["where"], error["reason"])
        for error in refused.value.details["errors"]
    ]


def line_of(text: str, file: str = FILE) -> int:
    """The line of ``file`` that has ``text`` in it."""
    return next(n for n, line in enumerate(file.splitlines(), 1) if text in line)


def test_the_shipped_cycle_says_what_is_public_and_nothing_more() -> None:
    loaded = cycle_file.load(SHIPPED.read_text(encoding="utf-8"))
    legs = [
        (leg["leg"], leg["epci"], leg["host"], str(leg["first_day"]), leg["finale"])
        for leg in loaded["legs"]
    ]
    assert loaded["cycle"] == "vallee-du-lot-2023"
    assert legs == [
        (1, "200068930", "47179", "2023-06-02", False),
        (2, "200068922", None, "None", False),
        (3, "200023307", "47323", "None", False),
        (4, "200036523", "47175", "2024-06-21", False),
        (5, "244701405", None, "None", True),
    ]
    assert {leg["operated_by"] for leg in loaded["legs"]} == {"vallee-du-lot"}
    assert {leg["starts_at"] for leg in loaded["legs"]} == {None}


def test_the_territory_has_the_programmes_133_communes() -> None:
    found = territory.load()
    counts = [(epci.siren, len(epci.communes)) for epci in found.epcis]
    assert counts == [
        ("200068930", 27),
        ("200068922", 29),
        ("200023307", 19),
        ("200036523", 43),
        ("244701405", 15),
    ]
    monflanquin = found.commune("47175")
    assert monflanquin is not None
    assert (monflanquin.name, monflanquin.epci) == ("Monflanquin", "200036523")
    assert found.commune("75056") is None
    assert found.epci("000000000") is None


def test_an_instant_without_offset_is_paris_time_and_lasts_36_hours() -> None:
    text = FILE.replace("finale: yes", "starts_at: 2026-07-03T08:00")
    leg = cycle_file.load(text)["legs"][2]
    assert leg["starts_at"] == datetime(2026, 7, 3, 6, 0, tzinfo=UTC)
    assert leg["ends_at"] == datetime(2026, 7, 4, 18, 0, tzinfo=UTC)


def test_yaml_and_the_same_as_json_say_the_same() -> None:
    text = cycle_file.load(FILE)
    parsed = cycle_file.load(yaml.load(FILE, Loader=yaml.BaseLoader))
    assert cycle_file.digest(text) == cycle_file.digest(parsed)


def test_comments_and_order_do_not_change_the_digest() -> None:
    head, legs = FILE.split("legs:\n")
    moved = f"# une saison\nlegs:\n{legs}{head}"
    assert cycle_file.digest(cycle_file.load(moved)) == cycle_file.digest(cycle_file.load(FILE))


def test_a_code_without_quotes_stays_text() -> None:
    unquoted = FILE.replace('"47179"', "47179").replace('"200068930"', "200068930")
    assert cycle_file.digest(cycle_file.load(unquoted)) == cycle_file.digest(cycle_file.load(FILE))


@pytest.mark.parametrize(
    ("old", "new", "where", "reason"),
    [
        ('"200068922"', '"12345678"', "legs.2.epci", "neuf chiffres"),
        (
            '"200068922"',
            '"999999999"',
            "legs.2.epci",
            "l’intercommunalité 999999999 n’est pas dans le territoire",
        ),
        (
            'host: "47323"',
            'host: "47179"',
            "legs.3.host",
            "la commune 47179 n’est pas dans « CA du Grand Villeneuvois »",
        ),
        ("theme: Tourisme", "theme:", "legs.2.theme", "valeur obligatoire manquante"),
        ("cycle: saison", "cycle: La Saison", "cycle", "minuscules, chiffres et tirets"),
        ("leg: 3", "leg: 2", "legs.3.leg", "deux marathons portent le numéro 2"),
        ("leg: 3", "leg: 4", "legs.3.leg", "les numéros vont de 1 à 3, sans trou"),
        ("finale: yes", "finale: peut-être", "legs.3.finale", "doit être yes ou no"),
        (
            "finale: yes",
            "least_teams: 13",
            "legs.3.least_teams",
            "le minimum d’équipes dépasse le maximum",
        ),
        (
            "finale: yes",
            "first_day: 02/06/2023",
            "legs.3.first_day",
            "date illisible : AAAA-MM-JJ",
        ),
        (
            "finale: yes",
            "starts_at: demain",
            "legs.3.starts_at",
            "instant illisible : AAAA-MM-JJTHH:MM",
        ),
        (
            "finale: yes",
            "starts_at: 2026-07-03",
            "legs.3.starts_at",
            "il manque l’heure ; pour un jour seul, first_day et last_day",
        ),
        ("finale: yes", "finala: yes", "legs.3.finala", "clé inconnue"),
    ],
)
def test_a_wrong_value_is_refused_with_its_line(
    old: str, new: str, where: str, reason: str
) -> None:
    bad = FILE.replace(old, new)
    assert problems(bad) == [(line_of(old), where, reason)]


def test_everything_wrong_is_listed_with_its_line() -> None:
    bad = FILE.replace("theme: Tourisme", "themes: x").replace("cycle: saison", "cycle: Été")
    assert problems(bad) == [
        (1, "cycle", "minuscules, chiffres et tirets"),
        (17, "legs.2.theme", "valeur obligatoire manquante"),
        (19, "legs.2.themes", "clé inconnue"),
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("operated_by: commune\n    host", "operated_by: autre\n    host"),
        ("finale: yes", "last_day: 2026-07-03"),
        ("finale: yes", "first_day: 2026-07-04\n    last_day: 2026-07-03"),
        (
            "finale: yes",
            "starts_at: 2026-07-03T08:00\n    ends_at: 2026-07-03T07:00",
        ),
        (
            "finale: yes",
            "starts_at: 2026-07-03T08:00\n    mobilises_at: 2026-07-04T07:00",
        ),
        ('host: "47179"', "finale: yes"),
        ("title: Syndicat mixte", "title: Syndicat mixte\n  - name: commune\n    title: Bis"),
    ],
)
def test_a_contradiction_is_refused(old: str, new: str) -> None:
    assert FILE.replace(old, new) != FILE
    assert len(problems(FILE.replace(old, new, 1))) == 1


def test_a_key_written_twice_is_refused() -> None:
    bad = FILE.replace("finale: yes", "theme: Encore")
    assert problems(bad) == [(line_of("Encore", bad), "", "la clé « theme » est écrite deux fois")]


def test_broken_yaml_is_refused_with_its_line() -> None:
    found = problems(FILE.replace("theme: Tourisme", "theme: [Tourisme"))
    assert len(found) == 1
    line, _, reason = found[0]
    assert line == line_of("theme: Tourisme") + 1  # where the list was not closed
    assert reason.startswith("YAML illisible : ")


def test_aliases_and_deep_nesting_are_refused() -> None:
    bomb = "a: &a [x]\nb: [*a, *a]\n"
    assert problems(bomb) == [(2, "", "les alias YAML (*nom) ne sont pas admis")]
    assert problems("[" * 100_000)[0][2] == "trop de niveaux imbriqués"
    assert problems("x" * 200_001)[0][2] == "le fichier dépasse 200000 caractères"


@pytest.mark.parametrize("file", ["", "# rien\n", "texte", [], 12, {}, {"legs": "?"}])
def test_what_is_no_cycle_file_is_refused(file: Any) -> None:
    assert problems(file) != []


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["cycle", "legs", "leg", "epci", "partners", "starts_at", "settings"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_is_given_is_refused_by_name(file: Any) -> None:
    assert problems(file) != []


@given(st.text(max_size=60))
def test_whatever_text_is_given_is_refused_by_name(text: str) -> None:
    assert problems(text) != []
