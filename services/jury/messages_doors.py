"""What the jury is asked, and what it answers."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.chassis.paging import Paged
from services.chassis.shapes import count, ident, instant, one_of, text
from services.jury.messages_events import PalmaresState, PanelState, PrizeGiven, Rank
from services.jury.shapes import CAUSES, METHODS, PANEL_STATES, PRIZE_KINDS, Exact

SLUG = validate.Regexp(r"^[a-z][a-z0-9_]{0,39}\Z")


class TheMarathon(Schema):
    """A marathon by its id."""

    marathon = ident(required=True)


class PageOfMarathon(TheMarathon, Paged):
    """A page of a list of a marathon's."""


# --- grid ---------------------------------------------------------------------------------


class CriterionLine(Schema):
    """A criterion: values go from 0 to ``scale_max``; its weight from 0.01 to 1000."""

    id = fields.String(required=True, validate=SLUG)
    label = text(200, required=True)
    weight = Exact(load_default=1)
    scale_max = fields.Integer(strict=True, load_default=10, validate=validate.Range(1, 100))
    required = fields.Boolean(load_default=True)


class SetGrid(Schema):
    """The whole grid; what is left out is as by default."""

    marathon = ident(required=True)
    criteria = fields.List(
        fields.Nested(CriterionLine), required=True, validate=validate.Length(1, 30)
    )
    method = one_of(*METHODS, load_default="mean")
    normalise = fields.Boolean(load_default=False)
    tie_breaks = fields.List(
        text(60), load_default=list, validate=validate.Length(max=32),
        metadata={"description": "criterion:<id>, first_places or president, in order"},
    )  # fmt: skip


class GridView(Schema):
    """A grid; locked once a card has come in."""

    marathon = ident()
    criteria = fields.List(fields.Nested(CriterionLine))
    method = one_of(*METHODS)
    normalise = fields.Boolean()
    tie_breaks = fields.List(fields.String())
    locked_at = instant(allow_none=True)


# --- panel --------------------------------------------------------------------------------


class JurorLine(Schema):
    """A member of the panel; an erased person has no name."""

    key = ident()
    name = fields.String()
    organisation = fields.String(allow_none=True)
    president = fields.Boolean()


class Recuse(Schema):
    """Who is recused for a project, and why; without ``juror_key`` whoever asks."""

    marathon = ident(required=True)
    project = ident(required=True)
    reason = text(2000, required=True)
    juror_key = ident(load_default=None, allow_none=True)


class RecusalLine(Schema):
    """A recusal; "declared" by the juror or an organiser, or found."""

    juror_key = ident()
    project = ident()
    cause = one_of(*CAUSES)
    reason = fields.String()


class PanelView(PanelState):
    """A panel with its members, recusals and each project's quorum."""

    status = one_of(*PANEL_STATES)
    jurors = fields.List(fields.Nested(JurorLine))
    quorum = fields.Dict(keys=fields.String(), values=fields.Integer())
    recusals = fields.List(fields.Nested(RecusalLine))
    convened_at = instant(allow_none=True)


class Convened(PanelView):
    """A panel without names: an answer to a command is kept under its idempotency key."""

    class Meta:
        exclude = ("jurors",)


# --- scorecards ---------------------------------------------------------------------------


class TheScorecard(Schema):
    """One's own card for a project."""

    marathon = ident(required=True)
    project = ident(required=True)


class SubmitScorecard(TheScorecard):
    """Values by criterion, or an abstention; ``juror_key`` can only be one's own."""

    values = fields.Dict(
        keys=fields.String(validate=SLUG), values=Exact(), load_default=dict,
        validate=validate.Length(max=30),
    )  # fmt: skip
    abstain = fields.Boolean(load_default=False)
    comment = text(4000, 0, load_default="")
    juror_key = ident(load_default=None, allow_none=True)


class CardView(Schema):
    """One version of one's own card; not counted while a required criterion is missing."""

    project = ident()
    version = count(1)
    values = fields.Dict(keys=fields.String(), values=Exact())
    abstained = fields.Boolean()
    comment = fields.String()
    submitted_at = instant()
    counted = fields.Boolean()
    missing = fields.List(fields.String())
    score = fields.String(allow_none=True, metadata={"description": "out of 10, two decimals"})


class MyCards(Schema):
    """A project to score, one's newest card for it and all versions of it."""

    project = ident()
    title = fields.String()
    team_number = fields.Integer(allow_none=True)
    recused = fields.Boolean()
    card = fields.Nested(CardView, allow_none=True)
    versions = fields.List(fields.Nested(CardView))


class ProgressLine(Schema):
    """A project's cards; the three figures are null before the end and for jurors."""

    project = ident()
    cards_in = count(metadata={"description": "scored completely, or abstained"})
    cards_expected = count()
    counted = count()
    quorum = count()
    has_quorum = fields.Boolean()
    mean = fields.String(allow_none=True)
    median = fields.String(allow_none=True)
    spread = fields.String(allow_none=True)
    disagreement = fields.Boolean()


# --- deliberation -------------------------------------------------------------------------


class Placement(Schema):
    """A project put at a rank; the reason may be its own or the common one."""

    project = ident(required=True)
    rank = count(1, required=True)
    reason = text(2000, 0, load_default="", allow_none=True)


class Deliberate(Schema):
    """All placements; an empty list keeps to the ranking."""

    marathon = ident(required=True)
    placements = fields.List(
        fields.Nested(Placement), load_default=list, validate=validate.Length(max=100)
    )
    reason = text(4000, 0, load_default="", allow_none=True)


class PlaceLine(Schema):
    """A project's rank by the cards, and after the deliberation."""

    project = ident()
    rank = fields.Integer(allow_none=True)
    shared = fields.Boolean()
    score = fields.String(allow_none=True, metadata={"description": "out of 10, two decimals"})
    exact = fields.String(allow_none=True, metadata={"description": "the score as a fraction"})
    cards = count()
    quorum = count()
    spread = fields.String(allow_none=True)
    disagreement = fields.Boolean()
    final_rank = fields.Integer(allow_none=True)
    final_shared = fields.Boolean()


class DeliberationLine(Schema):
    """The deliberation that holds."""

    number = count(1)
    placements = fields.List(fields.Nested(Placement))
    reason = fields.String()
    at = fields.String()


class RankingView(Schema):
    """The ranking; ``problem`` says why a deliberation no longer fits it."""

    marathon = ident()
    ranking = fields.List(fields.Nested(PlaceLine))
    deliberation = fields.Nested(DeliberationLine, allow_none=True)
    problem = fields.String(allow_none=True)


# --- prizes and palmarès ------------------------------------------------------------------


class AddPrize(Schema):
    """A prize: ``quantity`` in months, hours, euros or pieces, as its kind has it."""

    marathon = ident(required=True)
    kind = one_of(*PRIZE_KINDS, required=True)
    title = text(200, required=True)
    quantity = fields.Integer(strict=True, load_default=1, validate=validate.Range(1, 10_000_000))
    donor = text(200, 0, load_default="")
    cap_eur = fields.Integer(
        strict=True, load_default=None, allow_none=True, validate=validate.Range(0, 10_000_000)
    )
    premises = ident(load_default=None, allow_none=True)
    condition = text(2000, load_default=None, allow_none=True)
    expires_at = instant(load_default=None, allow_none=True)
    exclusive = fields.Boolean(
        load_default=False,
        metadata={"description": "its team gets no other prize of the jury"},
    )


class PrizeView(AddPrize):
    """A prize; ``projects`` are those who get it, empty for the public until published."""

    id = ident()
    projects = fields.List(ident())


class ThePrize(Schema):
    """A prize by its id."""

    prize = ident(required=True)


class AwardPrize(ThePrize):
    """To which project; null takes the prize back."""

    project = ident(required=True, allow_none=True)


class PublishPalmares(Schema):
    """A correction of what is published needs a reason."""

    marathon = ident(required=True)
    reason = text(2000, load_default=None, allow_none=True)


class GetPalmares(Schema):
    """The newest edition, or the one of a number."""

    marathon = ident(required=True)
    number = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(min=1))


class RankNamed(Rank):
    """A rank with the project's name."""

    project_title = fields.String()
    team_number = fields.Integer(allow_none=True)


class PrizeNamed(PrizeGiven):
    """A prize given, with the project's name."""

    project_title = fields.String()
    team_number = fields.Integer(allow_none=True)


class EditionLine(Schema):
    """One edition of the palmarès."""

    number = count(1)
    digest = fields.String()
    published_at = instant()
    reason = fields.String(allow_none=True)


class PalmaresView(PalmaresState):
    """An edition; ``document`` is exactly what its digest is of."""

    ranks = fields.List(fields.Nested(RankNamed))
    prizes = fields.List(fields.Nested(PrizeNamed))
    reason = fields.String(allow_none=True)
    document = fields.Dict()
    editions = fields.List(fields.Nested(EditionLine))


class MyData(Schema):
    """All that is held on somebody here (RULES D2)."""

    cards = fields.List(fields.Dict())
    recusals = fields.List(fields.Dict())
    recusals_declared = fields.List(fields.Dict())
    deliberations = fields.List(fields.Dict())
    awards = fields.List(fields.Dict())
    editions = fields.List(fields.Dict())
    mails = fields.List(fields.Dict())
    answers = fields.List(fields.Dict())
    role_copies = fields.List(fields.Dict())
