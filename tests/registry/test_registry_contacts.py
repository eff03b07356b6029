"""WeCom accounts and a family's own order of channels: read, compared, put right, forgotten (FEATURES G1, G13)."""

from __future__ import annotations

import csv
import sqlite3

import pytest
from registry_samples import CAMPAIGN, CLASS_YEAR, SCHOOL, pupil_row

from registry.cells import channels_of, wecom_of
from registry.clone import prepare_clone
from registry.contacts import read_contact
from registry.corrections import write_corrections
from registry.problems import InputRejected
from registry.roster import judge, open_roster, read_roster
from registry.schema import CONTACTS
from registry.staff_file import load_staff
from registry.store import Registry

OWN = {
    "监护人企业微信": "li.dachuan",
    "监护人通知方式": "短信、纸质",
    "监护人2姓名": "例小禾",
    "家长2企业微信": "xiaohe",
}


@pytest.fixture
def roster(tmp_path):
    """Return a function from rows by title to a roster; columns that no row has are not in the file."""

    def read(*rows):
        with (tmp_path / "r.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)), restval="")
            writer.writeheader()
            writer.writerows(rows)
        return read_roster(tmp_path / "r.csv", CLASS_YEAR)

    return read


async def taken(registry, roster, references, *rows):
    """Import a roster; return what changed and the first pupil's household."""
    result = await registry.import_roster(CAMPAIGN, SCHOOL, roster(*rows), references)
    (ref, *_) = await registry.names(CAMPAIGN, SCHOOL)
    return result.changed_fields, await registry.household(ref)


# -- reading ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "order"),
    [
        ("短信、纸质", "sms paper"),
        ("企业微信，短信；邮件", "wecom sms email"),
        ("SMS, Email / paper", "sms email paper"),
        ("电话 > 书面", "phone paper"),
        ("短信、手机短信、短信", "sms"),
        ("", ""),
        ("微信", None),
        ("短信、钉钉", None),
        ("wecom_robot", None),
    ],
)
def test_an_order_of_channels_is_read_as_families_write_it(written, order):
    """Each channel once, in the order given; one unknown word and nothing is guessed; no robot writes to a family."""
    assert channels_of(written) == order


@pytest.mark.parametrize(
    ("written", "account"),
    [
        ("ZhangSan", "ZhangSan"),
        ("ｌｉ-1@corp.cn ", "li-1@corp.cn"),
        ("", ""),
        ("@all", None),
        ("a|b", None),
        ("张三", None),
    ],
)
def test_a_wecom_account(written, account):
    """`@all` would be the whole firm and `a|b` two people: neither is anybody's account."""
    assert wecom_of(written) == account


@pytest.mark.parametrize(
    ("wecom", "channels"),
    [
        ("监护人企业微信", "监护人通知方式"),
        ("家长1企业微信", "家长1通知方式"),
        ("第一监护人企业微信账号", "第一监护人首选通知方式"),
        ("guardian1 WeCom", "Guardian1 Channels"),
    ],
)
def test_a_rosters_titles_for_contacts(roster, wecom, channels):
    """Several titles mean the same, in both languages."""
    (row,) = roster(pupil_row(1, **{wecom: "li", channels: "短信"})).accepted
    assert [(one.wecom, one.channels) for one in row.guardians] == [("li", "sms")]
    assert "li" not in repr(row.guardians[0]).replace("email", "")


def test_a_malformed_contact_rejects_the_row_and_names_the_column(roster):
    """Otherwise a family that asked for text messages would get something else, and nobody would know."""
    read = roster(
        pupil_row(1, **OWN | {"监护人通知方式": "飞鸽"}),
        pupil_row(2, **OWN | {"家长2企业微信": "小禾"}),
        pupil_row(3, **OWN | {"照护人企业微信": "@all"}),
        pupil_row(4, **OWN),
    )
    assert [(one.code, one.row, one.column) for one in read.rejected] == [
        ("CHANNEL_UNKNOWN", 2, "监护人通知方式"),
        ("WECOM_INVALID", 3, "家长2企业微信"),
        ("WECOM_INVALID", 4, "照护人企业微信"),
    ]
    assert len(read.accepted) == 1
    assert not any(
        word in one.text(lang) for one in read.rejected for lang in ("zh", "en") for word in ("飞鸽", "小禾")
    )


def test_the_rows_that_go_back_to_the_school_keep_the_columns(tmp_path, roster):
    """The school mends the cell and sends the file back."""
    roster(pupil_row(1, **OWN | {"监护人通知方式": "飞鸽"}))
    sheets = open_roster(tmp_path / "r.csv")
    assert write_corrections(tmp_path / "back.xlsx", sheets, judge(sheets, "r.csv", CLASS_YEAR)) == 1
    (page,) = open_roster(tmp_path / "back.xlsx")
    told = dict(zip(page.rows[0], page.rows[1], strict=True))
    assert (told["监护人企业微信"], told["监护人通知方式"], told["家长2企业微信"]) == ("li.dachuan", "飞鸽", "xiaohe")
    assert "监护人通知方式" in told["问题"]


# -- holding ------------------------------------------------------------------------------------------------------


async def test_contacts_are_held_compared_and_kept(registry, roster, references):
    """A change of one is a change that the drift knows; a file without the columns takes nothing away."""
    _, first = await taken(registry, roster, references, pupil_row(1, **OWN))
    assert [(one.wecom, one.channels) for one in first.guardians] == [("li.dachuan", ("sms", "paper")), ("xiaohe", ())]
    shown = [
        await registry.import_roster(CAMPAIGN, SCHOOL, roster(pupil_row(1, **OWN | more)), references, commit=False)
        for more in ({}, {"监护人企业微信": "li"}, {"监护人通知方式": "邮件"})
    ]
    assert [one.changed_fields for one in shown] == [{}, {"guardian_wecom": 1}, {"guardian_channels": 1}]
    assert len({one.drift for one in shown}) == 3
    assert await taken(registry, roster, references, pupil_row(1)) == ({}, first)
    swapped = {
        "监护人姓名": "例小禾",
        "监护人2姓名": "例大川",
        "监护人企业微信": "xiaohe",
        "家长2企业微信": "li.dachuan",
    }
    _, later = await taken(registry, roster, references, pupil_row(1, **OWN | swapped))
    assert [one.guardian_ref for one in later.guardians] == [one.guardian_ref for one in first.guardians[::-1]]
    changed, gone = await taken(registry, roster, references, pupil_row(1, **dict.fromkeys(OWN, "")))
    assert [one.wecom for one in gone.guardians] == ["", ""]
    assert (gone.guardians[0].channels, changed["guardian_wecom"], changed["guardian_channels"]) == ((), 1, 1)


async def test_an_order_alone_makes_no_second_guardian(registry, roster, references):
    """Nobody is known by nothing but how to be told."""
    _, household = await taken(registry, roster, references, pupil_row(1, 家长2通知方式="短信"))
    assert len(household.guardians) == 1


async def test_a_caregivers_account_is_held_and_forgotten(registry, roster, references, tmp_path):
    """With the family, from the file itself; nothing of it stands in a repr."""
    cared = {"照护人姓名": "例阿婆", "照护人企业微信": "apo-990001", "照护人同意接收通知": "是"}
    _, household = await taken(registry, roster, references, pupil_row(1, **OWN, **cared))
    assert household.caregiver.wecom == "apo-990001"
    assert "apo" not in repr(household.caregiver) + repr(household)
    assert await registry.forget_pupil(household.student_ref)
    content = b"".join(path.read_bytes() for path in tmp_path.glob("registry.db*"))
    assert not [word for word in ("apo-990001", "li.dachuan", "xiaohe") if word.encode() in content]


# -- one contact put right ----------------------------------------------------------------------------------------


async def test_one_contact_is_put_right_without_a_roster(registry, roster, references, tmp_path):
    """Of a guardian, a caregiver or the pupil, and of nobody else; the old number leaves the file too."""
    cared = {"照护人姓名": "例阿婆", "照护人电话": "10000000009", "照护人同意接收通知": "是"}
    await taken(registry, roster, references, pupil_row(1, **OWN, **cared), pupil_row(2))
    held = (await registry.households(list(await registry.names(CAMPAIGN, SCHOOL)))).values()
    household, other = sorted(held, key=lambda one: one.caregiver is None)
    ref, father = household.student_ref, household.guardians[0]
    assert await registry.change_contact(ref, father.guardian_ref, "phone", "10000000777")
    assert await registry.change_contact(ref, household.guardians[1].guardian_ref, "wecom", "")
    assert await registry.change_contact(ref, household.caregiver.caregiver_ref, "phone", "10000000888")
    assert await registry.change_contact(ref, ref, "email", "own@example.invalid")
    now = await registry.household(ref)
    assert [(one.phone, one.wecom) for one in now.guardians] == [("10000000777", "li.dachuan"), ("", "")]
    assert (now.caregiver.phone, now.email, now.guardians[0].channels) == (
        "10000000888",
        "own@example.invalid",
        ("sms", "paper"),
    )
    assert father.phone.encode() not in b"".join(path.read_bytes() for path in tmp_path.glob("registry.db*"))
    for student, person, kind in (
        (other.student_ref, father.guardian_ref, "phone"),
        (ref, ref, "phone"),
        (ref, "gdn_no", "email"),
    ):
        assert not await registry.change_contact(student, person, kind, "10000000666")
    assert await registry.household(ref) == now


@pytest.mark.parametrize(
    ("kind", "text"), [("phone", "12345"), ("email", "x@"), ("wecom", "@all"), ("phone", ""), ("email", "  ")]
)
def test_a_malformed_new_contact_is_refused_without_repeating_it(kind, text):
    """The refusal names the kind and the rule."""
    with pytest.raises(InputRejected, match="CONTACT_INVALID") as refused:
        read_contact(kind, text)
    told = " ".join((str(refused.value), *(refused.value.remedy(lang) for lang in ("zh", "en"))))
    assert kind in told
    assert not text.strip() or text not in told.replace("_-@.", "")


# -- staff ----------------------------------------------------------------------------------------------------------


def test_staff_may_have_a_wecom_account(tmp_path):
    """The column may be absent, empty, or right; anything else names row and column."""
    path = tmp_path / "staff.csv"
    head, row = "staff_ref,role,school,classes,name,email", "stf_0001,bureau_officer,,,甲,"
    path.write_text(f"{head}\n{row}\n", encoding="utf-8")
    assert load_staff(path)[0].wecom == ""
    path.write_text(f"{head},wecom\n{row},jia-1\nstf_0002,auditor,,,乙,,\n", encoding="utf-8")
    assert [one.wecom for one in load_staff(path)] == ["jia-1", ""]
    assert "jia-1" not in repr(load_staff(path))
    path.write_text(f"{head},wecom\n{row},@all\n", encoding="utf-8")
    with pytest.raises(InputRejected, match="STAFF_ROW_INVALID") as refused:
        load_staff(path)
    assert refused.value.place == "staff.csv: row 2 column wecom"
    path.write_text(f"{head},wecom,shoe\n{row},jia-1,42\n", encoding="utf-8")
    with pytest.raises(InputRejected, match="STAFF_FILE_INVALID"):
        load_staff(path)


async def test_a_new_years_staff_keep_their_accounts(registry, county):
    """Where the file has the column, the next year's has it too, and the registry holds it."""
    path = county / "staff.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([f"{lines[0]},wecom", *(f"{line},w{at}" for at, line in enumerate(lines[1:]))]) + "\n")
    clone = prepare_clone(county)
    rows = list(csv.DictReader(clone.files["staff.csv"].splitlines()))
    assert [row["wecom"] for row in rows] == [f"w{at}" for at in range(len(lines) - 1)]
    await registry.replace_staff(CAMPAIGN, load_staff(path, class_year=CLASS_YEAR))
    held = await registry.staff(CAMPAIGN)
    assert [one.wecom for one in held] == [row["wecom"] for row in rows]
    assert await registry.staff_member(CAMPAIGN, held[1].staff_ref) == held[1]


# -- an older file ------------------------------------------------------------------------------------------------


async def test_a_registry_of_the_third_schema_is_brought_up(tmp_path, registry, roster, references):
    """Everybody stays as they were and the new contacts fit; opening again changes nothing."""
    _, before = await taken(registry, roster, references, pupil_row(1, 监护人2姓名="例小禾", 照护人姓名="例阿婆"))
    path = tmp_path / "registry.db"
    await registry.close()
    with sqlite3.connect(path) as old:
        for table, name in CONTACTS:
            old.execute(f"ALTER TABLE {table.name} DROP COLUMN {name}")
        old.execute("UPDATE registry_settings SET value = '3' WHERE name = 'schema'")
    for _ in range(2):
        again = await Registry.open(f"sqlite+aiosqlite:///{path}", b"p" * 32)
        assert await again.household(before.student_ref) == before
        await again.close()
    again = await Registry.open(f"sqlite+aiosqlite:///{path}", b"p" * 32)
    _, now = await taken(again, roster, references, pupil_row(1, **OWN))
    await again.close()
    assert now.guardians[0].channels == ("sms", "paper")
    with sqlite3.connect(path) as brought_up:
        assert brought_up.execute("SELECT value FROM registry_settings WHERE name = 'schema'").fetchone() == ("4",)
