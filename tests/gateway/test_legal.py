"""The legal pages, their switches, and the table of what is kept (RULES D1, D4)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from gateway import legal
from gateway.legal import retention
from services.chassis.config import Settings, SettingsError
from services.chassis.retention import Kept
from tests.gateway.stage import StandIn, stand_in_app

DEMO = Path(legal.__file__).parents[2] / "deploy" / "demo" / "legal.yaml"
PAGES = ("/mentions-legales", "/confidentialite", "/accessibilite")
MISSING = "à compléter par l’exploitant de ce site"


def client_of(folder: Path, text: str | None) -> FlaskClient:
    """A client of an instance with this legal file."""
    file = None
    if text is not None:
        file = folder / "legal.yaml"
        file.write_text(text)
    return stand_in_app(folder, StandIn(), legal_file=file).test_client()


def loaded(folder: Path, text: str) -> legal.Legal:
    file = folder / "legal.yaml"
    file.write_text(text)
    return legal.load(Settings(legal_file=file))


@pytest.mark.parametrize("path", PAGES)
def test_where_nothing_is_told_the_page_says_so(tmp_path: Path, path: str) -> None:
    text = client_of(tmp_path, None).get(path).text
    assert MISSING in text
    assert "n’a pas encore indiqué tout ce que la loi demande" in text


@pytest.mark.parametrize("path", PAGES)
def test_the_demo_s_own_file_is_whole(tmp_path: Path, path: str) -> None:
    text = client_of(tmp_path, DEMO.read_text()).get(path).text
    assert MISSING not in text
    assert "tout ce que la loi demande" not in text
    assert legal.load(Settings(legal_file=DEMO)).missing == []


def test_legal_notices_name_publisher_director_and_host(tmp_path: Path) -> None:
    text = client_of(tmp_path, DEMO.read_text()).get("/mentions-legales").text
    for told in ("Association de démonstration", "Camille Exemple", "contact@example.org"):
        assert told in text
    assert "Hébergeur d’exemple" in text


def test_what_is_written_in_the_file_is_no_html(tmp_path: Path) -> None:
    text = client_of(tmp_path, "publisher: {name: '<script>x</script>'}").get(PAGES[0]).text
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


@pytest.mark.parametrize("path", ["/", *PAGES])
def test_every_page_leads_to_them_and_names_the_status(
    client: FlaskClient, caller: StandIn, path: str
) -> None:
    caller.answers["registration.list_cycles"] = []
    text = client.get(path).text
    for page in PAGES:
        assert f'href="{page}"' in text
    assert ">Accessibilité : non conforme</a>" in text


# --- accessibility ------------------------------------------------------------------------


def test_without_an_audit_the_site_is_not_compliant(tmp_path: Path) -> None:
    text = client_of(tmp_path, None).get("/accessibilite").text
    assert "non conforme (aucun audit réalisé)" in text
    for part in ("État de conformité", "Résultats des tests", "Contenus non accessibles",
                 "Établissement de cette déclaration", "Retour d’information et contact",
                 "Voies de recours"):  # fmt: skip
        assert f"<h2>{part}</h2>" in text


def test_an_audit_changes_what_is_declared(tmp_path: Path) -> None:
    text = (
        client_of(
            tmp_path,
            """
accessibility:
  status: partial
  audited_on: 2026-01-31
  audited_by: Cabinet d’exemple
  rate: 82
  inaccessible: [La carte n’a pas d’alternative.]
""",
        )
        .get("/accessibilite")
        .text
    )
    assert "partiellement conforme" in text
    assert "Audit du 31 janvier 2026, par Cabinet d’exemple." in text
    assert "82 % des critères" in text.replace("\u202f", " ").replace("\xa0", " ")
    assert "<li>La carte n’a pas d’alternative.</li>" in text
    assert "aucun audit" not in text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("accessibility: {status: partial}", "audited_on"),
        ("accessibility: {status: perfect}", "status"),
        ("accessibility: {status: full, audited_on: 2026-01-31}", "audited_by"),
        ("publisher: {shoe_size: 43}", "shoe_size"),
        ("publisher: {email: nobody}", "email"),
        ("publisher: Association", "publisher"),
        ("- a list", "Invalid input type"),
        ("publisher: {name: ", "legal.yaml"),
    ],
)
def test_a_file_that_is_wrong_stops_the_start_with_the_reason(
    tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(SettingsError, match=r"legal\.yaml") as caught:
        loaded(tmp_path, text)
    assert told in str(caught.value)


def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.yaml"):
        legal.load(Settings(legal_file=tmp_path / "nowhere.yaml"))


def test_what_is_missing_is_named_as_in_the_file(tmp_path: Path) -> None:
    assert loaded(tmp_path, "publisher: {name: A, address: B, email: a@example.org}").missing == [
        "publisher.director",
        "host.name",
        "host.address",
        "data_protection.email",
    ]
    assert loaded(tmp_path, "").missing[0] == "publisher.name"


# --- what is kept -------------------------------------------------------------------------


def test_the_table_is_what_the_services_enforce(client: FlaskClient) -> None:
    periods = {row.name: row.period for row in retention.kept()}
    assert periods == {
        "sessions": timedelta(days=14),
        "teams": timedelta(days=730),
        "accounts": timedelta(days=730),
        "consents": None,
        "contacts": timedelta(days=730),
        "register": timedelta(days=90),
        "ballot_link": None,
        "cards": None,
        "limits": timedelta(hours=1),
        "links": timedelta(minutes=30),
        "mails": timedelta(days=35),
        "answers": timedelta(days=7),
    }
    text = client.get("/confidentialite").text
    assert text.count('<th scope="row">') == len(periods)
    for told in ("24 mois après le marathon", "90 jours après les résultats", "1 heure au plus",
                 "30 minutes au plus", "14 jours après la connexion"):  # fmt: skip
        assert f"<td>{told}" in text


def test_the_page_follows_the_periods(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.voting.messages.KEPT", (Kept("register", timedelta(days=3)),))
    with client.application.test_request_context("/"):
        assert "3 jours après les résultats" in {row.until for row in retention.table()}


def test_what_has_no_words_can_t_be_kept_in_silence(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.voting.messages.KEPT", (Kept("fingerprints"),))
    with client.application.test_request_context("/"), pytest.raises(KeyError):
        retention.table()


@pytest.mark.parametrize(
    ("period", "words"),
    [
        (timedelta(days=730), "24 mois"),
        (timedelta(days=365), "12 mois"),
        (timedelta(days=1), "1 jour"),
        (timedelta(hours=36), "36 heures"),
        (timedelta(minutes=90), "90 minutes"),
    ],
)
def test_a_period_in_words(client: FlaskClient, period: timedelta, words: str) -> None:
    with client.application.test_request_context("/"):
        assert retention.span(period) == words
