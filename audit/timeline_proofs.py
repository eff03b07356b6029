"""Where the events of a timeline's line stand in the campaign's tree, and which head covers them (FEATURES A13).

A line names its events; with its proof a reader can follow it to the signed head: `audit prove` shows the path from an
event's leaf to that head. What no head has taken in yet has no place in the tree that will stay, so none is told.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator, Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict

from audit.heads import leaves_of
from audit.leaves import Place
from audit.timeline import Line
from domain.events import event_id
from ledger.heads import Snapshot

_PIECE: Final = re.compile(r"(.+)#(\d+)(?:-(\d+))?")


class Proof(BaseModel):
    """A run of one stream's events that one head took in together, or that no head has yet.

    Attributes:
        event: `{stream}#{version}`, or `{stream}#{first}-{last}`.
        first, last: indices of their leaves, counted from 0, None without a head.
        head: the size of the earliest head that covers them, None where none does.
    """

    model_config = ConfigDict(frozen=True)

    event: str
    first: int | None = None
    last: int | None = None
    head: int | None = None


class Proofs:
    """A campaign's tree, asked about the lines of its timeline."""

    def __init__(self, snapshot: Snapshot) -> None:
        """Read where each event stands.

        Raises:
            HeadError: LEDGER_BROKEN, events that a head has are gone, or a stream has a gap.
        """
        places, _ = leaves_of(snapshot)
        self._sizes = [head.size for head in snapshot.heads]
        covered = self._sizes[-1] if self._sizes else 0
        self._indices = {place: index for index, place in enumerate(places[:covered])}

    def of(self, line: Line) -> list[Proof]:
        """Return the proofs of a line's events, in its order; one piece of a stream may need several heads."""
        return [proof for piece in line.events for proof in self._of_piece(piece)]

    def _of_piece(self, piece: str) -> Iterator[Proof]:
        found = _PIECE.fullmatch(piece)
        if found is None:
            return
        stream, first, last = found[1], int(found[2]), int(found[3] or found[2])
        places = [Place(stream, version) for version in range(first, last + 1)]
        for head, run in self._runs(places):
            begin, end = run[0].version, run[-1].version
            event = event_id(stream, begin) + ("" if begin == end else f"-{end}")
            yield Proof(event=event, first=self._indices.get(run[0]), last=self._indices.get(run[-1]), head=head)

    def _runs(self, places: Sequence[Place]) -> Iterator[tuple[int | None, list[Place]]]:
        """Yield what one head took in, in the order of the versions."""
        run: list[Place] = []
        held: int | None = None
        for place in places:
            head = self._head(place)
            if run and head != held:
                yield held, run
                run = []
            held = head
            run.append(place)
        if run:
            yield held, run

    def _head(self, place: Place) -> int | None:
        index = self._indices.get(place)
        return None if index is None else self._sizes[bisect.bisect_right(self._sizes, index)]
