"""The whole campaign without an engine: a dictionary of machines, stepped by a driver.

The kernel takes the same calls as a running campaign on a stepped clock and writes the same events. It is the oracle
that the engine is compared with, and what a reader of the rules can run in a debugger.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from domain.deciders import DECIDERS
from domain.events import Envelope
from domain.machine import Machine
from domain.refusal import Refusal
from domain.stream import Answer, Carry, Job, Message

Work = Callable[[Job], Awaitable[dict[str, Any]]]
"""Does a job in the outside world and returns its result."""


class Kernel:
    """All streams of one campaign in memory.

    Attributes:
        ledger: every stream's events, in order.
        machines: every stream at work.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self.machines: dict[str, Machine[Any]] = {}
        self.ledger: dict[str, list[Envelope]] = {}

    async def begin(self, carry: Carry) -> None:
        """Start a stream; a stream that has begun stays as it is."""
        if carry.stream in self.machines:
            return
        if carry.time is None:
            carry.time = carry.started_at
        machine: Machine[Any] = Machine(DECIDERS[carry.kind], carry)
        self.machines[carry.stream] = machine
        machine.begin(self._now(machine))
        await self._settle(machine)

    async def submit_unrecorded(self, stream: str, command: Mapping[str, Any], *, at: datetime | None = None) -> Answer:
        """Give a command at an instant, as the Update `submit` does.

        Raises:
            Refusal: the rules do not allow it.
        """
        machine = self.machines[stream]
        now = self._now(machine)
        machine.check(dict(command), now if at is None else max(now, at))
        if at is not None:
            machine.step(at)
        answer = machine.submit(dict(command), self._now(machine))
        await self._settle(machine)
        return answer

    async def tick(self, stream: str, at: datetime, absorb: Sequence[str] = ()) -> Answer:
        """Move a stream's clock and take in the named messages, as the Update `tick` does."""
        machine = self.machines[stream]
        if not machine.holds(absorb):
            raise Refusal("INBOX_NOT_HERE", message=", ".join(absorb))
        machine.step(at)
        answer = machine.tick(self._now(machine), absorb)
        await self._settle(machine)
        return answer

    async def _settle(self, machine: Machine[Any]) -> None:
        """Write the queue, send what leaves, and do the job that the state asks for."""
        self.ledger.setdefault(machine.carry.stream, []).extend(machine.queue)
        machine.queue.clear()
        outgoing, machine.carry.outgoing = machine.carry.outgoing, []
        for item in outgoing:
            if item.child is not None:
                carry = Carry(
                    stream=item.to,
                    kind=item.child,
                    clock="stepped",
                    start=item.start,
                    started_at=item.at,
                    cause=item.cause,
                )
                await self.begin(carry)
            elif item.message is not None and item.to in self.machines:
                self.machines[item.to].receive(item.message)
        job = machine.job()
        if job is not None:
            result = await self._work(job)
            machine.receive(Message(id=job.message_id, kind=job.name, data=result, at=self._now(machine)))

    def _now(self, machine: Machine[Any]) -> datetime:
        if machine.carry.time is None:
            raise Refusal("CLOCK_NOT_STEPPED")
        return machine.carry.time
