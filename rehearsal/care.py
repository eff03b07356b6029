"""Who looks after whom: the leading group, three carers for each class, and the letters that they sign (R-06, R-07).

All of it stands before the meetings with parents begin. One school in three has every letter; in the others those of
the teachers are missing, so that a reader sees both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, time
from typing import Any, Final

from domain.actors import Actor, Role
from domain.care_events import GRADE_SCOPE, SCHOOL_SCOPE, Level
from domain.partition import sizes
from domain.time import at
from rehearsal.driver import Planned
from rehearsal.scene import Diary, simulated

LEAD_DAYS: Final = 4
"""Working days before the mobilisation on which the group is formed; two days later all has been signed."""

VERSION: Final = "v1"
DEPUTY, FIRST_TEACHER = 9, 60
"""Numbers of stand-ins for people whom a staff list does not have."""


def care(diary: Diary, mobilisation: date) -> Iterator[Planned]:
    """Yield what a school does about its own people.

    Args:
        diary: of the school.
        mobilisation: the day on which the meetings with parents open.
    """
    scene = diary.scene
    day = scene.working(mobilisation, -LEAD_DAYS)
    deputy = simulated(Role.GRADE_LEADER, scene.code, DEPUTY)
    deputies = list(dict.fromkeys([deputy.id, scene.grade_leader.id]))
    yield diary.register_act(
        at(day, time(9, 0)), scene.principal, "form_leading_group", head=scene.principal.id, deputies=deputies
    )
    letters: list[tuple[Actor, Level, str]] = [
        (scene.principal, Level.PRINCIPAL, SCHOOL_SCOPE),
        (deputy, Level.VICE_PRINCIPAL, SCHOOL_SCOPE),
        (scene.grade_leader, Level.GRADE_LEADER, GRADE_SCOPE),
    ]
    split = scene.parameters.split
    for number, (class_id, students) in enumerate(sorted(scene.classes.items())):
        head = scene.heads[class_id]
        first = FIRST_TEACHER + number * len(split)
        teachers = [simulated(Role.CLASS_HEAD, scene.code, first + place) for place in range(len(split) - 1)]
        carers = [head.id, *(teacher.id for teacher in teachers)]
        yield diary.register_act(
            at(day, time(14, number % 60)), scene.grade_leader, "partition_class", class_id=class_id, carers=carers
        )
        letters.append((head, Level.CLASS_HEAD, class_id))
        with_pupils = zip(teachers, sizes(len(students), split)[1:], strict=True)
        if scene.manner == "on_time":
            letters += [(teacher, Level.TEACHER, class_id) for teacher, pupils in with_pupils if pupils]
    signed = scene.working(day, 2)
    for number, (signer, level, scope) in enumerate(letters):
        yield _signs(diary, signed, number, signer, level=level.value, scope=scope)


def _signs(diary: Diary, day: date, number: int, signer: Actor, **letter: Any) -> Planned:
    """Write down a signature; what is signed is a text that only its digest tells."""
    text = f"{diary.scene.year}/{letter['level']}/{letter['scope']}/{VERSION}"
    digest = hashlib.sha256(text.encode()).hexdigest()
    return diary.register_act(
        at(day, time(8 + number // 60, number % 60)), signer, "sign_letter", letter=digest, version=VERSION, **letter
    )
