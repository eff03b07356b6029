"""Holds and violations that the campaign's cases report: they block counting and payment, nothing else (INV-30).

A case decides in its own stream. The campaign notes it, so that the settlement sees it, and tells the schools whose
pupils are concerned. A school that starts later is told of holds that are still in force.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar

from domain.campaign_events import SchoolReady, SchoolStatus
from domain.campaign_state import CampaignState
from domain.compliance_events import (
    Hold,
    HoldHandedOn,
    HoldPlaced,
    HoldReleased,
    OwedHold,
    Violation,
    ViolationConfirmed,
    ViolationDismissed,
)
from domain.events import Envelope, Event
from domain.parts import Clock, Part
from domain.stream import Message, Outgoing, UnknownEventError, news
from domain.time import instant


class HoldsPart(Part[CampaignState]):
    """What the cases have placed, released, confirmed and dismissed, as the campaign knows it."""

    event_types: ClassVar[tuple[type[Event], ...]] = (
        HoldPlaced,
        HoldReleased,
        HoldHandedOn,
        ViolationConfirmed,
        ViolationDismissed,
    )
    messages: ClassVar[tuple[str, ...]] = ("hold", "violation", "dismissal")

    def evolve(self, state: CampaignState, event: Event, envelope: Envelope) -> None:
        """Keep what is in force; a school that has just become ready is owed the news of it."""
        register = state.holds
        match event:
            case HoldPlaced(hold=name):
                register.open[name] = Hold.model_validate(event.model_dump())
            case HoldReleased(hold=name):
                register.open.pop(name, None)
                register.owed = [owed for owed in register.owed if owed.hold != name]
            case HoldHandedOn(hold=name, school=school):
                register.owed = [owed for owed in register.owed if (owed.hold, owed.school) != (name, school)]
            case ViolationConfirmed(case=case):
                register.violations[case] = Violation.model_validate(event.model_dump())
            case ViolationDismissed(case=case):
                register.violations.pop(case, None)
            case SchoolReady(school=school):
                since = instant(envelope["recorded_at"])
                register.owed += [OwedHold(hold=name, school=school, since=since) for name in register.on(school)]

    def absorb(self, state: CampaignState, message: Message, now: datetime) -> list[Event]:
        """Note what a case tells; what is noted already changes nothing."""
        del now
        case = message.id.rpartition("#")[0].rpartition("/")[2]
        if case not in state.holds.cases:
            raise UnknownEventError(f"{message.id} is not from a case of {state.campaign}")
        fields = {**message.data, "case": case}
        match message.kind:
            case "hold":
                known = message.data["hold"] in state.holds.open
                if message.data["placed"]:
                    return [] if known else [HoldPlaced.model_validate(fields)]
                return [HoldReleased.model_validate(fields)] if known else []
            case "violation":
                return [ViolationConfirmed.model_validate(fields)]
            case _:
                return [ViolationDismissed.model_validate(fields)]

    def outgoing(self, state: CampaignState, event: Event, envelope: Envelope) -> list[Outgoing]:
        """Tell the schools concerned; a violation ends the consents that it touches, until it is dismissed."""
        match event:
            case HoldPlaced() | HoldReleased():
                placed = isinstance(event, HoldPlaced)
                return [
                    self._hold_news(
                        state, school, event.hold, Hold.model_validate(event.model_dump()), envelope, placed
                    )
                    for school in _running(state, event.school)
                ]
            case HoldHandedOn(hold=name, school=school):
                return [self._hold_news(state, school, name, state.holds.open[name], envelope, placed=True)]
            case ViolationConfirmed(case=case, students=students, final=False) if students:
                return self._pupils_news(state, event, "invalidate", envelope, case=case)
            case ViolationDismissed(case=case, students=students) if students:
                return self._pupils_news(state, event, "reinstate", envelope, case=case)
            case _:
                return []

    def clocks(self, state: CampaignState) -> Iterable[Clock]:
        """Yield the news that schools are still owed, one event for each."""
        for owed in state.holds.owed:
            yield owed.since, HoldHandedOn(hold=owed.hold, school=owed.school)

    def view(self, state: CampaignState) -> dict[str, object]:
        """Return how many holds are in force and how many violations are confirmed."""
        return {
            **({"case_holds": len(state.holds.open)} if state.holds.open else {}),
            **({"violations": len(state.holds.violations)} if state.holds.violations else {}),
        }

    # -- inside -----------------------------------------------------------------------------------------------

    def _hold_news(
        self, state: CampaignState, school: str, name: str, hold: Hold, envelope: Envelope, placed: bool
    ) -> Outgoing:
        place = {"scope": hold.scope, "class_id": hold.class_id, "student": hold.student}
        return news(f"{state.campaign}/{school}", "hold", envelope, hold=name, placed=placed, **place)

    def _pupils_news(
        self,
        state: CampaignState,
        event: ViolationConfirmed | ViolationDismissed,
        kind: str,
        envelope: Envelope,
        case: str,
    ) -> list[Outgoing]:
        told = {"students": list(event.students), "case": case, "reason": event.reason}
        return [news(f"{state.campaign}/{school}", kind, envelope, **told) for school in _running(state, event.school)]


def _running(state: CampaignState, school: str | None) -> list[str]:
    """Return the schools that are at work: one, or all where none is named."""
    running = [code for code, standing in state.standing.items() if standing is SchoolStatus.RUNNING]
    return running if school is None else [code for code in running if code == school]
