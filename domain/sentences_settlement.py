"""What is said about the settlement: refusals, blockers, words, and the phrases of its events."""

from __future__ import annotations

from typing import Final

from domain.event_phrase import Phrase

REFUSALS: Final[dict[str, dict[str, str]]] = {
    # runs
    "SETTLEMENT_RUN_UNKNOWN": {
        "zh": "未受理：没有名为 {run} 的结算。请用 settle show 查看。",
        "en": "Not done: there is no run {run} of the settlement. See `settle show`.",
    },
    "SETTLEMENT_AS_AT_FUTURE": {
        "zh": "未受理：结算时点在将来，尚无数据可算。请填写已过去的时点。",
        "en": "Not done: the settlement would look into the future. Name a moment that has passed.",
    },
    "SETTLEMENT_BASIS_FOREIGN": {
        "zh": "未受理：依据中有不属于本次活动的事件流。请重新计算。",
        "en": "Not done: the basis names a stream of another campaign. Compute the run again.",
    },
    "SETTLEMENT_VERSION_OLD": {
        "zh": "未受理：该结算已有新版本，现为第 {version} 版。请先查看新版本。",
        "en": "Not done: the run has a newer version, which is {version}. Look at that one first.",
    },
    "SETTLEMENT_CLASSES_MISSING": {
        "zh": "未受理：结算须包括所有有指标的班级，还缺 {count} 个：{classes}。请补齐后重新计算。",
        "en": "Not done: a run has every class with a quota, and {count} are missing: {classes}. Add them, and compute "
        "it again.",
    },
    "SETTLEMENT_REVISION_OLD": {
        "zh": "未受理：第 {version} 版已有更正，现为第 {revision} 次修订。请先查看更正，再写明修订次数（--revision）。",
        "en": "Not done: version {version} has been corrected, and its revision is {revision}. Look at the corrections "
        "first, then name the revision (`--revision`).",
    },
    "SETTLEMENT_REVIEWED": {
        "zh": "未重复受理：该版本已经审计。",
        "en": "Not done again: this version has been audited. Nothing is left to do.",
    },
    "SETTLEMENT_TRIAL_ONLY": {
        "zh": "未受理：这是试算结果，不得批准、公布或发放，也不得据此提出一票否决。请按合规口径另行结算。",
        "en": "Not done: this is a trial computation. It is neither approved, published nor paid, and it is no ground "
        "for a veto. Compute a run under the campaign's own policy.",
    },
    "SETTLEMENT_NOT_APPROVED": {
        "zh": "未受理：结算 {run} 还差 {missing} 人批准。请由未参与计算和审计的县教育局审批人批准。",
        "en": "Not done: the run {run} lacks {missing} of its approvals. Ask bureau approvers who neither computed nor "
        "audited it.",
    },
    "SETTLEMENT_BEFORE_CUTOFF": {
        "zh": "未受理：该结算的时点不在计数截止日 {cutoff} 之后，不能公布，也不能据此提出一票否决。请在此日后重算。",
        "en": "Not done: the run does not look at a day after the counting cut-off ({cutoff}). It cannot be published, "
        "and it is no ground for a veto. Compute it again after that day.",
    },
    "SETTLEMENT_PUBLISHED": {
        "zh": "未重复受理：结算 {run} 的这一版已经公布，内容不再改变。",
        "en": "Not done again: this version of {run} is published and never changes.",
    },
    "SETTLEMENT_PAID": {
        "zh": "未受理：结算 {run} 已经下达支付，不能重算。请用更正行（adjust）调整。",
        "en": "Not done: a payment of {run} was ordered, so it is not computed again. Correct it by a line (`adjust`).",
    },
    "SETTLEMENT_LINE_UNKNOWN": {
        "zh": "未受理：该结算中没有 {line} 这一行。请核对学校和班级；仅对某一行申诉时才填写班级。",
        "en": "Not done: the run has no line {line}. Check school and class; "
        "a class is named only where the appeal is about its line.",
    },
    "CLASS_TWICE": {
        "zh": "同一班级出现两次。",
        "en": "The class stands in the list twice.",
    },
    "QUOTA_NOT_IN_FORCE": {
        "zh": "班级指标与当日有效的指标文件不符。",
        "en": "The quota is not the one in force on that day.",
    },
    "MORE_SERVED_THAN_PUPILS": {
        "zh": "已告知、已指导或自主拒绝的人数多于班级学生数。",
        "en": "More pupils were informed, guided or refused than the class has.",
    },
    # money
    "FUNDING_GATE": {
        "zh": "未受理：不符合支付条件，还差：{blockers}。",
        "en": "Not done: this cannot be paid. What is missing: {blockers}.",
    },
    "FUNDING_EXISTS": {
        "zh": "未受理：该文号（或来源）的资金已经申报。请使用新的文号。",
        "en": "Not done: money of this document or source was declared before. Use the new document's number.",
    },
    "FUNDING_SOURCE_REJECTED": {
        "zh": "已记录，不予采用：{source}的资金不得用于招生奖励，一分钱也不能发放；已转合规核查。"
        "合法来源只有财政资金和绩效工资。",
        "en": "On record and rejected: money of this source ({source}) may not be paid for enrolment; a compliance "
        "case looks at it. Lawful are fiscal money and the performance pool only.",
    },
    "PAYMENT_EXISTS": {
        "zh": "未受理：支付编号 {payment} 已存在。请使用新的编号。",
        "en": "Not done: there is a payment {payment}. Use a new reference.",
    },
    "PAYMENT_UNKNOWN": {
        "zh": "未受理：没有编号为 {payment} 的支付。请核对编号。",
        "en": "Not done: there is no payment {payment}. Check the reference.",
    },
    "PAYMENT_CONFIRMED": {
        "zh": "未重复受理：支付 {payment} 已经确认。",
        "en": "Not done again: the payment {payment} has been confirmed.",
    },
    "PAYMENT_NOTHING_DUE": {
        "zh": "未受理：结算 {run} 没有应付未付的金额。",
        "en": "Not done: nothing is due on {run}.",
    },
    "ADJUSTMENT_EMPTY": {
        "zh": "未受理：更正金额为零。请填写差额。",
        "en": "Not done: the adjustment changes nothing. Give the difference.",
    },
    "ADJUSTMENT_BELOW_ZERO": {
        "zh": "未受理：更正后 {line} 将小于零。可发放的结算不得有负数，不得从工资中扣款。请减小差额。",
        "en": "Not done: {line} would fall below zero. What can be paid is never negative: nothing is taken from "
        "anybody's wages. Give a smaller difference.",
    },
    "ADJUSTMENT_CAUSE_FOREIGN": {
        "zh": "未受理：更正须以本次活动的一条事件为依据。请填写事件编号。",
        "en": "Not done: an adjustment rests on an event of this campaign. Name that event.",
    },
    # vetoes
    "VETO_EXISTS": {
        "zh": "未受理：对 {school} 已经提出过一票否决建议。",
        "en": "Not done: a veto of {school} was proposed before on this run.",
    },
    "VETO_NO_FAULT": {
        "zh": "未受理：{school} 服务已全部到位，缺额均为家庭自主选择，不得提出一票否决。",
        "en": "Not done: {school} gave all its service, and families chose freely. That is never a fault.",
    },
    "VETO_DUTY_DONE": {
        "zh": "未受理：{school} 对每名流失学生均已上门劝返，并按期书面报告，不得提出一票否决。",
        "en": "Not done: for every pupil whom {school} lost, the school went there and reported in writing in time. "
        "That is never a fault.",
    },
    "VETO_NOT_FOUND": {
        "zh": "未受理：该结算没有对 {school} 提出一票否决建议。请核对结算结果。",
        "en": "Not done: the run finds no ground for a veto of {school}. Look at its result.",
    },
    "VETO_UNKNOWN": {
        "zh": "未受理：没有对 {school} 的一票否决建议。请先提出。",
        "en": "Not done: no veto of {school} was proposed on this run. Propose it first.",
    },
    "VETO_HEARD": {
        "zh": "未重复受理：已听取 {school} 的意见。",
        "en": "Not done again: {school} has been heard.",
    },
    "VETO_NOT_HEARD": {
        "zh": "未受理：尚未听取 {school} 的意见，不能作出决定。请先听取并登记。",
        "en": "Not done: nobody has heard {school} yet. Hear it first, and record that.",
    },
    "VETO_DECIDED": {
        "zh": "未受理：对 {school} 的一票否决已有决定。不服可以申诉。",
        "en": "Not done: the veto of {school} has been decided. The way on is an appeal.",
    },
    "VETO_NOT_IMPOSED": {
        "zh": "未受理：对 {school} 没有待公布的一票否决决定。请核对进展。",
        "en": "Not done: no imposed veto of {school} waits to be published. See how far it has come.",
    },
    # appeals
    "APPEAL_EXISTS": {
        "zh": "未受理：申诉编号 {appeal} 已存在。请使用新的编号。",
        "en": "Not done: there is an appeal {appeal}. Use a new reference.",
    },
    "APPEAL_UNKNOWN": {
        "zh": "未受理：没有编号为 {appeal} 的申诉。请核对编号。",
        "en": "Not done: there is no appeal {appeal}. Check the reference.",
    },
    "APPEAL_NOTHING_PUBLISHED": {
        "zh": "未受理：该结果尚未公布，公布之后才能申诉。",
        "en": "Not done: this is not published yet. An appeal is possible once it is.",
    },
    "APPEAL_TOO_LATE": {
        "zh": "未受理：申诉期已于 {until} 届满。请向县教育局反映，由其决定是否更正。",
        "en": "Not done: the time for an appeal ended on {until}. Tell the bureau, which can still correct a line.",
    },
    "APPEAL_DECIDED": {
        "zh": "未重复受理：申诉 {appeal} 已有决定。",
        "en": "Not done again: the appeal {appeal} has been decided.",
    },
    "APPEAL_NOT_UPHELD": {
        "zh": "未受理：申诉 {appeal} 没有被认定成立，无须答复。请核对编号。",
        "en": "Not done: the appeal {appeal} was not upheld, and needs no answer. Check the reference.",
    },
    "APPEAL_ANSWERED": {
        "zh": "未重复受理：申诉 {appeal} 已有答复（更正、重算或说明），或其否决已经撤销。",
        "en": "Not done again: the appeal {appeal} is answered: by an adjustment, a new version, a reason, or a lifted "
        "veto.",
    },
    # sample
    "SAMPLE_EXISTS": {
        "zh": "未受理：该抽样种子已经公布过。请换一个种子。",
        "en": "Not done: this seed has been published before. Choose another.",
    },
}

BLOCKERS: Final[dict[str, dict[str, str]]] = {
    "PROFILE_NOT_PAYABLE": {
        "zh": "该政策口径只可试算，不得发放",
        "en": "the policy allows no payment, only a computation",
    },
    "FUNDING_SOURCE_MISSING": {
        "zh": "未申报资金来源，请先申报",
        "en": "no source of money was declared (declare it)",
    },
    "FUNDING_SOURCE_FORBIDDEN": {
        "zh": "资金来源不合法，不得发放",
        "en": "the money is of a forbidden source",
    },
    "FUNDING_DOCUMENT_MISSING": {
        "zh": "资金没有批准文号，请补充",
        "en": "the money has no document (declare it with its number)",
    },
    "FUNDING_POOL_TOO_SMALL": {
        "zh": "资金总额不足，差 {count} 元",
        "en": "the pool is too small, yuan short: {count}",
    },
    "APPROVALS_MISSING": {
        "zh": "还差 {count} 人批准",
        "en": "approvals still missing: {count}",
    },
    "RESULT_NEGATIVE": {
        "zh": "有 {count} 行金额为负，不得发放",
        "en": "lines below zero: {count}",
    },
    "HOLDS_OPEN": {
        "zh": "有 {count} 项冻结尚未解除",
        "en": "holds still in force: {count}",
    },
    "AUDIT_MISSING": {
        "zh": "尚未审计，请审计人员复核",
        "en": "no auditor has reviewed this version (let one do so)",
    },
    "RESULT_NOT_PUBLISHED": {
        "zh": "该版本尚未公布，请先公布",
        "en": "this version is not published (publish it)",
    },
    "SETTLEMENT_APPEALS_OPEN": {
        "zh": "有 {count} 件申诉尚未决定，请处理",
        "en": "appeals not yet decided: {count} (decide them)",
    },
    "APPEAL_UNANSWERED": {
        "zh": "有 {count} 件申诉成立而未答复，请更正（依据写该申诉的事件）、重算，或说明不涉及金额的理由",
        "en": "upheld appeals that nothing has followed: {count} (adjust and name the appeal's event as the cause, "
        "compute again, or say why no money moves)",
    },
    "APPEAL_TIME_RUNNING": {
        "zh": "申诉期尚未届满，请等待",
        "en": "the time for appeals is not over (wait)",
    },
    "VIOLATIONS_NOT_SETTLED": {
        "zh": "有 {count} 个班级违规已查实而金额未清零，请重算或更正",
        "en": "classes of a confirmed violation that still have an amount: {count} (compute again, or adjust)",
    },
    "PAID_BY_ANOTHER_RUN": {
        "zh": "有 {count} 个班级已由另一次结算支付，更正请在该结算上调整",
        "en": "classes that another run has paid: {count} (correct that run by an adjustment)",
    },
    "VETOES_UNPUBLISHED": {
        "zh": "有 {count} 项一票否决尚未公布，无法申诉，请公布",
        "en": "vetoes that are imposed and not published, so that nobody can appeal: {count} (publish them)",
    },
    "PAYMENTS_UNCONFIRMED": {
        "zh": "有 {count} 笔支付尚未确认，请确认",
        "en": "payments not yet confirmed: {count} (confirm them)",
    },
    "VETOES_UNDECIDED": {
        "zh": "有 {count} 项一票否决建议尚未决定，请处理",
        "en": "proposed vetoes not yet decided: {count} (decide them)",
    },
}

WORDS: Final[dict[str, dict[str, str]]] = {
    "settle": {"zh": "查看结算试算", "en": "see a trial settlement"},
    "compute_settlement": {"zh": "计算结算", "en": "compute a settlement"},
    "review_settlement": {"zh": "审计结算", "en": "audit a settlement"},
    "approve_settlement": {"zh": "批准结算", "en": "approve a settlement"},
    "publish_settlement": {"zh": "公布结算", "en": "publish a settlement"},
    "declare_funding": {"zh": "申报资金来源", "en": "declare a source of money"},
    "order_payment": {"zh": "下达支付", "en": "order a payment"},
    "confirm_payment": {"zh": "确认支付", "en": "confirm a payment"},
    "adjust_settlement": {"zh": "更正结算", "en": "adjust a settlement"},
    "propose_veto": {"zh": "提出一票否决建议", "en": "propose a veto"},
    "hear_school": {"zh": "听取学校意见", "en": "hear the school"},
    "decide_veto": {"zh": "决定是否一票否决", "en": "decide on a veto"},
    "publish_veto": {"zh": "公布一票否决", "en": "publish a veto"},
    "appeal_settlement": {"zh": "对结算提出申诉", "en": "appeal against a settlement"},
    "decide_settlement_appeal": {"zh": "决定结算申诉", "en": "decide an appeal against a settlement"},
    "answer_settlement_appeal": {"zh": "答复成立的申诉", "en": "answer an upheld appeal"},
    "publish_sample": {"zh": "公布抽样", "en": "publish a sample"},
    "FISCAL": {"zh": "财政资金", "en": "fiscal money"},
    "PERFORMANCE_POOL": {"zh": "绩效工资", "en": "the performance pool"},
    "VOCATIONAL_SCHOOL": {"zh": "职业学校", "en": "a vocational school"},
    "ENTERPRISE": {"zh": "企业", "en": "an enterprise"},
    "PARENTS": {"zh": "家长", "en": "parents"},
    "FUNDING_SOURCE_REJECTED": {"zh": "资金来源不合法", "en": "forbidden money"},
}

PHRASES: Final[dict[str, Phrase]] = {
    "SettlementComputed": Phrase(
        "计算结算 {run} 第 {version} 版，口径 {profile}（{stamp}）",
        "computed the settlement {run}, version {version}, under {profile} ({stamp})",
    ),
    "SettlementLinesAdded": Phrase(
        "结算 {run} 第 {version} 版的其余各行", "more lines of the settlement {run}, version {version}"
    ),
    "DropoutRatesAdded": Phrase(
        "结算 {run} 第 {version} 版：各班辍学情况", "the classes' losses in the settlement {run}, version {version}"
    ),
    "SettlementReviewed": Phrase("审计结算 {run} 第 {version} 版", "audited the settlement {run}, version {version}"),
    "SettlementApproved": Phrase(
        "批准结算 {run} 第 {version} 版，已有 {approvals} 人批准",
        "approved the settlement {run}, version {version}; approvals: {approvals}",
    ),
    "SettlementPublished": Phrase(
        "公布结算 {run} 第 {version} 版，{appeal_until} 前可以申诉",
        "published the settlement {run}, version {version}; appeals until {appeal_until}",
    ),
    "FundingSourceDeclared": Phrase(
        "申报资金来源：{source}，文号 {document}", "declared money of {source}, document {document}"
    ),
    "FundingSourceRejected": Phrase(
        "资金来源不合法，不予采用：{source}，文号 {document}",
        "rejected money of a forbidden source: {source}, document {document}",
    ),
    "PaymentOrdered": Phrase(
        "下达支付 {payment}：结算 {run} 第 {version} 版，{fen} 分，资金 {funding}",
        "ordered the payment {payment} of {run}, version {version}: {fen} fen from {funding}",
    ),
    "PaymentConfirmed": Phrase(
        "确认支付 {payment}：结算 {run}，{fen} 分", "confirmed the payment {payment} of {run}: {fen} fen"
    ),
    "AdjustmentComputed": Phrase(
        "更正结算 {run} 的 {line}：{delta_fen} 分，理由 {reason}，依据 {cause}",
        "adjusted {line} of {run} by {delta_fen} fen, reason {reason}, because of {cause}",
    ),
    "ClawBackOrdered": Phrase(
        "追回 {fen} 分：结算 {run}，{line}，依据 {cause}", "ordered {fen} fen back: {run}, {line}, because of {cause}"
    ),
    "VetoProposed": Phrase(
        "对学校 {school}（班级 {class_id}）提出一票否决建议：完成 {countable}，指标 {quota}；"
        "流失 {lost}，学生 {pupils}；待听取意见",
        "proposed a veto of the school {school} (class {class_id}): countable {countable} of {quota}, lost {lost} of "
        "{pupils}; it is to be heard",
    ),
    "VetoReviewed": Phrase(
        "就对学校 {school}（班级 {class_id}）的一票否决建议听取意见（{heard}）",
        "heard the school {school} on its veto (class {class_id}): {heard}",
    ),
    "VetoImposed": Phrase(
        "决定对学校 {school}（班级 {class_id}）一票否决，理由 {reason}",
        "decided for the veto of the school {school} (class {class_id}), reason {reason}",
    ),
    "VetoDropped": Phrase(
        "决定不对学校 {school}（班级 {class_id}）一票否决，理由 {reason}",
        "decided against the veto of the school {school} (class {class_id}), reason {reason}",
    ),
    "VetoPublished": Phrase(
        "公布对学校 {school}（班级 {class_id}）的一票否决，{appeal_until} 前可以申诉",
        "published the veto of the school {school} (class {class_id}); appeals until {appeal_until}",
    ),
    "VetoLifted": Phrase(
        "撤销对学校 {school}（班级 {class_id}）的一票否决（申诉 {appeal}）",
        "lifted the veto of the school {school} (class {class_id}), appeal {appeal}",
    ),
    "SettlementAppealFiled": Phrase(
        "学校 {school}（班级 {class_id}）提出申诉 {appeal}：{about}，理由 {ground}",
        "the school {school} appeals ({appeal}): {about}, class {class_id}, ground {ground}",
    ),
    "SettlementAppealDecided": Phrase(
        "申诉 {appeal} 的结论：{outcome}，理由 {reason}", "decided the appeal {appeal}: {outcome}, reason {reason}"
    ),
    "SettlementAppealAnswered": Phrase(
        "答复成立的申诉 {appeal}：不涉及金额，理由 {reason}",
        "answered the upheld appeal {appeal}: no money moves, reason {reason}",
    ),
    "SamplePublished": Phrase(
        "公布抽样种子 {seed}：抽取 {size} 名，共 {of} 名",
        "published the sample's seed {seed}: {size} of {of} drawn",
    ),
}

VALUES: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "heard": {"MEETING": ("当面", "in a meeting"), "WRITTEN": ("书面", "in writing"), "CALL": ("电话", "by call")},
    "about": {"LINE": ("一行", "a line"), "RESULT": ("全部结果", "the whole result"), "VETO": ("一票否决", "the veto")},
    "document": {"": ("无", "none")},
}
"""Field of an event → value → how it is shown (zh, en); `domain.event_values` puts all of them together."""
