"""The application window of a campaign's file: in it families must be able to sign (R-11)."""

from __future__ import annotations

import re

import pytest

from registry.campaign_file import load_campaign
from registry.draft import prepare
from registry.problems import InputRejected
from registry.references import References
from rehearsal.county import make_county


@pytest.fixture
def windowed(tmp_path):
    """Return a county of class 2025 and what writes its window; the filing opens on 2025-05-12."""
    directory = tmp_path / "2025"
    make_county(directory, 2, 8, year=2025)
    place = directory / "campaign.toml"
    text = re.sub(r"\[application_window\]\n(?:[a-z_]+ = .*\n)*\n*", "", place.read_text())
    text = re.sub(r"(\[stages.application-filing\]\nopens = )\S+", r"\g<1>2025-05-12", text)

    def write(first, last):
        head, *schools = text.split("[[schools]]\n")
        window = f"[application_window]\nfirst = {first}\nlast = {last}\n\n"
        place.write_text("[[schools]]\n".join([head + window, *schools]))
        return directory

    return write


@pytest.mark.parametrize("last", ["2025-05-11", "2025-05-12", "2024-06-27"])
async def test_a_window_in_which_nobody_could_sign_is_refused(registry, windowed, last):
    """Also on the day of the opening: a signature works a day after the acknowledgement. Nobody's roster is taken."""
    directory = windowed("2024-05-01", last)
    with pytest.raises(InputRejected) as refused:
        await prepare(registry, directory, References.seeded(3))
    told = refused.value
    assert (told.code, told.place) == ("APPLICATION_WINDOW_OVER", "campaign.toml: application_window.last")
    for language in ("zh", "en"):
        assert last in told.message(language)
        assert "2025-05-12" in told.message(language)
    school = load_campaign(directory).schools[0].code
    assert await registry.names("campaign/qingshan/2025", school) == {}


@pytest.mark.parametrize(
    ("last", "warned"), [("2025-05-13", True), ("2025-05-19", True), ("2025-05-20", False), ("2025-06-27", False)]
)
async def test_whoever_launches_is_told_where_every_cooling_off_would_be_short(registry, windowed, last, warned):
    """The earliest signature is one of 13 May, its seven days end with the 20th."""
    draft = await prepare(registry, windowed("2025-05-12", last), References.seeded(3))
    told = [warning for warning in draft.warnings if warning["code"] == "COOLING_CUT_FOR_ALL"]
    assert told == ([{"code": "COOLING_CUT_FOR_ALL", "opens": "2025-05-12", "last": last}] if warned else [])


@pytest.mark.parametrize("first", ["0001-01-01", "9999-12-30"])
async def test_a_slip_in_the_year_is_refused_before_any_stage_would_stumble_over_it(windowed, first):
    """No calendar reckons with it: the school's filing could not begin."""
    with pytest.raises(InputRejected) as refused:
        load_campaign(windowed(first, "9999-12-31"))
    assert refused.value.code == "CAMPAIGN_FILE_INVALID"
    assert refused.value.place.startswith("campaign.toml: application_window.")
