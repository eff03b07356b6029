"""`audit check`: every invariant asked of one campaign's log (FEATURES A18)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import select

from audit.invariants.catalogue import INVARIANTS, NOT_CHECKABLE
from audit.invariants.clauses import CLAUSES
from audit.invariants.log import Log, name_of
from audit.invariants.rule import Found, Invariant
from domain.events import Envelope
from ledger.store import Ledger
from ledger.tables import events

MOST_NAMED = 50
"""So many breaches of one invariant are named, the rest is counted: one cause often shows all the way down."""


@dataclass(frozen=True)
class Checked:
    """What one invariant found.

    Attributes:
        breaches: how many events break it.
        found: the first of them.
    """

    invariant: Invariant
    breaches: int
    found: tuple[Found, ...]


@dataclass(frozen=True)
class CheckReport:
    """What a campaign's log keeps and breaks.

    Attributes:
        campaign: its id.
        events: how many were read.
        checked: one entry for each invariant that was asked for, by id.
    """

    campaign: str
    events: int
    checked: tuple[Checked, ...]

    @property
    def ok(self) -> bool:
        """Tell whether nothing is broken; a log without an event keeps nothing."""
        return self.events > 0 and not any(one.breaches for one in self.checked)

    def as_data(self, lang: Literal["zh", "en"]) -> dict[str, Any]:
        """Return all of it as JSON, the sentences in one language."""
        number = 0 if lang == "zh" else 1
        return {
            "campaign": self.campaign,
            "events": self.events,
            "ok": self.ok,
            "checked": [_checked(one, number) for one in self.checked],
            "breaches": [breach(one.invariant, found, number) for one in self.checked for found in one.found],
            "not_checkable": [
                {"id": one.id, "title": one.title[number], "reason": one.reason[number]}
                for one in NOT_CHECKABLE.values()
            ],
        }


def check_log(log: Log, only: Iterable[str] = ()) -> CheckReport:
    """Ask a log for breaches.

    Args:
        log: the campaign's events.
        only: ids of invariants; none asks for all.
    """
    wanted = tuple(only) or tuple(INVARIANTS)
    return CheckReport(
        campaign=log.campaign, events=log.size, checked=tuple(_ask(INVARIANTS[id_], log) for id_ in wanted)
    )


async def check_campaign(ledger: Ledger, campaign: str, only: Iterable[str] = ()) -> CheckReport:
    """Read a campaign's log and ask it for breaches; nothing is written and no engine is needed."""
    return check_log(Log(campaign, await read_streams(ledger, campaign)), only)


async def read_streams(ledger: Ledger, campaign: str) -> dict[str, list[Envelope]]:
    """Return all events of a campaign by stream, in the order of their versions: one read for all of them."""
    found: dict[str, list[Envelope]] = {}
    async with ledger._engine.connect() as connection:  # noqa: SLF001 - as in audit.rows: one snapshot, no page
        query = select(events.c.body).where(events.c.campaign == campaign)
        rows = await connection.execute(query.order_by(events.c.stream, events.c.version))
        for body in rows.scalars():
            event: Envelope = json.loads(body)
            found.setdefault(event["stream"], []).append(event)
    return found


def _ask(invariant: Invariant, log: Log) -> Checked:
    number, named = 0, []
    for found in invariant.breaches(log):
        number += 1
        if number <= MOST_NAMED:
            named.append(found)
    return Checked(invariant, number, tuple(named))


def _checked(one: Checked, number: int) -> dict[str, Any]:
    invariant = one.invariant
    return {
        "id": invariant.id,
        "title": invariant.title[number],
        "rule": invariant.rule[number],
        "source": invariant.source,
        "valid_from": None if invariant.valid_from is None else invariant.valid_from.isoformat(),
        "valid_to": None if invariant.valid_to is None else invariant.valid_to.isoformat(),
        "clauses": [clause.as_data(number) for clause in CLAUSES.get(invariant.id, ())],
        "elsewhere": None if invariant.rest is None else invariant.rest[number],
        "breaches": one.breaches,
    }


def breach(invariant: Invariant, found: Found, number: int) -> dict[str, Any]:
    """Return a breach as JSON, its sentences in one language (0: Chinese)."""
    return {
        "invariant": invariant.id,
        "stream": found.event["stream"],
        "version": found.event["version"],
        "event": name_of(found.event),
        "type": found.event["type"],
        "message": found.zh if number == 0 else found.en,
        "remedy": invariant.remedy[number],
    }
