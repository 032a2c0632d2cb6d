"""What organisers of all marathons do about mails that are not on their way."""

from __future__ import annotations

from gateway.desk.actions.action import Action
from gateway.languages import N_

SERVICES = (("inscriptions", "registration"), ("vote", "voting"))


# A table: one entry, one action, for each service that writes to people.
def _of(name: str, service: str) -> tuple[Action, ...]:
    return (
        Action(
            f"renvoyer-les-courriels-{name}", f"retry_mails_of_{service}",
            N_("Send the mails again"), N_("Send again"), N_("The mails are being sent again."),
            given=("mail",),
            warning=N_("Do this once the reason is mended: a wrong setting, a mail server that was "
                       "away. It takes a minute."),
        ),
        Action(
            f"abandonner-un-courriel-{name}", f"drop_mail_of_{service}",
            N_("Drop a mail"), N_("Drop"), N_("The mail is dropped."), danger=True,
            warning=N_("The mail is gone for good, and nobody is told."),
        ),
    )  # fmt: skip


ACTIONS = tuple(action for name, service in SERVICES for action in _of(name, service))
