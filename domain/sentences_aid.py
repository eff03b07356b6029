"""What is said about student aid: refusals, blockers, words, and the phrases of its events."""

from __future__ import annotations

from typing import Final

from domain.event_phrase import Phrase

REFUSALS: Final[dict[str, dict[str, str]]] = {
    # lists
    "AID_LIST_UNKNOWN": {
        "zh": "未受理：没有名为 {listed} 的资助名单。请用 aid show 查看。",
        "en": "Not done: there is no aid list {listed}. See `aid show`.",
    },
    "AID_LIST_EXISTS": {
        "zh": "未受理：资助名单 {listed} 已存在。新增学生请另用一个名称。",
        "en": "Not done: the aid list {listed} exists. Use another name for more pupils.",
    },
    "AID_LIST_STANDS_OTHERWISE": {
        "zh": "未受理：资助名单 {listed} 目前的状态是{standing}，此步不适用。次序是：编制、公示、公示结束、批准。",
        "en": "Not done: the aid list {listed} is {standing}, and this step does not fit. The order is: draft, "
        "publish, end of the public view, approve.",
    },
    "AID_LIST_ON_VIEW": {
        "zh": "未受理：资助名单 {listed} 公示至 {until}，期满后才能批准。",
        "en": "Not done: the aid list {listed} is on public view until {until}. Approve it after that day.",
    },
    "AID_OBJECTIONS_OPEN": {
        "zh": "未受理：资助名单 {listed} 还有 {count} 件异议未处理。请先处理（aid decide）。",
        "en": "Not done: {count} objections to the aid list {listed} are open. Decide them first (`aid decide`).",
    },
    "AID_OBJECTION_OPEN": {
        "zh": "未重复受理：该生已有一件异议在处理。",
        "en": "Not done again: an objection about this pupil is open already. Wait for its decision.",
    },
    "AID_OBJECTION_NONE": {
        "zh": "未受理：该名单上没有关于该生的异议。",
        "en": "Not done: there is no open objection about this pupil on the list. See `aid show`.",
    },
    # rows of a list
    "AID_KIND_NOT_ELIGIBLE": {
        "zh": "该资助类别不在现行政策之内。请核对类别（policy show 的 aid_kinds）。",
        "en": "The policy gives no aid for this kind. Check the kind against `aid_kinds` of `policy show`.",
    },
    "AID_YEAR_NOT_ELIGIBLE": {
        "zh": "该年级不享受国家助学金（现行政策为一、二年级）。请删去此行。",
        "en": "There is no grant in this year of study; by the policy it is paid in the first years only. Leave the "
        "row out.",
    },
    "AID_PAYER_TWICE": {
        "zh": "该生同一时期已由另一单位发放。请先停止原来的发放（aid stop），再从下一月起申报。",
        "en": "Another payer pays this pupil in the same months. Stop that first (`aid stop`), and begin with the "
        "month after.",
    },
    "AID_LISTED_ALREADY": {
        "zh": "该生这一时期已在名单上。请删去此行。",
        "en": "This pupil stands on a list for these months already. Leave the row out.",
    },
    "AID_ACCOUNT_SHARED": {
        "zh": "该账户已属于另一名学生。一人一户，请核对账户。",
        "en": "This account is another pupil's. Each pupil has an account of their own: check it.",
    },
    "AID_ACCOUNT_OTHER": {
        "zh": "该生已登记另一账户。一人一户，请核对账户。",
        "en": "This pupil has another account on record. Each pupil has one account: check it.",
    },
    "AID_OTHER_SCHOOL": {
        "zh": "该行属于其他学校。接收学校只能办理本校学生。",
        "en": "The row is of another school. A receiving school acts for its own pupils only.",
    },
    # months
    "AID_NOT_LISTED": {
        "zh": "该生不在资助名单上。请先列入名单（aid entitle）。",
        "en": "This pupil stands on no aid list. Put the pupil on one first (`aid entitle`).",
    },
    "AID_MONTH_OUTSIDE": {
        "zh": "该月不在该生的资助月份之内：一学年按教学月发放，停发后的月份也不计。请核对月份。",
        "en": "The month is none of this pupil's months of aid: a school year has its teaching months, and none "
        "after a stop. Check the month.",
    },
    "AID_MONTH_AHEAD": {
        "zh": "该月尚未开始，无法登记到校。请到时再登记。",
        "en": "The month has not begun: nobody has attended it yet. Record it when it has come.",
    },
    "AID_MONTH_TWICE": {
        "zh": "该生该月已登记到校，每月只登记一次。请删去此行。",
        "en": "This pupil's month is on record already; a month counts once. Leave the row out.",
    },
    "AID_MONTH_NOT_RECORDED": {
        "zh": "未受理：该生 {month} 没有到校登记，无可撤回。",
        "en": "Not done: no attendance of this pupil is on record for {month}, so there is nothing to take back.",
    },
    "AID_EVIDENCE_TOO_WEAK": {
        "zh": "到校情况不能仅凭转述。请提供学籍、书面材料、当面核实或电话核实。",
        "en": "Hearsay is not enough for a month of aid. Give the register, a paper, a sight of the pupil or a call.",
    },
    "AID_ENDS_ALREADY": {
        "zh": "未受理：该生在 {month} 之后本来就没有资助，无需停发。",
        "en": "Not done: this pupil has no aid after {month} anyway. There is nothing to stop.",
    },
    # runs
    "AID_RUN_UNKNOWN": {
        "zh": "未受理：没有名为 {run} 的发放表。请用 aid show 查看。",
        "en": "Not done: there is no run {run} of the aid. See `aid show`.",
    },
    "AID_RUN_APPROVED": {
        "zh": "未受理：发放表 {run} 已批准，不再变动。更正请另编一份，只列差额。",
        "en": "Not done: the run {run} is approved and stays. A correction is another run, which holds the difference.",
    },
    "AID_RUN_OTHER_TERM": {
        "zh": "未受理：发放表 {run} 属于另一学年或学期。请另用一个名称。",
        "en": "Not done: the run {run} is of another year or term. Use another name.",
    },
    "AID_RUN_OPEN": {
        "zh": "未受理：该学期已有发放表 {run} 待批准。请先批准它，或以该名称重新计算。",
        "en": "Not done: the run {run} of this term waits for its approval. Approve it, or compute it again by its "
        "name.",
    },
    "AID_RUN_VERSION_OLD": {
        "zh": "未受理：发放表 {run} 已有新版本，现为第 {version} 版。请先查看新版本。",
        "en": "Not done: the run {run} has a newer version, which is {version}. Look at that one first.",
    },
    "AID_RUN_STALE": {
        "zh": "未受理：发放表 {run} 计算之后，其中 {count} 行的月份已被撤回或停发。请以该名称重新计算后再批准。",
        "en": "Not done: since the run {run} was computed, months of {count} of its lines were taken back or stopped. "
        "Compute it again by its name, and approve that version.",
    },
    "AID_RUN_NOT_APPROVED": {
        "zh": "未受理：发放表 {run} 尚未批准，不得发放。",
        "en": "Not done: the run {run} is not approved, so nothing of it is paid. Have it approved first.",
    },
    "AID_NOT_ENTITLED_YEAR": {
        "zh": "未受理：现行政策只资助前 {years} 个学年。请核对学年。",
        "en": "Not done: the policy gives aid in the first {years} years of study. Check the year.",
    },
    "AID_NOTHING_DUE": {
        "zh": "未受理：第 {study_year} 学年第 {term} 学期没有应发或应收回的月份。请先登记到校月份，并确认名单已批准。",
        "en": "Not done: nothing is due or to be taken back for year {study_year}, term {term}. Record the months of "
        "attendance, and see that the list is approved.",
    },
    "AID_BASIS_FOREIGN": {
        "zh": "未受理：依据中有不属于本次活动的事件流。请重新计算。",
        "en": "Not done: the basis names a stream of another campaign. Compute the run again.",
    },
    "AID_PAYER_UNKNOWN": {
        "zh": "未受理：发放表 {run} 中没有发放单位 {payer}。请用 aid show 查看。",
        "en": "Not done: the payer {payer} has no line in the run {run}. See `aid show`.",
    },
    "AID_PAID_ALREADY": {
        "zh": "未重复受理：发放表 {run} 中 {payer} 的款项已办结。",
        "en": "Not done again: the money of {payer} in the run {run} has moved already. Nothing is left to do.",
    },
}

BLOCKERS: Final[dict[str, dict[str, str]]] = {
    "AID_LISTS_UNDECIDED": {
        "zh": "{count} 份资助名单尚未批准或退回，请办结",
        "en": "aid lists neither approved nor turned down: {count} (decide them)",
    },
    "AID_MONTHS_UNPAID": {
        "zh": "{count} 个已登记到校的月份尚未列入发放表，请编制，或停发、撤回有误的月份",
        "en": "months with attendance that no approved run pays: {count} (compute a run, or stop or take back what is "
        "wrong)",
    },
    "AID_MONTHS_OVERPAID": {
        "zh": "{count} 个已发放的月份不再应发，尚未收回，请另编发放表收回",
        "en": "paid months that are due no more and that no approved run takes back: {count} (compute a run)",
    },
    "AID_RUNS_UNPAID": {
        "zh": "{count} 份资助发放表尚未批准或发放，请办结",
        "en": "runs of the aid not approved or not paid: {count} (finish them)",
    },
}

WORDS: Final[dict[str, dict[str, str]]] = {
    # commands
    "draft_aid_list": {"zh": "编制资助名单", "en": "draw up an aid list"},
    "publish_aid_list": {"zh": "公示资助名单", "en": "publish an aid list"},
    "object_to_aid": {"zh": "对资助名单提出异议", "en": "object to an aid list"},
    "decide_aid_objection": {"zh": "处理资助异议", "en": "decide an objection to aid"},
    "approve_aid_list": {"zh": "批准资助名单", "en": "approve an aid list"},
    "reject_aid_list": {"zh": "退回资助名单", "en": "turn down an aid list"},
    "record_aid_attendance": {"zh": "登记受助学生到校月份", "en": "record months of attendance for aid"},
    "withdraw_aid_attendance": {"zh": "撤回到校月份", "en": "take back a month of attendance"},
    "stop_aid": {"zh": "停发资助", "en": "stop aid"},
    "compute_aid": {"zh": "计算资助发放表", "en": "compute a run of aid"},
    "approve_aid_run": {"zh": "批准资助发放表", "en": "approve a run of aid"},
    "confirm_aid_paid": {"zh": "登记资助款已办结", "en": "record that aid was paid"},
    "show_aid": {"zh": "查看资助名单和发放表", "en": "see aid lists and runs"},
    # why somebody is entitled (P22)
    "AGRICULTURE": {"zh": "涉农专业", "en": "agriculture-related major"},
    "HARDSHIP": {"zh": "家庭经济困难", "en": "family in need"},
    # how far a list is
    "AID_LIST_DRAFT": {"zh": "编制中", "en": "a draft"},
    "AID_LIST_SHOWN": {"zh": "公示中", "en": "on public view"},
    "AID_LIST_TAKEN_DOWN": {"zh": "公示结束", "en": "taken down"},
    "AID_LIST_APPROVED": {"zh": "已批准", "en": "approved"},
    "AID_LIST_REJECTED": {"zh": "已退回", "en": "turned down"},
}

PHRASES: Final[dict[str, Phrase]] = {
    # no entry here: whose family is in need is nobody's to read in a timeline
    "AidListDrafted": Phrase(
        "编制资助名单 {listed}，共 {size} 人（待公示）",
        "drew up the aid list {listed}: {size} pupils (to be published)",
    ),
    "AidEntriesAdded": Phrase(
        "资助名单 {listed} 续页",
        "further entries of the aid list {listed}",
        many=("资助名单 {listed} 续页 {count} 份", "further parts of the aid list {listed}: {count}"),
    ),
    "AidListPublished": Phrase(
        "公示资助名单 {listed}，至 {until}", "put the aid list {listed} on public view until {until}"
    ),
    "AidListTakenDown": Phrase(
        "资助名单 {listed} 公示期满，撤下", "the public view of the aid list {listed} is over: taken down"
    ),
    "AidObjected": Phrase(
        "对资助名单 {listed} 中的 {student} 提出异议，理由 {reason}",
        "objected to {student} on the aid list {listed}, reason {reason}",
    ),
    "AidObjectionDecided": Phrase(
        "处理对资助名单 {listed} 中 {student} 的异议：{outcome}，理由 {reason}",
        "decided the objection to {student} on the aid list {listed}: {outcome}, reason {reason}",
    ),
    "AidApproved": Phrase("批准资助名单 {listed}", "approved the aid list {listed}"),
    "AidRejected": Phrase("退回资助名单 {listed}，理由 {reason}", "turned the aid list {listed} down, reason {reason}"),
    "AidAttendanceRecorded": Phrase(
        "登记受助学生到校月份",
        "recorded months of attendance of aided pupils",
        many=("登记受助学生到校月份 {count} 批", "recorded months of attendance of aided pupils, lists: {count}"),
    ),
    "AidAttendanceWithdrawn": Phrase(
        "撤回 {student} {month} 的到校登记，理由 {reason}",
        "took back the attendance of {student} in {month}, reason {reason}",
    ),
    "AidStopped": Phrase(
        "{student} 的资助发至 {last} 为止，理由 {reason}", "the aid of {student} ends with {last}, reason {reason}"
    ),
    "AidComputed": Phrase(
        "计算资助发放表 {run} 第 {version} 版：第 {study_year} 学年第 {term} 学期，{pupils} 人，共 {fen} 分（待批准）",
        "computed version {version} of the aid run {run}: year {study_year}, term {term}, {pupils} pupils, {fen} fen "
        "(to be approved)",
    ),
    "AidLinesAdded": Phrase(
        "资助发放表 {run} 第 {version} 版续页",
        "further lines of version {version} of the aid run {run}",
        many=("资助发放表 {run} 续页 {count} 份", "further parts of the aid run {run}: {count}"),
    ),
    "AidRunApproved": Phrase("批准资助发放表 {run} 第 {version} 版", "approved version {version} of the aid run {run}"),
    "AidPaid": Phrase(
        "{payer} 按发放表 {run} 发放资助 {fen} 分，{pupils} 人（{document}）",
        "{payer} paid aid by the run {run}: {fen} fen to {pupils} pupils ({document})",
    ),
    "AidRecovered": Phrase(
        "{payer} 按发放表 {run} 收回资助 {fen} 分，{pupils} 人（{document}）",
        "{payer} took back aid by the run {run}: {fen} fen of {pupils} pupils ({document})",
    ),
}

VALUES: Final[dict[str, dict[str, tuple[str, str]]]] = {"payer": {"bureau": ("县教育局", "the bureau")}}
"""Field of an event → value → how it is shown (zh, en); `domain.event_values` puts all of them together."""
