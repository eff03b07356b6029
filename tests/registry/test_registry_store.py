from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from registry_samples import CAMPAIGN, SCHOOL, pupil_row
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError, StatementError

from registry import tables
from registry.database import load_pepper
from registry.problems import InputRejected
from registry.records import commitment_of, digest_of
from registry.references import References
from registry.roster import read_roster
from registry.staff_file import load_staff
from registry.store import Registry

OTHER = "9900010002"


def counts(result) -> tuple[int, int, int, int]:
    """Return added, unchanged, changed, missing."""
    return result.added, result.unchanged, result.changed, result.missing


def database_bytes(directory: Path) -> bytes:
    """Return every byte of the database and its log."""
    return b"".join(path.read_bytes() for path in sorted(directory.glob("registry.db*")))


async def test_importing_again_changes_nothing(registry, roster_of, references):
    """The second import finds everyone, keeps every reference, and the snapshot is the same."""
    roster = roster_of(pupil_row(1), pupil_row(2))
    assert counts(await registry.import_roster(CAMPAIGN, SCHOOL, roster, references)) == (2, 0, 0, 0)
    names, snapshot = await registry.names(CAMPAIGN, SCHOOL), await registry.take_snapshot(CAMPAIGN, SCHOOL, references)
    assert counts(await registry.import_roster(CAMPAIGN, SCHOOL, roster, references)) == (0, 2, 0, 0)
    assert await registry.names(CAMPAIGN, SCHOOL) == names
    assert await registry.take_snapshot(CAMPAIGN, SCHOOL, references) == snapshot


async def test_drift_is_shown_without_being_taken(registry, roster_of, references):
    """`commit=False` counts and writes nothing; taking it afterwards leaves no drift."""
    await registry.import_roster(CAMPAIGN, SCHOOL, roster_of(pupil_row(1), pupil_row(2)), references)
    before = await registry.names(CAMPAIGN, SCHOOL)
    later = roster_of(pupil_row(1, 班级="九(2)班"), pupil_row(3))
    for commit in (False, False, True):
        result = await registry.import_roster(CAMPAIGN, SCHOOL, later, references, commit=commit)
        assert counts(result) == (1, 0, 1, 1)
        assert (await registry.names(CAMPAIGN, SCHOOL) == before) is not commit
    assert counts(await registry.import_roster(CAMPAIGN, SCHOOL, later, references)) == (0, 2, 0, 0)


async def test_a_pupil_who_comes_back_keeps_the_reference(registry, roster_of, references):
    """Leaving the roster is no deletion."""
    both, one = roster_of(pupil_row(1), pupil_row(2)), roster_of(pupil_row(1))
    await registry.import_roster(CAMPAIGN, SCHOOL, both, references)
    names = await registry.names(CAMPAIGN, SCHOOL)
    await registry.import_roster(CAMPAIGN, SCHOOL, one, references)
    assert len(await registry.names(CAMPAIGN, SCHOOL)) == 1
    assert counts(await registry.import_roster(CAMPAIGN, SCHOOL, both, references)) == (0, 1, 1, 0)
    assert await registry.names(CAMPAIGN, SCHOOL) == names


async def test_a_rejected_row_takes_nobody_off_the_roster(registry, roster_of, references):
    """A typing error in a held pupil's row must not make the pupil disappear."""
    await registry.import_roster(CAMPAIGN, SCHOOL, roster_of(pupil_row(1), pupil_row(2)), references)
    result = await registry.import_roster(
        CAMPAIGN, SCHOOL, roster_of(pupil_row(1), pupil_row(2, 监护人电话="1")), references
    )
    assert (result.missing, len(await registry.names(CAMPAIGN, SCHOOL))) == (1, 2)


async def test_a_pupil_on_two_schools_rosters_is_counted_as_elsewhere(registry, roster_of, references):
    """Both schools hold the pupil; the second import says so."""
    await registry.import_roster(CAMPAIGN, SCHOOL, roster_of(pupil_row(1)), references)
    result = await registry.import_roster(CAMPAIGN, OTHER, roster_of(pupil_row(1), pupil_row(2)), references)
    assert (result.added, result.elsewhere) == (2, 1)


async def test_a_pupil_of_another_school_is_not_taken_before_that_school_lets_go(registry, roster_of, references):
    """One person has one case in a campaign (INV-01): refused by row, nothing is written, and free after the exit."""
    both, rest = roster_of(pupil_row(1), pupil_row(2)), roster_of(pupil_row(2))
    await registry.import_roster(CAMPAIGN, SCHOOL, roster_of(pupil_row(1), pupil_row(3)), references, exclusive=True)
    review = await registry.import_roster(CAMPAIGN, OTHER, both, references, commit=False, exclusive=True)
    assert (review.added, review.elsewhere) == (2, 1)
    with pytest.raises(InputRejected) as refused:
        await registry.import_roster(CAMPAIGN, OTHER, both, references, exclusive=True)
    assert refused.value.code == "PUPIL_AT_ANOTHER_SCHOOL"
    assert refused.value.place.endswith("!2")
    assert both.accepted[0].name not in repr(refused.value) + refused.value.message("zh")
    assert await registry.names(CAMPAIGN, OTHER) == {}
    assert (await registry.import_roster(CAMPAIGN, OTHER, rest, references, exclusive=True)).added == 1

    await registry.import_roster(CAMPAIGN, SCHOOL, roster_of(pupil_row(3)), references, exclusive=True)
    assert (await registry.import_roster(CAMPAIGN, OTHER, both, references, exclusive=True)).added == 1
    with pytest.raises(InputRejected):  # the first school lists the pupil again: it returns to neither unasked
        await registry.import_roster(
            CAMPAIGN, SCHOOL, roster_of(pupil_row(1), pupil_row(3)), references, exclusive=True
        )


async def test_a_snapshot_is_immutable(registry, roster_of, references):
    """A later import changes the next snapshot, never the one before."""
    await registry.import_roster(CAMPAIGN, SCHOOL, roster_of(pupil_row(1), pupil_row(2, 班级="九(2)班")), references)
    first = await registry.take_snapshot(CAMPAIGN, SCHOOL, references)
    facts, cohort = await registry.facts(first.ref), await registry.cohort(first.ref)
    await registry.import_roster(CAMPAIGN, SCHOOL, roster_of(pupil_row(1, 期中成绩=100, 班级="九(3)班")), references)
    second = await registry.take_snapshot(CAMPAIGN, SCHOOL, references)
    assert second.ref != first.ref
    assert second.digest != first.digest
    assert await registry.facts(first.ref) == facts
    assert await registry.cohort(first.ref) == cohort
    assert (first.pupils, first.classes, first.full_mark) == (2, {"2023-01": 1, "2023-02": 1}, 700)
    assert [fact.mark_tenths for fact in await registry.facts(second.ref)] == [1000]
    assert sorted(cohort) == ["2023-01", "2023-02"]


async def test_a_snapshots_digest_binds_every_fact(registry, roster_of, references):
    """The digest can be computed again from the facts, and only from these."""
    await registry.import_roster(CAMPAIGN, SCHOOL, roster_of(pupil_row(1), pupil_row(2)), references)
    snapshot = await registry.take_snapshot(CAMPAIGN, SCHOOL, references)
    facts = await registry.facts(snapshot.ref)
    for fact in facts:
        content = {
            "student_ref": fact.student_ref,
            "class_id": fact.class_id,
            "mark_tenths": fact.mark_tenths,
            "full_mark": fact.full_mark,
            "absence_days": fact.unexplained_absence_days,
            "informed": fact.informed,
            "salt": fact.salt,
        }
        assert commitment_of(**content) == fact.commitment
        assert commitment_of(**{**content, "mark_tenths": 1}) != fact.commitment
    assert digest_of([[fact.student_ref, fact.commitment] for fact in facts]) == snapshot.digest


async def test_a_snapshot_needs_a_known_school_with_pupils(registry, references):
    """An empty cohort is a mistake, not a result."""
    with pytest.raises(InputRejected, match="SCHOOL_UNKNOWN"):
        await registry.take_snapshot(CAMPAIGN, "0000000000", references)
    with pytest.raises(InputRejected, match="SCHOOL_WITHOUT_PUPILS"):
        await registry.take_snapshot(CAMPAIGN, SCHOOL, references)
    with pytest.raises(InputRejected, match="SNAPSHOT_UNKNOWN"):
        await registry.facts("snp_none")


async def test_a_name_is_resolved_where_it_is_unique(registry, roster_of, references):
    """Padding and dot variants do not matter; two namesakes need references; the name stays out of the error."""
    rows = [
        pupil_row(1, 姓名="例·云"),
        pupil_row(2, 姓名="例　月"),
        pupil_row(3, 姓名="例同名"),
        pupil_row(4, 姓名="例同名"),
    ]
    await registry.import_roster(CAMPAIGN, SCHOOL, roster_of(*rows), references)
    names = await registry.names(CAMPAIGN, SCHOOL)
    assert names[await registry.resolve(CAMPAIGN, SCHOOL, "2023-01", "例•云")] == ("2023-01", "例·云")
    assert names[await registry.resolve(CAMPAIGN, SCHOOL, "2023-01", "例月")][1] == "例　月"
    for class_id, name, code in (
        ("2023-01", "例同名", "STUDENT_AMBIGUOUS"),
        ("2023-02", "例月", "STUDENT_NOT_FOUND"),
        ("2023-01", "金丝雀", "STUDENT_NOT_FOUND"),
    ):
        with pytest.raises(InputRejected, match=code) as caught:
            await registry.resolve(CAMPAIGN, SCHOOL, class_id, name)
        assert name not in "".join(map(str, vars(caught.value).values()))


async def test_guardians_are_found_by_pupil_and_by_reference(registry, roster_of, references):
    """A new phone keeps the guardian's reference."""
    await registry.import_roster(CAMPAIGN, SCHOOL, roster_of(pupil_row(1)), references)
    (before,) = (await registry.guardians(CAMPAIGN, SCHOOL)).values()
    await registry.import_roster(CAMPAIGN, SCHOOL, roster_of(pupil_row(1, 监护人电话="10099999999")), references)
    after = await registry.guardian(before.guardian_ref)
    assert (before.phone, after.phone) == ("10000000001", "10099999999")
    assert "例大川" not in repr(after)


async def test_a_forgotten_family_is_gone_from_the_files(registry, roster_of, references, tmp_path: Path):
    """No byte of the name stays in the database or its log; the others stay, the digest stays."""
    rows = [pupil_row(1, 姓名="例金丝雀", 监护人姓名="例母雀", 监护人电话="10077777777"), pupil_row(2)]
    await registry.import_roster(CAMPAIGN, SCHOOL, roster_of(*rows), references)
    snapshot = await registry.take_snapshot(CAMPAIGN, SCHOOL, references)
    student = await registry.resolve(CAMPAIGN, SCHOOL, "2023-01", "例金丝雀")
    note = await registry.add_note(CAMPAIGN, "例金丝雀的家长来电", references, about=student)

    assert "金丝雀".encode() in database_bytes(tmp_path)
    assert await registry.forget_pupil(student) is True
    for value in ("金丝雀", "母雀", "10077777777"):
        assert value.encode() not in database_bytes(tmp_path)
    assert await registry.note_text(note.ref) is None
    assert [fact.student_ref for fact in await registry.facts(snapshot.ref)] == list(
        await registry.names(CAMPAIGN, SCHOOL)
    )
    assert await registry.forget_pupil(student) is False


async def test_identity_numbers_are_not_in_the_files(registry, roster_of, references, tmp_path: Path):
    """Only a keyed digest finds a pupil again."""
    row = pupil_row(1)
    await registry.import_roster(CAMPAIGN, SCHOOL, roster_of(row), references)
    files = database_bytes(tmp_path)
    assert str(row["姓名"]).encode() in files
    assert str(row["身份证号"]).encode() not in files


async def test_errors_of_the_database_show_no_values(registry):
    """Canary: a constraint that fails does not print the row."""
    row = {
        "guardian_ref": "gdn_a",
        "student_ref": "stu_a",
        "name": "例金丝雀",
        "phone": "10077777777",
    }
    with pytest.raises(IntegrityError) as caught:
        async with registry._writing.begin() as connection:
            await connection.execute(tables.guardians.insert(), [row, row])
    assert "金丝雀" not in str(caught.value)
    assert "10077777777" not in str(caught.value)


async def test_staff_is_replaced_as_a_whole(registry, county: Path):
    """What the file says is what is held, in its order."""
    members = load_staff(county / "staff.csv")
    await registry.replace_staff(CAMPAIGN, members)
    assert await registry.staff(CAMPAIGN) == members
    await registry.replace_staff(CAMPAIGN, members[:2])
    assert await registry.staff(CAMPAIGN) == members[:2]
    assert await registry.staff_member(CAMPAIGN, members[0].staff_ref) == members[0]
    assert await registry.staff_member(CAMPAIGN, members[-1].staff_ref) is None
    assert members[0].name not in repr(members[0])


async def test_schools_follow_the_campaign_file(registry, campaign_file):
    """Saving again changes nothing."""
    await registry.save_schools(CAMPAIGN, campaign_file)
    assert [(school.code, school.full_mark) for school in await registry.schools(CAMPAIGN)] == [
        (SCHOOL, 700),
        (OTHER, 700),
    ]


async def test_notes_are_salted(registry, references):
    """The same text twice has two digests; the text comes back."""
    first = await registry.add_note(CAMPAIGN, "电话未接", references)
    second = await registry.add_note(CAMPAIGN, "电话未接", references)
    assert first.digest != second.digest
    assert await registry.note_text(first.ref) == "电话未接"


async def test_a_registry_refuses_another_pepper(registry, tmp_path: Path):
    """With another pepper every pupil would seem new: better not to open at all."""
    with pytest.raises(InputRejected, match="PEPPER_MISMATCH"):
        await Registry.open(f"sqlite+aiosqlite:///{tmp_path / 'registry.db'}", b"q" * 32)


def test_a_pepper_is_made_once_and_for_its_owner_only(tmp_path: Path):
    """32 bytes, mode 0600, the same again, nothing left beside it."""
    path = tmp_path / "data" / "registry.pepper"
    pepper = load_pepper(path)
    assert (len(pepper), load_pepper(path) == pepper, path.stat().st_mode & 0o777) == (32, True, 0o600)
    assert [file.name for file in path.parent.iterdir()] == ["registry.pepper"]


async def test_sqlite_is_durable_and_forgets(registry):
    """Write-ahead log, full synchronisation, secure deletion."""
    async with registry._engine.connect() as connection:
        found = [
            (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "secure_delete")
        ]
    assert found == ["wal", 2, 1]


async def test_instants_come_back_in_utc_and_naive_ones_are_refused(registry, references):
    """SQLite would forget the offset."""
    await registry.add_note(CAMPAIGN, "x", references)
    async with registry._engine.connect() as connection:
        written = (await connection.execute(select(tables.notes.c.written_at))).scalar_one()
        assert written.tzinfo is UTC
        assert abs((datetime.now(UTC) - written).total_seconds()) < 60
        naive = datetime(2025, 1, 1)  # noqa: DTZ001 - the case
        with pytest.raises(StatementError, match="offset"):
            await connection.execute(select(func.count()).where(tables.notes.c.written_at == naive))


async def test_a_seeded_source_repeats_and_the_default_does_not():
    """Rehearsals repeat; real references cannot be guessed."""
    assert References.seeded(1).student() == References.seeded(1).student()
    assert References().student() != References().student()
    assert {len(References().guardian()), len(References().snapshot()), len(References().note())} == {14}


async def test_a_whole_county_is_imported(registry, campaign_file, county: Path, references):
    """Every row of the synthetic county is good, and the classes add up."""
    for school in campaign_file.schools:
        roster = read_roster(county / school.roster, campaign_file.year, full_mark=campaign_file.full_mark)
        assert roster.rejected == ()
        result = await registry.import_roster(CAMPAIGN, school.code, roster, references)
        snapshot = await registry.take_snapshot(CAMPAIGN, school.code, references)
        assert (result.added, result.elsewhere, snapshot.pupils, sum(snapshot.classes.values())) == (25, 0, 25, 25)
