"""Keeps a campaign's heads up to date: signs what is due, puts it outside, and says what is in the way.

A problem is written into the ledger, where `status` and `doctor` find it, and logged once. It is an answer and no
failure: what is wrong with the record or with a key does not mend itself by being tried again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from audit.checkpoint import parse_checkpoint
from audit.heads import RACED, HeadError
from audit.next_head import Reason, due, next_head
from audit.note_errors import NoteError
from audit.signed_note import parse_note
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

OF_ONE_HEAD: Final = ("HEAD_BROKEN", "HEADS_FILE_DIFFERS")
"""Why one head is not in a place where others may be put."""

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
        templates: Callable[[], Mapping[str, str]] | None = None,
    ) -> None:
        """Take what it needs; nothing is read yet.

        Args:
            ledger: the record.
            key_file: of the signing key; None signs nothing and says so.
            anchors: places outside.
            clock: the present, where a request does not bring a stepped campaign's.
            templates: label → SHA-256 of each template that this process sends by; None names none in heads.
        """
        self._ledger = ledger
        self._key_file = key_file
        self._anchors = tuple(anchors)
        self._clock = clock
        self._templates = templates
        self._looked_through: dict[str, int] = {}

    async def look(self, request: HeadsRequest) -> HeadsResult:
        """Sign a head if one is due, and put outside what is not there yet; of several problems the first is told.

        Whatever keeps a head from being signed, those that are signed go outside: they convict who changed the record.
        """
        campaign, now = request.campaign, request.at or self._clock()
        reason = await due(self._ledger, campaign, now)
        told, newest = await self._sign(campaign, reason, now)
        for anchor in self._anchors:
            code = await self._put(campaign, anchor, now)
            if code is not None and told.problem is None and told.outside is None:
                told = told.model_copy(update={"outside": code, "place": anchor.name})
        if told.problem is not None or told.outside is not None:
            return await self._troubled(told, newest, campaign, now)
        await end_trouble(self._ledger, campaign)
        return _of(told.model_copy(update={"ended": reason == "end"}), newest)

    async def _sign(self, campaign: str, reason: Reason | None, now: datetime) -> tuple[HeadsResult, KeptHead | None]:
        """Sign the head that is due; returns its reason or what is in the way, and the newest head.

        Raises:
            HeadError: HEAD_RACED: nothing is wrong, and the look is to be taken again at once.
        """
        before = await last_head(self._ledger, campaign)
        if reason is None or (before and self._looked_through.get(campaign) == before.size):
            return HeadsResult(), before
        try:
            signer, named = self._signer(), None if self._templates is None else self._templates()
            newest = await next_head(self._ledger, campaign, signer, now, full=reason == "end", templates=named)
        except (HeadError, NoteError) as error:
            if error.code == RACED:
                raise
            place = error.place if isinstance(error, HeadError) else ""
            return HeadsResult(problem=error.code, place=place), before
        except _NoKeyError:
            return HeadsResult(problem=KEY_NOT_SET), before
        except (LookupError, TypeError, ValueError, RecursionError):  # no program of ours writes such rows
            return HeadsResult(problem="LEDGER_BROKEN", place=campaign), before
        if reason == "end":
            self._looked_through[campaign] = newest.size
        new = before is None or newest.size != before.size
        return HeadsResult(reason=reason if new else None), newest

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
        """Put the heads that are not in a place there, the newest one or each; returns why the first one is not.

        What is wrong with one head does not keep the others back; what is wrong with the place ends the attempt.
        """
        waiting = await not_anchored(self._ledger, campaign, anchor.name)
        first, left = None, 1 if anchor.newest_only else AT_ONCE
        for number in reversed(range(len(waiting))) if anchor.newest_only else range(len(waiting)):
            head = waiting[number]
            code = await _put(anchor, head)
            if code is None:
                served = waiting[: number + 1] if anchor.newest_only else [head]
                put = [Anchored(one.size, anchor.name, head.size, stamp(now)) for one in served]
                await keep_anchored(self._ledger, campaign, put)
                left -= 1
            first = first or code
            if not left or code not in (None, *OF_ONE_HEAD):
                break
        return first

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


async def _put(anchor: Anchor, head: KeptHead) -> str | None:
    """Put a head somewhere; HEAD_BROKEN where what is kept here as its note is no head of that size any more."""
    try:
        if parse_checkpoint(parse_note(head.note.encode()).text).size != head.size:
            return "HEAD_BROKEN"
        return await anchor.put(head)
    except (ValueError, TypeError, AttributeError):  # no program of ours writes such rows
        return "HEAD_BROKEN"


def _of(result: HeadsResult, newest: KeptHead | None) -> HeadsResult:
    """Return a result with the newest head in it."""
    if newest is None:
        return result
    return result.model_copy(update={"size": newest.size, "root": newest.root})
