"""What the sending of notices says, in Chinese and English: refusals, words, and the timeline (FEATURES G4, O7, O8).

Form and rules are those of `domain.sentences`, `domain.words` and `domain.event_phrases`; what states and codes mean
stands in `domain.notice_glossary`.
"""

from __future__ import annotations

from typing import Final

from domain.event_phrase import Phrase

REFUSALS: Final[dict[str, dict[str, str]]] = {
    # kill switches (O8)
    "ALREADY_KILLED": {
        "zh": "未受理：{scope}的通知已经停发，无需再停。恢复请用 notices release。",
        "en": "Not done: the notices of {scope} are stopped already. `notices release` lets them go again.",
    },
    "NOT_KILLED": {
        "zh": "未受理：{scope}的通知没有停发，无从恢复。请用 notices list 查看已停发的范围。",
        "en": "Not done: the notices of {scope} are not stopped, so there is nothing to release. `notices list` shows "
        "what is.",
    },
    "KILL_NEEDS_APPROVER": {
        "zh": "未受理：停发“{scope}”会扣住涉及家庭权利或学生安全的通知，须由县教育局审批人办理。"
        "如果只是某个渠道出了故障，请用 --channel 停发该渠道。",
        "en": "Not done: stopping “{scope}” would hold notices on a family's rights or a child's safety, which the "
        "bureau's approver does. If one channel is at fault, stop that one with --channel.",
    },
    "CHANNEL_UNKNOWN": {
        "zh": "未受理：没有渠道“{channel}”。可选：{known}。",
        "en": "Not done: there is no channel “{channel}”. Choose one of: {known}.",
    },
    # single notices (O7)
    "NOTICE_NOT_ENDED": {
        "zh": "未受理：通知 {notice} 的状态是“{state}”，不能重发；"
        "只有无法发出、已人工停发、已过时和结果不明待人核实的可以重发。请用 notices show 查看。",
        "en": "Not done: the notice {notice} is {state}, so it is not sent once more: only those that failed, were "
        "muted, came too late or wait for a person's word are. See `notices show`.",
    },
    "NOTICE_OUT_OF_REACH": {
        "zh": "未受理：通知 {notice} 的状态是“{state}”，已无法停发。请用 notices show 查看。",
        "en": "Not done: the notice {notice} is {state} and cannot be stopped any more. See `notices show`.",
    },
    "NOTICE_IS_STATUTORY": {
        "zh": "未受理：通知 {notice} 涉及家庭权利或学生安全，学校不能停发。确有必要的，请联系县教育局。",
        "en": "Not done: the notice {notice} is about a family's rights or a child's safety, and no school stops it. "
        "Ask the bureau if it must be.",
    },
    "NOTICE_NOT_UNKNOWN": {
        "zh": "未受理：通知 {notice} 的状态是“{state}”，结果已经明确，无需人工认定。",
        "en": "Not done: the notice {notice} is {state}; what became of it is known, and nobody need say it.",
    },
    # people's lists
    "NOTICE_NOT_ON_LIST": {
        "zh": "未受理：通知 {notice} 不在电话或纸质办理清单上（状态“{state}”）。请核对编号，"
        "或用 notices tasks 查看清单。",
        "en": "Not done: the notice {notice} is on no list of calls or letters (it is {state}). Check its reference, "
        "or see `notices tasks`.",
    },
    "NOT_OWN_CLASS": {
        "zh": "未受理：班主任只能查看和办理本班家庭的通知，{class_id} 班不是您的班级。请联系该班班主任或本校领导。",
        "en": "Not done: a class head sees and does the notices of own classes only, and {class_id} is another's. "
        "Ask its class head or the school's leaders.",
    },
    "OUTCOME_NOT_OF_LIST": {
        "zh": "未受理：结果“{outcome}”不适用于{channel}。可填：{possible}。",
        "en": "Not done: {outcome} cannot come of {channel}. Possible are: {possible}.",
    },
    "PERSON_NOT_OF_HOUSEHOLD": {
        "zh": "未受理：{person} 不是学生 {student} 的监护人或照护人，也不是学生本人。请核对编号（person show 可查）。",
        "en": "Not done: {person} is no guardian or caregiver of {student}, nor the pupil. Check the reference; "
        "`person show` has it.",
    },
}
"""Refusal code → sentence by language."""

WORDS: Final[dict[str, dict[str, str]]] = {
    # commands
    "kill_notices": {"zh": "停发通知", "en": "stop notices"},
    "release_notices": {"zh": "恢复发送通知", "en": "release stopped notices"},
    "mute_notice": {"zh": "停发一条通知", "en": "mute a notice"},
    "retry_notice": {"zh": "重发一条通知", "en": "send a notice once more"},
    "settle_unknown_notice": {"zh": "认定结果不明的通知", "en": "say whether a notice went out"},
    "record_notice_task": {"zh": "登记电话或纸质告知的结果", "en": "record what became of a call or a letter"},
    "decline_optional_notices": {"zh": "登记不再接收可选通知", "en": "decline optional notices"},
    "allow_optional_notices": {"zh": "登记恢复接收可选通知", "en": "allow optional notices again"},
    # channels
    "wecom": {"zh": "企业微信", "en": "WeCom"},
    "sms": {"zh": "短信", "en": "text message"},
    "email": {"zh": "电子邮件", "en": "e-mail"},
    "phone": {"zh": "电话", "en": "telephone"},
    "paper": {"zh": "纸质", "en": "paper"},
    "wecom_robot": {"zh": "企业微信群机器人", "en": "WeCom group robot"},
    "dingtalk_robot": {"zh": "钉钉群机器人", "en": "DingTalk group robot"},
}
"""Code → word by language."""

PHRASES: Final[dict[str, Phrase]] = {
    "NoticesKilled": Phrase(
        "停发通知：{scope_kind}“{scope}”，理由 {reason}",
        "stopped the notices of the {scope_kind} {scope}, reason {reason}",
    ),
    "NoticesReleased": Phrase(
        "恢复发送通知：{scope_kind}“{scope}”，理由 {reason}",
        "released the notices of the {scope_kind} {scope}, reason {reason}",
    ),
    "NoticeMuted": Phrase("停发通知 {notice}，理由 {reason}", "muted the notice {notice}, reason {reason}"),
    "NoticeRetried": Phrase(
        "重发通知 {notice}，渠道：{channel}，理由 {reason}",
        "sends the notice {notice} once more, channel: {channel}, reason {reason}",
    ),
    "NoticeOutcomeStated": Phrase(
        "认定结果不明的通知 {notice}：{sent}，理由 {reason}",
        "found out of the notice {notice}: {sent}, reason {reason}",
    ),
    "NoticeTaskRecorded": Phrase(
        "登记{channel}告知 {notice} 的结果：{outcome}", "recorded of the notice {notice}, by {channel}: {outcome}"
    ),
    "OptionalNoticesDeclined": Phrase(
        "{person} 不再接收关于 {student} 的可选通知", "{person} wants no optional notices about {student} any more"
    ),
    "OptionalNoticesAllowed": Phrase(
        "{person} 恢复接收关于 {student} 的可选通知", "{person} wants the optional notices about {student} again"
    ),
    "NoticesSettled": Phrase(
        "{channel}渠道 {day} 的发送流水入账：{rows} 条，摘要 {digest}",
        "tied the journal of {channel} of {day} to the record: {rows} rows, digest {digest}",
        many=("{channel}渠道 {count} 天的发送流水入账", "days of the journal of {channel} tied to the record: {count}"),
        bookkeeping=True,
    ),
    "ReceiptsTaken": Phrase(
        "收到{channel}渠道的一批回执",
        "took in receipts of {channel}",
        many=("收到{channel}渠道的回执 {count} 批", "lots of receipts of {channel}: {count}"),
        bookkeeping=True,
    ),
}
"""Types of events of the campaign's stream."""

VALUES: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "scope_kind": {
        "channel": ("渠道", "channel"),
        "purpose": ("用途", "purpose"),
        "school": ("学校", "school"),
    },
    "channel": {"": ("重新选择", "chosen anew")},
    "sent": {"true": ("已发出", "it went out"), "false": ("未发出", "it did not go out")},
    "outcome": {
        "REACHED": ("已告知", "reached"),
        "WRONG_NUMBER": ("号码不对", "a wrong number"),
        "HANDED_OVER": ("已交给家庭", "handed over"),
        "SIGNED": ("已签回执", "receipt signed"),
        "RETURNED": ("退回", "returned"),  # of a letter, and of a summary, which is returned for rewriting
    },
}
"""Field of an event → value → how it is shown (zh, en); `domain.event_values` puts all of them together."""
