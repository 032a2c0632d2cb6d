"""The mails of a demonstration: there in a demonstration only, and safe to look at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.chassis.mail_folder import FolderTransport
from tests.gateway.stage import StandIn, json_of, stand_in_app

HERE = "http://127.0.0.1:8000"
FIRST = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def write(folder: Path, name: str, text: str = "x", **more: Any) -> None:
    """Puts a mail into the folder, as the mail loop does."""
    values = {"to": "anne@example.org", "subject": "Bonjour", "at": FIRST, **more}
    message = EmailMessage(policy=SMTP)
    message["To"] = values["to"]
    message["Subject"] = values["subject"]
    message["Date"] = format_datetime(values["at"])
    message["Message-ID"] = f"<{name}@example.org>"
    message.set_content(text)
    if "html" in values:
        message.add_alternative(values["html"], subtype="html")
    FolderTransport(folder).send(message, values["to"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "mails"


@pytest.fixture
def client(tmp_path: Path, folder: Path) -> FlaskClient:
    """A client of a demonstration."""
    app = stand_in_app(tmp_path, StandIn(), demo=True, smtp_url=f"folder:{folder}")
    return app.test_client()


@pytest.mark.parametrize(
    ("demo", "url"), [(False, "folder:{}"), (True, "smtp://127.0.0.1:25"), (False, "smtp://h")]
)
def test_without_a_demonstration_nobody_reads_mails(
    tmp_path: Path, folder: Path, demo: bool, url: str
) -> None:
    write(folder, "m1", "secret")
    app = stand_in_app(tmp_path, StandIn(), demo=demo, smtp_url=url.format(folder))
    client = app.test_client()
    for path in ("/courriels", "/api/v1/mails", "/api/v1/mails?to=anne@example.org"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "secret" not in answer.text
    assert "/courriels" not in client.get("/connexion").text
    assert "/api/v1/mails" not in json_of(client.get("/api/v1/openapi.json"))["paths"]


def test_mails_before_the_first_are_none(client: FlaskClient) -> None:
    assert json_of(client.get("/api/v1/mails")) == []
    assert "Aucun courriel" in client.get("/courriels").text


def test_mails_are_whole_and_the_newest_comes_first(client: FlaskClient, folder: Path) -> None:
    write(folder, "m1", "Un.\n\nDeux.\n", subject="Votre lien – été")
    write(folder, "m3", at=FIRST + timedelta(hours=1))
    # Of one second: the later one is the later written.
    write(folder, "m2", at=FIRST)
    found = json_of(client.get("/api/v1/mails"))
    assert [mail["id"] for mail in found] == [f"m{n}@example.org" for n in (3, 2, 1)]
    assert found[2] == {
        "id": "m1@example.org",
        "to": "anne@example.org",
        "subject": "Votre lien – été",
        "text": "Un.\n\nDeux.\n",
        "html": "",
        "sent_at": "2026-03-02T09:00:00+00:00",
    }


def test_mails_to_one_address(client: FlaskClient, folder: Path) -> None:
    write(folder, "m1", to="anne@example.org")
    write(folder, "m2", to="Bruno@example.org")
    wanted = {"anne@example.org": ["m1"], " bruno@example.org ": ["m2"], "n@example.org": []}
    for to, names in wanted.items():
        found = json_of(client.get("/api/v1/mails", query_string={"to": to}))
        assert [mail["id"] for mail in found] == [f"{name}@example.org" for name in names]
    page = client.get("/courriels?to=bruno@example.org").text
    assert "Bruno@example.org" in page
    assert "anne@example.org" not in page


def test_mail_written_after_the_first_look_is_seen(client: FlaskClient, folder: Path) -> None:
    for number in range(3):
        assert len(json_of(client.get("/api/v1/mails"))) == number
        write(folder, f"m{number}")


def test_no_more_than_the_newest_fifty(client: FlaskClient, folder: Path) -> None:
    for number in range(52):
        write(folder, f"m{number}", at=FIRST + timedelta(seconds=number))
    first = client.get("/api/v1/mails?limit=50")
    found = [mail["id"] for mail in json_of(first)]
    assert found == [f"m{number}@example.org" for number in range(51, 1, -1)]
    write(folder, "m52", at=FIRST + timedelta(seconds=52))
    rest = client.get(first.headers["Link"].partition(">")[0].removeprefix("<"))
    assert [mail["id"] for mail in json_of(rest)] == ["m1@example.org", "m0@example.org"]
    assert "Link" not in rest.headers
    assert "50 plus récents" in client.get("/courriels").text


@pytest.mark.parametrize("path", ["/courriels?to=", "/api/v1/mails?to="])
def test_address_that_is_too_long_is_refused(client: FlaskClient, path: str) -> None:
    assert client.get(path + "a" * 321).status_code == 422


def test_page_says_what_it_is_and_is_kept_by_nobody(client: FlaskClient, folder: Path) -> None:
    write(folder, "m1")
    answer = client.get("/courriels")
    assert "n’existe que dans la démonstration" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "strict-origin"
    assert '<a href="/courriels">Lire les courriels</a>' in client.get("/connexion").text


def test_text_of_a_mail_is_shown_not_run(client: FlaskClient, folder: Path) -> None:
    evil = '<script>alert(1)</script> & "quoted"'
    write(folder, "m1", evil, subject=evil)
    page = client.get("/courriels").text
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#34;quoted&#34;") == 2


@pytest.mark.parametrize(
    ("text", "link"),
    [
        (f"Ouvrez {HERE}/connexion/lien?token=a-b_c.", "/connexion/lien?token=a-b_c"),
        (f"({HERE}/vote/confirm?poll=p&token=t)", "/vote/confirm?poll=p&amp;token=t"),
        (f"Voir {HERE}/ maintenant", "/"),
        (f"« {HERE}/x »", "/x"),
        (f'{HERE}/"onmouseover="alert(1)', "/"),
        (f"{HERE}/<b>", "/"),
    ],
)
def test_link_to_this_instance_can_be_followed(
    client: FlaskClient, folder: Path, text: str, link: str
) -> None:
    write(folder, "m1", text)
    page = client.get("/courriels").text
    assert f'<a href="{HERE}{link}">{HERE}{link}</a>' in page
    assert page.count(f'href="{HERE}') == 1
    assert "onmouseover=" not in page.replace("&#34;onmouseover=&#34;", "")
    assert "<b>" not in page


@pytest.mark.parametrize(
    "text",
    [
        "http://evil.example/x",
        "https://127.0.0.1:8000/x",
        f"{HERE}.evil.example/x",
        f"{HERE}@evil.example/x",
        f"{HERE}1/x",
        "javascript:alert(1)",
        "//evil.example",
    ],
)
def test_other_addresses_are_text(client: FlaskClient, folder: Path, text: str) -> None:
    write(folder, "m1", text)
    page = client.get("/courriels").text
    assert page.count(text) == 1
    assert f'href="{text}' not in page
    assert f'href="{HERE}' not in page


def test_address_that_no_browser_opens_makes_no_links(tmp_path: Path, folder: Path) -> None:
    write(folder, "m1", "javascript:alert(1)/x")
    app = stand_in_app(
        tmp_path,
        StandIn(),
        demo=True,
        smtp_url=f"folder:{folder}",
        public_url="javascript:alert(1)",
    )
    page = app.test_client().get("/courriels").text
    assert "javascript:alert(1)/x" in page
    assert 'href="javascript' not in page


def test_html_part_is_told_as_text_and_never_rendered(client: FlaskClient, folder: Path) -> None:
    html = (
        "<html lang='fr'><head><title>Titre</title><style>p { color: red }</style></head><body>"
        "<script>alert(1)</script><p>Bonjour &lt;b&gt; &amp;\n vous</p>"
        f"<p><a href='{HERE}/x?a=1&amp;b=2' onclick='y()'>Se connecter</a></p>"
        "<img src='https://evil.example/pixel'><p><strong>012345</strong></p></body></html>"
    )
    write(folder, "m1", "Le texte.", html=html)
    page = client.get("/courriels").text
    said = page.split("Ce que dit sa partie HTML")[1].split("</details>")[0]
    assert "Bonjour &lt;b&gt; &amp; vous" in said
    assert f"[{HERE}/x?a=1&amp;b=2] Se connecter" in said
    assert "012345" in said
    for hidden in ("alert", "color", "Titre", "pixel", "onclick", "<strong", "<script"):
        assert hidden not in said
    assert "<img src='https" not in page
    (mail,) = json_of(client.get("/api/v1/mails"))
    assert (mail["text"].strip(), mail["html"].strip()) == ("Le texte.", html)


def test_mail_of_text_alone_tells_no_html(client: FlaskClient, folder: Path) -> None:
    write(folder, "m1", "Le texte.")
    assert "partie HTML" not in client.get("/courriels").text


@pytest.mark.parametrize("html", ["<p", "</head></style>x<p>y", "<style>x", "&#0;&#xd800;", "<a>z"])
def test_html_that_is_broken_breaks_no_page(client: FlaskClient, folder: Path, html: str) -> None:
    write(folder, "m1", html=html)
    assert client.get("/courriels").status_code == 200
