"""What a bureau sees before it sends: every notice, whether it may be published, its senders, and what it will cost."""

from __future__ import annotations

import csv
import json
import shutil
from datetime import date

import pytest

import cli.notices_templates as command
from cli.failures import Failure
from cli.launch import launch
from cli.notices import preview
from cli.notices_cost import as_data, most_segments, open_stages, waiting
from cli.options import Face
from domain.message_cost import Forecast
from domain.notices import CHANNELS
from notices.catalogue import DIRECTORY, LANGUAGES, catalogue, load
from notices.claims import CLAIMS, load_claims
from rehearsal.county import make_county
from settings import SmsGateway

SIGNATURE = "青山县教体局"
MEETINGS = "campaign/qingshan/2025/9900010001/parent-meetings"


@pytest.fixture
def face(tmp_path):
    """Return a face on an empty data directory, with JSON."""
    return Face(json=True, data=tmp_path / "var")


@pytest.fixture
def own(tmp_path):
    """Return a copy of what ships, for a county that changes it."""
    shutil.copytree(DIRECTORY, tmp_path / "own" / "templates")
    shutil.copytree(CLAIMS, tmp_path / "own" / "claims")
    return tmp_path / "own"


def printed(capsys):
    """Return the one JSON object on stdout."""
    return json.loads(capsys.readouterr().out)


def changed(place, was, now):
    """Change a file of a copy."""
    text = place.read_text(encoding="utf-8")
    assert was in text
    place.write_text(text.replace(was, now), encoding="utf-8")


def test_every_notice_is_previewed_in_both_languages_before_a_campaign_starts(face, capsys):
    """Each once a language, with no placeholder and no code; the text message with what it is charged."""
    assert command.preview_all(face, None) == 0
    data = printed(capsys)
    shown = [(one["template"], one["lang"]) for one in data["notices"]]
    assert shown == [(template.label, lang) for template in catalogue().newest for lang in LANGUAGES]
    assert data["unpublishable"] == []
    for one in data["notices"]:
        assert one["subject"]
        assert "{" not in f"{one['subject']}{one['text']}{one['short']}"
        assert (one["short"] is None) == (one["audience"] == "staff")
        if one["short"] is not None:
            assert one["segments"] <= one["most_segments"]
            assert one["characters"] == len(one["short"]) + 14
    assert "ntc_" not in json.dumps(data)


def test_one_language_and_one_channel_can_be_asked_for(face, capsys):
    """By text message no letter with a code; by a robot nothing about a family or about one pupil."""
    only = Face(json=True, data=face.data, lang="en")
    shown = {}
    for channel in CHANNELS:
        command.preview_all(only, channel)
        data = printed(capsys)
        assert {one["lang"] for one in data["notices"]} == {"en"}
        shown[channel] = {one["purpose"] for one in data["notices"]}
    assert "meeting_invitation" in shown["sms"]
    assert not {"choice_notice", "choice_notice_pupil", "stage_reminder"} & shown["sms"]
    assert shown["wecom_robot"] == shown["dingtalk_robot"] >= {"stage_reminder", "letters_missing"}
    assert not {"student_overdue", "meeting_invitation"} & shown["wecom_robot"]
    assert {"choice_notice", "stage_reminder"} <= shown["email"]
    assert "stage_reminder" not in shown["paper"]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"purpose": "meeting_invitation", "all_": True},
        {"purpose": "meeting_invitation", "channel": "sms"},
        {"channel": "sms"},
        {"all_": True, "student": "stu_000001"},
    ],
)
async def test_a_preview_is_of_one_purpose_or_of_all(given, face):
    """Wrong usage, and said so: nothing is guessed."""
    with pytest.raises(Failure) as caught:
        await preview(**given, face=face)
    assert (caught.value.exit_code, caught.value.code) == (2, "CHOICE_NEEDED")


async def test_the_preview_of_one_purpose_has_its_text_message(face, capsys):
    """And `--all` is the same command."""
    await preview("meeting_invitation", face=face)
    one = printed(capsys)
    assert one["template"] == "meeting_invitation/2"
    assert one["segments"] <= one["most_segments"]
    await preview(all_=True, channel="sms", face=face)
    assert one in printed(capsys)["notices"]


def test_a_preview_reads_as_people_read_it(face, capsys):
    """Not only for programs: subject, text and the text message with its segments."""
    command.preview_all(Face(data=face.data, lang="zh"), "sms")
    out = capsys.readouterr().out
    assert "meeting_invitation/2 [zh]" in out
    assert "参加家长会" in out


def test_the_deployments_own_signature_is_counted(face, capsys, monkeypatch):
    """A county that has registered one is told what its families are really sent."""
    gateway = SmsGateway(url="https://sms.county.invalid", secret=b"s", signature=SIGNATURE)
    settings = face.settings().model_copy(update={"sms": gateway})
    monkeypatch.setattr(Face, "settings", lambda _: settings)
    command.preview_all(face, "sms")
    for one in printed(capsys)["notices"]:
        assert one["characters"] == len(one["short"]) + len(SIGNATURE) + 2


async def test_what_ships_can_be_published(face, capsys):
    """The counts, each text message's segments, and what is the sample county's."""
    assert await command.check(face=face) == 0
    data = printed(capsys)
    assert data["templates"] == len(catalogue().purposes)
    assert data["segments"]["meeting_invitation/2"] == {"zh": 1, "en": 2}
    assert "aid_rate.1" in data["claims"]
    assert "school_list" in data["sample_claims"]


async def test_a_county_checks_its_own_directory(own, face, capsys):
    """With templates, claims or both; what it does not have is what ships."""
    changed(own / "claims" / "school_list.1.toml", "sample = true\n", "")
    assert await command.check(own, face=face) == 0
    assert "school_list" not in printed(capsys)["sample_claims"]
    shutil.rmtree(own / "templates")
    assert await command.check(own, face=face) == 0
    assert "school_list" not in printed(capsys)["sample_claims"]
    shutil.rmtree(own / "claims")
    with pytest.raises(Failure) as caught:
        await command.check(own, face=face)
    assert (caught.value.exit_code, caught.value.code) == (3, "NO_TEMPLATES")


@pytest.mark.parametrize(
    ("file", "was", "now", "place", "problem"),
    [
        (
            "templates/choice_notice/3.toml",
            "每名学生都参加中考",
            "七日内参加中考",
            "choice_notice/3.toml",
            "zh.text: 七日",
        ),
        ("templates/choice_notice/3.toml", "{{ claim.aid_rate }}", "{{ claim.x }}", "choice_notice/3.toml", "claim x"),
        ("templates/meeting_moved/2.toml", "[en]", "[fr]", "meeting_moved/2.toml", "en: Field required"),
        ("claims/aid_rate.1.toml", "valid_from = 2022-05-01", "", "aid_rate.1.toml", "valid_from: Field required"),
    ],
)
async def test_what_cannot_be_published_is_named_by_file_and_field(own, face, file, was, now, place, problem):
    """Exit 3, before anything is sent."""
    changed(own / file, was, now)
    with pytest.raises(Failure) as caught:
        await command.check(own, face=face)
    assert (caught.value.exit_code, caught.value.code, caught.value.place) == (3, "TEMPLATES_INVALID", place)
    assert problem in caught.value.message


@pytest.mark.parametrize(
    ("was", "now", "code"),
    [
        ("valid_from = 2022-05-01", "valid_from = 2022-05-01\nvalid_to = 2025-02-28", "CLAIM_EXPIRED"),
        ('approved_by = "bureau_approver"\napproved_on = 2022-04-20\n', "", "CLAIM_UNAPPROVED"),
        ("valid_from = 2022-05-01", "valid_from = 2025-09-01", "CLAIM_NOT_YET_VALID"),
    ],
)
async def test_a_claim_that_may_not_be_made_blocks_publishing(own, face, was, now, code):
    """Exit 3 with template, claim and reason; on a day on which it may be made all is well."""
    changed(own / "claims" / "aid_rate.1.toml", was, now)
    with pytest.raises(Failure) as caught:
        await command.check(own, on=date(2025, 3, 10), face=face)
    assert (caught.value.exit_code, caught.value.code) == (3, "TEMPLATES_NOT_PUBLISHABLE")
    assert caught.value.data["unpublishable"] == [{"template": "choice_notice/3", "claim": "aid_rate", "code": code}]
    if code == "CLAIM_EXPIRED":
        assert await command.check(own, on=date(2025, 2, 28), face=face) == 0


async def test_nobody_launches_with_a_claim_that_has_expired(own, face, tmp_path, monkeypatch):
    """Refused before anything is read or written, for the sample county too."""
    changed(
        own / "claims" / "aid_rate.1.toml", "valid_from = 2022-05-01", "valid_from = 2022-05-01\nvalid_to = 2022-06-01"
    )
    expired = load(own / "templates", load_claims(own / "claims"))
    monkeypatch.setattr(command, "catalogue", lambda: expired)
    make_county(tmp_path / "county", 1, 5)
    with pytest.raises(Failure) as caught:
        await launch(tmp_path / "county", by="stf_000001", face=face)
    assert caught.value.code == "TEMPLATES_NOT_PUBLISHABLE"
    assert not (tmp_path / "var").exists()


async def test_a_real_county_is_told_which_claims_are_the_samples(face, tmp_path, capsys):
    """Its letters would name the sample county's list of schools; the sample county itself is told nothing."""
    home = tmp_path / "county"
    make_county(home, 1, 5)
    with (home / "staff.csv").open(encoding="utf-8-sig", newline="") as file:
        officer = next(row["staff_ref"] for row in csv.DictReader(file) if row["role"] == "bureau_officer")
    await launch(home, by=officer, dry_run=True, face=face)
    assert "CLAIMS_OF_THE_SAMPLE" not in {warning["code"] for warning in printed(capsys)["warnings"]}
    text = (home / "campaign.toml").read_text(encoding="utf-8")
    (home / "campaign.toml").write_text(text.split("\n", 1)[1], encoding="utf-8")
    await launch(home, by=officer, dry_run=True, face=face)
    (told,) = (one for one in printed(capsys)["warnings"] if one["code"] == "CLAIMS_OF_THE_SAMPLE")
    assert "school_list" in told["claims"]
    assert "school_list" in told["message"]


async def test_the_senders_are_published_in_words_a_family_can_read(face, capsys, monkeypatch):
    """What is configured, how each is known, and what is never asked; no secret and no server (FEATURES G18)."""
    assert await command.senders(face=face) == 0
    assert printed(capsys)["senders"] == []
    gateway = SmsGateway(url="https://sms.county.invalid", secret=b"very-secret", signature=SIGNATURE)
    settings = face.settings().model_copy(update={"sms": gateway})
    monkeypatch.setattr(Face, "settings", lambda _: settings)
    await command.senders(face=face)
    out = capsys.readouterr().out
    (sender,) = json.loads(out)["senders"]
    assert (sender["channel"], sender["sender"]) == ("sms", SIGNATURE)
    assert f"【{SIGNATURE}】" in sender["sentence"]
    assert len(json.loads(out)["never"]) == len(command.NEVER)
    assert "secret" not in out
    assert "sms.county" not in out


def test_segments_that_wait_are_those_of_waiting_text_messages():
    """By what their templates declare; what is done, dead or on another channel counts nothing."""
    rows = [
        {"purpose": "meeting_invitation", "channel": channel, "state": state}
        for channel in ("sms", "email")
        for state in ("planned", "held", "accepted", "failed_permanent", "failed_temporary", "unknown")
    ]
    assert most_segments(catalogue())["meeting_invitation"] == 2
    assert waiting(rows, catalogue()) == 3 * 2


def test_open_stages_know_who_was_written_to():
    """A household with two guardians counts once; a stage that is over is not there."""
    board = {
        "campaign/qingshan/2025/9900010001": {"pupils": 50},
        MEETINGS: {"stage": "parent-meetings", "status": "open"},
        MEETINGS.replace("parent-meetings", "school-visits"): {"stage": "school-visits", "status": "completed"},
    }
    rows = [
        {"stream": MEETINGS, "purpose": "meeting_invitation", "recipient": "stu_1"},
        {"stream": MEETINGS, "purpose": "meeting_invitation", "recipient": "stu_1"},
        {"stream": MEETINGS, "purpose": "meeting_moved", "recipient": "stu_2"},
    ]
    (stage,) = open_stages(board, rows)
    assert (stage.stage, stage.pupils, stage.planned) == ("parent-meetings", 50, {"meeting_invitation": 1})


def test_a_forecast_is_exact_as_json():
    """Whole segments, and yuan as text with all thousandths."""
    data = as_data(Forecast(used=101, waiting=2, expected=30, limit=120, price_milliyuan=45))
    assert data["segments"] == {"used": 101, "waiting": 2, "expected": 30, "total": 133}
    assert data["yuan"] == {"used": "4.545", "waiting": "0.090", "expected": "1.350", "total": "5.985"}
    assert (data["limit"], data["left"], data["missing"]) == (120, 19, 13)
