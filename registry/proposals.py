"""Rows of a roster that a person should look at together: twins, one pupil twice, a corrected identity number.

Nothing here decides: two pupils stay two until somebody says otherwise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations, pairwise
from typing import Final

from sqlalchemy import RowMapping

from registry.names import name_key
from registry.records import Proposal
from registry.roster_rows import PupilRow

NEAR: Final = 2
"""Sequence numbers of twins who were registered together lie this close; one of each gender leaves a gap."""


def proposals_of(rows: Sequence[PupilRow], added: Iterable[PupilRow], gone: Iterable[RowMapping]) -> list[Proposal]:
    """Return what to look at, in the order of the file.

    Args:
        rows: the accepted rows.
        added: of these, the pupils not held yet.
        gone: pupils held who are not in the file: `student_ref`, `name`, `birth_date`.
    """
    return [*_twins(rows), *_twice(rows), *_corrected(added, gone)]


def _twins(rows: Sequence[PupilRow]) -> list[Proposal]:
    """Pair pupils of one birthday and family whose numbers lie side by side: region, birthday, sequence."""
    groups: dict[str, list[PupilRow]] = defaultdict(list)
    for row in rows:
        groups[row.id_number[:14]].append(row)
    found = []
    for group in groups.values():
        for one, other in pairwise(sorted(group, key=lambda row: row.id_number)):
            near = int(other.id_number[14:17]) - int(one.id_number[14:17]) <= NEAR
            phone = one.guardian_phone and one.guardian_phone == other.guardian_phone
            if near and (phone or one.name[:1] == other.name[:1]):
                found.append(Proposal("TWINS", _places(one, other)))
    return sorted(found, key=lambda proposal: proposal.places)


def _twice(rows: Sequence[PupilRow]) -> list[Proposal]:
    groups: dict[tuple[str, object], list[PupilRow]] = defaultdict(list)
    for row in rows:
        groups[name_key(row.name), row.birth_date].append(row)
    return [
        Proposal("SAME_NAME_AND_BIRTH", _places(*pair)) for group in groups.values() for pair in combinations(group, 2)
    ]


def _corrected(added: Iterable[PupilRow], gone: Iterable[RowMapping]) -> list[Proposal]:
    left: dict[tuple[str, object], list[str]] = defaultdict(list)
    for pupil in gone:
        left[name_key(pupil["name"]), pupil["birth_date"]].append(pupil["student_ref"])
    return [
        Proposal("ID_CORRECTED", _places(row), tuple(sorted(left[key])))
        for row in added
        if (key := (name_key(row.name), row.birth_date)) in left
    ]


def _places(*rows: PupilRow) -> tuple[str, ...]:
    return tuple(f"{row.sheet}:{row.row}" for row in sorted(rows, key=lambda row: (row.sheet, row.row)))
