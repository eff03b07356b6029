"""A campaign's events as an object-centric event log, OCEL 2.0 in its JSON form (FEATURES A19).

One event can be about several things at once: a list about thirty pupils, an admission about a pupil and a vocational
school. So there is no case here, but objects and qualified relationships:

| object type | its id | attributes over time | belongs to |
|---|---|---|---|
| campaign | the campaign's stream | | |
| school | the school's stream | | campaign |
| stage | the stage's stream | `status`, `due` | school |
| attendance, dropout_case | the stream | | school |
| compliance_case | the stream | | campaign |
| class | `{school}/class/{id}` | | school |
| pupil | the reference | `class` | class, as it was loaded |
| notice_version | `notice/{document}` | | |
| vocational_school | `vocational/{code}` | | |
| person | the reference of staff, guardian, caregiver | | |

An event is related to where it stands (`in campaign`, `in school`, `in stage` …), to who did it (`by {role}`), and to
what its data name (`names {key}`, with the key that the reference stands under, so `names student` is the pupil whom
it is about and `names classes` one of a list). Every value is written as a text, as the published JSON schema asks;
what it is stands in the declarations of the types.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from audit.process_facts import STATUS_AFTER, Plain, named, plain_values, school_of, stage_of
from domain.campaign_events import SCHOOL_CODE
from domain.canonical import canonical
from domain.events import Envelope, event_id
from domain.stream import CLASS, STUDENT

EPOCH: Final = "1970-01-01T00:00:00Z"
"""The time of a value that an object had before the log begins (OCEL 2.0, section 4)."""

ATTRIBUTES: Final = {"stage": ("due", "status"), "pupil": ("class",)}
ENVELOPE: Final = (
    ("causation", "string"),
    ("command", "string"),
    ("hash", "string"),
    ("policy", "string"),
    ("recorded_at", "time"),
    ("version", "integer"),
)
"""What every event has beside its own data."""

SCHOOL_KEYS: Final = ("about", "code", "destination", "qualified_schools", "receiving_school", "school", "schools")
"""Under these a school's code can stand; ten digits elsewhere may be the reference of a paper."""

CLASS_KEYS: Final = ("class_id", "classes")

_PUPIL: Final = re.compile(STUDENT)
_PERSON: Final = re.compile(r"(stf|gdn|cgv)_[a-z0-9]{1,32}")
_SCHOOL: Final = re.compile(SCHOOL_CODE)
_CLASS: Final = re.compile(CLASS)

Row = dict[str, Any]


def ocel_pieces(envelopes: Iterable[Envelope]) -> Iterator[bytes]:
    """Yield the file as one canonical JSON object (RFC 8785), event by event.

    Args:
        envelopes: the events, causes first.
    """
    events = list(envelopes)
    log = _Log.of(events)
    yield b'{"eventTypes":' + canonical(log.event_types()) + b',"events":['
    for number, envelope in enumerate(events):
        yield (b"," if number else b"") + canonical(log.event(envelope))
    yield b'],"objectTypes":' + canonical(log.object_types()) + b',"objects":['
    for number, name in enumerate(sorted(log.objects)):
        yield (b"," if number else b"") + canonical(log.objects[name].as_data(name))
    yield b"]}\n"


@dataclass
class _Object:
    """A thing that events are about: its kind, what it belongs to, and its values over time."""

    kind: str
    belongs: list[tuple[str, str]] = field(default_factory=list)
    values: list[tuple[str, str, str]] = field(default_factory=list)

    def as_data(self, name: str) -> Row:
        return {
            "id": name,
            "type": self.kind,
            "attributes": [{"name": key, "value": value, "time": time} for key, value, time in self.values],
            "relationships": [{"objectId": other, "qualifier": qualifier} for other, qualifier in self.belongs],
        }


class _Log:
    """The objects of a log, and what each type of event has."""

    def __init__(self, schools: dict[str, str], notices: dict[str, None]) -> None:
        self.schools = schools
        self.notices = notices
        self.objects: dict[str, _Object] = {}
        self.types: dict[str, dict[str, str]] = {}

    @classmethod
    def of(cls, events: list[Envelope]) -> _Log:
        """Read all events once: objects, their values over time, and the attributes of each type."""
        own = (school_of(envelope["stream"]) for envelope in events)
        offered = (envelope["data"]["document"] for envelope in events if envelope["type"] == "NoticeOffered")
        log = cls({stream.split("/")[3]: stream for stream in own if stream is not None}, dict.fromkeys(offered))
        for envelope in events:
            declared = log.types.setdefault(envelope["type"], {})
            for name, value in plain_values(envelope).items():
                kind = _kind(value)
                declared[name] = kind if declared.get(name, kind) == kind else "string"
            log._place(envelope)
            log._values(envelope)
            for _ in log._related(envelope):  # whatever is related to an event is an object
                pass
        return log

    def event_types(self) -> list[Row]:
        """Return the declarations of the events' types, by name; an event's own values stand under `data.`."""
        return [
            {
                "name": name,
                "attributes": [{"name": key, "type": kind} for key, kind in ENVELOPE]
                + [{"name": f"data.{key}", "type": kind} for key, kind in sorted(self.types[name].items())],
            }
            for name in sorted(self.types)
        ]

    def object_types(self) -> list[Row]:
        """Return the declarations of the objects' types, by name."""
        kinds = sorted(dict.fromkeys(one.kind for one in self.objects.values()))
        return [
            {"name": kind, "attributes": [{"name": name, "type": "string"} for name in ATTRIBUTES.get(kind, ())]}
            for kind in kinds
        ]

    def event(self, envelope: Envelope) -> Row:
        """Return one event; a value that it lacks is left out."""
        policy = envelope["policy"]
        own: dict[str, Plain | None] = {
            "causation": envelope["causation"],
            "command": envelope["command_id"],
            "hash": envelope["hash"],
            "policy": f"{policy['id']}/{policy['version']}",
            "recorded_at": envelope["recorded_at"],
            "version": envelope["version"],
        }
        own |= {f"data.{name}": value for name, value in sorted(plain_values(envelope).items())}
        related = dict.fromkeys(self._related(envelope))
        return {
            "id": event_id(envelope["stream"], envelope["version"]),
            "type": envelope["type"],
            "time": envelope["occurred_at"],
            "attributes": [{"name": key, "value": _shown(value)} for key, value in own.items() if value is not None],
            "relationships": [{"objectId": name, "qualifier": qualifier} for name, qualifier in related],
        }

    # -- objects ----------------------------------------------------------------------------------------------

    def _place(self, envelope: Envelope) -> None:
        """Make the objects that an event stands in."""
        stream = envelope["stream"]
        campaign, school = "/".join(stream.split("/")[:3]), school_of(stream)
        self._add(campaign, "campaign")
        if school is None:
            if stream != campaign:
                self._add(stream, "compliance_case", (campaign, "belongs to"))
            return
        self._add(school, "school", (campaign, "belongs to"))
        if stream != school:
            self._add(stream, _kind_of_part(stream), (school, "belongs to"))

    def _values(self, envelope: Envelope) -> None:
        """Note what an event says of an object's values from then on."""
        stream, data, time = envelope["stream"], envelope["data"], envelope["occurred_at"]
        school = school_of(stream)
        if stage_of(stream) is not None:
            status = STATUS_AFTER.get(envelope["type"])
            if status is not None:
                self.objects[stream].values.append(("status", status.value, time))
            if envelope["type"] in ("StagePlanned", "StageExtended"):
                self.objects[stream].values.append(("due", str(data["due"]), time))
        elif school is not None and stream == school:
            if envelope["type"] == "CohortLoaded":
                for class_id, students in sorted(data["classes"].items()):
                    for student in students:
                        self._enrol(school, class_id, student, EPOCH)
            elif envelope["type"] == "StudentJoined":
                self._enrol(school, data["class_id"], data["student"], time)

    def _enrol(self, school: str, class_id: str, student: str, time: str) -> None:
        place = self._class(school, class_id)
        self._add(student, "pupil", (place, "is in class"))
        self.objects[student].values.append(("class", class_id, time))

    def _class(self, school: str, class_id: str) -> str:
        name = f"{school}/class/{class_id}"
        self._add(name, "class", (school, "belongs to"))
        return name

    def _add(self, name: str, kind: str, belongs: tuple[str, str] | None = None) -> str:
        one = self.objects.setdefault(name, _Object(kind))
        if belongs is not None and belongs not in one.belongs:
            one.belongs.append(belongs)
        return name

    # -- relationships ----------------------------------------------------------------------------------------

    def _related(self, envelope: Envelope) -> Iterator[tuple[str, str]]:
        """Yield what an event is related to, and how."""
        stream, actor = envelope["stream"], envelope["actor"]
        campaign, school = "/".join(stream.split("/")[:3]), school_of(stream)
        places = dict.fromkeys([campaign, *([] if school is None else [school]), stream])
        for place in places:
            yield place, f"in {self.objects[place].kind}"
        if _PUPIL.fullmatch(actor["id"]) or _PERSON.fullmatch(actor["id"]):
            yield self._person(actor["id"]), f"by {actor['role']}"
        for key, text in (*named(envelope["data"]), *_headings(envelope["data"])):
            found = self._named(school, key, text)
            if found is not None:
                yield found, f"names {key}"

    def _named(self, school: str | None, key: str, text: str) -> str | None:
        """Return the object that a text in an event's data names, if it names one."""
        if _PUPIL.fullmatch(text) or _PERSON.fullmatch(text):
            return self._person(text)
        if key in SCHOOL_KEYS and _SCHOOL.fullmatch(text):
            own = self.schools.get(text)
            return own if own is not None else self._add(f"vocational/{text}", "vocational_school")
        if key == "document" and text in self.notices:
            return self._add(f"notice/{text}", "notice_version")
        if key in CLASS_KEYS and school is not None and _CLASS.fullmatch(text):
            return self._class(school, text)
        return None

    def _person(self, reference: str) -> str:
        return self._add(reference, "pupil" if _PUPIL.fullmatch(reference) else "person")


def _headings(data: Any) -> Iterator[tuple[str, str]]:
    """Yield what an event's tables are headed by: quotas by class, targets by school."""
    for key in (*CLASS_KEYS, *SCHOOL_KEYS):
        table = data.get(key)
        if isinstance(table, dict):
            yield from ((key, str(heading)) for heading in sorted(table))


def _kind_of_part(stream: str) -> str:
    """Return the type of a stream below a school."""
    if stage_of(stream) is not None:
        return "stage"
    return "dropout_case" if stream.split("/")[4] == "dropout" else "attendance"


def _kind(value: Plain) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case str():
            return "string"


def _shown(value: Plain) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | str():
            return str(value)
