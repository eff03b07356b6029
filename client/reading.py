"""What the ledger alone can answer."""

from __future__ import annotations

from collections.abc import Sequence

from domain.deciders import decider_of
from domain.stage import StageDecider
from domain.stage_events import StageSlug
from domain.stage_state import Todo
from domain.stream import fold
from ledger.store import Ledger
from protocol import stage_id

STAGES = tuple(slug.value for slug in StageSlug)


async def work_list(ledger: Ledger, campaign: str, school: str, classes: Sequence[str] = ()) -> dict[str, list[Todo]]:
    """Return, by stage, the pupils of a school (or of some of its classes) for whom service is missing (S1, A1).

    Args:
        ledger: what is folded; no engine is needed.
        campaign: the campaign's id.
        school: the school's reference.
        classes: classes to look at, none for all.
    """
    lists: dict[str, list[Todo]] = {}
    for slug in STAGES:
        stream = stage_id(campaign, school, slug)
        decider = decider_of(stream)
        envelopes = [envelope async for envelope in ledger.events(stream)]
        state = fold(decider, envelopes)
        if state is not None and isinstance(decider, StageDecider):
            todo = decider.work(state)
            lists[slug] = [item for item in todo if not classes or item.class_id in classes]
    return lists
