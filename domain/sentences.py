"""What a refusal or blocker code says to the person who reads it, in Chinese and English.

Each entry says what was refused, why and what to do. A template names fields in braces; the same fields in both
languages. Values are codes, counts and dates, never a person's data (DESIGN §8).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from domain import (
    sentences_aid,
    sentences_attendance,
    sentences_care,
    sentences_compliance,
    sentences_filing,
    sentences_gateway,
    sentences_register,
    sentences_retention,
    sentences_sending,
    sentences_settlement,
    sentences_summaries,
    sentences_targets,
    sentences_visits,
)
from domain.blockers import BLOCKERS, SHARED
from domain.refusal import Refusal
from domain.words import WORDS

Language = Literal["zh", "en"]

_MISSING: Final = "—"
_JOINED: Final[dict[str, str]] = {"zh": "、", "en": ", "}
_PHRASES_JOINED: Final[dict[str, str]] = {"zh": "；", "en": "; "}  # blockers are phrases with commas of their own

_GENERAL: Final[dict[str, dict[str, str]]] = {
    # who (DESIGN §3)
    "ROLE_NOT_ALLOWED": {
        "zh": "未受理：{role}无权执行“{command}”。可以办理的角色：{allowed}。请由其办理。",
        "en": "Not done: the role {role} may not do “{command}”. These roles may: {allowed}. Ask one of them.",
    },
    "WRONG_SCHOOL": {
        "zh": "未受理：您只能办理本校的事项，此事属于其他单位。本次尝试已记录。请联系该校或县教育局。",
        "en": "Not done: you may act for your own school only, and this belongs to another. The attempt is on record. "
        "Ask that school or the bureau.",
    },
    "SELF_APPROVAL": {
        "zh": "未受理：经办人不能批准自己经办的事项，受托代办也不行。本次尝试已记录。请由另一位有权限的人员批准。",
        "en": "Not done: nobody approves their own act, nor by acting for somebody else. The attempt is on record. "
        "Ask another person who has the role.",
    },
    # the command itself (DESIGN §3)
    "COMMAND_UNKNOWN": {
        "zh": "未受理：没有这种操作。请核对操作名称，或更新客户端。",
        "en": "Not done: there is no such command. Check its name, or update the client.",
    },
    "COMMAND_INVALID": {
        "zh": "未受理：填写内容不完整或格式不对（{places}）。请改正后重新提交。",
        "en": "Not done: the command is incomplete or malformed ({places}). Correct it and submit again.",
    },
    "COMMAND_ID_REUSED": {
        "zh": "未受理：该操作编号已用于另一项操作。请用新的编号重新提交。",
        "en": "Not done: this command id was used for another command. Submit again with a new id.",
    },
    "UPDATE_ID_MISMATCH": {
        "zh": "未受理：更新编号与操作编号不一致。请用同一个编号提交。",
        "en": "Not done: the Update id differs from the command id. Submit with one and the same id.",
    },
    "INBOX_NOT_HERE": {
        "zh": "未受理：此信息不由这里接收。请发送到负责该事项的流程。",
        "en": "Not done: this message is not received here. Send it to the workflow that owns the matter.",
    },
    "SENDER_NOT_RELATED": {
        "zh": "未受理：此信息的发送方不是本流程的上级或下级。请由相关流程发送，并通知运维人员。",
        "en": "Not done: the sender is neither parent nor child of this workflow. Let the one concerned send it, and "
        "tell the operator.",
    },
    "HALTED": {
        "zh": "未受理：台账与流程不一致，本流程已停止办理，只能查询。请通知运维人员检查（doctor）。",
        "en": "Not done: ledger and workflow disagree, so this one has halted and can only be read. "
        "Tell the operator to run `doctor`.",
    },
    "CLOCK_NOT_STEPPED": {
        "zh": "未受理：本活动按真实时间运行，不能手动推进时间。只有演练才能推进。",
        "en": "Not done: this campaign runs on real time, which nobody can move. Only a rehearsal has a clock to move.",
    },
    "REASON_REQUIRED": {
        "zh": "未受理：此操作必须说明理由。请填写理由代码（如 EXAM_WEEK）后重新提交。",
        "en": "Not done: this needs a reason. Give a reason code, such as EXAM_WEEK, and submit again.",
    },
    "OCCURRED_IN_FUTURE": {
        "zh": "未受理：填写的发生时间晚于现在（允许误差 {minutes} 分钟）。请在事情发生后再登记。",
        "en": "Not done: the stated time lies in the future (by more than {minutes} minutes). "
        "Record it once it has happened.",
    },
    "OCCURRED_TOO_LONG_AGO": {
        "zh": "未受理：填写的发生时间已超过 {days} 天。请核对日期；确属补录的，请附补录理由代码。",
        "en": "Not done: the stated time is more than {days} days ago. Check the date; "
        "if it is right, add the reason for recording it late.",
    },
    # calendar and due dates (DESIGN §6)
    "CALENDAR_UNKNOWN": {
        "zh": "未受理：{year} 年的工作日安排尚未公布，无法计算。请先由县教育局发布该年日历。",
        "en": "Not done: the working days of {year} are not yet published, so the date cannot be computed. "
        "The bureau must publish that year's calendar first.",
    },
    "DUE_NOT_LATER": {
        "zh": "未受理：新的截止日期不晚于现在的截止日期（{due}）。请填写更晚的日期。",
        "en": "Not done: the new due date is not later than the present one ({due}). Give a later date.",
    },
    "DUE_NOT_WORKING_DAY": {
        "zh": "未受理：{due} 不是工作日，不能作为截止日期。请改为工作日（注意调休）。",
        "en": "Not done: {due} is not a working day and cannot be a due date. Choose one (mind the make-up days).",
    },
    # policy (DESIGN §7)
    "PROFILE_UNKNOWN": {
        "zh": "未受理：没有名为“{profile}”的政策口径。请核对名称。",
        "en": "Not done: there is no policy profile “{profile}”. Check its name.",
    },
    "PROFILE_NOT_IN_FORCE": {
        "zh": "未受理：本次活动当日的政策口径是“{held}”，不能按“{profile}”结算。请改用 {held}，或用 legacy 试算。",
        "en": "Not done: the campaign's policy of that day is “{held}”, and nothing is settled by “{profile}”. "
        "Use {held}, or `legacy` for a trial.",
    },
    "PROFILE_SHADOW_ONLY": {
        "zh": "未受理：政策口径“{profile}”只能试算，不得用于启动活动，不得发放。请改用合规口径（compliant）。",
        "en": "Not done: the policy profile “{profile}” is for trial computation only and can start no campaign. "
        "Use `compliant`.",
    },
    "POLICY_PARAMETER_UNKNOWN": {
        "zh": "未受理：没有名为“{parameter}”的政策参数。请核对拼写。",
        "en": "Not done: there is no policy parameter “{parameter}”. Check its spelling.",
    },
    "POLICY_PARAMETER_INVALID": {
        "zh": "未受理：政策参数“{parameter}”的值不合规定。比例请写成分数（如 3/10），其余请对照说明改正。",
        "en": "Not done: the value of the policy parameter “{parameter}” is not valid. Write ratios as fractions "
        "(3/10); see the description for the others.",
    },
    # campaign (DESIGN §4)
    "CAMPAIGN_EXISTS": {
        "zh": "未受理：本县本届活动已存在，且内容不同。请查看现有活动；要修改请使用变更操作。",
        "en": "Not done: this county's campaign of that year exists with other content. Look at it; "
        "to change it, use the commands for changes.",
    },
    "CAMPAIGN_NOT_APPROVED": {
        "zh": "未受理：活动尚未批准。请由另一位审批人批准后再办理。",
        "en": "Not done: the campaign is not yet approved. Another person, an approver, must approve it first.",
    },
    "CAMPAIGN_ALREADY_APPROVED": {
        "zh": "未受理：活动已经批准，无需再次批准。",
        "en": "Not done: the campaign is approved already. Nothing is left to do.",
    },
    "CAMPAIGN_STOPPED": {
        "zh": "未受理：活动已停止，不再办理工作事项。家庭的撤回和投诉仍可受理。如有疑问请联系县教育局。",
        "en": "Not done: the campaign was stopped and takes no more work. Families can still withdraw and complain. "
        "Ask the bureau if in doubt.",
    },
    "CAMPAIGN_CLOSED": {
        "zh": "未受理：活动已结束归档，不能再更改。需要更正的，请向县教育局提出。",
        "en": "Not done: the campaign is closed and cannot be changed. Ask the bureau for a correction.",
    },
    "STAGES_NOT_FINISHED": {
        "zh": "未受理：活动还不能结束，还差：{blockers}。请先办结；阶段也可说明理由跳过。",
        "en": "Not done: the campaign cannot close yet. Still open: {blockers}. Finish this first; a stage can be "
        "skipped with a reason.",
    },
    "ALREADY_PAUSED": {
        "zh": "未受理：活动或该校已经暂停，无需再次暂停。",
        "en": "Not done: the campaign or this school is on hold already. Nothing is left to do.",
    },
    "NOT_PAUSED": {
        "zh": "未受理：该范围没有暂停，无需恢复。请核对是暂停了整个活动还是一所学校。",
        "en": "Not done: this is not on hold. Check whether the whole campaign or one school was paused.",
    },
    "SCHOOL_UNKNOWN": {
        "zh": "未受理：活动中没有学校“{school}”。请核对学校标识码。",
        "en": "Not done: the campaign has no school “{school}”. Check its code.",
    },
    "SCHOOL_NOT_STARTED": {
        "zh": "未受理：学校“{school}”尚未启动。请稍后再试。",
        "en": "Not done: the school “{school}” has not started yet. Try again in a moment.",
    },
    "SIGN_IN_MISSING": {
        "zh": "未受理：系统尚无登录，无法核实办理人身份，只有样例县可以直接启动。"
        "确需启动真实活动的，请加上 --i-know-there-is-no-sign-in，并自行核实两人身份。",
        "en": "Not done: there is no sign-in yet, so nobody's identity is checked, and only a sample county may do "
        "this. For a real campaign, check both people yourself and give --i-know-there-is-no-sign-in.",
    },
    # stage (DESIGN §5)
    "STAGE_TOO_EARLY": {
        "zh": "未受理：本阶段 {opens} 才开放。请到时再办理。",
        "en": "Not done: this stage opens on {opens}. Come back then.",
    },
    "STAGE_PREREQUISITE": {
        "zh": "未受理：前置阶段尚未完成：{missing}。请先完成前置阶段。",
        "en": "Not done: what must come first is not finished: {missing}. Finish that first.",
    },
    "STAGE_NOT_OPEN": {
        "zh": "未受理：本阶段当前为“{status}”，不能办理。请等待开放；已完成的需先重新开放。",
        "en": "Not done: this stage is {status}. Wait until it opens; one that is finished must be reopened first.",
    },
    "ALREADY_COMPLETED": {
        "zh": "未受理：本阶段已经完成。要更正请先重新开放并说明理由。",
        "en": "Not done: this stage is completed already. To correct it, reopen it with a reason first.",
    },
    "STAGE_PAUSED": {
        "zh": "未受理：活动已暂停，工作事项暂不办理。请等待恢复。家庭的撤回和投诉不受影响。",
        "en": "Not done: work is paused. Wait until it is resumed. Families can still withdraw and complain.",
    },
    "NOT_COMPLETE": {
        "zh": "未受理：本阶段还不能完成。还差：{blockers}。请办理后再提交。",
        "en": "Not done: this stage cannot be completed yet. Still missing: {blockers}. Do this, then submit again.",
    },
    "STAGE_HAS_NO_CONTENT": {
        "zh": "未受理：本阶段不接收此类登记。请核对阶段名称。",
        "en": "Not done: this stage takes no such records. Check the stage's name.",
    },
    # identification (DESIGN §4, §10)
    "STUDENT_UNKNOWN": {
        "zh": "未受理：名单中没有该学生。请核对编号；新转入的学生请先导入名册。",
        "en": "Not done: this pupil is not on the list. Check the reference; import the roster first for a newcomer.",
    },
    "STUDENT_TWICE": {
        "zh": "未受理：同一学生在提交中出现多次。请每人只保留一行。",
        "en": "Not done: a pupil appears more than once in what was submitted. Keep one row for each.",
    },
    "CLASS_UNKNOWN": {
        "zh": "未受理：本校没有该班级。请核对班级名称。",
        "en": "Not done: this school has no such class. Check the class's name.",
    },
    "PROPOSAL_MISSING": {
        "zh": "未受理：该学生尚无帮扶建议。请等待建议生成后再决定。",
        "en": "Not done: nothing is proposed for this pupil yet. Decide once the proposal is there.",
    },
    "ALREADY_DECIDED": {
        "zh": "未受理：该学生的建议已有决定。如有不同意见，请提出异议。",
        "en": "Not done: this pupil's proposal is decided already. Contest it if you disagree.",
    },
    "COHORT_FROZEN": {
        "zh": "未受理：名单已锁定，不能更改。如有错误，请提出异议，由另一人复核。",
        "en": "Not done: the list is frozen and cannot be changed. Contest it; another person looks again.",
    },
    "COHORT_NOT_FROZEN": {
        "zh": "名单尚未锁定。请先锁定名单。",
        "en": "The list is not frozen. Freeze it first.",
    },
    "CONTEST_OPEN": {
        "zh": "未受理：该学生已有一项异议尚未处理。请先处理该异议。",
        "en": "Not done: an objection about this pupil is still open. Resolve it first.",
    },
    "RULE_ATTRIBUTE_FORBIDDEN": {
        "zh": "规则被拒绝：不得用“{attribute}”判断学生。请删除该条件，只使用期中成绩占比、无故缺勤天数和是否已告知。",
        "en": "Rule refused: “{attribute}” must not decide about a child. Remove the condition; only the mid-term "
        "share, days of unexplained absence and whether the household was informed may be used.",
    },
    "RULE_ATTRIBUTE_UNKNOWN": {
        "zh": "规则被拒绝：不认识属性“{attribute}”。请核对拼写，只使用期中成绩占比、无故缺勤天数和是否已告知。",
        "en": "Rule refused: the attribute “{attribute}” is unknown. Check its spelling; only the mid-term share, "
        "days of unexplained absence and whether the household was informed may be used.",
    },
    "RULE_INVALID": {
        "zh": "规则被拒绝：“{place}”处写法不对。每类帮扶只写一个条件，每个条件只写一个比较，比例写成分数。请改正。",
        "en": "Rule refused: it is not well formed at “{place}”. Write one condition for a kind of help, one "
        "comparison in a condition, and ratios as fractions.",
    },
    "DATA_UNKNOWN_NEEDS_HELP": {
        "zh": "未受理：{count} 名学生资料不全，不能直接按建议确认。请人工查看，写明帮扶内容和理由。",
        "en": "Not done: data is missing for {count} pupils, so there is no proposal to confirm. Look at each, then "
        "state the help and a reason.",
    },
    "CONTEST_NOT_OPEN": {
        "zh": "未受理：该学生没有待处理的异议。请核对编号。",
        "en": "Not done: no objection about this pupil is open. Check the reference.",
    },
    # lists (CLI, `record`)
    "ROWS_REFUSED": {
        "zh": "未受理：有 {count} 行不能登记，整份清单均未登记。请改正这些行，或用 --partial 只登记其余各行。",
        "en": "Not done: {count} rows cannot be recorded, so none was. Correct them, or give --partial to record "
        "the others.",
    },
    "FOLLOW_UP_BEFORE_MEETING": {
        "zh": "未受理：联系时间早于该户缺席的家长会。",
        "en": "Not done: the contact lies before the meeting that the household missed.",
    },
    "STUDENT_NOT_IN_SESSION": {
        "zh": "该学生的班级不在这场家长会中。请核对场次。",
        "en": "This pupil's class is not in this meeting. Check the meeting's reference.",
    },
    "ATTENDED_BY_MISSING": {
        "zh": "到会的家庭须写明由谁到会：监护人或受委托照护人。",
        "en": "Say who came for a household that attended: guardian or caregiver.",
    },
    "HOUSEHOLD_ALREADY_SETTLED": {
        "zh": "该家庭已有最终结果，无需再回访。",
        "en": "This household has its final outcome already. No further contact is needed.",
    },
    "ALREADY_RECORDED": {
        "zh": "此项已经登记，不能再次登记或取消。有误请走更正程序。",
        "en": "This is recorded already and cannot be recorded or cancelled again. Correct it if it is wrong.",
    },
    "ALREADY_INVITED": {
        "zh": "未受理：这场家长会的家庭都已邀请，无需再次邀请。",
        "en": "Not done: every household of this meeting is invited already. Nothing is left to do.",
    },
    # parent meetings (DESIGN §4)
    "SESSION_UNKNOWN": {
        "zh": "未受理：没有这场家长会。请核对场次编号，或先安排该场次。",
        "en": "Not done: there is no such meeting. Check its reference, or schedule it first.",
    },
    "SESSION_EXISTS": {
        "zh": "未受理：该场次编号已存在。请使用新的编号，或更改已有场次。",
        "en": "Not done: a meeting with this reference exists. Use a new reference, or change the existing meeting.",
    },
    "SESSION_NOT_YET_HELD": {
        "zh": "未受理：这场家长会还没有召开，不能登记到会情况。请会后再登记。",
        "en": "Not done: this meeting has not been held yet. Record attendance afterwards.",
    },
}

REFUSALS: Final[dict[str, dict[str, str]]] = {
    **_GENERAL,
    **sentences_register.REFUSALS,
    **sentences_visits.REFUSALS,
    **sentences_filing.REFUSALS,
    **sentences_retention.REFUSALS,
    **sentences_gateway.REFUSALS,
    **sentences_attendance.REFUSALS,
    **sentences_targets.REFUSALS,
    **sentences_settlement.REFUSALS,
    **sentences_compliance.REFUSALS,
    **sentences_care.REFUSALS,
    **sentences_aid.REFUSALS,
    **sentences_summaries.REFUSALS,
    **sentences_sending.REFUSALS,
}
"""Refusal code → sentence by language."""

CATALOGUE: Final[dict[str, dict[str, str]]] = {**REFUSALS, **BLOCKERS}
"""All codes."""


class _Fields(dict[str, str]):
    """Shown values; one that was not given is shown as a dash, for a sentence must never hide a refusal."""

    def __missing__(self, name: str) -> str:
        return _MISSING


def _shown(value: Any, lang: str) -> str:
    match value:
        case None:
            return _MISSING
        case {"code": str(code), **rest}:
            parameters = {str(name): part for name, part in rest.items()}
            entry = SHARED.get(code)
            if entry is not None:
                return entry[lang].format_map(_Fields({name: str(part) for name, part in parameters.items()}))
            return sentence(code, parameters, lang).rstrip("。.")
        case list() | tuple():
            joined = _PHRASES_JOINED if any(isinstance(part, dict) for part in value) else _JOINED
            return joined[lang].join(_shown(part, lang) for part in value) or _MISSING
        case str() if value in WORDS:
            return WORDS[value][lang]
        case _:
            return str(value)


def sentence(code: str, parameters: Mapping[str, Any], lang: str) -> str:
    """Say a refusal or blocker to a person.

    Args:
        code: a key of `CATALOGUE`.
        parameters: the values of the template's fields. Lists are joined; known codes (roles, commands, stages,
            states) become words; blockers may be given as `{"code", "count"}`.
        lang: "zh" or "en"; anything else is read as "zh", the county's language.

    Returns:
        The sentence, or the code itself where it is unknown.
    """
    entry = CATALOGUE.get(code)
    if entry is None:
        return code
    language = lang if lang in _JOINED else "zh"
    shown = {name: _shown(value, language) for name, value in parameters.items()}
    return entry[language].format_map(_Fields(shown))


def refusal_sentence(refusal: Refusal, lang: str) -> str:
    """Say a whole refusal, with its blockers where the sentence names them."""
    blockers = [blocker.model_dump() for blocker in refusal.blockers]
    return sentence(refusal.code, {"blockers": blockers, **refusal.parameters}, lang)


def blocker_phrase(code: str, count: int, lang: str) -> str:
    """Say one blocker as a phrase without a full stop."""
    return _shown({"code": code, "count": count}, lang if lang in _JOINED else "zh")
