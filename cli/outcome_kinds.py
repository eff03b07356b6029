"""The lists that `record` takes: one description a kind, from its columns to the command that its rows lead to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from cli import outcome_values as values
from cli.language import say
from domain.stage_events import StageSlug
from protocol import school_id, stage_id
from registry.classes import canonical_class

Read = Callable[[Any, int], Any]
"""Takes a cell and the year of graduation; None where the cell means nothing."""


@dataclass(frozen=True)
class Column:
    """A column of a list.

    Attributes:
        name: its title in the contract and in the template.
        titles: what else schools write above it.
        read: what a cell means.
        zh, en: what belongs into a cell, for whoever wrote something else.
        choices: the words that the template's drop-down offers.
    """

    name: str
    titles: tuple[str, ...]
    read: Read
    zh: str
    en: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Taken:
    """The command that takes a kind's rows as they are.

    Attributes:
        command: its tag.
        group: the column whose value parts the rows into commands, and the command's field for it.
        renamed: columns whose field of the row has another name.
        later: columns of a later release; where they are empty, the command is the one that it was before.
    """

    command: str
    group: tuple[str, str] | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)
    later: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """A kind of list.

    Attributes:
        stage: the stage that it belongs to; None for the school's own stream.
        columns: its columns besides the pupil's, in the order of the contract.
        optional: names of the columns whose cells may be empty.
        given: names of the columns that the template fills in; a row that has nothing else is passed over.
        taken: how its rows become a command; None where each leads to commands of its own.
        beside: columns that are read where they are there, and no template has.
        pupils: whether a row is about a pupil.
    """

    stage: StageSlug | None
    columns: tuple[Column, ...]
    optional: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    taken: Taken | None = None
    beside: tuple[Column, ...] = ()
    pupils: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the columns besides the pupil's."""
        return tuple(column.name for column in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        """Return the names of the columns whose cells must say something."""
        return tuple(name for name in self.names if name not in self.optional)

    @property
    def header(self) -> tuple[str, ...]:
        """Return the titles of the template."""
        return ("student", "class", "name", *self.names) if self.pupils else self.names

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """Return every column that a file can have."""
        return (*(PUPIL if self.pupils else ()), *self.columns, *self.beside)

    def stream(self, campaign: str, school: str) -> str:
        """Return the stream that takes the list."""
        return school_id(campaign, school) if self.stage is None else stage_id(campaign, school, self.stage.value)


def _any_year(read: Callable[[Any], Any]) -> Read:
    return lambda cell, _: read(cell)


def _classes(cell: Any, year: int) -> list[str] | None:
    found = [canonical_class(part, year) for part in values.listed(cell)]
    return [class_id for class_id in found if class_id] if found and all(found) else None


def _words(name: str, vocabulary: str, titles: tuple[str, ...], zh: str, en: str) -> Column:
    read = _any_year(partial(values.word, vocabulary))
    return Column(name, titles, read, zh, en, values.choices(vocabulary))


def _day(titles: tuple[str, ...]) -> Column:
    return Column("on", titles, _any_year(values.day), "日期，如 2025-09-01", "a date, as 2025-09-01")


_YES_NO: Final = (say("是", "yes"), say("否", "no"))

STUDENT: Final = Column(
    "student",
    ("学生编号", "编号", "学生"),
    _any_year(values.student),
    "编号以 stu_ 开头",
    "a reference that starts with stu_",
)
CLASS: Final = Column(
    "class",
    ("班级", "班级名称"),
    lambda cell, year: canonical_class(values.plain(cell), year),
    "班级，如 九年级（3）班",
    "a class, as 2022-03",
)
NAME: Final = Column("name", ("姓名", "学生姓名"), lambda cell, _: values.plain(cell) or None, "姓名", "a name")
PUPIL: Final = (STUDENT, CLASS, NAME)
"""The columns that say whom a row is about: the reference, or class and name."""

_LABEL = ("编号：小写字母、数字和连字符", "a label: lower-case letters, digits, hyphens")
_MEETING = Column("meeting", ("场次", "家长会", "会议"), _any_year(values.label), *_LABEL)
_TRIP = Column("trip", ("行程", "参观批次", "批次"), _any_year(values.label), *_LABEL)
_CONTACT = _words("kind", "contact", ("方式", "回访方式", "联系途径"), "电话或家访", "call or home_visit")
_OUTCOME = _words(
    "outcome",
    "outcome",
    ("结果", "回访结果", "联系结果"),
    "已告知、无人接听、拒绝或约定再联系",
    "reached, no_answer, refused or call_back",
)
_AT = Column(
    "at", ("时间", "日期"), _any_year(values.moment), "时间，如 2024-12-05 18:30", "a time, as 2024-12-05 18:30"
)
_AGAIN_ON = Column(
    "again_on",
    ("再联系日期", "约定日期"),
    _any_year(values.day),
    "日期，如 2025-09-01，仅用于约定再联系的家庭",
    "a date, as 2025-09-01, for a family that asked to be called back",
)
_SCHOOL = Column(
    "school",
    ("接收学校", "接收学校代码", "学校代码", "学校标识码", "学校"),
    _any_year(values.school),
    "接收学校的 10 位代码（单元格请设为文本）",
    "the 10 digits of the receiving school's code, in a cell of text",
)
_EVIDENCE = _words(
    "evidence",
    "evidence",
    ("证据等级", "依据", "证据"),
    "学籍、书面材料、见到本人、电话核实或他人转述",
    "register, document, seen, call or hearsay",
)
_REFERENCE = (
    "编号：字母、数字和 . _ / -，3 至 40 位；长数字请设为文本",
    "a reference: letters, digits, . _ / -, 3 to 40 characters; a long number in a cell of text",
)

KINDS: Final[dict[str, Kind]] = {
    "attendance": Kind(
        StageSlug.PARENT_MEETINGS,
        (
            _MEETING,
            Column("attended", ("到会", "是否到会"), _any_year(values.yes_no), "是或否", "yes or no", _YES_NO),
            _words("by", "by", ("到会人", "由谁到会"), "监护人或照护人", "guardian or caregiver"),
        ),
        optional=("by",),
        given=("meeting",),
        taken=Taken("record_attendance", group=("meeting", "session")),
    ),
    "followups": Kind(
        StageSlug.PARENT_MEETINGS,
        (_CONTACT, _AT, _OUTCOME),
        taken=Taken("record_followups", renamed={"kind": "contact"}),
    ),
    "sessions": Kind(
        StageSlug.PARENT_MEETINGS,
        (
            _MEETING,
            Column("classes", ("班级", "参会班级"), _classes, "以分号隔开的班级", "classes separated by ;"),
            _AT,
        ),
        given=("meeting", "classes"),
        pupils=False,
    ),
    "decisions": Kind(
        StageSlug.IDENTIFICATION,
        (
            _words(
                "decision",
                "decision",
                ("决定",),
                "确认、排除、异议或处理异议",
                "confirm, exclude, contest or resolve",
            ),
            Column(
                "help",
                ("帮扶", "帮扶内容"),
                _any_year(values.helps),
                "学习、出勤、告知，以分号隔开；没有则写 无",
                "study, attendance, information, separated by ; or none",
            ),
            Column(
                "reason",
                ("理由", "理由代码"),
                _any_year(values.reason),
                "理由代码：大写字母、数字和下划线",
                "a reason code: capitals, digits, underscores",
            ),
        ),
        optional=("help", "reason"),
        beside=(_words("raised_by", "raised_by", ("提出人",), "教职工、监护人或学生", "staff, guardian or pupil"),),
    ),
    "visits": Kind(
        StageSlug.SCHOOL_VISITS,
        (
            _TRIP,
            Column(
                "permission",
                ("监护人同意", "家长同意", "是否同意", "同意"),
                _any_year(values.agreed),
                "是或否",
                "yes or no",
                _YES_NO,
            ),
            Column(
                "attended",
                ("参加", "是否参加", "到场", "是否到场"),
                _any_year(values.yes_no),
                "是或否",
                "yes or no",
                _YES_NO,
            ),
        ),
        optional=("permission", "attended"),
        given=("trip",),
        taken=Taken("record_visits", group=("trip", "trip")),
    ),
    "contacts": Kind(
        StageSlug.APPLICATION_FILING,
        (_CONTACT, _AT, _OUTCOME, _AGAIN_ON),
        optional=("again_on",),
        taken=Taken("record_contacts", renamed={"kind": "contact"}, later=("again_on",)),
    ),
    "callbacks": Kind(
        StageSlug.APPLICATION_FILING,
        (
            _words(
                "purpose",
                "purpose",
                ("回访原因", "原因"),
                "撤回核实、抽查、冷静期缩短或纸质回执",
                "withdrawal_report, sample, short_cooling or paper",
            ),
            _words(
                "outcome",
                "call_outcome",
                ("回访结果", "结果"),
                "确认、要求撤回、否认或未联系上",
                "confirmed, wants_to_withdraw, denies or unreachable",
            ),
            _AT,
        ),
        given=("purpose",),
        taken=Taken("record_callbacks"),
    ),
    "applications": Kind(
        StageSlug.APPLICATION_FILING,
        (
            _SCHOOL,
            Column("reference", ("志愿编号", "报名编号", "申请编号"), _any_year(values.reference), *_REFERENCE),
        ),
        given=("school",),
        taken=Taken("record_applications"),
    ),
    "admissions": Kind(
        StageSlug.APPLICATION_FILING,
        (
            _SCHOOL,
            _words("result", "result", ("录取结果", "结果"), "录取或未录取", "admitted or not_admitted"),
        ),
        given=("school",),
        taken=Taken("record_admissions"),
    ),
    "reporting": Kind(
        StageSlug.APPLICATION_FILING,
        (_SCHOOL, _day(("报到日期", "日期"))),
        given=("school",),
        taken=Taken("record_reporting"),
    ),
    "registrations": Kind(
        StageSlug.APPLICATION_FILING,
        (
            _SCHOOL,
            Column("register_ref", ("学籍注册编号", "注册编号"), _any_year(values.reference), *_REFERENCE),
            _day(("注册日期", "学籍注册日期", "日期")),
        ),
        given=("school",),
        taken=Taken("record_registrations"),
    ),
    "destinations": Kind(
        StageSlug.APPLICATION_FILING,
        (
            _words(
                "destination",
                "destination",
                ("去向",),
                "去向，如 普通高中、技工学校、复读、就业、去向不明",
                "a destination, as general_high, technical_school, resit, work, unknown",
            ),
            _EVIDENCE,
        ),
        taken=Taken("record_destinations"),
    ),
    "checkpoints": Kind(
        StageSlug.RETENTION,
        (
            Column(
                "checkpoint",
                ("核查节点", "回访节点", "节点"),
                _any_year(values.checkpoint),
                "节点：D+30、学期末或次年3月",
                "a checkpoint: D+30, term_end or next_March",
            ),
            _words(
                "state",
                "state",
                ("核查结果", "在校情况", "状态"),
                "在校、转学、休学、流失或未联系上",
                "present, transfer, suspended, lost or not_reached",
            ),
            _EVIDENCE,
        ),
        given=("checkpoint",),
        taken=Taken("record_checkpoints"),
    ),
    "exits": Kind(
        None,
        (
            _words(
                "kind", "exit", ("离校原因", "异动类别", "离校类别"), "转学、出国或去世", "transfer, abroad or death"
            ),
            _day(("离校日期", "日期")),
        ),
        taken=Taken("record_exits", renamed={"kind": "exit"}),
    ),
}
"""Kind of list → its description (CLI contract, Files)."""
