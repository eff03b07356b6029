"""One stream three times: in the ledger, in the histories of its runs, and as today's code computes it (A1, A10).

Pure: everything is given, nothing is fetched. The ledger's text is compared byte for byte with what the histories
gave to the append; the events that the replay computed are compared with the ledger; states with the fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from audit.capture import Computed
from audit.report import Findings, first_difference, shown, value_at
from audit.runs import COMPLETED, CONTINUED, Run
from audit.verify import Folded
from domain.deciders import decider_of
from domain.events import GENESIS, Envelope, canonical_text
from ledger.histories import RunStart

CHAIN = ("prev_hash", "hash")


def compare_histories(
    stream: str,
    held: dict[int, Envelope],
    texts: dict[int, str],
    runs: Sequence[Run],
    findings: Findings,
    *,
    known: int,
) -> None:
    """Compare the append inputs of a stream's runs with the ledger, and the runs with each other (INV-26).

    Args:
        stream: the stream's id.
        held: the ledger's events by version.
        texts: the same events as they are stored.
        runs: the stream's runs in order.
        findings: where differences go.
        known: the last version that the histories must account for: what the ledger had before they were fetched, or
            0 where the stream's last run was not reached.
    """
    covered: dict[int, None] = {}
    position, before = RunStart(0, GENESIS), None
    for run in runs:
        _check_join(stream, run, position, before, findings)
        position, before = run.start, run
        for index, envelope in enumerate(run.appended):
            version = int(envelope["version"])
            covered[version] = None
            position = RunStart(version, envelope["hash"])
            if version not in held:
                in_flight = index >= len(run.appended) - run.pending and run.closed_by is None
                if not in_flight:
                    findings.add("history", stream, "missing", run=run.run, version=version, found=envelope["hash"])
            elif canonical_text(envelope) != texts[version]:
                _differ(findings, "history", stream, run, version, held[version], envelope)
        if run.closed_by not in (None, CONTINUED, COMPLETED):
            findings.add("history", stream, "closed_by", run=run.run, found=run.closed_by)
    for version in sorted(held):
        if version not in covered and version <= max(known, position.version):
            findings.add("history", stream, "unexpected", version=version, ledger=held[version].get("hash"))


def compare_decisions(
    stream: str, held: dict[int, Envelope], runs: Sequence[Run], computed: Sequence[Computed], findings: Findings
) -> None:
    """Compare what today's code computes with the ledger: a green replay is not proof (A10).

    The replay of an open run may compute events that no recorded command stands behind yet. Nothing can be said of
    them: their workflow task had not begun when the history was fetched, so its time is not in it.
    """
    shifted = False
    for run, one in zip(runs, computed, strict=True):
        if one.failure is not None:
            findings.add("replay", stream, "commands", run=run.run, found=one.failure)
        recorded = {int(envelope["version"]): envelope for envelope in run.appended}
        seen: dict[int, None] = {}
        for envelope in one.events:
            version = int(envelope["version"])
            seen[version] = None
            if version not in recorded:
                if run.closed_by is not None:
                    findings.add("decision", stream, "unexpected", run=run.run, version=version, found=envelope["hash"])
                continue
            base = held.get(version, recorded[version])
            if canonical_text(envelope) == canonical_text(base):
                shifted = False
                continue
            if not shifted or _content(envelope) != _content(base):
                _differ(findings, "decision", stream, run, version, base, envelope)
            shifted = True  # from here on the chain differs too, which is the same difference
        if one.failure is None:
            for version in (version for version in recorded if version not in seen):
                findings.add(
                    "decision", stream, "missing", run=run.run, version=version, ledger=recorded[version]["hash"]
                )


def compare_states(
    stream: str, folded: Folded, runs: Sequence[Run], computed: Sequence[Computed], findings: Findings
) -> None:
    """Compare the fold with the states that runs begin with and end in, and with the last line of the board (A1)."""
    if folded.broken is not None:
        return
    for run, one in zip(runs, computed, strict=True):
        if run.state is not None:
            _same_state(stream, run, run.start.version, _taken_up(stream, run.state), folded, findings)
        if one.end is not None:
            _same_state(stream, run, int(one.end["version"]), one.end["state"], folded, findings)
            if one.events:
                _same_view(stream, run, int(one.events[-1]["version"]), one.view, folded, findings)


def compare_live(stream: str, run: Run, state: dict[str, Any], folded: Folded, findings: Findings) -> None:
    """Compare the fold with what the live workflow itself says (A1: projection rebuild = live state)."""
    version = int(state["version"])
    if state["halted"] is not None:
        findings.add("state", stream, "halted", run=run.run, version=int(state["halted"]["version"]))
    if folded.broken is None:
        _same_state(stream, run, version, state["state"], folded, findings)
        _same_view(stream, run, version, state["view"], folded, findings)


def _check_join(stream: str, run: Run, position: RunStart, before: Run | None, findings: Findings) -> None:
    """Check that a run takes the stream up exactly where the run before it left it (INV-26)."""
    version = run.start.version or None
    if run.predecessor != (before.run if before else None):
        findings.add(
            "segment",
            stream,
            "predecessor",
            run=run.run,
            version=version,
            ledger=before.run if before else None,
            found=run.predecessor,
        )
    if run.start.version != position.version:
        findings.add(
            "segment",
            stream,
            "version",
            run=run.run,
            version=version,
            ledger=str(position.version),
            found=str(run.start.version),
        )
    elif run.start.hash != position.hash:
        findings.add(
            "segment", stream, "hash", run=run.run, version=version, ledger=position.hash, found=run.start.hash
        )


def _taken_up(stream: str, state: dict[str, Any]) -> dict[str, Any] | None:
    """Return a carried state as today's code reads it, None where it cannot."""
    try:
        read: dict[str, Any] = decider_of(stream).state_type.model_validate(state).model_dump(mode="json")
    except ValueError:
        return None
    return read


def _same_state(
    stream: str, run: Run, version: int, state: dict[str, Any] | None, folded: Folded, findings: Findings
) -> None:
    expected = folded.at.get(version)
    if expected is None:
        findings.add("state", stream, "version", run=run.run, version=version or None)
        return
    _same(stream, run, version, expected[0], state, findings, "state")


def _same_view(
    stream: str, run: Run, version: int, view: dict[str, Any] | None, folded: Folded, findings: Findings
) -> None:
    expected = folded.at.get(version)
    if expected is not None:
        _same(stream, run, version, expected[1], view, findings, "view")


def _same(stream: str, run: Run, version: int, expected: Any, found: Any, findings: Findings, name: str) -> None:
    path = first_difference(expected, found)
    if path is not None:
        findings.add(
            "state",
            stream,
            f"{name}.{path}",
            run=run.run,
            version=version,
            ledger=shown(value_at(expected, path)),
            found=shown(value_at(found, path)),
        )


def _differ(findings: Findings, kind: Any, stream: str, run: Run, version: int, one: Envelope, other: Envelope) -> None:
    """Name the first field of the content that differs; of the chain only where the content is the same."""
    path = first_difference(_content(one), _content(other)) or first_difference(one, other) or "body"
    findings.add(kind, stream, path, run=run.run, version=version, ledger=one.get("hash"), found=other.get("hash"))


def _content(envelope: Envelope) -> Envelope:
    return {key: value for key, value in envelope.items() if key not in CHAIN}
