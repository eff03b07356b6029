"""One person has one case in a campaign (INV-01): nobody stands in the rosters of two schools when it is launched."""

from __future__ import annotations

import pytest
from registry_samples import pupil_row, write_xlsx

from registry.draft import prepare
from registry.problems import InputRejected
from registry.references import References
from rehearsal.county import make_county

FIRST, SECOND, THIRD = "9900010001", "9900010002", "9900010003"


@pytest.fixture
def three_schools(tmp_path):
    """Return a county whose third school has the synthetic pupils; the first two get their rosters from the test."""
    county = tmp_path / "three"
    make_county(county, schools=3, pupils=8, year=2026)

    def write(school, *rows):
        write_xlsx(county / "rosters" / f"{school}.xlsx", list(rows))

    write(FIRST, pupil_row(1), pupil_row(2))
    return county, write


async def test_nobody_is_launched_at_two_schools(registry, three_schools):
    """Both schools and rows are named and no value; no school's roster is taken, and again goes through when mended."""
    county, write = three_schools
    write(SECOND, pupil_row(3), pupil_row(2, 姓名="例云禾", 监护人电话="10000000099"))
    with pytest.raises(InputRejected) as refused:
        await prepare(registry, county, References.seeded(3))
    told = refused.value
    assert told.code == "PUPIL_AT_ANOTHER_SCHOOL"
    assert told.place.count("!3") == 2
    for language in ("zh", "en"):
        assert f"{FIRST} / {SECOND}" in told.message(language)
        assert THIRD not in told.message(language)
    spoken = told.message("zh") + told.message("en") + told.place + repr(told)
    assert not any(str(value) in spoken for value in (pupil_row(2)["身份证号"], pupil_row(2)["姓名"]))
    campaign = "campaign/qingshan/2026"
    assert [await registry.names(campaign, school) for school in (FIRST, SECOND, THIRD)] == [{}, {}, {}]

    write(SECOND, pupil_row(3))
    draft = await prepare(registry, county, References.seeded(3))
    assert (draft.pupils[FIRST], draft.pupils[SECOND]) == (2, 1)
    assert draft.campaign == campaign
    assert len(await registry.names(campaign, FIRST)) == 2
    write(FIRST, pupil_row(1))
    write(SECOND, pupil_row(2), pupil_row(3))  # moved before the launch: each roster is read whole, none comes first
    draft = await prepare(registry, county, References.seeded(4))
    assert (draft.pupils[FIRST], draft.pupils[SECOND]) == (1, 2)


async def test_twins_and_namesakes_of_two_schools_are_two_persons(registry, three_schools):
    """Only the identity number says that two are one."""
    county, write = three_schools
    write(SECOND, pupil_row(4, 姓名=pupil_row(1)["姓名"], 监护人电话=pupil_row(1)["监护人电话"]))
    draft = await prepare(registry, county, References.seeded(3))
    assert draft.pupils[SECOND] == 1
