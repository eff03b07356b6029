"""What a mutation run found unguarded in what members say: events, heads, histories, settlements, a sample."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import hashlib
import io
import json
import marshal
import subprocess
import sys
from typing import ClassVar

import pytest

from audit.checkpoint import Checkpoint, sign_checkpoint
from audit.signed_note import sign_note
from audit.signing_keys import SigningKey, rotate
from audit.verifier import verify_bundle as vb

CAMPAIGN = "campaign/x/1"


def event_line(stream="", version=1, prev_hash="0" * 64, **changes):
    """Return one event's line with a right hash."""
    body = {
        "actor": {"id": "stf_a"}, "causation": None, "command_id": None, "data": {"a": 1},
        "occurred_at": "2026-01-01T00:00:00.000+08:00", "policy": {"id": "p"}, "prev_hash": prev_hash,
        "recorded_at": "2026-01-01T00:00:00.000+08:00", "schema": 1, "stream": f"{CAMPAIGN}{stream}", "type": "Done",
        "version": version,
    } | changes  # fmt: skip
    body["hash"] = vb.digest_of(body)
    return vb._encode(body).encode()


def chained(*places, **changes):
    """Return lines of events (stream, version) in this order, each stream chained as it comes."""
    ends, lines = {}, []
    for stream, version in places:
        lines.append(event_line(stream, version, ends.get(stream, "0" * 64), **changes))
        ends[stream] = json.loads(lines[-1])["hash"]
    return lines


def hashed_anew(line):
    """Return a line with the hash of its own bytes."""
    cut = line.rfind(b',"hash":"')
    rest = line[cut + 74 :]
    return line[:cut] + b',"hash":"' + hashlib.sha256(line[:cut] + rest).hexdigest().encode() + b'"' + rest


def read(lines, first=0, **more):
    """Return what reading gives."""
    return vb.read_events(lines, first, **more)


def told(findings):
    """Return codes and places."""
    return [(found.code, found.place) for found in findings]


# -- events -------------------------------------------------------------------------------------------------------


def test_reading_events_keeps_leaf_hash_stretch_and_place():
    """Two streams, one that goes on after the other, and an event of a type that is looked at again."""
    lines = chained(("", 1), ("", 2), ("/a", 1), ("", 3))
    lines += [event_line("/b", 1, type="CampaignDrafted", data={"student": "stu_abcdef", "also": "stu_abcdef stu_a"})]
    part = read(lines, 10, pupils=True)
    assert part.findings == []
    assert part.leaves == b"".join(hashlib.sha256(b"\x00" + line).digest() for line in lines)
    assert part.hashes.hex() == "".join(json.loads(line)["hash"] for line in lines)
    ends = [json.loads(line) for line in lines]
    assert part.stretches == [
        vb.Stretch(10, CAMPAIGN, 1, "0" * 64, 2, ends[1]["hash"]),
        vb.Stretch(12, f"{CAMPAIGN}/a", 1, "0" * 64, 1, ends[2]["hash"]),
        vb.Stretch(13, CAMPAIGN, 3, ends[1]["hash"], 1, ends[3]["hash"]),
        vb.Stretch(14, f"{CAMPAIGN}/b", 1, "0" * 64, 1, ends[4]["hash"]),
    ]
    assert [stretch.last for stretch in part.stretches] == [2, 1, 3, 1]
    assert part.kept == [ends[4]]
    assert part.pupils == [("stu_abcdef", f"{CAMPAIGN}/b#1")]
    assert read(lines, 10).pupils == []


def test_a_line_that_is_no_event_is_named_by_its_number_and_moves_nothing():
    """What follows keeps its place; the stretch does not go on over it."""
    lines = chained(("", 1), ("", 2), ("", 3))
    part = read([lines[0], b"{}", lines[1], b"", b',"hash":"', lines[2]], 5)
    assert told(part.findings) == [("EVENT_FORM", f"{vb.EVENTS} line {number}") for number in (7, 9, 10)]
    assert [(stretch.at, stretch.version, stretch.count) for stretch in part.stretches] == [
        (5, 1, 1),
        (7, 2, 1),
        (10, 3, 1),
    ]
    assert (len(part.leaves), len(part.hashes)) == (6 * 32, 6 * 32)
    assert part.hashes[32:64] == bytes(32)


def test_findings_of_events_are_told_in_their_order_and_fifty_at_most():
    """Form is looked at later than hashes, and told at its place."""
    lines = chained(*(("", version) for version in range(1, 61)))
    lines[1] = hashed_anew(lines[1].replace(b'"a":1', b'"a": 1'))
    lines[2] = lines[2].replace(b'"a":1', b'"a":2')
    found = told(read(lines).findings)
    assert found[0] == ("EVENT_FORM", f"{CAMPAIGN}#2")
    assert sorted(found[1:]) == [("EVENT_CHAIN", f"{CAMPAIGN}#3"), ("EVENT_HASH", f"{CAMPAIGN}#3")]
    assert len(read([b""] * 60).findings) == 50


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"causation":null', b'"causation":1'),
        (b'"causation":null', b'"causation":""'),
        (b'"command_id":null', b'"command_id":""'),
        (b'"schema":1', b'"schema":10'),
        (b'"stream":"campaign/x/1"', '"stream":"中"'.encode()),
        (b'"actor":{"id":"stf_a"}', b'"actor":{}'),
        (b'"data":{"a":1}', b'"data":{}'),
        (b'"policy":{"id":"p"}', b'"policy":{}'),
        (b'"data":{"a":1}', b'"data":{"a":"\\u0000"}'),
        (b'"command_id":null', b'"command_id":"a\\\\b"'),
        (b'"actor":{"id":"stf_a"}', b'"actor":{"id":{"a":1}}'),
    ],
)
def test_an_unusual_event_that_is_canonical_is_one(old, new):
    """What is not made as all others are is read as JSON."""
    line = hashed_anew(event_line().replace(old, new))
    assert new in line
    assert read([line, event_line(), line]).findings == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"causation":null', b'"causation":"a\\"b","causation":null'),
        (b'{"actor":', b'{"actop":'),
        (b'"data":{"a":1}', b'"data":[1]'),
        (b'"data":{"a":1}', b'"data":1'),
        (b'"actor":{"id":"stf_a"}', b'"actor":{"id": "stf_a"}'),
        (b'"policy":{"id":"p"}', b'"policy":{"id": "p"}'),
        (b'"schema":1', b'"schema":01'),
        (b'"schema":1', b'"schema":0'),
        (b'"version":1', b'"version":01'),
        (b'"version":1', b'"version":0'),
        (b'"type":"Done"', b'"type":""'),
        (b'"type":"Done"', b'"type":"Do ne"'),
        (b'"stream":"campaign/x/1"', b'"stream":""'),
        (b'"stream":"campaign/x/1"', b'"stream":"\xff"'),
        (b'"version":1}', b'"version":1} '),
        (b'"version":1}', b'"version":1}\n'),
        (b'"command_id":null', b'"command_id":"\xff"'),
        (b'"actor":{"id":"stf_a"}', b'"actor":{"id":"\xff"}'),
    ],
)
def test_a_line_that_is_not_canonical_is_no_event_even_with_its_own_hash(old, new):
    """Alone, and among others that are right."""
    line = hashed_anew(event_line().replace(old, new))
    for lines in ([line], [event_line(), line, event_line()]):
        assert "EVENT_FORM" in [found.code for found in read(lines).findings]


def test_a_batch_of_events_is_looked_at_when_it_is_full_and_at_the_end():
    """Four hundred at once; the bad one is named wherever it stands."""
    for count in (399, 400, 401, 801):
        lines = chained(*(("", version) for version in range(1, count + 1)))
        assert read(lines).findings == []
        lines[count - 1] = hashed_anew(lines[count - 1].replace(b'"a":1', b'"a":1.5'))
        assert told(read(lines).findings) == [("EVENT_FORM", f"{CAMPAIGN}#{count}")]


def test_events_like_the_one_before_are_compared_and_their_data_read_together(monkeypatch):
    """What makes it quick: an end is read where something in it is new, and JSON 400 events at a time."""
    ends, texts, read_json, tail = [], [], vb._json, vb._TAIL

    class Counted:
        def match(self, line, cut):
            ends.append(line)
            return tail.match(line, cut)

    monkeypatch.setattr(vb, "_TAIL", Counted())
    monkeypatch.setattr(vb, "_json", lambda text: texts.append(text) or read_json(text))
    lines, before = [], "0" * 64
    for version in range(1, 802):
        changes = {"type": "Done" if version % 2 else "DoneAgain", "data": {"a": version}}
        changes |= {"occurred_at": f"2026-01-0{version % 3 + 1}T00:00:00.000+08:00"}
        lines.append(event_line("", version, before, **changes))
        before = read_json(lines[-1])["hash"]
    part = read(lines)
    assert (part.findings, len(part.stretches)) == ([], 1)
    assert ends == lines[:2]
    assert len(texts) == 3
    assert [text.count(b'{"id":"stf_a"}') for text in texts] == [1, 0, 0]
    assert [text.count(b'{"id":"p"}') for text in texts] == [1, 0, 0]
    assert [text.count(b'{"a":') for text in texts] == [400, 400, 1]
    ends.clear()
    other = chained(("/b", 1), ("/b", 2), ("/c", 1), ("/b", 3), policy={"id": "longer"})
    assert read([*lines[:2], *other]).findings == []
    assert ends == [*lines[:2], other[0], other[2], other[3]]


@pytest.mark.parametrize("field", ["type", "occurred_at", "recorded_at"])
def test_what_is_new_in_an_events_end_is_read_and_not_only_compared(field):
    """A second event like the first, with one word that no event can say."""
    first = json.loads(event_line())
    word = first[field][:-1] + "\u0001"
    body = {name: part for name, part in first.items() if name != "hash"} | {"version": 2, "prev_hash": first["hash"]}
    good = vb._encode(body | {"hash": vb.digest_of(body)}).encode()
    bad = hashed_anew(good.replace(f'"{field}":"{first[field]}"'.encode(), f'"{field}":"{word}"'.encode()))
    assert bad != good
    assert read([event_line(), good]).findings == []
    assert told(read([event_line(), bad]).findings) == [("EVENT_FORM", f"{vb.EVENTS} line 2")]


def test_an_end_without_a_beginning_is_no_event():
    """The end alone, and behind one byte; a line of the wrong hash is not looked at further."""
    line = event_line()
    end = line[line.rfind(b',"hash":"') :]
    assert told(read([end]).findings) == [("EVENT_FORM", f"{vb.EVENTS} line 1")]
    assert told(read([b"x" + end]).findings) == [("EVENT_HASH", f"{CAMPAIGN}#1")]
    assert told(read([line.replace(b'"a":1', b'"a": 1')]).findings) == [("EVENT_HASH", f"{CAMPAIGN}#1")]


def test_an_event_that_is_looked_at_again_is_kept_only_where_it_is_one():
    """Another spelling of it, and data that are none, are named and not kept."""
    for kind in (
        "CalendarPublished", "PolicyChangeAnnounced", "SettlementComputed", "SettlementLinesAdded",
        "SettlementPublished", "AdjustmentComputed", "PaymentOrdered", "CampaignDrafted",
    ):  # fmt: skip
        line = event_line(type=kind)
        assert read([line]).kept == [json.loads(line)]
    for new in (b'"data":{"a": 1}', b'"data":[1]', b'"data":{"a":1}}'):
        part = read([hashed_anew(line.replace(b'"data":{"a":1}', new))])
        assert (told(part.findings), part.kept) == ([("EVENT_FORM", f"{CAMPAIGN}#1")], [])


def test_an_event_is_named_by_its_end_whatever_its_data_say():
    """Data may have a hash of their own."""
    line = event_line("/a", 7, data={"a": 1, "hash": "x", "b": {"c": 1, "hash": "0" * 64}})
    assert read([line]).findings == []
    spelled = hashed_anew(line.replace(b'"a":1', b'"a": 1'))
    assert told(read([spelled]).findings) == [("EVENT_FORM", f"{CAMPAIGN}/a#7")]


def events_of(*places):
    """Return events as they are looked up, with the lines that they were read from."""
    lines = chained(*places)
    events = vb.Events(read(lines), CAMPAIGN)
    vb._check_chains(events, [len(lines)], vb.Findings())
    return events, lines


@pytest.mark.parametrize(
    ("field", "longest"),
    [
        ("occurred_at", "x" * 40), ("recorded_at", "x" * 40), ("stream", f"{CAMPAIGN}/".ljust(250, "x")),
        ("type", "x" * 64), ("schema", 10**9 - 1), ("version", 10**9 - 1),
    ],
)  # fmt: skip
def test_what_an_event_says_of_itself_has_a_longest_form(field, longest):
    """One character more, and nobody reads it."""
    longer = longest + 1 if isinstance(longest, int) else longest + "x"
    for value, codes in ((longest, []), (longer, ["EVENT_FORM"])):
        body = {name: part for name, part in json.loads(event_line()).items() if name != "hash"} | {field: value}
        body["hash"] = vb.digest_of(body)
        assert [found.code for found in read([vb._encode(body).encode()]).findings] == codes
    told_of = read([event_line(data={"a": "stu_" + "a" * 33})], pupils=True).pupils
    assert told_of == [("stu_" + "a" * 32, f"{CAMPAIGN}#1")]


def test_events_are_found_by_stream_and_version_and_named_by_place():
    """In a stretch, in a later one, and where there is none."""
    events, lines = events_of(("", 1), ("", 2), ("/a", 1), ("", 3))
    assert events.count == 4
    assert [events.place(CAMPAIGN, version) for version in range(5)] == [None, 0, 1, 3, None]
    assert (events.place(f"{CAMPAIGN}/a", 1), events.place("nobody", 1)) == (2, None)
    for at, (stream, version) in enumerate((("", 1), ("", 2), ("/a", 1), ("", 3))):
        name = f"{CAMPAIGN}{stream}"
        assert events.name(at) == f"{name}#{version}"
        assert events.leaf(name, version) == hashlib.sha256(b"\x00" + lines[at]).digest()
        assert events.hash(name, version) == json.loads(lines[at])["hash"]
    assert (events.leaf(CAMPAIGN, 9), events.hash(CAMPAIGN, 9)) == (None, None)
    assert events.name(4) == f"{vb.EVENTS} line 5"


def test_lines_end_with_a_line_feed_or_with_the_text():
    """An empty line in between is a line."""
    assert vb._lines(b"a\n\nb\n") == [b"a", b"", b"b"]
    assert vb._lines(b"a\nb") == [b"a", b"b"]
    assert vb._lines(b"\n") == [b""]
    assert vb._lines(b"") == []


def test_an_event_of_a_neighbours_name_is_foreign_and_its_own_streams_are_not():
    """The campaign itself, what stands under it, and one whose name only begins alike."""
    for stream, foreign in (("", False), ("/a", False), ("2", True)):
        findings = vb.Findings()
        vb._check_chains(vb.Events(read([event_line(stream)]), CAMPAIGN), [1], findings)
        assert told(findings.all) == [("EVENT_FOREIGN", f"{CAMPAIGN}{stream}#1")] * foreign


def misplaced(places, *sizes):
    """Return what stands out of order under heads of these sizes."""
    return told(vb._check_chains(vb.Events(read(chained(*places)), CAMPAIGN), sizes, vb.Findings()))


def test_the_order_of_leaves_begins_anew_at_each_head_and_only_there():
    """A stretch that a head cuts, one that ends with it, heads that follow at once, streams of equal rank."""
    assert misplaced([("/a", 1), ("/b", 1), ("/a", 2)], 2, 3) == []
    assert misplaced([("/a", 1), ("/b", 1), ("/a", 2)], 1, 3) == [("EVENT_ORDER", f"{CAMPAIGN}/a#2")]
    assert misplaced([("/b", 1), ("/b", 2), ("/a", 1)], 1, 3) == [("EVENT_ORDER", f"{CAMPAIGN}/a#1")]
    assert misplaced([("/b", 1), ("/b", 2), ("/a", 1)], 2, 3) == []
    assert misplaced([("/b", 1), ("/b", 2), ("/a", 1)], 1, 2, 3) == []
    assert misplaced([("/b", 1), ("/a", 1)], 1, 1, 2) == []
    assert misplaced([("", 1), ("", 3)], 2) == []
    assert misplaced([("/b", 1), ("/a", 1)]) == [("EVENT_ORDER", f"{CAMPAIGN}/a#1")]


class Helper:
    """Another process, here."""

    started: ClassVar[list[Helper]] = []

    class Box(io.BytesIO):
        """What is written is worked off when it is closed."""

        def __init__(self, helper):
            super().__init__()
            self.helper = helper

        def close(self):
            """Work."""
            if not self.closed:
                done = [vb._WORK[self.helper.work](*task) for task in marshal.loads(self.getvalue())]
                self.helper.stdout = io.BytesIO(marshal.dumps(done))
            super().close()

    def __init__(self, command, **pipes):
        assert command[:3] == [sys.executable, "-I", "-S"]
        assert command[3:5] == [vb.__file__, vb.WORKER]
        assert pipes == {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.work, self.ended, self.returncode = command[5], [], 0
        self.stdin, self.stdout = self.Box(self), io.BytesIO()
        self.started.append(self)

    def kill(self):
        """Note it."""
        self.ended.append("kill")

    def wait(self):
        """Note it, and say how it ended."""
        self.ended.append("wait")
        return self.returncode


@pytest.mark.parametrize(
    ("tasks", "ways", "helpers"),
    [(0, 1, 0), (0, 3, 0), (1, 5, 0), (4, 1, 0), (4, 0, 0), (5, 2, 1), (5, 3, 2), (3, 9, 2)],
)
def test_as_many_processes_are_started_as_there_is_work_for(monkeypatch, tasks, ways, helpers):
    """This one works too; results come in the order of the tasks, and nobody is left behind."""
    monkeypatch.setattr(vb.subprocess, "Popen", Helper)
    monkeypatch.setitem(vb._WORK, "double", lambda number: number * 2)
    monkeypatch.setattr(Helper, "started", [])
    assert vb.shared_out("double", [(number,) for number in range(tasks)], ways) == [2 * n for n in range(tasks)]
    assert len(Helper.started) == helpers
    for helper in Helper.started:
        assert helper.ended == ["wait", "kill", "wait"]
        assert (helper.stdin.closed, helper.stdout.closed) == (True, True)


def test_events_are_read_alike_in_any_number_of_parts(monkeypatch, tmp_path):
    """Places, chains and findings are those of the whole list."""
    monkeypatch.setattr(vb.subprocess, "Popen", Helper)
    lines = chained(*(("", version) for version in range(1, 8)), ("/a", 1), ("/a", 2))
    lines[5] = lines[5].replace(b'"a":1', b'"a":2')
    file = tmp_path / "events"
    file.write_bytes(b"head" + b"".join(line + b"\n" for line in lines) + b"tail")
    member = vb.Member("events.jsonl", 4, file.stat().st_size - 8)
    whole = read(lines)
    for ways in (1, 2, 3, 9, 20):
        monkeypatch.setattr(Helper, "started", [])
        assert vb._read_all(file, file.read_bytes(), member, ways, pupils=False) == whole
        assert (len(Helper.started) > 0) is (ways > 1)


# -- heads and proofs ---------------------------------------------------------------------------------------------


def heads_at(events, *sizes):
    """Return heads over events, with the names of their members."""
    roots = vb.roots_at(events.part.leaves, sizes)
    return [(f"heads/{size}", vb.Head("o", size, roots[size])) for size in sizes]


def said_of_heads(events, heads):
    """Return what the heads' check says."""
    findings = vb.Findings()
    vb._check_heads(events, heads, findings)
    return told(findings.all)


def test_a_wrong_root_is_told_with_its_stretch_of_events():
    """From behind the head before to the head's last event; the later ones are not told again."""
    events, _ = events_of(("", 1), ("", 2), ("/a", 1), ("", 3))
    heads = heads_at(events, 1, 3, 4)
    assert said_of_heads(events, heads) == []
    wrong = [(name, vb.Head("o", head.size, b"x" * 32)) for name, head in heads]
    assert said_of_heads(events, [heads[0], *wrong[1:]]) == [("HEAD_ROOT", f"heads/3 ({CAMPAIGN}#2 – {CAMPAIGN}/a#1)")]
    assert said_of_heads(events, [*heads[:2], wrong[2]]) == [("HEAD_ROOT", f"heads/4 ({CAMPAIGN}#3 – {CAMPAIGN}#3)")]
    assert said_of_heads(events, wrong[:1] + heads[1:]) == [("HEAD_ROOT", f"heads/1 ({CAMPAIGN}#1 – {CAMPAIGN}#1)")]


def test_a_number_of_events_that_is_not_the_heads_is_told():
    """Fewer than signed, more than signed, none at all, and no head."""
    events, _ = events_of(("", 1), ("", 2))
    heads = heads_at(events, 1, 2)
    assert said_of_heads(events, heads[:1]) == [("HEAD_SIZE", f"{CAMPAIGN}#2")]
    assert said_of_heads(events, [*heads, ("heads/3", vb.Head("o", 3, b"x" * 32))]) == [("HEAD_SIZE", f"{CAMPAIGN}#2")]
    assert said_of_heads(events, []) == [("MEMBER_MISSING", "heads/")]
    nothing = vb.Events(vb.Part(), CAMPAIGN)
    assert said_of_heads(nothing, heads[:1]) == [("HEAD_SIZE", vb.EVENTS)]
    assert said_of_heads(nothing, [("heads/0", vb.Head("o", 0, b"x" * 32))]) == [
        ("HEAD_ROOT", f"heads/0 ({vb.EVENTS})")
    ]


def held(**members):
    """Return an opened container with these members, and its bytes."""
    data, found = b"", {}
    for name, content in members.items():
        raw = content if isinstance(content, bytes) else vb._encode(content).encode()
        found[name] = vb.Member(name, len(data), len(raw))
        data += raw
    return vb.Opened(vb.Note(b"", ()), "o", vb.Key("k", b"k" * 32), {}, found), data


def said_of_keys(members, signer, trusted=None):
    """Return what is said of the keys, and how many there are."""
    opened, data = held(**members)
    findings = vb.Findings()
    opened = dataclasses.replace(opened, signer=vb.Key.parse(str(signer.public)))
    keys = vb._check_keys(opened, data, trusted and vb.Key.parse(str(trusted.public)), findings)
    return told(findings.all), keys and len(keys.keys)


def test_changes_of_keys_are_followed_in_the_order_of_their_names():
    """Wherever they stand in the bundle; the last key signs, and any of them vouches."""
    one, two, three, other = (SigningKey("k", letter * 32) for letter in (b"a", b"b", b"c", b"d"))
    members = {
        "rotations/0002.note": bytes(rotate(two, three, [])), "rotations/0001.note": bytes(rotate(one, two, [])),
        vb.KEYS: f"{one.public}\n".encode(),
    }  # fmt: skip
    for trusted in (None, one, two, three):
        assert said_of_keys(members, three, trusted) == ([], 3)
    assert said_of_keys(members, three, other) == ([("SIGNER_UNKNOWN", vb.KEYS)], 3)
    assert said_of_keys(members, two) == ([("KEY_OUT_OF_TERM", vb.NOTE)], 3)
    namesake = SigningKey("j", b"c" * 32)
    assert said_of_keys(members, namesake) == ([("KEY_OUT_OF_TERM", vb.NOTE)], 3)
    short = bytes(sign_note(f"{vb.ROTATION}\n", one))
    for content in (b"x", short, members["rotations/0002.note"]):
        assert said_of_keys(members | {"rotations/0001.note": content}, three) == (
            [("KEYS_BROKEN", "rotations/0001.note")], None,
        )  # fmt: skip


def signed_head(size, *signers, origin="o"):
    """Return a head signed by these."""
    point = Checkpoint(origin, size, b"r" * 32)
    first, *more = (bytes(sign_checkpoint(point, signer)) for signer in signers)
    return first + b"".join(note.split(b"\n\n", 1)[1] for note in more)


def test_heads_are_read_in_order_and_by_the_key_in_force():
    """Each fault once, and what is wrong is left out; one of two signatures in its term is enough."""
    one, two, other = (SigningKey("k", letter * 32) for letter in (b"a", b"b", b"d"))
    first, second = (vb.Key.parse(str(signer.public)) for signer in (one, two))
    keys = vb.Keys(first)
    keys.follow(vb.Change(first, second, {"o": vb.Head("o", 3, b"r" * 32)}))

    def said(keys=keys, **members):
        opened, data = held(**members)
        findings = vb.Findings()
        found = vb._read_heads(opened, data, keys, findings)
        return [code for code, _ in told(findings.all)], [head.size for _, head in found]

    names = {"heads/1": signed_head(1, one), "heads/3": signed_head(3, one), "heads/4": signed_head(4, two)}
    assert said(**names) == ([], [1, 3, 4])
    assert said(**dict(reversed(names.items()))) == ([], [1, 3, 4])
    assert said(**names, **{"heads/5": signed_head(5, one)}) == (["KEY_OUT_OF_TERM"], [1, 3, 4, 5])
    assert said(**names, **{"heads/2": signed_head(2, two)}) == (["KEY_OUT_OF_TERM"], [1, 2, 3, 4])
    assert said(**names, **{"heads/5": signed_head(5, one, two)}) == ([], [1, 3, 4, 5])
    assert said(**names, **{"heads/5": signed_head(5, other)}) == (["SIGNATURE_INVALID"], [1, 3, 4])
    assert said(**names, **{"heads/5": signed_head(5, two, origin="p")})[1] == [1, 3, 4]
    assert said(**names, **{"heads/5": signed_head(4, two)}) == (["HEAD_FORM"], [1, 3, 4])
    assert said(**names, **{"heads/2": b"x"}) == (["HEAD_FORM"], [1, 3, 4])
    assert said(**names, **{"heads/0": b"x"}) == (["HEAD_FORM"], [1, 3, 4])
    broken = signed_head(5, two).replace(b"\n5\n", b"\n6\n")
    assert said(**names, **{"heads/5": broken}) == (["SIGNATURE_INVALID"], [1, 3, 4])
    assert said(None, **names) == (["SIGNATURE_INVALID"] * 3, [])


def said_of_proofs(proofs, heads):
    """Return what the proofs' check says."""
    findings = vb.Findings()
    opened, data = held(**{vb.PROOFS: proofs})
    vb._check_proofs(opened, data, heads, findings)
    return told(findings.all)


def test_there_is_one_proof_for_each_two_heads_and_no_more():
    """From each to the next, in their order, each once."""
    events, _ = events_of(("", 1), ("", 2), ("/a", 1))
    heads = heads_at(events, 1, 2, 3)
    leaf = [events.part.leaves[32 * at : 32 * at + 32] for at in range(3)]
    one = {"old": 1, "new": 2, "proof": [base64.b64encode(leaf[1]).decode()]}
    two = {"old": 2, "new": 3, "proof": [base64.b64encode(leaf[2]).decode()]}
    all_told = ("PROOF_INVALID", vb.PROOFS)
    assert said_of_proofs([one, two], heads) == []
    assert said_of_proofs([], heads[:1]) == []
    assert said_of_proofs([two, one], heads) == [all_told]
    assert said_of_proofs([one, one, two], heads) == [all_told]
    assert said_of_proofs([one], heads) == [all_told, ("PROOF_INVALID", f"{vb.PROOFS} 2–3")]
    assert said_of_proofs([one, two | {"proof": one["proof"]}], heads) == [("PROOF_INVALID", f"{vb.PROOFS} 2–3")]
    assert said_of_proofs([one, two], heads[:2]) == [all_told]
    spelled = two | {"proof": [f"{two['proof'][0][:4]}.{two['proof'][0][4:]}"]}
    for wrong in ([one, spelled], [{"old": 1}], [5], 5, b"[ ]", [one | {"old": []}]):
        assert said_of_proofs(wrong, heads) == [("MEMBER_FORM", vb.PROOFS)]


# -- histories ----------------------------------------------------------------------------------------------------


def payload(value):
    """Return one payload."""
    return {"data": base64.b64encode(json.dumps(value).encode()).decode()}


def history(carry, *appended, ended="COMPLETED", **other):
    """Return a run's history: how it began, what it handed to the ledger, how it ended."""
    scheduled = [
        {
            "activityTaskScheduledEventAttributes": {
                "activityType": {"name": name}, "input": {"payloads": [payload({"events": events})]},
            },
        }
        for name, events in appended
    ]  # fmt: skip
    begun = {"input": {"payloads": [payload(carry)]}, "originalExecutionRunId": "run"}
    start = {"workflowExecutionStartedEventAttributes": begun}
    return {"events": [start, *scheduled, {"eventType": f"EVENT_TYPE_WORKFLOW_EXECUTION_{ended}"}]} | other


def read_back(value, **changes):
    """Return what reading a history says; its bytes, size and digest fit unless they are given."""
    text = json.dumps(value).encode()
    fits = {"packed": gzip.compress(text, mtime=0), "size": len(text), "digest": hashlib.sha256(text).hexdigest()}
    return vb.read_history(**(fits | changes))


def test_a_history_tells_where_it_began_and_what_it_handed_over():
    """Appended events only, of all its appends, with their versions."""
    _, lines = events_of(("", 4), ("", 5), ("", 6))
    events = [json.loads(line) for line in lines]
    begun = {"stream": CAMPAIGN, "version": 3, "hash": "f" * 64}
    found = read_back(history(begun, ("append", events[:2]), ("post", events), ("append", events[2:])))
    assert (found.code, found.stream, found.version, found.hash) == ("", CAMPAIGN, 3, "f" * 64)
    ends = ("COMPLETED", "CONTINUED_AS_NEW", "FAILED", "TERMINATED", "TIMED_OUT", "CANCELED", "SIGNALED", "STARTED")
    assert [read_back(history(begun, ended=end)).closed for end in ends] == [True] * 6 + [False] * 2
    assert found.versions == (4, 5, 6)
    assert found.leaves == b"".join(hashlib.sha256(b"\x00" + line).digest() for line in lines)
    first = read_back(history({"stream": CAMPAIGN}))
    assert (first.version, first.hash, first.versions, first.leaves) == (0, "0" * 64, (), b"")


def test_a_history_that_does_not_fit_or_is_none_is_named():
    """Bytes, size and digest; then its form."""
    good = history({"stream": CAMPAIGN})
    assert read_back(good).code == ""
    assert read_back(good, digest="0" * 64).code == "HISTORY_DIGEST"
    assert read_back(good, packed=b"x").code == "HISTORY_DIGEST"
    assert read_back(good, size=2**29 + 1).code == "BUNDLE_BOMB"
    for other in (
        {}, [], 5, {"events": []}, {"events": [{}]}, {"events": [5]}, history([]), history({}), history(5),
        history({"stream": CAMPAIGN, "version": "x"}), history({"stream": CAMPAIGN}, ("append", [{}])),
        history({"stream": CAMPAIGN}, ("append", 5)), {"events": [*good["events"], 5]},
    ):  # fmt: skip
        assert read_back(other).code == "HISTORY_FORM", other
    deep = b'{"events":' + b"[" * 10**5
    packed = gzip.compress(deep, mtime=0)
    assert vb.read_history(packed, len(deep), hashlib.sha256(deep).hexdigest()).code == "HISTORY_FORM"


def row_of(told_of, **changes):
    """Return the list's entry that fits a history."""
    last = told_of.versions[-1] if told_of.versions else told_of.version
    return {
        "workflow_id": told_of.stream, "first_version": told_of.version + 1, "last_version": last, "last_hash": "",
        "closed": True, "run_id": told_of.run, "history_events": told_of.events,
    } | changes  # fmt: skip


def run_of(events, stream, first, last, before="0" * 64, **changes):
    """Return what a history says that handed over these versions."""
    leaves = b"".join(events.leaf(stream, version) or bytes(32) for version in range(first, last + 1))
    facts = {"stream": stream, "version": first - 1, "hash": before, "leaves": leaves}
    facts |= {"versions": tuple(range(first, last + 1))}
    facts |= {"closed": True}
    return vb.Told(**(facts | changes))


def said_of_run(events, run, ends, **changes):
    """Return how many events a history holds, and what is said of it."""
    findings = vb.Findings()
    row = row_of(run, **({"last_hash": events.hash(run.stream, run.versions[-1])} if run.versions else {}) | changes)
    number = vb._check_history(row, "h", run, events, ends, findings)
    return number, told(findings.all)


def test_runs_of_a_stream_join_and_hold_its_events():
    """Each run takes up where the one before ended; what it holds is counted up to the first difference."""
    events, _ = events_of(("", 1), ("", 2), ("", 3), ("", 4), ("/a", 1))
    where, ends = f"h ({CAMPAIGN})", {}
    assert said_of_run(events, run_of(events, CAMPAIGN, 1, 2), ends) == (2, [])
    assert ends == {CAMPAIGN: (2, events.hash(CAMPAIGN, 2))}
    second = run_of(events, CAMPAIGN, 3, 4, events.hash(CAMPAIGN, 2))
    assert said_of_run(events, second, dict(ends)) == (2, [])
    assert said_of_run(events, second, {}) == (2, [("HISTORY_SEGMENT", where)])
    forged = run_of(events, CAMPAIGN, 3, 4, "f" * 64)
    assert said_of_run(events, forged, dict(ends)) == (2, [("HISTORY_SEGMENT", where)])
    nothing = run_of(events, CAMPAIGN, 3, 2, events.hash(CAMPAIGN, 2))
    assert said_of_run(events, nothing, ends, last_hash=events.hash(CAMPAIGN, 2)) == (0, [])
    assert said_of_run(events, second, ends) == (2, [])
    assert ends == {CAMPAIGN: (4, events.hash(CAMPAIGN, 4))}
    other = run_of(events, CAMPAIGN, 1, 4, leaves=events.part.leaves[:32] + bytes(32) + events.part.leaves[64:128])
    assert said_of_run(events, other, {}) == (1, [("HISTORY_EVENTS", f"{CAMPAIGN}#2")])
    assert said_of_run(events, run_of(events, CAMPAIGN, 1, 4), {}, last_hash="f" * 64) == (
        4, [("HISTORY_EVENTS", f"{CAMPAIGN}#4")],
    )  # fmt: skip
    going, ends = run_of(events, CAMPAIGN, 1, 2, closed=False), {}
    assert said_of_run(events, going, ends, closed=False) == (2, [])
    assert said_of_run(events, second, dict(ends)) == (2, [("HISTORY_SEGMENT", where)])
    blank = run_of(events, CAMPAIGN, 2, 1, "")
    assert said_of_run(events, blank, dict(ends), last_hash="") == (0, [("HISTORY_SEGMENT", where)])
    twice = run_of(events, CAMPAIGN, 1, 4, versions=(1, 2, 2, 4))
    assert said_of_run(events, twice, {}) == (2, [("HISTORY_FORM", where)])


@pytest.mark.parametrize(
    "changes", [{"first_version": 2}, {"last_version": 3}, {"workflow_id": "x"}, {"closed": False}]
)
def test_a_lists_entry_that_does_not_fit_its_history_is_named(changes):
    """First and last version, and whose it is."""
    events, _ = events_of(("", 1), ("", 2))
    number, found = said_of_run(events, run_of(events, CAMPAIGN, 1, 2), {}, **changes)
    assert (number, [code for code, _ in found]) == (0, ["HISTORY_FORM"])
    broken = run_of(events, CAMPAIGN, 1, 2, code="HISTORY_DIGEST")
    assert said_of_run(events, broken, {}) == (0, [("HISTORY_DIGEST", f"h ({CAMPAIGN})")])


# -- the settlement -----------------------------------------------------------------------------------------------


def test_heads_past_a_line_are_counted_in_whole_heads():
    """Met, just met, passed; a whole quota is met by meeting it."""
    counted = [
        [vb.least_heads(line, quota, strict=strict) for quota in (0, 4, 5, 7)]
        for line in ("1/1", "1", "4/5", "3/5")
        for strict in (False, True)
    ]
    assert counted == [
        [0, 4, 5, 7], [0, 4, 5, 7], [0, 4, 5, 7], [0, 4, 5, 7], [0, 4, 4, 6], [1, 4, 5, 6], [0, 3, 3, 5], [1, 3, 4, 5],
    ]  # fmt: skip


RULES = {
    "reward_tiers": [["1/1", 300], ["1/2", 100]], "tier_boundary": "inclusive",
    "shortfall_base": "quota", "penalty": 50, "cap_at_quota": False, "zero_quota": "NO_TASK",
    "reward_ratio": "class", "penalty_from": "class_reward", "points_full": 3, "points_missing": -2, "payable": True,
}  # fmt: skip


def line_of(quota, countable, class_id="c", school="s", refusals=None):
    """Return a line's counts."""
    return {"school": school, "class_id": class_id, "quota": quota, "countable": countable, "free_refusals": refusals}


def test_points_and_yuan_of_a_class_by_its_counts():
    """Below, at and beyond the quota; nothing asked; refusals; a class that is void; a shadow profile."""

    def settled(*lines, shadow=False, voided=(), **changes):
        return vb.settled(list(lines), {"parameters": RULES | changes, "shadow": shadow}, voided)

    assert settled(line_of(4, 4), line_of(4, 5), line_of(4, 2), line_of(4, 1)) == [
        (120_000, 3), (150_000, 3), (20_000, -4), (-15_000, -6),
    ]  # fmt: skip
    assert settled(line_of(0, 3)) == [(0, 0)]
    assert settled(line_of(0, 3), zero_quota="MET") == [(90_000, 3)]
    assert settled(line_of(4, 1, refusals=1)) == [(0, 0)]
    assert settled(line_of(4, 1, refusals=1), shadow=True) == [(-15_000, -6)]
    assert settled(line_of(4, 1), penalty_from="shadow_only") == [(0, -6)]
    assert settled(line_of(4, 1), penalty_from="shadow_only", shadow=True) == [(-15_000, -6)]
    assert settled(line_of(4, 1), penalty_from="shadow_only", payable=False) == [(-15_000, -6)]
    unsaid = {name: value for name, value in RULES.items() if name != "payable"} | {"penalty_from": "shadow_only"}
    assert vb.settled([line_of(4, 1)], {"parameters": unsaid, "shadow": False}, ()) == [(-15_000, -6)]
    assert settled(line_of(4, 4), voided=["s/c"]) == [(0, 0)]
    assert settled(line_of(4, 4), voided=["s/d", "t/c"]) == [(120_000, 3)]
    assert settled(line_of(4, 5), cap_at_quota=True) == [(120_000, 3)]
    assert settled(line_of(4, 1), reward_tiers=[]) == [(0, -6)]
    assert settled(line_of(4, 1), shortfall_base="lowest_tier") == [(-5_000, -6)]
    by_school = settled(line_of(4, 4), line_of(4, 0, "d"), line_of(4, 0, "e", "t"), reward_ratio="school")
    assert by_school == [(40_000, 3), (0, -8), (-20_000, -8)]
    assert settled(line_of(4, 4), line_of(16, 0, "d"), reward_ratio="school") == [(0, 3), (-80_000, -32)]
    assert settled(line_of(4, 1), line_of(4, 2, "d"), reward_ratio="school") == [(-15_000, -6), (-10_000, -4)]


def announced(kind, **data):
    """Return an event as it is looked at again."""
    return {"stream": CAMPAIGN, "version": announced.next(), "type": kind, "data": data}


announced.next = iter(range(1, 1000)).__next__
PROFILE = {"id": "p", "version": 1, "shadow": False, "parameters": RULES}


def computed(*lines, run="year", basis=None, **changes):
    """Return a settlement's event over whole lines."""
    whole = list(lines)
    sums = {name: sum(line[name] for line in whole) for name in ("quota", "countable", "amount_fen", "points")}
    facts = {
        "run": run, "profile": "p", "profile_version": 1, "parameter_hash": vb.digest_of(RULES), "voided": [],
        "lines": whole, "lines_digest": vb.digest_of(whole), "totals": {"classes": len(whole), **sums},
        "basis": basis or {},
    }  # fmt: skip
    return announced("SettlementComputed", **(facts | changes))


ONE = line_of(4, 4) | {"amount_fen": 120_000, "points": 3}
TWO = line_of(4, 1, "d") | {"amount_fen": -15_000, "points": -6}


def said_of(*kept, profiles=(PROFILE,), events=None):
    """Return how many settlements there are, and what is said of them, by the place in the list."""
    events = events or vb.Events(vb.Part(), CAMPAIGN)
    events.part.kept = list(kept)
    findings = vb.Findings()
    number = vb._check_settlements(events, list(profiles), findings)
    names = [f"{event['stream']}#{event['version']}" for event in kept]
    return number, [(found.code, names.index(found.place)) for found in findings.all]


def test_a_settlement_in_two_parts_is_computed_whole():
    """Lines that were added later belong to the newest version of their own run."""
    whole = computed(ONE, TWO)
    whole["data"]["lines"] = [ONE]
    more = announced("SettlementLinesAdded", run="year", lines=[TWO])
    assert said_of(whole, more) == (1, [])
    again = computed(ONE)
    assert said_of(computed(ONE, TWO), again) == (2, [])
    assert said_of(whole, computed(ONE, run="spring"), more) == (2, [])
    number, found = said_of(whole, again, more)
    assert number == 2
    assert {place for _, place in found} == {0, 1}
    assert said_of(announced("SettlementLinesAdded", run="year", lines=[])) == (0, [("EVENT_FORM", 0)])
    assert said_of(announced("SettlementLinesAdded", lines=[])) == (0, [("EVENT_FORM", 0)])
    assert said_of(announced("CampaignDrafted")) == (0, [])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"profile": "q"}, "SETTLEMENT_POLICY"),
        ({"profile_version": 2}, "SETTLEMENT_POLICY"),
        ({"parameter_hash": "0" * 64}, "SETTLEMENT_POLICY"),
        ({"voided": ["s/c"]}, "SETTLEMENT_LINES"),
        ({"lines_digest": "0" * 64}, "SETTLEMENT_DIGEST"),
        ({"totals": {}}, "SETTLEMENT_TOTALS"),
        ({"lines": 5}, "EVENT_FORM"),
        ({"lines": [5]}, "EVENT_FORM"),
        ({"basis": 5}, "EVENT_FORM"),
        ({"basis": {CAMPAIGN: {}}}, "EVENT_FORM"),
    ],
)
def test_a_settlement_with_one_thing_wrong_is_named_alone(changes, code):
    """Each check stands for itself; one that cannot be computed is named and the others are still looked at."""
    wrong, right = computed(ONE, **changes), computed(ONE, run="spring")
    number, found = said_of(wrong, right)
    assert (number, found) == (1 if changes == {"lines": 5} else 2, [(code, 0)])


def test_a_settlement_that_divides_by_nothing_is_named():
    """A policy may say anything."""
    rules = RULES | {"reward_tiers": [["1/0", 1]]}
    profile = PROFILE | {"parameters": rules}
    assert said_of(computed(ONE, parameter_hash=vb.digest_of(rules)), profiles=[profile]) == (1, [("EVENT_FORM", 0)])
    rules = RULES | {"reward_tiers": [["x", 1]]}
    profile = PROFILE | {"parameters": rules}
    assert said_of(computed(ONE, parameter_hash=vb.digest_of(rules)), profiles=[profile]) == (1, [("EVENT_FORM", 0)])


def test_a_settlement_rests_on_events_of_the_record():
    """Their hashes are compared with what was computed."""
    events, _ = events_of(("", 1), ("", 2))
    right = {CAMPAIGN: {"version": 2, "hash": events.hash(CAMPAIGN, 2)}}
    assert said_of(computed(ONE, basis=right), events=events) == (1, [])
    for wrong in ({"version": 1, "hash": right[CAMPAIGN]["hash"]}, {"version": 3, "hash": None}):
        number, found = said_of(computed(ONE, basis={CAMPAIGN: wrong}), events=events)
        assert (number, found) == (1, [] if wrong["hash"] is None else [("SETTLEMENT_BASIS", 0)])


def test_later_acts_name_what_was_computed():
    """Corrections add up; the digest goes through them, and an older release's acts name none."""
    first = computed(ONE)
    digest = first["data"]["lines_digest"]
    revised = vb.digest_of([digest, "s/c", 500])
    twice = vb.digest_of([revised, "s/c", -200])

    def adjusted(delta, total, **more):
        return announced("AdjustmentComputed", run="year", line="s/c", delta_fen=delta, total_fen=total, **more)

    def published(**facts):
        return announced("SettlementPublished", run="year", **facts)

    fixed = adjusted(500, 120_500, lines_digest=revised, revision=1)
    again = adjusted(-200, 120_300, lines_digest=twice, revision=2)
    assert said_of(first, fixed, again, published(lines_digest=twice, revision=2, total_fen=120_300)) == (1, [])
    assert said_of(first, published(lines_digest=digest, total_fen=120_000)) == (1, [])
    assert said_of(first, announced("PaymentOrdered", run="year", lines_digest=digest)) == (1, [])
    assert said_of(first, adjusted(500, 120_500), adjusted(1, 120_501)) == (1, [])
    assert said_of(first, adjusted(500, 120_501)) == (1, [("SETTLEMENT_TOTALS", 1)])
    assert said_of(first, fixed, published(revision=2)) == (1, [("SETTLEMENT_DIGEST", 2)])
    assert said_of(first, fixed, published(total_fen=120_000)) == (
        1,
        [("SETTLEMENT_DIGEST", 2), ("SETTLEMENT_TOTALS", 2)],
    )
    assert said_of(first, announced("PaymentOrdered", run="year", lines_digest=revised)) == (
        1,
        [("SETTLEMENT_DIGEST", 1)],
    )
    assert said_of(first, announced("AdjustmentComputed", run="year")) == (1, [("EVENT_FORM", 0)])
    assert said_of(first, announced("PaymentOrdered", lines_digest=digest)) == (1, [("EVENT_FORM", 1)])


# -- policies, calendars, the log's name --------------------------------------------------------------------------


def said_of_derived(policies, calendars, *kept):
    """Return what is said of the files that are made from events, and the profiles that were found."""
    events = vb.Events(vb.Part(kept=list(kept)), CAMPAIGN)
    findings = vb.Findings()
    opened, data = held(**{vb.POLICIES: policies, vb.CALENDARS: calendars})
    profiles = vb._check_derived(opened, data, events, findings)
    return told(findings.all), profiles


def test_policies_and_calendars_are_those_of_the_events():
    """Of a draft both, of a change of policy the one, of a new calendar the other."""
    draft = announced("CampaignDrafted", policy=PROFILE, calendar={"c": 1}, profile="other")
    other = PROFILE | {"id": "q"}
    changed = announced("PolicyChangeAnnounced", profile=other, policy="other", calendar="none of it")
    newer = announced("CalendarPublished", calendar={"c": 2}, policy="none of it")
    names = [f"{CAMPAIGN}#{event['version']}" for event in (draft, changed, newer)]
    policies = [{"event": names[0], "profile": PROFILE}, {"event": names[1], "profile": other}]
    calendars = [{"event": names[0], "calendar": {"c": 1}}, {"event": names[2], "calendar": {"c": 2}}]
    shipped = PROFILE | {"id": "s"}
    right = {"campaign": policies, "shipped": [shipped]}
    kept = (draft, changed, newer, announced("SettlementPublished"))
    assert said_of_derived(right, calendars, *kept) == ([], [PROFILE, other, shipped])
    assert said_of_derived(right | {"campaign": policies[:1]}, calendars, *kept)[0] == [("DERIVED", vb.POLICIES)]
    assert said_of_derived(right, calendars[:1], *kept)[0] == [("DERIVED", vb.CALENDARS)]
    wrong_form = [("MEMBER_FORM", vb.POLICIES)]
    assert said_of_derived(b"[ ]", calendars, *kept)[0] == wrong_form
    assert said_of_derived(right, b"[ ]", *kept)[0] == wrong_form
    assert said_of_derived({}, calendars, *kept)[0] == wrong_form
    assert said_of_derived([], calendars, *kept)[0] == wrong_form
    assert said_of_derived(right | {"shipped": [5]}, calendars, *kept)[0] == wrong_form
    assert said_of_derived(right | {"shipped": [shipped, {"parameters": 5}]}, calendars, *kept)[0] == wrong_form


@pytest.mark.parametrize(
    ("clocks", "origin", "fits"),
    [
        (["engine"], f"k/{CAMPAIGN}", True),
        (["engine"], f"k/rehearsal/{CAMPAIGN}", False),
        (["stepped"], f"k/rehearsal/{CAMPAIGN}", True),
        (["stepped"], f"k/{CAMPAIGN}", False),
        (["engine", "engine"], f"k/{CAMPAIGN}", False),
        (["engine"], f"j/{CAMPAIGN}", False),
        ([], f"k/rehearsal/{CAMPAIGN}", True),
    ],
)
def test_the_logs_name_says_key_campaign_and_clock(clocks, origin, fits):
    """A rehearsal's log is another one, whatever else is in it."""
    kept = [announced("CampaignDrafted", clock=clock) for clock in clocks] + [announced("Other", clock="engine")]
    findings = vb.Findings()
    opened = vb.Opened(vb.Note(b"", ()), origin, vb.Key("k", b"k" * 32), {"campaign": CAMPAIGN}, {})
    vb._check_origin(opened, vb.Events(vb.Part(kept=kept), CAMPAIGN), findings)
    assert told(findings.all) == [("HEAD_FORM", vb.NOTE)] * (not fits)


# -- the sample ---------------------------------------------------------------------------------------------------


def test_a_sample_gives_each_school_its_share_and_names_the_events():
    """Whole shares first, then the largest rests, equal ones by the school's name; schools in their order."""
    pupils = [(f"stu_{school}{number}", f"{CAMPAIGN}/{school}/s#{number}") for school in "cab" for number in range(5)]
    pupils += [("stu_d0", f"{CAMPAIGN}/d#1"), ("stu_a0", f"{CAMPAIGN}/b/s#9"), ("stu_a0", f"{CAMPAIGN}/compliance/x#1")]
    pupils += [("stu_nobody", f"{CAMPAIGN}/compliance/x#1"), ("stu_nobody", f"{CAMPAIGN}#7")]

    def shares(number):
        return "".join(one["school"] for one in vb.draw(pupils, number, "seed"))

    assert [shares(number) for number in (0, 1, 3, 4, 8, 16, 99)] == [
        "", "a", "abc", "aabc", "aaabbbcc", "aaaaabbbbbcccccd", "aaaaabbbbbcccccd",
    ]  # fmt: skip
    drawn = vb.draw(pupils, 99, "seed")
    first = next(one for one in drawn if one["student"] == "stu_a0")
    assert first == {
        "school": "a", "student": "stu_a0",
        "events": [f"{CAMPAIGN}/a/s#0", f"{CAMPAIGN}/b/s#9", f"{CAMPAIGN}/compliance/x#1"],
    }  # fmt: skip
    own = [one["student"] for one in drawn if one["school"] == "a"]
    assert own == sorted(own, key=lambda pupil: hashlib.sha256(f"seed\n{pupil}".encode()).hexdigest())
