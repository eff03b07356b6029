"""How a dropout case ends that nobody has closed: with the year, with its duties named (R-05, R-15, INV-13, INV-14).

The duty to look after a pupil lasts until the last day at the school. Then so many working days are left for the last
proof. What is not proven by their end is said as it is: not returned, or, where the bureau or the daily reports bear
it out, closed by nobody. Either way the event tells what was done and what the school and the bureau left undone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from domain.attendance_state import ONE_DAY, Standing
from domain.dropout_events import CaseEndedWithTheYear, Ending, Service
from domain.dropout_state import AWAY, DropoutState, school_day
from domain.time import at

OWED: Final[Mapping[Standing, tuple[Service, ...]]] = {
    **dict.fromkeys(AWAY, (Service.VISIT, Service.WRITTEN_REPORT, Service.CONFIRMATION, Service.RETURN_ORDER)),
    Standing.HOME_TAUGHT: (Service.HOME_TEACHING, Service.CLOSING),
    Standing.RETURNED: (Service.CLOSING,),
    Standing.ELSEWHERE: (Service.CLOSING,),
}
"""Where a case stands → what is owed in it. Home teaching is owed only where its ground is on record (A5)."""

CLOSED_BY_SOMEBODY: Final = (Ending.RETURNED, Ending.ELSEWHERE, Ending.HOME_TEACHING)
"""Endings that a second person has confirmed."""


def proof_until(state: DropoutState) -> date | None:
    """Return the last day on which a proof counts; None where the calendar that it needs is not published.

    A case that opened after the last day at the school, by a report corrected late, has as many days of its own.
    """
    return school_day(state, max(state.last, state.opened), state.policy.parameters.dropout_proof_days)


def end_of_year(state: DropoutState, until: date) -> CaseEndedWithTheYear:
    """Return the end of a case that nobody has closed by its last day for a proof."""
    done, undone = services(state)
    return CaseEndedWithTheYear(
        ending=Ending.UNCONFIRMED if _borne_out(state, until) else Ending.NOT_RETURNED,
        standing=state.status,
        proof_until=until,
        attempts=len(state.attempts),
        done=done,
        undone=undone,
    )


def _borne_out(state: DropoutState, until: date) -> bool:
    """Tell whether more than one word of the school's says that the pupil is not lost (R-05, INV-21).

    The bureau recorded it itself, or the daily reports had the pupil there for the days that a closing asks for. Else
    a school could empty its losses with one person's record, and nobody to close the cases.
    """
    if state.status in AWAY:
        return False
    return state.by_bureau or state.days_present(at(until + ONE_DAY)) >= state.policy.parameters.dropout_close_days


def services(state: DropoutState) -> tuple[tuple[Service, ...], tuple[Service, ...]]:
    """Return what was done in the case, and what was owed and is not done, each in the order in which it is due.

    Only what was done about the present absence counts. A written report that fell overdue stays owed, also where the
    pupil came back after it. A case that was closed, or whose pupil left the register, owes nothing.
    """
    given = {
        Service.VISIT: any(day >= state.since for day in state.attempts),
        Service.WRITTEN_REPORT: state.report is not None,
        Service.CONFIRMATION: state.confirmed,
        Service.RETURN_ORDER: state.order is not None,
        Service.HOME_TEACHING: state.lessons > 0,
        Service.CLOSING: state.ending in CLOSED_BY_SOMEBODY,
    }
    late = (Service.WRITTEN_REPORT,) if state.escalated else ()
    owed = () if state.ending in (*CLOSED_BY_SOMEBODY, Ending.LEFT_REGISTER) else (*OWED[state.status], *late)
    done = tuple(service for service in Service if given[service])
    return done, tuple(service for service in Service if service in owed and not given[service])
