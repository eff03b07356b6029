"""The proof of one notice: its own rows of the journal, up to a signed head, and nobody else's (FEATURES A8).

A settled day's event has the root of a Merkle tree over that day's rows (`ledger.journal`); the event is a leaf of the
campaign's tree, whose root a head signs. So a text with the notice's rows, their paths, the days' events, their paths
and the head's note is checked with a public key alone. Besides the rows and the days' totals it shows hashes only.

    diversion/notice-proof@v1
    notice ntc_…
    event {…}             NoticesSettled, its canonical text; then the path of `audit.inclusion`: index and hashes
    index 4711
    …
    row {…}               of that day, its canonical text; then its path in the day's tree
    index 17
    …
    (an empty line and the head's note)

What it shows is that the notice had these states on these days. That it had no others it cannot show: for that one must
see the whole journal.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any, Final

from audit.checkpoint import Checkpoint, SignedHead
from audit.heads import Headed
from audit.inclusion import ProofError, event_of, halves, open_head, path_lines, read_path
from audit.leaves import Place, leaf_of
from audit.merkle import Tree, leaf_hash, verify_inclusion
from audit.rows import NoticeDay
from audit.signed_note import VerifierKey
from domain.canonical import encode
from domain.events import event_id
from domain.notices import UNROUTED
from domain.time import civil, instant
from ledger.journal import SETTLED_COLUMNS, flat_digest, tree_digest

FORMAT: Final = "diversion/notice-proof@v1"
NOTICE, EVENT, ROW = "notice ", "event ", "row "
SETTLED: Final = "NoticesSettled"
CAMPAIGN_DEPTH: Final = 2
"""A campaign's stream has so many slashes in its name, every other stream more."""

NOT_SETTLED, NOT_SIGNED = "NOTICE_NOT_SETTLED_YET", "NOTICE_NOT_SIGNED_YET"
NEVER, FLAT = "NOTICE_WITHOUT_CHANNEL", "NOTICE_DAY_FLAT"


class JournalDiffersError(Exception):
    """The journal of a settled day is not the one that the record says.

    Attributes:
        place: the day's event.
    """

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self.place = place


@dataclass(frozen=True)
class LeftOut:
    """A day of the notice that is not in its proof.

    Attributes:
        rows: how many of the notice's there are.
        code: NOTICE_NOT_SETTLED_YET; NOTICE_NOT_SIGNED_YET, no head covers its event; NOTICE_WITHOUT_CHANNEL, days are
            settled by channel; NOTICE_DAY_FLAT, it was settled before days were trees.
    """

    channel: str
    day: date
    rows: int
    code: str


@dataclass(frozen=True)
class NoticeProof:
    """A proof that was made.

    Attributes:
        text: None where no day of the notice can be proven.
        days: what is in it: the days' events and how many rows of the notice each has.
        left_out: what is not.
    """

    text: str | None
    days: list[tuple[Place, NoticeDay]]
    left_out: list[LeftOut]


@dataclass(frozen=True)
class ProvenDay:
    """A settled day with the notice's rows.

    Attributes:
        event: the envelope of `NoticesSettled`.
        index: its place in the campaign's tree, from 0.
        rows: the notice's, in their order: `SETTLED_COLUMNS` by name.
    """

    event: dict[str, Any]
    index: int
    rows: list[dict[str, Any]]

    @property
    def id(self) -> str:
        """Return the event's id."""
        return event_id(self.event["stream"], self.event["version"])

    @property
    def channel(self) -> str:
        """Return the channel that was settled."""
        return str(self.event["data"]["channel"])

    @property
    def day(self) -> str:
        """Return the civil day that was settled."""
        return str(self.event["data"]["day"])


@dataclass(frozen=True)
class ProvenNotice:
    """What a proof shows of one notice.

    Attributes:
        campaign: whose notice it is.
        days: in the order in which they were settled.
        head: under which they are.
        signer: whose signature is under it.
    """

    notice: str
    campaign: str
    days: list[ProvenDay]
    head: Checkpoint
    signer: VerifierKey


# -- made -----------------------------------------------------------------------------------------------------------


def prove_notice(headed: Headed, notice: str, days: Iterable[NoticeDay]) -> NoticeProof:
    """Return the proof of a notice under the newest head, with what of it cannot be proven.

    Args:
        headed: a record that was looked at, with one head at least.
        notice: its id.
        days: of the journal, read after the record.

    Raises:
        JournalDiffersError: a day is not what its event says.
    """
    settled = _settled(headed)
    shown: list[tuple[int, NoticeDay]] = []
    left_out: list[LeftOut] = []
    for one in days:
        index, digest = settled.get((one.channel, one.day.isoformat()), (None, ""))
        if index is None:
            code = NEVER if one.channel == UNROUTED else NOT_SETTLED
        elif digest == flat_digest(one.lines):
            code = FLAT
        elif digest != tree_digest(one.lines):
            raise JournalDiffersError(event_id(*headed.places[index]))
        elif index >= headed.head.size:
            code = NOT_SIGNED
        else:
            shown.append((index, one))
            continue
        left_out.append(LeftOut(one.channel, one.day, len(one.own), code))
    shown.sort(key=lambda pair: headed.places[pair[0]])
    lines = [FORMAT, NOTICE + notice, *(line for index, one in shown for line in _block(headed, index, one)), ""]
    text = "\n".join([*lines, headed.head.note]) if shown else None
    return NoticeProof(text, [(headed.places[index], one) for index, one in shown], left_out)


def _settled(headed: Headed) -> dict[tuple[str, str], tuple[int, str]]:
    """Return what the record says of each settled day: channel, civil day → index of the event's leaf, digest."""
    found: dict[tuple[str, str], tuple[int, str]] = {}
    for index, (place, line) in enumerate(zip(headed.places, headed.lines, strict=True)):
        if place.stream == headed.campaign and SETTLED.encode() in line:
            event = json.loads(line)
            with suppress(KeyError, TypeError):  # an event that was forged whole: `audit replay` names it
                if event["type"] == SETTLED:
                    data = event["data"]
                    found.setdefault((data["channel"], data["day"]), (index, data["digest"]))
    return found


def _block(headed: Headed, index: int, one: NoticeDay) -> Iterator[str]:
    """Yield the lines of one day: its event and the notice's rows, each with its path."""
    yield EVENT + headed.lines[index].decode()
    yield from path_lines(index, headed.tree.inclusion_proof(index, headed.head.size))
    tree = Tree(map(leaf_hash, one.lines))
    for own in one.own:
        yield ROW + one.lines[own].decode()
        yield from path_lines(own, tree.inclusion_proof(own))


# -- checked --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Leaf:
    """An event or a row with its path, as it stands in the text.

    Attributes:
        at: its line, from 1.
    """

    at: int
    text: bytes
    index: int
    path: list[bytes]


def is_notice_proof(data: bytes) -> bool:
    """Tell whether a text says that it is the proof of a notice."""
    return data.startswith(FORMAT.encode())


def check_notice(data: bytes, keys: Sequence[VerifierKey], statements: Iterable[bytes] = ()) -> ProvenNotice:
    """Check a proof with public keys alone; nothing of it is believed before.

    Args:
        data: the text; a mail program's line ends are no change.
        keys: the log's, as they were published, first to last.
        statements: of the changes of keys; without them the last key has signed the head.

    Raises:
        ProofError: PROOF_MALFORMED, PROOF_BROKEN, PROOF_EVENT, PROOF_ROW, with the line.
        NoteError: what is wrong with the head's note or its signature.
    """
    lines, note = halves(data)
    notice, blocks = _read(lines)
    signed = open_head(note, keys, statements)
    days: list[ProvenDay] = []
    for leaf, rows in blocks:
        event = _event(leaf, signed)
        if days and days[-1].event["version"] >= event["version"]:
            raise ProofError("PROOF_EVENT", leaf.at)
        days.append(ProvenDay(event, leaf.index, _rows(rows, event, notice)))
    return ProvenNotice(notice, days[0].event["stream"], days, signed.head, signed.signers[0])


def _read(lines: Sequence[str]) -> tuple[str, list[tuple[_Leaf, list[_Leaf]]]]:
    """Return the notice's id, and the days' events with the rows of each.

    Raises:
        ProofError: PROOF_MALFORMED.
    """
    if lines[0] != FORMAT:
        raise ProofError("PROOF_MALFORMED", 1)
    for at, kind in ((1, NOTICE), (2, EVENT)):
        if not lines[at : at + 1] or not lines[at].startswith(kind):
            raise ProofError("PROOF_MALFORMED", at + 1)
    blocks: list[tuple[_Leaf, list[_Leaf]]] = []
    starts = [at for at, line in enumerate(lines) if line.startswith((EVENT, ROW))]
    for start, end in pairwise([*starts, len(lines)]):
        kind, _, text = lines[start].partition(" ")
        leaf = _Leaf(start + 1, text.encode(), *read_path(lines[start + 1 : end], start + 2))
        if kind == EVENT.strip():
            blocks.append((leaf, []))
        else:
            blocks[-1][1].append(leaf)
    for event, rows in blocks:
        if not rows:
            raise ProofError("PROOF_MALFORMED", event.at)
    return lines[1].removeprefix(NOTICE), blocks


def _event(leaf: _Leaf, signed: SignedHead) -> dict[str, Any]:
    """Return the event that settled a day.

    Raises:
        ProofError: PROOF_BROKEN; PROOF_EVENT, it settles no day of the head's campaign.
    """
    if not verify_inclusion(leaf_of(leaf.text), leaf.index, signed.head.size, leaf.path, signed.head.root):
        raise ProofError("PROOF_BROKEN", leaf.at)
    event = event_of(leaf.text, signed)
    if event is None or event.get("type") != SETTLED or event["stream"].count("/") != CAMPAIGN_DEPTH:
        raise ProofError("PROOF_EVENT", leaf.at)
    return event


def _rows(leaves: Iterable[_Leaf], event: dict[str, Any], notice: str) -> list[dict[str, Any]]:
    """Return the rows of a notice on the day that an event has settled.

    Raises:
        ProofError: PROOF_BROKEN; PROOF_EVENT, the event has no day's form; PROOF_ROW, a row is none of this notice and
            day, or does not stand beside the one before it, as a notice's rows do.
    """
    data, rows, last = event["data"], [], None
    for leaf in leaves:
        try:
            root = bytes.fromhex(data["digest"])
            proven = verify_inclusion(leaf_hash(leaf.text), leaf.index, data["rows"], leaf.path, root)
        except (KeyError, TypeError, ValueError):
            raise ProofError("PROOF_EVENT", leaf.at) from None
        if not proven:
            raise ProofError("PROOF_BROKEN", leaf.at)
        row = _row(leaf.text)
        about = (notice, event["stream"], data.get("channel"), data.get("day"))
        if row is None or about != (row["notice_id"], row["campaign"], row["channel"], _day(row["at"])):
            raise ProofError("PROOF_ROW", leaf.at)
        if last is not None and leaf.index != last + 1:
            raise ProofError("PROOF_ROW", leaf.at)
        rows.append(row)
        last = leaf.index
    return rows


def _row(text: bytes) -> dict[str, Any] | None:
    """Return the row that a leaf is, None where it has not a row's form."""
    try:
        row = json.loads(text)
        sound = encode(row).encode() == text and isinstance(row, dict) and sorted(row) == sorted(SETTLED_COLUMNS)
    except (ValueError, TypeError, RecursionError):
        return None
    return row if sound and isinstance(row["state"], str) and isinstance(row["code"], str | None) else None


def _day(at: Any) -> str | None:
    """Return the civil day of an instant as it stands in a row, None where it is none."""
    try:
        return civil(instant(at)).isoformat()
    except (ValueError, TypeError):
        return None
