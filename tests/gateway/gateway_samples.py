"""One family of a synthetic county, as references."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from domain.family_act import Party
from domain.time import SHANGHAI
from gateway.codes import Gateway

CAMPAIGN = "campaign/qingshan/2025"
SCHOOL = "9900010001"
VOCATIONAL = "9900020001"
PUPIL = "stu_aaaaaa"
OTHER_PUPIL = "stu_bbbbbb"
GUARDIAN = "gdn_aaaaaa"
OTHER_GUARDIAN = "gdn_bbbbbb"
DOCUMENT = "notice-1"
SECRET = bytes(range(32))
EXPIRES = datetime(2025, 6, 1, tzinfo=SHANGHAI)
IN_TIME = datetime(2025, 4, 1, 19, 30, tzinfo=SHANGHAI)


def act_ids() -> Callable[[], str]:
    """Return ids in order, as a rehearsal would."""
    numbers = itertools.count(1)
    return lambda: f"act_{next(numbers):010d}"


def sqlite_url(file: Path) -> str:
    """Return the URL of a SQLite file."""
    return f"sqlite+aiosqlite:///{file}"


async def letters(gateway: Gateway, student: str = PUPIL, document: str = DOCUMENT) -> tuple[str, str]:
    """Send both letters of a family and return the guardian's and the pupil's code."""
    guardian = "gdn_" + student.removeprefix("stu_")
    return (
        await gateway.issue(CAMPAIGN, SCHOOL, student, Party.GUARDIAN, guardian, document, EXPIRES),
        await gateway.issue(CAMPAIGN, SCHOOL, student, Party.PUPIL, student, document, EXPIRES),
    )
