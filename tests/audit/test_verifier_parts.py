"""The one-file verifier's parts against test vectors, and against the program's own code, which it does not share."""

from __future__ import annotations

import functools
import hashlib
import random
from fractions import Fraction

import pytest
from audit_log_tools import sealed
from audit_small_log import CAMPAIGN, PROFILE, good
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.checkpoint import Checkpoint, sign_checkpoint
from audit.merkle import Tree, leaf_hash
from audit.note_errors import NoteError
from audit.signed_note import VerifierKey
from audit.signing_keys import SigningKey, follow, rotate
from audit.verifier import verify_bundle as vb
from domain.policy import PROFILES
from domain.policy_parameters import PolicyParameters
from domain.policy_readings import Boundary, RewardRatio, ShortfallBase, ZeroQuota
from domain.sampling import place_in_the_draw
from domain.settlement import ClassCount
from domain.settlement_compute import settled_lines

RFC_8032 = (
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
            "655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
            "b00d291612bb0c00"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
            "c027beceea1ec40a"
        ),
    ),
)
"""Section 7.1, tests 1 to 3: public key, message, signature."""


@pytest.mark.parametrize(("public", "message", "signature"), RFC_8032)
def test_ed25519_by_the_vectors_of_the_rfc(public, message, signature):
    """The right signature verifies; one bit of key, message or signature and it does not."""
    key, text, signed = map(bytes.fromhex, (public, message, signature))
    assert vb.ed25519_verifies(key, text, signed)
    assert not vb.ed25519_verifies(key, text + b"\x00", signed)
    for at in (0, 31, 32, 63):
        assert not vb.ed25519_verifies(key, text, signed[:at] + bytes([signed[at] ^ 1]) + signed[at + 1 :])
    assert not vb.ed25519_verifies(bytes([key[0] ^ 1]) + key[1:], text, signed)


def test_ed25519_refuses_second_forms():
    """A signature whose S has the group's order added, a key beyond the field, wrong lengths: none verifies."""
    key, text, signed = map(bytes.fromhex, RFC_8032[1])
    larger = (int.from_bytes(signed[32:], "little") + vb._L).to_bytes(32, "little")
    assert not vb.ed25519_verifies(key, text, signed[:32] + larger)
    assert not vb.ed25519_verifies((vb._P + 1).to_bytes(32, "little"), text, signed)
    assert not vb.ed25519_verifies(key[:31], text, signed)
    assert not vb.ed25519_verifies(key, text, signed[:63])


def test_ed25519_agrees_with_another_implementation():
    """Keys and messages of a seeded generator, signed by OpenSSL."""
    chance = random.Random(6)
    for size in range(12):
        private = Ed25519PrivateKey.from_private_bytes(chance.randbytes(32))
        text = chance.randbytes(size * 7)
        public = private.public_key().public_bytes_raw()
        assert vb.ed25519_verifies(public, text, private.sign(text))
        assert not vb.ed25519_verifies(public, text + b"!", private.sign(text))


def test_roots_and_consistency_agree_with_the_programs_tree():
    """Every pair of sizes up to 20; a proof of another pair, or one node less, shows nothing."""
    leaves = [leaf_hash(bytes([number])) for number in range(20)]
    tree = Tree(leaves)
    roots = vb.roots_at(b"".join(leaves), range(21))
    assert roots == {size: tree.root(size) for size in range(21)}
    heads = [vb.Head("log", size, roots[size]) for size in range(21)]
    for new in range(1, 21):
        for old in range(1, new + 1):
            proof = tree.consistency_proof(old, new)
            assert vb.consistent(heads[old], heads[new], proof)
            if proof:
                assert not vb.consistent(heads[old], heads[new], proof[:-1])
                assert not vb.consistent(heads[old - 1], heads[new], proof)
            assert not vb.consistent(vb.Head("log", old, b"x" * 32), heads[new], proof)


OLD, NEW, OTHER = (SigningKey("audit.example", letter * 32) for letter in (b"a", b"b", b"c"))


def checkpoint(size, letter=b"r"):
    """A head."""
    return Checkpoint("audit.example/campaign/x/1", size, letter * 32)


def followed(*statements):
    """Follow statements from the old key, as the verifier does."""
    keys = vb.Keys(vb.Key.parse(str(OLD.public)))
    for statement in statements:
        keys.follow(vb.parse_change(bytes(statement)))
    return keys


def test_terms_of_keys_agree_with_the_programs_list():
    """Who may sign which head, for each size around a change of keys and each key."""
    statement = rotate(OLD, NEW, [checkpoint(7)])
    ours = follow(OLD.public, [bytes(statement)])
    theirs = followed(statement)
    assert [str(key) for key in theirs.keys] == [str(key) for key in ours.keys]
    for size in (5, 7, 9):
        for letter in (b"r", b"s"):
            head = checkpoint(size, letter)
            for key, own in zip(theirs.keys, ours.keys, strict=True):
                assert theirs.may_sign(key, vb.Head(head.origin, size, head.root)) == ours.may_sign(own, head)


@pytest.mark.parametrize(
    "statements",
    [
        (rotate(NEW, OTHER, []),),
        (rotate(OLD, NEW, [checkpoint(7)]), rotate(NEW, OTHER, [checkpoint(5)])),
        (rotate(OLD, NEW, []), rotate(NEW, OLD, [])),
    ],
    ids=["of-another-key", "back-to-an-earlier-head", "back-to-an-old-key"],
)
def test_changes_of_keys_that_do_not_hold_are_refused_by_both(statements):
    """What the program's list refuses, the verifier refuses."""
    with pytest.raises(NoteError):
        follow(OLD.public, map(bytes, statements))
    with pytest.raises(ValueError, match=r"key|head"):
        followed(*statements)


def test_a_statement_that_one_key_signed_alone_is_refused():
    """Whoever has the new key alone cannot replace the old one."""
    text = str(rotate(OLD, NEW, []))
    lines = text.splitlines(keepends=True)
    with pytest.raises(ValueError, match="both"):
        vb.parse_change("".join(lines[:-2] + lines[-1:]).encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a+b",
        str(OLD.public)[:-2],
        str(OLD.public).replace("audit", "odit"),
        str(OLD.public) + "=",
        "x y+00000000+AQ==",
    ],
)
def test_what_is_no_public_key_is_refused_by_both(text):
    """A key that was copied wrongly is no key."""
    with pytest.raises(NoteError):
        VerifierKey.parse(text)
    with pytest.raises(ValueError, match=r".*"):
        vb.Key.parse(text)


def test_a_head_is_read_as_the_program_writes_it():
    """Three lines under a signature."""
    note = vb.parse_note(bytes(sign_checkpoint(checkpoint(3), OLD)))
    assert vb.parse_head(note.lines) == vb.Head(checkpoint(3).origin, 3, b"r" * 32)
    assert note.signed_by(vb.Key.parse(str(OLD.public))) is True
    assert note.signed_by(vb.Key.parse(str(NEW.public))) is None


def rules(**changes):
    """The historical rules with other readings."""
    return PROFILES["legacy"].model_copy(
        update={
            "shadow": changes.pop("shadow", True),
            "parameters": PolicyParameters.model_validate(
                PROFILES["legacy"].parameters.model_dump(mode="json") | changes
            ),
        }
    )


READINGS = (
    {},
    {"tier_boundary": Boundary.STRICT},
    {"shortfall_base": ShortfallBase.LOWEST_TIER},
    {"shortfall_base": ShortfallBase.LOWEST_TIER, "tier_boundary": Boundary.STRICT},
    {"cap_at_quota": True},
    {"zero_quota": ZeroQuota.MET},
    {"reward_ratio": RewardRatio.SCHOOL},
    {"reward_tiers": ()},
    {"shadow": False},
    {"shadow": False, "payable": True},
    {"shadow": False, "payable": True, "penalty_from": "class_reward"},
    {"reward_tiers": ((Fraction(2, 3), 90), (Fraction(1, 7), 10))},
)


@pytest.mark.parametrize("changes", READINGS, ids=lambda changes: ",".join(changes) or "legacy")
def test_the_settlements_rule_written_anew_gives_the_same_lines(changes):
    """Every count up to a quota of 12 and two beyond, with and without refusals, one class void (R-01, R-02, R-09)."""
    profile = rules(**changes)
    counts = [
        ClassCount(
            school=f"{quota % 3}", class_id=f"{quota}-{countable}-{free}", quota=quota, countable=countable,
            free_refusals=free,
        )
        for quota in range(13)
        for countable in range(quota + 3)
        for free in (None, 0, 2)
    ]  # fmt: skip
    void = [("1", "10-3-None")]
    wanted = settled_lines(counts, profile, void)
    lines = [line.model_dump(mode="json") for line in wanted]
    found = vb.settled(lines, profile.model_dump(mode="json"), [f"{school}/{name}" for school, name in void])
    assert found == [(line.amount_fen, line.points) for line in wanted]
    assert len({amount for amount, _ in found}) > 1 or not profile.parameters.reward_tiers


def test_the_sample_is_the_domains_order_in_each_school():
    """Each school's share of the pupils by its size; the order is that of the published draw (R-21)."""
    pupils = [
        (f"stu_{number:06d}", f"campaign/x/1/{number % 3 + 1:010d}/retention#{number + 1}") for number in range(60)
    ]
    pupils += [("stu_000000", "campaign/x/1#4"), ("stu_nobody", "campaign/x/1/compliance/c-1#1")]
    drawn = vb.draw(pupils, 7, "seed")
    assert [one["school"][-1] for one in drawn] == ["1", "1", "1", "2", "2", "3", "3"]
    for school in "123":
        own = [student for student, event in pupils[:60] if event.split("/")[3].endswith(school)]
        order = sorted(own, key=lambda student: place_in_the_draw("seed", student))
        taken = [one["student"] for one in drawn if one["school"].endswith(school)]
        assert taken == order[: len(taken)]
    assert vb.draw(pupils, 7, "seed") == drawn != vb.draw(pupils, 7, "another")
    assert len(vb.draw(pupils, 1000, "seed")) == 60
    assert vb.draw([], 5, "seed") == []


def event_line(**changes):
    """One event's line with a right hash."""
    body = {
        "actor": {"id": "stf_a", "role": "principal"}, "causation": None, "command_id": "c-1", "data": {"a": 1},
        "occurred_at": "2026-01-01T00:00:00.000+08:00", "policy": {"id": "p", "version": 1}, "prev_hash": "0" * 64,
        "recorded_at": "2026-01-01T00:00:00.000+08:00", "schema": 1, "stream": "campaign/x/1", "type": "Done",
        "version": 1,
    } | changes  # fmt: skip
    body["hash"] = vb.digest_of(body)
    return vb._encode(body).encode()


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("a space", event_line().replace(b'"a":1', b'"a": 1')),
        ("a fraction", event_line(data={"a": 1.5})),
        ("an exponent", event_line().replace(b'"a":1', b'"a":1e0')),
        ("a key twice", event_line().replace(b'"a":1', b'"a":1,"a":1')),
        ("keys out of order", event_line(data={"a": 1, "b": 2}).replace(b'"a":1,"b":2', b'"b":2,"a":1')),
        ("an escape that nobody needs", event_line(data={"a": "x"}).replace(b'"x"', b'"\\u0078"')),
        ("two events in one line", event_line() + b"," + event_line()),
        ("data that close too early", event_line().replace(b'{"a":1}', b'{"a":1},{"b":[{"c":1}')),
        ("no data", event_line().replace(b',"data":{"a":1}', b"")),
        ("one field more", event_line().replace(b',"data"', b',"dat":1,"data"')),
        ("no UTF-8", event_line(data={"a": "x"}).replace(b'"x"', b'"\xff"')),
        ("a role with a space", event_line().replace(b'"role":', b'"role": ')),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_only_canonical_json_is_an_event(name, line):
    """A second spelling is refused even with the hash of its own bytes, alone and between others."""
    cut = line.rfind(b',"hash":"')
    rest = line[cut + 74 :]
    line = line[:cut] + b',"hash":"' + hashlib.sha256(line[:cut] + rest).hexdigest().encode() + b'"' + rest
    right = event_line()
    for lines in ([line], [right, line, right], [line, line]):
        found = vb.read_events(lines, 0).findings
        assert "EVENT_FORM" in {finding.code for finding in found}, name
    assert vb.read_events([right], 0).findings == []


def test_events_that_balance_each_others_braces_are_not_taken_for_good():
    """One line closes its data too early, another too late: together they would be JSON."""

    def spoilt(data):
        line = event_line().replace(b'{"a":1}', data)
        cut = line.rfind(b',"hash":"')
        rest = line[cut + 74 :]
        return line[:cut] + b',"hash":"' + hashlib.sha256(line[:cut] + rest).hexdigest().encode() + b'"' + rest

    pair = [spoilt(b'{"a":1},{"b":[{"c":1}'), spoilt(b'{"d":1}]}')]
    assert [finding.code for finding in vb.read_events(pair, 0).findings].count("EVENT_FORM") >= 1


def test_reading_in_processes_gives_the_same(tmp_path):
    """Three processes, cut wherever it falls, see the same events, chains and pupils as one."""
    lines, before = [], "0" * 64
    for version in range(1, 500):
        lines.append(event_line(version=version, prev_hash=before, data={"student": f"stu_{version:06d}"}))
        before = vb._json(lines[-1])["hash"]
    lines[400] = lines[400].replace(b"stu_", b"stx_")
    file = tmp_path / "events"
    file.write_bytes(b"head" + b"".join(line + b"\n" for line in lines))
    member = vb.Member("events.jsonl", 4, file.stat().st_size - 4)
    one, three = (vb._read_all(file, file.read_bytes(), member, ways, pupils=True) for ways in (1, 3))
    assert one == three
    assert [finding.code for finding in one.findings] == ["EVENT_HASH"]
    assert len(one.stretches) == 1
    assert len(one.pupils) == 498


def log(*places, campaign="campaign/x/1"):
    """Return lines of events: (stream, version) in this order, each stream chained as it comes."""
    ends, lines = {}, []
    for stream, version in places:
        lines.append(event_line(stream=f"{campaign}{stream}", version=version, prev_hash=ends.get(stream, "0" * 64)))
        ends[stream] = vb._json(lines[-1])["hash"]
    return lines


def complaints(lines, *sizes):
    """Return what chains and order alone say against events, with heads of these sizes."""
    events = vb.Events(vb.read_events(lines, 0), "campaign/x/1")
    findings = vb.Findings()
    misplaced = vb._check_chains(events, sizes, findings)
    return {(found.code, found.place) for found in (*events.part.findings, *findings.all, *misplaced)}


TWO_HEADS = (("", 1), ("", 2), ("/a", 1), ("", 3), ("/a", 2), ("/a", 3))


def test_streams_go_on_from_head_to_head():
    """In each head's part the streams begin anew, in their order."""
    assert complaints(log(*TWO_HEADS), 3, 6) == set()
    assert complaints(log(*TWO_HEADS), 6) == {("EVENT_ORDER", "campaign/x/1#3")}
    assert complaints(log(("", 1), ("/b", 1), ("/a", 1)), 3) == {("EVENT_ORDER", "campaign/x/1/a#1")}
    assert complaints(log(("", 1), ("/a", 1), ("/a", 2), ("", 2)), 2, 4) == {("EVENT_ORDER", "campaign/x/1#2")}


@pytest.mark.parametrize(("at", "name"), [(0, "#1"), (1, "#2"), (2, "/a#1"), (3, "#3"), (4, "/a#2"), (5, "/a#3")])
def test_an_event_that_continues_another_hash_is_found(at, name):
    """At the beginning of a stream, beside its predecessor, and in the next head's part."""
    lines = log(*TWO_HEADS)
    event = vb._json(lines[at])
    lines[at] = event_line(**{key: value for key, value in event.items() if key != "hash"} | {"prev_hash": "f" * 64})
    assert ("EVENT_CHAIN", f"campaign/x/1{name}") in complaints(lines, 3, 6)


@pytest.mark.parametrize(
    ("places", "name"),
    [
        ((("", 2),), "#2"),
        ((("", 1), ("", 3)), "#3"),
        ((("", 1), ("", 1)), "#1"),
        ((("", 1), ("/a", 1), ("", 3)), "#3"),
    ],
)
def test_versions_without_their_neighbours_are_found(places, name):
    """A stream that begins late, a version left out, one twice."""
    assert ("EVENT_GAP", f"campaign/x/1{name}") in complaints(log(*places), 2, 3)


def test_another_campaigns_event_is_found():
    """Its chain may be perfect."""
    assert complaints(log(("", 1), campaign="campaign/x/12"), 1) == {("EVENT_FOREIGN", "campaign/x/12#1")}
    assert ("EVENT_FOREIGN", "campaign/y/1#1") in complaints(log(("", 1), campaign="campaign/y/1"), 1)


def test_a_point_has_one_form():
    """Bytes of the field's size and beyond stand for another point: RFC 8032, 5.1.3, refuses them."""
    assert vb._point((1).to_bytes(32, "little")) is not None
    assert vb._point((vb._P + 1).to_bytes(32, "little")) is None
    assert vb._point((1 | 1 << 255).to_bytes(32, "little")) is None
    assert vb._point((2).to_bytes(32, "little")) is None


@functools.cache
def small_log():
    """Return the small log's streams and lines; nobody changes them."""
    streams = sealed(good())
    return streams, [vb._encode(event).encode() for stream in sorted(streams) for event in streams[stream]]


def settlements(change=None, profiles=None):
    """Return what the settlement's check says of the small log, with one event's data changed."""
    _, lines = small_log()
    part = vb.read_events(lines, 0)
    events = vb.Events(part, CAMPAIGN)
    findings = vb.Findings()
    vb._check_chains(events, [len(lines)], findings)
    if change is not None:
        kind, data = change
        event = next(event for event in part.kept if event["type"] == kind)
        event["data"] |= data(event["data"]) if callable(data) else data
    known = [PROFILE.model_dump(mode="json")] if profiles is None else profiles
    assert vb._check_settlements(events, known, findings) == 2
    return {found.code for found in findings.all}


def test_a_settlement_that_nobody_touched_is_computed_the_same():
    """Two versions, a correction, a publication and an order."""
    assert settlements() == set()


def one_line(**changes):
    """Return a change of the first line."""
    return lambda data: {"lines": [data["lines"][0] | changes, *data["lines"][1:]]}


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (("SettlementComputed", one_line(points=99)), {"SETTLEMENT_LINES", "SETTLEMENT_DIGEST", "SETTLEMENT_TOTALS"}),
        (("SettlementComputed", {"lines_digest": "0" * 64}), {"SETTLEMENT_DIGEST"}),
        (("SettlementComputed", lambda data: {"totals": data["totals"] | {"quota": 9}}), {"SETTLEMENT_TOTALS"}),
        (("SettlementComputed", {"parameter_hash": "0" * 64}), {"SETTLEMENT_POLICY"}),
        (("SettlementComputed", {"profile_version": 77}), {"SETTLEMENT_POLICY"}),
        (("SettlementComputed", {"basis": {CAMPAIGN: {"version": 1, "hash": "0" * 64}}}), {"SETTLEMENT_BASIS"}),
        (("SettlementComputed", {"basis": {CAMPAIGN: {"version": 999, "hash": "0" * 64}}}), {"SETTLEMENT_BASIS"}),
        (("SettlementComputed", {"totals": None}), {"SETTLEMENT_TOTALS"}),
        (("SettlementPublished", {"lines_digest": "0" * 64}), {"SETTLEMENT_DIGEST"}),
        (("SettlementPublished", {"revision": 1}), {"SETTLEMENT_DIGEST"}),
        (("SettlementPublished", {"total_fen": 1}), {"SETTLEMENT_TOTALS"}),
        (("AdjustmentComputed", {"total_fen": 1}), {"SETTLEMENT_TOTALS"}),
        (("PaymentOrdered", {"lines_digest": "0" * 64}), {"SETTLEMENT_DIGEST"}),
        (("PaymentOrdered", {"run": "nobody's"}), {"EVENT_FORM"}),
    ],
)
def test_a_settlement_that_was_touched_is_named(change, codes):
    """Each number stands by another one; a change of one is seen beside the other."""
    assert codes <= settlements(change)


def test_a_policy_counts_by_its_parameters_not_by_its_name():
    """A profile of the same name and version with another figure is not the policy of the run."""
    other = PROFILE.model_dump(mode="json")
    other["parameters"]["penalty"] += 1
    assert settlements(profiles=[other]) == {"SETTLEMENT_POLICY"}


def test_a_corrected_run_is_followed_to_its_publication():
    """A correction makes a new digest and a new revision; who publishes or pays names both (INV-17)."""
    streams, _ = small_log()
    kept = [event for event in streams[CAMPAIGN] if event["type"].startswith("Settlement")]
    computed = next(event for event in kept if event["type"] == "SettlementComputed")["data"]
    fen = sum(line["amount_fen"] for line in computed["lines"])
    line = f"{computed['lines'][0]['school']}/{computed['lines'][0]['class_id']}"
    revised = vb.digest_of([computed["lines_digest"], line, 500])
    adjusted = {"line": line, "delta_fen": 500, "total_fen": fen + 500, "lines_digest": revised, "revision": 1}
    published = {"lines_digest": revised, "total_fen": fen + 500, "revision": 1}

    def said(**changes):
        acts = [
            ("a", {"type": "AdjustmentComputed", "data": adjusted}),
            ("p", {"type": "SettlementPublished", "data": published | changes}),
        ]
        findings = vb.Findings()
        run = vb.Run("r", computed | {"basis": {}}, list(computed["lines"]), acts)
        vb._check_run(run, vb.Events(vb.Part(), CAMPAIGN), [PROFILE.model_dump(mode="json")], findings)
        return {(found.code, found.place) for found in findings.all}

    assert said() == set()
    assert said(lines_digest=computed["lines_digest"]) == {("SETTLEMENT_DIGEST", "p")}
    assert said(revision=0) == {("SETTLEMENT_DIGEST", "p")}
    assert said(total_fen=fen) == {("SETTLEMENT_TOTALS", "p")}
