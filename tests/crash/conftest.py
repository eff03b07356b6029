"""What the crash tests share: the year as it goes where nothing dies."""

import pytest_asyncio
from crash_house import undisturbed_year


@pytest_asyncio.fixture(scope="session")
async def one_school(tmp_path_factory):
    """One school's undisturbed year."""
    return await undisturbed_year(tmp_path_factory.mktemp("one_school"), 1, 40)


@pytest_asyncio.fixture(scope="session")
async def two_schools(tmp_path_factory):
    """Two schools' undisturbed year."""
    return await undisturbed_year(tmp_path_factory.mktemp("two_schools"), 2, 60)


@pytest_asyncio.fixture(scope="session")
async def two_small_schools(tmp_path_factory):
    """Two very small schools' undisturbed year, for tests that run it hundreds of times."""
    return await undisturbed_year(tmp_path_factory.mktemp("two_small_schools"), 2, 16)
