"""Notice templates that heads name: the one-file verifier reads the line, compares the lists and tells what changed."""

from __future__ import annotations

import functools
import hashlib
import json
import zipfile

import pytest
from audit_log_tools import sealed
from audit_small_log import good
from bundle_maker import KEY, THIEF, Workshop
from named_templates import EDITED, FIRST, MORE, exported, head_names, opened, signed

from audit.bundle.writer import NotVerifiedError
from audit.checkpoint import Checkpoint, sign_checkpoint
from audit.head_templates import line_of, listing
from audit.signing_keys import SigningKey
from audit.verifier import verify_bundle as vb

PUBLIC = str(KEY.public)
TRUSTED = vb.Key.parse(PUBLIC)
ORIGIN = "audit.example/campaign/x/1"
THREE = (ORIGIN, "3", "cnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI=")
DIGEST = "0123456789abcdef" * 4
LINE = f"templates sha256:{DIGEST}"


# -- the line in a head -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more",
    [
        (),
        ("another line",),
        ("templates",),
        ("templatesx sha256:0",),
        (f" {LINE}",),
        (f"x{LINE}", f"Templates sha256:{DIGEST}"),
    ],
)
def test_other_extension_lines_are_not_read(more):
    """Whoever signs may add lines of their own (C2SP tlog-checkpoint); before, behind and without ours."""
    head = vb.Head(ORIGIN, 3, b"r" * 32)
    assert vb.parse_extended((*THREE, *more)) == head
    assert vb.parse_extended((*THREE, *more)).templates == ""
    for lines in ((*more, LINE), (LINE, *more)):
        found = vb.parse_extended((*THREE, *lines))
        assert (found, found.templates) == (head, DIGEST)


@pytest.mark.parametrize(
    "more",
    [
        (LINE, LINE),
        (LINE, f"templates sha256:{'f' * 64}"),
        (LINE[:-1],),
        (f"{LINE}0",),
        (f"{LINE} ",),
        (LINE.upper().replace("TEMPLATES SHA256", "templates sha256"),),
        (f"templates sha512:{DIGEST}",),
        (f"templates {DIGEST}",),
        ("templates ",),
        ("templates sha256:",),
        ("",),
        (LINE, ""),
    ],
)
def test_templates_named_twice_or_otherwise_make_no_head(more):
    """One line, one form; and no extension line is empty."""
    with pytest.raises(ValueError, match=r".*"):
        vb.parse_extended((*THREE, *more))


def test_a_head_keeps_its_three_lines():
    """Fewer, or another spelling of them, is no head with a fourth line either; a log may have any name."""
    assert vb.parse_extended((LINE, *THREE[1:], LINE)).origin == LINE
    for lines in ((), THREE[:2], (*THREE[:2], LINE), (ORIGIN, "03", THREE[2], LINE), (ORIGIN, LINE, *THREE[1:])):
        with pytest.raises(ValueError, match=r".*"):
            vb.parse_extended(lines)


def test_a_term_of_a_key_ends_at_a_head_whatever_templates_it_names():
    """A change of keys names heads by their three lines."""
    named, plain = vb.parse_extended((*THREE, LINE)), vb.parse_head(THREE)
    assert named.goes_on(plain)
    assert plain.goes_on(named)


def test_the_line_is_under_the_signature():
    """Whoever takes it out or puts another digest in, or a second line, has a head that nobody signed."""
    signer = SigningKey("audit.example", b"a" * 32)
    note = bytes(sign_checkpoint(Checkpoint(ORIGIN, 3, b"r" * 32, (LINE,)), signer))
    line = f"{LINE}\n".encode()
    keys = vb.Keys(vb.Key.parse(str(signer.public)))

    def said(content):
        opened, data = held(**{"heads/3": content})
        findings = vb.Findings()
        heads = vb._read_heads(opened, data, keys, findings)
        return [finding.code for finding in findings.all], [head.templates for _, head in heads]

    assert said(note) == ([], [DIGEST])
    assert note.count(line) == 1
    assert said(note.replace(line, b"")) == (["SIGNATURE_INVALID"], [])
    assert said(note.replace(b":0", b":1")) == (["SIGNATURE_INVALID"], [])
    assert said(note.replace(line, b"more\n" + line)) == (["SIGNATURE_INVALID"], [])
    assert said(note.replace(line, line * 2)) == (["HEAD_FORM"], [])


# -- the lists ----------------------------------------------------------------------------------------------------


def held(**members):
    """Return a bundle of some members, bytes or JSON, as far as its parts are looked at, and its bytes."""
    data, places = b"", {}
    for name, value in members.items():
        content = value if isinstance(value, bytes) else listing(value).encode()
        places[name] = vb.Member(name, len(data), len(content))
        data += content
    return vb.Opened(vb.Note(b"", ()), ORIGIN, vb.Key("audit.example", b"k" * 32), {}, places), data


def named(number, templates):
    """Return a head that names a list, or none."""
    digest = "" if templates is None else hashlib.sha256(listing(templates).encode()).hexdigest()
    return f"heads/{number}", vb.Head(ORIGIN, number, b"r" * 32, digest)


def member_of(templates):
    """Return the member of a list, by its digest."""
    return f"templates/{named(0, templates)[1].templates}.json"


def looked(now, *lists, **changes):
    """Look at heads that name these lists, in an installation with these templates; some members may be others."""
    members = {member_of(one): one for one in lists if one is not None} | {vb.TEMPLATES: now} | changes
    opened, data = held(**{name: value for name, value in members.items() if value is not None})
    verdict, findings = vb.Verdict(), vb.Findings()
    heads = [named(number, one) for number, one in enumerate(lists, 1)]
    vb._check_templates(opened, data, heads, verdict, findings)
    return [(one.code, one.place) for one in findings.all], verdict


def row(before, after, **what):
    """Return how a change is told."""
    return {"from": before, "to": after, "new": [], "changed": [], "gone": []} | what


def test_an_installation_that_did_not_change_has_nothing_to_tell():
    """One list from the first head to the export."""
    found, verdict = looked(FIRST, FIRST, FIRST, FIRST)
    assert (found, verdict.templates, verdict.unnamed) == ([], [], 0)


def test_heads_of_an_older_release_name_no_templates():
    """They are counted, and what lies in the bundle is not judged by them: not even whether it is there."""
    found, verdict = looked({}, None, None)
    assert (found, verdict.templates, verdict.unnamed) == ([], [], 2)
    for broken in (b"[ ]", None):
        assert looked(broken, None)[0] == []
    found, verdict = looked(FIRST, None, FIRST, None)
    assert (found, verdict.templates, verdict.unnamed) == ([], [], 2)
    assert looked({})[1].unnamed == 0


def test_a_version_edited_after_the_last_head_is_named():
    """Each of them with the head that convicts it, and what was published meanwhile beside it."""
    last = "heads/2"
    found, verdict = looked(EDITED, FIRST, FIRST)
    assert found == [("TEMPLATE_CHANGED", f"templates.json choice_notice/1 ({last})")]
    assert verdict.templates == [row(last, vb.TEMPLATES, changed=["choice_notice/1"])]
    found, _ = looked(EDITED | {"meeting_invitation/1": "b" * 64}, FIRST, FIRST)
    assert [place.split(" ")[1] for _, place in found] == ["choice_notice/1", "meeting_invitation/1"]
    found, _ = looked(EDITED, FIRST, None)
    assert found == [("TEMPLATE_CHANGED", "templates.json choice_notice/1 (heads/1)")]


def test_a_version_that_is_gone_since_the_newest_head_is_named():
    """One that an earlier head names and the newest does not was gone before: the heads tell it."""
    found, verdict = looked(FIRST, MORE)
    assert found == [("TEMPLATE_CHANGED", "templates.json choice_notice/2 (heads/1)")]
    assert verdict.templates == [row("heads/1", vb.TEMPLATES, gone=["choice_notice/2"])]
    found, verdict = looked(FIRST, MORE, FIRST)
    assert (found, verdict.templates) == ([], [row("heads/1", "heads/2", gone=["choice_notice/2"])])
    found, _ = looked({"choice_notice/1": "e" * 64}, FIRST)
    assert [place.split(" ")[1] for _, place in found] == ["choice_notice/1", "meeting_invitation/1"]


def test_versions_are_named_in_their_order():
    """The same bundle is told in the same words each time."""
    before = {f"{letter}/1": "0" * 64 for letter in "abcdefghijklmnopqrst"}
    now = {label: "1" * 64 for label in before if label > "j"} | {f"{letter}/2": "2" * 64 for letter in "zyxwvuts"}
    found, verdict = looked(now, before)
    assert [place.split(" ")[1] for _, place in found] == sorted(before)
    [change] = verdict.templates
    assert change["gone"] == [label for label in before if label < "j"]
    assert change["changed"] == [label for label in before if label > "j"]
    assert change["new"] == [f"{letter}/2" for letter in "stuvwxyz"]
    edited = {"a/1": "1" * 64, "b/1": "0" * 64, "z/1": "1" * 64}
    found, _ = looked(edited, dict.fromkeys(("a/1", "b/1", "m/1", "z/1"), "0" * 64))
    assert [place.split(" ")[1] for _, place in found] == ["a/1", "m/1", "z/1"]


def test_new_versions_are_allowed_and_told():
    """From head to head, over heads that name none or the same, and after the last one."""
    found, verdict = looked(MORE | {"a/1": "f" * 64}, FIRST, None, FIRST, MORE)
    assert found == []
    assert verdict.templates == [
        row("heads/3", "heads/4", new=["choice_notice/2"]),
        row("heads/4", vb.TEMPLATES, new=["a/1"]),
    ]
    _, verdict = looked(MORE | {"b/1": "f" * 64, "a/1": "f" * 64}, FIRST)
    assert verdict.templates == [row("heads/1", vb.TEMPLATES, new=["a/1", "b/1", "choice_notice/2"])]


def test_an_edit_that_heads_have_signed_is_told_for_good():
    """The two heads between which it happened; put back or left, the installation is as a head says."""
    change = {"changed": ["choice_notice/1"]}
    found, verdict = looked(EDITED, FIRST, EDITED)
    assert (found, verdict.templates) == ([], [row("heads/1", "heads/2", **change)])
    found, verdict = looked(FIRST, FIRST, EDITED)
    assert found == []
    assert verdict.templates == [row("heads/1", "heads/2", **change), row("heads/2", vb.TEMPLATES, **change)]
    third = FIRST | {"choice_notice/1": "3" * 64}
    assert looked(third, FIRST, EDITED)[0] == [("TEMPLATE_CHANGED", "templates.json choice_notice/1 (heads/2)")]


def test_a_list_that_is_gone_or_was_changed_is_named_itself():
    """It is known by its digest; nothing is concluded from it, and the others are still compared."""
    wrong = member_of(FIRST)
    third = MORE | {"a/1": "f" * 64}
    for change, code in ((None, "MEMBER_MISSING"), (MORE, "TEMPLATE_CHANGED"), (b"", "TEMPLATE_CHANGED")):
        found, verdict = looked(third, FIRST, MORE, third, FIRST, **{wrong: change})
        assert (found, verdict.templates) == ([(code, wrong)], [row("heads/2", "heads/3", new=["a/1"])])
        found, verdict = looked(EDITED, FIRST, MORE, **{wrong: change})
        assert found == [
            (code, wrong),
            ("TEMPLATE_CHANGED", "templates.json choice_notice/1 (heads/2)"),
            ("TEMPLATE_CHANGED", "templates.json choice_notice/2 (heads/2)"),
        ]
    assert looked(None, FIRST)[0] == [("MEMBER_MISSING", vb.TEMPLATES)]


def test_a_flood_of_changes_is_counted_and_the_last_one_still_told():
    """Two releases that take turns sign another list each time: fifty are told, and what the export differs in."""
    for number, omitted in ((51, 0), (52, 1)):
        lists = [FIRST, MORE] * 26
        found, verdict = looked(FIRST | {"a/1": "f" * 64} | MORE, *lists[:number])
        assert found == []
        assert (verdict.templates_omitted, len(verdict.templates)) == (omitted, 51)
        assert verdict.templates[-1]["to"] == vb.TEMPLATES
        assert verdict.templates[0] == row("heads/1", "heads/2", new=["choice_notice/2"])
    assert vb.as_data(verdict)["templates_omitted"] == 1
    assert vb.told(verdict).split("\n")[-3] == "  另有 1 处模板变化未列出"
    assert vb.told(verdict, "en").split("\n")[-3] == "  and 1 more changes of templates"
    assert "more changes" not in vb.told(vb.Verdict("c", unnamed=1), "en")


def test_lists_that_are_too_large_together_are_not_read():
    """Each of them may be as large as a member; all of them together no larger, named by a head or not."""
    opened, data = held(**{vb.TEMPLATES: FIRST, member_of(FIRST): FIRST})
    size = opened.members[member_of(FIRST)].size
    for more, refused in ((vb.SMALL_MOST - size, False), (vb.SMALL_MOST - size + 1, True)):
        opened.members["templates/other"] = vb.Member("templates/other", 0, more)
        opened.members["events.jsonl"] = vb.Member("events.jsonl", 0, vb.SMALL_MOST)
        verdict, findings = vb.Verdict(), vb.Findings()
        if refused:
            with pytest.raises(vb.Refused) as error:
                vb._check_templates(opened, data, [named(1, FIRST)], verdict, findings)
            assert (error.value.code, error.value.place) == ("BUNDLE_BOMB", "templates/")
        else:
            vb._check_templates(opened, data, [named(1, FIRST)], verdict, findings)
            assert findings.all == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"5",
        b'"a"',
        b"{ }",
        b'{"a/1":5}',
        b'{"a/1":null}',
        b'{"a/1":["' + b"0" * 64 + b'"]}',
        b'{"a/1":"' + b"0" * 63 + b'"}',
        b'{"a/1":"' + b"0" * 65 + b'"}',
        b'{"a/1":"' + b"A" * 64 + b'"}',
        b'{"../1":"' + b"0" * 64 + b'"}',
        b'{"":"' + b"0" * 64 + b'"}',
        b'{"a 1":"' + b"0" * 64 + b'"}',
        b'{"a/1":"' + b"0" * 64 + b'","b/1":"x"}',
        b'{"b/1":"' + b"0" * 64 + b'","a/1":"' + b"0" * 64 + b'"}',
        b"\xff",
    ],
)
def test_what_is_no_list_is_named(content):
    """Canonical JSON, labels that can be shown, digests; also under a digest that fits."""
    digest = hashlib.sha256(content).hexdigest()
    member = f"templates/{digest}.json"
    for where, members in ((vb.TEMPLATES, {vb.TEMPLATES: content}), (member, {member: content, vb.TEMPLATES: FIRST})):
        opened, data = held(**{member_of(FIRST): FIRST} | members)
        verdict, findings = vb.Verdict(), vb.Findings()
        first, second = named(1, FIRST), ("heads/2", vb.Head(ORIGIN, 2, b"r" * 32, digest))
        vb._check_templates(opened, data, [first, second] if where == member else [first], verdict, findings)
        assert [(one.code, one.place) for one in findings.all] == [("MEMBER_FORM", where)]
        assert verdict.templates == []


def test_what_changed_is_told_to_people_and_programs():
    """In both languages, with both heads; what did not happen is not spoken of."""
    verdict = vb.Verdict("c", templates=[row("heads/1", "heads/2", new=["a/2", "b/1"], changed=["a/1"])])
    assert "说明：通知模板自 heads/1 至 heads/2 有变化：新增 a/2、b/1；改动 a/1" in vb.told(verdict).split("\n")
    english = vb.told(verdict, "en").split("\n")
    assert "Note: the notice templates changed from heads/1 to heads/2: new a/2, b/1; edited a/1" in english
    assert not [line for line in english if "name no templates" in line]
    verdict = vb.Verdict("c", unnamed=2, templates=[row("heads/2", "heads/3", gone=["a/1"])])
    assert "2 个检查点没有载明通知模板" in vb.told(verdict)
    assert "Note: 2 heads name no templates" in vb.told(verdict, "en")
    assert vb.told(verdict, "en").count("heads/2 to heads/3: gone a/1") == 1
    told = vb.as_data(verdict)
    assert (told["unnamed"], told["templates"]) == (2, verdict.templates)


# -- whole bundles ------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def each_once(monkeypatch):
    """Verify the same signature once."""
    monkeypatch.setattr(vb, "ed25519_verifies", _signatures)


_signatures = functools.cache(vb.ed25519_verifies)


@pytest.fixture(scope="module")
async def campaign(tmp_path_factory):
    """A small campaign's record with three heads: one names no templates, the others a list that grew."""
    async with opened(tmp_path_factory.mktemp("named")) as ledger:
        return await signed(ledger, sealed(good()), None, FIRST, MORE)


def test_a_bundle_has_the_lists_that_its_heads_name(campaign, tmp_path):
    """`sha256sum` of a list's member is what the head says; `templates.json` is the newest one's, byte for byte."""
    path = exported(campaign, tmp_path / "b.zip", MORE)
    verdict = vb.verify(path, TRUSTED)
    _, first, second = head_names(campaign)
    assert (verdict.trusted, verdict.unnamed) == (True, 1)
    assert verdict.templates == [row(first, second, new=["choice_notice/2"])]
    with zipfile.ZipFile(path) as archive:
        for name, templates in ((first, FIRST), (second, MORE)):
            line = archive.read(name).decode().split("\n")[3]
            assert line == line_of(listing(templates))
            digest = line.removeprefix("templates sha256:")
            content = archive.read(f"templates/{digest}.json")
            assert hashlib.sha256(content).hexdigest() == digest
            assert json.loads(content) == templates
        assert archive.read(vb.TEMPLATES) == content


def test_a_template_edited_before_the_export_and_after_the_last_head_is_found(campaign, tmp_path):
    """Nothing new to sign, so the newest head speaks: no bundle is written, and the version is named."""
    newest = head_names(campaign)[-1]
    with pytest.raises(NotVerifiedError) as error:
        exported(campaign, tmp_path / "b.zip", MORE | {"choice_notice/2": "e" * 64})
    assert [(one.code, one.place) for one in error.value.verdict.findings] == [
        ("TEMPLATE_CHANGED", f"templates.json choice_notice/2 ({newest})")
    ]
    assert not (tmp_path / "b.zip").exists()
    assert vb.verify(exported(campaign, tmp_path / "b.zip", MORE | {"choice_notice/3": "3" * 64}), TRUSTED).trusted


def edit_the_templates(shop, newest):
    """Another digest in what the installation had."""
    shop.put(vb.TEMPLATES, shop.json(vb.TEMPLATES) | {"choice_notice/1": "e" * 64})
    return ("TEMPLATE_CHANGED", f"templates.json choice_notice/1 ({newest})")


def drop_the_templates(shop, newest):
    """No templates at all."""
    del shop.members[vb.TEMPLATES]
    return ("MEMBER_MISSING", vb.TEMPLATES)


def edit_a_list(shop, newest):
    """Another digest in what a head names, and in the installation's."""
    content = shop.json(vb.TEMPLATES) | {"choice_notice/1": "e" * 64}
    name = member_of(MORE)
    shop.put(name, content)
    shop.put(vb.TEMPLATES, content)
    return ("TEMPLATE_CHANGED", name)


def rename_a_list(shop, newest):
    """The changed list under its own digest: no head names it."""
    del shop.members[member_of(MORE)]
    shop.put(member_of(EDITED), EDITED)
    return ("MEMBER_MISSING", member_of(MORE))


def take_the_line_out(shop, newest):
    """The newest head names no templates any more."""
    line = line_of(listing(MORE)).encode() + b"\n"
    assert line in shop.members[newest]
    shop.members[newest] = shop.members[newest].replace(line, b"")
    edit_the_templates(shop, newest)
    return ("SIGNATURE_INVALID", newest)


def name_another_list(shop, newest):
    """The newest head names the thief's list, which is there."""
    edited = MORE | {"choice_notice/1": "e" * 64}
    shop.members[newest] = shop.members[newest].replace(
        line_of(listing(MORE)).encode(), line_of(listing(edited)).encode()
    )
    shop.put(member_of(edited), edited)
    shop.put(vb.TEMPLATES, edited)
    return ("SIGNATURE_INVALID", newest)


@pytest.mark.parametrize("signer", [None, THIEF, KEY], ids=["not-signed", "by-a-thief", "by-who-exports"])
@pytest.mark.parametrize(
    "forgery",
    [edit_the_templates, drop_the_templates, edit_a_list, rename_a_list, take_the_line_out, name_another_list],
    ids=lambda forgery: forgery.__name__,
)
def test_templates_edited_in_a_bundle_are_found_whoever_signs_it(campaign, tmp_path, forgery, signer):
    """A manifest made anew does not hide it, and no signature but that under the head, which nobody has."""
    shop = Workshop(exported(campaign, tmp_path / "b.zip", MORE))
    expected = forgery(shop, head_names(campaign)[-1])
    verdict = vb.verify(shop.write(tmp_path / "forged.zip", signer), TRUSTED)
    assert not verdict.trusted
    assert expected in {(one.code, one.place) for one in verdict.findings}


async def test_a_record_whose_heads_name_nothing_verifies_as_before(tmp_path):
    """As one that an older release wrote, whatever templates lie in it."""
    async with opened(tmp_path) as ledger:
        headed = await signed(ledger, sealed(good()), None, None)
    shop = Workshop(exported(headed, tmp_path / "b.zip", FIRST))
    assert not [name for name in shop.members if name.startswith("templates/")]
    shop.put(vb.TEMPLATES, EDITED)
    verdict = vb.verify(shop.write(tmp_path / "again.zip", KEY), TRUSTED)
    assert (verdict.trusted, verdict.unnamed, verdict.templates) == (True, 2, [])
