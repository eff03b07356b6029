"""The event envelope: one canonical form, one hash, one chain per stream (design, section 3; INV-26).

An event is a frozen model named in the past tense. Sealed, it becomes a plain dictionary of JSON values, the
*envelope*: that dictionary is what the engine's history, the ledger and every export hold, bit for bit.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, ClassVar

import rfc8785
from pydantic import BaseModel, ConfigDict

from domain.actors import Actor
from domain.canonical import canonical, encode
from domain.policy import PolicyRef
from domain.time import stamp

GENESIS = "0" * 64
"""`prev_hash` of a stream's first event."""

Envelope = dict[str, Any]


class Event(BaseModel):
    """What happened, in the past tense. Keys are ASCII; values are JSON without floats."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    SCHEMA: ClassVar[int] = 1

    LATER: ClassVar[tuple[str, ...]] = ()
    """Fields of a later release, left out while they hold their default: older events keep their bytes."""

    def as_data(self) -> dict[str, Any]:
        """Return the event as JSON values, as the envelope holds it."""
        data = self.model_dump(mode="json")
        for name in self.LATER:
            if getattr(self, name) == type(self).model_fields[name].get_default():
                del data[name]
        return data


class CommandRefused(Event):
    """A refusal that an auditor must be able to see: who tried what, never what the command said.

    `act`: what a family's only act of a command was: whoever audits sees a withdrawal that was refused (INV-06).
    """

    LATER: ClassVar[tuple[str, ...]] = ("act",)

    command: str
    code: str
    digest: str
    act: str | None = None


class SignalRefused(Event):
    """A signal from outside that could not be accepted: its code and digest, never its payload."""

    name: str
    code: str
    digest: str


class PolicyAdopted(Event):
    """From here on this stream decides by another version of the policy (INV-29)."""

    profile: dict[str, Any]


def digest(value: Any) -> str:
    """Return the lower-case hex SHA-256 of the RFC 8785 bytes of a JSON value."""
    return hashlib.sha256(canonical(value)).hexdigest()


def event_id(stream: str, version: int) -> str:
    """Return the name of one event: `{stream}#{version}`."""
    return f"{stream}#{version}"


def seal(
    event: Event,
    *,
    stream: str,
    version: int,
    prev_hash: str,
    occurred_at: datetime,
    recorded_at: datetime,
    actor: Actor,
    command_id: str | None,
    causation: str | None,
    policy: PolicyRef,
) -> Envelope:
    """Close an event into its envelope.

    Args:
        event: what happened.
        stream: the stream's id, which is the workflow's id.
        version: 1, 2, 3 … without a gap, across continue-as-new.
        prev_hash: hash of the event before, `GENESIS` for the first.
        occurred_at: when it happened, as said by the actor (or the due instant of a timer).
        recorded_at: when the workflow's clock saw it.
        actor: who did it.
        command_id: the command that caused it, which is also the Update's id; None for the system's own.
        causation: event id of another stream's event that caused it.
        policy: the policy that the decision was made under.

    Returns:
        The envelope with its `hash`.
    """
    body: Envelope = {
        "stream": stream,
        "version": version,
        "type": type(event).__name__,
        "schema": event.SCHEMA,
        "occurred_at": stamp(occurred_at),
        "recorded_at": stamp(recorded_at),
        "actor": actor.model_dump(mode="json"),
        "command_id": command_id,
        "causation": causation,
        "policy": policy.model_dump(mode="json"),
        "data": event.as_data(),
        "prev_hash": prev_hash,
    }
    body["hash"] = digest(body)
    return body


def canonical_text(envelope: Envelope) -> str:
    """Write an envelope in its canonical form with the standard library alone.

    Equal to RFC 8785 because keys are ASCII and there are no floats.

    Raises:
        ValueError: a number is none of JSON's.
    """
    return encode(envelope)


def recomputed_hash(envelope: Envelope) -> str:
    """Return the hash that the envelope ought to carry, by the `rfc8785` package alone, as an auditor computes it.

    The decider hashes with the standard library (`domain.canonical`): whoever compares the two has a second
    implementation. An envelope that has no canonical form has no hash either: the text is empty.
    """
    body = {key: value for key, value in envelope.items() if key != "hash"}
    try:
        return hashlib.sha256(rfc8785.dumps(body)).hexdigest()
    except ValueError:
        return ""
