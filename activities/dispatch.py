"""Sending notices: one batch of the outbox, from the claim to the last outcome (design, sections 4 and 5).

Nothing personal leaves the activity: neither its result nor its errors have an address, a name or a provider's words.
"""

from __future__ import annotations

import asyncio
import hmac
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.directory import CodeFor, RecordDirectory
from domain.notices import NoticeState
from domain.time import SHANGHAI
from ledger.copies import Sharing
from ledger.outbox import Claimed, Outbox, Outcome, Tries
from ledger.store import Ledger
from notices.catalogue import Language, catalogue
from notices.compose import Draft, Notice, UnsendableError, draft, readers_of, written
from notices.mail import Delivery, Mail, MailChannel, MailConnection, MailServerUnreachableError
from protocol import ACTIVITY_DISPATCH, DispatchRequest, DispatchResult
from registry.store import Registry

HEARTBEAT_SECONDS: Final = 2.0

CONNECTIONS: Final = 4
"""To the mail server at a time; a killed worker leaves at most so many mails of which nobody knows."""

MARGIN: Final = timedelta(minutes=3)
"""A mail is begun only while its lease lasts longer than the slowest server may take for it."""


@dataclass(frozen=True)
class Letter:
    """A claimed row with its mail."""

    row: Claimed
    mail: Mail
    template: str


class DispatchActivities:
    """Sends from one ledger's outbox."""

    def __init__(
        self,
        ledger: Ledger,
        registry: Registry,
        mail: MailChannel | None,
        code_for: CodeFor,
        *,
        key: bytes,
        lang: Language = "zh",
        clock: Callable[[], datetime] = lambda: datetime.now(SHANGHAI),
        tries: Tries | None = None,
        connections: int = CONNECTIONS,
    ) -> None:
        """Check the templates before anything is sent.

        Args:
            ledger: whose outbox.
            registry: names and addresses.
            mail: the mail server, None where none is configured: then nothing is claimed.
            code_for: answer codes.
            key: of the digests of what was sent; the registry's pepper serves.
            lang: of those whose language nobody knows.
            clock: the present.
            tries: lease and pauses.
            connections: to the mail server, side by side.

        Raises:
            TemplateError: a template cannot be used; the worker does not start with it.
        """
        catalogue()
        self._ledger = ledger
        self._registry = registry
        self._mail = mail
        self._code_for = code_for
        self._key = key
        self._lang = lang
        self._clock = clock
        self._tries = tries or Tries()
        self._connections = connections
        self._margin = min(MARGIN, self._tries.lease / 2)

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
        """Connect first, then claim: while the server is away no attempt is used up."""
        outbox = self._ledger.outbox
        tally: Counter[str] = Counter()
        problem = None
        if due := (await outbox.left(request.campaign, request.channel, self._clock())).due:
            if self._mail is None:
                problem = "MAIL_NOT_CONFIGURED"
            else:
                try:
                    async with AsyncExitStack() as stack:
                        connections = [
                            await stack.enter_async_context(self._mail.connection())
                            for _ in range(min(self._connections, due, request.limit))
                        ]
                        tally = await self._batch(request, connections, self._mail.sender)
                except MailServerUnreachableError as error:
                    problem = error.code
        left = await outbox.left(request.campaign, request.channel, self._clock())
        return DispatchResult(
            claimed=tally.total(),
            accepted=tally[NoticeState.ACCEPTED],
            failed=tally[NoticeState.FAILED_TEMPORARY] + tally[NoticeState.FAILED_PERMANENT],
            unknown=tally[NoticeState.UNKNOWN],
            left=left.count,
            next_at=None if left.due else left.next_at,
            problem=problem,
        )

    async def _batch(self, request: DispatchRequest, connections: list[MailConnection], sender: str) -> Counter[str]:
        """Claim a batch and send it over all connections side by side: one mail's wait is another one's work."""
        outbox = self._ledger.outbox
        claimed = await outbox.claim(request.campaign, request.channel, request.limit, self._clock(), self._tries)
        letters, unsendable = await self._letters(claimed, sender)
        if unsendable:
            await outbox.settle(unsendable, self._tries)
        tally = Counter(str(outcome.state) for outcome in unsendable)
        outcomes = Outcomes(outbox, self._tries)
        waiting = iter(letters)

        async def work(connection: MailConnection) -> None:
            for letter in waiting:
                outcome = await self._send(letter, connection)
                await outcomes.settle(outcome)
                tally[outcome.state] += 1

        ends = await asyncio.gather(*(work(connection) for connection in connections), return_exceptions=True)
        for end in ends:  # only now: nobody sends any more
            if end is not None:
                raise end
        return tally

    async def _letters(self, rows: Sequence[Claimed], sender: str) -> tuple[list[Letter], list[Outcome]]:
        """Write the mails of a batch, reading for all of them at once; name those that nobody can send."""
        directory = RecordDirectory(self._ledger, self._registry, self._code_for)
        notices = [_notice(row) for row in rows]
        await directory.read(notices)
        await self._share(rows, notices, directory)
        drafts: list[tuple[Claimed, Draft]] = []
        letters: list[Letter] = []
        unsendable: list[Outcome] = []
        for row, notice in zip(rows, notices, strict=True):
            try:
                drafts.append((row, await draft(notice, directory, sender, self._lang)))
            except UnsendableError as error:
                unsendable.append(self._unsendable(row, error))
        await directory.read_codes([drafted.asks for _, drafted in drafts if drafted.asks is not None])
        for row, drafted in drafts:
            try:
                code = None if drafted.asks is None else await directory.code(drafted.asks)
                mail, template = written(drafted, code)
            except UnsendableError as error:
                unsendable.append(self._unsendable(row, error))
            else:
                letters.append(Letter(row, mail, template))
        return letters, unsendable

    async def _share(self, rows: Sequence[Claimed], notices: Sequence[Notice], directory: RecordDirectory) -> None:
        """Keep each household's row for one person, and plan the others' own; before any mail, so that none is lost."""
        sharings: list[Sharing] = []
        for row, notice in zip(rows, notices, strict=True):
            read = None
            if row.copy_of is None:
                with suppress(UnsendableError):  # the draft meets it again, and says so
                    read = await readers_of(notice, directory)
            if read is None:
                continue
            first = notice.person or read.first
            everybody = [] if read.first is None else [(read.first, notice.purpose)]
            others = tuple(one for one in (*everybody, *read.others) if one[0] != first)
            if first is not None or others:
                sharings.append(Sharing(row.notice_id, first, others))
        if sharings:
            await self._ledger.outbox.share(sharings)

    def _unsendable(self, row: Claimed, error: UnsendableError) -> Outcome:
        return Outcome(row.notice_id, row.number, NoticeState.FAILED_PERMANENT, self._clock(), error.code)

    async def _send(self, letter: Letter, connection: MailConnection) -> Outcome:
        digest = None
        if self._clock() >= letter.row.lease_until - self._margin:
            delivery = Delivery(NoticeState.FAILED_TEMPORARY, "LEASE_TOO_SHORT")
        else:
            digest = self._digest(letter.mail)
            delivery = await connection.send(letter.mail)
        return Outcome(
            letter.row.notice_id,
            letter.row.number,
            delivery.outcome,
            self._clock(),
            delivery.code,
            provider_id=delivery.provider_id,
            template=letter.template,
            digest=digest,
        )

    def _digest(self, mail: Mail) -> str:
        """Return the keyed digest of a text: proof of what was sent for whoever has text and key, nothing else."""
        text = f"notice\0{mail.notice_id}\0{mail.lang}\0{mail.subject}\0{mail.text}\0".encode()
        return hmac.digest(self._key, text + (mail.calendar or b""), "sha256").hex()


class Outcomes:
    """Writes outcomes down; those that are ready together share a transaction."""

    def __init__(self, outbox: Outbox, tries: Tries) -> None:
        self._outbox = outbox
        self._tries = tries
        self._turn = asyncio.Lock()
        self._waiting: list[Outcome] = []

    async def settle(self, outcome: Outcome) -> None:
        """Return when the outcome is committed; whoever has the turn commits for all that wait.

        Where that fails, or is cancelled, the others' outcomes go back to them.
        """
        self._waiting.append(outcome)
        async with self._turn:
            if outcome not in self._waiting:
                return
            group, self._waiting = self._waiting, []
            try:
                await self._outbox.settle(group, self._tries)
            except BaseException:
                self._waiting += [other for other in group if other is not outcome]
                raise


def _notice(row: Claimed) -> Notice:
    return Notice(
        notice_id=row.notice_id,
        campaign=row.campaign,
        stream=row.stream,
        cause=row.cause,
        purpose=row.purpose,
        recipient=row.recipient,
        planned_at=row.planned_at,
        template=row.template,
        person=row.person,
    )


async def _beat() -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(HEARTBEAT_SECONDS)
