"""What programs call by a code is named for people; and a slip at the command line is told at its command."""

from __future__ import annotations

import errno
import re
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import pytest
from cli_in_process import command_line

from audit.anomaly_rules import RULES
from audit.conformance import Code
from audit.report import LedgerKind, ReplayKind
from cli.audit_diff import FINDINGS
from cli.bundle_export import Exported
from cli.demo import _bundle
from cli.event_labels import CHINESE, event_label, stream_label
from cli.failures import failure_of
from cli.process_labels import ACTS, ANOMALIES, DEVIATIONS, WHY_DRAWN
from cli.replay_shown import KINDS, replay_text
from domain.deciders import DECIDERS
from domain.sampling import Why
from domain.settlement import Finding
from domain.words import WORDS

CAMPAIGN = "campaign/qingshan/2026"


@pytest.fixture
def speak(monkeypatch):
    """Let this process speak a language."""
    return lambda lang: monkeypatch.setattr("cli.language.LANG", lang)


def test_every_type_of_event_has_a_name_in_both_languages(speak):
    """Chinese characters, or plain lower-case words; and no name for a type that there is none of."""
    shared = {"CommandRefused", "PolicyAdopted", "SignalRefused"}
    types = shared | {kind.__name__ for decider in DECIDERS.values() for kind in decider.event_types}
    speak("zh")
    assert [name for name in sorted(types) if not re.search("[\u4e00-\u9fff]", event_label(name))] == []
    speak("en")
    assert [name for name in sorted(types) if not re.fullmatch(r"[a-z][a-z 0-9,’'-]+", event_label(name))] == []
    assert set(CHINESE) <= types
    assert not set(CHINESE) & (set(WORDS) | set(ACTS))
    assert event_label("Unheard") == "unheard"


def test_every_code_of_a_report_has_a_name():
    """Rules of anomalies, kinds of deviations, reasons of a sample, comparisons of a replay, findings of a figure."""
    assert set(FINDINGS) >= {*Finding}
    assert set(ANOMALIES) == {rule.code for rule in RULES}
    assert set(DEVIATIONS) == {*Code}
    assert set(WHY_DRAWN) == {*Why}
    assert set(KINDS) == {*get_args(LedgerKind), *get_args(ReplayKind)}


def test_a_stream_is_named_by_its_school_and_stage(speak):
    """The campaign by its own id, for it is typed in again."""
    for lang, named in (("zh", ("期中学情识别", "控辍个案", "案件")), ("en", ("mid-term", "dropout case", "case"))):
        speak(lang)
        assert stream_label(CAMPAIGN, CAMPAIGN) == CAMPAIGN
        assert stream_label(f"{CAMPAIGN}/9900010001/identification", CAMPAIGN).startswith(f"9900010001 {named[0]}")
        assert stream_label(f"{CAMPAIGN}/9900010001/dropout/stu_a", CAMPAIGN) == f"9900010001 {named[1]} stu_a"
        assert stream_label(f"{CAMPAIGN}/compliance/c-1", CAMPAIGN) == f"{named[2]} c-1"


@pytest.mark.parametrize(("demo", "there"), [(False, "diversion up"), (True, "audit.zip")])
def test_a_replay_says_what_would_bring_the_histories_that_it_did_not_reach(speak, demo, there):
    """An engine, and of a demo's directory its bundle."""
    difference = {"kind": "history", "workflow": f"{CAMPAIGN}/9900010001/retention", "run": "r1", "event": None}
    difference |= {"version": None, "field": "missing", "ledger": None, "found": "abc"}
    report = {"campaign": CAMPAIGN, "events": 3, "histories": 1, "live_unreached": 2, "omitted": 1}
    for lang, words in (
        ("zh", "9900010001 稳定回访（历史 r1）  历史与台账：缺少"),
        ("en", "retention follow-ups (run r1)"),
    ):
        speak(lang)
        text = replay_text({**report, "differences": [difference]}, sound=False, demo=demo)
        assert words in text
        assert there in text
    text = replay_text({**report, "differences": [], "omitted": 0, "live_unreached": 0}, sound=True, demo=demo)
    assert there not in text


@pytest.mark.parametrize(
    ("engine", "demo", "going", "told"),
    [
        (False, False, True, "仍在进行或尚未归档"),
        (False, False, False, "audit archive"),
        (False, True, True, "audit.zip"),
        (True, False, True, "取得历史之后"),
    ],
)
def test_events_without_a_history_are_told_for_the_reason_that_there_is(engine, demo, going, told):
    """No run is said to go on where every one has ended, and no engine of a demo is to be started."""
    made = Exported(Path("b.zip"), 1, "", None, SimpleNamespace(unarchived=3), engine, behind=1, going=going)
    text = made.why_unarchived(demo=demo)
    assert told in text
    assert text.startswith("3 ")
    assert ("diversion up" in text) == (not engine and not demo)
    assert ("仍在进行" in text) == (told == "仍在进行或尚未归档")
    made.verdict.unarchived = 0
    assert made.why_unarchived(demo=demo) == ""


def test_a_place_that_takes_no_file_is_no_bug():
    """A medium that is read-only or full, a file where a directory should be; what is no file's fault stays a bug."""
    for number in (errno.EROFS, errno.ENOSPC, errno.EEXIST, errno.ENAMETOOLONG):
        failure = failure_of(OSError(number, "no", "/media/usb/audit.key"))
        assert (failure.exit_code, failure.code, failure.place) == (3, "FILE_UNREADABLE", "/media/usb/audit.key")
    assert failure_of(OSError(errno.ENETDOWN, "no")) is None


@pytest.mark.parametrize(
    ("words", "place", "remedy"),
    [
        (("audit", "heds"), "audit heds", "audit heads"),
        (("audit", "heads", "lst", CAMPAIGN), "audit heads lst", "audit heads list"),
        (("audit", "heads"), "audit heads", "check"),
        (("audit", "keys", "13800000000"), "audit keys", "rotate"),
        (("audit", "keys", "张三"), "audit keys", "rotate"),
        (("audit", "heads", "list"), "audit heads list", "diversion audit heads list --help"),
        (("audit", "timeline", CAMPAIGN, "--nope"), "audit timeline", "diversion audit timeline --help"),
        (("audit", "heads", "prove", CAMPAIGN, "x", "y"), "audit heads prove", "diversion audit heads prove --help"),
        (("notices", "lst"), "notices lst", "notices list"),
        (("adit",), "adit", "audit"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_slip_is_told_at_its_own_command(monkeypatch, capsys, words, place, remedy):
    """Exit 2; the command as far as it was understood, and what was probably meant, or where its help is."""
    told = command_line(monkeypatch, capsys)(*words, "--json")
    assert told.code == 2
    assert told.json["error"]["place"] == place
    assert remedy in told.json["error"]["remedy"]
    assert "张三" not in told.out
    assert "138" not in told.out


def test_a_demo_says_where_it_goes_and_where_its_bundle_is(monkeypatch, capsys, tmp_path):
    """A directory of something else stays; there is nothing to go on with; the bundle can be verified again."""
    line = command_line(monkeypatch, capsys)
    (tmp_path / "mine").write_text("x")
    told = line("demo", "--data", tmp_path, "--json")
    assert (told.code, told.json["error"]["code"], told.json["error"]["place"]) == (2, "DATA_NOT_A_DEMO", str(tmp_path))
    assert "--data" in told.json["error"]["remedy"]
    assert "移走" in told.json["error"]["remedy"]
    for more in ((), ("--data", tmp_path)):
        told = line("demo", "--resume", *more, "--json")
        assert (told.code, told.json["error"]["code"]) == (2, "DATA_NOT_A_DEMO")
        assert "--resume" in told.json["error"]["remedy"]
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    made = {"file": "audit.zip", "key": "k+1+x", "verified": True, "tampered": {"place": "p", "message": "m"}}
    made |= dict.fromkeys(("size", "events", "heads", "histories", "unarchived"), 0)
    assert _bundle(made, tmp_path)[-1][1].endswith(f"diversion audit verify {tmp_path / 'audit.zip'} --key k+1+x")
    assert "demo --data" in _bundle(made, None)[-1][1]
    assert _bundle(None, None) == []
