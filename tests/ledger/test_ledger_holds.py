"""Holds: a pause acts at once, by a row that is written with its event (design, section 5)."""

from __future__ import annotations

from typing import Any

import pytest
from ledger_samples import CAMPAIGN, OTHER_SCHOOL, SCHOOL, chain, paused, put, read, resumed, seal_all, stopped

from domain.events import Event
from ledger.store import Ledger

SCHOOL_SCOPE = f"{CAMPAIGN}/{SCHOOL}"
OTHER_SCOPE = f"{CAMPAIGN}/{OTHER_SCHOOL}"


async def scopes(ledger: Ledger, campaign: str = CAMPAIGN) -> list[str]:
    """Return the scopes that are held, oldest hold first."""
    return [hold["scope"] for hold in await ledger.open_holds(campaign)]


async def test_a_pause_and_a_stop_place_a_hold(ledger: Ledger) -> None:
    """The row says what is held, why, since when and by which event."""
    events = seal_all(CAMPAIGN, [paused(SCHOOL), paused(), stopped()])

    await put(ledger, events)

    assert await ledger.open_holds(CAMPAIGN) == [
        {
            "cause": f"{CAMPAIGN}#{number}",
            "scope": scope,
            "reason": reason,
            "placed_at": events[number - 1]["recorded_at"],
            "released_by": None,
            "released_at": None,
        }
        for number, scope, reason in ((1, SCHOOL_SCOPE, "FLOOD"), (2, CAMPAIGN, "FLOOD"), (3, CAMPAIGN, "ORDERED"))
    ]


CASES: dict[str, tuple[list[Event], list[str]]] = {
    "the campaign's pause ends": ([paused(), resumed()], []),
    "the school's pause ends": ([paused(SCHOOL), resumed(SCHOOL)], []),
    "a school's end leaves the campaign's pause": ([paused(SCHOOL), paused(), resumed(SCHOOL)], [CAMPAIGN]),
    "the campaign's end leaves a school's pause": ([paused(SCHOOL), paused(), resumed()], [SCHOOL_SCOPE]),
    "one school's end leaves another's pause": (
        [paused(SCHOOL), paused(OTHER_SCHOOL), resumed(SCHOOL)],
        [OTHER_SCOPE],
    ),
    "a second pause holds again": ([paused(SCHOOL), resumed(SCHOOL), paused(SCHOOL)], [SCHOOL_SCOPE]),
    "an end without a pause": ([resumed(SCHOOL)], []),
}


@pytest.mark.parametrize("together", [True, False], ids=["one batch", "a batch each"])
@pytest.mark.parametrize("case", CASES)
async def test_a_resume_releases_the_holds_of_its_scope_only(ledger: Ledger, case: str, together: bool) -> None:
    """Campaign and school are separate scopes, whether the events come in one batch or in several."""
    events, held = CASES[case]
    sealed = seal_all(CAMPAIGN, events)

    for batch in [sealed] if together else [[envelope] for envelope in sealed]:
        await put(ledger, batch)

    assert await scopes(ledger) == held


async def test_a_repeated_batch_places_no_hold_anew(ledger: Ledger) -> None:
    """The pause's append is retried after the resume: what was released stays released."""
    events = seal_all(CAMPAIGN, [paused(), resumed()])
    await put(ledger, events[:1])
    await put(ledger, events)

    assert await put(ledger, events[:1]) == 0

    assert await scopes(ledger) == []


async def test_a_hold_and_its_event_are_written_together(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure after the hold was placed, or released, undoes it with its event."""
    events = seal_all(CAMPAIGN, [paused(), resumed()])

    def fails(*_arguments: Any) -> None:
        raise OSError("the board fails")

    async def put_and_fail(batch: list[dict[str, Any]]) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(ledger, "_set_board", fails)
            with pytest.raises(OSError, match="the board fails"):
                await put(ledger, batch)

    await put_and_fail(events[:1])
    assert await scopes(ledger) == []
    assert await read(ledger, CAMPAIGN) == []

    await put(ledger, events[:1])
    await put_and_fail(events[1:])
    assert await scopes(ledger) == [CAMPAIGN]


async def test_a_campaign_shows_its_own_holds_only(ledger: Ledger) -> None:
    """Neither a campaign whose id begins alike, nor one that differs in case, is mistaken for it."""
    for campaign in (CAMPAIGN, f"{CAMPAIGN}9", CAMPAIGN.replace("yunling", "Yunling"), CAMPAIGN.replace("g/", "g_")):
        await put(ledger, seal_all(campaign, [paused(), paused(SCHOOL)]))

    assert await scopes(ledger) == [CAMPAIGN, SCHOOL_SCOPE]


async def test_holds_come_in_the_order_in_which_they_were_placed(ledger: Ledger) -> None:
    """The eleventh event's hold stands after the second's."""
    schools = [f"53010200{number:02d}" for number in range(12)]

    await put(ledger, seal_all(CAMPAIGN, [paused(school) for school in schools]))

    assert await scopes(ledger) == [f"{CAMPAIGN}/{school}" for school in schools]


async def test_other_events_place_no_hold(ledger: Ledger) -> None:
    """Only pause and stop hold."""
    await put(ledger, chain(5))

    assert await scopes(ledger) == []
