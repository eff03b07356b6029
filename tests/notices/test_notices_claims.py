"""The claims library: rates, terms, lists and numbers are said only where somebody has approved them, and in time."""

from __future__ import annotations

from datetime import date

import pytest
from notices_house import AT

from domain.policy_parameters import PolicyParameters
from notices.catalogue import DIRECTORY, LANGUAGES, Catalogue, TemplateError, catalogue, load
from notices.claims import CLAIMS, ClaimError, Library, library, load_claims
from notices.render import render
from notices.wording import Wording

TODAY = date(2025, 3, 10)
RATE = (CLAIMS / "aid_rate.1.toml").read_text(encoding="utf-8")
GOOD = RATE.replace("valid_from = 2022-05-01\n", "valid_from = 2022-05-01\nvalid_to = 2025-02-28\n")
NEWER = GOOD.replace("version = 1", "version = 2").replace("2000", "2300").replace("2022-05-01", "2025-03-01")
NEWER = NEWER.replace("valid_to = 2025-02-28\n", "")
DRAFT = NEWER.replace('approved_by = "bureau_approver"\napproved_on = 2022-04-20\n', "")


def written(folder, **files):
    """Write claims and return their library."""
    for name, text in files.items():
        (folder / f"aid_rate.{name[1:]}.toml").write_text(text, encoding="utf-8")
    return load_claims(folder)


def others():
    """Return what ships, but for the claim that these tests make up."""
    return [claim for name in library().names if name != "aid_rate" for claim in library().versions(name)]


def templates(claims):
    """Return the shipped templates with other claims."""
    return load(DIRECTORY, Library([*others(), *claims.versions("aid_rate")]))


def letter(lang="zh", **more):
    """Return values for the letter to parents."""
    kinds = catalogue().find("choice_notice").variables
    texts = {name: "某" for name, kind in kinds.items() if kind == "text"}
    return {**texts, "written_on": AT.date(), **more}


def test_on_each_day_the_version_is_said_that_holds_then(tmp_path):
    """A rate that changes is a new version beside the old one; its first day is its own."""
    found = templates(written(tmp_path, v1=GOOD, v2=NEWER))
    for on, rate, other in ((date(2025, 2, 28), "2000元", "2300元"), (date(2025, 3, 1), "2300元", "2000元")):
        text = render("choice_notice", "zh", letter(), templates=found, on=on).text
        assert rate in text
        assert other not in text


@pytest.mark.parametrize(
    ("files", "on", "code"),
    [
        ({"v1": GOOD}, TODAY, "CLAIM_EXPIRED"),
        ({"v1": GOOD, "v2": DRAFT}, TODAY, "CLAIM_UNAPPROVED"),
        ({"v2": DRAFT}, TODAY, "CLAIM_UNAPPROVED"),
        ({"v2": DRAFT}, date(2025, 2, 28), "CLAIM_UNAPPROVED"),
        ({"v2": NEWER}, date(2025, 2, 28), "CLAIM_NOT_YET_VALID"),
    ],
)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_nobody_approved_or_what_does_not_hold_is_neither_published_nor_sent(tmp_path, lang, files, on, code):
    """The bureau is told at launch, and a letter that would say it is not rendered on that day."""
    found = templates(written(tmp_path, **files))
    unfit = found.unpublishable(on)
    assert [(one.template, one.claim, one.code) for one in unfit] == [("choice_notice/3", "aid_rate", code)]
    with pytest.raises(TemplateError) as caught:
        render("choice_notice", lang, letter(), templates=found, on=on)
    assert caught.value.code == code
    assert "元" not in str(caught.value)


def test_what_does_not_make_the_claim_goes_on(tmp_path):
    """One expired rate stops the letters that name it, not the invitations."""
    found = templates(written(tmp_path, v1=GOOD))
    given = {"pupil_name": "某", "school": "某", "meeting_at": AT, "complaint_line": "某"}
    assert render("meeting_invitation", "zh", given, templates=found, on=TODAY).text


def test_what_was_sent_can_be_shown_again_after_its_claim_has_expired(tmp_path):
    """Looking at an old letter is no sending."""
    found = templates(written(tmp_path, v1=GOOD))
    assert "2000元" in render("choice_notice", "zh", letter(), templates=found).text


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("zh = ", "zn = "), "zh: Field required"),
        (('source = "', 'source = ""\nx = "'), "source: String should have at least 1 character"),
        (("valid_from = 2022-05-01\n", ""), "valid_from: Field required"),
        (("bureau_approver", "class_head"), "approved_by: Input should be"),
        (("approved_on = 2022-04-20\n", ""), "approved_by and approved_on go together"),
        (("valid_to = 2025-02-28", "valid_to = 2022-04-30"), "valid_to lies before valid_from"),
        (("version = 1", "version = 2"), "holds aid_rate.2"),
        (("version = 1", "version = "), "Invalid value"),
        (("国家助学金", "自愿放弃中考的，国家助学金"), "no notice asks anybody to give up the examination"),
        (("国家助学金", "分流助学金"), "not in a notice to a family: 分流"),
        (("国家助学金", "{{ pupil_name }}"), "zh: String should match pattern"),
    ],
)
def test_a_file_that_is_no_claim_stops_the_start(tmp_path, change, problem):
    """The file and the field are named."""
    assert change[0] in GOOD
    with pytest.raises(ClaimError) as caught:
        written(tmp_path, v1=GOOD.replace(*change))
    assert caught.value.code == "CLAIM_INVALID"
    assert str(caught.value).startswith("aid_rate.1.toml: ")
    assert problem in str(caught.value)


def test_an_unknown_claim_is_refused_when_the_templates_are_read(tmp_path):
    """A wording cannot make a claim that the library does not have, in any version."""
    with pytest.raises(TemplateError, match=r"choice_notice/3\.toml: there is no claim aid_rate"):
        templates(load_claims(tmp_path))
    with pytest.raises(ClaimError, match="no such claim"):
        load_claims(tmp_path).find("aid_rate", TODAY)


def test_what_ships_is_publishable_and_says_what_of_it_is_made_up():
    """For the sample county on any day of its year; a real county is told which claims it has to replace."""
    for on in (date(2024, 9, 1), TODAY, date(2026, 12, 1)):
        assert catalogue().unpublishable(on) == ()
    assert catalogue().unpublishable(date(2020, 1, 1))
    assert catalogue().sample_claims(TODAY) == (
        "aid_rate",
        "data_use",
        "school_list",
        "tuition_free",
        "withdrawal_right",
    )


def test_the_sample_claims_say_what_the_policy_pays_and_grants():
    """A letter that promises another rate or another term than the engine keeps would be a lie."""
    policy = PolicyParameters()
    rate, term = (library().find(name, TODAY) for name in ("aid_rate", "withdrawal_right"))
    assert f"{policy.aid_rate_yuan}元" in rate.zh
    assert f"{policy.aid_rate_yuan} yuan" in rate.en
    assert policy.cooling_off_days == 7
    assert "七日" in term.zh
    assert "seven days" in term.en


def test_every_claim_is_made_somewhere():
    """No statement lies in the library that nobody reads."""
    assert set(library().names) == {claim for template in catalogue().newest for claim in template.claims}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("每年2000元", "2000元"),
        ("每年两千元", "两千元"),
        ("十五个工作日内答复", "十五个工作日"),
        ("不满十四周岁", "十四周岁"),
        ("读三年", "三年"),
        ("百分之二十", "百分之"),
        ("补助 20%", "20%"),
        ("请拨打12345", "12345"),
        ("免学费", "免学费"),
        ("有助学金", "助学金"),
        ("within seven days", "seven days"),
        ("fifteen working days", "fifteen working days"),
        ("under fourteen", "under fourteen"),
        ("2,000 yuan", "2,000 yuan"),
        ("20 per cent", "20 per cent"),
        ("tuition-free", "tuition-free"),
        ("a grant for you", "grant"),
        ("￥50", "￥5"),
        ("读职高学费全免", "学费全免"),
        ("就读中职享受国家资助", "资助"),
        ("上职高不用交学费", "不用交学费"),
        ("无需学费", "无需学费"),
        ("学费由国家承担", "学费由国家承担"),
        ("另有奖金", "奖金"),
        ("毕业即就业", "即就业"),
        ("学校包分配", "包分配"),
        ("就业率很高", "就业率"),
        ("录取率极高", "录取率"),
        ("百分百", "百分百"),
        ("You pay no tuition", "no tuition"),
        ("Schooling there costs nothing", "costs nothing"),
        ("a guaranteed job", "guaranteed job"),
        ("the employment rate is high", "employment rate"),
    ],
)
def test_figures_and_aid_outside_of_claims_are_found(text, found):
    """Digits or words for them with a unit, money, terms, ages, numbers to call, promises of aid."""
    assert found in "".join(Wording(subject="s", text=text).unbacked())


@pytest.mark.parametrize(
    "text",
    [
        "一、每名学生都参加中考",
        "一律不收费，两类学校都可以",
        "这一次选择",
        "1. Every pupil",
        "one of the ways",
        "another day",
        "{{ claim.aid_rate }}",
        "{{ meeting_at }} {{ count }}",
        "今年就不能再读普通高中",
        "学校和教师不收取任何费用",
        "学生的就学、中考、录取照常",
    ],
)
def test_ordinary_words_and_values_of_the_record_are_no_figures(text):
    """Numbering, "once", and what comes from a claim or from the record."""
    assert Wording(subject="s", text=text).unbacked() == ()


@pytest.mark.parametrize(
    "text",
    [
        "家长必须在今天内为孩子报名",
        "请务必签字",
        "请今天签字，否则后果自负",
        "不签就不发毕业证",
        "不选职高将取消升学资格",
        "You must sign today",
        "Sign today, or else",
        "Otherwise your child stays behind",
        "Your child gets no certificate",
        "your child will lose the place",
    ],
)
def test_no_notice_and_no_claim_presses_a_family(text):
    """Whoever approves it: a choice under a threat is none (DOMAIN §5.5)."""
    assert Wording(subject="s", text=text).for_nobody()
    with pytest.raises(ValueError, match="not in a notice to a family"):
        library().find("aid_rate", TODAY).model_validate(
            library().find("aid_rate", TODAY).model_dump() | {"zh": text, "en": "x"}
        )


@pytest.mark.parametrize(
    "text",
    [
        "参观取消，重新安排后再邀请",
        "任何人不得以毕业证、班级、评优等为条件影响您的选择",
        "Nobody may make a certificate, a class or an award depend on it",
        "Under fourteen a guardian must agree first.",
        "Who signs for you must be asked by nobody",
    ],
)
def test_telling_a_family_its_rights_is_no_pressure(text):
    """The same words, said to protect."""
    assert Wording(subject="s", text=text).for_nobody() == ()


def test_an_empty_catalogue_has_nothing_to_object_to():
    """The check is about what would be sent."""
    assert Catalogue([]).unpublishable(TODAY) == ()
