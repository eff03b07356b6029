"""Taking over a roster: what differs from the pupils held, and writing it. DESIGN section 8; CLI `roster import`."""

from __future__ import annotations

import hmac
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, Final

import rfc8785
from sqlalchemy import RowMapping, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.caregivers import CONTENT as CARE
from registry.caregivers import caregiver_after, changes_of
from registry.names import name_key
from registry.problems import InputRejected
from registry.proposals import proposals_of
from registry.records import ImportResult
from registry.references import References
from registry.roster_rows import Contact, PupilRow, Roster
from registry.tables import caregivers, guardians, pupils

CONTENT: Final = ("class_id", "name", "birth_date", "mark_tenths", "absence_days", "informed", "email", "language")
"""What may change of a pupil; the same names in a row and in the table."""

CONTACT: Final = ("name", "phone", "email", "language", "wecom", "channels")
"""What may change of a guardian."""

STATED: Final = ("name", "phone", "email", "wecom", "channels")
"""What a row states of one guardian; the language is the whole family's."""

MOST_PLACES: Final = 5
"""Rows that a refusal names."""

MOST_PARAMETERS: Final = 500
"""Of one statement: every SQLite and PostgreSQL takes that many."""


async def take_roster(
    connection: AsyncConnection,
    campaign: str,
    school: str,
    roster: Roster,
    references: References,
    *,
    pepper: bytes,
    commit: bool,
    expect: str | None,
    exclusive: bool = False,
) -> ImportResult:
    """Compare a roster with what is held and, with `commit`, write the difference; see `Registry.import_roster`."""
    held = await _held_pupils(connection, campaign, school)
    students = [row["student_ref"] for row in held.values()]
    families = await _held_families(connection, students)
    carers = await _held_caregivers(connection, students)
    keys = [hmac.digest(pepper, row.id_number.encode(), "sha256").hex() for row in roster.accepted]
    changes = _Changes(campaign, school)
    for key, row in zip(keys, roster.accepted, strict=True):
        before = held.get(key)
        if before is None:
            changes.add(key, row, references if commit else References())
        else:
            ref = before["student_ref"]
            drawn = references if commit else References()
            changes.compare(before, families.get(ref, []), carers.get(ref), row, drawn)
    gone = [held[key] for key in held.keys() - set(keys) if held[key]["listed"]]
    missing = tuple(sorted(str(pupil["student_ref"]) for pupil in gone))
    elsewhere = await _elsewhere(connection, campaign, school, keys)
    told: list[Any] = [campaign, school, len(roster.rejected), len(elsewhere), missing, sorted(changes.told)]
    drift = hmac.digest(pepper, b"roster drift" + rfc8785.dumps(told), "sha256").hex()[:32]
    if expect is not None and expect != drift:
        raise InputRejected(
            "ROSTER_DRIFTED",
            message_zh="名册与库中人员的差异已不是核对时的差异。",
            message_en="The difference between the roster and the registry is no longer the one that was reviewed.",
            remedy_zh="请不带 --commit 重新核对，再用新的摘要提交。",
            remedy_en="Review it again without --commit, then commit with the new digest.",
        )
    if commit and exclusive:
        listed = {key for key, pupil in held.items() if pupil["listed"]}
        _refuse_second_registration(
            [row for key, row in zip(keys, roster.accepted, strict=True) if key in elsewhere and key not in listed]
        )
    left = missing if commit and not roster.rejected else ()
    if commit:
        await changes.write(connection)
        if left:
            await connection.execute(
                update(pupils).where(pupils.c.student_ref == bindparam("ref")).values(listed=False),
                [{"ref": student_ref} for student_ref in left],
            )
    return ImportResult(
        added=len(changes.new_pupils),
        unchanged=len(keys) - len(changes.new_pupils) - len(changes.changed),
        changed=len(changes.changed),
        missing=len(missing),
        elsewhere=len(elsewhere),
        missing_students=missing,
        left_students=left,
        added_students=tuple(
            (pupil["student_ref"] if commit else "", pupil["class_id"]) for pupil in changes.new_pupils
        ),
        returned_students=tuple(changes.returned),
        class_changes=tuple(changes.class_changes),
        changed_fields={name: changes.fields[name] for name in sorted(changes.fields)},
        proposals=tuple(proposals_of(roster.accepted, changes.new_rows, gone)),
        drift=drift,
        committed=commit,
    )


async def _held_pupils(connection: AsyncConnection, campaign: str, school: str) -> dict[str, RowMapping]:
    """Return a school's pupils by identity key; those who left the roster too."""
    query = select(pupils).where(pupils.c.campaign == campaign, pupils.c.school == school)
    return {row["id_key"]: row for row in (await connection.execute(query)).mappings()}


async def _held_families(connection: AsyncConnection, students: list[str]) -> dict[str, list[RowMapping]]:
    """Return guardians by pupil, in the order of positions."""
    found: dict[str, list[RowMapping]] = defaultdict(list)
    for some in _portions(students):
        query = select(guardians).where(guardians.c.student_ref.in_(some)).order_by(guardians.c.position)
        for row in (await connection.execute(query)).mappings():
            found[row["student_ref"]].append(row)
    return found


async def _held_caregivers(connection: AsyncConnection, students: list[str]) -> dict[str, RowMapping]:
    """Return caregivers by pupil."""
    found: dict[str, RowMapping] = {}
    for some in _portions(students):
        query = select(caregivers).where(caregivers.c.student_ref.in_(some))
        found.update({row["student_ref"]: row for row in (await connection.execute(query)).mappings()})
    return found


async def _elsewhere(connection: AsyncConnection, campaign: str, school: str, keys: list[str]) -> set[str]:
    """Return the identities that another school of the campaign lists too."""
    found: set[str] = set()
    for some in _portions(keys):
        query = select(pupils.c.id_key).where(
            pupils.c.campaign == campaign,
            pupils.c.id_key.in_(some),
            pupils.c.school != school,
            pupils.c.listed.is_(True),
        )
        found.update((await connection.execute(query)).scalars())
    return found


def _refuse_second_registration(rows: list[PupilRow]) -> None:
    """Refuse pupils whom another school lists: one person has one case in a campaign (INV-01)."""
    if not rows:
        return
    shown = ", ".join(f"{row.sheet}!{row.row}" for row in rows[:MOST_PLACES])
    raise InputRejected(
        "PUPIL_AT_ANOTHER_SCHOOL",
        message_zh=f"{len(rows)} 名学生在本次活动的另一所学校名册中；一人在一次活动中只能属于一所学校。",
        message_en=f"Another school of the campaign lists {len(rows)} of these pupils; a person belongs to one school.",
        place=shown,
        remedy_zh="请先由学籍办在原学校登记离校，原学校再导入不含该生的名册；如原学校有误，请两校与家长核实后再导入。",
        remedy_en="First the register office records the exit at the other school, which then imports its roster "
        "without the pupil; where the other school is wrong, ask both schools and the family, then import again.",
    )


def _portions(values: list[str]) -> Iterable[list[str]]:
    return (values[start : start + MOST_PARAMETERS] for start in range(0, len(values), MOST_PARAMETERS))


class _Changes:
    """The rows that one import writes, collected for bulk statements, and what they tell."""

    def __init__(self, campaign: str, school: str) -> None:
        self.new_pupils: list[dict[str, Any]] = []
        self.new_rows: list[PupilRow] = []
        self.changed: list[dict[str, Any]] = []
        self.returned: list[tuple[str, str]] = []
        self.class_changes: list[tuple[str, str, str]] = []
        self.fields: Counter[str] = Counter()
        self.told: list[list[Any]] = []
        self._families: list[dict[str, Any]] = []
        self._replaced: list[str] = []
        self._caregivers: list[dict[str, Any]] = []
        self._cared_anew: list[str] = []
        self._owner = {"campaign": campaign, "school": school}

    def add(self, key: str, row: PupilRow, references: References) -> None:
        """Take a pupil who is not held."""
        ref = references.student()
        content = {name: getattr(row, name) for name in CONTENT}
        salt = references.salt()
        self.new_pupils.append(
            {"student_ref": ref, "id_key": key, "listed": True, "salt": salt, **self._owner, **content}
        )
        self.new_rows.append(row)
        family = _family(ref, [], row, references)
        self._families += family
        caregiver = caregiver_after(ref, None, row, references)
        self._caregivers += [] if caregiver is None else [caregiver]
        self.told.append([key, _plain(content), _plain_family(family, caregiver)])

    def compare(
        self,
        held: RowMapping,
        family: list[RowMapping],
        caregiver: RowMapping | None,
        row: PupilRow,
        references: References,
    ) -> None:
        """Compare a row with the pupil held; what the file has no column for stays."""
        ref = held["student_ref"]
        content = {name: held[name] if name in row.unstated else getattr(row, name) for name in CONTENT}
        if name_key(held["name"]) == name_key(row.name):
            content["name"] = held["name"]  # padded or dotted another way: the same name
        changed = {name for name in CONTENT if held[name] != content[name]}
        if not held["listed"]:
            changed.add("listed")
            self.returned.append((ref, row.class_id))
        now = _family(ref, family, row, references)
        same_family = len(now) == len(family)
        for position, member in enumerate(now):
            before = family[position] if position < len(family) else None
            label = "guardian" if position == 0 else "guardian2"
            for name in CONTACT:
                if (before[name] if before is not None else "") != member[name]:
                    changed.add(f"{label}_{name}")
                    same_family = False
            same_family = same_family and before is not None and before["guardian_ref"] == member["guardian_ref"]
        if len(now) < len(family):
            changed.add("guardian2_name")
        caregiver_now = caregiver_after(ref, caregiver, row, references)
        same_caregiver = not (of_caregiver := changes_of(caregiver, caregiver_now))
        changed.update(of_caregiver)
        if not changed and same_family:
            return
        self.fields.update(changed)
        if "class_id" in changed:
            self.class_changes.append((ref, held["class_id"], content["class_id"]))
        self.changed.append({"ref": ref, "listed": True, **content})
        if not same_family:
            self._replaced.append(ref)
            self._families += now
        if not same_caregiver:
            self._cared_anew.append(ref)
            self._caregivers += [] if caregiver_now is None else [caregiver_now]
        self.told.append([held["id_key"], sorted(changed), _plain(content), _plain_family(now, caregiver_now)])

    async def write(self, connection: AsyncConnection) -> None:
        """Write everything with a few statements; a changed family is replaced, its references stay."""
        if self.new_pupils:
            await connection.execute(insert(pupils), self.new_pupils)
        if self.changed:
            await connection.execute(update(pupils).where(pupils.c.student_ref == bindparam("ref")), self.changed)
        for table, replaced, rows in (
            (guardians, self._replaced, self._families),
            (caregivers, self._cared_anew, self._caregivers),
        ):
            if replaced:
                await connection.execute(
                    delete(table).where(table.c.student_ref == bindparam("ref")), [{"ref": ref} for ref in replaced]
                )
            if rows:
                await connection.execute(insert(table), rows)


def _family(ref: str, held: list[RowMapping], row: PupilRow, references: References) -> list[dict[str, Any]]:
    """Return the guardians that a pupil has after an import.

    The first always exists, its values perhaps unknown; the second while anything is known of the person. Where the
    two change places, their references go with the names. A second guardian for whom the file has no column stays.
    """
    stated = list(row.guardians) or [Contact()]
    before: list[RowMapping | None] = list(held[:2])
    before += [None] * (2 - len(before))
    if _crossed(before, stated):
        before.reverse()
    if len(stated) == 1:
        stated.append(Contact())
    family: list[dict[str, Any]] = []
    for position, (one, contact) in enumerate(zip(before, stated, strict=True), start=1):
        values = {
            name: (one[name] if one is not None else "") if (value := getattr(contact, name)) is None else value
            for name in STATED
        }
        if position > 1 and not any(value for name, value in values.items() if name != "channels"):
            continue
        language = (one["language"] if one is not None else "") if "language" in row.unstated else row.language
        family.append(
            {
                "guardian_ref": one["guardian_ref"] if one is not None else references.guardian(),
                "student_ref": ref,
                **values,
                "language": language,
                "position": position,
            }
        )
    return family


def _crossed(before: list[RowMapping | None], stated: list[Contact]) -> bool:
    """Tell whether first and second guardian have changed places since the last import."""
    names = [name_key(contact.name or "") for contact in stated]
    held = [name_key(one["name"]) if one is not None else "" for one in before]
    moved_up = bool(names[0]) and names[0] == held[1] != held[0]
    moved_down = len(names) > 1 and bool(names[1]) and names[1] == held[0] != held[1] and before[1] is not None
    return moved_up or moved_down


def _plain_family(family: list[dict[str, Any]], caregiver: dict[str, Any] | None) -> list[list[Any]]:
    cared = [] if caregiver is None else [_plain(caregiver, CARE)]
    return [*(_plain(member, CONTACT) for member in family), *cared]


def _plain(values: dict[str, Any], names: Iterable[str] = CONTENT) -> list[Any]:
    """Return values as JSON has them, in one order."""
    return [value.isoformat() if hasattr(value := values[name], "isoformat") else value for name in names]
