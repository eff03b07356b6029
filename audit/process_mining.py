"""A year as a process: where it went another way than its model, and what it waited for (FEATURES A19).

`conformance` and `waiting` find; this puts together what `audit process` shows. Every figure is a whole number of
seconds or working days that some case really took, or a count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Final

from audit.conformance import Code, deviations
from audit.waiting import Side, Span, Wait, calendar_of, rank, slowest, spans, waits
from domain.events import Envelope
from domain.stage_events import StageSlug

MEDIAN: Final = 5
NINTH_DECILE: Final = 9

Report = dict[str, Any]


def process_report(envelopes: Iterable[Envelope], *, backdate_days: int, most: int) -> Report:
    """Return the conformance and the bottlenecks of a campaign's events.

    Args:
        envelopes: the events, causes first; of one school where only that is asked about.
        backdate_days: how many whole days may lie between an event and its recording.
        most: how many of the slowest waits are named.

    Returns:
        `conformance`: `counts` by code and the `deviations`; `bottlenecks`: `stages`, `steps` (from one type of event
        to the next), `sides` (who waited for whom), `slowest`. All as JSON values.
    """
    events = list(envelopes)
    found = deviations(events, backdate_days)
    counts = Counter(one.code for one in found)
    calendar = calendar_of(events)
    all_waits = waits(events, calendar)
    return {
        "events": len(events),
        "backdate_days": backdate_days,
        "conformance": {
            "counts": {code.value: counts[code] for code in Code if counts[code]},
            "deviations": [one.model_dump(mode="json") for one in found],
        },
        "bottlenecks": {
            "stages": _stages(spans(events, calendar)),
            "steps": _steps(all_waits),
            "sides": _sides(all_waits),
            "slowest": [_slow(one) for one in slowest(all_waits, most)],
        },
    }


def _stages(found: Sequence[Span]) -> list[Report]:
    """Return each stage over its schools, in the order of a year."""
    rows = []
    for stage in StageSlug:
        own = [span for span in found if span.stage == stage]
        if not own:
            continue
        waited = Counter(span.waited_for for span in own)
        rows.append(
            {
                "stage": stage.value,
                "schools": len(own),
                "waited_for": {name: waited[name] for name in sorted(waited)},
                "waiting_seconds": _times([span.waiting for span in own]),
                "open_seconds": _times([span.open for span in own]),
                "paused_seconds": _times([span.paused for span in own]),
                "open_working_days": _times([span.working_days for span in own]),
            }
        )
    return rows


def _steps(found: Sequence[Wait]) -> list[Report]:
    """Return every step with its times, those first whose ninth decile is longest."""
    groups: dict[tuple[str, str, str, Side, Side], list[Wait]] = {}
    for wait in found:
        key = (wait.kind, wait.before, wait.after, wait.waits, wait.waited_for)
        groups.setdefault(key, []).append(wait)
    rows = [
        {
            "kind": kind,
            "before": before,
            "after": after,
            "waits": waiting.value,
            "waited_for": waited_for.value,
            "count": len(group),
            "seconds": _times([wait.seconds for wait in group]),
            "working_days": _times([wait.working_days for wait in group]),
        }
        for (kind, before, after, waiting, waited_for), group in groups.items()
    ]
    return sorted(rows, key=_longest_first)


def _longest_first(row: Report) -> tuple[int, str, str, str, str, str]:
    names = ("kind", "before", "after", "waits", "waited_for")
    kind, before, after, waiting, waited_for = (str(row[name]) for name in names)
    return (-row["seconds"]["ninth_decile"], kind, before, after, waiting, waited_for)


def _sides(found: Sequence[Wait]) -> list[Report]:
    """Return by stage who waited for whom, how often and how long in all."""
    seconds: Counter[tuple[str, str, str]] = Counter()
    count: Counter[tuple[str, str, str]] = Counter()
    for wait in found:
        key = (wait.kind, wait.waits.value, wait.waited_for.value)
        seconds[key] += wait.seconds
        count[key] += 1
    return [
        {"kind": kind, "waits": waiting, "waited_for": waited_for, "count": count[key], "seconds": seconds[key]}
        for key in sorted(count)
        for kind, waiting, waited_for in [key]
    ]


def _times(values: Sequence[int | None]) -> dict[str, int] | None:
    """Return median and ninth decile by nearest rank, None where a value is not known."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    return {"median": rank(known, MEDIAN), "ninth_decile": rank(known, NINTH_DECILE), "longest": max(known)}


def _slow(wait: Wait) -> Report:
    return {**asdict(wait), "waits": wait.waits.value, "waited_for": wait.waited_for.value, "events": list(wait.events)}
