"""A campaign's events as an event log in XES (IEEE 1849-2016), for programs that mine processes (FEATURES A19).

A log is made of *traces*, one for each case: a stream (what became of a stage, a school, a dropout case), or a pupil
(everything that names the pupil, across streams). Each event is one `event` with the attributes of four standard
extensions:

| extension | attribute | here |
|---|---|---|
| concept | `concept:name` | the event's type; of what opens, holds and ends a stage, the stage's slug |
| | `concept:instance` | the event's id; of the latter, the stage's stream |
| lifecycle | `lifecycle:transition` | `complete`; of the latter by `TRANSITIONS` |
| time | `time:timestamp` | when it happened; `recorded_at` beside it is the other clock |
| org | `org:resource`, `org:role`, `org:group` | who acted, in which role, of which organisation |

Events of a trace stand in the order in which they happened, as the standard has it: something recorded late stands
where it belongs, and `recorded_at` tells that it was late. Whoever needs the order of the record sorts by `version`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final
from xml.sax.saxutils import quoteattr

from audit.process_facts import by_time, plain_values, pupils_of, stage_of
from domain.events import Envelope, event_id
from domain.time import instant

VERSION: Final = "1849.2016"
NAMESPACE: Final = "http://www.xes-standard.org/"
EXTENSIONS: Final = (
    ("Concept", "concept"),
    ("Lifecycle", "lifecycle"),
    ("Organizational", "org"),
    ("Time", "time"),
)
"""Names and prefixes of the standard extensions; each is defined at `{NAMESPACE}{prefix}.xesext`."""

TRANSITIONS: Final = {
    "StagePlanned": "schedule",
    "StageOpened": "start",
    "StagePaused": "suspend",
    "StageResumed": "resume",
    "StageCompleted": "complete",
    "StageSkipped": "manualskip",
    "StageReopened": "start",
    "StageStopped": "pi_abort",
}
"""What opens, holds and ends a stage, in the words of the standard's transactional life cycle."""

_NO_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_.-]")


class Case(StrEnum):
    """What a trace is about."""

    STREAM = "stream"
    PUPIL = "pupil"


def xes_pieces(envelopes: Iterable[Envelope], campaign: str, case: Case = Case.STREAM) -> Iterator[bytes]:
    """Yield the file, one piece for each trace.

    Args:
        envelopes: the events, causes first.
        campaign: the campaign's id, the log's name.
        case: what a trace is about. A pupil's traces have every event that names the pupil, those of lists too; an
            event that names nobody stands in none.
    """
    traces: dict[str, list[Envelope]] = {}
    for envelope in envelopes:
        names = [envelope["stream"]] if case is Case.STREAM else pupils_of(envelope)
        for name in names:
            traces.setdefault(name, []).append(envelope)
    yield "\n".join(_head(campaign, case)).encode()
    for name in sorted(traces):
        yield "\n".join(
            ["", "  <trace>", _text("concept:name", name, 4), *_events(traces[name]), "  </trace>"]
        ).encode()
    yield b"\n</log>\n"


def _head(campaign: str, case: Case) -> list[str]:
    return [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<log xes.version="{VERSION}" xes.features="" xmlns="{NAMESPACE}">',
        *(
            f'  <extension name="{name}" prefix="{prefix}" uri="{NAMESPACE}{prefix}.xesext"/>'
            for name, prefix in EXTENSIONS
        ),
        '  <global scope="trace">',
        _text("concept:name", "UNKNOWN", 4),
        "  </global>",
        '  <global scope="event">',
        *(_text(key, "UNKNOWN", 4) for key in ("concept:name", "concept:instance", "lifecycle:transition")),
        *(_text(key, "UNKNOWN", 4) for key in ("org:resource", "org:role", "org:group")),
        _attribute("date", "time:timestamp", "1970-01-01T00:00:00.000+00:00", 4),
        "  </global>",
        '  <classifier name="Activity" scope="event" keys="concept:name lifecycle:transition"/>',
        '  <classifier name="Resource" scope="event" keys="org:role"/>',
        _text("concept:name", campaign, 2),
        _text("lifecycle:model", "standard", 2),
        _text("case", case.value, 2),
    ]


def _events(envelopes: list[Envelope]) -> Iterator[str]:
    for envelope in by_time(envelopes):
        stream, actor, own = envelope["stream"], envelope["actor"], event_id(envelope["stream"], envelope["version"])
        slug = stage_of(stream)
        transition = TRANSITIONS.get(envelope["type"]) if slug is not None else None
        yield "    <event>"
        yield _text("concept:name", str(envelope["type"] if transition is None else slug))
        yield _text("concept:instance", own if transition is None else stream)
        yield _text("lifecycle:transition", transition or "complete")
        yield _text("org:resource", actor["id"])
        yield _text("org:role", actor["role"])
        yield _text("org:group", actor["organisation"])
        yield _date("time:timestamp", envelope["occurred_at"])
        yield _text("event", own)
        yield _text("type", envelope["type"])
        yield _text("stream", stream)
        yield _attribute("int", "version", str(envelope["version"]))
        yield _date("recorded_at", envelope["recorded_at"])
        yield _text("hash", envelope["hash"])
        if envelope["causation"] is not None:
            yield _text("causation", envelope["causation"])
        for name, value in sorted(plain_values(envelope).items()):
            key = f"data.{_NO_NAME.sub('_', name)}"
            match value:
                case bool():
                    yield _attribute("boolean", key, "true" if value else "false")
                case int():
                    yield _attribute("int", key, str(value))
                case str():
                    yield _text(key, value)
        yield "    </event>"


def _date(key: str, text: str) -> str:
    """Write an instant; what is none, as a forged event may have, as a text: the file must stay readable."""
    try:
        instant(text)
    except ValueError:
        return _text(key, text)
    return _attribute("date", key, text)


def _text(key: str, value: str, indent: int = 6) -> str:
    return _attribute("string", key, value, indent)


def _attribute(kind: str, key: str, value: str, indent: int = 6) -> str:
    """Write an attribute; what XML 1.0 has no place for becomes the replacement character."""
    shown = quoteattr(_NO_XML.sub("\ufffd", value), {"\n": "&#10;", "\t": "&#9;", "\r": "&#13;"})
    return f'{" " * indent}<{kind} key="{key}" value={shown}/>'
