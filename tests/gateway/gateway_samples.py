"""One family of a synthetic county, as references."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from domain.family_act import FamilyAct, Party
from domain.time import SHANGHAI
from gateway.codes import Gateway, Said
from gateway.store import Binding

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


def bound(student: str = PUPIL, party: Party = Party.GUARDIAN, **more: str) -> Binding:
    """Return what a code of this family is bound to."""
    person = student if party is Party.PUPIL else "gdn_" + student.removeprefix("stu_")
    fields = {"campaign": CAMPAIGN, "school": SCHOOL, "student": student, "person": person, "document": DOCUMENT}
    return Binding.model_validate({**fields, "party": party, **more})


async def act(
    gateway: Gateway,
    code: str,
    kind: str,
    *,
    at: datetime,
    student: str | None = None,
    request: str | None = None,
    called_back: bool = False,
    **more: object,
) -> FamilyAct:
    """Do something with a code."""
    said = Said(kind, **more)
    return await gateway.act(code, said, at=at, student=student, request=request, called_back=called_back)


async def letters(gateway: Gateway, student: str = PUPIL, document: str = DOCUMENT) -> tuple[str, str]:
    """Send both letters of a family and return the guardian's and the pupil's code."""
    guardian = "gdn_" + student.removeprefix("stu_")
    return (
        await gateway.issue(CAMPAIGN, SCHOOL, student, Party.GUARDIAN, guardian, document, EXPIRES),
        await gateway.issue(CAMPAIGN, SCHOOL, student, Party.PUPIL, student, document, EXPIRES),
    )
