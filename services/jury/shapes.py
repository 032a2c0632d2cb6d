"""The field shapes and words that the jury's messages share."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from marshmallow import ValidationError, fields

PANEL_STATES = ("draft", "convened", "sealed", "dissolved")
METHODS = ("mean", "median", "trimmed_mean")
PRIZE_KINDS = ("rent", "insurance", "support", "money", "in_kind", "public")
CAUSES = ("declared", "member", "owner", "employer")
MOST_DECIMALS = 2


class Exact(fields.Decimal):
    """A number of at most two decimals, kept exactly; from 0 to 1000."""

    def _deserialize(self, value: Any, *_where: Any, **_more: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValidationError("must be a number")
        number = Decimal(str(value))
        if not number.is_finite() or not 0 <= number <= 1000:
            raise ValidationError("must be from 0 to 1000")
        exponent = number.normalize().as_tuple().exponent
        if isinstance(exponent, int) and exponent < -MOST_DECIMALS:
            raise ValidationError("must have at most two decimals")
        return number

    def _serialize(self, value: Any, *_where: Any, **_more: Any) -> Any:
        return None if value is None else plain(Fraction(value))


def plain(value: Fraction) -> int | float:
    """A number of few decimals as JSON writes it: 7, 7.5."""
    return int(value) if value.denominator == 1 else float(value)


def shown(value: Fraction | None) -> str | None:
    """A score as it is shown: two decimals, halves up ("7.43"); never used to rank (J1)."""
    if value is None:
        return None
    hundredths = (value * 100 + Fraction(1, 2)).__floor__()
    return f"{hundredths // 100}.{hundredths % 100:02d}"
