"""Between the outbox and the sessions that call a provider: rows are begun ahead of them, attempts closed behind them.

Both are short transactions that many messages share while the next ones are on their way. What a killed worker leaves
of which nobody knows is what was begun: up to one and a half times `ahead` rows, what the sessions had in hand, and
outcomes that are not written down yet.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Iterable, Sequence
from typing import Final, Protocol

from activities.letters import Letter
from ledger.handover import Claimed, Outcome

LONGEST_WAIT: Final = 0.1
"""Seconds that an outcome waits for others to be written down with."""

Begun = tuple[Letter, Claimed]
"""A letter with its attempt."""


class Ends(Protocol):
    """The outbox, as far as an attempt's begin and end go."""

    async def step(self, outcomes: Sequence[Outcome], claimed: Sequence[Claimed]) -> list[Claimed]:
        """Close attempts and begin others in one transaction; return those that may be sent now."""
        ...


class Desk:
    """Hands letters out, each begun, and takes outcomes back.

    One task runs `work`, another one adds letters until they are complete. Each session takes letters with `next` until
    there is none, and for each of them says `ended`, or `dropped` where it does not know itself.
    """

    def __init__(self, ends: Ends, *, ahead: int, sessions: int, most: int | None = None) -> None:
        """Make an empty desk; letters come with `add`.

        Args:
            ends: the outbox.
            ahead: rows that one transaction begins; the next does once half of them are in the sessions' hands.
            sessions: how many will ask.
            most: where a provider is so quick that more go out while an outcome waits, a transaction begins as many as
                do, up to this.
        """
        self._ends = ends
        self._waiting: deque[Letter] = deque()
        self._complete = False
        self._ahead = self._least = ahead
        self._most = max(ahead, most or 0)
        self._begun_at = 0.0
        self._sessions = sessions
        self._ready: asyncio.Queue[Begun | None] = asyncio.Queue()
        self._laid = 0
        self._in_hand = 0
        self._ended: list[Outcome] = []
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._stopped = asyncio.Event()
        self._sent_home = False

    # -- for who writes the letters ---------------------------------------------------------------------------

    def add(self, letters: Iterable[Letter]) -> None:
        """Lay letters out, in the order in which they are to go; after `stop` they only wait to be given back."""
        self._waiting.extend(letters)
        self._news.set()

    def complete(self) -> None:
        """Say that no more letters come."""
        self._complete = True
        self._news.set()

    async def room(self, fewer: int) -> bool:
        """Wait until fewer letters than this wait to be begun; False where nothing more is handed out."""
        while len(self._waiting) >= fewer and not self._stopped.is_set():
            self._room.clear()
            await self._room.wait()
        return not self._stopped.is_set()

    async def unless_stopped(self, waiting: Awaitable[bool]) -> bool:
        """Wait for something, but no longer than anything is handed out; False where nothing is any more."""
        asked = asyncio.ensure_future(waiting)
        over = asyncio.ensure_future(self._stopped.wait())
        try:
            await asyncio.wait({asked, over}, return_when=asyncio.FIRST_COMPLETED)
            return asked.done() and asked.result()
        finally:
            asked.cancel()
            over.cancel()

    # -- between them and the sessions ----------------------------------------------------------------------------

    async def work(self) -> None:
        """Begin and close until every letter that was begun has come back; whatever ends it ends the sessions too."""
        try:
            patient = True
            while True:
                low = self._laid <= self._ahead // 2 and self._waiting and not self._stopped.is_set()
                over = not self._in_hand and (self._stopped.is_set() or not self._laid)
                if low or (self._ended and (over or not patient or len(self._ended) >= self._ahead)):
                    await self._step(begin=bool(low))
                    patient = True
                elif over and (self._stopped.is_set() or (self._complete and not self._waiting)):
                    break
                else:
                    patient = await self._anything_new()
        finally:
            self.stop()

    # -- for the sessions -----------------------------------------------------------------------------------------

    async def next(self) -> Begun | None:
        """Return the next letter with its attempt, None where nothing more is to be sent."""
        if self._stopped.is_set():
            return None
        found = await self._ready.get()
        if found is None:
            return None
        if self._stopped.is_set():
            self._ready.put_nowait(found)
            return None
        self._laid -= 1
        self._in_hand += 1
        if self._laid <= self._ahead // 2:
            self._news.set()
        return found

    def ended(self, outcome: Outcome) -> None:
        """Give back what became of an attempt; it is committed before `work` returns."""
        self._in_hand -= 1
        self._ended.append(outcome)
        if not self._in_hand or not 1 < len(self._ended) < self._ahead:  # the first one's wait begins
            self._news.set()

    def dropped(self) -> None:
        """Say that nobody will know what became of an attempt; nothing more is handed out."""
        self._in_hand -= 1
        self.stop()

    def stop(self) -> None:
        """Hand nothing more out."""
        self._stopped.set()
        self._send_home()
        self._news.set()
        self._room.set()

    # -- afterwards -----------------------------------------------------------------------------------------------

    def unsent(self) -> tuple[list[Begun], list[Letter]]:
        """Return what was begun and not sent, and what was not begun; for whoever ends the batch."""
        begun: list[Begun] = []
        while not self._ready.empty():
            found = self._ready.get_nowait()
            if found is not None:
                begun.append(found)
        return begun, list(self._waiting)

    # -- inside ---------------------------------------------------------------------------------------------------

    async def _step(self, *, begin: bool) -> None:
        """Close what has ended and begin the next rows; what must not go now is out of our hands."""
        ended, self._ended = self._ended, []
        letters: dict[str, Letter] = {}
        if begin:
            self._keep_pace(len(ended))
        while begin and self._waiting and len(letters) < self._ahead:
            letter = self._waiting.popleft()
            letters[letter.row.notice_id] = letter
        self._room.set()
        for row in await self._ends.step(ended, [letter.row for letter in letters.values()]):
            if row.notice_id in letters:  # the others stand in the message of one of them
                self._laid += 1
                self._ready.put_nowait((letters[row.notice_id], row))
        if self._complete and not self._waiting:
            self._send_home()

    def _keep_pace(self, ended: int) -> None:
        """Begin as many next time as the sessions sent in the time that an outcome may wait."""
        now = asyncio.get_running_loop().time()
        pace = ended * LONGEST_WAIT / max(now - self._begun_at, LONGEST_WAIT / self._most)
        self._ahead = min(self._most, max(self._least, round(pace)))
        self._begun_at = now

    async def _anything_new(self) -> bool:
        """Wait for a session; return False where outcomes have waited long enough to be written by themselves."""
        try:
            async with asyncio.timeout(LONGEST_WAIT if self._ended else None):
                await self._news.wait()
        except TimeoutError:
            return False
        self._news.clear()
        return True

    def _send_home(self) -> None:
        """Let every session that asks know that nothing more comes."""
        if not self._sent_home:
            self._sent_home = True
            for _ in range(self._sessions):
                self._ready.put_nowait(None)
