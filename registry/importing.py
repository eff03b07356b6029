"""What an import compares and writes: rows of a roster against pupils held."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import RowMapping, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.references import References
from registry.roster import PupilRow
from registry.tables import guardians, pupils

CONTENT: Final = ("class_id", "name", "birth_date", "mark_tenths", "absence_days", "informed")
"""What may change of a pupil; the same names in a row and in the table."""

MOST_PARAMETERS: Final = 500
"""Of one statement: every SQLite and PostgreSQL takes that many."""


async def held_pupils(connection: AsyncConnection, campaign: str, school: str) -> dict[str, RowMapping]:
    """Return a school's pupils with their guardians, by identity key; those who left the roster too."""
    query = (
        select(pupils, guardians.c.name.label("guardian_name"), guardians.c.phone.label("guardian_phone"))
        .join(guardians, guardians.c.student_ref == pupils.c.student_ref)
        .where(pupils.c.campaign == campaign, pupils.c.school == school)
    )
    return {row["id_key"]: row for row in (await connection.execute(query)).mappings()}


async def count_elsewhere(connection: AsyncConnection, campaign: str, school: str, keys: list[str]) -> int:
    """Count the identities that another school of the campaign lists too."""
    found: set[str] = set()
    for start in range(0, len(keys), MOST_PARAMETERS):
        query = select(pupils.c.id_key).where(
            pupils.c.campaign == campaign,
            pupils.c.id_key.in_(keys[start : start + MOST_PARAMETERS]),
            pupils.c.school != school,
            pupils.c.listed.is_(True),
        )
        found.update((await connection.execute(query)).scalars())
    return len(found)


class Changes:
    """The rows that one import writes, collected for bulk statements."""

    def __init__(self, campaign: str, school: str) -> None:
        self.new_pupils: list[dict[str, Any]] = []
        self.changed: list[dict[str, Any]] = []
        self._new_guardians: list[dict[str, Any]] = []
        self._changed_guardians: list[dict[str, Any]] = []
        self._owner = {"campaign": campaign, "school": school}

    def take(self, key: str, row: PupilRow, held: RowMapping | None, references: References) -> None:
        """Compare a row with what is held for its identity."""
        content = {name: getattr(row, name) for name in CONTENT}
        contact = {"name": row.guardian_name, "phone": row.guardian_phone}
        if held is None:
            ref = references.student()
            self.new_pupils.append(
                {"student_ref": ref, "id_key": key, "listed": True, "salt": references.salt(), **self._owner, **content}
            )
            self._new_guardians.append({"guardian_ref": references.guardian(), "student_ref": ref, **contact})
            return
        same_contact = (held["guardian_name"], held["guardian_phone"]) == (row.guardian_name, row.guardian_phone)
        if held["listed"] and same_contact and all(held[name] == value for name, value in content.items()):
            return
        self.changed.append({"ref": held["student_ref"], "listed": True, **content})
        self._changed_guardians.append({"ref": held["student_ref"], **contact})

    async def write(self, connection: AsyncConnection) -> None:
        """Write everything with four statements."""
        if self.new_pupils:
            await connection.execute(insert(pupils), self.new_pupils)
            await connection.execute(insert(guardians), self._new_guardians)
        if self.changed:
            await connection.execute(update(pupils).where(pupils.c.student_ref == bindparam("ref")), self.changed)
            await connection.execute(
                update(guardians).where(guardians.c.student_ref == bindparam("ref")), self._changed_guardians
            )
