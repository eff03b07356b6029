"""The one typed façade over a running campaign; every face of the system uses it.

A command returns when the ledger holds what it led to: whoever reads afterwards reads their own writes (section 3).
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from pydantic import AwareDatetime, BaseModel, ValidationError
from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.actors import Actor, Role, require
from domain.deciders import decider_of, kind_of
from domain.delegation import classes_of, require_delegation
from domain.events import Envelope
from domain.machine import own_digest
from domain.notices import EMAIL
from domain.refusal import Refusal
from domain.school_state import SchoolState
from domain.stage import StageDecider
from domain.stage_events import StageSlug
from domain.stage_state import Todo
from domain.stream import Answer, Carry, Receipt, Sent, UnknownEventError, fold
from domain.time import SHANGHAI, civil, instant, stamp
from engine import export_history
from ledger.histories import kept
from ledger.store import Ledger
from protocol import (
    ACTIVITY_APPEND,
    DISPATCH_WORKFLOW,
    QUERY_BLOCKERS,
    QUERY_STATE,
    REFUSED,
    SEARCH_CAMPAIGN,
    SEARCH_STATUS,
    SIGNAL_FINISH,
    SIGNAL_WAKE,
    TASK_QUEUE,
    UPDATE_SUBMIT,
    UPDATE_TICK,
    UPDATES_IN_FLIGHT,
    WORKFLOW_TYPES,
    DispatchInput,
    TickRequest,
    dispatch_id,
    school_id,
    stage_id,
)
from registry.draft import Draft
from registry.store import Registry

__all__ = [
    "CampaignClient",
    "Launched",
    "MismatchError",
    "NotFoundError",
    "NotRecordedError",
    "UnreachableError",
    "school_id",
    "stage_id",
]

R = TypeVar("R")

STAGES = tuple(slug.value for slug in StageSlug)
RECORDED_WITHIN = timedelta(seconds=10)
CAUGHT_UP_WITHIN = timedelta(seconds=60)
"""How long a driver waits: an append, a job or a task that died with its worker is tried again before that."""

PAUSED_WITHIN = timedelta(seconds=30)
LOOKS_AT_THE_END = 1.0
"""Seconds between two looks at the board of a campaign that is closing: a county has thousands of lines."""

BY_THEIR_OWN_DAYS = ("attendance", "dropout", "compliance")
"""Kinds of streams that no close ends: each goes on by days of its own, and the streams above it wait for it."""

TRANSIENT = (
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.RESOURCE_EXHAUSTED,
    RPCStatusCode.CANCELLED,
    RPCStatusCode.UNKNOWN,
    RPCStatusCode.INTERNAL,
    RPCStatusCode.ABORTED,
    RPCStatusCode.FAILED_PRECONDITION,  # the run has taken all the Updates that it may: the next one is about to begin
)


class NotFoundError(Exception):
    """There is no such campaign, school or stage.

    Attributes:
        stream: the id that nobody knows.
        ended: True where it was there and has ended.
    """

    def __init__(self, stream: str, *, ended: bool = False) -> None:
        super().__init__(f"{stream} {'has ended' if ended else 'is not there'}")
        self.stream = stream
        self.ended = ended


class UnreachableError(Exception):
    """The engine did not answer in time; the command may or may not have arrived: the same id again is safe."""


class MismatchError(Exception):
    """The ledger holds a campaign that this engine does not know: they are not of one data directory.

    Attributes:
        stream: the campaign's id.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(f"the ledger holds {stream}, the engine does not know it")
        self.stream = stream


class NotRecordedError(Exception):
    """The command was accepted and is not in the ledger yet; it will be.

    Attributes:
        receipt: what to ask for later.
    """

    def __init__(self, receipt: Receipt) -> None:
        super().__init__(f"{receipt.stream}#{receipt.last_version} is accepted and not in the ledger yet")
        self.receipt = receipt


class Launched(BaseModel):
    """What a launch did."""

    campaign: str
    already: bool
    receipt: Receipt | None = None


class RecalledLabel(BaseModel):
    """Something that a stream sent: where to, the message (None: it began the stream there), and when."""

    to: str
    id: str | None
    at: AwareDatetime


class Recalled(BaseModel):
    """Where a stepped stream stands, and all that it has sent, for a driver that was started again."""

    present: AwareDatetime
    sent: tuple[RecalledLabel, ...]


class CampaignClient:
    """Commands, ticks, queries and board of the campaigns on one engine and one ledger."""

    def __init__(self, engine: Client, ledger: Ledger, *, patience: timedelta = timedelta(seconds=30)) -> None:
        """Make a client.

        Args:
            engine: a connection from `engine.connect`.
            ledger: the ledger that the worker writes to.
            patience: how long a call is tried again while the engine does not answer.
        """
        self._engine = engine
        self._ledger = ledger
        self._patience = patience
        self._in_flight: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(UPDATES_IN_FLIGHT))

    @property
    def ledger(self) -> Ledger:
        """Return the ledger that is read from."""
        return self._ledger

    # -- commands ---------------------------------------------------------------------------------------------

    async def launch(
        self,
        draft: Draft,
        actor: Actor,
        command_id: str,
        *,
        clock: str = "engine",
        started_at: datetime | None = None,
    ) -> Launched:
        """Draft a campaign; the same content again changes nothing, other content is refused (B2).

        Raises:
            Refusal: ROLE_NOT_ALLOWED, CAMPAIGN_EXISTS.
            MismatchError: the ledger holds the campaign and the engine does not know it.
        """
        require(actor, "draft", None)
        content = {**draft.content, "clock": clock, "actor": actor.model_dump(mode="json"), "command_id": command_id}
        known = await self._drafted(draft.campaign)
        already = known is not None
        if already:
            await self._require_one_house(draft.campaign)
        if known is None:
            carry = Carry(
                stream=draft.campaign,
                kind="campaign",
                clock="stepped" if clock == "stepped" else "engine",
                start=content,
                started_at=started_at,
            )
            try:
                await self._patiently(lambda: self._start(carry))
            except WorkflowAlreadyStartedError:
                already = True
            await self._until(lambda: self._is_recorded(draft.campaign), RECORDED_WITHIN)
            known = await self._drafted(draft.campaign)
        if known is None:
            raise NotRecordedError(Receipt(stream=draft.campaign, first_version=1, last_version=1, hash=""))
        if known != draft.content["content_digest"]:
            raise Refusal("CAMPAIGN_EXISTS", campaign=draft.campaign)
        return Launched(campaign=draft.campaign, already=already)

    async def submit(self, stream: str, command: Mapping[str, Any], *, at: datetime | None = None) -> Answer:
        """Give a command and return its answer when the ledger holds it.

        Args:
            stream: id of the campaign, school or stage.
            command: the tagged JSON command; its `command_id` is the Update's id.
            at: the stepped clock's instant; None on the engine's clock.

        Raises:
            Refusal: the rules do not allow it.
            NotFoundError: there is no such stream.
            NotRecordedError: accepted, and not in the ledger after ten seconds.
            UnreachableError: the engine does not answer.
        """
        answer = await self.submit_unrecorded(stream, command, at=at)
        await self.wait_recorded(answer.receipt)
        return answer

    async def submit_unrecorded(self, stream: str, command: Mapping[str, Any], *, at: datetime | None = None) -> Answer:
        """Give a command and return as soon as it is accepted; for drivers that wait for the ledger later."""
        arguments: list[Any] = [dict(command)]
        if at is not None:
            arguments.append(stamp(at))
        answer = await self._update(stream, UPDATE_SUBMIT, arguments, str(command["command_id"]))
        if answer.command != _said(stream, command):
            # The server answers an Update id that it knows by itself, whatever the Update says now.
            raise Refusal("COMMAND_ID_REUSED", command_id=str(command["command_id"]))
        return answer

    async def tick(self, stream: str, at: datetime, absorb: Sequence[str] = ()) -> Answer:
        """Move a stepped clock and take in the named messages.

        Raises:
            Refusal: CLOCK_NOT_STEPPED.
            NotFoundError: the stream has ended, or nobody has started it in time.
            UnreachableError: no answer came in time, which is longer than a worker's death holds the news back.
        """
        request = TickRequest(at=at, absorb=tuple(absorb))
        update_id = f"tick-{uuid.uuid4()}"
        loop = asyncio.get_running_loop()
        deadline = loop.time() + max(self._patience, CAUGHT_UP_WITHIN).total_seconds()
        while True:
            try:
                return await self._update(stream, UPDATE_TICK, [request], update_id)
            except NotFoundError as missing:
                if missing.ended or loop.time() >= deadline:  # else its parent is just about to start it
                    raise
            except UnreachableError:
                if loop.time() >= deadline:
                    raise
            await asyncio.sleep(0.01)

    async def wait_recorded(self, receipt: Receipt, within: timedelta = RECORDED_WITHIN) -> None:
        """Wait until the ledger holds a receipt's last event.

        Raises:
            NotRecordedError: it does not in time.
        """

        async def held() -> bool:
            return await self._ledger.holds_event(receipt.stream, receipt.last_version, receipt.hash)

        if not await self._until(held, within):
            raise NotRecordedError(receipt)

    async def hold(
        self, campaign: str, command: Mapping[str, Any], *, within: timedelta = PAUSED_WITHIN
    ) -> tuple[Answer, int]:
        """Pause, resume or stop, and wait until every started stage has followed.

        Returns:
            The answer, and how many stages had not followed when time was up.
        """
        answer = await self.submit(campaign, command)
        school = command.get("school")

        async def pending() -> int:
            return len(await self._not_followed(campaign, str(command["kind"]), school))

        async def all_followed() -> bool:
            return await pending() == 0

        if answer.accepted:
            await self._until(all_followed, within)
        return answer, await pending()

    async def close_campaign(
        self, campaign: str, command: Mapping[str, Any], *, within: timedelta
    ) -> tuple[Answer, bool]:
        """Close a campaign, wait for its end, and archive its own last run; once closed, only what is missing.

        Attendance, dropout cases and compliance cases end by days of their own. Nobody waits here for that: while one
        of them goes on the campaign stays closing, and closing it again later archives the rest.

        Returns:
            The answer, and whether every history was archived in time.

        Raises:
            Refusal: the rules do not allow it, or CAMPAIGN_CLOSED, after archiving what an earlier close left.
        """
        try:
            answer = await self.submit(campaign, command)
        except (Refusal, NotFoundError) as closed:
            if isinstance(closed, Refusal) and closed.code != "CAMPAIGN_CLOSED":
                raise
            await self._archive_end(campaign, within)
            raise
        return answer, answer.accepted and await self._archive_end(campaign, within)

    async def start_sending(self, campaign: str, channel: str = EMAIL, *, every: int = 30) -> None:
        """Start the dispatcher of a campaign's notices; one that is at work goes on.

        Args:
            campaign: whose notices.
            channel: through which channel.
            every: seconds between two looks into an empty outbox.
        """
        await self._patiently(
            lambda: self._engine.start_workflow(
                DISPATCH_WORKFLOW,
                DispatchInput(campaign=campaign, channel=channel, every_seconds=every),
                id=dispatch_id(campaign, channel),
                task_queue=TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                static_summary=f"{channel} · {campaign.removeprefix('campaign/')}",
            )
        )

    async def wake_sending(self, campaign: str, channel: str = EMAIL) -> None:
        """Have the dispatcher look into the outbox now; where none is at work, nothing happens."""
        with contextlib.suppress(RPCError):
            await self._engine.get_workflow_handle(dispatch_id(campaign, channel)).signal(SIGNAL_WAKE)

    async def finish_sending(self, campaign: str, within: timedelta, channel: str = EMAIL) -> bool:
        """Ask the dispatcher to end once nothing is left to try; tells whether it ended in time, or never was."""
        handle = self._engine.get_workflow_handle(dispatch_id(campaign, channel))
        try:
            await handle.signal(SIGNAL_FINISH)
            async with asyncio.timeout(within.total_seconds()):
                await handle.result()
        except TimeoutError:
            return False
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
        return True

    async def _archive_end(self, campaign: str, within: timedelta) -> bool:
        """Wait for a campaign's end, unless it is days away, and keep its last run; tells whether that is done."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within.total_seconds()

        async def nothing_ends_soon() -> bool:
            return not left_open(await self._ledger.board(campaign))[1]

        await self._until(nothing_ends_soon, within, LOOKS_AT_THE_END)
        if left_open(await self._ledger.board(campaign))[0]:
            return False
        try:
            async with asyncio.timeout_at(deadline):
                run_id, history = await export_history(self._engine, campaign, None)
        except (TimeoutError, RPCError):
            return False
        await self._ledger.archive(kept(campaign, run_id, history, ACTIVITY_APPEND))
        return True

    # -- reads ------------------------------------------------------------------------------------------------

    async def state(self, stream: str) -> dict[str, Any]:
        """Return a stream's whole state from its workflow."""
        return await self._query(stream, QUERY_STATE, dict[str, Any])

    async def blockers(self, stream: str) -> list[dict[str, Any]]:
        """Return what stands in the way of completing a stage."""
        return await self._query(stream, QUERY_BLOCKERS, list[dict[str, Any]])

    async def work_list(self, campaign: str, school: str, classes: Sequence[str] = ()) -> dict[str, list[Todo]]:
        """Return, by stage, the pupils of a school (or of some of its classes) for whom service is missing.

        Folded from the ledger, so it answers without an engine (S1, A1).
        """
        return await work_list(self._ledger, campaign, school, classes)

    async def recall(self, stream: str) -> Recalled:
        """Return where a stream stands and what it has sent; a driver started again goes on from there.

        Raises:
            NotFoundError: there is no such stream.
            NotRecordedError: the ledger does not catch up with the stream in time.
        """
        state = await self.state(stream)
        head = Receipt(stream=stream, first_version=1, last_version=state["version"], hash=state["hash"])
        await self.wait_recorded(head, CAUGHT_UP_WITHIN)
        recorded = {event["version"]: event["recorded_at"] async for event in self._ledger.events(stream)}
        labels = []
        for label in map(Sent.model_validate, state["sent"]):
            if label.id is None:
                await self._until(functools.partial(self._is_recorded, label.to), CAUGHT_UP_WITHIN)
                at = await self._begun_at(label.to) or state["now"]
            else:
                at = recorded[int(label.id.rpartition("#")[2])]
            labels.append(RecalledLabel(to=label.to, id=label.id, at=instant(at)))
        return Recalled(present=instant(state["now"]), sent=tuple(labels))

    async def reachable(self) -> bool:
        """Tell whether the engine answers."""
        try:
            return await self._engine.service_client.check_health(timeout=timedelta(seconds=3))
        except RPCError:
            return False

    # -- inside -----------------------------------------------------------------------------------------------

    async def _start(self, carry: Carry) -> None:
        await self._engine.start_workflow(
            WORKFLOW_TYPES[carry.kind],
            carry,
            id=carry.stream,
            task_queue=TASK_QUEUE,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            static_summary=carry.kind,
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(SEARCH_CAMPAIGN, carry.stream),
                    SearchAttributePair(SEARCH_STATUS, "draft"),
                ]
            ),
        )

    async def _require_one_house(self, campaign: str) -> None:
        """Refuse to go on where engine and ledger do not belong together; a campaign that has ended is none."""
        board = await self._ledger.board(campaign)
        if board[campaign].get("status") == "archived":
            return
        try:
            await self.state(campaign)
        except NotFoundError:
            raise MismatchError(campaign) from None

    async def _drafted(self, campaign: str) -> str | None:
        async for envelope in self._ledger.events(campaign):
            return str(envelope["data"]["content_digest"])
        return None

    async def _begun_at(self, stream: str) -> str | None:
        async for envelope in self._ledger.events(stream):
            return str(envelope["recorded_at"])
        return None

    async def _is_recorded(self, campaign: str) -> bool:
        return await self._ledger.head(campaign) is not None

    async def _not_followed(self, campaign: str, kind: str, school: str | None) -> list[str]:
        wanted = {"pause": ("paused", True), "resume": ("paused", False), "stop": ("stopped", True)}[kind]
        board = await self._ledger.board(campaign)
        still = board.get(campaign, {})
        return [
            stream
            for stream, view in board.items()
            if view.get("stage") is not None
            and (school is None or view["school"] == school)
            and view["status"] != "archived"
            and view[wanted[0]] is not wanted[1]
            and not (kind == "resume" and (still.get("paused") or view["school"] in still.get("paused_schools", ())))
        ]

    async def _query(self, stream: str, name: str, result: type[R]) -> R:
        handle = self._engine.get_workflow_handle(stream)

        async def ask() -> R:
            found: R = await handle.query(name, result_type=result, rpc_timeout=timedelta(seconds=10))
            return found

        return await self._patiently(ask, stream)

    async def _update(self, stream: str, name: str, arguments: list[Any], update_id: str) -> Answer:
        handle = self._engine.get_workflow_handle(stream)

        async def call() -> Answer:
            answer: Answer = await handle.execute_update(
                name, args=arguments, id=update_id, result_type=Answer, rpc_timeout=timedelta(seconds=20)
            )
            return answer

        async with self._in_flight[stream]:
            return await self._patiently(call, stream)

    async def _patiently(self, call: Callable[[], Awaitable[R]], stream: str = "") -> R:
        """Call again while the engine does not answer: ids make every call of ours safe to repeat."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience.total_seconds()
        pause = 0.05
        while True:
            try:
                return await call()
            except WorkflowUpdateFailedError as error:
                cause = error.cause
                if isinstance(cause, ApplicationError) and cause.type == REFUSED:
                    raise Refusal.from_data(cause.details[0]) from None
                raise
            except WorkflowUpdateRPCTimeoutOrCancelledError:
                if loop.time() >= deadline:
                    raise UnreachableError(stream) from None
            except RPCError as error:
                if error.status == RPCStatusCode.NOT_FOUND:
                    raise NotFoundError(stream, ended="already completed" in error.message) from None
                if error.status not in TRANSIENT:
                    raise
                if loop.time() >= deadline:
                    raise UnreachableError(stream) from None
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # the SDK hides a cancellation behind an error of its own
                raise asyncio.CancelledError
            await asyncio.sleep(pause)
            pause = min(1.0, pause * 2)

    async def _until(self, done: Callable[[], Awaitable[bool]], within: timedelta, most: float = 0.2) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within.total_seconds()
        pause = 0.005
        while not await done():
            if loop.time() >= deadline:
                return False
            await asyncio.sleep(pause)
            pause = min(most, pause * 1.5)
        return True


def left_open(board: Mapping[str, Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    """Return what of a closing campaign goes on by days of its own, and what is about to end.

    A campaign, and a school, that waits for one of the first is neither.

    Args:
        board: the campaign's lines, stream by stream.
    """
    running = [stream for stream, view in board.items() if view["status"] not in ("archived", "closed")]
    lasting = [stream for stream in running if kind_of(stream) in BY_THEIR_OWN_DAYS]
    waiting = {above for stream in lasting for above in _above(stream)}
    return lasting, [stream for stream in running if stream not in waiting and stream not in lasting]


def _above(stream: str) -> tuple[str, ...]:
    """Return the ids of the streams that a stream stands under."""
    parts = stream.split("/")
    return tuple("/".join(parts[:end]) for end in range(1, len(parts)))


async def work_list(ledger: Ledger, campaign: str, school: str, classes: Sequence[str] = ()) -> dict[str, list[Todo]]:
    """Return, by stage, the pupils of a school (or of some of its classes) for whom service is missing."""
    lists: dict[str, list[Todo]] = {}
    for slug in STAGES:
        stream = stage_id(campaign, school, slug)
        decider = decider_of(stream)
        envelopes = [envelope async for envelope in ledger.events(stream)]
        state = fold(decider, envelopes)
        if state is not None and isinstance(decider, StageDecider):
            todo = decider.work(state)
            lists[slug] = [item for item in todo if not classes or item.class_id in classes]
    return lists


async def actor_for(registry: Registry, campaign: str, staff_ref: str) -> Actor:
    """Return who acts under a staff reference, as the campaign's staff list has it.

    Raises:
        NotFoundError: nobody has this reference.
    """
    member = await registry.staff_member(campaign, staff_ref)
    if member is None:
        raise NotFoundError(staff_ref)
    return Actor(id=member.staff_ref, role=Role(member.role), organisation=member.school or "bureau")


async def stand_in_for(
    registry: Registry,
    ledger: Ledger,
    campaign: str,
    actor: Actor,
    giver_ref: str,
    kind: str,
    fields: Mapping[str, Any],
) -> Actor:
    """Return who acts for somebody else: in the other's role, under the other's own school (S13).

    The delegation is read from the school's record, accepted and not over on the campaign's present civil day in the
    county; what the command is about counts.

    Args:
        registry: with the staff list.
        ledger: with the school's record.
        campaign: the campaign's id.
        actor: who stands in.
        giver_ref: reference of who is stood in for.
        kind: the command's kind.
        fields: what the command says.

    Raises:
        NotFoundError: nobody has this reference.
        Refusal: NOT_DELEGATED, DELEGATION_ENDED.
    """
    giver = await actor_for(registry, campaign, giver_ref)
    stream = school_id(campaign, giver.organisation)
    own: list[Envelope] = []
    if giver.organisation != "bureau":
        own = [envelope async for envelope in ledger.events(stream)]
    state: SchoolState | None = fold(decider_of(stream), own)
    if state is None:
        raise Refusal("NOT_DELEGATED", command=kind)
    today = _present_day([envelope async for envelope in ledger.events(campaign)], own)
    require_delegation(state, giver.id, actor.id, kind, today, classes_of(state, fields))
    return giver.model_copy(update={"id": actor.id, "on_behalf_of": giver.id})


def _present_day(campaign: Sequence[Envelope], school: Sequence[Envelope]) -> date:
    """Return a campaign's civil day in the county: today, or where its clock is stepped the day of its last event."""
    stepped = any(event["data"].get("clock") == "stepped" for event in campaign[:1])
    if not stepped:
        return civil(datetime.now(SHANGHAI))
    return civil(max(instant(events[-1]["recorded_at"]) for events in (campaign, school)))


def _said(stream: str, command: Mapping[str, Any]) -> str | None:
    """Return the digest of a command as its stream reads it, None where it is no command there."""
    try:
        return own_digest(decider_of(stream).commands.validate_python(dict(command)))
    except (ValidationError, UnknownEventError):
        return None


def stream_of(campaign: str, school: str | None = None, stage: str | None = None) -> str:
    """Return the id of a campaign, of a school, or of a stage.

    Raises:
        NotFoundError: it names no stream of ours.
    """
    stream = "/".join(part for part in (campaign, school, stage) if part)
    try:
        kind_of(stream)
    except UnknownEventError:
        raise NotFoundError(stream) from None
    return stream
