"""The registry: people and schools of all campaigns, over SQLAlchemy Core (SQLite or PostgreSQL)."""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any, Self

from sqlalchemy import RowMapping, delete, insert, select, true
from sqlalchemy.ext.asyncio import AsyncEngine

from registry import database
from registry import households as families
from registry.campaign_file import CampaignFile
from registry.contacts import ContactKind, change_contact
from registry.hands import hands_in
from registry.households import first_guardians, guardian_of, guardians_of, households
from registry.importing import take_roster
from registry.names import name_key
from registry.problems import InputRejected
from registry.records import (
    Guardian,
    HeldSchool,
    Household,
    HouseholdNumber,
    ImportResult,
    Note,
    PupilFacts,
    Snapshot,
    commitment_of,
    digest_of,
)
from registry.references import References
from registry.roster_rows import Roster
from registry.schema import prepare
from registry.staff_file import StaffMember
from registry.summaries import Summaries
from registry.tables import caregivers, guardians, notes, pupils, schools, settings, snapshot_pupils, snapshots, staff


class Registry:
    """The only store of personal data.

    `campaign` is `campaign/{county}/{year}`, `school` its code, `class_id` canonical (`2022-03`); people are named by
    references. One import, snapshot or deletion is one transaction. Errors carry references and codes, no values.
    """

    def __init__(self, engine: AsyncEngine, pepper: bytes) -> None:
        self._engine = engine
        self._writing = database.writing(engine)
        self._pepper = pepper
        self.summaries = Summaries(engine)

    @classmethod
    async def open(cls, url: str, pepper: bytes) -> Self:
        """Open the registry and make its tables where they are missing.

        Args:
            url: `sqlite+aiosqlite:///PATH` or `postgresql+asyncpg://…`.
            pepper: the secret that keys identities (`registry.database.load_pepper`).

        Raises:
            InputRejected: `PEPPER_MISMATCH`, the registry was made with another pepper and would know nobody again.
        """
        registry = cls(database.create(url), pepper)
        try:
            await registry._prepare()
        except BaseException:
            await registry.close()
            raise
        return registry

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

    # Schools and staff

    async def save_schools(self, campaign: str, campaign_file: CampaignFile) -> None:
        """Take over names and full mark of the campaign file's schools; schools that it no longer names go."""
        rows = [
            {"campaign": campaign, "school": school.code, "name": school.name, "full_mark": campaign_file.full_mark}
            for school in campaign_file.schools
        ]
        async with self._writing.begin() as connection:
            await connection.execute(delete(schools).where(schools.c.campaign == campaign))
            await connection.execute(insert(schools), rows)

    async def schools(self, campaign: str) -> tuple[HeldSchool, ...]:
        """Return a campaign's schools in the order of codes."""
        query = select(schools).where(schools.c.campaign == campaign).order_by(schools.c.school)
        return tuple(HeldSchool(row["school"], row["name"], row["full_mark"]) for row in await self._rows(query))

    async def replace_staff(self, campaign: str, members: Iterable[StaffMember]) -> None:
        """Hold exactly these members of staff for a campaign."""
        rows = [
            {"campaign": campaign, "position": position, **member.model_dump(), "classes": ";".join(member.classes)}
            for position, member in enumerate(members)
        ]
        async with self._writing.begin() as connection:
            await connection.execute(delete(staff).where(staff.c.campaign == campaign))
            if rows:
                await connection.execute(insert(staff), rows)

    async def staff_member(self, campaign: str, staff_ref: str) -> StaffMember | None:
        """Return one member of staff, None where the campaign has no such reference."""
        rows = await self._rows(select(staff).where(staff.c.campaign == campaign, staff.c.staff_ref == staff_ref))
        return _member(rows[0]) if rows else None

    async def staff(self, campaign: str) -> tuple[StaffMember, ...]:
        """Return all members of staff in the order in which they were given."""
        query = select(staff).where(staff.c.campaign == campaign).order_by(staff.c.position)
        return tuple(_member(row) for row in await self._rows(query))

    # Pupils

    async def import_roster(
        self,
        campaign: str,
        school: str,
        roster: Roster,
        references: References,
        *,
        commit: bool = True,
        expect: str | None = None,
        exclusive: bool = False,
    ) -> ImportResult:
        """Take over a school's roster; the same again changes nothing, nor does another order of its rows.

        A pupil who is no longer on it stays held but leaves the next snapshots; not so while the roster has rejected
        rows, since the missing pupil may stand in one of them. Existing snapshots never change. What the file has no
        column for is kept.

        Args:
            campaign: name of the campaign.
            school: code of the school.
            roster: what `read_roster` returned; only accepted rows count.
            references: source of references and salts for new pupils, drawn in the roster's order.
            commit: False computes the result and writes nothing.
            expect: the drift that somebody reviewed (`ImportResult.drift`); None takes any.
            exclusive: refuse a new or returning pupil whom another school lists (INV-01). A launch has compared its
                rosters with each other before (`registry.draft`).

        Raises:
            InputRejected: `ROSTER_DRIFTED`, the drift is no longer the expected one; `PUPIL_AT_ANOTHER_SCHOOL`. Nothing
                is written.
        """
        async with self._writing.begin() as connection:
            await connection.execute(
                select(schools.c.school)
                .where(schools.c.campaign == campaign, true() if exclusive else schools.c.school == school)
                .order_by(schools.c.school)
                .with_for_update()  # one import at a time, of a school or where it looks at all; `IMMEDIATE` on SQLite
            )
            return await take_roster(
                connection,
                campaign,
                school,
                roster,
                references,
                pepper=self._pepper,
                commit=commit,
                expect=expect,
                exclusive=exclusive,
            )

    async def names(self, campaign: str, school: str) -> dict[str, tuple[str, str]]:
        """Return (class id, name) of every listed pupil by reference, ordered by class and reference."""
        query = (
            select(pupils.c.student_ref, pupils.c.class_id, pupils.c.name)
            .where(pupils.c.campaign == campaign, pupils.c.school == school, pupils.c.listed.is_(True))
            .order_by(pupils.c.class_id, pupils.c.student_ref)
        )
        return {row["student_ref"]: (row["class_id"], row["name"]) for row in await self._rows(query)}

    async def resolve(self, campaign: str, school: str, class_id: str, name: str) -> str:
        """Return the reference of the one listed pupil of this name in a class; blanks and dot variants do not matter.

        Raises:
            InputRejected: `STUDENT_NOT_FOUND`, `STUDENT_AMBIGUOUS`.
        """
        query = select(pupils.c.student_ref, pupils.c.name).where(
            pupils.c.campaign == campaign,
            pupils.c.school == school,
            pupils.c.class_id == class_id,
            pupils.c.listed.is_(True),
        )
        wanted = name_key(name)
        found = [row["student_ref"] for row in await self._rows(query) if name_key(row["name"]) == wanted]
        if not found:
            raise InputRejected(
                "STUDENT_NOT_FOUND",
                message_zh="该班没有这个姓名的学生。",
                message_en="The class has no pupil of this name.",
                remedy_zh="请核对班级和姓名，或使用 record template 生成的编号。",
                remedy_en="Check class and name, or use the reference that record template writes.",
            )
        if len(found) > 1:
            raise InputRejected(
                "STUDENT_AMBIGUOUS",
                message_zh="该班有不止一名同名学生。",
                message_en="The class has more than one pupil of this name.",
                remedy_zh="请使用 record template 生成的编号。",
                remedy_en="Use the reference that record template writes.",
            )
        return str(found[0])

    async def guardians(self, campaign: str, school: str) -> dict[str, Guardian]:
        """Return the first guardian of every listed pupil, by the pupil's reference."""
        return {row["student_ref"]: guardian_of(row) for row in await self._rows(first_guardians(campaign, school))}

    async def guardians_of(self, student_ref: str) -> tuple[Guardian, ...]:
        """Return a pupil's guardians by position; none where the pupil is unknown or was forgotten."""
        async with self._engine.connect() as connection:
            return await guardians_of(connection, student_ref)

    async def household(self, student_ref: str) -> Household | None:
        """Return a pupil with the guardians, None where the pupil is unknown or was forgotten."""
        return (await self.households([student_ref])).get(student_ref)

    async def households(self, students: Sequence[str]) -> dict[str, Household]:
        """Return pupils with guardians and caregiver by reference, in three queries; unknown ones are absent."""
        async with self._engine.connect() as connection:
            return await households(connection, students)

    async def numbers(self, campaign: str) -> list[HouseholdNumber]:
        """Return the telephones of all guardians of a campaign's listed pupils."""
        async with self._engine.connect() as connection:
            return await families.numbers(connection, campaign)

    async def shared_addresses(self, campaign: str, most: int) -> frozenset[str]:
        """Return the addresses and numbers, folded, that more than `most` listed pupils of a campaign give."""
        async with self._engine.connect() as connection:
            return await families.shared_addresses(connection, campaign, most)

    async def guardian(self, guardian_ref: str) -> Guardian | None:
        """Return one guardian, None where the reference is unknown or the family was forgotten."""
        rows = await self._rows(select(guardians).where(guardians.c.guardian_ref == guardian_ref))
        return guardian_of(rows[0]) if rows else None

    async def change_contact(self, student_ref: str, person: str, kind: ContactKind, value: str) -> bool:
        """Put one contact of one person right; False where the household has no such person or contact.

        Args:
            student_ref: reference of the pupil.
            person: reference of the guardian, the caregiver or the pupil.
            kind: which contact.
            value: what `registry.contacts.read_contact` returned, or an empty text for none.
        """
        async with self._writing.begin() as connection:
            changed = await change_contact(connection, student_ref, person, kind, value)
        await database.checkpoint(self._engine)  # the old one may be somebody else's by now
        return changed

    async def forget_pupil(self, student_ref: str) -> bool:
        """Delete a pupil, the family, the copies in snapshots and the notes about the pupil, from the files too.

        Digests and commitments elsewhere stay valid. Again changes nothing.

        Returns:
            Whether there was anything to delete.
        """
        async with self._writing.begin() as connection:
            deleted = 0
            for table, column in (
                (pupils, pupils.c.student_ref),
                (guardians, guardians.c.student_ref),
                (caregivers, caregivers.c.student_ref),
                (snapshot_pupils, snapshot_pupils.c.student_ref),
                (notes, notes.c.about),
            ):
                deleted += (await connection.execute(delete(table).where(column == student_ref))).rowcount
        await database.checkpoint(self._engine)
        return deleted > 0

    # Snapshots

    async def take_snapshot(self, campaign: str, school: str, references: References) -> Snapshot:
        """Copy the facts of a school's listed pupils, for ever; the same content again gives the same snapshot.

        Raises:
            InputRejected: `SCHOOL_UNKNOWN` (no `save_schools` before), `SCHOOL_WITHOUT_PUPILS`.
        """
        async with self._writing.begin() as connection:
            full_mark = (
                await connection.execute(
                    select(schools.c.full_mark)
                    .where(schools.c.campaign == campaign, schools.c.school == school)
                    .with_for_update()
                )
            ).scalar_one_or_none()
            if full_mark is None:
                raise _unknown("SCHOOL_UNKNOWN", "没有这所学校。", "There is no such school.")
            columns = [
                pupils.c[name]
                for name in ("student_ref", "class_id", "mark_tenths", "absence_days", "informed", "salt")
            ]
            query = (
                select(*columns)
                .where(pupils.c.campaign == campaign, pupils.c.school == school, pupils.c.listed.is_(True))
                .order_by(pupils.c.student_ref)
            )
            rows = [dict(row) for row in (await connection.execute(query)).mappings()]
            if not rows:
                raise _unknown("SCHOOL_WITHOUT_PUPILS", "该校没有学生。", "The school has no pupils.")
            for row in rows:
                row["commitment"] = commitment_of(full_mark=full_mark, **row)
            digest = digest_of([[row["student_ref"], row["commitment"]] for row in rows])
            same = select(snapshots.c.snapshot_ref).where(
                snapshots.c.campaign == campaign, snapshots.c.school == school, snapshots.c.digest == digest
            )
            ref = (await connection.execute(same)).scalar_one_or_none()
            if ref is None:
                ref = references.snapshot()
                await connection.execute(
                    insert(snapshots).values(
                        snapshot_ref=ref,
                        campaign=campaign,
                        school=school,
                        digest=digest,
                        full_mark=full_mark,
                        pupils=len(rows),
                        taken_at=datetime.now(UTC),
                    )
                )
                await connection.execute(insert(snapshot_pupils), [{"snapshot_ref": ref, **row} for row in rows])
        classes = Counter(str(row["class_id"]) for row in rows)
        return Snapshot(ref, digest, len(rows), dict(sorted(classes.items())), full_mark)

    async def snapshot_digest(self, snapshot_ref: str) -> str:
        """Return the digest that a snapshot was taken with; forgetting a pupil later does not change it.

        Raises:
            InputRejected: `SNAPSHOT_UNKNOWN`.
        """
        found = await self._rows(select(snapshots.c.digest).where(snapshots.c.snapshot_ref == snapshot_ref))
        if not found:
            raise _unknown("SNAPSHOT_UNKNOWN", "没有这份快照。", "There is no such snapshot.")
        return str(found[0]["digest"])

    async def cohort(self, snapshot_ref: str) -> dict[str, list[str]]:
        """Return a snapshot's pupils by class, classes and references sorted; forgotten pupils are absent.

        Raises:
            InputRejected: `SNAPSHOT_UNKNOWN`.
        """
        classes: dict[str, list[str]] = {}
        for fact in await self.facts(snapshot_ref):
            classes.setdefault(fact.class_id, []).append(fact.student_ref)
        return dict(sorted(classes.items()))

    async def under_14(self, snapshot_ref: str, on: date) -> list[str]:
        """Return the pupils of a snapshot who count as under fourteen on a day (R-17): references, sorted."""
        async with self._engine.connect() as connection:
            return await families.under_14(connection, families.of_snapshot(snapshot_ref), on)

    async def listed_under_14(self, campaign: str, school: str, on: date) -> list[str]:
        """Return a school's listed pupils who count as under fourteen on a day: references, sorted."""
        listed = select(pupils.c.student_ref).where(
            pupils.c.campaign == campaign, pupils.c.school == school, pupils.c.listed.is_(True)
        )
        async with self._engine.connect() as connection:
            return await families.under_14(connection, listed, on)

    async def shared_phones(self, snapshot_ref: str) -> list[list[str]]:
        """Return groups of more than three pupils of a snapshot with one telephone (R-18): references, sorted."""
        async with self._engine.connect() as connection:
            return await families.shared_phones(connection, families.of_snapshot(snapshot_ref))

    async def facts(self, snapshot_ref: str) -> tuple[PupilFacts, ...]:
        """Return a snapshot's facts in the order of references; forgotten pupils are absent.

        Raises:
            InputRejected: `SNAPSHOT_UNKNOWN`.
        """
        head = await self._rows(select(snapshots.c.full_mark).where(snapshots.c.snapshot_ref == snapshot_ref))
        if not head:
            raise _unknown("SNAPSHOT_UNKNOWN", "没有这份快照。", "There is no such snapshot.")
        query = (
            select(snapshot_pupils)
            .where(snapshot_pupils.c.snapshot_ref == snapshot_ref)
            .order_by(snapshot_pupils.c.student_ref)
        )
        return tuple(
            PupilFacts(
                student_ref=row["student_ref"],
                class_id=row["class_id"],
                mark_tenths=row["mark_tenths"],
                full_mark=head[0]["full_mark"],
                unexplained_absence_days=row["absence_days"],
                informed=row["informed"],
                salt=row["salt"],
                commitment=row["commitment"],
            )
            for row in await self._rows(query)
        )

    # Notes

    async def add_note(self, campaign: str, text: str, references: References, *, about: str | None = None) -> Note:
        """Keep a free text; `about` names the pupil with whom it is forgotten."""
        ref, salt = references.note(), references.salt()
        digest = digest_of({"note_ref": ref, "text": text, "salt": salt})
        async with self._writing.begin() as connection:
            await connection.execute(
                insert(notes).values(
                    note_ref=ref,
                    campaign=campaign,
                    about=about,
                    text=text,
                    salt=salt,
                    digest=digest,
                    written_at=datetime.now(UTC),
                )
            )
        return Note(ref, digest)

    async def note_text(self, note_ref: str) -> str | None:
        """Return a note's text, None where it is unknown or forgotten."""
        rows = await self._rows(select(notes.c.text).where(notes.c.note_ref == note_ref))
        return str(rows[0]["text"]) if rows else None

    # Inside

    def hands(self, case: str, *people: str | None) -> list[str]:
        """Return what stands in a case's stream for people, so that the record never says who complained (INV-32)."""
        return hands_in(self._pepper, case, people)

    async def _prepare(self) -> None:
        check = hmac.digest(self._pepper, b"registry pepper check", "sha256").hex()
        async with self._writing.begin() as connection:
            await connection.run_sync(prepare)
            known = select(settings.c.value).where(settings.c.name == "pepper_check")
            held = (await connection.execute(known)).scalar_one_or_none()
            if held is None:
                await connection.execute(insert(settings).values(name="pepper_check", value=check))
        if held is not None and not hmac.compare_digest(held, check):
            raise InputRejected(
                "PEPPER_MISMATCH",
                message_zh="密钥文件与人员库不匹配。",
                message_en="The pepper does not belong to this registry.",
                remedy_zh="请从备份恢复与该库配套的密钥文件。",
                remedy_en="Restore the pepper that was made with this registry from the backup.",
            )

    async def _rows(self, query: Any) -> list[RowMapping]:
        async with self._engine.connect() as connection:
            return list((await connection.execute(query)).mappings())


def _member(row: RowMapping) -> StaffMember:
    return StaffMember(
        staff_ref=row["staff_ref"],
        role=row["role"],
        school=row["school"],
        classes=tuple(filter(None, row["classes"].split(";"))),
        name=row["name"],
        email=row["email"],
        wecom=row["wecom"],
    )


def _unknown(code: str, message_zh: str, message_en: str) -> InputRejected:
    return InputRejected(
        code,
        message_zh=message_zh,
        message_en=message_en,
        remedy_zh="请核对编号，或先导入。",
        remedy_en="Check the reference, or import first.",
    )
