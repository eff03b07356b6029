"""Two bundles beside each other: what the later one adds, and that nothing of the earlier one was taken back."""

from __future__ import annotations

import asyncio
import copy
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from audit_log_tools import find, sealed
from audit_memory import of_county
from audit_small_log import FILING, good
from bundle_maker import KEY, NOW, TEMPLATES, THIEF

from audit.bundle.writer import write_bundle
from audit.bundle_ledger import Bundle, BundleNotVerifiedError
from audit.diff import compare
from audit.heads import make_head
from audit.two_bundles import OtherCampaignError, Relation, compare_bundles
from audit.verifier import verify_bundle as vb
from ledger.store import Ledger

sys.path += [str(Path(__file__).parents[1] / room) for room in ("cli", "domain")]
from cli_in_process import command_line
from filing_families import Filing
from stream_samples import CAMPAIGN, SCHOOL, A, B, running_county

PUBLIC = str(KEY.public)
TRUSTED = vb.Key.parse(PUBLIC)


async def exported(folder, streams, *, parts=(1,), templates=None, signer=KEY):
    """Write streams into a ledger part by part, with a head after each, and return a bundle after each head."""
    folder.mkdir()
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{folder / 'ledger.db'}")
    written = dict.fromkeys(streams, 0)
    paths = []
    try:
        for number, share in enumerate(parts):
            for stream, events in streams.items():
                until = round(len(events) * share) or 1
                if new := events[written[stream] : until]:
                    await ledger.append(new, [], {})
                    written[stream] = until
            headed = await make_head(ledger, CAMPAIGN, signer, streams[CAMPAIGN][0]["data"]["clock"], NOW)
            paths.append(folder / f"bundle-{number}.zip")
            write_bundle(headed, [], signer, paths[-1], templates=templates or TEMPLATES, code_version="1.2.3")
    finally:
        await ledger.close()
    return paths


def log():
    """Return a county in which two pupils of one school were registered in the autumn."""
    county = running_county(quotas={SCHOOL: {"2026-01": 2, "2026-02": 1}}, release=3)
    filing = Filing(content={"release": 3}).to("2026-05-11 09:00")
    filing.registered(A, B)
    return copy.deepcopy({**of_county(county), FILING: filing.ledger})


def rewritten():
    """Return the log with another paper named in a registration, everything after it hashed anew."""
    streams = log()
    find(streams, "RegistrationVerified", student=A)["data"]["register_ref"] = "XJ-99"
    return sealed(streams)


@dataclass
class Bundles:
    """Bundles of one campaign, as they were made or forged."""

    half: Path
    whole: Path
    again: Path
    templates: Path
    fork: Path
    other_heads: Path


@pytest.fixture(scope="module")
async def bundles(tmp_path_factory):
    """Half of a campaign and all of it from one ledger; the same events elsewhere; another past under the same key."""
    folder = tmp_path_factory.mktemp("two")
    streams = log()
    half, whole = await exported(folder / "one", streams, parts=(0.5, 1))
    (again,) = await exported(folder / "again", streams)
    (templates,) = await exported(folder / "templates", streams, templates={"meeting_invitation/1": "f" * 64})
    (fork,) = await exported(folder / "fork", rewritten())
    _, other_heads = await exported(folder / "heads", streams, parts=(0.25, 1))
    return Bundles(half, whole, again, templates, fork, other_heads)


async def told(first, second, **only):
    """Compare two files."""
    return await compare_bundles(Bundle.read(first, TRUSTED), Bundle.read(second, TRUSTED), **only)


async def test_a_bundle_and_itself_are_the_same_byte_for_byte(bundles):
    """No event, no state, no figure."""
    found = await told(bundles.whole, bundles.whole)
    assert (found.relation, found.sound, found.members, found.taken_back) == (Relation.SAME, True, [], [])
    assert found.changes.bytes == b'{"events":[],"settlement":{"county":[],"schools":[]},"streams":[]}'


async def test_a_later_bundle_continues_the_earlier_one(bundles):
    """Gained events by school and type, the figures by school; and the members that grew are named."""
    found = await told(bundles.half, bundles.whole)
    assert (found.relation, found.sound, found.taken_back) == (Relation.CONTINUES, True, [])
    first, second = (Bundle.read(path).streams for path in (bundles.half, bundles.whole))
    count = sum(map(len, second.values())) - sum(map(len, first.values()))
    assert sum(row["gained"] for row in found.changes.events) == count > 0
    assert found.changes.events == compare(first, second).events
    [school] = [row for row in found.changes.settlement["schools"] if row["school"] == SCHOOL]
    assert {"figure": "countable", "was": 0, "is": 2} in school["changes"]
    assert school["classes"] == []  # a class of three pupils is small: R-22
    assert {row["name"] for row in found.members} >= {"events.jsonl", "proofs.json"}


async def test_a_cut_tail_is_found_though_both_are_signed(bundles):
    """The shorter bundle verifies by itself; the events that are gone are named."""
    found = await told(bundles.whole, bundles.half)
    assert (found.relation, found.sound) == (Relation.CUT, False)
    assert {row["kind"] for row in found.taken_back} == {"lost"}


async def test_a_rewritten_past_is_found_though_both_are_signed(bundles):
    """The whole tail hashed anew, signed with the right key: each verifies alone, together they convict the signer."""
    found = await told(bundles.whole, bundles.fork)
    assert (found.relation, found.sound) == (Relation.FORKED, False)
    changed = find(rewritten(), "RegistrationVerified", student=A)
    [first] = [row for row in found.taken_back if row["event"].startswith(FILING)][:1]
    assert (first["event"], first["kind"]) == (f"{FILING}#{changed['version']}", "altered")


async def test_the_order_that_a_head_signed_is_a_promise(bundles):
    """The same events, but a tree that does not begin with the earlier bundle's: the leaves were moved."""
    found = await told(bundles.half, bundles.other_heads)
    assert (found.relation, found.sound) == (Relation.REORDERED, False)
    assert (await told(bundles.whole, bundles.other_heads)).relation is Relation.REORDERED


async def test_another_key_is_another_log_whose_order_is_its_own(bundles, tmp_path):
    """A copy that somebody else keeps takes the events in as they come to it: no fork, and the signer is named."""
    elsewhere = type(KEY)("other.example", b"e" * 32)
    [copy] = await exported(tmp_path / "copy", log(), signer=elsewhere)
    found = await compare_bundles(Bundle.read(bundles.half), Bundle.read(copy))
    assert found.relation is Relation.CONTINUES
    found = await compare_bundles(Bundle.read(bundles.other_heads), Bundle.read(copy))
    assert found.relation is Relation.SAME_EVENTS
    assert "keys.txt" in {row["name"] for row in found.members}


async def test_two_logs_of_one_campaign_are_told_as_two(bundles, tmp_path):
    """Another name, or another first key under the same name: nothing was promised, so nobody has forked anything."""
    for name in ("other.example", KEY.public.name):
        stranger = type(KEY)(name, b"e" * 32)
        [other] = await exported(tmp_path / name, rewritten(), signer=stranger)
        found = await compare_bundles(Bundle.read(bundles.whole), Bundle.read(other))
        assert (found.relation, found.one_log, found.sound) == (Relation.TWO_LOGS, False, False)
    found = await told(bundles.whole, bundles.fork)
    assert (found.relation, found.one_log) == (Relation.FORKED, True)


async def test_the_same_events_with_another_template_are_not_silent(bundles):
    """Nothing of the record differs, and the member that does is named with both digests."""
    found = await told(bundles.again, bundles.templates)
    assert (found.relation, [row["name"] for row in found.members]) == (Relation.SAME_EVENTS, ["templates.json"])
    assert found.members[0]["was"] != found.members[0]["is"]
    assert found.changes.events == []


async def test_figures_that_no_rule_can_compute_are_said_to_be_so(tmp_path):
    """A log that the key's holder wrote by hand: events are compared, and no figure is guessed."""
    [path] = await exported(tmp_path / "odd", sealed(good()))
    found = await told(path, path)
    assert (found.changes.settlement, found.figures_not_computable) == (None, ("was", "is"))


async def test_one_pupil_or_one_school_alone(bundles):
    """What is about others is left out; how the bundles stand to each other is told of the whole."""
    found = await told(bundles.whole, bundles.fork, school="9900010002")
    assert (found.changes.events, found.changes.settlement, found.relation) == ([], None, Relation.FORKED)
    found = await told(bundles.half, bundles.whole, student=A)
    assert found.changes.told
    assert {one["student"] for row in found.changes.streams for one in row["pupils"]} == {A}


async def test_what_does_not_verify_is_not_compared(bundles, tmp_path):
    """A changed byte, and a campaign of another year."""
    bad = tmp_path / "bad.zip"
    bad.write_bytes(bundles.whole.read_bytes().replace(b"RegistrationVerified", b"RegistrationVerifiee", 1))
    with pytest.raises(BundleNotVerifiedError) as error:
        await told(bundles.half, bad)
    assert error.value.verdict.findings
    first, second = Bundle.read(bundles.half), Bundle.read(bundles.whole)
    second.verdict.campaign = "campaign/qingshan/2031"
    with pytest.raises(OtherCampaignError):
        await compare_bundles(first, second)


# -- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def ask(monkeypatch, capsys):
    """Run the command."""
    return command_line(monkeypatch, capsys)


def test_the_command_says_what_differs_and_ends_with_7_where_something_was_taken_back(ask, bundles, tmp_path):
    """0 where nothing contradicts, 7 with the first event that does; `error` and all keys in one object."""
    key = ("--key", PUBLIC, "--json")
    same = ask("audit", "diff", bundles.whole, bundles.whole, *key)
    assert (same.code, same.json["relation"], same.json["first"]["trusted"]) == (0, "same", True)
    grown = ask("audit", "diff", bundles.half, bundles.whole, *key)
    assert (grown.code, grown.json["relation"], "error" in grown.json) == (0, "continues", False)
    forked = ask("audit", "diff", bundles.whole, bundles.fork, *key)
    assert (forked.code, forked.json["error"]["code"]) == (7, "BUNDLE_FORKED")
    assert forked.json["taken_back"][0]["event"] in forked.json["error"]["place"]
    cut = ask("audit", "diff", bundles.whole, bundles.half, *key)
    assert (cut.code, cut.json["error"]["code"]) == (7, "BUNDLE_CUT")
    assert (cut.json["log"], cut.json["first"]["origin"]) == ("one", cut.json["second"]["origin"])
    pupil = ask("audit", "diff", bundles.half, bundles.whole, "--student", A, *key)
    assert pupil.json["told"]
    assert pupil.json["settlement"] is None


async def test_the_command_names_two_logs(bundles, ask, tmp_path, monkeypatch):
    """7, for the second does not hold the first; the two names stand beside each other, and no event is blamed."""
    [other] = await exported(tmp_path / "other", rewritten(), signer=type(KEY)("other.example", b"e" * 32))

    def asked(*more):
        return asyncio.to_thread(ask, "audit", "diff", bundles.whole, other, *more)

    found = await asked("--json")
    assert (found.code, found.json["relation"], found.json["log"]) == (7, "two_logs", "two")
    assert (found.json["error"]["code"], found.json["error"]["place"]) == ("BUNDLE_TWO_LOGS", str(other))
    assert found.json["error"]["remedy"]
    for lang, words in (("zh", "两份不同的记录"), ("en", "of two logs")):
        monkeypatch.setattr("cli.language.LANG", lang)
        text = (await asked()).out
        assert words in text
        assert all(f"│ {name}/" in text for name in (KEY.public.name, "other.example"))


def test_the_command_for_a_person(ask, bundles, monkeypatch):
    """In words what holds, and that nobody vouches where no key was given."""
    for lang, words in (
        ("zh", ("完整地接续", "前后一致", "学籍已核验")),
        ("en", ("continues the earlier", "self-consistency", "registration verified")),
    ):
        monkeypatch.setattr("cli.language.LANG", lang)
        text = ask("audit", "diff", bundles.half, bundles.whole).out
        assert all(word in text for word in words)
        assert "RegistrationVerified" not in text


def test_the_command_refuses_what_it_cannot_compare(ask, bundles, tmp_path):
    """A campaign without its second moment, a missing file, no bundle, a wrong key, a changed byte."""
    (tmp_path / "text.zip").write_text("no bundle")
    bad = tmp_path / "bad.zip"
    bad.write_bytes(bundles.whole.read_bytes() + b"\x00")
    whole = bundles.whole
    for words, code in (
        ((CAMPAIGN, "2026-01-01"), (2, "ARGUMENT_MISSING")),
        ((tmp_path / "none.zip", whole), (4, "FILE_MISSING")),
        ((tmp_path / "text.zip", whole), (3, "NOT_A_BUNDLE")),
        ((whole, bad), (7, "CONTAINER_BITS")),
        ((whole, whole, "--key", str(THIEF.public)), (7, "SIGNER_UNKNOWN")),
        ((whole, whole, "--key", "nothing"), (2, "KEY_MALFORMED")),
        ((whole, whole, *(("--key", PUBLIC) * 3)), (2, "KEY_TOO_MANY")),
        ((whole, whole, "--by", "stf_x"), (2, "DIFF_WHAT")),
        ((whole, whole, "--student", "Zhang San"), (2, "STUDENT_INVALID")),
        ((CAMPAIGN, "2026-01-01", "2026-01-02", "--key", PUBLIC), (2, "DIFF_WHAT")),
    ):
        found = ask("audit", "diff", *words, "--json")
        assert (found.code, found.json["error"]["code"]) == code, words
