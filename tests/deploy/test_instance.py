"""``marathon instance`` and ``marathon partner`` without a broker: folders, cards, keys."""

from __future__ import annotations

import json
import re
import stat
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from deploy.cli import doctor_relay
from deploy.cli.root import marathon
from deploy.relay import card, definitions, folder
from deploy.relay.folder import Folder, FolderError, read_env
from gateway import branding, legal
from services.chassis.clock import SystemClock
from services.chassis.config import Settings
from services.registration.partners import keys

SECRET = re.compile(r"SECRET|PASSWORD|_URL|API")
GIVEN = (
    *("--epci", "200068930", "--contact", "contact@example.org", "--cycle", "deux-etapes"),
    *("--public-url", "https://fumel.example.org/", "--legs", "1"),
)


@pytest.fixture(autouse=True)
def nothing_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No instance in the environment, and the folder we are in is empty."""
    for name in ("INSTANCE_FILE", "AMQP_URL", "DATABASE_URL", "RABBITMQ_API", "CLOCK_FILE"):
        monkeypatch.delenv(f"MARATHON_{name}", raising=False)
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(marathon, list(arguments), **options)


def done(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def init(place: Path, *more: str, name: str = "fumel") -> str:
    return done("instance", "init", str(place), "--name", name, *GIVEN, *more)


@pytest.fixture
def fumel(tmp_path: Path) -> Path:
    """An instance's folder."""
    init(tmp_path / "fumel")
    return tmp_path / "fumel"


# --- the folder ---------------------------------------------------------------------------


def test_a_folder_has_all_that_an_instance_needs(fumel: Path) -> None:
    env = read_env(fumel / ".env")
    settings = Settings.from_env(env)
    assert (settings.instance, settings.public_url) == ("fumel", "https://fumel.example.org")
    assert settings.instance_file == fumel / "public" / "instance.yaml"
    assert keys.load_private(Path(str(settings.relay_key_file)))
    assert branding.load(settings).operator == "CC Fumel Vallée du Lot"
    assert legal.load(settings).publisher.name == "CC Fumel Vallée du Lot"
    assert len(settings.secret) == 64
    facts = folder.load_facts(Folder(fumel))
    assert (facts.transport, facts.relay_address, facts.legs) == ("https", None, (1,))


def test_secret_files_are_their_owners_alone(fumel: Path) -> None:
    for name in (".env", "secret/relay-key.pem"):
        assert stat.S_IMODE((fumel / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((fumel / "secret").stat().st_mode) == 0o700


def test_nothing_secret_is_printed(tmp_path: Path) -> None:
    told = init(tmp_path / "a") + done("instance", "show", "--folder", str(tmp_path / "a"))
    env = read_env(tmp_path / "a" / ".env")
    secrets = [env[name] for name in env if SECRET.search(name) and "PUBLIC" not in name]
    assert len(secrets) >= 4
    assert [one for one in secrets if one in told] == []
    assert "PRIVATE" not in told


def test_two_instances_share_no_secret(tmp_path: Path) -> None:
    init(tmp_path / "a")
    init(tmp_path / "b")
    first, second = read_env(tmp_path / "a" / ".env"), read_env(tmp_path / "b" / ".env")
    for name in ("MARATHON_SECRET", "POSTGRES_PASSWORD", "RABBITMQ_PASSWORD"):
        assert first[name] != second[name]
    one, two = (keys.load_private(tmp_path / n / "secret" / "relay-key.pem") for n in "ab")
    assert one.id != two.id


def test_nothing_can_be_committed_by_accident(fumel: Path) -> None:
    subprocess.run(["git", "init", "-q", str(fumel)], check=True)
    subprocess.run(["git", "-C", str(fumel), "add", "--all"], check=True)
    listed = subprocess.run(
        ["git", "-C", str(fumel), "ls-files"], capture_output=True, text=True, check=True
    )
    assert listed.stdout == ""


def test_an_instance_is_never_overwritten(fumel: Path) -> None:
    before = (fumel / ".env").read_text()
    again = run("instance", "init", str(fumel), "--name", "fumel", *GIVEN)
    assert again.exit_code == 1
    assert "is not empty: an instance is never overwritten" in again.output
    assert (fumel / ".env").read_text() == before


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (("--name", "Fumel"), "name: small letters, digits and hyphens only"),
        (("--epci", "200068931", "--title", "X"), "200068931 is no SIREN of this territory"),
        (("--contact", "nobody"), "contact: Not a valid email address"),
        (("--public-url", "ftp://x"), "public-url: must begin with https://"),
        (("--public-url", "https://me:pw@x"), "must not hold a user or password"),
        (("--legs", "one"), "--legs must be numbers"),
        (("--relay", "amqp"), "relay-address: with amqp partners need amqps://HOST:5671"),
        (("--relay-address", "https://x"), "relay-address: must begin with amqps://"),
        (("--accent", "#ffff00"), "too light"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(
    tmp_path: Path, more: tuple[str, ...], reason: str
) -> None:
    result = run("instance", "init", str(tmp_path / "new"), "--name", "fumel", *GIVEN, *more)
    assert result.exit_code == 1
    assert reason in result.output
    assert not (tmp_path / "new").exists()


def test_a_cycle_file_tells_the_legs(tmp_path: Path) -> None:
    file = Path(__file__).resolve().parents[2] / "deploy/cycles/vallee-du-lot-2023.yaml"
    given = ("--contact", "c@example.org", "--public-url", "https://x.example.org")
    arguments = ("--name", "vallee-du-lot", "--title", "Pays", "--cycle-file", str(file), *given)
    done("instance", "init", str(tmp_path / "pays"), *arguments)
    facts = folder.load_facts(Folder(tmp_path / "pays"))
    assert (facts.cycle, facts.legs) == ("vallee-du-lot-2023", (1, 2, 3, 4, 5))
    other = run("instance", "init", str(tmp_path / "b"), *arguments, "--name", "nobody")
    assert "names no partner nobody" in other.output


# --- cards --------------------------------------------------------------------------------


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Two instances with databases, which take packages by HTTPS."""
    for name, leg, epci in (("fumel", "1", "200068930"), ("confluent", "2", "200068922")):
        url = f"sqlite:///{tmp_path}/{name}-{{service}}.sqlite"
        own = ("--legs", leg, "--epci", epci, "--amqp-url", "embedded://", "--database-url", url)
        init(tmp_path / name, *own, "--public-url", f"https://{name}.example.org", name=name)
        env = {"MARATHON_DATABASE_URL": url, "MARATHON_DATA_DIR": str(tmp_path / "data")}
        assert run("migrate", "registration", env=env).exit_code == 0
    return tmp_path / "fumel", tmp_path / "confluent"


def partner(place: Path, *arguments: str) -> Result:
    return run("partner", "--folder", str(place), *arguments)


def exchange(giver: Path, taker: Path, number: int = 1) -> Path:
    """A card of one, taken by the other."""
    file = taker.parent / f"{giver.name}-for-{taker.name}-{number}.yaml"
    given = partner(giver, "card", "--for", taker.name, "--output", str(file))
    assert given.exit_code == 0, given.output
    taken = partner(taker, "add", str(file))
    assert taken.exit_code == 0, taken.output
    return file


def keys_of(place: Path, name: str) -> dict[str, str]:
    """A partner's keys as ``place`` knows them."""
    (found,) = json.loads(partner(place, "show", name, "--json").output)
    return {one["id"]: one["state"] for one in found["keys"]}


def test_partners_exchange_cards(pair: tuple[Path, Path]) -> None:
    fumel, confluent = pair
    exchange(confluent, fumel)
    (found,) = json.loads(partner(fumel, "show", "--json").output)
    assert (found["name"], found["transport"]) == ("confluent", "https")
    assert found["relay_url"] == "https://confluent.example.org/relay/v1/packages"
    key = keys.load_private(confluent / "secret" / "relay-key.pem")
    assert keys_of(fumel, "confluent") == {key.id: "active"}
    assert "No partner yet" in partner(confluent, "show").output


def test_no_card_can_be_committed_by_accident(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    fumel, _confluent = pair
    # The worst place for a folder, and for who works in it.
    subprocess.run(["git", "init", "-q", str(fumel.parent)], check=True)
    monkeypatch.chdir(fumel.parent)
    card = ("card", "--for", "confluent", "--output")
    refused = partner(fumel, *card, "confluent.yaml")
    assert refused.exit_code == 1
    assert "is in a repository, and a card for a partner may hold a password" in refused.output
    assert not Path("confluent.yaml").exists()
    told = init(fumel.parent / "new", name="new").splitlines()[-1]
    suggested = told.replace("PARTNER", "confluent").split()[1:]
    assert run(*suggested).exit_code == 0, suggested
    assert partner(fumel, *card, str(fumel / "confluent.yaml")).exit_code == 0
    subprocess.run(["git", "add", "--all"], check=True)
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True)
    assert [name for name in listed.stdout.splitlines() if name.endswith(".yaml")] == []


def test_a_card_that_was_exchanged_on_its_way_is_not_taken(pair: tuple[Path, Path]) -> None:
    fumel, confluent = pair
    file = fumel.parent / "card.yaml"
    partner(confluent, "card", "--for", "fumel", "--output", str(file))
    refused = partner(fumel, "add", str(file), "--key", "0123456789abcdef")
    assert refused.exit_code == 1
    assert "may have been exchanged on its way" in refused.output
    assert "No partner yet" in partner(fumel, "show").output


def card_of(giver: Path, number: int = 1) -> tuple[Path, list[str]]:
    """A card for fumel, and the ids that its giver tells by telephone."""
    file = giver.parent / f"card-{number}.yaml"
    told = partner(giver, "card", "--for", "fumel", "--output", str(file)).output
    return file, re.findall(r"\b[0-9a-f]{16}\b", told.splitlines()[-1])


def confirm(ids: list[str]) -> list[str]:
    return [part for one in ids for part in ("--key", one)]


@pytest.mark.parametrize("state", ["active", "retired"])
def test_a_key_that_was_added_on_its_way_is_not_taken(pair: tuple[Path, Path], state: str) -> None:
    fumel, confluent = pair
    file, (true,) = card_of(confluent)
    values = yaml.safe_load(file.read_text())
    until = datetime(2099, 1, 1, tzinfo=UTC) if state == "retired" else None
    values["keys"].append(folder.key_entry(keys.generate().public, state, until))
    file.write_text(yaml.safe_dump(values))
    refused = partner(fumel, "add", str(file), "--key", true)
    assert refused.exit_code == 1
    assert f"also has {values['keys'][1]['id']}: somebody may have added it" in refused.output
    assert "No partner yet" in partner(fumel, "show").output


def test_all_keys_are_told_and_confirmed_while_one_is_replaced(pair: tuple[Path, Path]) -> None:
    fumel, confluent = pair
    at = ("--folder", str(confluent))
    file, first = card_of(confluent)
    assert partner(fumel, "add", str(file), *confirm(first)).exit_code == 0
    done("instance", "rotate-key", *at)
    file, both = card_of(confluent, 2)
    assert (both[0], len(both)) == (first[0], 2)
    assert partner(fumel, "add", str(file), *confirm(both[:1])).exit_code == 1
    assert keys_of(fumel, "confluent") == {first[0]: "active"}
    assert partner(fumel, "add", str(file), *confirm(both)).exit_code == 0
    done("instance", "rotate-key", *at, "--switch")
    file, switched = card_of(confluent, 3)
    assert switched == both[::-1]
    # The retired one is known here: its new one alone is to be told.
    assert partner(fumel, "add", str(file), *confirm(switched[:1])).exit_code == 0
    assert keys_of(fumel, "confluent") == {switched[0]: "active", switched[1]: "retired"}


def test_a_retired_key_has_an_end(pair: tuple[Path, Path]) -> None:
    fumel, confluent = pair
    file, _ids = card_of(confluent)
    values = yaml.safe_load(file.read_text())
    values["keys"].append({**folder.key_entry(keys.generate().public, "retired"), "until": "soon"})
    file.write_text(yaml.safe_dump(values))
    assert "keys.1.until: a retired key has an instant" in partner(fumel, "add", str(file)).output


def test_a_card_is_for_whom_it_was_made(pair: tuple[Path, Path]) -> None:
    fumel, confluent = pair
    file = fumel.parent / "card.yaml"
    assert partner(confluent, "card", "--for", "villeneuve", "--output", str(file)).exit_code == 0
    assert "was made for villeneuve, and we are fumel" in partner(fumel, "add", str(file)).output
    again = partner(confluent, "card", "--for", "fumel", "--output", str(file))
    assert "never overwritten" in again.output
    assert "is this instance itself" in partner(confluent, "card", "--for", "confluent").output


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("legs:\n- 2", "legs:\n- 1"), "it operates leg 1, which is ours"),
        (("cycle: deux-etapes", "cycle: autre"), "for the cycle autre"),
        (("state: active", "state: revoked"), "none is active"),
        (("card: 1", "card: 2"), "card: Must be equal to 1"),
        (("transport: https", "transport: amqp"), "relay.address: is not one for amqp"),
        (("https://confluent.example.org/relay", "https://a:b@c/relay"), "must not hold a user"),
        (("name: confluent", "name: ../x"), "small letters"),
        (("id: ", "id: 0"), "keys.0.id"),
        (("contact:", "kontakt:"), "kontakt: Unknown field"),
        (("card: 1", "card: [1"), "it is not YAML"),
    ],
)
def test_a_card_that_is_wrong_is_refused(
    pair: tuple[Path, Path], change: tuple[str, str], reason: str
) -> None:
    fumel, confluent = pair
    file = fumel.parent / "card.yaml"
    partner(confluent, "card", "--for", "fumel", "--output", str(file))
    assert change[0] in file.read_text()
    file.write_text(file.read_text().replace(*change))
    refused = partner(fumel, "add", str(file))
    assert refused.exit_code == 1
    assert reason in refused.output
    assert "No partner yet" in partner(fumel, "show").output


def test_a_weak_key_is_no_key(pair: tuple[Path, Path]) -> None:
    fumel, confluent = pair
    file = fumel.parent / "card.yaml"
    partner(confluent, "card", "--for", "fumel", "--output", str(file))
    values = yaml.safe_load(file.read_text())
    weak = bytes([1]) + bytes(31)
    values["keys"][0].update(public=keys.encode(weak), id=keys.key_id(weak))
    file.write_text(yaml.safe_dump(values))
    assert "anybody can sign" in partner(fumel, "add", str(file)).output


def test_a_key_is_replaced_in_two_steps_and_the_old_one_still_opens(
    pair: tuple[Path, Path],
) -> None:
    fumel, confluent = pair
    exchange(confluent, fumel)
    private = confluent / "secret" / "relay-key.pem"
    old = keys.load_private(private).id
    at = ("--folder", str(confluent))
    assert "There is no new key" in run("instance", "rotate-key", *at, "--switch").output
    done("instance", "rotate-key", *at)
    assert keys.load_private(private).id == old
    assert "is made already" in run("instance", "rotate-key", *at).output
    exchange(confluent, fumel, 2)
    assert list(keys_of(fumel, "confluent").values()) == ["active", "active"]
    done("instance", "rotate-key", *at, "--switch")
    new = keys.load_private(private).id
    assert new != old
    exchange(confluent, fumel, 3)
    assert keys_of(fumel, "confluent") == {new: "active", old: "retired"}
    assert not (confluent / "secret" / "relay-key.next.pem").exists()


def test_a_revoked_key_stays_revoked_whatever_a_card_says(pair: tuple[Path, Path]) -> None:
    fumel, confluent = pair
    exchange(confluent, fumel)
    key = keys.load_private(confluent / "secret" / "relay-key.pem").id
    assert "has no key" in partner(fumel, "revoke-key", "confluent", "0" * 16, "--yes").output
    assert partner(fumel, "revoke-key", "confluent", key, "--yes").exit_code == 0
    exchange(confluent, fumel, 2)
    assert keys_of(fumel, "confluent") == {key: "revoked"}
    asked = run("partner", "--folder", str(fumel), "revoke-key", "confluent", key, input="n\n")
    assert asked.exit_code == 1


def test_a_partner_is_removed_and_comes_back(pair: tuple[Path, Path]) -> None:
    fumel, confluent = pair
    exchange(confluent, fumel)
    assert partner(fumel, "remove", "confluent", "--yes").exit_code == 0
    assert "No partner yet" in partner(fumel, "show").output
    again = partner(fumel, "remove", "confluent", "--yes")
    assert "is no partner" in again.output
    exchange(confluent, fumel, 2)
    assert len(json.loads(partner(fumel, "show", "--json").output)) == 1


def test_a_card_over_amqp_needs_a_broker(pair: tuple[Path, Path]) -> None:
    fumel, _confluent = pair
    told = partner(fumel, "card", "--for", "confluent", "--transport", "amqp").output
    assert "has no relay address" in told


def test_a_card_for_everybody_holds_no_password(pair: tuple[Path, Path]) -> None:
    text = partner(pair[0], "card").output
    assert "password" not in yaml.safe_load(text)["relay"]


def test_a_shovels_address_verifies_whom_it_talks_to() -> None:
    made = card.Card(
        *("b", "B", "https://b", "b@example.org", "c", (1,), (), "amqp"),
        address="amqps://relay.example.org",
        credential=definitions.Credential("relay.a.1", "p/w+x"),
    )
    uri = made.shovel_uri
    assert uri.startswith("amqps://relay.a.1:p%2Fw%2Bx@relay.example.org:5671/%2F?heartbeat=5&")
    assert "verify=verify_peer" in uri
    assert "server_name_indication=relay.example.org" in uri


def test_a_folder_that_is_none_is_said(tmp_path: Path) -> None:
    for arguments in (("instance", "show"), ("partner", "show"), ("instance", "rotate-key")):
        told = run(*arguments)
        assert told.exit_code == 1
        assert "is no instance's folder" in told.output
    with pytest.raises(FolderError):
        folder.load_facts(Folder(tmp_path))


def test_the_doctor_looks_at_partners(pair: tuple[Path, Path]) -> None:
    fumel, confluent = pair
    exchange(confluent, fumel)
    (seen,) = json.loads(partner(fumel, "show", "--json").output)
    now = SystemClock().now()
    assert doctor_relay.partner(seen, now).found == "silent never heard"
    heard = {**seen, "heard": now.isoformat()}
    assert doctor_relay.partner(heard, now).todo == ""
    cut = {**heard, "transport": "amqp", "link": {"state": "terminated"}}
    assert "Look whether the broker of confluent answers" in doctor_relay.partner(cut, now).todo
    refusals = [{"verdict": "double_grant", "number": 1, "reason": "x"}]
    told = doctor_relay.partner({**heard, "refusals": refusals}, now)
    assert told.found == "granted one hop twice"
