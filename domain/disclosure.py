"""What of a settlement may be shown to whom: small cells and the roles of the design's section 10 (R-22, INV-31).

Below school level a figure smaller than the least cell is left out, and so are those that would give it away where the
school's own sum is known (`domain.small_cells`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Any, Final

from domain.actors import Role
from domain.small_cells import is_small_count, shown

FIGURES: Final = ("quota", "countable", "completion", "reward_yuan", "points")
"""Keys of a class that are left out together: each of them gives the others away."""

WATCHERS: Final = (Role.AUDITOR, Role.DISCIPLINE_OFFICER)
"""Who watches over pressure, and sees figures of classes while families still decide."""

BUREAU_SIDE: Final = (*WATCHERS, Role.BUREAU_OFFICER, Role.BUREAU_APPROVER, Role.REGISTER_OFFICER)
SCHOOL_SIDE: Final = (Role.CLASS_HEAD, Role.GRADE_LEADER, Role.PRINCIPAL)


class Sight(StrEnum):
    """How much of a trial settlement a person sees."""

    ALL = "ALL"
    """Rewards, points, cliffs of every class: whoever watches over pressure, and later the bureau."""

    SERVICE = "SERVICE"
    """The service coverage of the person's own school, nothing else (DESIGN §10)."""

    NOTHING = "NOTHING"


def sight(role: Role, today: date, cutoff: date) -> Sight:
    """Return how much a role sees of a trial; a school sees its service at any time, for priority is help.

    Up to the counting cut-off the bureau sees nothing of it: a figure of a class is pressure as long as a family can
    still be pressed (DESIGN §10).

    Args:
        role: of who asks.
        today: the civil day on which they ask.
        cutoff: the last day of counting, which itself is before the cut-off.
    """
    if role in seers(today, cutoff):
        return Sight.ALL
    return Sight.SERVICE if role in SCHOOL_SIDE else Sight.NOTHING


def sees_small_cells(role: Role) -> bool:
    """Tell whether a role sees the figures of a small class: who watches over pressure does, others do not (R-22)."""
    return role in WATCHERS


def is_small(figure: str, least: int) -> bool:
    """Tell whether an exact figure, "4" or "4/7", names fewer pupils than the least cell; 0 tells of nobody."""
    return any(is_small_count(int(part), least) for part in figure.split("/"))


def seers(today: date, cutoff: date) -> tuple[Role, ...]:
    """Return the roles that see the figures of classes on a day."""
    return BUREAU_SIDE if today > cutoff else WATCHERS


def without_small_cells(classes: Sequence[dict[str, Any]], least: int) -> list[dict[str, Any]]:
    """Return classes as they may be shown outside: small figures are None and `suppressed` says so (R-22).

    Args:
        classes: rows with school, class and `FIGURES`.
        least: the least figure that is shown; 0 is shown, for it tells of nobody.
    """
    by_school: dict[str, dict[str, int]] = {}
    for number, row in enumerate(classes):
        by_school.setdefault(row["school"], {})[str(number)] = row["countable"]
    hidden = [
        int(number) for counts in by_school.values() for number, count in shown(counts, least).items() if count is None
    ]
    return [
        {**row, **(dict.fromkeys(FIGURES) if number in hidden else {}), "suppressed": number in hidden}
        for number, row in enumerate(classes)
    ]
