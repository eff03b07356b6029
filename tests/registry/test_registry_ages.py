"""Who counts as under fourteen, and which pupils share a telephone (R-17, R-18; DOMAIN §9b S18, §9 cases 5 and 8)."""

from datetime import date, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from registry_samples import CAMPAIGN, SCHOOL, pupil_row, write_xlsx

from activities.people import PeopleActivities
from cli.cautions import cautions
from cli.enrolment import enrol_joiners
from protocol import CohortRequest
from registry.ages import last_day_under_14
from registry.draft import prepare
from registry.records import ImportResult
from registry.references import References
from rehearsal.county import make_county

SHARED = "10012345678"


@pytest.mark.parametrize(
    ("born", "last"),
    [
        (date(2011, 12, 20), date(2025, 12, 20)),  # S18: treated as under 14 on the birthday itself
        (date(2012, 2, 29), date(2026, 3, 1)),  # no such day in 2026
        (date(2010, 2, 28), date(2024, 2, 28)),
        (date(2008, 2, 29), date(2022, 3, 1)),
        (date(2096, 2, 29), date(2110, 3, 1)),
    ],
)
def test_the_birthday_itself_still_counts(born, last):
    """To be careful: fourteen is somebody from the day after."""
    assert last_day_under_14(born) == last


@given(st.dates(date(1990, 1, 1), date(2080, 1, 1)))
def test_nobody_is_fourteen_before_fourteen_years(born):
    """Fourteen years have always passed, and never more than a day too many are waited for."""
    last = last_day_under_14(born)
    assert last.year - born.year == 14
    assert 0 <= (last - born).days - 14 * 365 - 3 <= 2


async def test_a_cohort_says_who_is_young_and_who_shares_a_telephone(registry, roster_of, references):
    """References only: no date and no number leaves the registry; four with one telephone, and not three."""
    rows = [
        *(pupil_row(number, 监护人电话=SHARED) for number in range(1, 5)),
        *(pupil_row(number, 监护人电话="10087654321") for number in range(5, 8)),
        *(pupil_row(number, 监护人电话="") for number in range(8, 13)),
    ]
    roster = roster_of(*rows)
    await registry.import_roster(CAMPAIGN, SCHOOL, roster, references)
    snapshot = await registry.take_snapshot(CAMPAIGN, SCHOOL, references)
    births = {row.name: row.birth_date for row in roster.accepted}
    names = {ref: name for ref, (_, name) in (await registry.names(CAMPAIGN, SCHOOL)).items()}
    youngest = max(births.values())
    day = last_day_under_14(youngest)
    people = PeopleActivities(registry)
    told = await people.cohort(CohortRequest(snapshot=snapshot.ref, digest=snapshot.digest, under_14_on=day))
    assert {names[ref] for ref in told["under_14"]} == {
        name for name, birth in births.items() if day <= last_day_under_14(birth)
    }
    later = day + timedelta(days=1)
    after = await people.cohort(CohortRequest(snapshot=snapshot.ref, digest=snapshot.digest, under_14_on=later))
    assert after["under_14"] == []
    assert await registry.shared_addresses(CAMPAIGN, 3) == {SHARED}
    assert await registry.shared_addresses(CAMPAIGN, 2) == {SHARED, "10087654321"}
    assert await registry.shared_addresses(CAMPAIGN, 4) == frozenset()
    assert await registry.shared_addresses("campaign/other/2026", 2) == frozenset()
    (group,) = told["shared_phones"]
    assert {names[ref] for ref in group} == {row.name for row in roster.accepted[:4]}
    assert SHARED not in str(told)
    assert await registry.listed_under_14(CAMPAIGN, SCHOOL, day) == told["under_14"]
    plain = await people.cohort(CohortRequest(snapshot=snapshot.ref, digest=snapshot.digest))
    assert plain == {"classes": told["classes"]}  # what a campaign of an earlier release was told


async def test_a_household_is_found_by_its_telephone(registry, roster_of, references):
    """Every number with its guardian's and pupil's reference; who has none is left out."""
    roster = roster_of(pupil_row(1, 监护人电话=SHARED), pupil_row(2, 监护人电话=""))
    await registry.import_roster(CAMPAIGN, SCHOOL, roster, references)
    (held,) = await registry.numbers(CAMPAIGN)
    assert (held.phone, held.school) == (SHARED, SCHOOL)
    assert [one.guardian_ref for one in await registry.guardians_of(held.student_ref)] == [held.guardian_ref]
    assert SHARED not in repr(held)
    assert await registry.numbers("campaign/elsewhere/2026") == []


async def test_a_launch_is_warned_of_telephones_that_many_share(registry, tmp_path):
    """How many telephones, and no number; three families of one telephone are no warning."""
    county = tmp_path / "county"
    make_county(county, schools=1, pupils=8, year=2026)
    roster = county / "rosters" / "9900010001.xlsx"
    for shared, warned in ((4, [1]), (3, [])):
        rows = [pupil_row(number, 监护人电话=SHARED) for number in range(1, shared + 1)]
        write_xlsx(roster, [*rows, pupil_row(9)])
        draft = await prepare(registry, county, References())
        assert [one["count"] for one in draft.warnings if one["code"] == "PHONE_SHARED"] == warned
        assert SHARED not in str(draft)
        (told,) = cautions([{"code": "PHONE_SHARED", "school": SCHOOL, "count": 1}])
        assert SCHOOL in told["message"]


class Rooms:
    """A running campaign of a release, as far as an enrolment asks."""

    settings = SimpleNamespace(ledger_url="postgresql://nowhere")

    def __init__(self, release):
        self.release = release
        self.given = []

    async def ledger(self):
        """Be the ledger."""
        return self

    async def registry(self):
        """Be the registry."""
        return self

    async def board(self, campaign):
        """Know one school."""
        return {f"{campaign}/{SCHOOL}": {}}

    async def events(self, _campaign):
        """Yield the draft."""
        yield {"data": {"release": self.release, "stages": {"application-filing": {"opens": "2026-05-11"}}}}

    async def listed_under_14(self, _campaign, _school, on):
        """Know who is young."""
        assert on == date(2026, 5, 11)
        return ["stu_young1"]

    async def command(self, _campaign, _change, kind, **fields):
        """Make a command."""
        return {"kind": kind, **fields}

    async def submit(self, _stream, command):
        """Keep a command."""
        self.given.append(command)
        return SimpleNamespace(receipt=SimpleNamespace(model_dump=lambda **_: {}))


@pytest.mark.parametrize(("release", "young"), [(3, [True, None]), (2, [None, None])])
async def test_a_late_joiner_is_enrolled_with_the_age(release, young):
    """From release 3 on the school hears who is under fourteen when the filing opens; an older one hears no more."""
    rooms = Rooms(release)
    joined = (("stu_young1", "2023-01"), ("stu_older1", "2023-01"))
    result = ImportResult(added=2, unchanged=0, changed=0, missing=0, added_students=joined, committed=True)
    await enrol_joiners(rooms, CAMPAIGN, SCHOOL, result, "stf_office")
    (command,) = rooms.given
    assert [row.get("under_14") for row in command["rows"]] == young
