"""Who looks after which pupil of a class: 60, 20 and 20 of a hundred by largest remainder (R-06, F-G2, INV-16).

Exact throughout: shares are fractions, sizes whole pupils. Groups are ordered: whoever stands first stays longest when
a group must give pupils away. So the pupils of special groups are put first with the class head, and nothing needs to
remember, or to tell, who they are.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fractions import Fraction

Groups = tuple[tuple[str, ...], ...]
"""The pupils of a class by carer, in the carers' order; each group in the order in which its pupils stay."""


def sizes(pupils: int, split: Sequence[Fraction]) -> tuple[int, ...]:
    """Return how many pupils each carer has: largest remainder, a tie goes to the earlier carer (R-06, S09).

    Args:
        pupils: of the class, 0 or more.
        split: the carers' shares, which sum to 1; the class head's is the first.

    Raises:
        ValueError: the shares do not sum to 1, or one is negative.
    """
    if sum(split) != 1 or any(share < 0 for share in split):
        raise ValueError("the shares of a class sum to 1")
    exact = [share * pupils for share in split]
    whole = [int(part) for part in exact]
    by_remainder = sorted(range(len(split)), key=lambda place: (whole[place] - exact[place], place))
    for place in by_remainder[: pupils - sum(whole)]:
        whole[place] += 1
    return tuple(whole)


def partition(
    groups: Groups, students: Sequence[str], split: Sequence[Fraction], special: Collection[str] = ()
) -> Groups:
    """Return the groups of a class with as few moves as its sizes allow.

    A pupil who stays in the class keeps the carer unless that group has too many. Who needs a carer (a joiner, a pupil
    of a carer who is no more, one who had to be given away) goes to the groups that have room; pupils of special
    groups go to the class head first, and leave the class head last.

    Args:
        groups: the pupils by carer until now, one group for each share; empty ones for a class that has none yet.
        students: the pupils of the class now, each once.
        split: the carers' shares, the class head's first.
        special: pupils of special groups, as far as it is known.

    Raises:
        ValueError: the shares do not sum to 1, or there is not one group for each of them.
    """
    if len(groups) != len(split):
        raise ValueError("there is one group for each share")
    here, first = dict.fromkeys(students), dict.fromkeys(special)
    wanted = sizes(len(here), split)
    held = [[student for student in group if student in here] for group in groups]
    for place, group in enumerate(held):
        # who stands last is given away: with the class head the others, with the rest those whom the head takes first
        group.sort(key=lambda student: (student in first) != (place == 0))
    kept = [group[:room] for group, room in zip(held, wanted, strict=True)]
    placed = {student: None for group in kept for student in group}
    waiting = sorted((student for student in here if student not in placed), key=lambda student: student not in first)
    for place, group in enumerate(kept):
        room = wanted[place] - len(group)
        taken, waiting = waiting[:room], waiting[room:]
        leading = [student for student in taken if place == 0 and student in first]
        group[:0] = leading
        group += [student for student in taken if student not in leading]
    return tuple(map(tuple, kept))
