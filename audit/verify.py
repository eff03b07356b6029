"""The ledger against itself: chains, causes, and every table that must follow from the events (A1, A5, INV-26).

Nothing here needs an engine or an archive: an event that was changed, dropped, inserted or swapped breaks its chain,
and a projection that was touched differs from the fold. What a forger could make consistent again (a chain hashed
anew, a tail cut off) only the histories can tell: see `audit.replay`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from audit.report import Findings, first_difference, shown, value_at
from audit.row_kinds import name_unreadable, wrong_field
from audit.rows import Record, Row, envelope_of, event_of
from audit.sending import check_sending
from domain.deciders import decider_of
from domain.events import GENESIS, Envelope, canonical_text, recomputed_hash
from domain.notices import FOR_CAREGIVERS, NoticePlan, copy_for, notices_for
from domain.sending_events import DISPATCH, TOLD_BY_DISPATCHERS
from domain.stream import Decider, apply, envelope_event

COLUMNS = ("stream", "version", "type", "occurred_at", "recorded_at", "prev_hash", "hash")
"""Columns beside an event's text that repeat one of its fields."""


@dataclass
class Folded:
    """A stream rebuilt from its events alone.

    Attributes:
        state, view: after the last event, as JSON values; None where the events cannot be folded.
        at: by version, the states and views at the versions that were asked for.
        sent: by event id, the streams that the event sends news to, or begins.
        broken: version of the first event that cannot be folded, with the error's type.
        count: how many events were folded.
    """

    state: dict[str, Any] | None = None
    view: dict[str, Any] | None = None
    at: dict[int, tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=dict)
    sent: dict[str, tuple[str, ...]] = field(default_factory=dict)
    broken: tuple[int, str] | None = None
    count: int = 0


def verify(record: Record, findings: Findings) -> dict[str, Folded]:
    """Check a campaign's tables against its events (A1: the log is the truth, projections are rebuilt and compared).

    Returns:
        By stream, what its events make.
    """
    folds: dict[str, Folded] = {}
    envelopes: dict[str, list[Envelope]] = {}
    name_unreadable(record.unreadable, findings)
    for stream, rows in sorted(record.events.items()):
        envelopes[stream] = _check_chain(record.campaign, stream, rows, findings)
        folded = folds[stream] = fold_stream(stream, envelopes[stream])
        if folded.broken is not None:
            findings.add("fold", stream, folded.broken[1], version=folded.broken[0])
    _check_causes(envelopes, folds, findings)
    _check_boards(record, folds, findings)
    _check_outbox(record, envelopes, findings)
    _check_holds(record, envelopes.get(record.campaign, []), findings)
    check_sending(record, envelopes.get(record.campaign, []), findings)
    for row in record.conflicts:
        findings.add(
            "conflict", row["stream"], "hash", version=row["version"], ledger=row["expected"], found=row["found"]
        )
    return folds


def fold_stream(stream: str, envelopes: Iterable[Envelope], versions: Sequence[int] = ()) -> Folded:
    """Fold a stream's events, keeping the states at some versions.

    Args:
        stream: the stream's id.
        envelopes: its events in order.
        versions: where to keep state and view besides the end.

    Returns:
        What the events make; never raises, since the events may be forged.
    """
    folded = Folded()
    version = 0
    try:
        decider: Decider[Any] = decider_of(stream)
        state: Any = None
        for envelope in envelopes:
            version = int(envelope["version"])
            event = envelope_event(decider, envelope)
            state = apply(decider, state, event, envelope)
            outgoing = decider.outgoing(state, event, envelope)
            told = tuple(item.to for item in outgoing)
            if told:
                folded.sent[f"{stream}#{version}"] = told
            folded.count += 1
            if version in versions:
                folded.at[version] = (state.model_dump(mode="json"), _json(decider.view(state)))
        if state is not None:
            folded.state, folded.view = state.model_dump(mode="json"), _json(decider.view(state))
    except Exception as error:  # noqa: BLE001 - whatever a forged event leads to, its place is what counts
        folded.broken = (version, type(error).__name__)
    return folded


def expected_streams(record: Record) -> list[str]:
    """Return the streams that the parents' events speak of: a stream wiped out whole leaves its parent's word."""
    streams: list[str] = []
    campaign = record.campaign
    for stream, rows in record.events.items():
        types = [(row, event_of(row)) for row in rows if row["type"] in ("SchoolReady", "CohortLoaded")]
        for row, envelope in types:
            if envelope is None:
                continue
            if row["type"] == "SchoolReady":
                streams.append(f"{campaign}/{envelope['data'].get('school')}")
            else:
                first = event_of(rows[0])
                stages = {} if first is None else first["data"].get("stages")
                streams += [f"{stream}/{slug}" for slug in stages] if isinstance(stages, dict) else []
    return streams


# -- chains ---------------------------------------------------------------------------------------------------


def _check_chain(campaign: str, stream: str, rows: list[Row], findings: Findings) -> list[Envelope]:
    """Check versions, hashes and columns of one stream; return the events that can be read."""
    envelopes: list[Envelope] = []
    version, before = 0, GENESIS
    for row in rows:
        joins = row["version"] == version + 1
        if not joins:
            findings.add("ledger", stream, "version", version=version + 1, found=str(row["version"]))
        version = row["version"]
        envelope = envelope_of(row)
        wrong = "body" if envelope is None else wrong_field(envelope)
        if envelope is None or wrong is not None:
            findings.add("ledger", stream, wrong or "body", version=version)
            before = row["hash"]
            continue
        envelopes.append(envelope)
        _check_columns(campaign, stream, row, envelope, findings)
        canonical = canonical_text(envelope) == row["body"]
        if not canonical:
            findings.add("ledger", stream, "body", version=version)
        if not (canonical and _fits(row["body"], envelope.get("hash"))):
            own = recomputed_hash(envelope)
            if own != envelope.get("hash"):
                findings.add("ledger", stream, "hash", version=version, ledger=envelope.get("hash"), found=own)
        if joins and envelope.get("prev_hash") != before:
            findings.add("ledger", stream, "prev_hash", version=version, ledger=envelope.get("prev_hash"), found=before)
        before = row["hash"]
    return envelopes


def _fits(text: str, own: Any) -> bool:
    """Tell whether an event's canonical text, but for its hash, has that hash: the text is hashed as it lies there.

    Where it does not fit, the `rfc8785` package says what the hash ought to be.
    """
    member = f',"hash":"{own}"'
    before, found, after = text.rpartition(member)
    return bool(found) and hashlib.sha256(f"{before}{after}".encode()).hexdigest() == own


def _check_columns(campaign: str, stream: str, row: Row, envelope: Envelope, findings: Findings) -> None:
    """Check that what stands beside the text is what the text says; reads go by the columns."""
    version = row["version"]
    data = envelope.get("data")
    wanted = {name: envelope.get(name) for name in COLUMNS}
    wanted["student"] = data.get("student") if isinstance(data, dict) else None
    wanted["campaign"] = campaign
    for name, value in wanted.items():
        if row[name] != value:
            findings.add("ledger", stream, name, version=version, ledger=shown(value), found=shown(row[name]))


def _check_causes(envelopes: dict[str, list[Envelope]], folds: dict[str, Folded], findings: Findings) -> None:
    """Check that whatever an event names as its cause is in the record and did send news to this stream."""
    for stream, events in envelopes.items():
        for envelope in events:
            cause = envelope.get("causation")
            if cause is None:
                continue
            if _of_a_dispatcher(stream, envelope):
                continue
            sender, _, number = str(cause).rpartition("#")
            told = folds[sender].sent.get(cause) if sender in folds else None
            if told is None or stream not in told:
                known = any(str(event.get("version")) == number for event in envelopes.get(sender, []))
                field_ = "causation.target" if known else "causation"
                findings.add("causation", stream, field_, version=envelope.get("version"), found=str(cause))


def _of_a_dispatcher(stream: str, envelope: Envelope) -> bool:
    """Tell whether an event is what its channel's dispatcher told, which is no stream: its source is the journal."""
    data = envelope.get("data")
    if envelope.get("type") not in TOLD_BY_DISPATCHERS or not isinstance(data, dict):
        return False
    return str(envelope.get("causation")).rpartition("#")[0] == f"{stream}/{DISPATCH}/{data.get('channel')}"


# -- projections ----------------------------------------------------------------------------------------------


def _check_boards(record: Record, folds: dict[str, Folded], findings: Findings) -> None:
    for stream, folded in folds.items():
        row, last = record.boards.get(stream), record.events[stream][-1]
        if row is None:
            findings.add("board", stream, "missing", version=last["version"], ledger=last["hash"])
            continue
        if row["version"] != last["version"] or row["hash"] != last["hash"]:
            name = "version" if row["version"] != last["version"] else "hash"
            findings.add("board", stream, name, version=last["version"], ledger=str(last[name]), found=str(row[name]))
        if row["campaign"] != record.campaign:
            findings.add("board", stream, "campaign", version=last["version"], ledger=record.campaign)
        if folded.view is None:
            continue
        body = envelope_of(row)
        path = first_difference(folded.view, body)
        if path is not None:
            findings.add(
                "board",
                stream,
                path,
                version=last["version"],
                ledger=shown(value_at(folded.view, path)),
                found=shown(value_at(body, path)),
            )
    for stream in record.boards:
        if stream not in folds:
            findings.add("board", stream, "unexpected", found=record.boards[stream]["hash"])


def _check_outbox(record: Record, envelopes: dict[str, list[Envelope]], findings: Findings) -> None:
    """Check that exactly the notices that events ask for are planned; their sending state is the sender's."""
    wanted: dict[str, NoticePlan] = {}
    for stream in sorted(envelopes):
        for envelope in envelopes[stream]:
            try:
                plans = notices_for(envelope)
            except (KeyError, TypeError, ValueError, AttributeError):  # a forged event: its chain is named already
                continue
            for plan in plans:
                wanted.setdefault(plan.notice_id, plan)
    for notice_id, plan in wanted.items():
        row, version = record.outbox.get(notice_id), int(plan.cause.rpartition("#")[2])
        if row is None:
            findings.add("outbox", plan.stream, "missing", version=version, ledger=notice_id)
            continue
        for name, value in plan.model_dump().items():
            if row[name] != value:
                findings.add(
                    "outbox",
                    plan.stream,
                    f"{notice_id}.{name}",
                    version=version,
                    ledger=shown(value),
                    found=shown(row[name]),
                )
    for notice_id, row in record.outbox.items():
        if notice_id not in wanted and not _is_copy(row, wanted):
            findings.add("outbox", row["stream"], "unexpected", found=notice_id)


def _is_copy(row: dict[str, Any], wanted: dict[str, NoticePlan]) -> bool:
    """Tell whether a row is the notice of one more person of a household, made beside a row that an event planned."""
    plan = wanted.get(row["copy_of"] or "")
    if plan is None or row["person"] is None:
        return False
    may_be = (plan.purpose, FOR_CAREGIVERS.get(plan.purpose, plan.purpose))
    copy = copy_for(plan, row["person"], row["purpose"])
    return row["purpose"] in may_be and all(row[name] == value for name, value in copy.model_dump().items())


def _check_holds(record: Record, events: list[Envelope], findings: Findings) -> None:
    """Check that exactly the pauses and stops of the campaign hold its notices (design, section 5)."""
    wanted: dict[str, dict[str, Any]] = {}
    for envelope in events:
        if envelope.get("type") not in ("CampaignPaused", "CampaignResumed", "CampaignStopped"):
            continue
        cause, school = f"{envelope['stream']}#{envelope['version']}", envelope["data"].get("school")
        scope = f"{envelope['stream']}/{school}" if school else envelope["stream"]
        if envelope["type"] == "CampaignResumed":
            for hold in wanted.values():
                if hold["scope"] == scope and hold["released_by"] is None:
                    hold.update(released_by=cause, released_at=envelope["recorded_at"])
            continue
        wanted[cause] = {
            "cause": cause,
            "scope": scope,
            "reason": envelope["data"].get("reason"),
            "placed_at": envelope["recorded_at"],
            "released_by": None,
            "released_at": None,
        }
    for cause in sorted({**wanted, **record.holds}):
        expected, row = wanted.get(cause), record.holds.get(cause)
        if expected == row:
            continue
        if expected is None or row is None:
            findings.add("holds", record.campaign, "missing" if row is None else "unexpected", found=cause)
            continue
        path = first_difference(expected, row) or "value"
        findings.add(
            "holds",
            record.campaign,
            path,
            version=int(cause.rpartition("#")[2]),
            ledger=shown(expected[path]),
            found=shown(row[path]),
        )


def _json(value: dict[str, Any]) -> dict[str, Any]:
    """Return a value as it comes back from JSON."""
    back: dict[str, Any] = json.loads(json.dumps(value))
    return back
