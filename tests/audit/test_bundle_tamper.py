"""Every way to change a whole year's bundle, member by member: found, and at its place."""

from __future__ import annotations

import functools
import gzip
import json

import pytest
from audit_log_tools import sealed
from audit_small_log import CAMPAIGN, good
from bundle_forgeries import OF_EVENTS, chain_anew, insert, light, places_near
from bundle_maker import KEY, THIEF, Workshop, line_of, made, rehashed

from audit.verifier import verify_bundle as vb

TRUSTED = vb.Key.parse(str(KEY.public))


@pytest.fixture(scope="module")
async def bundle(tmp_path_factory):
    """A bundle of a hand-written year with 95 types of events, two heads, and two runs of each stream."""
    return await made(tmp_path_factory.mktemp("bundle"), sealed(good()))


@pytest.fixture(autouse=True)
def each_once(monkeypatch):
    """Verify the same signature once, and read the same history once: many bundles are looked at."""
    monkeypatch.setattr(vb, "ed25519_verifies", _signatures)
    monkeypatch.setattr(vb, "read_history", _histories)


_signatures = functools.cache(vb.ed25519_verifies)
_histories = functools.cache(vb.read_history)


def findings(path, key=TRUSTED):
    """Return what verifying finds."""
    return vb.verify(path, key).findings


@pytest.mark.parametrize("forgery", OF_EVENTS, ids=lambda forgery: forgery.__name__)
def test_the_last_event_of_each_stream_is_guarded(bundle, tmp_path, forgery):
    """Nothing of its stream follows: the place is the event, the one before it, or what a signed head speaks of.

    `test_bundle_every_type` does the same with every type of event, each with another one behind it.
    """
    last = {json.loads(line)["stream"]: (at, json.loads(line)) for at, line in enumerate(bundle.lines)}
    assert set(last) == set(bundle.streams)
    shop = light(bundle.path)
    for stream, (at, event) in last.items():
        lines = bundle.lines
        forgery(lines, at, event)
        assert lines != bundle.lines, stream
        shop.lines = lines
        found = findings(shop.write(tmp_path / "forged.zip"))
        by_a_head = forgery is insert and found[0].code in ("HEAD_ROOT", "HEAD_SIZE", "EVENT_GAP")
        assert found[0].place in places_near(bundle.lines, at, event, forgery) or by_a_head, (stream, found[0])
        assert vb.Finding("MANIFEST_CHANGED", vb.MANIFEST) in found


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
    computed = [(at, event) for at, event in enumerate(map(json.loads, lines)) if event["type"] == "SettlementComputed"]
    at, event = computed[-1]
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
