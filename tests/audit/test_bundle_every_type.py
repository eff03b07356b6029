"""The tamper table: every trick with an event, for every type that the engine can record, found at its place."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from audit_every_type import parts
from bundle_forgeries import (
    OF_EVENTS,
    change_its_history,
    change_the_clock,
    cut_the_tail,
    first_said,
    insert,
    light,
    rehash_the_tail,
    signed_anew,
    without_histories,
)
from bundle_maker import KEY, THIEF, Workshop, made

from audit.bundle.writer import schemas
from audit.verifier import verify_bundle as vb
from domain.deciders import decider_of
from domain.stream import envelope_event

sys.path.append(str(Path(__file__).parents[1] / "cli"))
from cli_in_process import command_line

PUBLIC = str(KEY.public)
TRUSTED = vb.Key.parse(PUBLIC)


@dataclass
class Kept:
    """A campaign's bundle, to be forged.

    Attributes:
        own: by type, the place in the list and the event.
    """

    path: Path
    lines: list[bytes]
    own: dict[str, tuple[int, dict]]


@pytest.fixture(scope="module")
async def bundles(tmp_path_factory):
    """Small campaigns that have all types among them, each with two heads and two runs of each stream."""
    found = []
    for part in parts():
        one = await made(tmp_path_factory.mktemp("part"), part.streams)
        events = [json.loads(line) for line in one.lines]
        at = {(event["stream"], event["version"]): number for number, event in enumerate(events)}
        own = {kind: (at[place], events[at[place]]) for kind, place in part.own.items()}
        found.append(Kept(one.path, one.lines, own))
    return found


@pytest.fixture(autouse=True)
def each_once(monkeypatch):
    """Verify the same signature once, and read the same history once: thousands of bundles are looked at."""
    monkeypatch.setattr(vb, "ed25519_verifies", _signatures)
    monkeypatch.setattr(vb, "read_history", _histories)


_signatures = functools.cache(vb.ed25519_verifies)
_histories = functools.lru_cache(4096)(vb.read_history)


def findings(path):
    """Return what verifying finds."""
    return vb.verify(path, TRUSTED).findings


def forged(one, shop, forgery, kind):
    """Put forged events into a workshop; return the place of the one that was forged, and the event."""
    at, event = one.own[kind]
    lines = list(one.lines)
    forgery(lines, at, event)
    assert lines != one.lines, kind
    shop.lines = lines
    return at, event


def test_the_table_has_every_registered_type_once(bundles):
    """A new type of event needs its place here; each is as today's rules write it, and the bundles verify."""
    kinds = [kind for one in bundles for kind in one.own]
    assert sorted(kinds) == sorted(json.loads(schemas()))
    for one in bundles:
        assert vb.verify(one.path, TRUSTED).trusted
        for kind, (_, event) in one.own.items():
            assert event["type"] == kind
            assert envelope_event(decider_of(event["stream"]), event).as_data() == event["data"], kind


@pytest.mark.parametrize("forgery", OF_EVENTS, ids=lambda forgery: forgery.__name__)
def test_every_type_of_event_is_found_at_its_place(bundles, tmp_path, forgery):
    """What is said first is what was done, and where; manifest and signed heads convict as well."""
    for one in bundles:
        shop = light(one.path)
        for kind in one.own:
            at, event = forged(one, shop, forgery, kind)
            found = findings(shop.write(tmp_path / "forged.zip"))
            assert (found[0].code, found[0].place) in first_said(one.lines, at, event, forgery), (kind, found[0])
            assert vb.Finding("MANIFEST_CHANGED", vb.MANIFEST) in found, kind
            assert {"HEAD_ROOT", "HEAD_SIZE"} & {finding.code for finding in found}, kind


def test_every_type_of_event_is_compared_with_its_history(bundles, tmp_path):
    """A history that says something else of one event, with a digest that fits, is found at that event."""
    for one in bundles:
        for kind, (_, event) in one.own.items():
            shop = light(one.path)
            change_its_history(shop, event)
            found = findings(shop.write(tmp_path / "forged.zip"))
            assert found[0] == vb.Finding("HISTORY_EVENTS", f"{event['stream']}#{event['version']}"), kind


@pytest.mark.parametrize("forgery", [rehash_the_tail, cut_the_tail, insert, change_the_clock])
def test_signed_heads_convict_for_every_type_what_nothing_else_can_see(bundles, tmp_path, forgery):
    """Histories gone, chains hashed anew: a head tells between which events to look, or how many there were."""
    for one in bundles:
        shop = light(one.path)
        without_histories(shop)
        for kind in one.own:
            at, _ = forged(one, shop, forgery, kind)
            found = findings(shop.write(tmp_path / "forged.zip"))
            convicted = [finding for finding in found if finding.code in ("HEAD_ROOT", "HEAD_SIZE")]
            assert convicted, kind
            if forgery is rehash_the_tail:  # the chain holds, and the number is right
                assert found[0] == convicted[0]
                first, last = stretch(shop.lines, convicted[0].place)
                assert first <= at <= last, kind


def test_a_record_that_a_thief_wrote_and_signed_anew_fits_itself_and_is_not_the_houses(bundles, tmp_path, asked):
    """An event, its tail, all heads, proofs and keys: only the public key from another way tells, and it does."""
    for one in bundles:
        shop = light(one.path)
        without_histories(shop)
        forged(one, shop, rehash_the_tail, list(one.own)[-1])
        signed_anew(shop, THIEF)
        file = shop.write(tmp_path / "forged.zip", THIEF)
        assert vb.verify(file).verified
        assert findings(file) == [vb.Finding("SIGNER_UNKNOWN", vb.KEYS)]
    for code, said in asked(file):
        assert (code, said["error"]["code"], said["error"]["place"]) == (7, "SIGNER_UNKNOWN", vb.KEYS)


def stretch(lines, place):
    """Return from where to where in the list a head's finding says to look."""
    names = [f"{event['stream']}#{event['version']}" for event in map(json.loads, lines)]
    _, _, said = place.partition("(")
    first, last = said.rstrip(")").split(" – ")
    return names.index(first), names.index(last)


# -- the same by the command, and by the program that lies in the bundle ----------------------------------------------


@pytest.fixture
def asked(bundles, tmp_path, monkeypatch, capsys):
    """Ask `audit verify`, and the one file in a Python with nothing of ours: exit codes and JSON."""
    program = tmp_path / "verify_bundle.py"
    program.write_bytes(Workshop(bundles[0].path).members[vb.PROGRAM])
    command = command_line(monkeypatch, capsys)

    def told(file):
        words = [str(file), "--key", PUBLIC, "--json"]
        one = command("audit", "verify", *words)
        alone = [sys.executable, "-I", "-S", str(program), *words]
        other = subprocess.run(alone, capture_output=True, env={}, cwd="/", check=False, timeout=60)
        return (one.code, one.json), (other.returncode, json.loads(other.stdout))

    return told


@pytest.mark.parametrize("forgery", OF_EVENTS, ids=lambda forgery: forgery.__name__)
def test_the_command_and_the_bundles_own_program_say_the_same(bundles, tmp_path, asked, forgery):
    """Exit 7, the same place first, the same findings; of another type each time."""
    number = OF_EVENTS.index(forgery)
    one = bundles[number]
    shop = Workshop(one.path)
    forged(one, shop, forgery, list(one.own)[-1 - number])
    file = shop.write(tmp_path / "forged.zip", THIEF)
    wanted = [(finding.code, finding.place) for finding in findings(file)]
    for code, said in asked(file):
        assert (code, said["error"]["code"], said["error"]["place"]) == (7, *wanted[0])
        assert [(finding["code"], finding["place"]) for finding in said["findings"]] == wanted
