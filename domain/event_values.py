"""What the values in an event are called when a person reads the timeline (FEATURES A13)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from domain import (
    sentences_aid,
    sentences_attendance,
    sentences_care,
    sentences_compliance,
    sentences_sending,
    sentences_settlement,
    sentences_summaries,
    sentences_targets,
)

_Values = Mapping[str, Mapping[str, tuple[str, str]]]


def _merged(*tables: _Values) -> dict[str, dict[str, tuple[str, str]]]:
    """Put the tables of all topics together, field by field."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for table in tables:
        for field, values in table.items():
            found[field] = {**found.get(field, {}), **values}
    return found


DESTINATIONS: Final[dict[str, tuple[str, str]]] = {
    "VOCATIONAL": ("中等职业学校", "vocational school"),
    "GENERAL_HIGH": ("普通高中", "general high school"),
    "FIVE_YEAR_COLLEGE": ("五年制高职", "five-year college"),
    "TECHNICAL_SCHOOL": ("技工学校", "technical school"),
    "OTHER_PROVINCE": ("外省就读", "school in another province"),
    "RESIT": ("复读", "another year and the examination again"),
    "WORK": ("就业", "work"),
    "OTHER": ("其他", "other"),
    "UNDECIDED": ("尚未决定", "undecided"),
    "UNKNOWN": ("去向不明", "unknown"),
}
FINDINGS: Final[dict[str, tuple[str, str]]] = {
    "present": ("在校", "at the school"),
    "transfer": ("转学", "transferred"),
    "suspended": ("休学", "suspended"),
    "lost": ("流失", "lost"),
    "not_reached": ("未能联系上", "not reached"),
}
EVIDENCE: Final[dict[str, tuple[str, str]]] = {
    "REGISTER": ("学籍", "register"),
    "DOCUMENT": ("书面材料", "document"),
    "SEEN": ("当面", "seen"),
    "CALL": ("电话", "call"),
    "HEARSAY": ("转述", "hearsay"),
}

_GENERAL: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "school": {"": ("整个活动", "the whole campaign")},
    "scope": {"campaign": ("整个活动", "the campaign"), "school": ("本校", "the school")},
    "clock": {"engine": ("真实", "real"), "stepped": ("演练", "stepped")},
    "on_time": {"true": ("按时", "in time"), "false": ("晚于截止", "after the due date")},
    "attended": {"true": ("到会", "came"), "false": ("缺席", "absent")},
    "by": {"guardian": ("监护人", "guardian"), "caregiver": ("受委托照护人", "caregiver")},
    "contact": {"call": ("电话联系", "call"), "home_visit": ("家访", "home visit")},
    "outcome": {
        "reached": ("已告知", "reached"),
        "no_answer": ("无人应答", "no answer"),
        "refused": ("拒绝", "refused"),
        "call_back": ("约定再联系", "call back"),
        "INFORMED": ("已告知", "informed"),
        "NO_ANSWER": ("多次联系无人应答", "nobody was reached"),
        "DECLINED": ("拒绝", "declined"),
        "REGISTERED": ("已注册", "registered"),
        "OTHER_DESTINATION": ("另有去向", "another destination"),
        "UPHELD": ("属实", "upheld"),
        "NOT_UPHELD": ("不属实", "not upheld"),
        "REFERRED": ("移交", "referred"),
    },
    "code": {"HELP": ("建议帮扶", "help"), "DATA_UNKNOWN": ("数据不明", "unknown data")},
    "as_proposed": {"true": ("同建议", "as proposed"), "false": ("异于建议", "otherwise than proposed")},
    "raised_by": {
        "GUARDIAN": ("监护人", "a guardian"),
        "PUPIL": ("学生本人", "the pupil"),
        "STAFF": ("教职工", "staff"),
    },
    "given": {"true": ("同意", "given"), "false": ("不同意", "not given"), "": ("无", "none")},
    "kept": {"true": ("名额保留", "the place is kept"), "false": ("重新选择", "to choose anew")},
    "placed": {"true": ("开始", "in force"), "false": ("解除", "over")},
    "again": {"": ("不再回访", "no more")},
    "in_time": {"true": ("按期", "in time"), "false": ("逾期", "late")},
    "matter": {
        "PRESSURE": ("施压", "pressure"),
        "FEE": ("收费", "fees"),
        "CERTIFICATE": ("扣留证件", "certificates"),
        "FALSE_INFORMATION": ("虚假信息", "false information"),
        "UNREGISTERED_VISIT": ("未登记入校招生", "recruiting without registration"),
        "DATA": ("个人信息", "personal data"),
        "OTHER": ("其他", "other"),
    },
    **dict.fromkeys(("intent", "destination"), DESTINATIONS),
    "held": {**DESTINATIONS, **FINDINGS},
    "found": {**DESTINATIONS, **FINDINGS},
    "receiving_school": {"": ("学校不明", "an unknown school")},
    "state": FINDINGS,
    **dict.fromkeys(("evidence", "held_evidence", "found_evidence"), EVIDENCE),
}
"""Field → value → word (zh, en), where the glossary of `domain.words` does not say it or says it otherwise."""

VALUES: Final = _merged(
    _GENERAL,
    sentences_attendance.VALUES,
    sentences_targets.VALUES,
    sentences_settlement.VALUES,
    sentences_compliance.VALUES,
    sentences_care.VALUES,
    sentences_aid.VALUES,
    sentences_summaries.VALUES,
    sentences_sending.VALUES,
)
"""Field → value → how it is shown (zh, en), of all topics."""

VERBATIM: Final = frozenset(
    {
        "session",
        "trip",
        "presentation",
        "complaint",
        "case",
        "hold",
        "note",
        "checkpoint",
        "reason",
        "rule",
        "snapshot",
        "name",
        "county",
    }
)
"""Fields that hold somebody's own label or a reason code: never looked up as a word."""
