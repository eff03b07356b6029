"""The months of student aid, and what one of them is worth (R-14; P22).

A yearly rate is paid in teaching months, ten of them by default: September to June, in two terms. The months' amounts
are whole fen and sum to the yearly rate exactly, so no month is rounded twice.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from domain.funding import FEN
from domain.policy_parameters import PolicyParameters

TERMS: Final = (1, 2)


def month_of(day: date) -> str:
    """Return the civil month of a day, "2026-09"."""
    return f"{day.year:04d}-{day.month:02d}"


def month_after(start: str, number: int) -> str:
    """Return the nth month counted from a first one, which is number 1."""
    year, month = int(start[:4]), int(start[5:])
    months = year * 12 + month - 1 + number - 1
    return f"{months // 12:04d}-{months % 12 + 1:02d}"


def number_of(start: str, month: str) -> int:
    """Return which month counted from a first one a month is; 0 or less for one that comes before it."""
    return (int(month[:4]) - int(start[:4])) * 12 + int(month[5:]) - int(start[5:]) + 1


def first_month(year: int, study_year: int, parameters: PolicyParameters) -> str:
    """Return the first teaching month of a year of study.

    Args:
        year: of graduation; the first year of study begins in its autumn.
        study_year: 1 or 2.
        parameters: of the policy.
    """
    return f"{year + study_year - 1:04d}-{parameters.aid_first_month:02d}"


def term_numbers(term: int, parameters: PolicyParameters) -> range:
    """Return the numbers of a term's teaching months; the months of both terms are those of the year."""
    cut = min(parameters.aid_first_term_months, parameters.aid_months)
    return range(1, cut + 1) if term == 1 else range(cut + 1, parameters.aid_months + 1)


def yearly_rate_fen(month: str, parameters: PolicyParameters) -> int:
    """Return the yearly rate that holds in a month: a raise holds from its month on, and changes no month before."""
    yuan = parameters.aid_rate_yuan
    for since, raised in parameters.aid_rate_changes:
        if since <= month:
            yuan = raised
    return yuan * FEN


def monthly_fen(start: str, number: int, parameters: PolicyParameters) -> int:
    """Return what the nth teaching month of a school year is worth (R-14: the yearly rate by the teaching months).

    Where the rate does not divide, the fen that are left over fall on later months: the year sums to the rate.
    """
    rate, months = yearly_rate_fen(month_after(start, number), parameters), parameters.aid_months
    return rate * number // months - rate * (number - 1) // months
