"""The generic shell of every stream: Update `submit`, the dynamic Signal, queries, queue and flush, one timer.

A concrete workflow adds its class and its `run` (Temporal wants both on the class itself). Everything that is decided
is decided by `domain.stream.Machine`; the shell gives it the workflow's clock, writes its queue to the ledger with one
normal activity at a time, and sends what leaves only after the ledger has its cause (design, sections 3 and 4).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    import protocol
    from domain.deciders import DECIDERS
    from domain.events import digest
    from domain.machine import Machine
    from domain.refusal import Refusal
    from domain.stream import (
        DIGEST_LENGTH,
        LABEL_LENGTH,
        Answer,
        Carry,
        Job,
        Message,
        Outgoing,
        UnknownEventError,
    )
    from domain.time import instant, stamp
    from protocol import (
        ACTIVITY_APPEND,
        ACTIVITY_ARCHIVE,
        ACTIVITY_COHORT,
        ACTIVITY_COMPARE,
        ACTIVITY_PROPOSALS,
        BYTES_PER_APPEND,
        EVENTS_PER_APPEND,
        LEDGER_CONFLICT,
        REFUSED,
        SEARCH_CAMPAIGN,
        SEARCH_SCHOOL,
        SEARCH_STAGE,
        SEARCH_STATUS,
        SIGNALS_PER_RUN,
        UPDATES_PER_RUN,
        WORKFLOW_TYPES,
        AppendRequest,
        ArchiveRequest,
        CohortRequest,
        CompareRequest,
        ProposalsRequest,
        TickRequest,
    )

FOREVER = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=10))
"""The ledger and the registry come back: their activities are retried until they do."""

BRIEF = timedelta(seconds=10)
"""An append takes milliseconds; one whose worker died is tried again after this long."""

THOROUGH = timedelta(minutes=2)
"""A comparison reads all summaries of a county's years."""

LONGEST_BACK_OFF = timedelta(hours=6)
"""Most between two tries of a job whose result could not be read: the record stays small, a mended worker is asked."""

COMPARISON = "compare_summary"
"""The one job that people can give up: its text may be lost."""

ARCHIVES_AT_ONCE = 8
"""An archive waits in its slot for a child's end: never so many that the children's own find none."""

MOST_BRACKETS = 64
"""More than any signal has. A parser runs out of stack on deep nesting, and where depends on the machine."""


def decoded(payload: bytes) -> Any:
    """Return a signal's argument as JSON values.

    Raises:
        ValueError: it is no JSON, or nests deeper than anything that is sent to a stream.
    """
    if payload.count(b"[") + payload.count(b"{") > MOST_BRACKETS:
        raise ValueError("nested too deeply")
    return json.loads(payload)


def details(view: dict[str, Any], version: int) -> str:
    """Say in Markdown, for the engine's own UI, where a stream stands: the board's codes and counts, nobody's data."""
    flags = [name for name in ("overdue", "paused", "stopped") if view.get(name)]
    lines = [f"**{view.get('status', '')}** {' '.join(flags)}".rstrip(), f"- events: {version}"]
    lines += [f"- {name}: {view[name]}" for name in ("opens", "due", "pupils") if view.get(name) is not None]
    lines += [f"- missing: {blocker['code']} × {blocker['count']}" for blocker in view.get("blockers", ())]
    lines += [f"- class {name}: {part['done']}/{part['of']}" for name, part in view.get("classes", {}).items()]
    return "\n".join(lines)


def refused(refusal: Refusal) -> ApplicationError:
    """Turn a refusal of the rules into the one error that may escape a handler."""
    return ApplicationError(refusal.code, refusal.as_data(), type=REFUSED, non_retryable=True)


def back_off(unread: int) -> timedelta:
    """Return how long to wait before a job is done again, after so many results that could not be read (1 or more)."""
    return min(BRIEF * (1 << min(unread - 1, 16)), LONGEST_BACK_OFF)


class StreamShell:
    """What all our workflows are: one machine, its ways in, and the loop that writes and sends."""

    def __init__(self, carry: Carry) -> None:
        self._machine = Machine(DECIDERS[carry.kind], carry)
        self._updates = 0
        self._signals = 0
        self._job: asyncio.Task[None] | None = None
        self._asked: Job | None = None
        self._unread = 0
        if carry.clock == "stepped" and carry.time is None:
            carry.time = carry.started_at
        self._machine.begin(self._now())

    # -- the ways in ------------------------------------------------------------------------------------------

    @workflow.update(name="submit")
    def submit(self, command: dict[str, Any], at: str | None = None) -> Answer:
        """Decide a command and answer with its receipt; `at` moves a stepped clock first."""
        self._updates += 1
        try:
            if at is not None:
                self._machine.step(self._instant(at))
            return self._machine.submit(command, self._now())
        except Refusal as refusal:
            raise refused(refusal) from None

    @submit.validator
    def validate_submit(self, command: dict[str, Any], at: str | None = None) -> None:
        """Refuse what the record need not know, before anything is written."""
        try:
            self._check_update_id(command)
            self._machine.check(command, self._now() if at is None else self._stepped(at))
        except Refusal as refusal:
            raise refused(refusal) from None

    @workflow.update(name="tick")
    async def tick(self, request: TickRequest) -> Answer:
        """Move a stepped clock, do what is due, and take in the named news once it is here."""
        self._updates += 1
        try:
            await workflow.wait_condition(lambda: self._machine.holds(request.absorb))
            self._machine.step(request.at)
            return self._machine.tick(self._now(), request.absorb)
        except Refusal as refusal:
            raise refused(refusal) from None

    @tick.validator
    def validate_tick(self, request: TickRequest) -> None:
        """Refuse to step a campaign that runs on the engine's clock."""
        del request
        if self._machine.carry.clock != "stepped":
            raise refused(Refusal("CLOCK_NOT_STEPPED"))

    @workflow.signal(dynamic=True)
    def signal(self, name: str, args: Sequence[RawValue]) -> None:
        """Take any signal without harm: our own news, `stage_completed` from outside, and whatever else arrives."""
        self._signals += 1
        payload_digest = digest([arg.payload.data.hex() for arg in args])[:DIGEST_LENGTH]
        try:
            match name, [decoded(arg.payload.data) for arg in args]:
                case (protocol.SIGNAL_DELIVER, [dict() as body]):
                    self._receive(Message.model_validate(body))
                case (protocol.SIGNAL_STAGE_COMPLETED, [dict() as fields]):
                    self._stage_completed(fields)
                case _:
                    self._machine.refuse_signal(name, "SIGNAL_UNKNOWN", payload_digest, self._now())
        except Refusal as refusal:
            self._machine.refuse_signal(name, refusal.code, payload_digest, self._now())
        except (ValidationError, ValueError, LookupError, TypeError, AttributeError, UnknownEventError):
            self._machine.refuse_signal(name, "SIGNAL_UNREADABLE", payload_digest, self._now())

    @workflow.query(name="state")
    def state(self) -> dict[str, Any]:
        """Return the stream's whole state with its place in the record; works also when halted."""
        machine = self._machine
        return {
            "stream": machine.carry.stream,
            "version": machine.carry.version,
            "hash": machine.carry.hash,
            "now": stamp(self._now()),
            "clock": machine.carry.clock,
            "runs": machine.carry.runs,
            "waiting": [message.id for message in machine.carry.inbox],
            "commands": len(machine.carry.commands),
            "sent": [label.model_dump() for labels in machine.carry.sent.values() for label in labels],
            "signals_refused": machine.carry.signals_refused,
            "halted": machine.carry.halted.model_dump() if machine.carry.halted else None,
            "view": machine.view(),
            "state": machine.state.model_dump(mode="json") if machine.state else None,
        }

    @workflow.query(name="blockers")
    def blockers(self) -> list[dict[str, Any]]:
        """Return what stands in the way of completing."""
        machine = self._machine
        found = machine.decider.blockers(machine.state) if machine.state else ()
        return [blocker.model_dump() for blocker in found]

    # -- the loop ---------------------------------------------------------------------------------------------

    async def serve(self) -> None:
        """Run until the stream has ended: write, send, and act when something is due."""
        self._mark()
        await self._archive_predecessor()
        while not self._machine.carry.halted:
            self._act()
            if self._machine.queue:
                await self._flush()
            elif self._machine.carry.outgoing:
                await self._send()
            elif self._machine.finished():
                await self._archive_children()
                if await self._all_done():
                    return
            elif self._full():
                await self._continue_as_new()
            else:
                await self._rest()
        await workflow.wait_condition(lambda: False)  # halted: reads are answered for ever, nothing else happens

    def _act(self) -> None:
        """On the engine's clock, do what is due and take in what has come; on a stepped one the driver says when."""
        self._start_job()
        if self._machine.carry.clock == "stepped":
            return
        due = self._machine.due()
        waiting = tuple(message.id for message in self._machine.carry.inbox)
        if waiting or (due is not None and due <= self._now()):
            self._machine.tick(self._now(), waiting)

    async def _rest(self) -> None:
        due = self._machine.due() if self._machine.carry.clock == "engine" else None
        timeout = None if due is None else max(timedelta(0), due - self._now())
        with contextlib.suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                self._has_work,
                timeout=timeout,
                timeout_summary=None if due is None else f"due {stamp(due)}",
            )

    def _has_work(self) -> bool:
        machine = self._machine
        news = machine.carry.inbox and machine.carry.clock == "engine"
        job = self._job is None and machine.job() is not None
        return bool(self._has_output() or news or job or machine.finished() or self._full())

    async def _flush(self) -> None:
        """Write the head of the queue with one activity: at most 500 events and about a megabyte."""
        batch: list[dict[str, Any]] = []
        size = 0
        for envelope in self._machine.queue[:EVENTS_PER_APPEND]:
            size += len(json.dumps(envelope, ensure_ascii=False))
            if batch and size > BYTES_PER_APPEND:
                break
            batch.append(envelope)
        whole = len(batch) == len(self._machine.queue)  # the board shows the state after the last event of a batch
        view = self._machine.view() if whole else {}
        request = AppendRequest(stream=self._machine.carry.stream, events=batch, view=view)
        try:
            await workflow.execute_activity(
                ACTIVITY_APPEND,
                request,
                start_to_close_timeout=BRIEF,
                retry_policy=FOREVER,
                summary=f"{batch[0]['version']}-{batch[-1]['version']}",
            )
        except ActivityError as error:
            if not isinstance(error.cause, ApplicationError) or error.cause.type != LEDGER_CONFLICT:
                raise
            version, expected, found = error.cause.details
            self._machine.halt(version, expected, found)
            return
        del self._machine.queue[: len(batch)]
        self._mark()

    async def _send(self) -> None:
        """Start children, then send news: to each stream one after the other, to all of them side by side."""
        outgoing = list(self._machine.carry.outgoing)
        await asyncio.gather(*(self._start_child(item) for item in outgoing if item.child is not None))
        by_target: dict[str, list[Outgoing]] = {}
        for item in outgoing:
            if item.message is not None:
                by_target.setdefault(item.to, []).append(item)
        await asyncio.gather(*(self._deliver(to, items) for to, items in by_target.items()))
        del self._machine.carry.outgoing[: len(outgoing)]

    async def _start_child(self, item: Outgoing) -> None:
        carry = Carry(
            stream=item.to,
            kind=item.child or "",
            clock=self._machine.carry.clock,
            start=item.start,
            started_at=item.at,
            cause=item.cause,
        )
        with contextlib.suppress(WorkflowAlreadyStartedError):
            await workflow.start_child_workflow(
                WORKFLOW_TYPES[carry.kind],
                carry,
                id=item.to,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                search_attributes=workflow.info().typed_search_attributes,
                static_summary=carry.stream.removeprefix("campaign/"),
                static_details=f"begun by {carry.cause}",
            )

    async def _deliver(self, to: str, items: list[Outgoing]) -> None:
        handle = workflow.get_external_workflow_handle(to)
        for item in items:
            while True:
                try:
                    await handle.signal(protocol.SIGNAL_DELIVER, item.message)
                except ApplicationError as error:
                    workflow.logger.warning("not delivered", extra={"to": to, "code": error.type})
                    if "not found" in error.message:  # it has ended and takes no more news; its last events are kept
                        break
                    await workflow.sleep(BRIEF)  # at its limit of signals, say: it will continue as new
                else:
                    break

    def _start_job(self) -> None:
        if self._job is not None and self._job.done():
            self._job.result()
            self._job = None
        job = self._machine.job()
        if self._job is not None and self._given_up(job):
            self._job.cancel()
            self._job = None
        if job is not None and self._job is None:
            again = self._asked is not None and self._asked.message_id == job.message_id
            self._unread = self._unread + 1 if again else 0
            self._job, self._asked = asyncio.create_task(self._work(job)), job

    def _given_up(self, job: Job | None) -> bool:
        """Tell whether a comparison goes on that nobody waits for any more; the activity would try for ever."""
        asked = self._asked
        return asked is not None and asked.name == COMPARISON and (job is None or job.of != asked.of)

    async def _work(self, job: Job) -> None:
        if self._unread and workflow.patched("job-back-off"):  # without it a run of before could not be replayed
            await workflow.sleep(back_off(self._unread), summary=f"{job.name} again, {self._unread} unread")
        request: CohortRequest | ProposalsRequest | CompareRequest
        match job.name:
            case "cohort":
                name, request = ACTIVITY_COHORT, CohortRequest.model_validate(job.arguments)
            case "proposals":
                name, request = ACTIVITY_PROPOSALS, ProposalsRequest.model_validate(job.arguments)
            case "compare_summary":
                name, request = ACTIVITY_COMPARE, CompareRequest.model_validate(job.arguments)
            case _:
                raise ApplicationError(f"no activity for the job {job.name}", type="JobUnknown", non_retryable=True)
        result: dict[str, Any] = await workflow.execute_activity(
            name,
            request,
            start_to_close_timeout=THOROUGH if name == ACTIVITY_COMPARE else BRIEF,
            retry_policy=FOREVER,
            summary=job.name,
            result_type=dict[str, Any],
        )
        self._machine.receive(Message(id=job.message_id, kind=job.name, data=result, at=self._now()))

    # -- runs -------------------------------------------------------------------------------------------------

    def _full(self) -> bool:
        """Tell whether the run should continue as new; a job under way is asked for again by the next run."""
        return (
            workflow.info().is_continue_as_new_suggested()
            or self._updates >= UPDATES_PER_RUN
            or self._signals >= SIGNALS_PER_RUN
        )

    async def _continue_as_new(self) -> None:
        if not await self._all_done():
            return
        carry = self._machine.carry_over()
        carry.predecessor = workflow.info().run_id
        carry.runs += 1
        workflow.continue_as_new(carry)

    async def _all_done(self) -> bool:
        """Wait for the handlers to end, but write and send first what comes in meanwhile: a tick may wait for news."""
        await workflow.wait_condition(lambda: workflow.all_handlers_finished() or self._has_output())
        return workflow.all_handlers_finished() and not self._has_output()

    def _has_output(self) -> bool:
        return bool(self._machine.queue or self._machine.carry.outgoing)

    async def _archive_predecessor(self) -> None:
        """Keep the run before, first of all: a history is in the archive before the next one grows."""
        predecessor = self._machine.carry.predecessor
        if predecessor is not None:
            await self._archive(ArchiveRequest(workflow_id=workflow.info().workflow_id, run_id=predecessor))
            self._machine.carry.predecessor = None

    async def _archive_children(self) -> None:
        if self._machine.state is None:
            return
        ended = self._machine.decider.last_archives(self._machine.state)
        for start in range(0, len(ended), ARCHIVES_AT_ONCE):
            some = ended[start : start + ARCHIVES_AT_ONCE]
            await asyncio.gather(*(self._archive(ArchiveRequest(workflow_id=stream)) for stream in some))

    async def _archive(self, request: ArchiveRequest) -> None:
        await workflow.execute_activity(
            ACTIVITY_ARCHIVE,
            request,
            start_to_close_timeout=timedelta(minutes=5),
            heartbeat_timeout=BRIEF,
            retry_policy=FOREVER,
            summary=request.workflow_id,
        )

    # -- small ------------------------------------------------------------------------------------------------

    def _now(self) -> datetime:
        return self._machine.now(workflow.now())

    def _check_update_id(self, command: dict[str, Any]) -> None:
        """Refuse a command under a foreign Update id: the server dedupes by the one, we by the other."""
        info = workflow.current_update_info()
        if info is not None and info.id != command.get("command_id"):
            raise Refusal("UPDATE_ID_MISMATCH", command_id=str(command.get("command_id"))[:LABEL_LENGTH])

    def _stepped(self, at: str) -> datetime:
        """Return the present that a stepped clock would have after moving to `at`."""
        if self._machine.carry.clock != "stepped":
            raise Refusal("CLOCK_NOT_STEPPED")
        return max(self._now(), self._instant(at))

    def _instant(self, text: str) -> datetime:
        try:
            return instant(text)
        except ValueError:
            places = [{"place": "at", "problem": "datetime"}]
            raise Refusal("COMMAND_INVALID", places=places) from None

    def _receive(self, message: Message) -> None:
        """Take in news that have a sender and that the rules have an answer to.

        A job's result never comes from outside; and nonsense in the inbox would use up its sender's numbers.
        """
        if "#" not in message.id:
            raise Refusal("SENDER_NOT_RELATED")
        if self._machine.state is not None:
            self._machine.decider.absorb(self._machine.state, message, self._now())
        self._machine.receive(message)

    def _stage_completed(self, fields: dict[Any, Any]) -> None:
        if set(fields) - {"command_id", "actor", "occurred_at"}:
            raise Refusal("COMMAND_INVALID", places=[{"place": "stage_completed", "problem": "unknown_field"}])
        command = {str(key): value for key, value in fields.items()} | {"kind": "complete"}
        self._machine.submit(command, self._now())

    def _mark(self) -> None:
        """Keep the search attributes and the UI's details in step with the board: codes and counts only."""
        view = self._machine.view()
        workflow.set_current_details(details(view, self._machine.carry.version))
        wanted = {
            SEARCH_CAMPAIGN: view.get("campaign"),
            SEARCH_SCHOOL: view.get("school"),
            SEARCH_STAGE: view.get("stage"),
            SEARCH_STATUS: view.get("status"),
        }
        current = workflow.info().typed_search_attributes
        changed = [
            key.value_set(value) for key, value in wanted.items() if value is not None and current.get(key) != value
        ]
        if changed:
            workflow.upsert_search_attributes(changed)
