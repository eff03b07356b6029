"""What stands in the way of completing, as a phrase in a list, in Chinese and English (DESIGN §5, S7)."""

from __future__ import annotations

from typing import Final

from domain import (
    sentences_aid,
    sentences_attendance,
    sentences_care,
    sentences_compliance,
    sentences_filing,
    sentences_retention,
    sentences_settlement,
    sentences_targets,
    sentences_visits,
)

_GENERAL: Final[dict[str, dict[str, str]]] = {
    "PROPOSALS_PENDING": {
        "zh": "{count} 名学生的建议尚未生成，请等待或重新生成",
        "en": "proposals not yet made: {count} (wait, or propose again)",
    },
    "PROPOSALS_UNDECIDED": {
        "zh": "{count} 条建议尚未决定，请逐一确认或排除",
        "en": "proposals not yet decided: {count} (confirm or exclude each)",
    },
    "DATA_UNKNOWN": {
        "zh": "{count} 名学生资料不全，请人工查看并决定",
        "en": "pupils with missing data: {count} (a person must look and decide)",
    },
    "CONTESTS_OPEN": {
        "zh": "{count} 项异议尚未处理，请先处理",
        "en": "objections still open: {count} (resolve them)",
    },
    "CLASSES_WITHOUT_SESSION": {
        "zh": "{count} 个班级尚未安排家长会，请安排",
        "en": "classes without a meeting: {count} (schedule one)",
    },
    "SESSIONS_NOT_HELD": {
        "zh": "{count} 场家长会尚未召开，请召开或改期",
        "en": "meetings not yet held: {count} (hold or move them)",
    },
    "ATTENDANCE_MISSING": {
        "zh": "{count} 户的到会情况未登记，请登记",
        "en": "households without recorded attendance: {count} (record it)",
    },
    "HOUSEHOLDS_NOT_FOLLOWED_UP": {
        "zh": "{count} 户缺席家庭尚未回访，请回访并登记",
        "en": "absent households not yet followed up: {count} (follow up and record it)",
    },
    "QUORUM_NOT_REACHED": {
        "zh": "到会户数未达规定比例，尚有 {count} 户联系不上又未家访，请家访或再开一场",
        "en": "below the quorum, households not reached and not visited: {count} (visit them, or hold another meeting)",
    },
    "HOUSEHOLDS_NOT_INVITED": {
        "zh": "{count} 户家庭尚未邀请，请发出邀请",
        "en": "households not yet invited: {count} (invite them)",
    },
    "STAGE_UNFINISHED": {
        "zh": "{count} 个阶段未完成，请完成或说明理由跳过",
        "en": "stages not finished: {count} (finish them, or skip them with a reason)",
    },
}

BLOCKERS: Final[dict[str, dict[str, str]]] = {
    **_GENERAL,
    **sentences_visits.BLOCKERS,
    **sentences_filing.BLOCKERS,
    **sentences_retention.BLOCKERS,
    **sentences_attendance.BLOCKERS,
    **sentences_targets.BLOCKERS,
    **sentences_settlement.BLOCKERS,
    **sentences_compliance.BLOCKERS,
    **sentences_care.BLOCKERS,
    **sentences_aid.BLOCKERS,
}
"""Blocker code → phrase by language, without a full stop: it stands in a list."""

SHARED: Final[dict[str, dict[str, str]]] = {
    "STAGE_PREREQUISITE": {
        "zh": "{count} 个前置阶段尚未完成，请先完成",
        "en": "stages that must come first: {count} (finish them)",
    },
    "COHORT_NOT_FROZEN": {
        "zh": "名单尚未锁定，请先锁定名单",
        "en": "the list is not frozen (freeze it first)",
    },
    "STAGE_HAS_NO_CONTENT": {
        "zh": "本版本尚无本阶段的内容，县教育局可说明理由跳过",
        "en": "this release has no content for this stage (the bureau can skip it with a reason)",
    },
}
"""Codes that are a refusal's too, as phrases."""
