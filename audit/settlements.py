"""The runs of a settlement from the record alone: told as they stand, and computed again from their basis (INV-11).

An auditor needs no engine and trusts no amount: the counts are folded from the events that the basis names, the lines
are computed from the counts, and both are compared with what was written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from audit.counts import recorded
from domain.events import Envelope
from domain.refusal import Refusal
from domain.settlement_compute import judged_losses, policy_named, settled_lines
from domain.settlement_events import (
    DropoutLine,
    DropoutRatesAdded,
    SettlementComputed,
    SettlementLine,
    SettlementLinesAdded,
    lines_digest,
    revised_digest,
)
from ledger.store import Ledger

_OF_A_RUN = (
    "SettlementReviewed",
    "SettlementApproved",
    "SettlementPublished",
    "PaymentOrdered",
    "PaymentConfirmed",
    "AdjustmentComputed",
    "ClawBackOrdered",
)


@dataclass
class Told:
    """One version of a run with everything that followed it.

    Attributes:
        acts: approvals, payments and corrections, each with the event that it stands in.
    """

    computed: SettlementComputed
    event: str
    lines: list[SettlementLine]
    dropout: list[DropoutLine] = field(default_factory=list)
    acts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def public(self) -> bool:
        """Tell whether the version was published."""
        return any(act["type"] == "SettlementPublished" for act in self.acts)

    def as_data(self) -> dict[str, Any]:
        """Return all of it as JSON; the total is the sum of lines and corrections (INV-17)."""
        head = self.computed.model_dump(mode="json", exclude={"lines"})
        published = [act for act in self.acts if act["type"] == "SettlementPublished"]
        corrected = sum(act["delta_fen"] for act in self.acts if act["type"] == "AdjustmentComputed")
        return head | {
            "event": self.event,
            "revision": sum(act["type"] == "AdjustmentComputed" for act in self.acts),
            "lines": [line.model_dump(mode="json") for line in self.lines],
            "dropout": [line.model_dump(mode="json") for line in self.dropout],
            "total_fen": sum(line.amount_fen for line in self.lines) + corrected,
            "published": published[-1]["event"] if published else None,
            "appeal_until": published[-1]["appeal_until"] if published else None,
            "acts": list(self.acts),
        }


async def told_runs(ledger: Ledger, campaign: str) -> list[Told]:
    """Return every version of every run, in the order in which they were computed."""
    found: list[Told] = []
    latest: dict[str, Told] = {}
    async for envelope in ledger.events(campaign):
        kind, data = envelope["type"], envelope["data"]
        name = f"{envelope['stream']}#{envelope['version']}"
        if kind == SettlementComputed.__name__:
            computed = SettlementComputed.model_validate(data)
            told = Told(computed, name, list(computed.lines))
            found.append(told)
            latest[computed.run] = told
        elif kind == SettlementLinesAdded.__name__:
            latest[data["run"]].lines += SettlementLinesAdded.model_validate(data).lines
        elif kind == DropoutRatesAdded.__name__:
            latest[data["run"]].dropout += DropoutRatesAdded.model_validate(data).lines
        elif kind in _OF_A_RUN:
            latest[data["run"]].acts.append(_act(envelope, name))
    return found


async def verified(ledger: Ledger, campaign: str) -> list[dict[str, Any]]:
    """Compute every version again and name what differs: BASIS, COUNTS, LINES, DROPOUT, DIGEST or PARAMETERS."""
    return [await _verified(ledger, campaign, told) for told in await told_runs(ledger, campaign)]


async def _verified(ledger: Ledger, campaign: str, told: Told) -> dict[str, Any]:
    computed = told.computed
    versions = {stream: mark.version for stream, mark in computed.basis.items()}
    again = await recorded(ledger, campaign, computed.as_at, versions=versions)
    basis = {stream: mark.model_dump() for stream, mark in computed.basis.items()}
    try:
        policy = policy_named(again.state, computed.profile, computed.as_at)
    except Refusal:
        policy = None  # no profile has the name any more
    given = [line.count() for line in told.lines]
    held = (computed.profile_version, computed.parameter_hash)
    checks = {
        "BASIS": again.basis == basis,
        "COUNTS": again.settled == given and again.dropout == [line.count() for line in told.dropout],
        "DIGEST": lines_digest(tuple(told.lines)) == computed.lines_digest and _chained(told),
        "PARAMETERS": policy is not None and (policy.version, policy.parameter_hash) == held,
    }
    if policy is not None:
        voided = [(school, class_id) for school, _, class_id in (name.partition("/") for name in computed.voided)]
        checks["LINES"] = list(settled_lines(given, policy, voided)) == told.lines
        checks["DROPOUT"] = list(judged_losses([line.count() for line in told.dropout], policy)) == told.dropout
    return {
        "run": computed.run,
        "version": computed.version,
        "event": told.event,
        "lines": len(told.lines),
        "problems": [name for name, holds in checks.items() if not holds],
    }


def _chained(told: Told) -> bool:
    """Tell whether each correction, publication and order names the digest and the revision that stood there."""
    current, revision = told.computed.lines_digest, 0
    for act in told.acts:
        if act["type"] == "AdjustmentComputed":
            current, revision = revised_digest(current, act["line"], act["delta_fen"]), revision + 1
        if act["type"] in ("AdjustmentComputed", "SettlementPublished", "PaymentOrdered") and (
            (act["lines_digest"], act.get("revision", 0)) != (current, revision)
        ):
            return False
    return True


def _act(envelope: Envelope, name: str) -> dict[str, Any]:
    return {
        "type": envelope["type"],
        "event": name,
        "at": envelope["occurred_at"],
        "by": envelope["actor"]["id"],
        **{key: value for key, value in envelope["data"].items() if key != "run"},
    }
