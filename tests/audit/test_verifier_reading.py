"""Reading events quickly: the end that is expected is compared, all else is read; both say the same of every change."""

from __future__ import annotations

import hashlib
import json

import pytest
from audit_log_tools import sealed
from audit_small_log import CAMPAIGN, good
from bundle_maker import line_of, rehashed

from audit.verifier import verify_bundle as vb

CUT = b',"hash":"'


@pytest.fixture(scope="module")
def lines():
    """A stream's lines, with some events of one type at one time, as when a whole class is recorded."""
    first, *rest = sealed(good())[CAMPAIGN]
    told, before = [first], first
    for event in (rest[0], rest[0], rest[0], rest[1], rest[1]):
        before = rehashed(event | {"version": before["version"] + 1}, before["hash"])
        told.append(before)
    return [line_of(event) for event in told]


def hashed(line):
    """A line with a hash that fits its text, whatever that is."""
    at = line.rfind(CUT)
    text = line[:at] + line[at + len(CUT) + 65 :]
    return line[:at] + CUT + hashlib.sha256(text).hexdigest().encode() + line[at + len(CUT) + 64 :]


def read(lines, monkeypatch, *, quick):
    """What reading says, with the quick comparison or without it."""
    with monkeypatch.context() as patched:
        if not quick:
            patched.setattr(vb._Next, "kind", lambda *_: None)
        part = vb.read_events(lines, 0)
    return part.findings, part.leaves, part.hashes, part.stretches, part.kept


EXPECTED = 3
"""The place of an event whose end is as expected."""


def test_what_is_expected_is_not_read_again(lines, monkeypatch):
    """Most events of a stream are like the one before: they are compared, and everything else is the same."""
    quick = read(lines, monkeypatch, quick=True)
    assert quick == read(lines, monkeypatch, quick=False)
    assert quick[0] == []
    expression, looks = vb._TAIL, []

    class Counting:
        def match(self, line, at):
            looks.append(at)
            return expression.match(line, at)

    monkeypatch.setattr(vb, "_TAIL", Counting())
    vb.read_events(lines, 0)
    assert len(looks) == 3  # the first one, and each other type


def field(line, name):
    """The text of a field after the data."""
    return json.dumps(json.loads(line)[name], sort_keys=True, separators=(",", ":")).encode()


def edits(line):
    """Changes of an event's end: (name, the text instead)."""
    start = line.rfind(CUT)
    end = line[start:]
    time, kind, stream = (field(line, name) for name in ("recorded_at", "type", "stream"))

    def put(old, new):
        assert old in end
        return line[:start] + end.replace(old, new, 1)

    yield "a time for a type", put(b'"type":' + kind, b'"type":' + time)
    yield "a type for a time", put(b'"recorded_at":' + time, b'"recorded_at":' + kind)
    yield "a control character", put(time[:-1] + b'"', time[:-2] + b'\x01"')
    yield "an escape", put(stream, stream[:-2] + b'\\u0035"')
    yield "a space", put(b'"schema":', b'"schema": ')
    yield (
        "a zero before the version",
        put(b'"version":' + field(line, "version"), b'"version":0' + field(line, "version")),
    )
    yield "a zero before the schema", put(b'"schema":', b'"schema":0')
    yield "another version", put(b'"version":' + field(line, "version") + b"}", b'"version":7777}')
    yield "another stream", put(stream, stream[:-1] + b'x"')
    yield "another hash before", put(field(line, "prev_hash"), b'"' + b"0" * 64 + b'"')
    yield "an upper-case hash before", put(field(line, "prev_hash"), field(line, "prev_hash").upper())
    yield "another field", put(b'"version":', b'"verzion":')
    yield "something behind", line + b" "
    yield "fields in another order", put(b'"id":', b'"zz":')


@pytest.mark.parametrize("number", range(14))
def test_every_change_of_the_end_is_found_alike(lines, monkeypatch, number):
    """Each with a hash that fits: what the comparison does not expect, the reader judges as it always did."""
    at = EXPECTED
    name, changed = list(edits(lines[at]))[number]
    forged = [*lines[:at], hashed(changed), *lines[at + 1 :]]
    quick = read(forged, monkeypatch, quick=True)
    assert quick == read(forged, monkeypatch, quick=False), name
    if name not in ("another stream", "another version"):  # they begin a stretch, which is judged with the others
        assert quick[0], name


def test_every_byte_of_the_end_is_guarded(lines, monkeypatch):
    """Without a new hash any other byte is a change, at this event."""
    at = EXPECTED
    line = lines[at]
    few = lines[at - 2 : at + 1]
    assert vb.read_events(few, 0).findings == []
    for place in range(line.rfind(CUT), len(line)):
        changed = line[:place] + bytes([line[place] ^ 1]) + line[place + 1 :]
        forged = [*few[:-1], changed]
        found = read(forged, monkeypatch, quick=True)
        assert found[0], place
        assert found == read(forged, monkeypatch, quick=False), place
