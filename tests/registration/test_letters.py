"""Letters of registration: in the language that somebody used last, and no longer than a link."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.registration.tables import Person
from tests.registration.crew import FIRST, NOBODY, Crew, email

MINUTES = timedelta(minutes=30)


def ask(crew: Crew, name: str = "anne", **more: Any) -> Any:
    return crew.call("request_sign_in", NOBODY, email=email(name), **more)


def signed_in(crew: Crew, language: str, name: str = "anne") -> None:
    """Signs somebody in who asked for it in this language."""
    crew.troupe.clock.move_by(timedelta(seconds=1))  # so that mails have an order
    ask(crew, name, language=language)
    token = crew.text(name).split("token=")[1].split()[0]
    crew.call("sign_in", NOBODY, token=token)


def language_of(crew: Crew, name: str = "anne") -> Any:
    return crew.row(Person, crew.key(name)).language


def newest(crew: Crew) -> Any:
    return crew._mails()[-1]


@pytest.mark.parametrize(
    ("given", "language", "subject", "said"),
    [
        ({}, "fr", "Votre lien de connexion", "Le lien et le code servent une fois"),
        ({"language": "en"}, "en", "Your link to sign in", "The link and the code work once"),
    ],
)
def test_link_is_mailed_in_the_language_asked_for_until_it_ends(
    crew: Crew, given: dict[str, str], language: str, subject: str, said: str
) -> None:
    ask(crew, **given)
    mail = newest(crew)
    assert (mail.language, mail.subject) == (language, subject)
    assert said in mail.text
    assert said in mail.html
    assert f'<html lang="{language}">' in mail.html
    assert mail.expires_at == crew.troupe.clock.now() + MINUTES


def test_language_that_is_not_there_is_refused(crew: Crew) -> None:
    assert crew.refused("request_sign_in", NOBODY, email="a@example.org", language="de") == (
        "request_invalid"
    )


def test_later_letters_follow_the_language_last_used(crew: Crew) -> None:
    crew.decided("accepted")
    crew.forget_mails()
    signed_in(crew, "en")
    assert language_of(crew) == "en"
    crew.call("publish_decisions", marathon=FIRST)
    (mail,) = [row for row in crew._mails() if "accepted" in row.subject]
    assert mail.subject == "Your project “Projet de anne” is accepted"
    assert "Confirm that I take part" in mail.html
    # It holds no secret: it waits for its server as long as it takes.
    assert mail.expires_at is None
    signed_in(crew, "fr")
    assert language_of(crew) == "fr"


def test_who_never_chose_is_written_to_in_french(crew: Crew) -> None:
    crew.accepted()
    assert language_of(crew) is None
    assert newest(crew).subject == "Votre projet « Projet de anne » est retenu"


def test_asking_in_another_s_name_changes_nothing(crew: Crew) -> None:
    """Only who reads the mail and signs in has said what they read."""
    crew.known("anne")
    ask(crew, language="en")
    assert language_of(crew) is None


def test_language_is_chosen_by_a_person_and_goes_with_them(crew: Crew) -> None:
    anne = crew.known("anne")
    assert crew.call("set_language", anne, language="en") == {"language": "en"}
    assert language_of(crew) == "en"
    assert crew.call("my_data", anne)["person"]["language"] == "en"
    assert crew.refused("set_language", anne, language="de") == "request_invalid"
    assert crew.refused("set_language", NOBODY, language="fr") == "person_missing"
    crew.call("erase_person", anne)
    assert language_of(crew) is None


def test_name_and_title_add_no_line_to_another_s_mail(crew: Crew) -> None:
    evil = "Zoé\u2028Bcc: all@example.org\r\n\r\nhttps://evil.example"
    project = crew.confirmed("anne", title="Atelier\u2029Cc: b@example.org")
    bruno = crew.known("bruno")
    with crew.season.registration.session() as session:
        session.get_one(Person, bruno.key).name = evil
    crew.forget_mails()
    crew.call("request_to_join", bruno, project=project)
    mail = newest(crew)
    assert mail.subject == (
        "Zoé Bcc: all@example.org https://evil.example souhaite rejoindre votre équipe "
        "« Atelier Cc: b@example.org »"
    )
    lines = mail.text.splitlines()
    assert not [line for line in lines if line.startswith(("Bcc", "Cc", "https://evil"))]
