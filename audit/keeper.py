"""Keeps a campaign's heads up to date: signs what is due, puts it outside, and says what is in the way.

A problem is written into the ledger, where `status` and `doctor` find it, and logged once. It is an answer and no
failure: what is wrong with the record or with a key does not mend itself by being tried again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from audit.heads import HeadError
from audit.next_head import due, next_head
from audit.note_errors import NoteError
from audit.signing_keys import SigningKey, load_key
from domain.time import SHANGHAI, stamp
from ledger.anchors import Anchored, end_trouble, keep_anchored, not_anchored, note_trouble
from ledger.heads import KeptHead, last_head
from ledger.store import Ledger
from protocol import HeadsRequest, HeadsResult

KEY_NOT_SET: Final = "HEADS_KEY_NOT_SET"
"""The worker has no key's file in its settings."""

AT_ONCE: Final = 50
"""Heads that one look puts into one place; the next look goes on."""

log = logging.getLogger("heads")


class Anchor(Protocol):
    """A place outside the house."""

    @property
    def name(self) -> str:
        """Return what the place is called in the ledger, as `directory`."""
        ...

    @property
    def newest_only(self) -> bool:
        """Tell whether the newest of several heads stands for all of them: it covers what they cover."""
        ...

    async def put(self, head: KeptHead) -> str | None:
        """Put a head there; the same one again changes nothing. Returns why it is not there, None where it is."""
        ...


class HeadKeeper:
    """Looks after the heads of one ledger's campaigns."""

    def __init__(
        self,
        ledger: Ledger,
        key_file: Path | None,
        anchors: Sequence[Anchor] = (),
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(SHANGHAI),
    ) -> None:
        """Take what it needs; nothing is read yet.

        Args:
            ledger: the record.
            key_file: of the signing key; None signs nothing and says so.
            anchors: places outside.
            clock: the present, where a request does not bring a stepped campaign's.
        """
        self._ledger = ledger
        self._key_file = key_file
        self._anchors = tuple(anchors)
        self._clock = clock
        self._looked_through: dict[str, int] = {}

    async def look(self, request: HeadsRequest) -> HeadsResult:
        """Sign a head if one is due, and put outside what is not there yet."""
        campaign, now = request.campaign, request.at or self._clock()
        reason = await due(self._ledger, campaign, now)
        newest = before = await last_head(self._ledger, campaign)
        if reason is not None and not (before and self._looked_through.get(campaign) == before.size):
            try:
                newest = await next_head(self._ledger, campaign, self._signer(), now, full=reason == "end")
            except (HeadError, NoteError) as error:
                place = error.place if isinstance(error, HeadError) else ""
                return await self._troubled(HeadsResult(problem=error.code, place=place), before, campaign, now)
            except _NoKeyError:
                return await self._troubled(HeadsResult(problem=KEY_NOT_SET), before, campaign, now)
            except (LookupError, TypeError, ValueError, RecursionError):  # no program of ours writes such rows
                broken = HeadsResult(problem="LEDGER_BROKEN", place=campaign)
                return await self._troubled(broken, before, campaign, now)
            if reason == "end":
                self._looked_through[campaign] = newest.size
        signed = reason if newest is not None and (before is None or newest.size != before.size) else None
        for anchor in self._anchors:
            code = await self._put(campaign, anchor, now)
            if code is not None:
                waits = HeadsResult(reason=signed, outside=code, place=anchor.name)
                return await self._troubled(waits, newest, campaign, now)
        await end_trouble(self._ledger, campaign)
        return _of(HeadsResult(reason=signed, ended=reason == "end"), newest)

    def _signer(self) -> SigningKey:
        """Read the key, for this head alone.

        Raises:
            _NoKeyError: there is none in the settings.
            NoteError: what is wrong with its file.
        """
        if self._key_file is None:
            raise _NoKeyError
        return load_key(self._key_file)

    async def _put(self, campaign: str, anchor: Anchor, now: datetime) -> str | None:
        """Put the heads that are not in a place there, the newest one or each; returns why one is not."""
        waiting = await not_anchored(self._ledger, campaign, anchor.name)
        for head in waiting[-1:] if anchor.newest_only else waiting[:AT_ONCE]:
            try:
                code = await anchor.put(head)
            except NoteError:  # the note that is kept here is none any more
                code = "HEAD_BROKEN"
            if code is not None:
                return code
            served = waiting if anchor.newest_only else [head]
            put = [Anchored(one.size, anchor.name, head.size, stamp(now)) for one in served]
            await keep_anchored(self._ledger, campaign, put)
        return None

    async def _troubled(
        self, result: HeadsResult, newest: KeptHead | None, campaign: str, now: datetime
    ) -> HeadsResult:
        """Write a problem down, and log it where it is news."""
        code = str(result.problem or result.outside)
        if await note_trouble(self._ledger, campaign, code, result.place, stamp(now)):
            log.error(code, extra={"campaign": campaign, "place": result.place})
        return _of(result, newest)


class _NoKeyError(Exception):
    """The settings name no key."""


def _of(result: HeadsResult, newest: KeptHead | None) -> HeadsResult:
    """Return a result with the newest head in it."""
    if newest is None:
        return result
    return result.model_copy(update={"size": newest.size, "root": newest.root})
