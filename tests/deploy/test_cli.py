"""The command ``marathon``: quick to start, and plain when something is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, inspect, select

from deploy.cli import GREEN
from deploy.cli.doctor import Finding, examine, line, python
from deploy.cli.root import COMMANDS, marathon, sentence_for
from services.chassis import failures, tables
from services.chassis.config import SERVICES, Settings, SettingsError
from services.chassis.database import Database
from services.chassis.errors import NotFound
from services.chassis.failures import record
from services.voting.tables import BoxRow, Poll

EVENT = {"id": "e-1", "type": "marathon_closed", "source": "urn:x:registration", "data": {}}


@pytest.fixture(autouse=True)
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An instance's environment, of its own and with nothing made yet."""
    for name in ("AMQP_URL", "DATABASE_URL", "SECRET", "CLOCK_FILE"):
        monkeypatch.delenv(f"MARATHON_{name}", raising=False)
    monkeypatch.setenv("MARATHON_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MARATHON_LOCAL_DIR", str(tmp_path / ".local"))
    return tmp_path


def run(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(marathon, list(arguments), **options)


@pytest.fixture
def parked() -> Iterator[Database]:
    """Voting's database, with one parked event in it."""
    settings = Settings.from_env()
    database = Database(settings.database_url_of("voting"), settings)
    tables.metadata.create_all(database.engine)
    with database.transaction() as session:
        for _ in range(len(settings.retry_delays_s) + 1):
            status = record(session, settings, EVENT, ValueError("poisoned"))
    assert status == failures.PARKED
    yield database
    database.close()


def test_help_lists_every_command_and_imports_none() -> None:
    code = (
        "import sys; sys.argv = ['marathon', '--help']\n"
        "from deploy.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'sqlalchemy', 'kombu', 'nameko', 'eventlet', 'flask', 'marshmallow'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *listed, heavy = done.stdout.splitlines()
    assert heavy == "[]"
    assert all(any(line.startswith(f"  {name} ") for line in listed) for name in COMMANDS)


def test_what_serves_is_patched_before_anything_is_imported() -> None:
    code = (
        "import sys; sys.argv = ['marathon', 'run', '--help']\n"
        "from deploy.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "from eventlet.patcher import is_monkey_patched\n"
        "print(is_monkey_patched('socket'), is_monkey_patched('thread'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "True True"
    assert done.stderr == ""
    assert set(GREEN) <= set(COMMANDS)


def test_unknown_command_is_refused() -> None:
    result = run("dance")
    assert result.exit_code == 2
    assert "No such command 'dance'" in result.output


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("migrate", "registration|venues|voting|jury|all"),
        ("run", "registration|venues|voting|jury|gateway|mail|embedded"),
        ("topology", "apply"),
        ("events", "parked"),
        ("local", "down"),
        ("token", "create"),
        ("organiser", "add"),
        ("doctor", "--json"),
        ("instance", "rotate-key"),
        ("partner", "revoke-credential"),
        ("relay", "reassign"),
    ],
)
def test_each_command_explains_itself(name: str, expected: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    assert expected in result.output


@pytest.mark.parametrize("service", SERVICES)
def test_migrate_makes_tables_and_takes_them_away(service: str) -> None:
    assert run("migrate", service).output == f"{service}: at head\n"
    assert run("migrate", service).exit_code == 0
    url = Settings.from_env().database_url_of(service)
    engine = create_engine(url)
    assert "outbox" in inspect(engine).get_table_names()
    assert run("migrate", service, "--down", "base", "--yes").output == f"{service}: down to base\n"
    assert inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()


def test_migrate_down_asks_first() -> None:
    assert run("migrate", "jury").exit_code == 0
    refused = run("migrate", "jury", "--down", "base", input="n\n")
    assert refused.exit_code == 1
    assert refused.output.startswith("What jury stored in later migrations is lost. Go on?")
    assert run("doctor", "--json").output.count('"answers, at head, nothing parked"') == 1


def test_migration_that_is_not_there_is_a_sentence() -> None:
    assert run("migrate", "jury").exit_code == 0
    result = run("migrate", "jury", "--down", "0099", "--yes")
    assert result.exit_code == 1
    assert result.output.startswith("Error: jury: Can't locate revision")


def test_parked_events_are_listed_shown_and_replayed(parked: Database) -> None:
    listed = run("events", "parked", "voting").output
    assert listed.startswith("e-1  marathon_closed  6 tries  ")
    assert "poisoned" in listed
    assert len(json.loads(run("events", "parked", "voting", "--json").output)) == 1
    shown = run("events", "show", "voting", "e-1").output
    assert '"type": "marathon_closed"' in shown
    assert "ValueError: poisoned" in shown
    assert run("events", "replay", "voting", "e-1").output.startswith("1 to be tried again")
    assert run("events", "parked", "voting").output == "None.\n"
    assert run("events", "parked", "voting", "--waiting").output.startswith("e-1")


def test_replay_without_an_event_means_all(parked: Database) -> None:
    assert run("events", "replay", "voting").output.startswith("1 to be tried again")
    assert run("events", "replay", "voting").output.startswith("0 to be tried again")


def epochs_of(database: Database) -> list[tuple[int, str]]:
    with database.transaction() as session:
        rows = session.execute(select(tables.epochs).order_by(tables.epochs.c.epoch))
        return [(row.epoch, row.reason) for row in rows]


def test_epoch_is_begun_with_its_reason(parked: Database) -> None:
    before = epochs_of(parked)
    for number, reason in ((2, "restored from Monday's backup"), (3, "restored again")):
        result = run("events", "epoch", "voting", "--reason", reason, "--yes")
        assert (result.exit_code, result.output) == (
            0,
            f"voting is in epoch {number}: what it says now outranks what it said before.\n",
        )
    assert epochs_of(parked)[len(before) :] == [
        (2, "restored from Monday's backup"),
        (3, "restored again"),
    ]


@pytest.mark.parametrize(
    ("arguments", "answer", "exit_code"),
    [
        (("--reason", "by mistake"), "n\n", 1),
        (("--reason", " ", "--yes"), None, 2),
        (("--yes",), None, 2),
    ],
)
def test_epoch_is_not_begun_without_a_yes_and_a_reason(
    parked: Database, arguments: tuple[str, ...], answer: str | None, exit_code: int
) -> None:
    before = epochs_of(parked)
    assert run("events", "epoch", "voting", *arguments, input=answer).exit_code == exit_code
    assert epochs_of(parked) == before


def test_drop_asks_first(parked: Database) -> None:
    assert run("events", "drop", "voting", "e-1", input="n\n").exit_code == 1
    assert run("events", "parked", "voting").output.startswith("e-1")
    assert run("events", "drop", "voting", "e-1", "--yes").output == "Dropped.\n"
    assert run("events", "parked", "voting").output == "None.\n"


def test_event_that_is_not_there_is_a_sentence(parked: Database) -> None:
    for arguments in (("show",), ("replay",), ("drop", "--yes")):
        result = run("events", arguments[0], "voting", "nothing", *arguments[1:])
        assert result.exit_code == 1
        assert result.output == (
            "Error: voting has no parked event nothing: marathon events parked voting lists"
            " them, with --waiting those too that are still being retried.\n"
        )


def test_database_without_tables_says_what_to_run() -> None:
    result = run("events", "parked", "jury")
    assert (result.exit_code, result.output) == (
        1,
        "Error: The database lacks tables: run marathon migrate first.\n",
    )


def test_broker_that_is_away_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARATHON_AMQP_URL", "pyamqp://guest:guest@127.0.0.1:1//")
    result = run("topology", "apply")
    assert result.exit_code == 1
    assert result.output.startswith("Error: The broker does not answer (")
    assert result.output.endswith("look at MARATHON_AMQP_URL.\n")


def test_embedded_broker_needs_no_topology() -> None:
    assert run("topology", "apply").exit_code == 0
    assert run("topology", "check").exit_code == 0


def test_wrong_setting_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARATHON_GATEWAY_PORT", "many")
    result = run("migrate", "jury")
    expected = "Error: MARATHON_GATEWAY_PORT must be a whole number, not 'many'\n"
    assert (result.exit_code, result.output) == (1, expected)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (SettingsError("no secret"), "no secret"),
        (NotFound("event", "e"), "Ce que vous cherchez n’existe pas ou plus. Vérifiez l’adresse."),
        (OSError(28, "No space"), "The disk is full: make room and run the command again."),
        (ConnectionRefusedError(111, "refused"), None),
        (ValueError("a mistake of ours"), None),
    ],
)
def test_mistakes_of_ours_keep_their_traceback(error: Exception, expected: str | None) -> None:
    found = sentence_for(error)
    if isinstance(error, ConnectionError):
        assert found == (
            "The broker does not answer ([Errno 111] refused): look at MARATHON_AMQP_URL."
        )
    else:
        assert found == expected


def test_token_is_made_listed_and_revoked() -> None:
    assert run("migrate", "registration").exit_code == 0
    made = run("token", "create", "--role", "organiser", "--label", "scenario")
    assert made.exit_code == 0, made.output
    secret = made.stdout.strip()
    assert len(secret) >= 22
    token_id = made.stderr.split()[1]
    assert run("token", "list").output.split()[:4] == [token_id, "organiser", "all", "scenario"]
    assert secret not in run("token", "list").output
    assert run("token", "revoke", token_id).output == "Revoked.\n"


def test_token_for_a_marathon_that_is_not_there_is_refused() -> None:
    assert run("migrate", "registration").exit_code == 0
    result = run("token", "create", "--role", "organiser", "--label", "x", "--marathon", "y-1")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: Ce que vous cherchez n’existe pas")


def test_organiser_is_let_in_and_said_once() -> None:
    assert run("migrate", "registration").exit_code == 0
    for _ in range(2):
        result = run("organiser", "add", "Claire@Example.org", "--name", "Claire Martin")
        assert result.exit_code == 0, result.output
        assert result.output == "Claire Martin organises all marathons and can sign in.\n"
    settings = Settings.from_env()
    database = Database(settings.database_url_of("registration"), settings)
    with database.transaction() as session:
        assert list(session.scalars(select(tables.outbox.c.type))) == ["role_granted"]
    database.close()


def test_wrong_value_is_named() -> None:
    assert run("migrate", "registration").exit_code == 0
    result = run("token", "create", "--role", "organiser", "--label", "x" * 100)
    assert result.exit_code == 1
    assert "\n  label: " in result.stderr


def test_local_status_of_nothing() -> None:
    result = run("local", "status")
    assert (result.exit_code, result.output) == (1, "rabbitmq  is down\npostgres  is down\n")
    found = json.loads(run("local", "status", "--format", "json").output)
    assert [found[name]["running"] for name in ("rabbitmq", "postgres")] == [False, False]
    assert run("local", "down").output == "Nothing was running.\n"


def test_local_up_shows_given_servers_for_a_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARATHON_AMQP_URL", "pyamqp://u:p@broker.example.org//")
    monkeypatch.setenv("MARATHON_DATABASE_URL", "postgresql+psycopg2://db.example.org/{service}")
    assert run("local", "up", "--format", "env").output.splitlines() == [
        "export MARATHON_AMQP_URL=pyamqp://u:p@broker.example.org//",
        "export MARATHON_DATABASE_URL='postgresql+psycopg2://db.example.org/{service}'",
    ]


def test_doctor_says_what_to_do_where_nothing_is_made() -> None:
    result = run("doctor", "--json")
    assert result.exit_code == 1
    found = {finding["what"]: finding for finding in json.loads(result.output)}
    assert found["python"]["todo"] == ""
    assert found["broker"]["found"] == "embedded"
    assert found["database of voting"]["found"] == "not made yet"
    assert found["database of voting"]["todo"] == "Run: marathon migrate voting"


def test_doctor_is_content_after_migrations_and_counts_what_is_parked(parked: Database) -> None:
    assert run("migrate", "jury").exit_code == 0
    found = {finding.what: finding for finding in examine()}
    assert found["database of jury"].found == "answers, at head, nothing parked"
    assert found["database of jury"].todo == ""
    # Its tables were made without migrations.
    assert found["database of voting"].found == "migrations are missing"


def test_doctor_looks_whether_files_can_be_stored(
    instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {finding.what: finding for finding in examine()}
    assert (found["storage of files"].found, found["storage of files"].todo) == (
        "can be written",
        "",
    )
    assert [path for path in (instance / "data/files").rglob("*") if path.is_file()] == []
    (instance / "file").write_text("no folder")
    for url in (f"file://{instance}/file", "s3://bucket"):
        monkeypatch.setenv("MARATHON_STORAGE", url)
        found = {finding.what: finding for finding in examine()}
        assert found["storage of files"].todo == "Look at MARATHON_STORAGE."


def test_doctor_names_the_boxes_that_are_lost_and_poll_store_writes_them_again() -> None:
    assert run("migrate", "voting").exit_code == 0
    settings = Settings.from_env()
    database = Database(settings.database_url_of("voting"), settings)
    box = b"tracker,choice\na1,wool\n"
    with database.transaction() as session:
        session.add(
            Poll(
                id="p1",
                marathon="m1",
                state="counted",
                rule="shared",
                who_may_vote="everyone",
                elsewhere_may_vote=True,
                projects=[],
                record={"box_digest": sha256(box).hexdigest()},
            )
        )
        session.flush()
        session.add(BoxRow(poll="p1", tracker="a1", choice="wool"))
    database.close()
    lost = {finding.what: finding for finding in examine()}["boxes"]
    assert (lost.found, lost.todo) == ("not in the storage: p1", "Run: marathon poll store")
    assert run("poll", "store").stdout.splitlines()[-1] == "p1"
    assert (settings.data_dir / "files/polls/p1/box.csv").read_bytes() == box
    assert run("poll", "store").stdout == ""
    assert "boxes" not in {finding.what for finding in examine()}


def test_doctor_names_servers_that_are_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARATHON_AMQP_URL", "pyamqp://guest:guest@127.0.0.1:1//")
    monkeypatch.setenv("MARATHON_DATABASE_URL", "postgresql+psycopg2://u:p@127.0.0.1:1/{service}")
    found = {finding.what: finding for finding in examine()}
    assert found["broker"].todo == "Look at MARATHON_AMQP_URL."
    assert found["database of jury"].todo == "Look at MARATHON_DATABASE_URL."


@pytest.mark.parametrize(
    ("version", "fits"), [((3, 10), False), ((3, 11), True), ((3, 13), True), ((3, 14), False)]
)
def test_doctor_knows_pythons_that_are_tested(version: tuple[int, int], fits: bool) -> None:
    assert (python(version).todo == "") is fits


def test_finding_reads_as_one_line() -> None:
    assert line(Finding("disk", "80.0 GB free")) == "ok     disk: 80.0 GB free"
    assert line(Finding("disk", "0.1 GB free", "Make room.")) == (
        "TO DO  disk: 0.1 GB free. Make room."
    )


def test_doctor_asks_for_what_the_legal_pages_need(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def found() -> Finding:
        return next(finding for finding in examine() if finding.what == "legal pages")

    assert found().todo.startswith("Copy deploy/demo/legal.yaml")
    file = tmp_path / "legal.yaml"
    monkeypatch.setenv("MARATHON_LEGAL_FILE", str(file))
    assert "No such file" in found().found
    file.write_text("publisher: {name: Association d’exemple}")
    assert found().found.startswith("missing: publisher.address, publisher.director")
    file.write_text((Path(__file__).parents[2] / "deploy" / "demo" / "legal.yaml").read_text())
    assert (found().found, found().todo) == (f"filled in by {file}", "")


def test_the_gateway_does_not_load_what_only_its_child_processes_need() -> None:
    code = (
        "import sys, gateway.app, gateway.server\n"
        "heavy = {'fpdf', 'PIL', 'fontTools', 'segno', 'networkx', 'alembic'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
