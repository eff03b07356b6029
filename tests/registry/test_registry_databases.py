"""The registry on SQLite and on PostgreSQL: one course of a registry's life, the same on both."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from registry_samples import CAMPAIGN, CLASS_YEAR, SCHOOL
from sqlalchemy import insert, text

from registry import database, tables
from registry.problems import InputRejected
from registry.references import References
from registry.roster_rows import CaregiverContact, Contact, PupilRow, Roster
from registry.staff_file import StaffMember
from registry.store import Registry

sys.path.append(str(Path(__file__).parents[1] / "ledger"))  # for `ledger_postgres`, also when run alone
from ledger_postgres import NoPostgresError, make_empty, own_server

PEPPER = b"p" * 32
OTHER_SCHOOL = "9900010002"
OLD = (
    "DROP TABLE caregivers",
    "DROP TABLE guardians",
    "ALTER TABLE pupils DROP COLUMN email",
    "ALTER TABLE pupils DROP COLUMN language",
    "ALTER TABLE staff DROP COLUMN wecom",
    """CREATE TABLE guardians (guardian_ref VARCHAR(40) PRIMARY KEY, student_ref VARCHAR(40) NOT NULL,
    name TEXT NOT NULL, phone VARCHAR(20) NOT NULL, CONSTRAINT uq_guardians UNIQUE (student_ref))""",
    "INSERT INTO guardians VALUES ('gdn_a', 'stu_a', '例大川', '10000000001')",
    "DELETE FROM registry_settings WHERE name = 'schema'",
)
"""What makes a registry of schema 1 of a new one."""


@pytest.fixture(scope="session")
def registry_postgres() -> Iterator[str]:
    """Return the URL of a PostgreSQL server of our own; skip with the reason where there is none."""
    try:
        with own_server() as url:
            yield url
    except NoPostgresError as error:
        pytest.skip(str(error))


@pytest.fixture(params=["sqlite", "postgresql"])
async def registry_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'registry.db'}"
    url = str(request.getfixturevalue("registry_postgres"))
    await make_empty(url)
    return url


@pytest.fixture
async def held(registry_url: str, campaign_file) -> AsyncIterator[Registry]:
    """Return an open registry that knows the county's schools and no pupils."""
    opened = await Registry.open(registry_url, PEPPER)
    await opened.save_schools(CAMPAIGN, campaign_file)
    yield opened
    await opened.close()


def pupil(number: int, **changes: object) -> PupilRow:
    """Return a pupil with two guardians and a caregiver, as a roster's row."""
    row = {
        "sheet": "r",
        "row": number,
        "name": f"例{number}",
        "class_id": f"{CLASS_YEAR - 3}-01",
        "id_number": f"99000120110305{number:04d}",
        "birth_date": date(2011, 3, 5),
        "guardians": (Contact("例大川", f"100{number:08d}", "a@example.invalid"), Contact("例小禾", "", "")),
        "mark_tenths": 3455,
        "absence_days": 0,
        "informed": None,
        "language": "en",
        "caregiver": CaregiverContact("例阿婆", "", "n@example.invalid", agreed=True),
    }
    return PupilRow(**{**row, **changes})  # type: ignore[arg-type]


async def test_a_registrys_life(held, references):
    """Pupils come, change, go to a snapshot and are forgotten; numbers, notes and staff are found; twice is once."""
    rows = [pupil(number) for number in range(1, 603)]  # more than one portion of parameters
    first = await held.import_roster(CAMPAIGN, SCHOOL, Roster(tuple(rows)), references)
    again = await held.import_roster(CAMPAIGN, SCHOOL, Roster(tuple(rows[::-1])), references)
    assert ((first.added, first.changed), (again.added, again.unchanged)) == ((602, 0), (0, 602))
    swapped = pupil(1, guardians=(Contact("例小禾", "10000009999", ""), Contact("例大川", "", "a@example.invalid")))
    later = Roster((swapped, *rows[1:-1]))
    changed = await held.import_roster(CAMPAIGN, SCHOOL, later, references, expect=None)
    assert (changed.changed, changed.missing, len(changed.left_students)) == (1, 1, 1)
    one = await held.resolve(CAMPAIGN, SCHOOL, f"{CLASS_YEAR - 3}-01", "例1")
    household = await held.household(one)
    assert [guardian.name for guardian in household.guardians] == ["例小禾", "例大川"]
    assert (household.caregiver.name, household.caregiver.agreed) == ("例阿婆", True)
    numbers = [number.phone for number in await held.numbers(CAMPAIGN) if number.student_ref == one]
    assert numbers == ["10000009999"]

    taken = await held.take_snapshot(CAMPAIGN, SCHOOL, references)
    assert await held.take_snapshot(CAMPAIGN, SCHOOL, references) == taken
    facts = await held.facts(taken.ref)
    assert (len(facts), facts[0].mark_tenths, facts[0].informed) == (601, 3455, None)
    assert len(await held.under_14(taken.ref, date(2025, 3, 5))) == 601
    assert await held.shared_phones(taken.ref) == []
    note = await held.add_note(CAMPAIGN, "家访记录", references, about=one)
    members = [StaffMember(staff_ref="stf_a", role="class_head", school=SCHOOL, classes=("2023-01",), name="甲")]
    await held.replace_staff(CAMPAIGN, members)
    assert (await held.staff(CAMPAIGN), await held.note_text(note.ref)) == (tuple(members), "家访记录")

    (written,) = await held._rows(tables.notes.select())
    assert (written["written_at"].tzinfo, written["written_at"] <= datetime.now(UTC)) == (UTC, True)

    assert await held.forget_pupil(one)
    assert not await held.forget_pupil(one)
    assert (await held.household(one), await held.note_text(note.ref)) == (None, None)
    assert (len(await held.facts(taken.ref)), await held.snapshot_digest(taken.ref)) == (600, taken.digest)


async def test_several_open_an_empty_registry_at_once(registry_url):
    """One makes the tables; all of them read and write the same; another pepper is refused."""
    opened = await asyncio.gather(*(Registry.open(registry_url, PEPPER) for _ in range(4)))
    note = await opened[0].add_note(CAMPAIGN, "一", References.seeded(1))
    assert [await one.note_text(note.ref) for one in opened] == ["一"] * 4
    for one in opened:
        await one.close()
    with pytest.raises(InputRejected, match="PEPPER_MISMATCH"):
        await Registry.open(registry_url, b"q" * 32)


async def test_two_imports_of_one_school_come_one_after_the_other(held):
    """Both take the same roster at the same time: each pupil is held once."""
    roster = Roster(tuple(pupil(number) for number in range(1, 40)))
    both = await asyncio.gather(
        *(held.import_roster(CAMPAIGN, SCHOOL, roster, References.seeded(seed)) for seed in (1, 2))
    )
    assert sorted(result.added for result in both) == [0, 39]
    assert len(await held.names(CAMPAIGN, SCHOOL)) == 39


async def test_two_schools_that_take_one_person_at_once(held):
    """Late rosters with the same newcomer arrive together: one school has the pupil, the other is refused (INV-01)."""
    rosters = {school: Roster((pupil(1),)) for school in (SCHOOL, OTHER_SCHOOL)}
    both = await asyncio.gather(
        *(
            held.import_roster(CAMPAIGN, school, roster, References.seeded(seed), exclusive=True)
            for seed, (school, roster) in enumerate(rosters.items())
        ),
        return_exceptions=True,
    )
    assert sorted(getattr(one, "code", "taken") for one in both) == ["PUPIL_AT_ANOTHER_SCHOOL", "taken"]
    assert sum([len(await held.names(CAMPAIGN, school)) for school in rosters]) == 1


async def test_a_registry_of_the_first_schema_is_brought_up_on_every_database(held, registry_url):
    """From schema 1 to the newest, on the database that holds it: nobody is lost, and everything new fits."""
    values = {
        "student_ref": "stu_a", "campaign": CAMPAIGN, "school": SCHOOL, "id_key": "k", "listed": True,
        "class_id": "2023-01", "name": "例云溪", "birth_date": date(2011, 3, 5), "salt": "s",
    }  # fmt: skip
    engine = database.create(registry_url)
    async with engine.begin() as connection:
        await connection.execute(insert(tables.pupils).values(**values))
        for statement in OLD:
            await connection.execute(text(statement))
    await engine.dispose()
    again = await Registry.open(registry_url, PEPPER)
    household = await again.household("stu_a")
    assert [(one.guardian_ref, one.phone, one.position) for one in household.guardians] == [("gdn_a", "10000000001", 1)]
    changed = await again.import_roster(CAMPAIGN, SCHOOL, Roster((pupil(1),)), References.seeded(1))
    assert (changed.added, changed.missing) == (1, 1)
    await again.close()
