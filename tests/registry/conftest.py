"""What the registry's tests share: a synthetic county and an open registry."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from registry_samples import CAMPAIGN, CLASS_YEAR, write_xlsx

from registry.campaign_file import CampaignFile, load_campaign
from registry.references import References
from registry.roster import Roster, read_roster
from registry.store import Registry
from rehearsal.county import make_county


@pytest.fixture
def roster_of(tmp_path: Path) -> Callable[..., Roster]:
    """Return a function from rows to the roster read back from a workbook."""

    def read(*rows: dict[str, object] | None) -> Roster:
        return read_roster(write_xlsx(tmp_path / "roster.xlsx", list(rows)), CLASS_YEAR, full_mark=700)

    return read


@pytest.fixture
def references() -> References:
    """Return a source that repeats."""
    return References.seeded(7)


@pytest.fixture
def county(tmp_path: Path) -> Path:
    """Return the directory of a small county of the class year."""
    directory = tmp_path / "county"
    make_county(directory, schools=2, pupils=50, year=CLASS_YEAR)
    return directory


@pytest.fixture
def campaign_file(county: Path) -> CampaignFile:
    """Return the county's campaign file."""
    return load_campaign(county)


@pytest.fixture
async def registry(tmp_path: Path, campaign_file: CampaignFile) -> AsyncIterator[Registry]:
    """Return an open registry that knows the county's schools and no pupils."""
    opened = await Registry.open(f"sqlite+aiosqlite:///{tmp_path / 'registry.db'}", b"p" * 32)
    await opened.save_schools(CAMPAIGN, campaign_file)
    yield opened
    await opened.close()
