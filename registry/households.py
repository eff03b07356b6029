"""Pupils with their guardians, read from the registry's tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import date
from typing import Final

from sqlalchemy import RowMapping, Select, distinct, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.ages import last_day_under_14
from registry.records import Caregiver, Guardian, Household, HouseholdNumber
from registry.tables import caregivers, guardians, pupils, snapshot_pupils

FAMILY_PHONE: Final = 3
"""More pupils than this have no telephone in common but by way of a shop, a village or a teacher (edge case 8)."""


_GUARDIANS: Final = tuple(guardians.c[field.name] for field in fields(Guardian))
_PUPILS: Final = (
    *(pupils.c.student_ref, pupils.c.class_id, pupils.c.school),
    *(pupils.c.name, pupils.c.email, pupils.c.language),
)
"""Columns in the order of the records' fields: of hundreds of households, positions are read much faster than names."""


def first_guardians(campaign: str, school: str) -> Select[tuple[object, ...]]:
    """Return the query for the first guardian of every listed pupil, ordered by the pupils' references."""
    return (
        select(guardians)
        .join(pupils, pupils.c.student_ref == guardians.c.student_ref)
        .where(pupils.c.campaign == campaign, pupils.c.school == school, pupils.c.listed.is_(True))
        .where(guardians.c.position == 1)
        .order_by(guardians.c.student_ref)
    )


def guardian_of(row: RowMapping) -> Guardian:
    """Return the guardian that a row of the table holds."""
    return Guardian(**{**row, "channels": tuple(row["channels"].split())})


async def guardians_of(connection: AsyncConnection, student_ref: str) -> tuple[Guardian, ...]:
    """Return a pupil's guardians by position; none where the pupil is unknown or was forgotten."""
    query = select(guardians).where(guardians.c.student_ref == student_ref).order_by(guardians.c.position)
    return tuple(guardian_of(row) for row in (await connection.execute(query)).mappings())


async def households(connection: AsyncConnection, students: Sequence[str]) -> dict[str, Household]:
    """Return pupils with guardians and caregiver by reference; those unknown or forgotten are absent."""
    families: dict[str, list[Guardian]] = {}
    query = select(*_GUARDIANS).where(guardians.c.student_ref.in_(students)).order_by(guardians.c.position)
    for row in (await connection.execute(query)).all():
        one = Guardian(*row[:-1], tuple(row.channels.split()))  # type: ignore[call-arg]  # as many as its fields
        families.setdefault(one.student_ref, []).append(one)
    carers = select(caregivers).where(caregivers.c.student_ref.in_(students))
    cared = {row["student_ref"]: Caregiver(**row) for row in (await connection.execute(carers)).mappings()}
    found = select(*_PUPILS).where(pupils.c.student_ref.in_(students))
    return {
        ref: Household(ref, class_id, school, name, email, language, tuple(families.get(ref, ())), cared.get(ref))
        for ref, class_id, school, name, email, language in (await connection.execute(found)).all()
    }


async def under_14(connection: AsyncConnection, students: Select[tuple[str]], on: date) -> list[str]:
    """Return, of the pupils whom a query names, those who count as under fourteen on a day; by reference, sorted."""
    query = select(pupils.c.student_ref, pupils.c.birth_date).where(pupils.c.student_ref.in_(students))
    found = (await connection.execute(query.order_by(pupils.c.student_ref))).mappings()
    return [row["student_ref"] for row in found if on <= last_day_under_14(row["birth_date"])]


async def shared_phones(connection: AsyncConnection, students: Select[tuple[str]]) -> list[list[str]]:
    """Return groups of more than three pupils, of those whom a query names, who share one guardian's telephone.

    References only, each group and the groups sorted; a pupil whose two guardians share it counts once.
    """
    query = select(guardians.c.phone, guardians.c.student_ref).where(
        guardians.c.student_ref.in_(students), guardians.c.phone != ""
    )
    by_phone: dict[str, dict[str, None]] = {}
    for row in (await connection.execute(query.order_by(guardians.c.student_ref))).mappings():
        by_phone.setdefault(row["phone"], {})[row["student_ref"]] = None
    return sorted(list(group) for group in by_phone.values() if len(group) > FAMILY_PHONE)


async def shared_addresses(connection: AsyncConnection, campaign: str, most: int) -> frozenset[str]:
    """Return the telephones, mailboxes and accounts that more than so many listed pupils of a campaign give, folded.

    A pupil's own, the guardians' and the caregiver's; a pupil who gives one twice counts once. The database counts:
    a county gives tens of thousands, and few of them are shared.
    """
    listed = (pupils.c.campaign == campaign, pupils.c.listed.is_(True))
    given = []
    for table in (pupils, guardians, caregivers):
        for name in ("phone", "email", "wecom"):
            if (column := table.c.get(name)) is None:
                continue
            query = select(func.lower(column).label("address"), table.c.student_ref).where(column != "", *listed)
            if table is not pupils:
                query = query.join(pupils, pupils.c.student_ref == table.c.student_ref)
            given.append(query)
    each = union_all(*given).subquery()
    many = func.count(distinct(each.c.student_ref)) > most
    found = await connection.scalars(select(each.c.address).group_by(each.c.address).having(many))
    return frozenset(address.casefold() for address in found)


def of_snapshot(snapshot_ref: str) -> Select[tuple[str]]:
    """Return the query for a snapshot's pupils."""
    return select(snapshot_pupils.c.student_ref).where(snapshot_pupils.c.snapshot_ref == snapshot_ref)


async def numbers(connection: AsyncConnection, campaign: str) -> list[HouseholdNumber]:
    """Return the telephones of all guardians of a campaign's listed pupils."""
    query = (
        select(pupils.c.school, guardians.c.student_ref, guardians.c.guardian_ref, guardians.c.phone)
        .join(pupils, pupils.c.student_ref == guardians.c.student_ref)
        .where(pupils.c.campaign == campaign, pupils.c.listed.is_(True), guardians.c.phone != "")
        .order_by(guardians.c.student_ref, guardians.c.position)
    )
    return [HouseholdNumber(**row) for row in (await connection.execute(query)).mappings()]
