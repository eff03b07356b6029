"""Sending notices: one batch of the outbox, from the claim to the last outcome (design, sections 4 and 5).

Nothing personal leaves the activity: neither its result nor its errors have an address, a name or a provider's words.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Final

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.batch import Batch, Done
from activities.directory import CodeFor
from activities.preparing import Preparing, PreparingHere
from activities.reports import STRAGGLERS, day_of, measure, receipts_of
from activities.routing import Progress, Router, ways_of
from activities.sending_policy import SendingPolicies, SendingPolicy
from domain.message_cost import messages_allowed, used_segments
from domain.notices import BY_PEOPLE, CHANNELS, SMS, NoticeState
from domain.time import SHANGHAI
from ledger.claims import Taken
from ledger.handover import Claimed, Tries
from ledger.store import Ledger
from notices.catalogue import Language, catalogue
from notices.channels import Channel, ChannelAwayError, Traits
from protocol import ACTIVITY_DISPATCH, RECEIPTS_AT_ONCE, DispatchRequest, DispatchResult
from registry.store import Registry

HEARTBEAT_SECONDS: Final = 2.0

MEASURE_SECONDS: Final = 5.0
"""Between two looks at the backlog while batches follow each other; whoever reads metrics looks less often."""

MARGIN: Final = timedelta(minutes=3)
"""A message is begun only while its lease lasts longer than the slowest provider may take for it."""

FIRST: Final = 100
"""Rows whose readers are looked up before anything is sent; the others are while these go out, ever more at once."""

NOT_CONFIGURED: Final = "CHANNEL_NOT_CONFIGURED"
"""The installation has no settings for the channel any more: what must go takes another way."""

COST_BUDGET: Final = "COST_BUDGET"
"""The text messages that were paid for are used up: what must go takes another way."""

SEGMENTS: Final = 2
"""No template's text message is longer: a limit of segments is kept by claiming no more than this leaves."""


class DispatchActivities:
    """Sends from one ledger's outbox."""

    def __init__(
        self,
        ledger: Ledger,
        registry: Registry,
        channels: Mapping[str, Channel],
        code_for: CodeFor,
        *,
        key: bytes,
        lang: Language = "zh",
        clock: Callable[[], datetime] = lambda: datetime.now(SHANGHAI),
        tries: Tries | None = None,
        preparing: Preparing | None = None,
    ) -> None:
        """Check the templates before anything is sent.

        Args:
            ledger: whose outbox.
            registry: names and addresses.
            channels: the ways out that are configured, by their names; without one nothing is even routed.
            code_for: answer codes.
            key: of the digests of what was sent and of households; the registry's pepper serves.
            lang: of those whose language nobody knows.
            clock: the present, where a request does not bring a stepped campaign's.
            tries: lease and pauses.
            preparing: looks ways up and writes letters; None does it in this process.

        Raises:
            TemplateError: a template cannot be used; the worker does not start with it.
        """
        catalogue()
        self._ledger = ledger
        self._channels = dict(channels)
        self._clock = clock
        self._tries = tries or Tries()
        self._margin = min(MARGIN, self._tries.lease / 2)
        self._key = key
        self._preparing = preparing or PreparingHere.of(ledger, registry, code_for, key=key, lang=lang)
        self._router = Router(ledger.outbox, registry, self._preparing.routings)
        self._policies = SendingPolicies(ledger.outbox)
        self._measure_at: dict[tuple[str, str], float] = {}

    @activity.defn(name=ACTIVITY_DISPATCH)
    async def drain(self, request: DispatchRequest) -> DispatchResult:
        """Send one batch; repeated after a crash, it claims anew and leaves what is leased alone.

        Raises:
            ApplicationError: `DispatchFailed` with the name of what went wrong, retried: a store does not answer.
        """
        beating = asyncio.create_task(_beat())
        try:
            return await self._drain(request)
        except Exception as error:  # noqa: BLE001 - its text may hold what must not leave
            raise ApplicationError(type(error).__name__, type="DispatchFailed") from None
        finally:
            beating.cancel()

    async def _drain(self, request: DispatchRequest) -> DispatchResult:
        outbox = self._ledger.outbox
        now = self._clock if request.at is None else lambda: request.at or self._clock()
        if request.reported:
            await outbox.mark_reported(request.reported)
        done = Done()
        if not self._channels:
            done.problem = "NO_CHANNEL_CONFIGURED"
        else:
            policy = await self._policies.of(request.campaign)
            ways = ways_of(self._channels, policy.parameters)
            gone = [one for one in CHANNELS if one not in (*self._channels, *BY_PEOPLE)]
            await outbox.pass_on(request.campaign, gone, now(), NOT_CONFIGURED)
            route = functools.partial(self._router.route, request.campaign, ways, policy.calendar, now())
            done.routed = await route(first=FIRST, most=FIRST)
            progress = Progress()
            others: asyncio.Task[int] | None = None
            if done.routed >= FIRST:
                progress.begin()
                others = asyncio.create_task(_to_the_end(route, progress))
            try:
                await self._send(request, policy, now, done, progress)  # the first of them, while the others are routed
            finally:
                done.routed += 0 if others is None else await others
        return await self._result(request, now(), done)

    async def _send(
        self,
        request: DispatchRequest,
        policy: SendingPolicy,
        now: Callable[[], datetime],
        done: Done,
        progress: Progress,
    ) -> None:
        """Connect first, then claim: while the provider is away no attempt is used up."""
        outbox = self._ledger.outbox
        claim = functools.partial(
            outbox.claim,
            request.campaign,
            request.channel,
            rules=policy.rules,
            calendar=policy.calendar,
            tries=self._tries,
        )
        if request.channel in BY_PEOPLE:
            # onto the lists of those who do it
            _note(done, await claim(limit=request.limit, now=now()))
            return
        channel = self._channels.get(request.channel)
        if channel is None:
            left = await outbox.left(request.campaign, request.channel, now())
            done.problem = NOT_CONFIGURED if left.count else None
            return
        traits = channel.traits
        limit = await self._limit(request, policy, traits, done, now())
        batch = Batch(outbox, self._preparing, self._key, traits, self._tries, self._margin, now, done)
        asked = await batch.look(request.campaign, now())
        more = progress.going_on  # before the rows are counted: what is routed later is not among them
        due = (await outbox.left(request.campaign, request.channel, now())).due
        if not (due and limit) and not asked:
            return
        try:
            async with AsyncExitStack() as stack:
                sessions = [await stack.enter_async_context(channel.session())]
                with contextlib.suppress(ChannelAwayError):  # it takes no more than these at a time
                    while len(sessions) < min(traits.sessions, limit if more else min(due, limit)):
                        sessions.append(await stack.enter_async_context(channel.session()))
                await batch.ask(asked, sessions[0])
                if limit:

                    async def take(most: int) -> Sequence[Claimed]:
                        again = functools.partial(claim, unknown=traits.unknown, dedupes_for=traits.dedupes_for)
                        return _note(done, await again(limit=most, now=now()))

                    await batch.send(take, limit, sessions, progress.more)
        except ChannelAwayError as error:
            done.away(error)

    async def _limit(
        self, request: DispatchRequest, policy: SendingPolicy, traits: Traits, done: Done, now: datetime
    ) -> int:
        """Return how many may be claimed: of text messages never more than the limit of segments leaves (B23)."""
        limit = min(request.limit, traits.batch)
        most = policy.parameters.sms_segments_limit
        if request.channel != SMS or most is None:
            return limit
        lines = await self._ledger.outbox.backlog(request.campaign, now)
        allowed = messages_allowed(most, used_segments(lines, SEGMENTS), SEGMENTS, limit)
        if not allowed:
            done.problem = COST_BUDGET
            await self._ledger.outbox.pass_on(request.campaign, (SMS,), now, COST_BUDGET)
        return allowed

    async def _result(self, request: DispatchRequest, now: datetime, done: Done) -> DispatchResult:
        outbox = self._ledger.outbox
        left = await outbox.left(request.campaign, request.channel, now)
        wait = STRAGGLERS if request.at is None else timedelta(0)
        receipts = await outbox.unreported(request.campaign, request.channel, RECEIPTS_AT_ONCE + 1)
        own = (request.campaign, request.channel)
        if done.claimed == 0 or time.monotonic() >= self._measure_at.get(own, 0.0):
            self._measure_at[own] = time.monotonic() + MEASURE_SECONDS
            measure(request.campaign, request.channel, await outbox.backlog(request.campaign, now), now)
        tally = done.tally
        closing = request.closing == "now" or (request.closing == "when_done" and not left.count)
        settled = request.settled
        return DispatchResult(
            claimed=done.claimed,
            accepted=tally[NoticeState.ACCEPTED] + tally[NoticeState.DELIVERED] + tally[NoticeState.READ],
            failed=tally[NoticeState.FAILED_TEMPORARY] + tally[NoticeState.FAILED_PERMANENT],
            unknown=tally[NoticeState.UNKNOWN],
            routed=done.routed,
            held=done.held,
            denied=tally[NoticeState.DENIED],
            expired=tally[NoticeState.EXPIRED],
            left=left.count,
            next_at=None if left.due else left.next_at,
            problem=done.problem,
            again_in_seconds=done.again_in_seconds,
            receipts=receipts_of(receipts[:RECEIPTS_AT_ONCE]),
            more_receipts=len(receipts) > RECEIPTS_AT_ONCE,
            day=await day_of(outbox, request.campaign, request.channel, now, settled, wait, closing=closing),
        )


async def _to_the_end(route: Callable[..., Awaitable[int]], progress: Progress) -> int:
    """Route all that is left."""
    try:
        return await route(first=2 * FIRST, progress=progress)
    finally:
        progress.end()


def _note(done: Done, taken: Taken) -> Taken:
    """Count what a claim looked at and did not take."""
    done.held += taken.held
    done.tally[NoticeState.DENIED] += taken.denied
    done.tally[NoticeState.EXPIRED] += taken.expired
    return taken


async def _beat() -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(HEARTBEAT_SECONDS)
