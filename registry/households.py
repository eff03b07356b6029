"""Pupils with their guardians, read from the registry's tables."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.records import Guardian, Household
from registry.tables import guardians, pupils


def first_guardians(campaign: str, school: str) -> Select[tuple[object, ...]]:
    """Return the query for the first guardian of every listed pupil, ordered by the pupils' references."""
    return (
        select(guardians)
        .join(pupils, pupils.c.student_ref == guardians.c.student_ref)
        .where(pupils.c.campaign == campaign, pupils.c.school == school, pupils.c.listed.is_(True))
        .where(guardians.c.position == 1)
        .order_by(guardians.c.student_ref)
    )


async def guardians_of(connection: AsyncConnection, student_ref: str) -> tuple[Guardian, ...]:
    """Return a pupil's guardians by position; none where the pupil is unknown or was forgotten."""
    query = select(guardians).where(guardians.c.student_ref == student_ref).order_by(guardians.c.position)
    return tuple(Guardian(**row) for row in (await connection.execute(query)).mappings())


async def households(connection: AsyncConnection, students: Sequence[str]) -> dict[str, Household]:
    """Return pupils with their guardians by reference; those who are unknown or were forgotten are absent."""
    families: dict[str, list[Guardian]] = {}
    query = select(guardians).where(guardians.c.student_ref.in_(students)).order_by(guardians.c.position)
    for row in (await connection.execute(query)).mappings():
        families.setdefault(row["student_ref"], []).append(Guardian(**row))
    names = ("student_ref", "class_id", "school", "name", "email", "language")
    found = select(*(pupils.c[name] for name in names)).where(pupils.c.student_ref.in_(students))
    return {
        row["student_ref"]: Household(**row, guardians=tuple(families.get(row["student_ref"], ())))
        for row in (await connection.execute(found)).mappings()
    }
