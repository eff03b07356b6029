"""What a client cannot do, by name."""

from __future__ import annotations

from domain.stream import Receipt


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
