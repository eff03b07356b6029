"""What is said about complaints, holds and violations: refusals, blockers, words, and the phrases of its events."""

from __future__ import annotations

from typing import Final

from domain.event_phrase import Phrase

REFUSALS: Final[dict[str, dict[str, str]]] = {
    "COMPLAINT_HAS_A_CASE": {
        "zh": "未受理：该投诉已单独立案，由案件流程“{case}”办理。请在该案件中答复和处理（compliance）。",
        "en": "Not done: this complaint has a case of its own, “{case}”. Answer and decide it there (`compliance`).",
    },
    "COMPLAINT_NAMED": {
        "zh": "未受理：投诉“{complaint}”不得写入投诉人的编号，以免泄露身份。请用 diversion complain 办理。",
        "en": "Not done: complaint “{complaint}” must not carry a reference: the record would name who complained. Use "
        "`diversion complain`, which keeps it secret.",
    },
    "COMPLAINT_YOUR_OWN": {
        "zh": "未受理：案件“{case}”由您本人或委托您的人提出，您不能办理。为免泄露身份，本次尝试不留痕。请他人办理。",
        "en": "Not done: you, or whom you stand in for, asked for case “{case}”, so you cannot act in it. No trace is "
        "kept, since it would say who complained. Ask another person of the office.",
    },
    "HANDS_MISSING": {
        "zh": "未受理：案件“{case}”须核对办理人与投诉人不是同一人，但命令中没有核对码。请用 diversion 命令办理。",
        "en": "Not done: in case “{case}” it is checked that nobody judges a complaint of their own, and the command "
        "does not carry the digest that this needs. Use the commands of `diversion`.",
    },
    "COMPLAINT_NOT_YOURS": {
        "zh": "未受理：案件“{case}”的投诉只能由投诉人本人撤回。请由其本人办理；撤回后案件仍会查完。",
        "en": "Not done: only whoever made the complaint of case “{case}” can take it back. The case goes on in "
        "any event.",
    },
    "COMPLAINT_WITHDRAWN": {
        "zh": "未受理：案件“{case}”的投诉已经撤回，无需再次撤回；案件仍在办理。",
        "en": "Not done: the complaint of case “{case}” is withdrawn already. The case goes on.",
    },
    "CASE_CLOSED": {
        "zh": "未受理：案件“{case}”已经办结，不能再更改。有新情况的，请重新投诉。",
        "en": "Not done: case “{case}” is final and cannot be changed. If there is something new, complain again.",
    },
    "CASE_STATUS": {
        "zh": "未受理：案件“{case}”当前为“{status}”，不能办理此项。请用 compliance show 查看下一步。",
        "en": "Not done: case “{case}” is {status}, where this cannot be done. See `compliance show` for what can.",
    },
    "CASE_EXTENDED": {
        "zh": "未受理：案件“{case}”的办理期限已延长过一次，不能再延。请在期限内作出决定。",
        "en": "Not done: the time of case “{case}” was extended once, which is all there is. Decide within it.",
    },
    "CASE_DEADLINE_PASSED": {
        "zh": "未受理：办理期限 {due} 已过，不能再延长。请尽快作出决定；逾期已上报。",
        "en": "Not done: the day {due} has passed, so it cannot be extended. Decide now; the delay was escalated.",
    },
    "CASE_APPEAL_TOO_LATE": {
        "zh": "未受理：申诉期限 {due} 已过，决定已生效。有新证据的，请向县教育局提出。",
        "en": "Not done: the time for an appeal ended on {due} and the decision is final. Bring new evidence to the "
        "bureau.",
    },
    "CASE_OF_OWN_UNIT": {
        "zh": "未受理：案件“{case}”涉及您所在的单位，您不能裁定其申诉。本次尝试已记录。请由单位以外的人员裁定。",
        "en": "Not done: case “{case}” is about your own unit, so you cannot decide its appeal. The attempt is on "
        "record. Ask somebody outside the unit.",
    },
    "HOLD_EXISTS": {
        "zh": "未受理：案件“{case}”已在该范围暂停计数和支付，无需重复办理。",
        "en": "Not done: case “{case}” holds counting and payment of this place already. Nothing is left to do.",
    },
    "HOLD_UNKNOWN": {
        "zh": "未受理：没有编号为“{hold}”的暂停计数，或已经解除。请用 compliance show 核对。",
        "en": "Not done: there is no hold “{hold}”, or it is released. Check with `compliance show`.",
    },
    "NOTE_UNKNOWN": {
        "zh": "未受理：案件“{case}”没有这份说明文字。请核对编号。",
        "en": "Not done: case “{case}” has no such note. Check its reference.",
    },
}

BLOCKERS: Final[dict[str, dict[str, str]]] = {}

WORDS: Final[dict[str, dict[str, str]]] = {
    # commands
    "report_suspicion": {"zh": "报告可疑情况", "en": "report a suspicion"},
    "flag_note": {"zh": "标记说明文字", "en": "flag a note"},
    "acknowledge_case": {"zh": "答复受理案件", "en": "acknowledge a case"},
    "open_investigation": {"zh": "立案调查", "en": "open an investigation"},
    "place_hold": {"zh": "暂停计数和支付", "en": "hold counting and payment"},
    "release_hold": {"zh": "恢复计数和支付", "en": "release a hold"},
    "extend_case_deadline": {"zh": "延长办案期限", "en": "extend a case's time"},
    "confirm_violation": {"zh": "认定违规", "en": "confirm a violation"},
    "dismiss_violation": {"zh": "不予认定", "en": "dismiss a violation"},
    "refer_case": {"zh": "移送纪检", "en": "refer a case"},
    "file_case_appeal": {"zh": "提出申诉", "en": "appeal in a case"},
    "decide_case_appeal": {"zh": "裁定申诉", "en": "decide an appeal in a case"},
    "withdraw_complaint": {"zh": "撤回投诉", "en": "withdraw a complaint"},
    "read_note": {"zh": "查阅说明文字", "en": "read a note"},
    "close_case": {"zh": "办结案件", "en": "close a case"},
    "show_case": {"zh": "查看案件", "en": "look at a case"},
    # where a case stands
    "compliance": {"zh": "案件", "en": "case"},
    "case_open": {"zh": "待办", "en": "open"},
    "case_investigating": {"zh": "调查中", "en": "under investigation"},
    "case_referred": {"zh": "已移送", "en": "referred"},
    "case_confirmed": {"zh": "已认定，申诉期内", "en": "confirmed, open to appeal"},
    "case_appealed": {"zh": "申诉中", "en": "under appeal"},
    "case_closed": {"zh": "已办结", "en": "final"},
}

PHRASES: Final[dict[str, Phrase]] = {
    "SuspicionReported": Phrase(
        "报告可疑情况 {case}（{matter}），涉及 {about}，由{owner}办理",
        "a suspicion {case} was reported ({matter}) about {about}, for the {owner}",
    ),
    "NoteFlagged": Phrase(
        "一段说明文字疑似要求放弃考试，立案 {case}，涉及 {about}，由{owner}复核",
        "a note reads like giving up the examination: case {case} about {about}, for the {owner}",
    ),
    "CaseOpened": Phrase(
        "立案 {case}（{matter}，{origin}），涉及 {about}，由{owner}办理，{decide_by} 前决定",
        "case {case} opened ({matter}, {origin}) about {about}, for the {owner}, to be decided by {decide_by}",
    ),
    "InvestigationOpened": Phrase("案件 {case} 开始调查", "case {case}: an investigation began"),
    "HoldPlaced": Phrase(
        "案件 {case} 暂停计数和支付 {hold}（{scope}），理由 {reason}",
        "case {case} holds counting and payment: {hold} ({scope}), reason {reason}",
    ),
    "HoldReleased": Phrase(
        "案件 {case} 恢复计数和支付 {hold}（{scope}），理由 {reason}",
        "case {case} releases the hold {hold} ({scope}), reason {reason}",
    ),
    "HoldHandedOn": Phrase(
        "将暂停计数 {hold} 告知后启动的学校",
        "the hold {hold} is passed on to a school that started later",
        many=("将暂停计数告知后启动的学校：{count} 项", "holds passed on to schools that started later: {count}"),
        bookkeeping=True,
    ),
    "CaseDeadlineExtended": Phrase(
        "案件 {case} 延期至 {decide_by}，理由 {reason}", "case {case} extended to {decide_by}, reason {reason}"
    ),
    "ViolationConfirmed": Phrase(
        "案件 {case} 认定违规：{violation}，理由 {reason}，{appeal_by} 前可申诉，最终决定：{final}",
        "case {case} found a violation: {violation}, reason {reason}, open to appeal until {appeal_by}, final: {final}",
    ),
    "ViolationDismissed": Phrase("案件 {case} 未认定违规，理由 {reason}", "case {case}: no violation, reason {reason}"),
    "ReferredToDiscipline": Phrase(
        "案件 {case} 移送纪检，理由 {reason}", "case {case} referred to the discipline office, reason {reason}"
    ),
    "CaseAppealFiled": Phrase(
        "案件 {case} 当事单位申诉，理由 {reason}，{decide_by} 前裁定",
        "case {case}: the unit concerned appeals, reason {reason}, to be decided by {decide_by}",
    ),
    "CaseAppealDecided": Phrase(
        "案件 {case} 申诉裁定：{outcome}，理由 {reason}", "case {case}: the appeal is {outcome}, reason {reason}"
    ),
    "ComplaintWithdrawn": Phrase(
        "案件 {case} 的投诉已撤回，案件继续办理", "case {case}: the complaint was withdrawn; the case goes on"
    ),
    "NoteRead": Phrase("办理人查阅案件 {case} 的说明文字", "case {case}: its owner read a note"),
    "AcknowledgementOverdue": Phrase(
        "案件 {case} 未在 {due} 前答复受理，上报{to_role}",
        "case {case} was not acknowledged by {due}; escalated to the {to_role}",
    ),
    "DecisionOverdue": Phrase(
        "案件 {case}（{step}）未在 {due} 前决定，上报{to_role}",
        "case {case} ({step}) was not decided by {due}; escalated to the {to_role}",
    ),
    "CaseCalendarNoted": Phrase(
        "案件收到新日历，{decide_by} 前决定",
        "a newer calendar reached the case, to be decided by {decide_by}",
        many=("案件收到新日历：{count} 件", "cases that a newer calendar reached: {count}"),
        bookkeeping=True,
    ),
    "CaseClosed": Phrase("案件 {case} 办结：{outcome}", "case {case} closed: {outcome}"),
    "CaseClosedNoted": Phrase("案件 {case} 已办结：{outcome}", "case {case} has ended: {outcome}"),
}

VALUES: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "matter": {
        "FUNDING_SOURCE": ("奖补资金来源", "source of the funds"),
        "EXAM_WAIVER": ("要求放弃考试", "giving up the examination"),
        "PAID_RECRUITING": ("有偿招生", "paid recruiting"),
        "FORGED_CONSENT": ("伪造同意书", "forged consents"),
    },
    "violation": {
        "PAID_RECRUITING": ("有偿招生", "paid recruiting"),
        "PRESSURE": ("施压", "pressure"),
        "FORGED_CONSENT": ("伪造同意书", "forged consents"),
        "FALSE_REPORT": ("虚假报告", "false reports"),
        "UNREGISTERED_VISIT": ("未登记入校招生", "recruiting without registration"),
        "DATA": ("个人信息", "personal data"),
        "EXAM_WAIVER": ("要求放弃考试", "giving up the examination"),
        "OTHER": ("其他", "other"),
    },
    "origin": {
        "COMPLAINT": ("投诉", "a complaint"),
        "SUSPICION": ("可疑情况报告", "a suspicion"),
        "FUNDING_SOURCE": ("资金来源被拒", "a rejected source of funds"),
        "NOTE": ("说明文字", "a note"),
    },
    "scope": {
        "student": ("一名学生", "a pupil"),
        "class": ("一个班级", "a class"),
    },
    "step": {"case": ("案件", "the case"), "appeal": ("申诉", "the appeal")},
    "final": {"true": ("是", "yes"), "false": ("否", "no")},
    "outcome": {
        "GRANTED": ("成立", "granted"),
        "REJECTED": ("驳回", "rejected"),
        "VIOLATION": ("认定违规", "a violation"),
        "DISMISSED": ("不予认定", "no violation"),
    },
}
"""Field of an event → value → how it is shown (zh, en); `domain.event_values` puts all of them together."""
