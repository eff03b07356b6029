from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from retention_courses import DISCIPLINE, RECEIVER, REGISTRAR, record, registered, registration, resolve, row
from stream_samples import A, B, C, Stream, policy, when

from audit.counts import _gone
from domain.events import Envelope

CUTOFF = when("2026-11-01 00:00")
BEFORE, AFTER = "2026-10-20 08:00", "2026-11-03 08:00"


class OneStream:
    """A ledger that holds one stream."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream

    async def events(self, stream: str) -> AsyncIterator[Envelope]:
        """Yield the events of the stream that is asked for."""
        assert stream == self.stream.machine.carry.stream
        for envelope in self.stream.ledger:
            yield envelope


async def gone(stream: Stream) -> list[str]:
    """Return who was gone at the cut-off."""
    return list(await _gone(OneStream(stream), stream.machine.carry.stream, CUTOFF))


def checked(*states: str) -> Stream:
    """Return follow-ups with a finding for A, B and C each, made before the cut-off."""
    stream = registered(*(registration(student) for student in (A, B, C)), now=BEFORE)
    found = [row(student, state, evidence="DOCUMENT") for student, state in zip((A, B, C), states, strict=True)]
    record(stream, *found, who=REGISTRAR)
    return stream


async def test_who_was_lost_or_moved_on_before_the_cutoff_is_not_counted():
    """A lawful move as well as a loss; what is found later belongs to a later count."""
    assert await gone(checked("lost", "transfer", "present")) == [A, B]
    stream = registered(registration(A), now=BEFORE).to(AFTER)
    record(stream, row(A, "lost"))
    assert await gone(stream) == []


async def test_a_correction_counts_in_both_directions():
    """A loss that was a typing error is none, and a presence that was one is a loss."""
    stream = checked("lost", "present", "present")
    versions = {student: stream.state.pupils[student].checks["D+30"].version for student in (A, B)}
    stream.do("correct", REGISTRAR, version=versions[A], values={"state": "present"}, reason="TYPO")
    stream.do("correct", REGISTRAR, version=versions[B], values={"state": "transfer"}, reason="TYPO")
    assert await gone(stream) == [B]


async def test_a_correction_of_after_the_cutoff_comes_too_late():
    """Also one that is dated back in front of the finding that it corrects."""
    stream = checked("lost", "present", "present").to(AFTER)
    version = stream.state.pupils[A].checks["D+30"].version
    stream.do("correct", REGISTRAR, version=version, values={"state": "present"}, reason="TYPO")
    assert await gone(stream) == [A]
    late = registered(registration(A), now=BEFORE).to(AFTER)
    record(late, row(A, "present"))
    version, said = late.last("RetentionConfirmed")["version"], "2026-10-31T20:00:00+08:00"
    values = {"state": "lost", "evidence": "DOCUMENT"}
    late.do("correct", REGISTRAR, version=version, values=values, reason="TYPO", occurred_at=said)
    assert await gone(late) == []


@pytest.mark.parametrize(("answer", "left"), [("present", []), ("lost", [A])])
async def test_of_two_findings_the_answer_counts_and_before_it_neither(answer, left):
    """Nobody is gone by a finding that is disputed."""
    stream = checked("lost", "present", "present")
    record(stream, row(A), who=RECEIVER)
    assert await gone(stream) == []
    stream.do("resolve_evidence", DISCIPLINE, **resolve(A, answer))
    assert await gone(stream) == left


async def test_who_was_found_again_is_counted():
    """A return at a later checkpoint ends the loss (edge case 20)."""
    changed = policy(retention_checkpoints=["D+30", "D+40"]).model_dump(mode="json")
    stream = registered(registration(A), now="2026-10-20 08:00", policy=changed)
    record(stream, row(A, "lost"))
    assert await gone(stream) == [A]
    stream.to("2026-10-21 08:00")
    record(stream, row(A, checkpoint="D+40"))
    assert stream.names()[-2:] == ["Returned", "Retained"]
    assert await gone(stream) == []
