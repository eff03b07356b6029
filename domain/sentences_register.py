"""Sentences about the register, corrections, the calendar and complaints, in Chinese and English."""

from __future__ import annotations

from typing import Final

REFUSALS: Final[dict[str, dict[str, str]]] = {
    "STUDENT_LEFT": {
        "zh": "未受理：该学生已不在本校学籍，不再办理任何事项。确已返校的，请重新登记入学。",
        "en": "Not done: this pupil has left the school's register, so nothing more is recorded. "
        "If the pupil is back, enrol the pupil again.",
    },
    "STUDENT_ENROLLED": {
        "zh": "未受理：该学生已在本校名单中，无需再次登记入学。",
        "en": "Not done: this pupil is on the school's list already. Nothing is left to do.",
    },
    "CLASS_NOT_OF_COHORT": {
        "zh": "未受理：本校本届没有这个班级。请核对班级编号；新设的班级须与本届入学年份一致。",
        "en": "Not done: the school has no such class in this cohort. Check the class; a new one must be of the "
        "cohort's year of entry.",
    },
    "DATE_TOO_EARLY": {
        "zh": "未受理：日期早于本届活动开始的上一年。请核对日期。",
        "en": "Not done: the date lies before the year that came before this campaign's start. Check the date.",
    },
    "STAFF_THE_SAME": {
        "zh": "未受理：人员没有变化，无需办理。请核对文件或编号。",
        "en": "Not done: nothing changes about the staff. Check the file or the references.",
    },
    "NOT_CORRECTABLE": {
        "zh": "未受理：事件 {event} 不是可以更正的登记，或已被后来的更正取代。"
        "请用 audit timeline 查到该学生最近的登记。",
        "en": "Not done: event {event} is no record that can be corrected, or a later correction stands in its place. "
        "Find the pupil's latest record with `audit timeline`.",
    },
    "CALENDAR_NOT_NEWER": {
        "zh": "未受理：该日历与现行日历没有不同。请确认文件，或等国家公布下一年安排后再发布。",
        "en": "Not done: this calendar says nothing new. Check the file, or publish once the next year is known.",
    },
    "CALENDAR_PAST_CHANGED": {
        "zh": "未受理：该日历改动了已经过去的日子（{days}）或缺少已公布的年份，而期限已按它计算。"
        "请只改动今天以后的日子。",
        "en": "Not done: this calendar changes days that have passed ({days}) or leaves out a published year; "
        "due dates were counted by them. Change days to come only.",
    },
    "COMPLAINT_EXISTS": {
        "zh": "未受理：编号“{complaint}”的投诉已登记。请使用新的编号。",
        "en": "Not done: there is a complaint “{complaint}” already. Use another reference.",
    },
    "COMPLAINT_UNKNOWN": {
        "zh": "未受理：没有编号为“{complaint}”的投诉。请核对编号。",
        "en": "Not done: there is no complaint “{complaint}”. Check its reference.",
    },
    "COMPLAINT_ACKNOWLEDGED": {
        "zh": "未受理：该投诉已经答复受理，无需再次答复。",
        "en": "Not done: this complaint is acknowledged already. Nothing is left to do.",
    },
    "COMPLAINT_DECIDED": {
        "zh": "未受理：该投诉已有处理决定。不服的请走申诉程序。",
        "en": "Not done: this complaint is decided already. Whoever disagrees can appeal.",
    },
    "COMPLAINT_OF_ANOTHER": {
        "zh": "未受理：该投诉由{owner}办理，其他人不得经手。请转交。",
        "en": "Not done: this complaint belongs to the {owner} and to nobody else. Hand it over.",
    },
}

WORDS: Final[dict[str, dict[str, str]]] = {
    "gateway": {"zh": "家庭通道", "en": "family gateway"},
    "public": {"zh": "匿名人士", "en": "somebody unnamed"},
    "record_exits": {"zh": "登记离校", "en": "record departures"},
    "enrol_students": {"zh": "登记新转入学生", "en": "enrol late joiners"},
    "replace_staff": {"zh": "更换人员", "en": "replace a member of staff"},
    "import_staff": {"zh": "导入人员名单", "en": "import a list of staff"},
    "correct": {"zh": "更正登记", "en": "correct a record"},
    "complain": {"zh": "投诉", "en": "complain"},
    "acknowledge_complaint": {"zh": "答复受理投诉", "en": "acknowledge a complaint"},
    "decide_complaint": {"zh": "处理投诉", "en": "decide a complaint"},
    "transfer": {"zh": "转学", "en": "transfer to another school"},
    "abroad": {"zh": "出国（境）", "en": "gone abroad"},
    "death": {"zh": "去世", "en": "death"},
    "running": {"zh": "进行中", "en": "running"},
    "draft_status": {"zh": "草稿", "en": "draft"},
}
