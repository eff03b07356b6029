"""The verifier against files that are made to mislead it or to keep it busy: each is refused, and soon."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json

import pytest
from audit_log_tools import sealed
from audit_small_log import good
from bundle_maker import KEY, THIEF, Workshop, encoded, history, made

from audit.checkpoint import Checkpoint, sign_checkpoint
from audit.verifier import verify_bundle as vb

STREAM = "campaign/qingshan/2026"
HOUR = "2026-01-01T00:00:00.000+08:00"


@pytest.fixture(scope="module")
async def bundle(tmp_path_factory):
    """A good bundle, to be spoilt."""
    return await made(tmp_path_factory.mktemp("bundle"), sealed(good()))


def lines_with(*data):
    """Return a chain of lines with right hashes around whatever stands where the data belong."""
    lines, before = [], vb.GENESIS
    for version, text in enumerate(data, 1):
        head = b'{"actor":{"id":"x"},"causation":null,"command_id":null,"data":' + text
        end = (
            f',"occurred_at":"{HOUR}","policy":{{"id":"p"}},"prev_hash":"{before}","recorded_at":"{HOUR}",'
            f'"schema":1,"stream":"{STREAM}","type":"Done","version":{version}}}'
        ).encode()
        before = hashlib.sha256(head + end).hexdigest()
        lines.append(head + b',"hash":"' + before.encode() + b'"' + end)
    return lines


@pytest.mark.parametrize("more", range(1, 12))
def test_data_that_take_in_what_stands_between_them_are_no_events(more):
    """One leaves a bracket open and the next shuts it; as many objects in a third make up for what they swallowed."""
    lines = lines_with(b'{"a":[1', b"2]}", b",".join([b"{}"] * more))
    with pytest.raises(ValueError, match=r".*"):
        json.loads(lines[0])
    told = {finding.place for finding in vb.read_events(lines, 0).findings if finding.code == "EVENT_FORM"}
    assert {f"{STREAM}#1", f"{STREAM}#2"} <= told
    assert vb.read_events(lines_with(b'{"a":[1,2]}', b"{}"), 0).findings == []


@pytest.mark.parametrize("size", [-1, -(2**63)])
def test_a_size_below_zero_is_no_leave_to_unpack_without_end(monkeypatch, size):
    """-1 and one byte more would be zlib's word for no limit at all."""
    monkeypatch.setattr(vb.zlib, "decompressobj", None)  # nothing may be unpacked
    with pytest.raises(vb.Refused):
        vb.unpacked(gzip.compress(b"\x00" * 9999, mtime=0), size)
    assert vb.read_history(b"", size, "").code == "BUNDLE_BOMB"


def text_with(**carry):
    """Return a history that took its stream up with these values."""
    told = json.loads(history(STREAM, []))
    started = told["events"][0]["workflowExecutionStartedEventAttributes"]
    taken = json.loads(base64.b64decode(started["input"]["payloads"][0]["data"]))
    started["input"]["payloads"] = [encoded(taken | carry)]
    return json.dumps(told).encode()


def told_of(text):
    """Read a history whose size and digest are right."""
    return vb.read_history(gzip.compress(text, mtime=0), len(text), hashlib.sha256(text).hexdigest())


def test_a_history_with_a_number_that_is_none_is_told_and_ends_nothing():
    """Infinity is JSON to Python, and no version."""
    assert told_of(text_with(version=3)).version == 3
    for number in (float("inf"), float("-inf"), float("nan")):
        assert told_of(text_with(version=number)).code == "HISTORY_FORM"
    assert told_of(text_with(version=3).replace(b'"events":', b'"deep":' + b"[" * 200_000)).code == "HISTORY_FORM"


def test_one_history_that_is_named_many_times_is_not_read_many_times(bundle, tmp_path, monkeypatch):
    """A few bytes in the list would be hours of work; it is told, and nothing is read."""
    shop = Workshop(bundle.path)
    index = shop.json(vb.HISTORIES)
    shop.put(vb.HISTORIES, [index[0]] * 300 + index[1:])
    path = shop.write(tmp_path / "rows.zip", THIEF)
    read = []
    monkeypatch.setattr(vb, "read_history", lambda *given: read.append(given) or vb.Told("HISTORY_DIGEST"))
    verdict = vb.verify(path, vb.Key.parse(str(KEY.public)), processes=1)
    assert "MEMBER_MISSING" in {finding.code for finding in verdict.findings}
    assert (read, verdict.histories) == ([], 0)


def test_a_note_has_so_many_signatures_and_no_more():
    """Each costs milliseconds; a hundred are more than any head has."""
    text, _, signed = str(sign_checkpoint(Checkpoint("a/b", 1, bytes(32)), KEY)).partition("\n\n")
    lines = [signed.replace(KEY.public.name, f"{KEY.public.name}{number}") for number in range(101)]
    most = vb.parse_note(f"{text}\n\n{''.join(lines[:100])}".encode())
    assert len(most.signatures) == 100
    with pytest.raises(ValueError, match="too many"):
        vb.parse_note(f"{text}\n\n{''.join(lines)}".encode())
