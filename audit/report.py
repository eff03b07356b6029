"""What an audit found: named places, with hashes and field names, never a value that says something about a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict

from domain.events import digest, event_id

LedgerKind = Literal["ledger", "fold", "causation", "board", "outbox", "holds", "sending", "journal", "conflict"]
"""What the ledger's own tables say against each other."""

ReplayKind = Literal["archive", "replay", "history", "segment", "decision", "state"]
"""What the engine's histories, and today's code on them, say against the ledger."""

PLACES_PER_KIND = 20
"""So many places of one kind in one stream are named, the rest is counted: one cause often shows all the way down."""

SHORT = 16


class Difference(BaseModel):
    """One place where two records of the same thing disagree.

    Attributes:
        kind: which comparison found it.
        workflow: the stream, which is the workflow's id.
        run: the run of the workflow, where a history is concerned.
        event: `{stream}#{version}`, where one event is concerned.
        version: the event's version.
        field: path of the first field that differs, or the name of what is missing or too much.
        ledger: what the ledger's events say: a hash, a digest, a version or a code; None for nothing.
        found: what the other side says, in the same form.
    """

    model_config = ConfigDict(frozen=True)

    kind: LedgerKind | ReplayKind
    workflow: str
    run: str | None = None
    event: str | None = None
    version: int | None = None
    field: str
    ledger: str | None = None
    found: str | None = None


class ReplayReport(BaseModel):
    """What `audit replay` answers.

    Attributes:
        histories: runs that were replayed.
        events: events of the campaign in the ledger.
        replay_ok: histories, today's code and ledger agree wherever a history could be reached.
        ledger_ok: the ledger's tables agree with its own hash chains.
        live_unreached: streams whose last run neither the archive nor the engine could give, or whose live state
            nobody answered for; not a difference, but not proven either.
        differences: the places.
        omitted: places of the same kinds in the same streams that are not listed.
    """

    model_config = ConfigDict(frozen=True)

    campaign: str
    histories: int
    events: int
    replay_ok: bool
    ledger_ok: bool
    live_unreached: int
    differences: list[Difference]
    omitted: int = 0


class Findings:
    """Collects differences; names the first places of each kind in each stream and counts the rest."""

    def __init__(self) -> None:
        self.differences: list[Difference] = []
        self.omitted = 0
        self._named: Counter[tuple[str, str]] = Counter()

    def add(
        self,
        kind: LedgerKind | ReplayKind,
        workflow: str,
        field: str,
        *,
        version: int | None = None,
        run: str | None = None,
        ledger: str | None = None,
        found: str | None = None,
    ) -> None:
        """Note a difference; `version` names the event."""
        place = (kind, workflow)
        if self._named[place] >= PLACES_PER_KIND:
            self.omitted += 1
            return
        self._named[place] += 1
        event = None if version is None else event_id(workflow, version)
        self.differences.append(
            Difference(
                kind=kind,
                workflow=workflow,
                run=run,
                event=event,
                version=version,
                field=field,
                ledger=ledger,
                found=found,
            )
        )

    def ok(self, kinds: Any) -> bool:
        """Tell whether nothing of the kinds (a `Literal`) was found."""
        wanted = get_args(kinds)
        return not any(difference.kind in wanted for difference in self.differences)


def shown(value: Any) -> str | None:
    """Return what may be shown of a value: numbers of versions and hashes as they are, else a digest; None as None."""
    if value is None:
        return None
    try:
        return digest(value)[:SHORT]
    except ValueError:  # a number that JSON's canonical form has not
        return digest(ascii(value))[:SHORT]


def first_difference(one: Any, other: Any, path: str = "") -> str | None:
    """Return the path of the first field in which two JSON values differ, None where they are equal."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in sorted({**one, **other}):
            if key not in one or key not in other:
                return f"{path}.{key}".lstrip(".")
            found = first_difference(one[key], other[key], f"{path}.{key}")
            if found is not None:
                return found
        return None
    if isinstance(one, list) and isinstance(other, list):
        for index, (left, right) in enumerate(zip(one, other, strict=False)):
            found = first_difference(left, right, f"{path}.{index}")
            if found is not None:
                return found
        return None if len(one) == len(other) else f"{path}.length".lstrip(".")
    if type(one) is type(other) and one == other:
        return None
    return path.lstrip(".") or "value"


def value_at(value: Any, path: str) -> Any:
    """Return what stands at a path that `first_difference` gave, None where there is nothing."""
    for part in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list):
            if part == "length":
                return len(value)
            value = value[int(part)] if part.isdigit() and int(part) < len(value) else None
        else:
            return None
    return value
