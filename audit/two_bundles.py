"""Two bundles of one campaign beside each other: does the later one hold all of the earlier one, as it was?

Both are verified first, so that each is by itself what somebody signed. What verifying one of them cannot see is that
another was signed before, in which an event read otherwise, or stood where now there is none. In one log the leaves
never move: the events of the later bundle must begin with those of the earlier, byte for byte.

Nobody is asked who reads: whoever has a bundle has every event of it. Figures of small classes are left out all the
same (R-22), for what is compared is often shown on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from audit.bundle_ledger import Bundle
from audit.diff import Diff, Row, compare, of_school, settled, taken_back
from audit.figures import figure_changes
from audit.verifier.verify_bundle import KEYS, NOTE


class Relation(StrEnum):
    """How the second bundle stands to the first."""

    SAME = "same"
    """The same bytes."""
    SAME_EVENTS = "same_events"
    """The same events in the same order; members beside them differ, and are named."""
    CONTINUES = "continues"
    """All events of the first, as they were, and more."""
    CUT = "cut"
    """Less than the first, and nothing else."""
    FORKED = "forked"
    """An event of the first is another one, or missing, while others were added."""
    TWO_LOGS = "two_logs"
    """Neither holds the other, and they are two logs: nothing was promised across them."""
    REORDERED = "reordered"
    """The first one's events are all there, but not in the order that its head signed."""


SOUND: Final = (Relation.SAME, Relation.SAME_EVENTS, Relation.CONTINUES)
"""Nothing of the first bundle was taken back."""


NAMED: Final = 50
"""So many events that were taken back are named: one that is changed alters the hash of all after it."""


class OtherCampaignError(Exception):
    """The two bundles are of two campaigns: nothing in one can be compared with the other."""


@dataclass(frozen=True)
class Compared:
    """What differs between two bundles.

    Attributes:
        first, second: the bundles.
        relation: how the second stands to the first.
        one_log: whether both are of one log: of one name, and begun with one key.
        members: `{name, was, is}`, the digests of members that differ, None where one has none of the name; the note
            alone where nothing else differs but the files do.
        taken_back: the events of the first that the second has not, or has otherwise, at most `NAMED`; of the whole.
        changes: events, states and figures, as between two moments.
        figures_not_computable: the sides ("was", "is") whose events the rules of this program cannot settle.
    """

    first: Bundle
    second: Bundle
    relation: Relation
    one_log: bool
    members: list[Row]
    taken_back: list[Row]
    changes: Diff
    figures_not_computable: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Tell whether nothing of the first bundle was taken back."""
        return self.relation in SOUND


async def compare_bundles(
    first: Bundle, second: Bundle, *, school: str | None = None, student: str | None = None
) -> Compared:
    """Tell two verified bundles of a campaign apart.

    Args:
        first: the earlier one.
        second: the later one.
        school: tell the differences of this school's streams only.
        student: tell what is about this pupil only. How the bundles stand to each other is told of the whole.

    Raises:
        OtherCampaignError: they are of two campaigns.
    """
    campaign = first.verdict.campaign
    if second.verdict.campaign != campaign:
        raise OtherCampaignError(campaign, second.verdict.campaign)
    was, is_ = (one.streams if school is None else of_school(one.streams, school) for one in (first, second))
    changes = compare(was, is_, student=student)
    broken: tuple[str, ...] = ()
    if school is None and student is None:
        changes, broken = await _with_figures(changes, first, second)
    return Compared(
        first,
        second,
        relation=relation_of(first, second),
        one_log=one_log(first, second),
        members=_members(first, second),
        taken_back=taken_back(first.streams, second.streams)[:NAMED],
        changes=changes,
        figures_not_computable=broken,
    )


def one_log(first: Bundle, second: Bundle) -> bool:
    """Tell whether two bundles are of one log: its name is the same, and so is the key that began it.

    A key may be followed by others; who begins a log of the same name with another key has another log.
    """
    same_key = first.members.get(KEYS) == second.members.get(KEYS)
    return same_key and first.verdict.origin == second.verdict.origin


def relation_of(first: Bundle, second: Bundle) -> Relation:
    """Tell how the second bundle stands to the first.

    Two logs (a county's, and its copy under another key) may take in the same events in another order, since their
    heads were made at other moments: only within one log is an order a promise.
    """
    if first.sha256 == second.sha256:
        return Relation.SAME
    same_log = one_log(first, second)
    held, holds = _names(first), _names(second)
    if held == holds:
        return Relation.SAME_EVENTS if first.lines == second.lines or not same_log else Relation.REORDERED
    if held < holds:
        return Relation.CONTINUES if second.lines.startswith(first.lines) or not same_log else Relation.REORDERED
    if holds < held:
        return Relation.CUT
    return Relation.FORKED if same_log else Relation.TWO_LOGS


# -- inside -------------------------------------------------------------------------------------------------------


def _names(bundle: Bundle) -> frozenset[tuple[str, int, str]]:
    return frozenset(
        (stream, int(envelope["version"]), envelope["hash"])
        for stream, envelopes in bundle.streams.items()
        for envelope in envelopes
    )


def _members(first: Bundle, second: Bundle) -> list[Row]:
    names = sorted({**first.members, **second.members})
    rows = [{"name": name, "was": first.members.get(name), "is": second.members.get(name)} for name in names]
    differing = [row for row in rows if row["was"] != row["is"]]
    if not differing and first.sha256 != second.sha256:
        return [{"name": NOTE, "was": first.verdict.key, "is": second.verdict.key}]
    return differing


async def _with_figures(changes: Diff, first: Bundle, second: Bundle) -> tuple[Diff, tuple[str, ...]]:
    """Add what a trial settlement makes of both, by each one's own policy; small classes are left out (R-22)."""
    found, broken = [], []
    for name, bundle in (("was", first), ("is", second)):
        try:
            found.append(await settled(bundle.ledger, bundle.verdict.campaign))
        except Exception:  # noqa: BLE001 - whoever has the key can sign events that no rule would have written
            broken.append(name)
    if broken:
        return changes, tuple(broken)
    (was, _), (is_, least) = found
    return replace(changes, settlement=figure_changes(was, is_, least)), ()
