"""``marathon relay``: through the site of an instance whose partners are real, but for the wire."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from structlog.testing import capture_logs
from werkzeug.serving import make_server

from deploy.cli import relay as relay_commands
from deploy.cli.root import marathon
from gateway.app import create_app
from services.chassis.actor import Actor
from tests.gateway.stage import TroupeCaller
from tests.registration.partners.stage import CYCLE, Instance, Partners

NAMES = ("fumel", "confluent", "villeneuve")
Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def nothing_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No instance in the environment, and the folder we are in is empty."""
    for name in ("INSTANCE_FILE", "GATEWAY_PORT", "TOKEN"):
        monkeypatch.delenv(f"MARATHON_{name}", raising=False)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")


@pytest.fixture(scope="module")
def offered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Three instances; the first leg is over, and its baton offered to the second."""
    folder = tmp_path_factory.mktemp("season")
    made = Partners(folder, list(NAMES))
    made.open()
    made["fumel"].mobilise(1)
    made["fumel"].close(1)
    made.quiet()
    made.finish()
    return folder, {one.name: one.core.run for one in made}


@pytest.fixture
def season(offered: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[Partners]:
    """A copy of them, in which something happens."""
    folder, runs = offered
    made = Partners(shutil.copytree(folder, tmp_path / "season"), list(NAMES), runs=runs)
    yield made
    made.finish()


@contextmanager
def served(instance: Instance) -> Iterator[str]:
    """The address of an instance's site, while it is served."""
    settings = replace(instance.troupe.settings, data_dir=instance.folder)
    caller = TroupeCaller(instance.troupe)
    caller.away |= {"venues", "voting", "jury"}
    server = make_server("127.0.0.1", 0, create_app(settings, caller))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        with capture_logs():  # they would be in what a command prints
            yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def token(instance: Instance, **more: str) -> str:
    """A token as the operator makes one."""
    wanted = {"label": "relay", "role": "organiser", **more}
    return str(instance.call("create_token", Actor.system(), **wanted)["token"])


def run(*arguments: str, **env: str) -> Result:
    return CliRunner().invoke(marathon, ["relay", *arguments], env=env)


@pytest.fixture
def fumel(season: Partners) -> Iterator[Run]:
    """Runs a command at the first instance, which is also the joint body."""
    secret = token(season["fumel"])
    with served(season["fumel"]) as url:
        yield lambda *arguments: run("--url", url, *arguments, MARATHON_TOKEN=secret)


def done(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.output


# --- status -------------------------------------------------------------------------------


def test_status_tells_where_the_baton_is_and_what_is_offered(season: Partners, fumel: Run) -> None:
    told = done(fumel("status", CYCLE)).splitlines()
    assert told[0] == f"{CYCLE}: open, term 1, we are fumel"
    assert told[1].startswith(f"  1.1 {CYCLE}-1, effective since 20")
    offer = season["fumel"].relay()
    assert told[2].startswith(f"  offer {offer} to {CYCLE}-2: offered, until 20")
    assert told[3].startswith("  waits for confluent: baton.offer since 20")
    assert [line.split(":")[0] for line in told[4:]] == [
        "  partner confluent",
        "  partner villeneuve",
    ]
    assert "heard never" not in told[4]


def test_status_tells_who_was_not_heard_and_how_many_a_grant_needs(
    season: Partners, fumel: Run
) -> None:
    season["confluent"].answer()
    season.collect()
    for parcel in season.on_the_way:
        if parcel.kind == "baton.answer":
            season.deliver(parcel)
    season["fumel"].restart()
    told = done(fumel("status", CYCLE)).splitlines()
    assert told[0].endswith("; not told yet by confluent, villeneuve")
    assert told[2] == f"  1.2 {CYCLE}-2 by fumel, not effective: seen by 0 of 2 needed"


def test_status_as_json_has_the_links_too(fumel: Run) -> None:
    found = json.loads(done(fumel("status", CYCLE, "--json")))
    assert (found["me"], found["joint_body"], found["told"]) == ("fumel", "fumel", True)
    assert [one["name"] for one in found["links"]["partners"]] == ["confluent", "villeneuve"]


# --- offers -------------------------------------------------------------------------------


def test_an_offer_goes_to_the_host_that_is_named(season: Partners, fumel: Run) -> None:
    told = done(fumel("offer", f"{CYCLE}-3", "--cycle", CYCLE))
    assert told.startswith(f"{season['fumel'].relay()}: offered to {CYCLE}-3, to be answered by 20")
    season.quiet()
    assert season["villeneuve"].relays() == [(f"{CYCLE}-3", "offered")]
    assert season["confluent"].relays() == [(f"{CYCLE}-2", "withdrawn")]


def test_a_host_that_refused_can_be_asked_again(season: Partners, fumel: Run) -> None:
    season["confluent"].answer("refused")
    season.quiet()
    assert season["fumel"].relays() == [(f"{CYCLE}-2", "refused"), (f"{CYCLE}-3", "offered")]
    done(fumel("offer", f"{CYCLE}-2", "--cycle", CYCLE))
    season.quiet()
    assert (f"{CYCLE}-2", "offered") in season["confluent"].relays()


def test_an_offer_is_withdrawn_and_the_next_host_asked(season: Partners, fumel: Run) -> None:
    offer = season["fumel"].relay()
    assert done(fumel("withdraw", offer)) == f"{offer}: withdrawn.\n"
    season.quiet()
    assert season["confluent"].relays() == [(f"{CYCLE}-2", "withdrawn")]
    assert season["villeneuve"].relays() == [(f"{CYCLE}-3", "offered")]


def test_what_was_granted_is_not_withdrawn(season: Partners, fumel: Run) -> None:
    offer = season["fumel"].relay()
    season["confluent"].answer()
    season.quiet()
    result = fumel("withdraw", offer)
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: DELETE /relays/{offer}: relay_not_open: ")
    assert season["fumel"].grants()[-1] == (1, 2, f"{CYCLE}-2", True)


# --- the joint body's word ----------------------------------------------------------------


def test_the_joint_body_gives_the_baton_to_another(season: Partners, fumel: Run) -> None:
    season["confluent"].answer()
    season.quiet()
    reassign = ("reassign", f"{CYCLE}-3", "--cycle", CYCLE, "--reason", "Crue du Lot")
    told = done(fumel(*reassign, "--yes"))
    season.quiet()
    term = season["fumel"].grants()[-1][0]
    assert term > 1
    assert told == f"{CYCLE}-3 has the baton in term {term}.\n"
    assert {one.grants()[-1] for one in season} == {(term, 3, f"{CYCLE}-3", True)}


def test_it_asks_before_it_reassigns(season: Partners, fumel: Run) -> None:
    reassign = ("reassign", f"{CYCLE}-3", "--cycle", CYCLE, "--reason", "Crue du Lot")
    result = fumel(*reassign)
    assert result.exit_code == 1
    assert "gets the baton, whoever holds it now. Go on?" in result.output
    assert season["fumel"].grants() == [(1, 1, f"{CYCLE}-1", True)]


def test_without_most_partners_it_takes_one_more_word(season: Partners, fumel: Run) -> None:
    season["fumel"].restart()
    reassign = ("reassign", f"{CYCLE}-3", "--cycle", CYCLE, "--reason", "Crue du Lot", "--yes")
    refused = fumel(*reassign)
    assert refused.exit_code == 1
    assert "partners_unheard" in refused.output
    assert season["fumel"].grants() == [(1, 1, f"{CYCLE}-1", True)]
    done(fumel(*reassign, "--even-unheard"))
    assert season["fumel"].grants()[-1][1:3] == (2, f"{CYCLE}-3")


def test_nobody_else_reassigns(season: Partners) -> None:
    with served(season["confluent"]) as url:
        result = run(
            *("--url", url, "--token", token(season["confluent"])),
            *("reassign", f"{CYCLE}-3", "--cycle", CYCLE, "--reason", "Moi", "--yes"),
        )
    assert result.exit_code == 1
    assert "not_the_joint_body" in result.output
    assert season["confluent"].grants() == [(1, 1, f"{CYCLE}-1", True)]


# --- where it asks, and who may -----------------------------------------------------------


def test_the_folder_says_which_cycle_and_which_port(season: Partners, tmp_path: Path) -> None:
    place = tmp_path / "place"
    with served(season["fumel"]) as url:
        made = CliRunner().invoke(
            marathon,
            [
                *("instance", "init", str(place), "--name", "fumel", "--epci", "200068930"),
                *("--contact", "c@example.org", "--public-url", "https://fumel.example.org"),
                *("--cycle", CYCLE, "--legs", "1", "--gateway-port", url.rpartition(":")[2]),
            ],
        )
        assert made.exit_code == 0, made.output
        told = done(run("--folder", str(place), "status", MARATHON_TOKEN=token(season["fumel"])))
    assert told.startswith(f"{CYCLE}: open")


def test_what_is_missing_is_said(season: Partners, monkeypatch: pytest.MonkeyPatch) -> None:
    without = run("status", CYCLE)
    assert (without.exit_code, "Missing --token, or MARATHON_TOKEN" in without.output) == (2, True)
    monkeypatch.setattr(relay_commands, "PATIENCE_S", 0.2)
    away = run("--url", "http://127.0.0.1:1", "status", CYCLE, MARATHON_TOKEN="x")
    assert away.exit_code == 1
    assert away.output.startswith("Error: http://127.0.0.1:1 did not answer for")
    nowhere = run("--folder", "nowhere", "status", MARATHON_TOKEN="x")
    assert nowhere.exit_code == 1
    assert "is no instance's folder" in nowhere.output
    no_cycle = run("--url", "http://127.0.0.1:1", "status", MARATHON_TOKEN="x")
    assert no_cycle.exit_code == 2
    assert "Name the cycle, or the instance's folder with --folder." in no_cycle.output


def test_a_stranger_and_an_organiser_of_one_marathon_are_refused(season: Partners) -> None:
    mine: dict[str, Any] = {"marathon": f"{CYCLE}-1"}
    with served(season["fumel"]) as url:
        stranger = run("--url", url, "--token", "guessed", "status", CYCLE)
        one = run(
            *("--url", url, "--token", token(season["fumel"], **mine)),
            *("reassign", f"{CYCLE}-3", "--cycle", CYCLE, "--reason", "Moi", "--yes"),
        )
    assert (stranger.exit_code, one.exit_code) == (1, 1)
    assert "forbidden" in one.output
    assert season["fumel"].grants() == [(1, 1, f"{CYCLE}-1", True)]
