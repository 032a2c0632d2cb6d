"""The doors of every service that writes to people: how its mails do, for the organisers."""

from __future__ import annotations

from typing import Any

from services.chassis import mail_troubles
from services.chassis.doors import command, query
from services.chassis.work import Work

Request = dict[str, Any]


class MailDoors:
    """To be inherited by a service's class; what they take and give is in ``mail_messages``."""

    @query
    def get_mail_state(self, work: Work, request: Request) -> Any:
        """How many mails wait, since when, and what the last one failed of."""
        return mail_troubles.state(work, **request)

    @query
    def list_mail_troubles(self, work: Work, request: Request) -> Any:
        """The mails that are not sent any more."""
        return mail_troubles.troubles(work, **request)

    @command
    def retry_mails(self, work: Work, request: Request) -> Any:
        """Sends one, or all, at once."""
        return mail_troubles.retry(work, **request)

    @command
    def drop_mail(self, work: Work, request: Request) -> Any:
        """Drops one for good."""
        return mail_troubles.drop(work, **request)
