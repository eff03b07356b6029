"""Score bands of a school: how many pupils of each are in a list, counted where the marks are (R-10; DESIGN §8).

A mark never leaves the registry, and neither does the band of a pupil: what comes out are counts of a class or of the
whole school. A band of few pupils would tell of each of them, so where one is small neither of the two is told.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Final

from registry.store import Registry

TENTHS: Final = 10
"""Marks are kept in tenths of a mark."""

Bands = dict[str, dict[str, int]]
"""`low_band` and `others`, each with its counts."""


async def band_counts(
    registry: Registry, snapshot: str, below: Fraction, lists: Mapping[str, Collection[str]], least: int
) -> dict[str | None, Bands]:
    """Count lists of pupils by score band, for the school (None) and for each of its classes.

    Args:
        registry: where the marks are.
        snapshot: reference of the school's snapshot.
        below: a mark below this share of the full mark is in the low band; an unknown one is in neither.
        lists: name → references of pupils.
        least: the least band that is told.

    Returns:
        School or class → bands → name of the list → pupils of the band who are in it; places with a small band are
        left out.

    Raises:
        InputRejected: SNAPSHOT_UNKNOWN.
    """
    members = {name: frozenset(students) for name, students in lists.items()}
    bands: dict[str | None, dict[str, list[str]]] = {}
    for fact in await registry.facts(snapshot):
        if fact.mark_tenths is None or not fact.full_mark:
            continue
        low = Fraction(fact.mark_tenths, fact.full_mark * TENTHS) < below
        for place in (None, fact.class_id):
            own = bands.setdefault(place, {"low_band": [], "others": []})
            own["low_band" if low else "others"].append(fact.student_ref)
    return {
        place: {
            band: {name: sum(student in own for student in students) for name, own in members.items()}
            for band, students in held.items()
        }
        for place, held in bands.items()
        if all(len(students) >= least for students in held.values())
    }
