"""What cells of the later lists mean, where wrong ones stand, and how rows become commands: no engine, no rules."""

from datetime import UTC, date, datetime

import pytest
from cli_machine_rooms import CLASSES, NAMES, STUDENTS, desk
from filing_families import Filing
from stream_samples import A, B
from visits_samples import visits

from cli import outcome_values as values
from cli.outcome_commands import batches
from cli.outcome_files import Row
from cli.outcome_kinds import KINDS


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        ("2025-09-01", "2025-09-01"),
        ("2025/9/1", "2025-09-01"),
        ("2025.9.1", "2025-09-01"),
        ("2025年9月1日", "2025-09-01"),
        ("２０２５－０９－０１", "2025-09-01"),
        (date(2025, 9, 1), "2025-09-01"),
        (datetime(2025, 9, 1), "2025-09-01"),  # noqa: DTZ001 - a spreadsheet's cell has no offset
        (datetime(2025, 8, 31, 16, tzinfo=UTC), "2025-09-01"),
        ("2025-09-01 00:00:00", "2025-09-01"),
        ("2025-09-01 08:30", None),
        ("2025-02-30", None),
        (45901.0, None),
        ("", None),
        (None, None),
    ],
)
def test_a_date_is_read_as_schools_write_it(cell, meant):
    """A day is a day: a time of day or a spreadsheet's bare number is not guessed at."""
    assert values.day(cell) == meant


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        ("9900020001", "9900020001"),
        (9900020001.0, "9900020001"),
        (" ９９０００２０００１ ", "9900020001"),
        (900020001.0, None),
        ("9.90002E+09", None),
        ("例山职校", None),
        (None, None),
    ],
)
def test_a_schools_code_has_ten_digits(cell, meant):
    """Also in a cell of numbers; where digits were lost there, nothing is put in their place."""
    assert values.school(cell) == meant


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        ("REG-2026/0001", "REG-2026/0001"),
        (20260001.0, "20260001"),
        (1234567890123456.0, None),
        ("12", None),
        ("例云山", None),
    ],
)
def test_a_reference_that_a_spreadsheet_has_rounded_is_none(cell, meant):
    """A number of more than 15 digits is not what somebody typed."""
    assert values.reference(cell) == meant


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        ("D+30", "D+30"),
        ("d+30", "D+30"),
        ("第30天", "D+30"),
        ("学期末", "term_end"),
        ("term_end", "term_end"),
        ("next_March", "next_March"),
        ("次年3月", "next_March"),
        ("D30", None),
        ("明年", None),
    ],
)
def test_a_checkpoint_has_one_name(cell, meant):
    """However it is written."""
    assert values.checkpoint(cell) == meant


def test_every_word_has_one_meaning_and_is_found_as_it_is_offered():
    """No word stands for two codes of a vocabulary; English in any case, and what the template's drop-down offers."""
    for name, codes in values.VOCABULARY.items():
        words = [text for texts in codes.values() for text in texts]
        assert len(words) == len(set(words)), name
        for code, texts in codes.items():
            assert {values.word(name, text) for text in texts} == {code}
            assert values.word(name, texts[0].upper()) == code
        assert [values.word(name, text) for text in values.choices(name)] == list(codes)


def test_every_kind_can_be_told_apart_by_its_titles():
    """No title of a kind stands for two of its columns, and each column says in both languages what belongs there."""
    for name, kind in KINDS.items():
        titles = [title for column in kind.all_columns for title in (column.name, *column.titles)]
        assert len(titles) == len(set(titles)), name
        assert all(column.zh and column.en for column in kind.all_columns)
        assert set(kind.optional) | set(kind.given) <= set(kind.names)


def _row(number, **fields):
    return Row(number, {"student": f"stu_{number:06d}", **fields})


@pytest.mark.parametrize(
    ("kind", "fields", "command", "given"),
    [
        (
            "contacts",
            {"kind": "call", "at": "2026-06-01T18:00:00.000+08:00", "outcome": "reached"},
            "record_contacts",
            {"contact": "call", "at": "2026-06-01T18:00:00.000+08:00", "outcome": "reached"},
        ),
        (
            "contacts",
            {"kind": "call", "at": "2026-06-01T18:00:00.000+08:00", "outcome": "call_back", "again_on": "2026-06-03"},
            "record_contacts",
            {
                "contact": "call",
                "at": "2026-06-01T18:00:00.000+08:00",
                "outcome": "call_back",
                "again_on": "2026-06-03",
            },
        ),
        (
            "exits",
            {"kind": "transfer", "on": "2026-03-02"},
            "record_exits",
            {"exit": "transfer", "on": "2026-03-02"},
        ),
        (
            "registrations",
            {"school": "9900020001", "register_ref": "REG-1", "on": "2026-10-10"},
            "record_registrations",
            {"school": "9900020001", "register_ref": "REG-1", "on": "2026-10-10"},
        ),
    ],
)
def test_a_column_becomes_the_commands_field(kind, fields, command, given):
    """The file's `kind` is the command's `contact` or `exit`; one file is one command under the id itself."""
    (batch,) = batches(kind, [_row(2, **fields)], invite=False)
    assert (batch.kind, batch.suffix, batch.fields) == (command, "", {"rows": [{"student": "stu_000002", **given}]})


def test_each_trip_is_a_command_of_its_own():
    """Under an id that the same file gives again; the trip is the command's, not the row's."""
    rows = [_row(2, trip="t1", permission=True, attended=None), _row(3, trip="t2", permission=None, attended=True)]
    found = batches("visits", rows, invite=False)
    assert [(batch.suffix, batch.fields["trip"]) for batch in found] == [("t1", "t1"), ("t2", "t2")]
    assert found[0].fields["rows"] == [{"student": "stu_000002", "permission": True, "attended": None}]


@pytest.fixture
async def school(monkeypatch, capsys, tmp_path):
    """A school's desk."""
    return await desk(monkeypatch, capsys, tmp_path, visits(CLASSES), Filing(classes=CLASSES).to("2026-05-12 08:00"))


@pytest.mark.parametrize(
    ("kind", "header", "row", "column"),
    [
        ("visits", ["trip", "student", "attended"], ["t1", A, "也许"], "attended"),
        ("visits", ["trip", "student", "attended"], ["", A, "是"], "trip"),
        ("admissions", ["编号", "接收学校", "录取结果"], [A, "900020001", "录取"], "school"),
        ("admissions", ["编号", "接收学校", "录取结果"], [A, "9900020001", "待定"], "result"),
        ("reporting", ["编号", "接收学校", "报到日期"], [A, "9900020001", "9月"], "on"),
        ("registrations", ["编号", "接收学校", "注册编号", "日期"], [A, "9900020001", "", "9月1日"], "register_ref"),
        ("destinations", ["编号", "去向", "证据等级"], [A, "月球", "学籍"], "destination"),
        ("checkpoints", ["编号", "节点", "核查结果", "证据等级"], [A, "D30", "在校", "学籍"], "checkpoint"),
        ("exits", ["编号", "离校原因", "离校日期"], [A, "毕业", "2026-03-02"], "kind"),
        ("contacts", ["编号", "方式", "时间", "结果"], ["例云山", "电话", "2026-05-12 18:00", "已告知"], "student"),
    ],
)  # fmt: skip
def test_a_wrong_cell_is_rejected_with_its_place(school, kind, header, row, column):
    """Exit 3: file, the spreadsheet's own row, column; never the value."""
    blank = [""] * len(header)
    told = school("record", kind, school.file("list.csv", header, blank, row), "@", "--by", "stf_head")
    assert told.code == 3
    error = told.json["error"]
    assert (error["code"], error["place"]) == ("RECORD_VALUE_INVALID", f"list.csv: row 3 column {column}")
    assert all(value not in told.out for value in row if value in ("也许", "待定", "月球", "毕业", "例云山"))


def test_a_list_without_a_column_or_without_an_answer_is_rejected(school):
    """Exit 3: what is lacking is named; a template that nobody filled in records nothing."""
    lacking = school(
        "record", "reporting", school.file("a.csv", ["student", "school"], [A, "9900020001"]), "@", "--by", "x"
    )
    assert (lacking.code, lacking.json["error"]["code"]) == (3, "RECORD_COLUMN_MISSING")
    empty = school.file("b.csv", ["student", "school", "on"], [A, "9900020001", ""], [B, "", ""])
    told = school("record", "reporting", empty, "@", "--by", "stf_head")
    assert (told.code, told.json["error"]["code"]) == (3, "RECORD_FILE_BLANK")


def test_there_is_no_list_of_intents_or_consents(school):
    """INV-04: exit 2, and the remedy says whose they are."""
    told = school("record", "consents", school.file("c.csv", ["student"], [A]), "@", "--by", "stf_head")
    assert (told.code, told.json["error"]["code"]) == (2, "RECORD_KIND_UNKNOWN")
    assert "registrations" in told.json["error"]["remedy"]


def test_class_and_name_stand_for_the_reference(school):
    """Resolved in the registry; the command holds the reference, and a name that nobody has is rejected."""
    header = ["班级", "姓名", "去向", "证据等级"]
    good = school.file("d.csv", header, ["九年级1班", NAMES[0], "普高", "书面材料"])
    told = school("record", "destinations", good, "@", "--by", "stf_head")
    assert told.code == 0, told
    stage = next(stream for name, stream in school.streams.items() if name.endswith("application-filing"))
    assert stage.ledger[-1]["data"] == {"student": A, "destination": "GENERAL_HIGH", "evidence": "DOCUMENT"}
    bad = school(
        "record",
        "destinations",
        school.file("e.csv", header, ["九年级1班", "无此人", "普高", "学籍"]),
        "@",
        "--by",
        "stf_head",
    )
    assert (bad.code, bad.json["error"]["code"]) == (3, "STUDENT_NOT_FOUND")
    assert "无此人" not in bad.out
    assert len(STUDENTS) == len(NAMES)
