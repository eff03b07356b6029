"""The machine around a decider: what all streams share at work.

Command ids, both clocks, recorded refusals, the hash chain, the inbox and what leaves for other streams. It is pure:
the workflow shell and the in-memory kernel (`domain.kernel`) drive the same machine, so both write the same events
(design, sections 3 and 6; INV-27, INV-28).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Generic

from pydantic import BaseModel, ValidationError

from domain.actors import SYSTEM, Actor, Role
from domain.events import CommandRefused, Envelope, Event, SignalRefused, seal
from domain.policy import PolicyProfile, PolicyRef
from domain.refusal import Refusal
from domain.stream import (
    DIGEST_LENGTH,
    LABEL_LENGTH,
    Acted,
    Answer,
    Carry,
    CommandRecord,
    Decider,
    Halt,
    Job,
    Message,
    Receipt,
    S,
    Sent,
    UnknownEventError,
    apply,
)
from domain.time import SHANGHAI, civil

EVENTS_PER_TICK = 200
GATEWAY_COMMANDS_KEPT = 1_000
TOPICS = ("dropout", "compliance", "dispatch")
"""What stands in an id between a stream and the many of one topic below it: cases, and the dispatchers' channels."""

REFUSED_SIGNALS_A_DAY = 100
SIGNAL_NAME = r"[a-z][a-z0-9_-]{0,39}"


def command_digest(raw: Any) -> str:
    """Return a short digest of a command or message, enough to tell two of them apart.

    Takes any JSON, also numbers that RFC 8785 has no form for: what came from outside must never break a handler.
    """
    text = json.dumps(raw, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]


def signal_label(name: str) -> str:
    """Return a signal's name as the record keeps it: a text that may hold a person's name is kept as its digest."""
    return name if re.fullmatch(SIGNAL_NAME, name) else f"#{command_digest(name)}"


def own_digest(command: Any) -> str:
    """Return a command's digest over what was said, so that a field which a later release adds changes nothing."""
    return command_digest({**command.model_dump(mode="json", exclude_defaults=True), "kind": command.kind})


def unknown_fields(raw: Any, read: Any, place: str = "") -> Iterator[str]:
    """Yield the places of what was written and is no field of what was read, rows and all."""
    match raw, read:
        case dict(), BaseModel():
            for name, value in raw.items():
                if name in type(read).model_fields:
                    yield from unknown_fields(value, getattr(read, name), f"{place}{name}.")
                else:
                    yield f"{place}{name[:LABEL_LENGTH]}"
        case (list() | tuple(), list() | tuple()):
            for number, (value, part) in enumerate(zip(raw, read, strict=True)):
                yield from unknown_fields(value, part, f"{place}{number}.")
        case _:
            return


class Machine(Generic[S]):
    """One stream at work: the only writer of its events.

    Attributes:
        carry: what survives continue-as-new.
        queue: sealed events that the ledger does not have yet.
        state: what the events make, None before the first.
    """

    def __init__(self, decider: Decider[S], carry: Carry) -> None:
        self.decider = decider
        self.carry = carry
        self.queue: list[Envelope] = []
        self.state: S | None = None if carry.state is None else decider.state_type.model_validate(carry.state)
        self._policy: PolicyProfile | None = None
        self._reference: PolicyRef | None = None
        self._due: tuple[int, datetime | None] | None = None
        self._view: tuple[int, dict[str, Any]] | None = None
        self._checked: tuple[int, datetime, Any, Sequence[Event | Acted]] | None = None

    # -- time -------------------------------------------------------------------------------------------------

    def now(self, engine_now: datetime) -> datetime:
        """Return the stream's present: the engine's clock, or the stepped time that its driver gave it."""
        if self.carry.clock == "engine":
            return engine_now.astimezone(SHANGHAI)
        if self.carry.time is None:
            raise Refusal("CLOCK_NOT_STEPPED")
        return self.carry.time

    def step(self, at: datetime) -> None:
        """Move a stepped clock forward; an earlier time leaves it where it is.

        Raises:
            Refusal: CLOCK_NOT_STEPPED, the campaign runs on the engine's clock.
        """
        if self.carry.clock != "stepped":
            raise Refusal("CLOCK_NOT_STEPPED")
        at = at.astimezone(SHANGHAI)
        if self.carry.time is None or at > self.carry.time:
            self.carry.time = at

    def due(self) -> datetime | None:
        """Return the next instant at which the stream must act by itself; looked for once after each event."""
        if self.state is None or self.carry.halted:
            return None
        if self._due is None or self._due[0] != self.carry.version:
            self._due = self.carry.version, self.decider.due(self.state)
        return self._due[1]

    # -- the ways in ------------------------------------------------------------------------------------------

    def begin(self, now: datetime) -> None:
        """Write the stream's first events; does nothing where it has begun."""
        if self.state is not None or self.carry.start is None:
            return
        actor, events = self.decider.begin(self.carry.start, now)
        policy = PolicyProfile.model_validate(self.carry.start["policy"])
        for event in events:
            self._record(event, now, now, actor, self.carry.start.get("command_id"), self.carry.cause, "begin", policy)
        self.carry.start = None

    def check(self, raw: dict[str, Any], now: datetime) -> None:
        """Refuse a command that needs no trace; changes nothing (the Update's validator).

        Raises:
            Refusal: with the code that the caller gets.
        """
        command = self._parse(raw, strict=True)
        if self._known(command) is not None:
            return
        self._refuse_if_halted()
        due = self.due()
        if due is not None and due <= now:
            return  # the handler first does what is due, then decides
        try:
            self._checked = self.carry.version, now, command, self._decide(command, now)
        except Refusal as refusal:
            if not refusal.recorded:
                raise

    def submit(self, raw: dict[str, Any], now: datetime) -> Answer:
        """Decide a command and write what it leads to (the Update's handler).

        Raises:
            Refusal: the rules do not allow it and the record need not know.
        """
        command = self._parse(raw, strict=False)
        known = self._known(command)
        if known is not None:
            return self._answer(known.first, known.last, known.hash, (command.command_id,), known.refused, known.digest)
        self._refuse_if_halted()
        self._do_what_is_due(now)
        first = self.carry.version + 1
        refused: dict[str, Any] | None = None
        events: Sequence[Event | Acted]
        try:
            events = self._decided(command, now)
        except Refusal as refusal:
            if not refusal.recorded:
                raise
            refused = refusal.as_data()
            events = [
                CommandRefused(command=command.kind, code=refusal.code, digest=command_digest(raw), act=refusal.act),
            ]
        occurred = command.occurred_at or now
        for item in events:
            act = item if isinstance(item, Acted) else Acted(item, command.actor, occurred)
            self._record(act.event, act.occurred_at, now, act.actor, command.command_id, None, command.command_id)
        said = own_digest(command)
        handed_on = command.actor.role is Role.GATEWAY
        self.carry.commands[command.command_id] = CommandRecord(
            first=first,
            last=self.carry.version,
            hash=self.carry.hash,
            digest=said,
            refused=refused,
            handed_on=handed_on,
        )
        if handed_on:
            self._forget_what_was_handed_on()
        return self._answer(first, self.carry.version, self.carry.hash, (command.command_id,), refused, said)

    def tick(self, now: datetime, absorb: Sequence[str] = ()) -> Answer:
        """Do all that is due by `now`, then take in the named messages of the inbox, in the order named."""
        first = self.carry.version + 1
        self._refuse_if_halted()
        self._do_what_is_due(now)
        for name in absorb:
            self._absorb(name, now)
        triggers = ("begin", "due", *absorb)
        return self._answer(min(first, self.carry.version), self.carry.version, self.carry.hash, triggers)

    def receive(self, message: Message) -> bool:
        """Put news into the inbox; what was taken in before is dropped. Tells whether it is new.

        Raises:
            Refusal: SENDER_NOT_RELATED, the sender is neither this stream's parent nor one of its children.
        """
        sender = message.id.rpartition("#")[0]
        if sender and not related(sender, self.carry.stream):
            raise Refusal("SENDER_NOT_RELATED")
        if self.was_absorbed(message.id) or any(waiting.id == message.id for waiting in self.carry.inbox):
            return False
        self.carry.inbox.append(message)
        return True

    def was_absorbed(self, name: str) -> bool:
        """Tell whether a message was taken in before: each sender's news come in the order of its versions."""
        sender, _, version = name.rpartition("#")
        if not sender:
            return name in self.carry.absorbed
        return self.carry.absorbed.get(sender, 0) >= int(version)

    def holds(self, names: Iterable[str]) -> bool:
        """Tell whether all named messages are here or were taken in before."""
        waiting = [message.id for message in self.carry.inbox]
        return all(name in waiting or self.was_absorbed(name) for name in names)

    def refuse_signal(self, name: str, code: str, payload_digest: str, now: datetime) -> None:
        """Note a signal that could not be accepted; after a hundred in a day they are only counted."""
        if self.state is None or self.carry.halted:
            return
        today = civil(now).isoformat()
        if self.carry.signal_day != today:
            self.carry.signal_day, self.carry.signals_refused = today, 0
        self.carry.signals_refused += 1
        if self.carry.signals_refused <= REFUSED_SIGNALS_A_DAY:
            event = SignalRefused(name=signal_label(name), code=code, digest=payload_digest)
            self._record(event, now, now, SYSTEM, None, None, "signal")

    def halt(self, version: int, expected: str, found: str) -> None:
        """Stop for good after a conflict with the ledger: from here on only reads are answered."""
        self.carry.halted = Halt(version=version, expected=expected, found=found)

    # -- the ways out -----------------------------------------------------------------------------------------

    def job(self) -> Job | None:
        """Return the outside work that the state waits for and whose result is not here yet."""
        if self.state is None or self.carry.halted:
            return None
        job = self.decider.job(self.state)
        if job is None or any(waiting.id == job.message_id for waiting in self.carry.inbox):
            return None
        return job

    def finished(self) -> bool:
        """Tell whether nothing is left to do for ever."""
        return self.state is not None and self.decider.finished(self.state)

    def view(self) -> dict[str, Any]:
        """Return the stream's line of the board, to be read only; made once after each event."""
        if self.state is None:
            return {}
        if self._view is None or self._view[0] != self.carry.version:
            self._view = self.carry.version, self.decider.view(self.state)
        return self._view[1]

    def carry_over(self) -> Carry:
        """Return what the next run starts from; the queue must be in the ledger."""
        if self.queue:
            raise RuntimeError("the queue must be flushed before a run ends")
        state = None if self.state is None else self.state.model_dump(mode="json")
        return self.carry.model_copy(update={"state": state})

    # -- inside -----------------------------------------------------------------------------------------------

    def _parse(self, raw: dict[str, Any], *, strict: bool) -> Any:
        try:
            command = self.decider.commands.validate_python(raw)
        except ValidationError as error:
            places = [
                {"place": ".".join(str(part) for part in detail["loc"]), "problem": detail["type"]}
                for detail in error.errors(include_url=False, include_context=False, include_input=False)[:5]
            ]
            raise Refusal("COMMAND_INVALID", places=places) from None
        if strict:
            unknown = sorted(unknown_fields(raw, command))
            if unknown:
                places = [{"place": place, "problem": "unknown_field"} for place in unknown[:5]]
                raise Refusal("COMMAND_INVALID", places=places)
        return command

    def _known(self, command: Any) -> CommandRecord | None:
        known = self.carry.commands.get(command.command_id)
        if known is not None and known.digest != own_digest(command):
            raise Refusal("COMMAND_ID_REUSED", command_id=command.command_id)
        return known

    def _forget_what_was_handed_on(self) -> None:
        """Keep the latest of the gateway's commands: thousands of families act, and each act is known by its own id."""
        handed_on = [name for name, record in self.carry.commands.items() if record.handed_on]
        for name in handed_on[: max(0, len(handed_on) - GATEWAY_COMMANDS_KEPT)]:
            del self.carry.commands[name]

    def _refuse_if_halted(self) -> None:
        if self.carry.halted is not None:
            raise Refusal("HALTED", version=self.carry.halted.version)

    def _decided(self, command: Any, now: datetime) -> Sequence[Event | Acted]:
        """Return what the check a moment ago decided; where there was none, or anything has happened since, decide.

        The rules are pure, so that both are the same: a replay has no check and writes the same events.
        """
        checked, self._checked = self._checked, None
        if checked is not None and checked[:2] == (self.carry.version, now) and checked[2] == command:
            return checked[3]
        return self._decide(command, now)

    def _decide(self, command: Any, now: datetime) -> Sequence[Event | Acted]:
        if self.state is None:
            raise Refusal("HALTED", version=0)
        occurred = command.occurred_at
        if occurred is not None:
            parameters = self.state.policy.parameters
            if occurred > now + timedelta(minutes=parameters.future_minutes):
                raise Refusal("OCCURRED_IN_FUTURE", minutes=parameters.future_minutes)
            if occurred < now - timedelta(days=parameters.backdate_days) and command.late_reason is None:
                raise Refusal("OCCURRED_TOO_LONG_AGO", days=parameters.backdate_days)
        return self.decider.decide(self.state, command, now)

    def _do_what_is_due(self, now: datetime) -> None:
        written = 0
        while written < EVENTS_PER_TICK:
            due = self.due()
            if due is None or due > now or self.state is None:
                return
            before = self.carry.version
            for event in self.decider.on_due(self.state, due):
                self._record(event, due, now, SYSTEM, None, None, "due")
            if self.carry.version == before:
                raise RuntimeError(f"{self.carry.stream}: nothing was done about what was due at {due}")
            written += self.carry.version - before

    def _absorb(self, name: str, now: datetime) -> None:
        if self.was_absorbed(name):
            return
        message = next((waiting for waiting in self.carry.inbox if waiting.id == name), None)
        if message is None:
            raise Refusal("INBOX_NOT_HERE", message=name)
        self.carry.inbox = [waiting for waiting in self.carry.inbox if waiting.id != name]
        sender, _, version = name.rpartition("#")
        if sender:
            self.carry.absorbed[sender] = int(version)
        if self.state is None:
            raise Refusal("INBOX_NOT_HERE", message=name)
        try:
            events = self.decider.absorb(self.state, message, now)
        except (UnknownEventError, ValidationError, KeyError, TypeError, ValueError):
            # Only somebody with a key to the engine can send this; it must not stop the stream.
            self.refuse_signal(message.kind, "MESSAGE_UNREADABLE", command_digest(message.data), now)
            return
        if not sender:
            self.carry.absorbed[name] = 1  # a job whose result could not be read is done again
        for event in events:
            self._record(event, now, now, SYSTEM, None, name if sender else None, name)

    def _record(
        self,
        event: Event,
        occurred_at: datetime,
        recorded_at: datetime,
        actor: Actor,
        command_id: str | None,
        causation: str | None,
        trigger: str,
        policy: PolicyProfile | None = None,
    ) -> None:
        if policy is None:
            if self.state is None:
                raise RuntimeError(f"{self.carry.stream} has not begun")
            policy = self.state.policy
        envelope = seal(
            event,
            stream=self.carry.stream,
            version=self.carry.version + 1,
            prev_hash=self.carry.hash,
            occurred_at=occurred_at,
            recorded_at=recorded_at,
            actor=actor,
            command_id=command_id,
            causation=causation,
            policy=self._policy_reference(policy),
        )
        self.state = apply(self.decider, self.state, event, envelope)
        self.carry.version, self.carry.hash = envelope["version"], envelope["hash"]
        self.queue.append(envelope)
        for outgoing in self.decider.outgoing(self.state, event, envelope):
            self.carry.outgoing.append(outgoing)
            if self.carry.clock == "stepped":  # its driver asks again after a crash
                label = Sent(to=outgoing.to, id=outgoing.message.id if outgoing.message else None)
                self.carry.sent.setdefault(trigger, []).append(label)

    def _policy_reference(self, policy: PolicyProfile) -> PolicyRef:
        """Return the reference of a profile; hashing its parameters once, not for every event."""
        if self._reference is None or policy is not self._policy:
            self._policy = policy
            self._reference = PolicyRef(id=policy.id, version=policy.version, parameter_hash=policy.parameter_hash)
        return self._reference

    def _answer(
        self,
        first: int,
        last: int,
        last_hash: str,
        triggers: Sequence[str],
        refused: dict[str, Any] | None = None,
        command: str | None = None,
    ) -> Answer:
        job = None if self.state is None else self.decider.job(self.state)
        return Answer(
            accepted=refused is None,
            refused=refused,
            command=command,
            receipt=Receipt(stream=self.carry.stream, first_version=first, last_version=last, hash=last_hash),
            sent=tuple(label for trigger in triggers for label in self.carry.sent.get(trigger, ())),
            next_due=self.due(),
            job=job.message_id if job else None,
            closed=self.finished(),
        )


def related(sender: str, stream: str) -> bool:
    """Tell whether one stream is the other's parent: only they send each other news."""
    return parent_of(sender) == stream or parent_of(stream) == sender


def parent_of(stream: str) -> str:
    """Return the id of the stream that this one is below; the id of a case or a dispatcher has its topic before it."""
    parent = stream.rpartition("/")[0]
    head, _, topic = parent.rpartition("/")
    return head if topic in TOPICS else parent
