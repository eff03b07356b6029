"""A campaign's events as the invariants read them: by stream and by type, with the policy in force at each event."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import Any, Final, NamedTuple

from domain.deciders import kind_of
from domain.events import Envelope
from domain.policy_parameters import PolicyParameters
from domain.stream import UnknownEventError

PERSONAL: Final = re.compile(
    r"(?<![0-9A-Za-z])(?:[1-9][0-9]{16}[0-9Xx]|1[3-9][0-9]{9})(?![0-9A-Za-z])|[^\s@]+@[^\s@]+\.[A-Za-z]{2,}"
)
"""A resident's number, a mobile telephone's number, or an e-mail address, standing alone in a text."""

BARE_NAME: Final = re.compile(r"[\u3400-\u9fff·]{2,4}")
"""Two to four Han characters and nothing else, as a name is written."""

NO_NAME: Final = ("stamp",)
"""Fields that hold a short Chinese text of the program's own."""


class Odd(NamedTuple):
    """A value that no event may hold: where, and whether it is a float or looks like a person's data."""

    event: Envelope
    field: str
    is_float: bool


class Log:
    """All events of a campaign.

    Attributes:
        campaign: its id.
        streams: by id, the campaign's own first; each in the order of its versions.
        memo: what a check has folded up to a version of a stream, for its next question about it.
    """

    def __init__(self, campaign: str, streams: Mapping[str, Sequence[Envelope]]) -> None:
        """Index the events by type, once."""
        self.campaign = campaign
        names = sorted(streams, key=lambda name: (name != campaign, name))
        self.streams: dict[str, Sequence[Envelope]] = {name: streams[name] for name in names}
        self.memo: dict[tuple[str, int], Any] = {}
        self._by_type: dict[str, dict[str, list[Envelope]]] = {}
        for name, events in self.streams.items():
            for event in events:
                self._by_type.setdefault(event["type"], {}).setdefault(name, []).append(event)

    @property
    def size(self) -> int:
        """Return how many events there are."""
        return sum(len(events) for events in self.streams.values())

    def of(self, *types: str) -> Iterator[Envelope]:
        """Yield the events of these types, stream by stream, in the order of their versions."""
        for _, events in self.by_stream(*types):
            yield from events

    def by_stream(self, *types: str, kind: str | None = None) -> Iterator[tuple[str, list[Envelope]]]:
        """Yield the streams that have events of these types, of one kind where it is named, with those events."""
        for name in self.streams:
            if kind is not None and self.kind(name) != kind:
                continue
            found = [event for one in types for event in self._by_type.get(one, {}).get(name, ())]
            if found:
                found.sort(key=_version)
                yield name, found

    def own(self, stream: str, *types: str) -> list[Envelope]:
        """Return a stream's events of these types, none where there is no such stream."""
        found = [event for one in types for event in self._by_type.get(one, {}).get(stream, ())]
        return sorted(found, key=_version)

    def kind(self, stream: str) -> str:
        """Return a stream's kind, nothing for a name that is no stream's."""
        try:
            return kind_of(stream)
        except UnknownEventError:
            return ""

    @cached_property
    def release(self) -> int:
        """Return the release that the campaign was drafted under; the first draft did not name it."""
        drafted = self.own(self.campaign, "CampaignDrafted")
        return int(drafted[0]["data"].get("release", 1)) if drafted else 1

    def parameter(self, event: Envelope, name: str) -> Any:
        """Return a parameter of the policy in force in an event's stream when it was written, as its JSON value.

        A stream keeps the policy that it began with until it adopts another one; what a campaign's stream
        began with is its draft's.
        """
        version, found = int(event["version"]), None
        for since, parameters in self._policies.get(event["stream"], self._policies.get(self.campaign, [])):
            if since <= version or found is None:
                found = parameters
        if found is not None and name in found:
            return found[name]
        return PolicyParameters().model_dump(mode="json").get(name, PolicyParameters.model_fields[name].get_default())

    @cached_property
    def _policies(self) -> dict[str, list[tuple[int, dict[str, Any]]]]:
        found: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        for name, events in self.streams.items():
            first = events[0]["data"].get("policy") if events else None
            if isinstance(first, dict):
                found[name] = [(1, first.get("parameters", {}))]
        for event in self.of("PolicyAdopted"):
            parameters = event["data"]["profile"].get("parameters", {})
            found.setdefault(event["stream"], []).append((int(event["version"]), parameters))
        return found

    @cached_property
    def cohorts(self) -> dict[str, dict[str, list[str]]]:
        """Return the pupils of the September register, by school's stream and class (INV-10)."""
        return {
            name: {class_id: list(pupils) for class_id, pupils in events[0]["data"]["classes"].items()}
            for name, events in self.by_stream("CohortLoaded")
        }

    @cached_property
    def odd(self) -> list[Odd]:
        """Return the values that no event may hold: one walk for all that look for them."""
        return [odd for events in self.streams.values() for event in events for odd in _odd(event)]


def at(event: Envelope) -> datetime:
    """Return when an event happened."""
    return datetime.fromisoformat(event["occurred_at"])


def recorded(event: Envelope) -> datetime:
    """Return when an event was written."""
    return datetime.fromisoformat(event["recorded_at"])


def day(text: str) -> date:
    """Return a civil day of an event's data."""
    return date.fromisoformat(text)


def name_of(event: Envelope) -> str:
    """Return an event's name, `{stream}#{version}`."""
    return f"{event['stream']}#{event['version']}"


def people(event: Envelope) -> tuple[str, ...]:
    """Return who did it and for whom, as references; nobody where it was the program, or somebody unnamed."""
    actor = event["actor"]
    who = (actor["id"], actor.get("on_behalf_of"))
    return tuple(one for one in who if one not in (None, "system", "gateway", "anonymous"))


def repeated(items: Iterable[str]) -> list[str]:
    """Return what stands in a list more than once, in the order in which it comes again."""
    seen: dict[str, None] = {}
    found: dict[str, None] = {}
    for item in items:
        if item in seen:
            found[item] = None
        seen[item] = None
    return list(found)


def _version(event: Envelope) -> int:
    return int(event["version"])


def _odd(event: Envelope) -> Iterator[Odd]:
    waiting: list[tuple[str, Any]] = [(event["type"], event["data"])]
    while waiting:
        field, value = waiting.pop()
        if isinstance(value, str):
            if _is_personal(field, value):
                yield Odd(event, field, is_float=False)
        elif isinstance(value, dict):
            waiting.extend(value.items())
        elif isinstance(value, list | tuple):
            waiting.extend((field, item) for item in value)
        elif isinstance(value, float):
            yield Odd(event, field, is_float=True)


def _is_personal(field: str, text: str) -> bool:
    if text.isascii():
        return len(text) > 5 and PERSONAL.search(text) is not None  # noqa: PLR2004 - no address is shorter
    return PERSONAL.search(text) is not None or (field not in NO_NAME and BARE_NAME.fullmatch(text) is not None)
