"""The heads that sign themselves: when one is due, and how it is made of what is new alone.

A head is due when a stage was completed or skipped, when a civil day is over in which something was recorded, and when
the campaign was closed, stopped or has ended; it takes in all that there is, so that one head serves several reasons.

What the head before covers is not read again. Its tree's right edge is kept beside it, and that the edge is its own
shows in the signed root; what is new must join the chains where they stood. Whether what lies below is still what it
was is shown by the full look: at each bundle, at each head by hand, and here at the campaign's end. A change below
cannot be signed away in between, since the edge is of the tree as it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Final, Literal

from audit.head_templates import listing
from audit.heads import RACED, RACES, HeadError, check_chains, clock_of, keys_of, make_head, origin_of, signed_head
from audit.leaves import Place, gained, leaf_of
from audit.merkle import HASH_BYTES, Edge
from audit.note_errors import NoteError
from audit.signed_note import Signer
from audit.signing_keys import KeyList
from domain.time import at, civil, stamp
from ledger.growth import Growth, gained_since, read_growth
from ledger.heads import KeptHead, keep_head
from ledger.store import Ledger

Reason = Literal["stage", "day", "close", "end"]

STEPS: Final = ("StageCompleted", "StageSkipped")
CLOSINGS: Final = ("CampaignClosed", "CampaignStopped")
END: Final = "CampaignArchived"
"""The last event of a campaign: every stream under it has ended before."""


async def due(ledger: Ledger, campaign: str, now: datetime) -> Reason | None:
    """Tell why a head is due, None where none is; at its end a campaign's is due until the full look has been taken.

    Args:
        ledger: the record.
        campaign: the campaign's id.
        now: the present, by whose civil day days are over.
    """
    new = await gained_since(ledger, campaign, STEPS, CLOSINGS, END)
    if new.ended:
        return "end"
    if new.closing:
        return "close"
    if new.steps:
        return "stage"
    midnight = stamp(at(civil(now), time()))
    return "day" if new.oldest is not None and new.oldest < midnight else None


async def next_head(
    ledger: Ledger,
    campaign: str,
    signer: Signer,
    now: datetime,
    *,
    full: bool = False,
    templates: Mapping[str, str] | None = None,
) -> KeptHead:
    """Sign a head over what is new, or return the newest one where nothing is.

    Args:
        ledger: the record.
        campaign: the campaign's id; it has events.
        signer: the key in force.
        now: written beside the head.
        full: look at the whole record again, and not at what is new alone.
        templates: label → SHA-256 of each template in use, which the head is to name; None names none. Where a version
            was edited it is signed all the same: heads must not stop, and the two of them tell it for good.

    Raises:
        HeadError: LEDGER_BROKEN, HEAD_BROKEN, HEAD_RACED.
        NoteError: KEY_OUT_OF_TERM.
        LookupError: the campaign has no events.
    """
    for _ in range(RACES):
        keys, _ = await keys_of(ledger, signer.public)
        if keys.current != signer.public:
            raise NoteError("KEY_OUT_OF_TERM")
        growth = await read_growth(ledger, campaign)
        clock = clock_of(growth.first, campaign)
        edge = None if growth.newest is None else _edge_of(growth.newest)
        if full or growth.newest is None or edge is None:
            return (await make_head(ledger, campaign, signer, clock, now, templates=templates, edited_too=True)).head
        origin = origin_of(signer.public, campaign, clock)
        _require_own(growth.newest, edge, keys, origin, campaign)
        before = growth.newest.size
        moved = await asyncio.to_thread(_grown, edge, growth)
        if not moved:
            return growth.newest
        listed = None if templates is None else listing(templates)
        head = signed_head(origin, edge, moved, signer, now, listed)
        if await keep_head(ledger, campaign, head, after=before, keys=keys.published, templates=listed):
            return head
    raise HeadError(RACED, campaign)


def _edge_of(head: KeptHead) -> Edge | None:
    """Return the right edge that is kept beside a head; None where it is not that head's: all is looked at then."""
    try:
        kept = bytes.fromhex(head.edge)
        edge = Edge(head.size, [kept[start : start + HASH_BYTES] for start in range(0, len(kept), HASH_BYTES)])
    except ValueError:
        return None
    return edge if edge.root().hex() == head.root else None


def _require_own(head: KeptHead, edge: Edge, keys: KeyList, origin: str, campaign: str) -> None:
    """Refuse to go on from a head that the key in force for it has not signed, or with marks of another size.

    Raises:
        HeadError: HEAD_BROKEN.
    """
    try:
        signed = keys.open_head(head.note.encode(), origin=origin).head
    except NoteError:
        raise HeadError("HEAD_BROKEN", f"{campaign} ({head.size})") from None
    if (signed.size, signed.root) != (edge.size, edge.root()) or sum(head.marks.values()) != edge.size:
        raise HeadError("HEAD_BROKEN", f"{campaign} ({head.size})")


def _grown(edge: Edge, growth: Growth) -> dict[str, int]:
    """Add what is new to a tree's edge, and return how far each stream came that has moved.

    Raises:
        HeadError: LEDGER_BROKEN, what a head has is gone, or what is new does not join to it.
    """
    marks = growth.newest.marks if growth.newest is not None else {}
    lines = {Place(event.stream, event.version): event.body.encode() for event in growth.events}
    try:
        new = gained(marks, growth.ends)
    except ValueError as error:
        raise HeadError("LEDGER_BROKEN", str(error).partition(":")[0]) from None
    if not new:
        return {}
    missing = next((place for place in new if place not in lines), None)
    if missing is not None:
        raise HeadError("LEDGER_BROKEN", f"{missing.stream}#{missing.version}")
    covered = [
        Place(stream, marks[stream]) for stream in dict.fromkeys(place.stream for place in new) if stream in marks
    ]
    check_chains(*_in_order(lines), covered)
    for place in new:
        edge.append(leaf_of(lines[place]))
    return {place.stream: place.version for place in new}


def _in_order(lines: dict[Place, bytes]) -> tuple[Sequence[Place], Sequence[bytes]]:
    places = sorted(lines)
    return places, [lines[place] for place in places]
