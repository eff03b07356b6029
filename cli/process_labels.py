"""What deviations, sides and acts are called where a year is shown as a process: Chinese, English."""

from __future__ import annotations

from typing import Final

DEVIATIONS: Final[dict[str, tuple[str, str]]] = {
    "STAGE_REOPENED": ("阶段重开", "stage reopened"),
    "STAGE_SKIPPED": ("阶段跳过", "stage skipped"),
    "STAGE_OUT_OF_ORDER": ("阶段次序不符", "stage out of order"),
    "STAGE_LATE": ("阶段逾期", "stage overdue"),
    "STAGE_UNFINISHED": ("阶段未办结", "stage not finished"),
    "BACK_DATED": ("补录过晚", "recorded long afterwards"),
    "STEP_OUT_OF_ORDER": ("个案步骤不符", "step out of order"),
    "TIME_OUT_OF_ORDER": ("时间先后不符", "times out of order"),
    "REGISTERED_LATE": ("学籍注册逾期", "registered late"),
    "NOT_COMPUTABLE": ("无法推算", "cannot be computed"),
}

SIDES: Final[dict[str, tuple[str, str]]] = {
    "FAMILY": ("家庭", "family"),
    "SCHOOL": ("学校", "school"),
    "BUREAU": ("教育局", "bureau"),
    "RECEIVING_SCHOOL": ("接收学校", "receiving school"),
    "PUBLIC": ("公众", "public"),
    "CLOCK": ("规定期限", "a rule's term"),
}

ACTS: Final[dict[str, tuple[str, str]]] = {
    "HelpProposed": ("规则提出建议", "help proposed by the rule"),
    "HelpConfirmed": ("帮扶已确认", "help confirmed"),
    "HelpExcluded": ("不列入帮扶", "left out of help"),
    "ProposalContested": ("对建议提出异议", "proposal contested"),
    "ContestResolved": ("异议已处理", "contest resolved"),
    "HouseholdInvited": ("家长会邀请", "household invited"),
    "AttendanceRecorded": ("到会已登记", "attendance recorded"),
    "AttendanceCorrected": ("到会已更正", "attendance corrected"),
    "HouseholdFollowedUp": ("会后补访", "household followed up"),
    "HouseholdSettled": ("家庭告知已办结", "household settled"),
    "InvitationWithdrawn": ("邀请已撤回", "invitation withdrawn"),
    "InvitationMoved": ("邀请已改期", "invitation moved"),
    "FollowUpStarted": ("回访开始", "follow-up started"),
    "RetentionConfirmed": ("在读已确认", "found present"),
    "Retained": ("已稳定", "retained"),
    "Lost": ("流失", "lost"),
    "LawfulTransfer": ("依规转学", "lawful transfer"),
    "SuspendedStudy": ("休学", "study suspended"),
    "NotReached": ("未联系上", "not reached"),
    "Returned": ("已返回", "returned"),
    "EvidenceConflicting": ("核查结果矛盾", "findings contradict"),
    "EvidenceResolved": ("矛盾已认定", "contradiction decided"),
    "DropoutCaseStarted": ("控辍个案建立", "dropout case started"),
    "PersuasionAttempted": ("劝返", "persuasion attempted"),
    "WrittenReportFiled": ("书面报告已提交", "written report filed"),
    "ReturnOrderServed": ("限期复学通知已送达", "return order served"),
    "ReturnedToSchool": ("已返校", "returned to school"),
    "ItemClosed": ("已销号", "closed"),
    "CaseOpened": ("案件建立", "case opened"),
    "ComplaintAcknowledged": ("投诉已答复收到", "complaint acknowledged"),
    "InvestigationOpened": ("开始调查", "investigation opened"),
    "HoldPlaced": ("暂停计数", "hold placed"),
    "HoldReleased": ("恢复计数", "hold released"),
    "ViolationConfirmed": ("认定违规", "violation confirmed"),
    "ViolationDismissed": ("不予认定", "violation dismissed"),
    "CaseClosed": ("案件办结", "case closed"),
}
"""Types of events that have no word in `domain.words`; `cli.event_labels` has the others."""

DETAILS: Final[dict[str, tuple[str, str]]] = {
    "missing": ("尚缺", "missing"),
    "was": ("当时", "was"),
    "reason": ("理由", "reason"),
    "days": ("相隔天数", "days between"),
    "at": ("步骤", "step"),
    "bar": ("规则", "rule"),
    "on": ("注册日期", "registered on"),
    "error": ("错误", "error"),
}
"""What the details of a deviation are called."""

ANOMALIES: Final[dict[str, tuple[str, str]]] = {
    "CONSENT_BURST": ("集中签字", "signatures in a burst"),
    "CUTOFF_BURST": ("截止前集中同意", "consents before the cut-off"),
    "VISITS_OVERLAP": ("家访时间重叠", "visits that overlap"),
    "CALLS_OVERLAP": ("通话时间重叠", "calls that overlap"),
    "ENTERED_FAST": ("登记过快", "entered too fast"),
    "BACK_DATED_TOGETHER": ("集中补录", "recorded late together"),
    "DEVICE_SHARED": ("共用设备签字", "one device, many signatures"),
    "ONE_DESTINATION": ("全班同一去向", "a class with one destination"),
    "NO_WITHDRAWAL": ("无一撤回", "nobody withdrew"),
    "CALLBACKS_NOT_CONFIRMED": ("回访未获确认", "calls back not confirmed"),
    "NOTHING_BUT_ZERO": ("全为零报告", "nothing but zero reports"),
    "ZERO_CONTRADICTED": ("零报告有误", "zero reports contradicted"),
    "VANISHED": ("截止后流失", "gone after the cut-off"),
    "STAFF_TRIED_FAMILY_ACT": ("教职工试图代办", "staff tried a family's act"),
    "SUMMARY_ALIKE": ("总结雷同", "summaries alike"),
}
"""What the rules of `audit anomalies` are called; the question says more, `--json` has the code."""

WHY_DRAWN: Final[dict[str, tuple[str, str]]] = {
    "DRAWN": ("抽中", "drawn"),
    "CROSSES_TIER": ("跨越奖励档次", "crosses a line of the reward"),
    "CROSSES_VETO_LINE": ("跨越否决界限", "crosses a line of the veto"),
    "UNDER_14": ("未满14周岁", "under 14"),
    "CAREGIVER": ("由照护人照看", "looked after by a caregiver"),
    "SHORT_COOLING": ("冷静期缩短", "short cooling-off"),
    "ANOMALY": ("异常模式", "a pattern of abuse"),
    "ONE_DESTINATION": ("全班同一去向", "a class with one destination"),
}
"""Why a consent is in a sample."""
