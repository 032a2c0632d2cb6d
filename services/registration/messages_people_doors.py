"""What registration answers about people, roles, sign-in and tokens."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.chassis.catalogue import Door
from services.chassis.letters import LANGUAGES
from services.chassis.paging import Paged
from services.chassis.shapes import count, ident, insee, instant, one_of, siren, text
from services.registration.messages_cycle_doors import PageOfMarathon

ROLES = ("organiser", "juror", "coach", "scrutineer", "operator")
MACHINE_ROLES = ("organiser", "operator")


# --- asked --------------------------------------------------------------------------------


class NamedPerson(Schema):
    """Somebody, by name and address."""

    name = text(200, required=True)
    email = text(254, required=True)


class GrantRole(Schema):
    """A role for somebody; without a marathon it holds in all of them."""

    marathon = ident(load_default=None, allow_none=True)
    role = one_of(*ROLES, required=True)
    person = fields.Nested(NamedPerson, required=True)
    organisation = text(200, load_default=None, allow_none=True)
    siren = siren(load_default=None, allow_none=True)
    elected_in = insee(load_default=None, allow_none=True)
    president = fields.Boolean(load_default=False)


class TheRole(Schema):
    """A role by its id."""

    role_id = ident(required=True)


class RequestSignIn(Schema):
    """An address to which a link and a code are mailed; the gateway adds IP and language."""

    email = text(254, required=True)
    ip = fields.String(load_default="", validate=validate.Length(max=64))
    language = one_of(*LANGUAGES, load_default=LANGUAGES[0])


class Language(Schema):
    """The language of letters."""

    language = one_of(*LANGUAGES, required=True)


class SignIn(Schema):
    """The mailed token, or the address and the mailed code; a name for who has none yet."""

    token = text(200)
    email = text(254)
    code = text(20)
    name = text(200)

    @validates_schema
    def _one_way(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if ("token" in data) == ("email" in data and "code" in data):
            raise ValidationError("give either token, or email and code")


class Identify(Schema):
    """A session's or a token's secret."""

    session = text(200)
    token = text(200)

    @validates_schema
    def _one_of_both(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if len(data) != 1:
            raise ValidationError("give either session or token")


class SignOut(Schema):
    """Ends a session, or all of the same person."""

    session = text(200, required=True)
    everywhere = fields.Boolean(load_default=False)


class CreateToken(Schema):
    """A machine's token; without a marathon it holds in all of them."""

    label = text(64, required=True)
    role = one_of(*MACHINE_ROLES, required=True)
    marathon = ident(load_default=None, allow_none=True)


class TheToken(Schema):
    """A token by its id, which is no secret."""

    id = ident(required=True)


class ErasePerson(Schema):
    """Oneself, or somebody by key."""

    key = ident(load_default=None, allow_none=True)


# --- answered -----------------------------------------------------------------------------


class RoleView(Schema):
    """A role as organisers see it."""

    id = ident()
    role = one_of(*ROLES)
    marathon = fields.String(allow_none=True)
    status = one_of("granted", "revoked")
    person_key = fields.String()
    display_name = fields.String()
    email = fields.String(allow_none=True)
    organisation = fields.String(allow_none=True)
    siren = fields.String(allow_none=True)
    elected_in = fields.String(allow_none=True)
    president = fields.Boolean()
    granted_at = instant()
    revoked_at = instant(allow_none=True)


class SignInAsked(Schema):
    """The same answer for every address (RULES S2)."""

    minutes = count()


class PersonView(Schema):
    """Somebody by key and name."""

    key = fields.String(allow_none=True)
    name = fields.String()


class HeldRole(Schema):
    """A role in a marathon, or (null) in all."""

    role = one_of(*ROLES)
    marathon = fields.String(allow_none=True)


class SignedIn(Schema):
    """The session's secret, shown this once."""

    session = fields.String()
    expires_at = instant()
    person = fields.Nested(PersonView)
    roles = fields.List(fields.Nested(HeldRole))


class Identity(Schema):
    """Who a credential belongs to; a token has no key, for it is nobody."""

    key = fields.String(allow_none=True)
    name = fields.String()
    kind = one_of("session", "token")
    roles = fields.List(fields.Nested(HeldRole))


class SignedOut(Schema):
    """How many sessions ended."""

    ended = count()


class TokenView(Schema):
    """A token without its secret."""

    id = ident()
    label = fields.String()
    role = one_of(*MACHINE_ROLES)
    marathon = fields.String(allow_none=True)
    created_at = instant()
    last_used_at = instant(allow_none=True)
    revoked_at = instant(allow_none=True)


class TokenMade(TokenView):
    """A token with its secret, shown this once."""

    token = fields.String()


class Erased(Schema):
    """Who was erased, and when."""

    key = fields.String()
    at = instant()


DOORS: dict[str, Door] = {
    "grant_role": Door(GrantRole, RoleView),
    "revoke_role": Door(TheRole, RoleView),
    "list_roles": Door(PageOfMarathon, RoleView, many=True),
    "request_sign_in": Door(RequestSignIn, SignInAsked),
    "sign_in": Door(SignIn, SignedIn, memory="once"),
    "identify": Door(Identify, Identity, memory="none"),
    "sign_out": Door(SignOut, SignedOut),
    "create_token": Door(CreateToken, TokenMade, memory="once"),
    "revoke_token": Door(TheToken, TokenView),
    "list_tokens": Door(Paged, TokenView, many=True),
    "erase_person": Door(ErasePerson, Erased),
    "set_language": Door(Language, Language),
}
