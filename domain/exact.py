"""Exact numbers: ratios are fractions written "n/d", never floats (INV-28)."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Any

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema

_TEXT = re.compile(r"-?[0-9]{1,18}(/[0-9]{1,18})?", re.ASCII)


def exact(value: Any) -> Fraction:
    """Read an exact fraction from a Fraction, an integer, or text such as "3/10" or "1".

    Raises:
        ValueError: the value is a float, a decimal text, a boolean, has the denominator 0, or is no number at all.
    """
    if isinstance(value, Fraction):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Fraction(value)
    if isinstance(value, str) and _TEXT.fullmatch(value):
        numerator, _, denominator = value.partition("/")
        if denominator and int(denominator) == 0:
            raise ValueError("a fraction needs a denominator other than 0")
        return Fraction(int(numerator), int(denominator or "1"))
    raise ValueError('write a ratio as an exact fraction, for example "3/10"; decimals are not accepted')


def fraction_text(value: Fraction) -> str:
    """Write a fraction in lowest terms as "n/d", the only form in events and files; 1 is "1/1"."""
    return f"{value.numerator}/{value.denominator}"


ExactFraction = Annotated[
    Fraction,
    PlainValidator(exact),
    PlainSerializer(fraction_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^-?[0-9]{1,18}(/[0-9]{1,18})?$"}),
]
"""A ratio in a model: refuses floats, travels as "n/d" in lowest terms (so equal ratios have equal bytes)."""

Whole = Annotated[int, Field(strict=True)]
"""An integer that refuses 7.0, "7" and true."""

Count = Annotated[int, Field(strict=True, ge=0)]
"""A number of things, days or yuan: an integer of at least 0."""

Positive = Annotated[int, Field(strict=True, ge=1)]
"""A number of things or days that cannot be none."""
