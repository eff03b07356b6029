"""What the endpoint for receipts asks of the ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from cli.failures import failure_of
from cli.rooms import Rooms
from domain.notices import SMS
from gateway.receipts import News
from gateway.signed import AwayError
from ledger.handover import Receipt
from settings import Settings


class ReceiptsHouse:
    """Keeps receipts beside the outbox; the dispatcher finds them there. It needs no engine.

    Whoever has the secret of the text messages says what became of text messages, and of no other channel's.
    """

    def __init__(self, settings: Settings, *, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._now = now
        self._rooms: Rooms | None = None

    async def close(self) -> None:
        """Close the ledger."""
        rooms, self._rooms = self._rooms, None
        if rooms is not None:
            await rooms.__aexit__(None, None, None)

    async def take(self, news: Sequence[News]) -> None:
        """Keep receipts for good, each once, and apply those whose message is known.

        Raises:
            AwayError: the ledger cannot be reached.
        """
        receipts = [
            Receipt(
                receipt_id=f"{SMS}/{one.receipt_id}",
                channel=SMS,
                notice_id=one.notice_id,
                provider_id=one.provider_id,
                state=one.state,
                code=one.code,
                at=one.at,
            )
            for one in news
        ]
        if self._rooms is None:
            self._rooms = await Rooms(self._settings).__aenter__()
        try:
            ledger = await self._rooms.ledger()
            await ledger.outbox.take_receipts(receipts, self._now())
        except Exception as error:
            if failure_of(error) is None:
                raise
            await self.close()
            raise AwayError from None
