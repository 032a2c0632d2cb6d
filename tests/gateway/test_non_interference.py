"""Nothing leaks: two runs that differ in a secret look the same on every surface.

The secret of the one pair is how people voted (RULES V6), until the count; that of the other
which town will be host (RULES C4), until its reveal. Both crawl all that there is to see, so a
new surface can't be forgotten.
"""

from __future__ import annotations

import functools
import io
import json
from contextlib import redirect_stdout
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from services.chassis.actor import Actor
from services.voting import passes, polls
from tests.gateway.crawl import (
    Chance,
    Surface,
    Visitor,
    events_of,
    gateway_of,
    look,
    rules_of,
)
from tests.harness import Troupe
from tests.journeys.tour import JURORS, LEGS, LENGTH, STARTS, Tour, cycle_file

LEG = LEGS[0]
VOTES = ["Poterie", "Poterie", "Laine", "Jardin", "Poterie", "Jardin", "Boulangerie"]
OTHER_VOTES = ["Jardin", "Laine", "Laine", "Laine", "Boulangerie", "Laine", "Jardin"]
HOST, OTHER_HOST = "47004", "47022"
# A refusal names its request.
SAME = {"X-Request-Id": "the-same-for-all"}


class Story(Tour):
    """A marathon up to a moment at which somebody looks."""

    def __init__(self, troupe: Troupe, votes: list[str], host: str) -> None:
        super().__init__(troupe)
        self.votes, self.host = votes, host

    def play_to_the_vote(self) -> None:
        """Ballots are in, the poll is open; the second host is set and secret."""
        file = cycle_file()
        del file["legs"][1]["host"]
        self.call("registration", "open_cycle", file=file)
        self.call("registration", "set_host", marathon=LEGS[1], insee=self.host)
        self.call("registration", "create_token", label="essai", role="organiser", marathon=LEG)
        self.until("mobilised", partial(self.is_in, LEG, "mobilised"))
        self.mobilise(LEG, STARTS[0])
        self.at(STARTS[0])
        self.until("it runs", partial(self.is_in, LEG, "running"))
        self.until("the poll is open", lambda: self.poll(LEG)["open"])
        projects = self.projects(LEG)
        self.ballots(LEG, projects)
        for juror in JURORS:
            for title, project in projects.items():
                self.score(LEG, juror, project, len(title) % 7 + len(juror) % 3)
        self.settle()

    def ballots(self, leg: str, projects: dict[str, str]) -> None:
        """Paper codes and mailed links; some vote again."""
        poll = self.poll(leg)["id"]
        codes = self.call("voting", "issue_codes", poll=poll, place="Mairie", count=7)["codes"]
        resident: dict[str, Any] = {"email": "rene@example.org", "commune": HOST}
        self.call("voting", "request_ballot", poll=poll, project=projects["Jardin"], **resident)
        for code, title in zip(codes, self.votes, strict=True):
            self.call("voting", "cast", poll=poll, code=code, project=projects[title])

    def play_to_the_end(self) -> None:
        """Counted, published, closed."""
        self.at(STARTS[0] + LENGTH)
        self.until("it has ended", partial(self.is_in, LEG, "ended"))
        self.close(LEG)
        self.settle()


FEW = {"suspect_network": 3, "suspect_domain": 3, "suspect_second": 3}
ONE = Actor("organiser-key", "Une organisatrice", frozenset({("organiser", LEG)}))


class Suspected(Story):
    """As many vote from one network and one domain as are looked at: the count waits."""

    def mobilise(self, leg: str, starts: Any) -> None:
        """With so few that it is suspicious."""
        super().mobilise(leg, starts)
        self.call("registration", "change_marathon", marathon=leg, settings=FEW)

    def ballots(self, leg: str, projects: dict[str, str]) -> None:
        """By passes, as they are given for mailed links."""
        poll = self.poll(leg)["id"]
        for number, title in enumerate(self.votes):
            domain = "trash.example" if number < 4 else f"d{number}.example"
            given: Any = {"pass": self.pass_of(f"voter {number}", domain), "ip": "192.0.2.7"}
            self.call("voting", "cast", poll=poll, project=projects[title], **given)
            self.troupe.clock.move_by(timedelta(seconds=1))

    def pass_of(self, person: str, domain: str) -> str:
        """A pass of somebody who has an address in a domain."""

        def sign(work: Any) -> str:
            poll = polls.find(work, marathon=LEG)
            secret = polls.secret_of(work, poll)
            key = passes.voter_key(secret, person)
            return passes.sign(secret, poll.id, key, STARTS[0] + LENGTH, domain)

        return str(self.troupe.voting.within(sign))

    def play_to_the_vote(self) -> None:
        """And on to where the vote is closed, and one decision is signed once."""
        super().play_to_the_vote()
        self.at(STARTS[0] + LENGTH)
        self.until("it has ended", partial(self.is_in, LEG, "ended"))
        self.until("the vote is closed", lambda: self.poll(LEG)["state"] == "closed")
        voting, poll = self.troupe.voting, {"poll": self.poll(LEG)["id"]}
        wanted = voting.call("preview_invalidation", {**poll, "domain": "trash.example"}, actor=ONE)
        names = ("domain", "to_at", "digest")
        signed = {name: wanted[name] for name in names} | {"reason": "Adresses jetables."}
        voting.call("sign_invalidation", {**poll, **signed}, actor=ONE)
        self.settle()


def visitors(story: Story) -> list[Visitor]:
    """Somebody of each kind."""
    members = story.ask("registration", "get_team", project=story.projects(LEG)["Jardin"])
    holder = next(one["key"] for one in members["members"] if one["holder"])
    member = next(one["key"] for one in members["members"] if not one["holder"])
    return [
        Visitor("stranger", "stranger-key"),
        Visitor("holder", holder),
        Visitor("member", member),
        Visitor("juror", story.key(JURORS[0]), frozenset({("juror", LEG)})),
        Visitor("scrutineer", "scrutineer-key", frozenset({("scrutineer", LEG)})),
        Visitor("coach", story.key("coline"), frozenset({("coach", LEG)})),
        Visitor("organiser", "organiser-key", frozenset({("organiser", LEG)})),
        Visitor("operator", "operator-key", frozenset({("operator", None)})),
        Visitor("mit_token", None, frozenset({("organiser", LEG)})),
    ]


ALL = Visitor("everywhere", "everywhere-key", frozenset({("organiser", None)}))


class Seen:
    """All that there was to see in one run."""

    def __init__(
        self,
        where: Path,
        votes: list[str] = VOTES,
        host: str = HOST,
        by_strangers: bool = False,
        plays: type[Story] = Story,
        only: tuple[str, ...] = (),
    ) -> None:
        logged = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(logged):
            Chance(7).into(patch)
            before = _metrics()
            self.troupe = Troupe(where)
            self.story = plays(self.troupe, votes, host)
            self.story.play_to_the_vote()
            people = [] if by_strangers else [*visitors(self.story), ALL]
            self.look([each for each in people if not only or each.name in only])
            self.events = events_of(self.troupe)
            # What another test counted before, and nothing here, is no difference of the runs.
            self.metrics = {
                name: value - before.get(name, 0)
                for name, value in _metrics().items()
                if value != before.get(name, 0)
            }
        self.logged = [_plain_line(line) for line in logged.getvalue().splitlines()]

    def look(self, people: list[Visitor]) -> None:
        """What these and strangers see now."""
        self.app = gateway_of(self.troupe, people)
        self.surfaces: dict[str, Surface] = {}
        self.shown: set[str] = set()
        for visitor in (None, *people):
            name = visitor.name if visitor else "nobody"
            self.surfaces[name], shown = look(self.app, self.troupe, visitor, SAME)
            self.shown |= shown


def _metrics() -> dict[str, float]:
    """Every counter of this process; how long something took is the machine's affair."""
    return {
        f"{sample.name}{sorted(sample.labels.items())}": sample.value
        for metric in REGISTRY.collect()
        if metric.name.startswith("marathon")
        for sample in metric.samples
        if sample.name.endswith(("_total", "_count"))
    }


def _plain_line(line: str) -> str:
    """A log line without what is the machine's: the instant, how long it took."""
    return " ".join(
        word for word in line.split()[2:] if not word.startswith(("ms=", "correlation="))
    )


def differing(one: Surface, other: Surface) -> list[str]:
    """The addresses that do not look the same."""
    return sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path))


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return Seen(tmp_path_factory.mktemp("one"))


@pytest.fixture(scope="module")
def otherwise(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """The same with other choices, and with another secret host town."""
    return Seen(tmp_path_factory.mktemp("other"), OTHER_VOTES, OTHER_HOST)


@pytest.fixture(scope="module")
def voted_otherwise(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """With other choices alone, for whoever may see the secret host town."""
    return Seen(tmp_path_factory.mktemp("voted"), OTHER_VOTES, only=(ALL.name,))


# --- how people voted ---------------------------------------------------------------------


def test_choices_show_nowhere_before_the_count(
    seen: Seen, otherwise: Seen, voted_otherwise: Seen
) -> None:
    other = otherwise.surfaces | voted_otherwise.surfaces
    found = {who: differing(seen.surfaces[who], other[who]) for who in seen.surfaces}
    assert chosen(seen) != chosen(otherwise) == chosen(voted_otherwise)
    assert found == {who: [] for who in seen.surfaces}


def test_choices_and_host_show_in_no_event(seen: Seen, otherwise: Seen) -> None:
    assert json.dumps(seen.events) == json.dumps(otherwise.events)


def test_choices_and_host_show_in_no_log_line_and_no_metric(seen: Seen, otherwise: Seen) -> None:
    assert seen.logged == otherwise.logged
    assert seen.metrics == otherwise.metrics


@pytest.mark.timeout(400)  # two runs of its own
def test_choices_show_nowhere_while_ballots_wait_for_a_look(tmp_path: Path) -> None:
    """Cases, numbers, decisions and pages are the same whatever was chosen (RULES V6)."""
    (tmp_path / "other").mkdir()
    who_looks = ("stranger", "juror", "organiser")
    one = Seen(tmp_path, plays=Suspected, only=who_looks)
    other = Seen(tmp_path / "other", OTHER_VOTES, plays=Suspected, only=who_looks)
    poll = one.story.poll(LEG)["id"]
    cases = one.surfaces["organiser"][f"/api/v1/polls/{poll}/cases"]
    assert (cases[0], cases[2].count(b'"open"')) == (200, 2)
    page = one.surfaces["organiser"][f"/bureau/marathons/{LEG}/vote"][2].decode()
    assert "trash.example" in page and "Adresses jetables." in page
    for who in ("nobody", "stranger", "juror"):
        assert one.surfaces[who][f"/api/v1/polls/{poll}/cases"][0] in (401, 403)
    found = {who: differing(one.surfaces[who], other.surfaces[who]) for who in one.surfaces}
    assert found == {who: [] for who in one.surfaces}
    assert json.dumps(one.events) == json.dumps(other.events)
    assert (one.logged, one.metrics) == (other.logged, other.metrics)
    # And what was chosen was not the same.
    assert chosen(one) != chosen(other)


def chosen(seen: Seen) -> list[Any]:
    """Ballots by choice, which nobody can ask for."""
    query = text("SELECT choice, count(*) FROM ballots GROUP BY choice ORDER BY choice")
    with seen.troupe.voting.session() as session:
        return [tuple(row) for row in session.execute(query)]


def test_a_leak_would_be_found(tmp_path: Path) -> None:
    """The comparison sees what it shall see: a poll that tells who leads."""
    real = polls.view

    @functools.wraps(real)
    def leaking(work: Any, *given: Any, **more: Any) -> Any:
        view = real(work, *given, **more)
        query = text("SELECT choice, count(*) FROM ballots GROUP BY choice ORDER BY 2 DESC, 1")
        order = [row[0] for row in work.session.execute(query)]
        rank = {project: place for place, project in enumerate(order)}
        view["candidates"] = sorted(view["candidates"], key=lambda one: rank.get(one["id"], 99))
        return view

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(polls, "view", leaking)
        one = Seen(tmp_path, by_strangers=True)
        other_folder = tmp_path / "other"
        other_folder.mkdir()
        other = Seen(other_folder, OTHER_VOTES, by_strangers=True)
    assert any(
        "/poll" in path for path in differing(one.surfaces["nobody"], other.surfaces["nobody"])
    )


# --- the secret host town -----------------------------------------------------------------


def test_the_secret_host_shows_on_its_organisers_desk_alone(seen: Seen, otherwise: Seen) -> None:
    found = {who: differing(seen.surfaces[who], otherwise.surfaces[who]) for who in seen.surfaces}
    everywhere = found.pop("everywhere")
    assert found == {who: [] for who in found}
    # And whoever organises all marathons sees it, where it belongs.
    assert {path.partition("?")[0] for path in everywhere} == {
        f"/api/v1/marathons/{LEGS[1]}/desk",
        f"/bureau/marathons/{LEGS[1]}",
        "/faire/ville-hote",
        "/faire/reglages",
    }


# --- nothing is forgotten -----------------------------------------------------------------


def test_every_surface_was_seen(seen: Seen) -> None:
    """Every address that can be looked at showed something to somebody, now or after the end."""
    seen.story.play_to_the_end()
    unseen = {rule.endpoint for rule in rules_of(seen.app)} - seen.shown
    for visitor in (ALL, *visitors(seen.story)):
        if unseen:
            unseen -= look(seen.app, seen.troupe, visitor)[1]
    assert unseen == set()
