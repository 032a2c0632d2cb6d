"""What voting is asked, and what it answers."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.chassis.letters import LANGUAGES
from services.chassis.paging import Paged
from services.chassis.shapes import count, ident, instant, one_of, text
from services.voting.rules import RULES
from services.voting.shapes import CASES, STATES, TIE_RULES, WHO_MAY_VOTE


class Visited(Schema):
    """``visitor`` keeps one visitor's order of candidates."""

    visitor = fields.String(load_default="", validate=validate.Length(max=128))


class GetPoll(Visited):
    """By its id or by its marathon."""

    poll = ident()
    marathon = ident()
    with_voters = fields.Boolean(
        load_default=True,
        metadata={"description": "false: voters is null, for they are not counted"},
    )

    @validates_schema
    def _one(self, data: dict[str, Any], **_more: Any) -> None:
        if ("poll" in data) == ("marathon" in data):
            raise ValidationError("give either poll or marathon")


class Candidate(Schema):
    """A project that can be voted for."""

    id = ident()
    title = fields.String()
    pitch = fields.String()
    team_number = fields.Integer(allow_none=True)


class PollView(Schema):
    """A poll as a visitor sees it, the candidates in an order of the visitor's own."""

    id = ident()
    marathon = ident()
    title = fields.String(metadata={"description": "the marathon's title"})
    state = one_of("draft", *STATES)
    open = fields.Boolean(metadata={"description": "whether a ballot is accepted right now"})
    opens_at = instant(allow_none=True)
    closes_at = instant(allow_none=True)
    rule = one_of(*TIE_RULES)
    who_may_vote = one_of(*WHO_MAY_VOTE)
    elsewhere_may_vote = fields.Boolean()
    candidates = fields.List(fields.Nested(Candidate))
    voters = count(allow_none=True, metadata={"description": "how many have voted, never for whom"})


class PreparePoll(Visited):
    """Without instants the window is the marathon's own."""

    marathon = ident(required=True)
    opens_at = instant(load_default=None, allow_none=True)
    closes_at = instant(load_default=None, allow_none=True)


class ThePoll(Schema):
    """A poll by its id."""

    poll = ident(required=True)


class PageOfPoll(ThePoll, Paged):
    """A page of a list of a poll's."""


class LongPageOfPoll(ThePoll, Paged):
    """A page of a list that has as many lines as a poll has ballots."""

    limit = fields.Integer(
        strict=True, load_default=RULES.page, validate=validate.Range(1, RULES.page)
    )


class IssueCodes(Schema):
    """Codes for one place, printed together."""

    poll = ident(required=True)
    place = fields.String(required=True, validate=validate.Length(1, 200))
    count = fields.Integer(required=True, strict=True, validate=validate.Range(1, RULES.most_codes))


class Batch(Schema):
    """A batch of codes without the codes."""

    batch = ident()
    place = fields.String()
    size = count()
    used = count()
    state = one_of("issued", "revoked")
    issued_at = instant()
    revoked_at = instant(allow_none=True)


class IssuedCodes(Batch):
    """A new batch with its codes, shown this once and stored hashed."""

    codes = fields.List(fields.String())


class RevokeCodes(Schema):
    """A batch whose ballots shall not count."""

    poll = ident(required=True)
    batch = ident(required=True)


class Case(Schema):
    """Ballots that look suspicious together, and why; never for what they are (RULES V15).

    ``again``: ballots of a domain that was invalidated before they came. ``remaining`` are those
    that are not invalidated.
    """

    case = ident()
    kind = one_of(*CASES)
    domain = fields.String(allow_none=True)
    from_at = instant(metadata={"description": "when the first of them was accepted"})
    to_at = instant(metadata={"description": "by when all of them were"})
    limit = count(metadata={"description": "from how many voters on it is a case"})
    ballots = count()
    voters = count()
    remaining = count()
    state = one_of("open", "released", "invalidated")
    found_at = instant()
    resolved_at = instant(allow_none=True)
    reason = fields.String(allow_none=True, metadata={"description": "why it was released"})
    by_name = fields.String(allow_none=True)


class ReleaseCase(ThePoll):
    """A case whose ballots shall count; the reason is published in the record."""

    case = ident(required=True)
    reason = text(2000, required=True)


class Conditions(ThePoll):
    """Which ballots: all that is given has to hold, of the cases one. Never a choice, never a
    project (RULES V9). ``to_at`` is the present moment unless it is given."""

    cases = fields.List(ident(), load_default=list, validate=validate.Length(max=200))
    domain = text(254, load_default=None, allow_none=True)
    from_at = instant(load_default=None, allow_none=True)
    to_at = instant(load_default=None, allow_none=True)

    @validates_schema
    def _some(self, data: dict[str, Any], **_more: Any) -> None:
        if not (data["cases"] or data["domain"] or data["from_at"]):
            raise ValidationError("give a case, a domain or from_at")
        if data["from_at"] and data["to_at"] and data["to_at"] <= data["from_at"]:
            raise ValidationError("to_at must be after from_at", "to_at")


class Asked(Schema):
    """Conditions as they were understood."""

    cases = fields.List(ident())
    domain = fields.String(allow_none=True)
    from_at = instant(allow_none=True)
    to_at = instant(allow_none=True)


class Preview(Asked):
    """What an invalidation would take out; ``digest`` is of exactly which."""

    poll = ident()
    ballots = count()
    voters = count()
    pending = count(metadata={"description": "requests to vote that are not confirmed yet"})
    digest = fields.String()


class SignInvalidation(Conditions):
    """The conditions of a preview with its ``to_at`` and ``digest``; the reason is published in
    the record."""

    reason = text(2000, required=True)
    digest = text(64, required=True)


class SignRelease(ThePoll):
    """To count although cases are open; the reason is published in the record."""

    reason = text(2000, required=True)


class TheDecision(ThePoll):
    """A decision by its id."""

    decision = ident(required=True)


class Sign(TheDecision):
    """The second signature, under what has this ``digest``."""

    digest = text(64, required=True)


class DecisionView(Asked):
    """What two organisers decide before the count; carried out with the second signature.

    ``signers`` are person_keys.
    """

    decision = ident()
    kind = one_of("invalidation", "release")
    state = one_of("signed", "applied", "withdrawn")
    reason = fields.String()
    digest = fields.String()
    ballots = count()
    voters = count()
    pending = count()
    signers = fields.List(fields.String())
    first_name = fields.String()
    first_at = instant()
    second_name = fields.String(allow_none=True)
    second_at = instant(allow_none=True)
    withdrawn_name = fields.String(allow_none=True)
    withdrawn_at = instant(allow_none=True)


class RequestBallot(Schema):
    """``commune`` is an INSEE code, or "elsewhere"; declared, not verified (RULES V14)."""

    poll = ident(required=True)
    email = fields.String(required=True, validate=validate.Length(1, 320))
    commune = fields.String(
        required=True, validate=validate.Regexp(r"^(\d[\dAB]\d{3}|elsewhere)\Z")
    )
    project = ident(required=True)
    ip = fields.String(load_default="", validate=validate.Length(max=64))
    language = one_of(*LANGUAGES, load_default=LANGUAGES[0])


class Requested(Schema):
    """The same for every address (RULES S2)."""

    poll = ident()
    minutes = count(metadata={"description": "how long the mailed link lives"})


class LookAtProof(ThePoll):
    """The mailed link's token, to see what it would vote for."""

    token = fields.String(required=True, validate=validate.Length(1, 200))


class Looked(Schema):
    """What was chosen when asking; null where it is no candidate any more."""

    poll = ident()
    project = fields.String(allow_none=True)
    title = fields.String(allow_none=True)


class ExchangeProof(Schema):
    """The mailed link's token, or the address and the mailed code."""

    poll = ident(required=True)
    token = fields.String(validate=validate.Length(1, 200))
    email = fields.String(validate=validate.Length(1, 320))
    code = fields.String(validate=validate.Length(1, 20))

    @validates_schema
    def _one(self, data: dict[str, Any], **_more: Any) -> None:
        if set(data) - {"poll"} not in ({"token"}, {"email", "code"}):
            raise ValidationError("give either token, or email and code")


class Pass(Schema):
    """A pass, good for voting and voting again until the poll closes.

    ``expires_at`` is when it closes as far as one knows; a pass given before the closing was
    moved goes with it.

    Not what was chosen when asking: this answer is kept for who repeats the exchange, and must
    not link voter and choice (RULES V7).
    """

    pass_ = fields.String(data_key="pass")
    expires_at = instant()


class Cast(Schema):
    """A ballot, with a pass or with a paper code."""

    poll = ident(required=True)
    project = ident(required=True)
    pass_ = fields.String(data_key="pass", validate=validate.Length(1, 1000))
    code = fields.String(validate=validate.Length(1, 40))
    ip = fields.String(load_default="", validate=validate.Length(max=64))

    @validates_schema
    def _one(self, data: dict[str, Any], **_more: Any) -> None:
        if ("pass_" in data) == ("code" in data):
            raise ValidationError("give either pass or code")


class LentPoll(Schema):
    """What a gateway must know to accept ballots by itself, for a minute (DESIGN §6).

    ``kept_out`` are voter keys; the keys are hexadecimal.
    """

    poll = ident()
    pass_key = fields.String()
    batch_key = fields.String()
    closes_at = instant()
    candidates = fields.List(ident())
    kept_out = fields.List(fields.String())


class OpenLane(ThePoll):
    """A gateway's new way into the stream of ballots."""

    lane = fields.String(required=True, validate=validate.Length(1, 64))


class OpenedLane(Schema):
    """The lane, now that its batches are waited for at the closing."""

    poll = ident()
    lane = fields.String()


class Receipt(Schema):
    """The tracker, shown this once: it does not show the choice (RULES V5)."""

    poll = ident()
    receipt = fields.String()
    accepted_at = instant()


class CheckReceipt(Schema):
    """A receipt to look up after the count."""

    poll = ident(required=True)
    receipt = fields.String(required=True, validate=validate.Length(1, 64))


class Checked(Schema):
    """Whether the receipt is on the public list of counted ballots."""

    poll = ident()
    receipt = fields.String()
    counted = fields.Boolean()


class Receipts(Schema):
    """The counted trackers, sorted; ``digest`` is the SHA-256 of the whole list, one a line."""

    items = fields.List(fields.String(metadata={"title": "receipt"}))
    next = fields.String(allow_none=True)
    total = count()
    digest = fields.String()


class RecordView(Schema):
    """The record of the poll; ``digest`` is the SHA-256 of its canonical JSON."""

    poll = ident()
    marathon = ident()
    record = fields.Dict()
    digest = fields.String()


class GetResults(Schema):
    """The results of a marathon's poll."""

    marathon = ident(required=True)


class Result(Schema):
    """One project's votes."""

    project = ident()
    title = fields.String()
    raw = count()
    counted = count()
    spoilt = fields.Boolean()


class Results(Schema):
    """The outcome, once counted; most votes first."""

    poll = ident()
    marathon = ident()
    rule = one_of(*TIE_RULES)
    results = fields.List(fields.Nested(Result))
    tie = fields.Boolean()
    winners = fields.List(ident())
    seed = fields.String(allow_none=True)
    accepted = count()
    counted_ballots = count()
    replaced = count()
    invalidated = count()
    spoilt = count()
    counted_at = instant()
    record_digest = fields.String()
    box_digest = fields.String()


class MyData(Schema):
    """All that is held on somebody here, but their choice (RULES D2, V6)."""

    polls = fields.List(fields.Dict())
    signatures = fields.List(fields.Dict())
    mails = fields.List(fields.Dict())
    answers = fields.List(fields.Dict())
    role_copies = fields.List(fields.Dict())
