"""A campaign whose settlement is run: its classes, its people, and the way of a run as far as a test wants it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from stream_samples import APPROVER, AUDITOR, OFFICER, PRINCIPAL, SCHOOL, Stream, campaign_start, person, policy, when
from test_campaign import CAMPAIGN

from domain.actors import Role

SECOND_APPROVER = person("approver2", Role.BUREAU_APPROVER, "bureau")
DISCIPLINE = person("discipline", Role.DISCIPLINE_OFFICER, "bureau")
CLERK = person("clerk", Role.BUREAU_OFFICER, "bureau")
"""Orders payments: whoever computed a run does not."""

CASHIER = person("cashier", Role.BUREAU_OFFICER, "bureau")
"""Confirms payments."""

FOUR_TIERS = ((10, 10), (10, 8), (10, 6), (10, 5))
PAYING = {
    "payable": True,
    "reward_tiers": [["1/1", 300], ["4/5", 200], ["3/5", 100]],
    "penalty": 50,
    "points_full": 5,
    "points_missing": -1,
}
"""A policy that pays, as a lawful document of the county could name it."""

AFTER_CUTOFF = "2026-11-23 08:00"
AS_AT = "2026-11-21T08:00:00+08:00"
RUN, LINE = "year-2026", f"{SCHOOL}/2026-01"
DOCUMENT = "青教发〔2026〕12号"


def campaign(
    tallies=FOUR_TIERS, parameters: dict[str, Any] | None = None, at: str = AFTER_CUTOFF, **changes: Any
) -> Stream:
    """Return an approved campaign of one school at a time, after the counting cut-off, with these quotas."""
    quotas = {SCHOOL: {f"2026-{number:02d}": quota for number, (quota, _) in enumerate(tallies, 1) if quota}}
    fields = {"quotas": quotas, "policy": policy(**(parameters or {})).model_dump(mode="json")} | changes
    start = campaign_start(release=3, **fields)
    stream = Stream("campaign", start, when("2025-10-20 08:00"))
    stream.do("approve", APPROVER)
    return stream.to(at)


def counts(tallies=FOUR_TIERS, **more: Any) -> list[dict[str, Any]]:
    """Return the counts of the school's classes as the client folds them."""
    return [
        {"school": SCHOOL, "class_id": f"2026-{number:02d}", "quota": quota, "countable": countable, **more}
        for number, (quota, countable) in enumerate(tallies, 1)
    ]


def basis() -> dict[str, Any]:
    """Return where the counts were read."""
    return {f"{CAMPAIGN}/{SCHOOL}/application-filing": {"version": 7, "hash": "a" * 64}}


def compute(stream: Stream, tallies=FOUR_TIERS, *, profile: str = "compliant", **more: Any) -> None:
    """Compute the run, once more where it exists."""
    fields = {"run": RUN, "profile": profile, "as_at": AS_AT, "basis": basis(), "classes": counts(tallies)}
    stream.do("compute_settlement", OFFICER, **(fields | more))


def approved(stream: Stream, version: int = 1, revision: int = 0) -> None:
    """Let two people approve."""
    for who in (APPROVER, SECOND_APPROVER):
        stream.do("approve_settlement", who, run=RUN, version=version, revision=revision)


def published_anew(stream: Stream, revision: int) -> Stream:
    """Audit, approve and publish a correction, and let the time for appeals pass."""
    stream.do("review_settlement", AUDITOR, run=RUN, version=1, revision=revision)
    approved(stream, revision=revision)
    stream.do("publish_settlement", OFFICER, run=RUN)
    return stream.to(stream.now + timedelta(days=10))


def published(stream: Stream, tallies=FOUR_TIERS, **more: Any) -> Stream:
    """Compute, audit, approve and publish."""
    compute(stream, tallies, **more)
    stream.do("review_settlement", AUDITOR, run=RUN, version=1)
    approved(stream)
    stream.do("publish_settlement", OFFICER, run=RUN)
    return stream


def funded(stream: Stream, yuan: int = 10_000, source: str = "FISCAL", document: str | None = DOCUMENT) -> Stream:
    """Declare money."""
    stream.do("declare_funding", OFFICER, source=source, pool_yuan=yuan, document=document)
    return stream


def ready_to_pay(tallies=FOUR_TIERS, **parameters: Any) -> Stream:
    """Return a campaign whose run lacks nothing, the time for appeals over."""
    stream = funded(published(campaign(tallies, PAYING | parameters), tallies))
    return stream.to("2026-12-10 08:00")


def order(stream: Stream, payment: str = "p1", funding: str = DOCUMENT) -> None:
    """Order what is due."""
    stream.do("order_payment", CLERK, run=RUN, payment=payment, funding=funding)


def gate_of(stream: Stream, funding: str = DOCUMENT) -> dict[str, int]:
    """Return what is missing for a payment, with its numbers."""
    refusal = stream.refusal("order_payment", CLERK, run=RUN, payment="p9", funding=funding)
    assert refusal.code == "FUNDING_GATE", refusal.as_data()
    return {blocker.code: blocker.count for blocker in refusal.blockers}


__all__ = ["APPROVER", "AUDITOR", "OFFICER", "PRINCIPAL"]
