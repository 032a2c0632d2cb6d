"""``marathon play`` against a real instance in one process: to the end, and once more."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
import requests

from deploy.play import script
from deploy.play.api import Api
from deploy.play.cast import person
from deploy.play.script import ScriptError
from deploy.play.tour import LEAD
from services.chassis.clock import SystemClock
from tests.instance import Instance, run_marathon

FILE = Path(__file__).resolve().parents[1] / "journeys" / "two-legs.play.yaml"
NOW = SystemClock().now()
TOKEN = re.compile(r"[?&]token=([\w-]{20,})")


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """A whole instance in one process, with a clock that can be moved and a mailbox."""
    made = embedded(tmp_path_factory.mktemp("embedded"))
    made.wait_ready()
    yield made
    assert made.processes["embedded"].halt() == 0
    made.stop()


def embedded(folder: Path) -> Instance:
    """An instance that is starting, with its data in a folder."""
    database_url = f"sqlite:///{folder}/data/{{service}}.sqlite"
    mail = f"folder:{folder / 'mail'}"
    made = Instance(folder, "embedded://", database_url, MARATHON_DEMO="1", MARATHON_SMTP_URL=mail)
    (folder / "data").mkdir()
    made.start("embedded")
    return made


@pytest.fixture(scope="module")
def token(instance: Instance) -> str:
    """The token of an organiser of all marathons."""
    make = ("token", "create", "--label", "play", "--role", "organiser")
    return instance.marathon(*make).strip()


def run(*arguments: str, token: str = "none") -> subprocess.CompletedProcess[str]:
    """``marathon play`` with these arguments."""
    return run_marathon("play", *arguments, "--token", token)


def test_a_cycle_is_played_to_its_end_and_once_more_changes_nothing(
    instance: Instance, token: str
) -> None:
    first = run(str(FILE), "--url", instance.url, "--json", token=token)
    assert first.returncode == 0, first.stderr
    assert "clôture" in first.stderr
    found = json.loads(first.stdout)
    assert (found["cycle"], found["state"]) == ("deux-etapes", "finished")
    for marathon in found["marathons"]:
        assert marathon["state"] == "closed"
        assert (marathon["projects"], marathon["teams"], marathon["allocations"]) == (4, 4, 4)
        assert (marathon["ballots_accepted"], marathon["ballots_counted"]) == (12, 12)
        assert marathon["public_winners"]
        assert marathon["palmares"]["first"]
    assert found["marathons"][0]["relay_seconds"] > 0

    again = run(str(FILE), "--url", instance.url, "--json", token=token)
    assert again.returncode == 0, again.stderr
    assert without_times(json.loads(again.stdout)) == without_times(found)


def without_times(found: dict[str, Any]) -> Any:
    """A summary without how long things took."""
    marathons = [{**one, "relay_seconds": None} for one in found["marathons"]]
    return {**found, "marathons": marathons, "seconds": None}


def test_nobody_and_no_secret_is_in_the_log(instance: Instance, token: str) -> None:
    """All that was mailed, all who sign in by link or code, what one shows to vote."""
    assert run(str(FILE), "--url", instance.url, token=token).returncode == 0
    secrets = {token, *signed_in_by_link(instance), *asked_wrongly(instance)}
    people = set()
    for path in (instance.folder / "mail").glob("*.eml"):
        mail = message_from_bytes(path.read_bytes(), policy=default)
        people.add(str(mail["To"]))
        secrets |= set(TOKEN.findall(text_of(mail)))
    assert len(people) >= 3
    assert len(secrets) >= 10
    logged = (instance.folder / "embedded.log").read_text()
    assert "/connexion/lien" in logged
    assert [secret for secret in secrets | people if secret in logged] == []
    assert "@example.org" not in logged


def text_of(mail: EmailMessage) -> str:
    """What a mail says in plain text."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def signed_in_by_link(instance: Instance) -> list[str]:
    """Somebody opens their mailed link, signs in and looks around; what of it is secret."""
    address = person(7, 1, "juror", 1).email
    before = set((instance.folder / "mail").glob("*.eml"))
    here = {"Origin": instance.url}
    with requests.Session() as browser:
        browser.trust_env = False
        browser.post(f"{instance.url}/connexion", data={"email": address}, headers=here, timeout=30)
        (path,) = instance.wait_for(lambda: set((instance.folder / "mail").glob("*.eml")) - before)
        link = TOKEN.search(text_of(message_from_bytes(path.read_bytes(), policy=default)))
        assert link is not None
        page = f"{instance.url}/connexion/lien"
        browser.get(page, params={"token": link[1]}, timeout=30)
        entered = browser.post(page, data={"token": link[1]}, headers=here, timeout=30)
        assert entered.url == f"{instance.url}/moi", entered.text
        browser.get(f"{instance.url}/moi/donnees", timeout=30)
        (cookie,) = browser.cookies.values()
        return [link[1], cookie]


def asked_wrongly(instance: Instance) -> list[str]:
    """What people mistype or paste into the wrong place; each is refused."""
    secrets = [
        "personne@example.org",
        "mit_a-token-that-was-revoked",
        "a-link-that-was-used-before",
    ]
    for method, path, sent in (
        ("GET", "/connexion/lien", {"params": {"token": secrets[2]}}),
        ("GET", f"/{secrets[0]}", {}),
        ("GET", f"/api/v1/marathons/{secrets[0]}", {"params": {"q": secrets[2]}}),
        ("GET", "/api/v1/me", {"headers": {"Authorization": f"Bearer {secrets[1]}"}}),
        ("POST", "/api/v1/sign-in", {"json": {"email": secrets[0], "code": 7, "x": secrets[2]}}),
        ("POST", "/api/v1/sign-in", {"json": {"token": secrets[2]}}),
        ("POST", "/api/v1/sign-in", {"data": f'{{"token": "{secrets[2]}'}),
        ("POST", f"/api/v1/polls/{secrets[2]}/ballots", {"json": {"pass": secrets[2]}}),
    ):
        asked: Any = sent
        answer = requests.request(method, instance.url + path, timeout=30, **asked)
        assert answer.status_code < 500, answer.text
    return secrets


def test_a_token_that_is_of_no_use_is_told_plainly(instance: Instance) -> None:
    done = run(str(FILE), "--url", instance.url, token="mit_nobody")
    assert done.returncode == 1
    assert "token_unknown" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_mailbox_or_a_clock_it_says_what_is_missing() -> None:
    done = run("nowhere.yaml")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Error: nowhere.yaml can't be read (No such file or directory).\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("play: [", "is no YAML"),
        ("play: a", "cycle_file: Missing data for required field."),
        ("legs: [{leg: 0, until: closed}]", "legs.0.leg"),
        ("legs: [{leg: 1, until: never}]", "legs.0.until"),
        ("legs: [{leg: 1, until: closed, starts_at: soon}]", "-330 days 09:00"),
        ("legs: [{leg: 1, until: closed, teams: [{titel: x}]}]", "legs.0.teams.0.titel"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "a.play.yaml"
    whole = "play: a\ncycle_file: c.yaml\ninvented: yes indeed\n"
    path.write_text(whole + text if text.startswith("legs") else text)
    with pytest.raises(ScriptError, match=r"a\.play\.yaml") as refused:
        script.load(path, NOW)
    assert told in str(refused.value)


def test_the_play_of_the_vallee_du_lot_reads_well() -> None:
    path = Path(script.__file__).parents[1] / "cycles" / "vallee-du-lot-2023.play.yaml"
    play = script.load(path, NOW)
    assert [leg.until for leg in play.legs] == ["closed", "closed", "closed", "voting", "announced"]
    starts = [leg.starts_at for leg in play.legs if leg.starts_at]
    assert starts == sorted(starts)
    assert starts[-1] < NOW


def test_the_same_seed_casts_the_same_people_and_all_of_them_differ() -> None:
    cast = [person(1, leg, "juror", number) for leg in (1, 2) for number in range(5)]
    assert cast == [person(1, leg, "juror", number) for leg in (1, 2) for number in range(5)]
    assert len({one.email for one in cast}) == len(cast)
    assert all(one.email.endswith("@example.org") for one in cast)


WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nConnection: close\r\n\r\n" + b'{"a": "ok"}'


@pytest.mark.parametrize(
    "cut",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"a":',
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n',
    ],
)
def test_an_answer_cut_by_a_killed_server_is_asked_for_again(cut: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        answers = threading.Thread(target=answer_each, args=(server, [cut, WHOLE]))
        answers.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert Api(url, "token", "play").get("/x") == {"a": "ok"}
        answers.join()


def answer_each(server: socket.socket, answers: list[bytes]) -> None:
    """Gives each connection one answer, as far as it goes."""
    for answer in answers:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(answer)


def test_an_address_that_is_none_is_told_plainly() -> None:
    done = run(str(FILE), "--url", "localhost:8000")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("is no address: write http://HOST:PORT.")


def test_stopped_after_the_clock_was_set_it_goes_on_and_too_late_it_says_so(
    tmp_path: Path,
) -> None:
    path = Path(script.__file__).parents[1] / "cycles" / "vallee-du-lot-2023.play.yaml"
    begins = min(leg.starts_at for leg in script.load(path, NOW).legs if leg.starts_at) - LEAD
    made = embedded(tmp_path)
    try:
        made.wait_ready()
        make = ("token", "create", "--label", "play", "--role", "organiser")
        token = made.marathon(*make).strip()
        Api(made.url, token, "test").put("/clock", "past", now=begins.isoformat())
        arguments = (str(path), "--url", made.url, "--until", "announced")
        assert run(*arguments, token=token).returncode == 0
        far = (NOW + timedelta(days=1)).isoformat()
        Api(made.url, token, "test").put("/clock", "future", now=far)
        done = run(str(path), "--url", made.url, token=token)
        assert done.returncode == 1
        assert "would be over before it began" in done.stderr
    finally:
        made.stop()


def test_several_instances_are_named_by_their_partners(tmp_path: Path) -> None:
    (tmp_path / "cycle.yaml").write_text((FILE.parent / "two-legs.yaml").read_text())
    (tmp_path / "play.yaml").write_text(
        FILE.read_text().replace("cycle_file: two-legs.yaml", "cycle_file: cycle.yaml")
    )
    command = ("play", str(tmp_path / "play.yaml"))
    env = {name: value for name, value in os.environ.items() if name != "MARATHON_TOKEN"}
    for more, code, reason in (
        ((), 2, "Missing --token of the instance, or --instance for several"),
        (("--instance", "http://127.0.0.1:1,t"), 2, "write NAME=URL,TOKEN"),
        (("--instance", "la=http://127.0.0.1:1,t"), 1, "is operated by ici: name its instance"),
    ):
        told = run_marathon(*command, *more, env=env)
        assert (told.returncode, reason in told.stderr) == (code, True), told.stderr
