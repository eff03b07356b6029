"""Every way to change a bundle, for every type of event in it: found, and at its place."""

from __future__ import annotations

import functools
import gzip
import json

import pytest
from audit_log_tools import sealed
from audit_small_log import CAMPAIGN, good
from bundle_maker import KEY, THIEF, Workshop, line_of, made, rehashed

from audit.verifier import verify_bundle as vb

TRUSTED = vb.Key.parse(str(KEY.public))


@pytest.fixture(scope="module")
async def bundle(tmp_path_factory):
    """A bundle of a hand-written year with 95 types of events, two heads, and two runs of each stream."""
    return await made(tmp_path_factory.mktemp("bundle"), sealed(good()))


@pytest.fixture(autouse=True)
def each_once(monkeypatch):
    """Verify the same signature once, and read the same history once: a thousand bundles are looked at."""
    monkeypatch.setattr(vb, "ed25519_verifies", _signatures)
    monkeypatch.setattr(vb, "read_history", _histories)


_signatures = functools.cache(vb.ed25519_verifies)
_histories = functools.cache(vb.read_history)


def findings(path, key=TRUSTED):
    """Return what verifying finds."""
    return vb.verify(path, key).findings


def of_each_type(lines):
    """Return the place of the last event of each type: its number in the list, and the event."""
    return {event["type"]: (number, event) for number, event in enumerate(map(json.loads, lines))}


# -- what a forger does to the events -----------------------------------------------------------------------------


def flip_a_byte(lines, at, event):
    """One bit in the middle of the line."""
    line = bytearray(lines[at])
    line[line.index(b'"data":') + 9] ^= 1
    lines[at] = bytes(line)


def change_and_rehash_the_row(lines, at, event):
    """Another reason, and a hash that fits it."""
    lines[at] = line_of(rehashed(event | {"data": event["data"] | {"forged": 1}}))


def rehash_the_tail(lines, at, event):
    """Another content, and every hash after it anew: the chain holds."""
    change_and_rehash_the_row(lines, at, event)
    chain_anew(lines, at)


def chain_anew(lines, at):
    """Hash the rest of an event's stream anew."""
    last = json.loads(lines[at])
    for number in range(at + 1, len(lines)):
        later = json.loads(lines[number])
        if later["stream"] == last["stream"]:
            last = rehashed(later, last["hash"])
            lines[number] = line_of(last)


def change_the_clock(lines, at, event):
    """Another hour of the record, hashed anew to the end."""
    lines[at] = line_of(rehashed(event | {"recorded_at": event["recorded_at"].replace("+08:00", "+08:01")}))


def change_the_hour_it_happened(lines, at, event):
    """Another hour, and nothing else."""
    lines[at] = line_of(event | {"occurred_at": event["occurred_at"].replace("+08:00", "+08:01")})


def drop(lines, at, event):
    """One event less."""
    del lines[at]


def swap(lines, at, event):
    """Two neighbours in each other's place."""
    other = at + 1 if at + 1 < len(lines) else at - 1
    lines[at], lines[other] = lines[other], lines[at]


def repeat(lines, at, event):
    """One event twice."""
    lines.insert(at, lines[at])


def insert(lines, at, event):
    """One event more, chained to the one before; those after it stay as they are."""
    more = event | {"version": event["version"] + 1}
    lines.insert(at + 1, line_of(rehashed(more, event["hash"])))


def cut_the_tail(lines, at, event):
    """A stream that ends before the event."""
    lines[at:] = [line for line in lines[at:] if json.loads(line)["stream"] != event["stream"]]


def fork(lines, at, event):
    """A second event of the same version beside the first."""
    lines.insert(at + 1, line_of(rehashed(event | {"data": event["data"] | {"forged": 1}})))


def write_it_otherwise(lines, at, event):
    """The same JSON with a space."""
    lines[at] = lines[at].replace(b'"data":', b'"data": ', 1)


OF_EVENTS = (
    flip_a_byte,
    change_and_rehash_the_row,
    rehash_the_tail,
    change_the_clock,
    change_the_hour_it_happened,
    drop,
    swap,
    repeat,
    insert,
    cut_the_tail,
    fork,
    write_it_otherwise,
)


@pytest.mark.parametrize("forgery", OF_EVENTS, ids=lambda forgery: forgery.__name__)
def test_every_type_of_event_is_guarded_at_its_place(bundle, tmp_path, forgery):
    """The first bad place is the event, its neighbour, or the stretch of leaves that a signed head speaks of."""
    kinds = of_each_type(bundle.lines)
    assert len(kinds) > 90
    shop = light(bundle)
    for kind, (at, event) in kinds.items():
        lines = bundle.lines
        forgery(lines, at, event)
        assert lines != bundle.lines, kind
        shop.lines = lines
        found = findings(shop.write(tmp_path / "forged.zip"))
        assert found, kind
        stream, version = event["stream"], event["version"]
        near = {f"{stream}#{version + step}" for step in (-1, 0, 1)} | {f"{vb.EVENTS} line {at + 1}"}
        near |= neighbours(bundle.lines, at) if forgery is swap else set()
        at_the_end = forgery is insert and not any(
            json.loads(line)["stream"] == stream for line in bundle.lines[at + 1 :]
        )
        assert found[0].place in near or (at_the_end and found[0].code in ("HEAD_ROOT", "HEAD_SIZE", "EVENT_GAP")), (
            kind,
            found[0],
        )
        assert vb.Finding("MANIFEST_CHANGED", vb.MANIFEST) in found


def light(bundle):
    """Return a workshop without what only readers need: a thousand bundles are written."""
    shop = Workshop(bundle.path)
    for name in ("schemas.json", "glossary.json", "templates.json"):
        del shop.members[name]
    shop.members[vb.PROGRAM] = b"-"
    return shop


def neighbours(lines, at):
    """Return the events beside a place of the list."""
    beside = [json.loads(lines[number]) for number in (at - 1, at + 1) if 0 <= number < len(lines)]
    return {f"{event['stream']}#{event['version'] + step}" for event in beside for step in (0, 1)}


@pytest.mark.parametrize("forgery", [rehash_the_tail, cut_the_tail, insert, change_the_clock])
def test_signed_heads_find_what_no_chain_can_see(bundle, tmp_path, forgery):
    """Histories gone as well, manifest made anew and signed by a thief: the heads of the old key still convict."""
    shop = light(bundle)
    shop.put(vb.HISTORIES, [])
    shop.members = {name: data for name, data in shop.members.items() if not name.startswith("histories/")}
    for at, event in enumerate(map(json.loads, bundle.lines)):
        if event["stream"] != CAMPAIGN:
            continue
        lines = bundle.lines
        forgery(lines, at, event)
        shop.lines = lines
        found = findings(shop.write(tmp_path / "forged.zip", THIEF))
        codes = {finding.code for finding in found}
        assert codes & {"HEAD_ROOT", "HEAD_SIZE"}, event["type"]
        assert "KEY_OUT_OF_TERM" in codes
        if at >= bundle.headed.heads[0].size and forgery is rehash_the_tail:
            (root,) = (finding.place for finding in found if finding.code == "HEAD_ROOT")
            assert root.startswith(f"heads/{bundle.headed.head.size:012d}.note")


# -- everything else in the bundle --------------------------------------------------------------------------------


def replace_a_head(shop):
    """A head of another root, by whoever has no key."""
    name = max(name for name in shop.members if name.startswith("heads/"))
    text, _, rest = shop.members[name].partition(b"\n\n")
    lines = text.split(b"\n")
    lines[2] = b"A" * 43 + b"="
    shop.members[name] = b"\n".join(lines) + b"\n\n" + rest
    return {("SIGNATURE_INVALID", name)}


def drop_a_head(shop):
    """The newest head is left out, and the proofs with it."""
    name = max(name for name in shop.members if name.startswith("heads/"))
    del shop.members[name]
    return {("HEAD_SIZE", None), ("PROOF_INVALID", None)}


def edit_a_history(shop):
    """One word in a history; its digest stays."""
    name = "histories/000003.json.gz"
    shop.members[name] = gzip.compress(gzip.decompress(shop.members[name]).replace(b"STARTED", b"STARTES"), mtime=0)
    return {("HISTORY_DIGEST", f"{name} ({of_history(shop, name)})")}


def edit_a_history_and_its_digest(shop):
    """A history's events are changed with every hash around them."""
    index = shop.json(vb.HISTORIES)
    for row in index:
        text = gzip.decompress(shop.members[row["member"]]).decode()
        history = json.loads(text)
        attributes = history["events"][1]["activityTaskScheduledEventAttributes"]
        (payload,) = attributes["input"]["payloads"]
        request = json.loads(vb.base64.b64decode(payload["data"]))
        request["events"][-1]["data"]["forged"] = 1
        payload["data"] = vb.base64.b64encode(json.dumps(request).encode()).decode()
        text = json.dumps(history)
        shop.members[row["member"]] = gzip.compress(text.encode(), mtime=0)
        row |= {"digest": vb._sha256(text.encode()).hexdigest(), "size": len(text.encode())}
    shop.put(vb.HISTORIES, index)
    return {("HISTORY_EVENTS", f"{row['workflow_id']}#{row['last_version']}") for row in index}


def history_of_another_workflow(shop):
    """A history under the name of another stream."""
    index = shop.json(vb.HISTORIES)
    index[0]["workflow_id"] = index[-1]["workflow_id"]
    shop.put(vb.HISTORIES, index)
    return {("HISTORY_FORM", f"{index[0]['member']} ({index[0]['workflow_id']})")}


def lose_a_history(shop):
    """The first run of a stream is gone, from the list too."""
    gone, *rest = shop.json(vb.HISTORIES)
    del shop.members[gone["member"]]
    shop.put(vb.HISTORIES, rest)
    return {("HISTORY_SEGMENT", f"{rest[0]['member']} ({rest[0]['workflow_id']})")}


def hide_a_history(shop):
    """The last run of a stream is no longer listed, and lies there still."""
    *rest, _ = shop.json(vb.HISTORIES)
    shop.put(vb.HISTORIES, rest)
    return {("MEMBER_MISSING", vb.HISTORIES)}


def edit_a_template_version(shop):
    """Another digest of a template."""
    shop.put("templates.json", shop.json("templates.json") | {"meeting_invitation/1": "3" * 64})
    return set()


def edit_a_policy(shop):
    """Another figure in the policy that readers look at; the event keeps the right one."""
    policies = shop.json(vb.POLICIES)
    policies["campaign"][0]["profile"]["parameters"]["penalty"] = 1
    shop.put(vb.POLICIES, policies)
    return {("DERIVED", vb.POLICIES)}


def edit_a_calendar(shop):
    """No calendar at all."""
    shop.put(vb.CALENDARS, [])
    return {("DERIVED", vb.CALENDARS)}


def edit_a_proof(shop):
    """A consistency proof without its first node."""
    proofs = shop.json(vb.PROOFS)
    del proofs[0]["proof"][0]
    shop.put(vb.PROOFS, proofs)
    return {("PROOF_INVALID", f"{vb.PROOFS} {proofs[0]['old']}–{proofs[0]['new']}")}


def edit_the_readme(shop):
    """A word of the README."""
    shop.members[vb.README] += b"\n"
    return set()


def edit_the_verifier(shop):
    """The program in the bundle says yes to everything."""
    shop.members[vb.PROGRAM] = b"print('OK')\n"
    return set()


def swap_the_key(shop):
    """Another first key."""
    shop.members[vb.KEYS] = f"{THIEF.public}\n".encode()
    return {("SIGNER_UNKNOWN", vb.KEYS), ("KEY_OUT_OF_TERM", vb.NOTE)}


OF_MEMBERS = (
    replace_a_head,
    drop_a_head,
    edit_a_history,
    edit_a_history_and_its_digest,
    history_of_another_workflow,
    lose_a_history,
    hide_a_history,
    edit_a_template_version,
    edit_a_policy,
    edit_a_calendar,
    edit_a_proof,
    edit_the_readme,
    edit_the_verifier,
    swap_the_key,
)


def of_history(shop, member):
    """Return whose history a member is."""
    return next(row["workflow_id"] for row in shop.json(vb.HISTORIES) if row["member"] == member)


@pytest.mark.parametrize("signer", [None, THIEF], ids=["not-signed", "signed-by-a-thief"])
@pytest.mark.parametrize("forgery", OF_MEMBERS, ids=lambda forgery: forgery.__name__)
def test_every_member_is_guarded(bundle, tmp_path, forgery, signer):
    """The place is named; a manifest and a signature of somebody else's do not hide it."""
    shop = Workshop(bundle.path)
    expected = forgery(shop)
    verdict = vb.verify(shop.write(tmp_path / "forged.zip", signer), TRUSTED)
    assert not verdict.verified
    assert not verdict.trusted
    places = {(finding.code, finding.place) for finding in verdict.findings}
    if signer is None:
        expected = {("MANIFEST_CHANGED", vb.MANIFEST), *expected}
    elif forgery is not swap_the_key:
        expected = {("KEY_OUT_OF_TERM", vb.NOTE), *expected}
    else:  # a list of keys that fits the thief
        expected = {("SIGNER_UNKNOWN", vb.KEYS)}
    codes = {code for code, _ in places}
    for code, place in expected:
        assert (code, place) in places or (place is None and code in codes), (code, place)


def test_a_settlements_line_is_computed_again(bundle, tmp_path):
    """An amount that is changed with all its hashes shows in rule, digest, totals, history and head."""
    shop = Workshop(bundle.path)
    lines = shop.lines
    at, event = of_each_type(lines)["SettlementComputed"]
    line = event["data"]["lines"][0]
    event["data"]["lines"][0] = line | {"amount_fen": line["amount_fen"] + 100}
    lines[at] = line_of(rehashed(event))
    chain_anew(lines, at)
    shop.lines = lines
    found = findings(shop.write(tmp_path / "forged.zip", THIEF))
    name = f"{CAMPAIGN}#{event['version']}"
    wanted = ("HISTORY_EVENTS", "SETTLEMENT_LINES", "SETTLEMENT_DIGEST", "SETTLEMENT_TOTALS")
    assert {vb.Finding(code, name) for code in wanted} <= set(found)
    assert "HEAD_ROOT" in {finding.code for finding in found}


def test_without_a_key_a_thiefs_bundle_is_only_said_to_fit_itself(bundle, tmp_path):
    """Nobody vouches for a bundle that a thief made whole: it verifies, and is not trusted."""
    thief = vb.verify(bundle.path)
    assert thief.verified
    assert not thief.trusted
    assert "未提供公钥" in vb.told(thief)
    assert vb.as_data(thief)["warnings"]
    assert vb.verify(bundle.path, TRUSTED).trusted
