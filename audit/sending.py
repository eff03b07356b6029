"""Sending against its events: switches and wishes follow from them, and a settled day is still what it was (O8, A1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from audit.report import Findings, first_difference, shown
from audit.rows import Record, Row, wish_key
from domain.events import Envelope

SETTLED = ("rows", "digest", "states")
"""What an event says of a day of the journal."""


def check_sending(record: Record, events: list[Envelope], findings: Findings) -> None:
    """Check the tables that a campaign's own events make, and the days that they tie to the chain.

    Args:
        record: the campaign's rows.
        events: of the campaign's stream, in order.
        findings: where differences are named.
    """
    switches: dict[str, Row] = {}
    wishes: dict[str, Row] = {}
    for envelope in events:
        try:
            _fold_switch(envelope, switches)
            _fold_wish(envelope, wishes)
            _check_day(record, envelope, findings)
        except (KeyError, TypeError, ValueError):  # a forged event: its chain has been named already
            continue
    _compare(record.campaign, switches, record.switches, findings)
    _compare(record.campaign, wishes, record.opt_outs, findings)


def _fold_switch(envelope: Envelope, switches: dict[str, Row]) -> None:
    data, cause = envelope["data"], f"{envelope['stream']}#{envelope['version']}"
    match envelope["type"]:
        case "NoticesKilled":
            switches[cause] = {
                "cause": cause,
                "campaign": envelope["stream"],
                "kind": data["scope_kind"],
                "scope": data["scope"],
                "reason": data["reason"],
                "placed_at": envelope["recorded_at"],
                "released_by": None,
                "released_at": None,
            }
        case "NoticesReleased":
            for switch in switches.values():
                same = (switch["kind"], switch["scope"]) == (data["scope_kind"], data["scope"])
                if same and switch["released_by"] is None:
                    switch.update(released_by=cause, released_at=envelope["recorded_at"])


def _fold_wish(envelope: Envelope, wishes: dict[str, Row]) -> None:
    if envelope["type"] not in ("OptionalNoticesDeclined", "OptionalNoticesAllowed"):
        return
    data, campaign = envelope["data"], envelope["stream"]
    about = {"campaign": campaign, "person": data["person"], "student": data["student"]}
    if envelope["type"] == "OptionalNoticesAllowed":
        ended = [key for key, row in wishes.items() if {**row, **about} == row]
        for key in ended:
            del wishes[key]
    else:
        cause = f"{campaign}#{envelope['version']}"
        wish = {**about, "school": data.get("school") or "", "cause": cause, "at": envelope["recorded_at"]}
        wishes.setdefault(wish_key(wish), wish)


def _check_day(record: Record, envelope: Envelope, findings: Findings) -> None:
    """Check that the journal of a settled day is still the one whose digest the chain has."""
    if envelope["type"] != "NoticesSettled":
        return
    data = envelope["data"]
    kept = record.days.get((data["channel"], date.fromisoformat(data["day"])))
    found = {name: getattr(kept, name, None) for name in SETTLED}
    for name in SETTLED:
        if data[name] != found[name]:
            field = f"{data['channel']}.{data['day']}.{name}"
            said = {"ledger": shown(data[name]), "found": shown(found[name])}
            findings.add("journal", envelope["stream"], field, version=envelope["version"], **said)


def _compare(campaign: str, wanted: Mapping[str, Row], found: Mapping[str, Row], findings: Findings) -> None:
    """Name the rows that do not follow from the events."""
    for key in sorted({**wanted, **found}):
        expected, row = wanted.get(key), found.get(key)
        if expected == row:
            continue
        one: Any = row or expected
        number = str(one["cause"]).rpartition("#")[2]
        version = int(number) if number.isascii() and number.isdigit() else None  # a forged row names no event
        if expected is None or row is None:
            findings.add("sending", campaign, "missing" if row is None else "unexpected", version=version)
            continue
        path = first_difference(expected, row) or "value"
        said = {"ledger": shown(expected[path]), "found": shown(row[path])}
        findings.add("sending", campaign, path, version=version, **said)
