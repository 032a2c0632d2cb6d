"""Several who edit one thing: nobody overwrites what they have not seen, secrets stay secret."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from services.chassis import tables
from services.chassis.actor import Actor
from services.chassis.work import Work
from services.registration.tables import Project
from tests.edits import Editor
from tests.registration.crew import FIRST, NOBODY, Crew, email
from tests.registration.season import SECOND, on_both, organiser_of


def editor(crew: Crew, actor: Actor | None = None) -> Editor:
    """An organiser, or somebody else."""
    made = Editor(crew.season.registration)
    return made if actor is None else Editor(made.player, actor)


@on_both
def test_of_two_who_saw_the_same_the_first_wins(crew: Crew) -> None:
    project = crew.confirmed("anne")
    anne, organiser = editor(crew, crew.actor("anne")), editor(crew)
    hers, theirs = (each.look("get_project", project=project) for each in (anne, organiser))
    after = anne.edit(hers, "change_project", project=project, title="Le premier")
    assert after == anne.look("get_project", project=project)
    for door, more in (("change_project", {"title": "Le second"}), ("check_in", {})):
        assert organiser.edit(theirs, door, project=project, **more) == "changed_meanwhile"
    assert crew.call("get_project", project=project)["title"] == "Le premier"
    assert crew.status(project) == "confirmed"


@on_both
def test_what_was_changed_while_one_waited_for_the_lock_is_seen(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    player = crew.season.registration
    if player.database.is_sqlite:
        pytest.skip("its transactions are one at a time from their start")
    project, organiser = crew.confirmed("anne"), editor(crew)
    tag = organiser.look("get_project", project=project)
    waits = threading.Event()

    def lock(work: Work, key: str, real: Any = Work.lock) -> None:
        waits.set()
        real(work, key)

    def change(work: Work) -> Any:
        """Any other command or event of the marathon; it does not know of the edit."""
        work.lock(f"marathon:{FIRST}")
        work.session.get_one(Project, project).title = "Changé entre-temps"
        work.session.flush()
        monkeypatch.setattr(Work, "lock", lock)
        edited = pool.submit(organiser.edit, tag, "change_project", project=project, pitch="Autre")
        assert waits.wait(10)
        return edited

    with ThreadPoolExecutor(1) as pool:
        assert player.within(change).result(10) == "changed_meanwhile"
    found = crew.call("get_project", project=project)
    assert (found["title"], found["pitch"]) == ("Changé entre-temps", "Une épicerie qui roule.")


def test_a_secret_decision_changes_no_tag_but_the_organisers(crew: Crew) -> None:
    project = crew.submitted("anne")
    anne, organiser = editor(crew, crew.actor("anne")), editor(crew)
    hers, theirs = (each.look("get_project", project=project) for each in (anne, organiser))
    crew.call("decide_project", project=project, decision="refused")
    assert anne.look("get_project", project=project) == hers
    assert organiser.look("get_project", project=project) != theirs
    # So her edit goes on: a refusal would have told her that something was decided.
    assert len(anne.edit(hers, "change_project", project=project, title="Encore mieux")) == 32


def test_a_secret_host_changes_no_tag_but_the_desks(crew: Crew) -> None:
    public, desk = editor(crew, NOBODY), editor(crew, organiser_of(SECOND))
    before = public.look("get_marathon", marathon=SECOND)
    own = desk.look("get_desk", marathon=SECOND)
    after = desk.edit(own, "set_host", marathon=SECOND, insee="47004")
    assert after == desk.look("get_desk", marathon=SECOND) != own
    assert public.look("get_marathon", marathon=SECOND) == before
    assert desk.edit(own, "set_host", marathon=SECOND, insee="47022") == "changed_meanwhile"
    # A host that was set is a change of the desk, also to who changes the dates there.
    late = {"marathon": SECOND, "title": "Un autre titre"}
    assert desk.edit(own, "change_marathon", **late) == "changed_meanwhile"
    # Who saw the marathon alone may still change it: nothing that they saw has changed.
    assert len(desk.edit(before, "change_marathon", **late)) == 32


def test_who_may_not_see_learns_nothing_by_a_tag(crew: Crew) -> None:
    project, stranger = crew.submitted("anne"), editor(crew, crew.known("zoe"))
    asked = {"project": project, "title": "x"}
    assert stranger.edit("0" * 32, "change_project", **asked) == "project_not_found"
    assert stranger.edit("*", "change_project", **asked) == "project_not_found"
    host = {"marathon": SECOND, "insee": "47004"}
    assert stranger.edit("*", "set_host", **host) == "forbidden"


def test_a_mail_that_is_asked_for_again_from_another_address_is_one_mail(crew: Crew) -> None:
    answers = [
        crew.season.registration.answer(
            "request_sign_in", {"email": email("anne"), "ip": ip}, actor=NOBODY, key="k"
        )
        for ip in ("192.0.2.1", "192.0.2.2")
    ]
    assert answers[0] == answers[1]
    assert len(crew.mails("anne")) == 1
    with crew.season.registration.session() as session:
        kept = str(session.execute(select(tables.idempotency)).all())
    assert "192.0.2" not in kept
    assert email("anne") not in kept
