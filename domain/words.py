"""What a code is called when a person reads it: roles, commands, stages, states (glossary, DOMAIN §7.1)."""

from __future__ import annotations

from typing import Final

from domain import sentences_filing, sentences_register, sentences_retention, sentences_visits

_GENERAL: Final[dict[str, dict[str, str]]] = {
    # roles
    "class_head": {"zh": "班主任", "en": "class head"},
    "grade_leader": {"zh": "年级组长", "en": "grade leader"},
    "principal": {"zh": "校长", "en": "principal"},
    "bureau_officer": {"zh": "县教育局经办人", "en": "bureau officer"},
    "bureau_approver": {"zh": "县教育局审批人", "en": "bureau approver"},
    "register_officer": {"zh": "学籍管理员", "en": "register officer"},
    "discipline_officer": {"zh": "纪检人员", "en": "discipline officer"},
    "receiving_school": {"zh": "接收学校", "en": "receiving school"},
    "auditor": {"zh": "审计人员", "en": "auditor"},
    "guardian": {"zh": "监护人", "en": "guardian"},
    "pupil": {"zh": "学生", "en": "pupil"},
    "system": {"zh": "系统", "en": "system"},
    # stages
    "identification": {"zh": "期中学情识别", "en": "mid-term identification"},
    "parent-meetings": {"zh": "家长会", "en": "parent meetings"},
    "school-visits": {"zh": "职校参观", "en": "vocational-school visits"},
    "application-filing": {"zh": "志愿填报", "en": "application filing"},
    "retention": {"zh": "稳定回访", "en": "retention follow-ups"},
    # states of a stage
    "planned": {"zh": "未开放", "en": "planned"},
    "open": {"zh": "进行中", "en": "open"},
    "completed": {"zh": "已完成", "en": "completed"},
    "skipped": {"zh": "已跳过", "en": "skipped"},
    "archived": {"zh": "已归档", "en": "archived"},
    # commands
    "draft": {"zh": "起草活动", "en": "draft the campaign"},
    "approve": {"zh": "批准活动", "en": "approve the campaign"},
    "pause": {"zh": "暂停", "en": "pause"},
    "resume": {"zh": "恢复", "en": "resume"},
    "stop": {"zh": "停止", "en": "stop"},
    "close_campaign": {"zh": "结束活动", "en": "close the campaign"},
    "publish_calendar": {"zh": "发布日历", "en": "publish a calendar"},
    "adopt_policy": {"zh": "采用政策口径", "en": "adopt a policy"},
    "complete": {"zh": "完成阶段", "en": "complete a stage"},
    "reopen": {"zh": "重新开放阶段", "en": "reopen a stage"},
    "extend": {"zh": "延长期限", "en": "extend a due date"},
    "skip": {"zh": "跳过阶段", "en": "skip a stage"},
    "confirm": {"zh": "确认建议", "en": "confirm a proposal"},
    "exclude": {"zh": "排除建议", "en": "exclude a proposal"},
    "contest": {"zh": "提出异议", "en": "contest"},
    "resolve_contest": {"zh": "处理异议", "en": "resolve an objection"},
    "freeze": {"zh": "锁定名单", "en": "freeze the list"},
    "schedule_session": {"zh": "安排家长会", "en": "schedule a meeting"},
    "cancel_session": {"zh": "取消家长会", "en": "cancel a meeting"},
    "invite": {"zh": "邀请家长", "en": "invite households"},
    "record_attendance": {"zh": "登记到会", "en": "record attendance"},
    "record_followups": {"zh": "登记回访", "en": "record follow-ups"},
    # proposals: kinds of help, attributes, relations
    "STUDY": {"zh": "学业帮扶", "en": "help with study"},
    "ATTENDANCE": {"zh": "到校帮扶", "en": "help with attendance"},
    "INFORMATION": {"zh": "政策告知", "en": "information"},
    "NO_NEED": {"zh": "暂不需要", "en": "no need seen"},
    "DATA_UNKNOWN": {"zh": "数据不明，须由人判断", "en": "unknown data: a person decides"},
    "midterm_share": {"zh": "期中成绩占满分的比例", "en": "share of the full mid-term mark"},
    "unexplained_absence_days": {"zh": "无故缺勤天数", "en": "days absent without reason"},
    "informed": {"zh": "已告知", "en": "informed"},
    "BELOW": {"zh": "低于", "en": "is below"},
    "AT_LEAST": {"zh": "达到", "en": "is at least"},
    "IS": {"zh": "为", "en": "is"},
    "UNKNOWN": {"zh": "未知", "en": "is unknown"},
    "KNOWN": {"zh": "补齐", "en": "is known"},
    "true": {"zh": "是", "en": "true"},
    "false": {"zh": "否", "en": "false"},
    # policy profiles
    "compliant": {"zh": "合规口径", "en": "compliant"},
    "legacy": {"zh": "历史口径", "en": "legacy"},
    # purposes of notices
    "meeting_invitation": {"zh": "家长会邀请", "en": "invitations to meetings"},
    "meeting_cancelled": {"zh": "家长会取消", "en": "cancelled meetings"},
    "stage_reminder": {"zh": "到期提醒", "en": "reminders"},
    "stage_escalation": {"zh": "逐级督办", "en": "escalations"},
    "choice_notice": {"zh": "告家长书", "en": "letters to parents"},
    "choice_notice_pupil": {"zh": "写给学生的告知书", "en": "letters to pupils"},
    "visit_invitation": {"zh": "参观邀请", "en": "invitations to visits"},
    "visit_cancelled": {"zh": "参观取消", "en": "cancelled visits"},
    "student_overdue": {"zh": "学生事项超期", "en": "overdue pupils"},
    "complaint_received": {"zh": "收到投诉", "en": "complaints received"},
    # states of a notice
    "notice_planned": {"zh": "待发", "en": "waiting"},
    "submitted": {"zh": "发送中", "en": "being sent"},
    "accepted": {"zh": "已被接收", "en": "accepted"},
    "failed_temporary": {"zh": "暂未发出", "en": "to be tried again"},
    "failed_permanent": {"zh": "无法发出", "en": "failed"},
    "unknown": {"zh": "结果不明", "en": "outcome unknown"},
    "cancelled": {"zh": "已取消", "en": "cancelled"},
    # refusals, in short
    "SELF_APPROVAL": {"zh": "自己批准自己", "en": "self-approval"},
    "NOT_COMPLETE": {"zh": "事项未齐", "en": "something missing"},
    "DATA_UNKNOWN_NEEDS_HELP": {"zh": "数据不明须由人判断", "en": "unknown data"},
    "WRONG_SCHOOL": {"zh": "非本校人员", "en": "another school"},
    "state_intent": {"zh": "表达意向（仅限家庭本人）", "en": "state an intent (the family itself only)"},
    "sign_consent": {"zh": "签署知情同意（仅限家庭本人）", "en": "sign a consent (the family itself only)"},
    "withdraw_consent": {"zh": "撤回同意（仅限家庭本人）", "en": "withdraw a consent (the family itself only)"},
}

WORDS: Final[dict[str, dict[str, str]]] = {
    **_GENERAL,
    **sentences_register.WORDS,
    **sentences_visits.WORDS,
    **sentences_filing.WORDS,
    **sentences_retention.WORDS,
}
"""Code → word by language."""
