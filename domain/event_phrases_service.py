"""The words of the first three stages' events: identification, parents' meetings, school visits (FEATURES A13)."""

from __future__ import annotations

from typing import Final

from domain.event_phrase import Phrase

IDENTIFICATION: Final[dict[str, Phrase]] = {
    "ProposalsMade": Phrase(
        "规则 {rule} 第 {rule_version} 版已查看 {pupils} 名学生",
        "the rule {rule}, version {rule_version}, has looked at {pupils} pupils",
    ),
    "HelpProposed": Phrase(
        "对 {student} 的建议：{code}，帮扶：{help}",
        "proposed for {student}: {code}, help: {help}",
        many=("提出 {count} 条建议", "proposals made: {count}"),
        tally="code",
    ),
    "HelpConfirmed": Phrase(
        "确认 {student} 的帮扶：{help}（{as_proposed}）",
        "confirmed for {student}: {help} ({as_proposed})",
        many=("确认 {count} 名学生的帮扶", "help confirmed for pupils: {count}"),
        tally="as_proposed",
    ),
    "HelpExcluded": Phrase(
        "决定不为 {student} 提供帮扶，理由 {reason}",
        "decided on no help for {student}, reason {reason}",
        many=("决定不为 {count} 名学生提供帮扶，理由 {reason}", "no help for pupils: {count}, reason {reason}"),
    ),
    "ProposalContested": Phrase(
        "{raised_by}对 {student} 的结果提出异议，理由 {reason}",
        "{raised_by} contested what was decided for {student}, reason {reason}",
    ),
    "ContestResolved": Phrase(
        "答复 {student} 的异议，帮扶：{help}，理由 {reason}",
        "answered the objection about {student}: help: {help}, reason {reason}",
    ),
    "CohortFrozen": Phrase(
        "锁定名单：{pupils} 名学生，其中 {with_help} 名有帮扶，{expires_on} 失效",
        "froze the list: {pupils} pupils, {with_help} with help, expires {expires_on}",
    ),
}

PARENT_MEETINGS: Final[dict[str, Phrase]] = {
    "SessionScheduled": Phrase(
        "安排家长会 {session}：{classes}，{at}", "scheduled the meeting {session}: {classes}, {at}"
    ),
    "SessionMoved": Phrase(
        "家长会 {session} 改期至 {at}，理由 {reason}", "moved the meeting {session} to {at}, reason {reason}"
    ),
    "InvitationMoved": Phrase(
        "告知 {student} 的家庭 {session} 改期",
        "told the household of {student} the new time of {session}",
        many=("告知 {count} 户家庭 {session} 改期", "households told the new time of {session}: {count}"),
    ),
    "SessionCancelled": Phrase(
        "取消家长会 {session}，理由 {reason}", "cancelled the meeting {session}, reason {reason}"
    ),
    "InvitationWithdrawn": Phrase(
        "撤回对 {student} 家庭参加 {session} 的邀请",
        "withdrew the invitation of the household of {student} to {session}",
        many=("撤回 {count} 户家庭参加 {session} 的邀请", "invitations to {session} withdrawn: {count}"),
    ),
    "HouseholdInvited": Phrase(
        "邀请 {student} 的家庭参加 {session}",
        "invited the household of {student} to {session}",
        many=("邀请 {count} 户家庭参加 {session}", "households invited to {session}: {count}"),
    ),
    "AttendanceRecorded": Phrase(
        "登记 {student} 的家庭在 {session}：{attended}，到会人：{by}",
        "recorded the household of {student} at {session}: {attended}, who came: {by}",
        many=("登记 {count} 户家庭在 {session} 的到会情况", "attendance at {session} recorded for households: {count}"),
        tally="attended",
    ),
    "ParentsMeetingHeld": Phrase(
        "家长会 {session} 已召开：到会 {present} 户，缺席 {absent} 户",
        "the meeting {session} was held: {present} households came, {absent} did not",
    ),
    "HouseholdFollowedUp": Phrase(
        "{contact} {student} 的家庭（{at}）：{outcome}",
        "{contact} to the household of {student} ({at}): {outcome}",
        many=("登记 {count} 次回访", "contacts with absent households: {count}"),
        tally="outcome",
    ),
    "HouseholdSettled": Phrase(
        "{student} 的家庭有最终结果：{outcome}",
        "the household of {student} has its final outcome: {outcome}",
        many=("{count} 户家庭有最终结果", "households with their final outcome: {count}"),
        tally="outcome",
    ),
    "AttendanceCorrected": Phrase(
        "更正 {student} 的家庭在 {session}：{attended}，到会人：{by}（更正第 {corrects} 条），理由 {reason}",
        "corrected the household of {student} at {session}: {attended}, who came: {by} (event {corrects}), "
        "reason {reason}",
    ),
}

SCHOOL_VISITS: Final[dict[str, Phrase]] = {
    "CampusVisitPlanned": Phrase(
        "安排参观 {trip}：{receiving_school}，{at} 出发，{returns_at} 返回，座位 {seats}，班级：{classes}",
        "planned the visit {trip}: {receiving_school}, leaves {at}, returns {returns_at}, {seats} seats, "
        "classes: {classes}",
    ),
    "CampusVisitApproved": Phrase(
        "批准参观 {trip}（安全预案 {safety_plan}）", "approved the visit {trip} (safety plan {safety_plan})"
    ),
    "SeatOffered": Phrase(
        "为 {student} 安排 {trip} 的座位",
        "offered {student} a seat on {trip}",
        many=("为 {count} 名学生安排 {trip} 的座位", "seats on {trip} offered: {count}"),
    ),
    "CampusVisitMoved": Phrase(
        "参观 {trip} 改期至 {at}（安全预案 {safety_plan}），理由 {reason}",
        "moved the visit {trip} to {at} (safety plan {safety_plan}), reason {reason}",
    ),
    "SeatMoved": Phrase(
        "告知 {student} 的家庭 {trip} 改期，请重新签回执",
        "told the household of {student} the new time of {trip}, and asked for another slip",
        many=("告知 {count} 户家庭 {trip} 改期", "households told the new time of {trip}: {count}"),
    ),
    "SeatWithdrawn": Phrase(
        "撤回 {student} 在 {trip} 的座位",
        "withdrew the seat of {student} on {trip}",
        many=("撤回 {count} 名学生在 {trip} 的座位", "seats on {trip} withdrawn: {count}"),
    ),
    "CampusVisitCancelled": Phrase("取消参观 {trip}，理由 {reason}", "cancelled the visit {trip}, reason {reason}"),
    "GuardianPermissionRecorded": Phrase(
        "登记监护人对 {student} 参加 {trip} 的意见：{given}",
        "recorded the guardian's slip for {student} on {trip}: {given}",
        many=("登记 {count} 份参加 {trip} 的监护人意见", "guardians' slips for {trip} recorded: {count}"),
        tally="given",
    ),
    "GuardianPermissionCorrected": Phrase(
        "更正监护人对 {student} 参加 {trip} 的意见：{given}（更正第 {corrects} 条），理由 {reason}",
        "corrected the guardian's slip for {student} on {trip}: {given} (event {corrects}), reason {reason}",
    ),
    "VisitAttendanceRecorded": Phrase(
        "登记 {student} 参加 {trip}：{attended}",
        "recorded {student} on {trip}: {attended}",
        many=("登记 {count} 名学生参加 {trip} 的情况", "attendance on {trip} recorded for pupils: {count}"),
        tally="attended",
    ),
    "VisitAttendanceCorrected": Phrase(
        "更正 {student} 参加 {trip}：{attended}（更正第 {corrects} 条），理由 {reason}",
        "corrected {student} on {trip}: {attended} (event {corrects}), reason {reason}",
    ),
    "CampusVisitHeld": Phrase(
        "参观 {trip} 已完成：到 {present} 人，未到 {no_shows} 人",
        "the visit {trip} was held: {present} came, {no_shows} did not",
    ),
    "PublicityRequested": Phrase(
        "申请入校宣传 {presentation}：{receiving_school}，{at}，{persons} 人，班级：{classes}",
        "asked for the presentation {presentation}: {receiving_school}, {at}, {persons} persons, classes: {classes}",
    ),
    "PublicityApproved": Phrase(
        "批准入校宣传 {presentation}（批号 {approval_ref}）",
        "approved the presentation {presentation} (approval {approval_ref})",
    ),
    "PublicityRejected": Phrase(
        "不批准入校宣传 {presentation}，理由 {reason}", "rejected the presentation {presentation}, reason {reason}"
    ),
    "PublicityVisitRegistered": Phrase(
        "登记入校宣传 {presentation} 已举行，班级：{pupils}",
        "registered that the presentation {presentation} was held, classes: {pupils}",
    ),
    "UnregisteredVisitDetected": Phrase(
        "发现未登记的入校招生：{receiving_school}，{on}",
        "found recruiting on campus without registration: {receiving_school}, {on}",
    ),
}
