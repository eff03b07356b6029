"""Commands, ticks and reads of running campaigns."""

from __future__ import annotations

import asyncio
import functools
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import AwareDatetime, BaseModel, ValidationError
from temporalio.client import Client
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from client.calls import EngineCalls, until
from client.closing import archive_end
from client.errors import MismatchError, NotFoundError, NotRecordedError, UnreachableError
from client.heads import Heads
from client.sending import Sending
from domain.actors import Actor, require
from domain.deciders import decider_of
from domain.machine import own_digest
from domain.refusal import Refusal
from domain.stream import Answer, Carry, Receipt, Sent, UnknownEventError
from domain.time import instant, stamp
from ledger.store import Ledger
from protocol import (
    QUERY_BLOCKERS,
    QUERY_STATE,
    SEARCH_CAMPAIGN,
    SEARCH_STATUS,
    TASK_QUEUE,
    UPDATE_SUBMIT,
    UPDATE_TICK,
    WORKFLOW_TYPES,
    TickRequest,
)
from registry.draft import Draft

RECORDED_WITHIN = timedelta(seconds=10)
CAUGHT_UP_WITHIN = timedelta(seconds=60)
"""How long a driver waits: an append, a job or a task that died with its worker is tried again before that."""

PAUSED_WITHIN = timedelta(seconds=30)


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
    """Commands, ticks, queries and board of the campaigns on one engine and one ledger.

    Attributes:
        sending: the dispatcher of each campaign's notices.
        heads: what signs the heads of each campaign's record.
    """

    def __init__(self, engine: Client, ledger: Ledger, *, patience: timedelta = timedelta(seconds=30)) -> None:
        """Make a client.

        Args:
            engine: a connection from `engine.connect`.
            ledger: the ledger that the worker writes to.
            patience: how long a call is tried again while the engine does not answer.
        """
        self._calls = EngineCalls(engine, patience)
        self._ledger = ledger
        self.sending = Sending(self._calls)
        self.heads = Heads(self._calls)

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
                await self._calls.patiently(lambda: self._start(carry))
            except WorkflowAlreadyStartedError:
                already = True
            await until(lambda: self._is_recorded(draft.campaign), RECORDED_WITHIN)
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
        answer = await self._calls.update(stream, UPDATE_SUBMIT, arguments, str(command["command_id"]))
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
        deadline = loop.time() + max(self._calls.patience, CAUGHT_UP_WITHIN).total_seconds()
        while True:
            try:
                return await self._calls.update(stream, UPDATE_TICK, [request], update_id)
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

        if not await until(held, within):
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
            await until(all_followed, within)
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
            await archive_end(self._calls.engine, self._ledger, campaign, within)
            raise
        return answer, answer.accepted and await archive_end(self._calls.engine, self._ledger, campaign, within)

    # -- reads ------------------------------------------------------------------------------------------------

    async def state(self, stream: str) -> dict[str, Any]:
        """Return a stream's whole state from its workflow."""
        return await self._calls.query(stream, QUERY_STATE, dict[str, Any])

    async def blockers(self, stream: str) -> list[dict[str, Any]]:
        """Return what stands in the way of completing a stage."""
        return await self._calls.query(stream, QUERY_BLOCKERS, list[dict[str, Any]])

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
                await until(functools.partial(self._is_recorded, label.to), CAUGHT_UP_WITHIN)
                at = await self._begun_at(label.to) or state["now"]
            else:
                at = recorded[int(label.id.rpartition("#")[2])]
            labels.append(RecalledLabel(to=label.to, id=label.id, at=instant(at)))
        return Recalled(present=instant(state["now"]), sent=tuple(labels))

    async def reachable(self) -> bool:
        """Tell whether the engine answers."""
        try:
            return await self._calls.engine.service_client.check_health(timeout=timedelta(seconds=3))
        except RPCError:
            return False

    # -- inside -----------------------------------------------------------------------------------------------

    async def _start(self, carry: Carry) -> None:
        await self._calls.engine.start_workflow(
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


def _said(stream: str, command: Mapping[str, Any]) -> str | None:
    """Return the digest of a command as its stream reads it, None where it is no command there."""
    try:
        return own_digest(decider_of(stream).commands.validate_python(dict(command)))
    except (ValidationError, UnknownEventError):
        return None
