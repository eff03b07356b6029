"""The proof of one notice: it holds with a public key alone, shows no other notice, and nothing else passes for one."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256

import pytest
from audit_notice_record import (
    DAYS,
    FLAT_DAY,
    LATE,
    NEW_DAY,
    OLD,
    OPEN_DAY,
    OTHER,
    RUNNING,
    TWICE,
    WAITING,
    name_of,
    write_record,
)
from audit_small_log import CAMPAIGN
from bundle_maker import KEY, NOW, THIEF, line_of, rehashed
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.checkpoint import Checkpoint, sign_checkpoint
from audit.heads import read_headed, signed_head
from audit.inclusion import ProofError, path_lines
from audit.leaves import leaf_of
from audit.merkle import Tree, leaf_hash, verify_inclusion
from audit.note_errors import NoteError
from audit.notice_proof import (
    FORMAT,
    JournalDiffersError,
    LeftOut,
    check_notice,
    is_notice_proof,
    prove_notice,
)
from audit.rows import read_notice
from audit.signing_keys import rotate
from domain.notices import EMAIL, UNROUTED
from ledger.journal import SETTLED_COLUMNS, tree_digest
from ledger.journal import line_of as row_line
from ledger.store import Ledger

SENT = [name_of(number) for number in range(2, 13)]
"""Every notice that was sent on a day under the head."""

ROWS = st.integers(1, 70)
quick = settings(deadline=None, max_examples=70)


class Record:
    """The record as it was read, the journal's days of each notice, and what the journal says of each."""

    def __init__(self, headed, days, journal):
        self.headed, self.days, self.journal = headed, days, journal

    def proof(self, notice):
        """The text of a notice's proof."""
        return prove_notice(self.headed, notice, self.days[notice]).text


@pytest.fixture(scope="module")
async def record(tmp_path_factory):
    """Read everything; the ledger is closed then."""
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('notices') / 'ledger.db'}")
    await write_record(ledger)
    names = [OLD, *SENT, LATE, RUNNING, WAITING]
    days = {name: await read_notice(ledger, CAMPAIGN, name) for name in names}
    journal = {name: await ledger.outbox.journal(name) for name in names}
    assert await read_notice(ledger, CAMPAIGN, name_of(999)) is None
    assert await read_notice(ledger, "campaign/elsewhere/2026", TWICE) is None
    yield Record(await read_headed(ledger, CAMPAIGN), days, journal)
    await ledger.close()


def refused(text, *codes, keys=(KEY.public,)):
    """Return the line at which a proof is refused with one of these codes."""
    with pytest.raises(ProofError) as error:
        check_notice(text if isinstance(text, bytes) else text.encode(), keys)
    assert error.value.code in codes
    return error.value.line


# -- what is proven -----------------------------------------------------------------------------------------------


def test_every_settled_notice_has_a_proof_that_holds_by_itself(record):
    """With all its rows, day by day, as they stand in the journal; also as a mail program has kept it."""
    for notice in SENT:
        text = record.proof(notice)
        found = check_notice(text.replace("\n", "\r\n").encode() + b"\r\n", [THIEF.public, KEY.public])
        assert (found.notice, found.campaign, found.signer) == (notice, CAMPAIGN, KEY.public)
        assert (found.head.size, found.head.root.hex()) == (record.headed.head.size, record.headed.head.root)
        told = [row for day in found.days for row in day.rows]
        assert told == [{name: row[name] for name in SETTLED_COLUMNS} for row in record.journal[notice]]
        for day in found.days:
            assert json.loads(record.headed.lines[day.index]) == day.event
            assert {row["at"][:10] for row in day.rows} == {day.day}
    twice = check_notice(record.proof(TWICE).encode(), [KEY.public]).days
    assert [(day.day, [row["state"] for row in day.rows]) for day in twice] == [
        (DAYS[0].isoformat(), ["submitted", "failed_temporary"] * 2),
        (DAYS[1].isoformat(), ["submitted", "accepted"]),
    ]


def test_no_other_notice_is_in_it(record):
    """Neither its id nor any other text of its rows; the lines that are neither of its own are 32 bytes of hash."""
    for notice in SENT:
        text = record.proof(notice)
        own = {value for row in record.journal[notice] for value in row.values()}
        others = [row for name in SENT if name != notice for row in record.journal[name]]
        foreign = {value for row in others for value in (row["notice_id"], row["provider_id"])} - own - {None}
        assert len(foreign) >= 2 * (len(SENT) - 1)
        assert not any(value in text for value in foreign)
        rest = [line for line in text.split("\n\n")[0].split("\n") if not line.startswith(("event ", "row ", "index "))]
        assert rest[:2] == [FORMAT, f"notice {notice}"]
        assert {len(line) for line in rest[2:]} == {44}
        assert all(json.loads(line[4:])["notice_id"] == notice for line in text.split("\n") if line.startswith("row "))


@quick
@given(ROWS, st.data())
def test_a_day_of_any_size_proves_each_of_its_rows_and_no_other(count, data):
    """Against the digest that the event says; another row, place or day gives another root."""
    lines = [row_line((name_of(number), 1, "at", "sent", CAMPAIGN, EMAIL, None, None, None)) for number in range(count)]
    root = bytes.fromhex(tree_digest(lines))
    tree = Tree(map(leaf_hash, lines))
    other = data.draw(st.integers(0, count - 1))
    for index, line in enumerate(lines):
        path = tree.inclusion_proof(index)
        assert verify_inclusion(leaf_hash(line), index, count, path, root)
        assert verify_inclusion(leaf_hash(lines[other]), index, count, path, root) == (other == index)
        assert not verify_inclusion(leaf_hash(line + b"\n"), index, count, path, root)
    assert tree_digest(lines[:-1]) != root.hex()


# -- what cannot be proven ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("notice", "day", "code"),
    [
        (OLD, FLAT_DAY, "NOTICE_DAY_FLAT"),
        (LATE, NEW_DAY, "NOTICE_NOT_SIGNED_YET"),
        (RUNNING, OPEN_DAY, "NOTICE_NOT_SETTLED_YET"),
    ],
)
def test_a_day_that_cannot_be_proven_is_named(record, notice, day, code):
    """Settled before days were trees, after the head, or not at all; beside a day that can, it is left out by name."""
    made = prove_notice(record.headed, notice, record.days[notice])
    left = [LeftOut(EMAIL, day, 2, code)]
    assert (made.text, made.days, made.left_out) == (None, [], left)
    both = prove_notice(record.headed, OTHER, [*record.days[notice], *record.days[OTHER]])
    assert (both.text, both.left_out) == (record.proof(OTHER), left)
    unrouted = [replace(day, channel=UNROUTED) for day in record.days[notice]]
    assert prove_notice(record.headed, notice, unrouted).left_out == [
        LeftOut(UNROUTED, day, 2, "NOTICE_WITHOUT_CHANNEL")
    ]
    nothing = prove_notice(record.headed, WAITING, record.days[WAITING])
    assert (nothing.text, nothing.left_out) == (None, [])


@pytest.mark.parametrize("notice", [OLD, OTHER, LATE])
def test_a_journal_that_was_changed_proves_nothing(record, notice):
    """Whoever is asked for a proof finds out; the event of the day is named."""
    (day,) = record.days[notice]
    touched = [line.replace(b'"accepted"', b'"denied"') for line in day.lines]
    for lines in (touched, day.lines[:-1], [*day.lines, day.lines[-1]]):
        with pytest.raises(JournalDiffersError, match=f"{CAMPAIGN}#"):
            prove_notice(record.headed, notice, [replace(day, lines=lines)])


# -- what was touched -------------------------------------------------------------------------------------------------


def test_every_byte_counts(record):
    """Each one changed is refused, in the part of the file that it stands in."""
    data = record.proof(TWICE).encode()
    lines = data.split(b"\n")
    parts = [number for number, line in enumerate(lines, 1) if line.startswith((b"event ", b"row "))]
    body = len(data.partition(b"\n\n")[0])
    line = 1
    for at, byte in enumerate(data[:-1]):
        changed = data[:at] + (b"B" if byte != ord("B") else b"C") + data[at + 1 :]
        with pytest.raises((ProofError, NoteError)) as error:
            check_notice(changed, [KEY.public])
        if at < body and isinstance(error.value, ProofError) and line > 2:
            part = max(part for part in parts if part <= line)
            assert part <= error.value.line <= line + (byte == ord("\n"))
        line += byte == ord("\n")
    for cut in (b"", data[:100], data[:body], data[:-60], b"\xff" + data, data[:body] + b"\xff\n\n"):
        with pytest.raises((ProofError, NoteError)):
            check_notice(cut, [KEY.public])
    with pytest.raises(NoteError, match="SIGNER_UNKNOWN"):
        check_notice(data, [THIEF.public])


def test_every_field_counts(record):
    """Each field of a row or an event said otherwise, with the event's hash made to fit, is refused at its line."""
    lines = record.proof(TWICE).split("\n")
    seen = 0
    for number, line in enumerate(lines, 1):
        kind, _, text = line.partition(" ")
        if kind not in ("event", "row"):
            continue
        told = json.loads(text)
        fields = [(told, name) for name in told] + [(told["data"], name) for name in told.get("data", ())]
        for within, name in fields:
            if within is told and name in ("hash", "data"):
                continue
            before, within[name] = within[name], 3 if within[name] == 2 else 2
            changed = told if kind == "row" else rehashed(told, told["prev_hash"])
            text = f"{kind} {line_of(changed).decode()}"
            assert refused("\n".join([*lines[: number - 1], text, *lines[number:]]), "PROOF_BROKEN") == number
            within[name] = before
            seen += 1
    assert seen > 2 * 9 + 2 * 15


class Parts:
    """A proof in its parts: days of an event and rows, each a list of lines."""

    def __init__(self, text):
        top, _, self.note = text.partition("\n\n")
        lines = top.split("\n")
        self.top, self.days = lines[:2], []
        for line in lines[2:]:
            if line.startswith("event "):
                self.days.append([[line]])
            elif line.startswith("row "):
                self.days[-1].append([line])
            else:
                self.days[-1][-1].append(line)

    def text(self, days=None, top=None):
        """Put it together again, in another way perhaps."""
        days = self.days if days is None else days
        lines = [line for day in days for part in day for line in part]
        return "\n".join([*(top or self.top), *lines, "", self.note])


def test_a_part_of_another_proof_has_no_place(record):
    """Rows of another notice with their own good paths, of another day, an event before the other, a row too few."""
    own, other = Parts(record.proof(TWICE)), Parts(record.proof(OTHER))
    (event, *rows), (next_event, *next_rows) = own.days
    ((_, stranger, _),) = other.days
    assert own.text() == record.proof(TWICE)
    refused(own.text([[event, *rows, stranger], own.days[1]]), "PROOF_ROW")
    refused(own.text([[event, stranger]]), "PROOF_ROW")
    refused(own.text(other.days), "PROOF_ROW")
    refused(own.text(top=other.top), "PROOF_ROW")
    refused(own.text([[event, *next_rows]]), "PROOF_BROKEN")
    refused(own.text([[event, *rows, *next_rows]]), "PROOF_BROKEN")
    refused(own.text([own.days[1], own.days[0]]), "PROOF_EVENT")
    refused(own.text([own.days[0], own.days[0]]), "PROOF_EVENT")
    refused(own.text([[event, rows[0], *rows[2:]]]), "PROOF_ROW")
    refused(own.text([[event, rows[1], rows[0]]]), "PROOF_ROW")
    refused(own.text([[event, rows[0], rows[0]]]), "PROOF_ROW")
    refused(own.text([[event]]), "PROOF_MALFORMED")
    refused(own.text([[event], own.days[1]]), "PROOF_MALFORMED")
    refused(own.text([[event, *rows], [next_event]]), "PROOF_MALFORMED")
    refused(own.text([rows]), "PROOF_MALFORMED")
    refused(own.text([]), "PROOF_MALFORMED")
    refused(own.text(top=own.top[:1]), "PROOF_MALFORMED")
    refused(own.text(top=[FORMAT + "2", own.top[1]]), "PROOF_MALFORMED")
    refused(own.text([[[event[0], "index 07", *event[2:]], *rows]]), "PROOF_MALFORMED")
    refused(own.text([[[event[0], *event[2:]], *rows]]), "PROOF_MALFORMED")
    refused(own.text([[event[:-1], *rows]]), "PROOF_BROKEN")
    refused(own.text([[event, [*rows[0], rows[0][-1]]]]), "PROOF_BROKEN")


def test_another_head_proves_nothing(record):
    """An earlier one does not cover the day; one over another record has another root."""
    text = record.proof(TWICE)
    parts = Parts(text)
    headed = record.headed
    for lines in (headed.lines[:40], headed.lines[::-1]):
        tree = Tree(map(leaf_of, lines))
        parts.note = signed_head(headed.origin, tree.edge(), {}, KEY, NOW).note
        assert refused(parts.text(), "PROOF_BROKEN") == 3


def forged(record, own, kind="NoticesSettled", **data):
    """Return a proof as somebody with the signing key can make it, over an event and rows of his own."""
    lines = [row if isinstance(row, bytes) else line_of(row) for row in own]
    index = record.headed.places.index(prove_notice(record.headed, OTHER, record.days[OTHER]).days[0][0])
    event = json.loads(record.headed.lines[index])
    event["type"] = kind
    event["stream"] = data.pop("stream", event["stream"])
    event["data"] |= {"rows": len(lines), "digest": tree_digest(lines)} | data
    leaf = line_of(rehashed(event, event["prev_hash"]))
    head = Checkpoint(record.headed.origin, 1, leaf_of(leaf))
    tree = Tree(map(leaf_hash, lines))
    blocks = [
        part
        for at, line in enumerate(lines)
        for part in (f"row {line.decode()}", *path_lines(at, tree.inclusion_proof(at)))
    ]
    top = [FORMAT, f"notice {OTHER}", f"event {leaf.decode()}", *path_lines(0, [])]
    return "\n".join([*top, *blocks, "", str(sign_checkpoint(head, KEY))])


def test_what_is_signed_and_is_no_journal_is_none(record):
    """Whoever has the key can sign anything: a day has a day's form, and a row a row's, of this notice and day."""
    row = {name: record.journal[OTHER][0][name] for name in SETTLED_COLUMNS}
    assert check_notice(forged(record, [row]).encode(), [KEY.public]).days[0].rows == [row]
    refused(forged(record, [row], kind="ReceiptsTaken"), "PROOF_EVENT")
    refused(forged(record, [row], stream=f"{CAMPAIGN}/9900010001"), "PROOF_EVENT")
    refused(forged(record, [row], stream="campaign/elsewhere/2026"), "PROOF_EVENT")
    refused(forged(record, [row], digest="short"), "PROOF_EVENT")
    refused(forged(record, [row], rows="1"), "PROOF_EVENT")
    refused(forged(record, [row], day=(DAYS[0] + timedelta(days=1)).isoformat()), "PROOF_ROW")
    refused(forged(record, [row], channel="sms"), "PROOF_ROW")
    refused(forged(record, [row | {"notice_id": TWICE}]), "PROOF_ROW")
    refused(forged(record, [row | {"campaign": "campaign/elsewhere/2026"}]), "PROOF_ROW")
    refused(forged(record, [row | {"at": "soon"}]), "PROOF_ROW")
    refused(forged(record, [row | {"at": 7}]), "PROOF_ROW")
    refused(forged(record, [row | {"more": 1}]), "PROOF_ROW")
    refused(forged(record, [row | {"state": ["sent"]}]), "PROOF_ROW")
    refused(forged(record, [row | {"code": 7}]), "PROOF_ROW")
    for text in (b"{}", b"no json", b"7", json.dumps(row).encode(), b"[" * 20_000):
        refused(forged(record, [text]), "PROOF_ROW")


def test_a_proof_says_what_it_is(record):
    """So that one command checks both kinds."""
    assert is_notice_proof(record.proof(OTHER).encode())
    assert not is_notice_proof(b"c2sp.org/tlog-proof@v1\n")
    refused("c2sp.org/tlog-proof@v1\nextra AA==\nindex 0\n\nnote", "PROOF_MALFORMED")
    assert sha256(b"").hexdigest() == tree_digest([])
    assert date.fromisoformat(check_notice(record.proof(OTHER).encode(), [KEY.public]).days[0].day) == DAYS[0]


def test_a_notices_proof_takes_the_statements_of_changes_of_keys_too(record):
    """As an event's does: a head of the old key's term, one of a key that was replaced before, several keys without."""
    text = record.proof(TWICE).encode()
    lines = text.partition(b"\n\n")[2].decode().split("\n")
    head = Checkpoint(lines[0], int(lines[1]), bytes.fromhex(record.headed.head.root))
    assert check_notice(text, [THIEF.public], [bytes(rotate(KEY, THIEF, [head]))]).signer == KEY.public
    with pytest.raises(NoteError, match="KEY_OUT_OF_TERM"):
        check_notice(text, [THIEF.public], [bytes(rotate(KEY, THIEF, []))])
    with pytest.raises(NoteError, match="SIGNER_NOT_LAST"):
        check_notice(text, [KEY.public, THIEF.public])
