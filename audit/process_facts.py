"""What an event is about, as process mining asks: which pupils, schools and notices it names, and its plain values.

Both forms of a log for other programs (`audit.xes`, `audit.ocel`) read events through this. Events hold references and
codes only, so nothing here can be anybody's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from domain.events import Envelope
from domain.stage_events import StageSlug, StageStatus
from domain.stream import STUDENT

_PUPIL: Final = re.compile(STUDENT)
_STAGES: Final = tuple(slug.value for slug in StageSlug)

STATUS_AFTER: Final = {
    "StagePlanned": StageStatus.PLANNED,
    "StageOpened": StageStatus.OPEN,
    "StageReopened": StageStatus.OPEN,
    "StageCompleted": StageStatus.COMPLETED,
    "StageSkipped": StageStatus.SKIPPED,
    "StageArchived": StageStatus.ARCHIVED,
}
"""What a stage is from an event on."""

Plain = str | int | bool
"""A value that both forms have a type for; there are no floats in an event."""


def school_of(stream: str) -> str | None:
    """Return the stream of the school that a stream belongs to, None for the campaign's own and a compliance case."""
    parts = stream.split("/")
    return "/".join(parts[:4]) if len(parts) > 3 and parts[3] != "compliance" else None  # noqa: PLR2004 - see kind_of


def stage_of(stream: str) -> str | None:
    """Return the stage's slug of a stage's stream, None for any other stream."""
    last = stream.rpartition("/")[2]
    return last if last in _STAGES else None


def named(data: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text in an event's data with the key that it stands under, lists' members under their list's.

    Keys come sorted: an envelope that was read back has another order of keys than one that was just sealed.
    """
    if isinstance(data, dict):
        for name, value in sorted(data.items()):
            yield from named(value, str(name))
    elif isinstance(data, (list, tuple)):
        for value in data:
            yield from named(value, key)
    elif isinstance(data, str):
        yield key, data


def pupils_of(envelope: Envelope) -> list[str]:
    """Return the references of all pupils that an event names, each once, in the order of their first place.

    The stream's own of a dropout case is among them: its events need not repeat whose case it is.
    """
    found: dict[str, None] = {}
    for part in envelope["stream"].split("/")[5:]:
        found |= dict.fromkeys([part.partition("-")[0]])
    found |= dict.fromkeys(text for _, text in named(envelope["data"]))
    found |= dict.fromkeys([envelope["actor"]["id"]])
    return [text for text in found if _PUPIL.fullmatch(text)]


def pupil_of(envelope: Envelope) -> str | None:
    """Return the one pupil whom an event is about; None where it is about none, or about a list."""
    student = envelope["data"].get("student")
    return student if isinstance(student, str) and _PUPIL.fullmatch(student) else None


def plain_values(envelope: Envelope) -> dict[str, Plain]:
    """Return an event's own values that are a text, a whole number or a yes or no; lists and objects are left out."""
    return {name: value for name, value in envelope["data"].items() if isinstance(value, (str, int, bool))}


def by_time(envelopes: Iterable[Envelope]) -> list[Envelope]:
    """Return events in the order in which they happened; those of one instant stay in the order given."""
    return sorted(envelopes, key=lambda envelope: str(envelope["occurred_at"]))
