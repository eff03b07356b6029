"""Random commands of every kind: read from what each decider takes, so that none is forgotten.

The shape of a command is its own JSON schema; the values come from small pools by the names of the fields, so that
commands of different kinds speak of the same pupils, labels and days.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from filing_families import NOTICE, OTHER_RECEIVING, RECEIVING, UNLISTED
from stream_samples import HEAD, OFFICER, OTHER_SCHOOL, PRINCIPAL, SCHOOL, A, B, C, D, E, F

from domain.deciders import DECIDERS
from domain.time import civil, stamp

Draw = Callable[[Random], Any]
"""Takes a value out of a pool."""

FIRST, SECOND = "2026-01", "2026-02"


def one_of(values: Sequence[Any]) -> Draw:
    """Return what draws one of these."""
    return lambda random: random.choice(values)


LABELS = one_of(["one", "one", "two"])
PUPILS = one_of([A, A, B, C, D, E, F, "stu_999999"])
STAFF = one_of([HEAD.id, PRINCIPAL.id, OFFICER.id, "stf_third"])
CLASS_IDS = one_of([FIRST, FIRST, SECOND, "2026-09"])
SENDING = one_of([SCHOOL, SCHOOL, OTHER_SCHOOL])
RECEIVERS = one_of([RECEIVING] * 6 + [OTHER_RECEIVING, UNLISTED])
CODES = one_of(["SEEN", "TYPO"])
DOCUMENTS = one_of(["doc-2026-1", "doc-2026-2"])
DIGESTS = one_of(["a" * 64])
REFERENCES = one_of([f"R-{number:02d}" for number in range(1, 41)])
NUMBERS = one_of([0, 1, 1, 1, 2, 3, 6])
_OF_SUMMARIES = ("submit_summary", "read_summary", "review_summary")
_SWITCHES = ("kill_notices", "release_notices")
ODD = {"command_id", "actor", "kind", "occurred_at", "late_reason"}
"""What is no part of what is said."""

POOLS: dict[str, Draw] = {
    **dict.fromkeys(("student", "students", "special", "unexplained"), PUPILS),
    **dict.fromkeys(("visitors", "leaders", "carers", "deputies", "members", "who", "to", "head", "signer"), STAFF),
    **dict.fromkeys(("leaving", "joining"), STAFF),
    **dict.fromkeys(("class_id", "classes", "head_of"), CLASS_IDS),
    **dict.fromkeys(("codes", "code", "receiving_school"), RECEIVERS),
    **dict.fromkeys(("reference", "register_ref", "approval_ref"), REFERENCES),
    **dict.fromkeys(("letter", "digest", "content_digest", "preview", "hash"), DIGESTS),
    **dict.fromkeys(("reason", "purpose_code"), CODES),
    **dict.fromkeys(("materials", "safety_plan"), one_of(["PLAN-1"])),
    "school": SENDING,
    "schools": SENDING,
    "about": one_of([SCHOOL, SCHOOL, OTHER_SCHOOL, "bureau"]),
    "document": DOCUMENTS,
    "funding": DOCUMENTS,
    "paper": DOCUMENTS,
    "note": one_of(["nte_abcdef"]),
    "notice": one_of([f"ntc_{letter * 32}" for letter in "ab"]),
    "text": one_of(["nte_abcdef"]),
    "summary": one_of(["sum_abcdef", "sum_abcdef", "sum_fedcba"]),
    "purpose": one_of(["TALK", "CASE"]),
    "person": one_of([A.replace("stu", "gdn"), B.replace("stu", "gdn"), "gdn_other00001"]),
    "witness": STAFF,
    "checkpoint": one_of(["D+30", "D+30", "term_end"]),
    "scope": one_of(["school", "grade", FIRST]),
    "version": one_of([1, 1, 2, 3]),
    "line": one_of([f"{SCHOOL}/{FIRST}"]),
    "cause": one_of(["campaign/qingshan/2026#1"]),
    "hands": one_of([f"hnd_{letter * 32}" for letter in "abc"]),
    "hold": one_of([f"one-{number}" for number in range(1, 13)]),
    "profile": one_of(["compliant", "legacy"]),
    "payer": one_of([RECEIVING, RECEIVING, "bureau"]),
    "account": one_of([f"acc_{letter * 16}" for letter in "aaabc"]),
    **dict.fromkeys(("month", "first", "last"), one_of(["2026-09", "2026-10", "2027-02", "2028-03"])),
    "figure": one_of(["3/4"]),
    "limit": one_of(["1/2"]),
    "seed": one_of(["seed-2026-1"]),
    "period": one_of(["2026-W19", "2026-W20", "2026-05"]),
    "state": one_of(["present", "lost", "transfer", "left"]),
    "commands": one_of(["record_contacts"]),
    "values": one_of(["R-9", "SEEN"]),
}
"""The name of a field → its values; an array of that name has these as its items, a table as its keys."""

NAMED: dict[tuple[str, str], Draw] = {
    ("sign_letter", "version"): LABELS,
    ("announce_policy", "parameters"): one_of([{"backdate_days": 31}, {"signature_wait_hours": 2}, {"no": 1}]),
    ("announce_policy", "profile"): one_of([None]),
    ("correct", "values"): one_of([{"reference": "R-9"}, {"attended": False}, {"destination": "RESIT"}]),
    **{(kind, "about"): one_of(["year", "year", "identification"]) for kind in _OF_SUMMARIES},
    ("plan_trip", "seats"): one_of([2, 40]),
    ("record_presentation", "pupils"): one_of([{FIRST: 2}]),
    ("publish_sample", "size"): one_of([1]),
    **{(kind, "scope"): one_of(["sms", "sms", "meeting_invitation", SCHOOL]) for kind in _SWITCHES},
    ("draft_aid_list", "kind"): one_of(["AGRICULTURE", "AGRICULTURE", "SPORTS"]),
    ("draft_aid_list", "school"): RECEIVERS,
    ("compute_aid", "term"): one_of([1, 2]),
}
"""Fields that need a value of their own in one kind of command."""

SOMETIMES = 0.5
MOST_TRIES = 20

IN_ROWS = ("record_applications", "record_admissions", "record_reporting", "record_registrations")
"""Here a school is a receiving one."""


@dataclass(frozen=True)
class Away:
    """A day or an instant so far from whenever the command is given."""

    hours: int
    whole_day: bool

    def at(self, now: datetime) -> str:
        """Return it as a command writes it."""
        there = now + timedelta(hours=self.hours)
        return civil(there).isoformat() if self.whole_day else stamp(there)


def spoken(value: Any, now: datetime) -> Any:
    """Return what was drawn with its days and instants as of now."""
    match value:
        case Away():
            return value.at(now)
        case dict():
            return {name: spoken(part, now) for name, part in value.items()}
        case list():
            return [spoken(part, now) for part in value]
        case _:
            return value


class _Reader:
    """Reads one command's schema."""

    def __init__(self, kind: str, definitions: dict[str, Any]) -> None:
        self.kind = kind
        self.definitions = definitions

    def fields(self, schema: dict[str, Any], skip: frozenset[str] = frozenset()) -> Draw:
        """Return an object with what it must have, and sometimes what it may have."""
        required = {*schema.get("required", ()), "reason"}
        parts = {name: part for name, part in schema.get("properties", {}).items() if name not in skip}
        drawn = {name: self.value(name, part) for name, part in parts.items()}

        def draw(random: Random) -> dict[str, Any]:
            return {
                name: part(random) for name, part in drawn.items() if name in required or random.random() < SOMETIMES
            }

        return draw

    def value(self, name: str, schema: dict[str, Any]) -> Draw:
        """Return a field's values."""
        own = NAMED.get((self.kind, name))
        if own is not None:
            return own
        if "$ref" in schema:
            return self.value(name, self.definitions[schema["$ref"].rpartition("/")[2]])
        if "anyOf" in schema:
            real = [part for part in schema["anyOf"] if part.get("type") != "null"]
            return self.value(name, real[0])
        if "enum" in schema or "const" in schema:
            return one_of(schema.get("enum") or [schema["const"]])
        match schema.get("type"):
            case "array":
                return _some(self.value(name, schema["items"]), schema.get("minItems", 1))
            case "object" if "properties" in schema:
                return self.fields(schema)
            case "object":
                keys, items = self._text(name), self._items(name, schema)
                return lambda random: {keys(random): items(random) for _ in range(random.choice([1, 2]))}
            case "integer":
                low = schema.get("minimum", 0)
                numbers = POOLS["version"] if name == "version" else NUMBERS
                return lambda random: max(numbers(random), low)
            case "boolean":
                return one_of([True, False])
            case "string" if schema.get("format") == "date":
                return one_of([Away(hours, whole_day=True) for hours in (-24, 0, 0, 0, 24, 24 * 9)])
            case "string" if schema.get("format") == "date-time":
                return one_of([Away(hours, whole_day=False) for hours in (-24, -1, 0, 0, 1, 24, 24 * 3)])
            case _:
                return self._text(name)

    def _items(self, name: str, schema: dict[str, Any]) -> Draw:
        inside = schema.get("additionalProperties")
        inner = "classes" if name == "schools" else "present"
        return self.value(inner, inside) if isinstance(inside, dict) else NUMBERS

    def _text(self, name: str) -> Draw:
        if name == "school" and self.kind in IN_ROWS:
            return RECEIVERS
        return POOLS.get(name, LABELS)


def _some(item: Draw, least: int) -> Draw:
    """Return short lists without the same thing twice."""

    def draw(random: Random) -> list[Any]:
        found: list[Any] = []
        wanted = max(least, random.choice([1, 1, 2]))
        for _ in range(MOST_TRIES):
            value = item(random)
            if value not in found:
                found.append(value)
            if len(found) == wanted:
                break
        return found

    return draw


def commands_of(kind: str) -> dict[str, Draw]:
    """Return what can be said to a kind of stream: command → its fields, without who says it and when."""
    schema = DECIDERS[kind].commands.json_schema()
    definitions = schema.get("$defs", {})
    found = {}
    for name, place in schema["discriminator"]["mapping"].items():
        shape = definitions[place.rpartition("/")[2]]
        found[name] = _Reader(name, definitions).fields(shape, frozenset(ODD))
    return found


def _hold(random: Random) -> dict[str, Any]:
    """Return a hold that names exactly what it covers."""
    scope = random.choice(["student", "class", "school", "campaign"])
    place = {"student": {"student": A}, "class": {"class_id": FIRST}}.get(scope, {})
    hands = [f"hnd_{random.choice('bc') * 32}"]
    return {
        "scope": scope,
        "reason": "SEEN",
        "hands": hands,
        **({} if scope == "campaign" else {"school": SCHOOL}),
        **place,
    }


def _notice(random: Random) -> dict[str, Any]:
    """Return a notice for classes; pupils and classes are not named together."""
    return {
        "document": random.choice([NOTICE] * 6 + ["notice-2"]),
        "classes": random.choice([[FIRST], [FIRST, SECOND]]),
    }


COMMANDS: dict[str, dict[str, Draw]] = {kind: commands_of(kind) for kind in DECIDERS}
"""Kind of stream → command → what may be said with it."""

COMMANDS["compliance"]["place_hold"] = _hold
COMMANDS["application-filing"]["offer_notice"] = _notice
