"""The proof of one event: it holds with a public key alone, shows no other event, and nothing else passes for one."""

from __future__ import annotations

import base64
import json

import pytest
from audit_log_tools import sealed
from audit_small_log import CAMPAIGN, good
from bundle_maker import KEY, NOW, THIEF

from audit.checkpoint import Checkpoint, sign_checkpoint
from audit.heads import Headed, leaves_of, signed_head
from audit.inclusion import ProofError, check, prove
from audit.leaves import Place, leaf_of
from audit.merkle import Tree
from audit.note_errors import NoteError
from audit.signing_keys import KeyList
from domain.events import canonical_text
from ledger.heads import Snapshot, Written

ORIGIN = f"{KEY.public.name}/{CAMPAIGN}"


@pytest.fixture(scope="module")
def headed():
    """A log under one head."""
    events = [
        Written(name, event["version"], canonical_text(event))
        for name, stream in sealed(good()).items()
        for event in stream
    ]
    places, lines = leaves_of(Snapshot(events, []))
    tree = Tree(map(leaf_of, lines))
    head = signed_head(ORIGIN, tree.edge(), {}, KEY, NOW)
    return Headed(CAMPAIGN, ORIGIN, places, lines, [head], tree, KeyList((KEY.public,)), [])


def test_every_event_has_a_proof_that_holds_by_itself(headed):
    """Also as a mail program has kept it; with another's key it proves nothing."""
    for index, place in enumerate(headed.places):
        text = prove(headed, place)
        found = check(text.encode(), [THIEF.public, KEY.public])
        assert (found.id, found.index) == (f"{place.stream}#{place.version}", index)
        assert found.event == json.loads(headed.lines[index])
        assert (found.head.size, found.signer) == (len(headed.lines), KEY.public)
    assert check(text.replace("\n", "\r\n").encode() + b"\r\n", [KEY.public]).id == found.id
    with pytest.raises(NoteError, match="SIGNER_UNKNOWN"):
        check(text.encode(), [THIEF.public])
    with pytest.raises(LookupError):
        prove(headed, Place(CAMPAIGN, 999))


def test_only_that_events_text_is_in_it(headed):
    """The rest are hashes: the longest line that is no event has 44 characters, or is the signature's."""
    place = headed.places[40]
    text = prove(headed, place)
    lines = text.split("\n")
    assert base64.b64decode(lines[1].removeprefix("extra ")) == headed.lines[40]
    others = [json.loads(line) for line in headed.lines[:40] + headed.lines[41:]]
    assert not any(event["hash"] in text or event["stream"] + "#" in text for event in others)
    path = lines[3 : lines.index("")]
    assert {len(base64.b64decode(node)) for node in path} == {32}
    assert 1 < len(path) <= len(headed.lines).bit_length()


def test_what_was_touched_proves_nothing(headed):
    """Each line changed, another event put in, another place, another head, a path cut off."""
    place = headed.places[7]
    lines = prove(headed, place).split("\n")
    for number, line in enumerate(lines):
        changed = [*lines]
        at = len(line) // 2
        changed[number] = line[:at] + ("B" if line[at : at + 1] != "B" else "C") + line[at + 1 :]
        if changed == lines:
            continue
        with pytest.raises((ProofError, NoteError)):
            check("\n".join(changed).encode(), [KEY.public])

    def refused(code, **more):
        given = [*lines]
        for name, value in more.items():
            given[("format", "extra", "index").index(name)] = value
        with pytest.raises(ProofError, match=code):
            check("\n".join(given).encode(), [KEY.public])

    refused("PROOF_BROKEN", extra="extra " + base64.b64encode(headed.lines[8]).decode())
    refused("PROOF_BROKEN", index="index 8")
    refused("PROOF_MALFORMED", index="index 07")
    refused("PROOF_MALFORMED", extra=lines[2])
    refused("PROOF_MALFORMED", format="c2sp.org/tlog-proof@v2")
    for given in (lines[:3] + lines[4:], [*lines[:3], lines[3], *lines[3:]]):
        with pytest.raises(ProofError, match="PROOF_BROKEN"):
            check("\n".join(given).encode(), [KEY.public])
    for data in (b"", b"\xff\n\n", b"a\n\nb", "\n".join(lines[:4]).encode()):
        with pytest.raises(ProofError, match="PROOF_MALFORMED"):
            check(data, [KEY.public])


@pytest.mark.parametrize(
    ("entry", "origin"),
    [
        (b"{}", ORIGIN),
        (b"no json", ORIGIN),
        (b'["stream"]', ORIGIN),
        (None, f"{KEY.public.name}/campaign/elsewhere/2026"),
        (b"changed", ORIGIN),
    ],
    ids=["empty", "text", "list", "another campaign", "another hash"],
)
def test_a_leaf_that_is_no_event_of_the_campaign_is_none(headed, entry, origin):
    """Whoever has the key can sign anything: what is shown as an event has an event's form, hash and campaign."""
    line = headed.lines[0] if entry is None else entry
    if entry == b"changed":
        line = headed.lines[0].replace(b'"version":1', b'"version":2')
    tree = Tree([leaf_of(line)])
    note = sign_checkpoint(Checkpoint(origin, 1, tree.root()), KEY)
    text = f"c2sp.org/tlog-proof@v1\nextra {base64.b64encode(line).decode()}\nindex 0\n\n{note}"
    with pytest.raises(ProofError, match="PROOF_EVENT"):
        check(text.encode(), [KEY.public])
