"""The words of the timeline: one phrase for each type of event, in Chinese and English (FEATURES A13).

One table for each kind of stream; here those of the campaign, the school and every stage, and all of them merged. A
template names fields of the event's data in braces, or `school` and `stage`, which the stream's id gives; the same
fields in both languages. Every type of event must stand in a table: a test counts.
"""

from __future__ import annotations

from typing import Final

from domain import (
    sentences_aid,
    sentences_attendance,
    sentences_care,
    sentences_compliance,
    sentences_sending,
    sentences_settlement,
    sentences_summaries,
    sentences_targets,
)
from domain.event_phrase import Phrase
from domain.event_phrases_filing import APPLICATION_FILING, RETENTION
from domain.event_phrases_service import IDENTIFICATION, PARENT_MEETINGS, SCHOOL_VISITS

SHARED: Final[dict[str, Phrase]] = {
    "CommandRefused": Phrase(
        "尝试“{command}”，未受理（{code}），已记录", "tried “{command}”: refused ({code}), on record"
    ),
    "SignalRefused": Phrase(
        "收到无法接受的外部信号 {name}（{code}），已记录",
        "a signal {name} from outside was not accepted ({code}), on record",
    ),
    "PolicyAdopted": Phrase("改用另一版政策口径", "another version of the policy was adopted"),
}
"""Events of every kind of stream."""

CAMPAIGN: Final[dict[str, Phrase]] = {
    "CampaignDrafted": Phrase(
        "起草 {county} {year} 届活动，{clock}时钟", "drafted the campaign of {county}, {year}, on the {clock} clock"
    ),
    "CampaignApproved": Phrase("批准活动", "approved the campaign"),
    "SchoolStartRequested": Phrase(
        "启动学校 {school}", "started the school {school}", many=("启动 {count} 所学校", "started {count} schools")
    ),
    "SchoolReady": Phrase(
        "学校 {school} 已就绪，学生 {pupils} 名",
        "the school {school} is ready with {pupils} pupils",
        many=("县级记下 {count} 所学校就绪", "county notes schools ready: {count}"),
        bookkeeping=True,
    ),
    "SchoolProgressNoted": Phrase(
        "记下学校 {school} 的{stage}：{status}",
        "noted of the school {school}: {stage} is {status}",
        many=("县级记下阶段变化 {count} 条", "county notes changes of stages: {count}"),
        bookkeeping=True,
    ),
    "CampaignPaused": Phrase("暂停{school}，理由 {reason}", "paused {school}, reason {reason}"),
    "CampaignResumed": Phrase("恢复{school}，理由 {reason}", "resumed {school}, reason {reason}"),
    "CampaignStopped": Phrase("停止活动，理由 {reason}", "stopped the campaign, reason {reason}"),
    "CampaignClosed": Phrase("结束活动，理由 {reason}", "closed the campaign, reason {reason}"),
    "SchoolClosedNoted": Phrase(
        "记下学校 {school} 已结束",
        "noted that the school {school} has ended",
        many=("县级记下 {count} 所学校结束", "county notes schools ended: {count}"),
        bookkeeping=True,
    ),
    "CampaignArchived": Phrase("所有学校均已结束，活动归档", "every school has ended; the campaign is archived"),
    "CalendarPublished": Phrase("发布日历，新增年份：{added_years}", "published a calendar, new years: {added_years}"),
    "StaffListImported": Phrase(
        "导入人员名单：新增 {added}，变更 {changed}，移除 {removed}",
        "imported a list of staff: {added} added, {changed} changed, {removed} removed",
    ),
    "ComplaintReceived": Phrase(
        "收到投诉 {complaint}：{matter}，涉及 {about}，由 {owner} 办理，{decide_by} 前答复",
        "received the complaint {complaint}: {matter}, about {about}, with {owner}, to be decided by {decide_by}",
    ),
    "ComplaintAcknowledged": Phrase("告知投诉 {complaint} 已受理", "acknowledged the complaint {complaint}"),
    "ComplaintDecided": Phrase(
        "投诉 {complaint} 的结论：{outcome}，理由 {reason}",
        "decided the complaint {complaint}: {outcome}, reason {reason}",
    ),
}

SCHOOL: Final[dict[str, Phrase]] = {
    "SchoolCampaignStarted": Phrase("学校开始参加本届活动", "the school has joined the campaign"),
    "CohortLoaded": Phrase("载入学生名单（快照 {snapshot}）", "loaded the pupils of the snapshot {snapshot}"),
    "StageChangeNoted": Phrase(
        "学校记下{stage}：{status}",
        "the school notes: {stage} is {status}",
        many=("学校记下阶段变化 {count} 条", "school notes changes of stages: {count}"),
        bookkeeping=True,
    ),
    "SchoolPaused": Phrase(
        "向各阶段传递暂停（{scope}），理由 {reason}",
        "passes a pause ({scope}) on to its stages, reason {reason}",
        many=("传递暂停 {count} 条", "pauses passed on: {count}"),
        bookkeeping=True,
    ),
    "SchoolResumed": Phrase(
        "向各阶段传递恢复（{scope}）",
        "passes the end of a pause ({scope}) on to its stages",
        many=("传递恢复 {count} 条", "ends of pauses passed on: {count}"),
        bookkeeping=True,
    ),
    "SchoolStopped": Phrase(
        "向各阶段传递停止，理由 {reason}",
        "passes the stop on to its stages, reason {reason}",
        many=("传递停止 {count} 条", "stops passed on: {count}"),
        bookkeeping=True,
    ),
    "SchoolClosing": Phrase(
        "请各阶段结束",
        "asks its stages to end",
        many=("请各阶段结束 {count} 次", "stages asked to end: {count}"),
        bookkeeping=True,
    ),
    "SchoolClosed": Phrase(
        "各阶段均已结束，学校归档",
        "all stages have ended; the school is archived",
        many=("{count} 所学校归档", "schools archived: {count}"),
        bookkeeping=True,
    ),
    "LeftRegister": Phrase("{student} 于 {on} 离开学籍：{exit}", "{student} left the register on {on}: {exit}"),
    "StudentJoined": Phrase("{student} 于 {on} 进入班级 {class_id}", "{student} joined the class {class_id} on {on}"),
    "CalendarPassedOn": Phrase(
        "向各阶段传递新日历",
        "passes a newer calendar on to its stages",
        many=("传递新日历 {count} 条", "calendars passed on: {count}"),
        bookkeeping=True,
    ),
    "RegistrationsPassedOn": Phrase(
        "把已核实的注册转给稳定回访",
        "passes verified registrations on to retention",
        many=("转交已核实的注册 {count} 次", "lists of registrations passed on: {count}"),
        bookkeeping=True,
    ),
    "CancellationPassedOn": Phrase(
        "把 {student} 已取消的注册告知稳定回访",
        "tells retention that the registration of {student} is cancelled",
        many=("转告已取消的注册 {count} 次", "cancelled registrations passed on: {count}"),
        bookkeeping=True,
    ),
    "StaffReplaced": Phrase(
        "自 {on} 起 {joining} 接替 {leaving} 任{role}，理由 {reason}",
        "from {on} on {joining} takes over from {leaving} as {role}, reason {reason}",
    ),
}

STAGE: Final[dict[str, Phrase]] = {
    "StagePlanned": Phrase(
        "列入计划：{opens} 开放，{due} 截止",
        "planned: opens {opens}, due {due}",
        many=("{count} 个阶段列入计划", "stages planned: {count}"),
        bookkeeping=True,
    ),
    "StageOpened": Phrase("开放", "opened"),
    "StageReminded": Phrase(
        "提醒：离截止还有 {working_days_left} 个工作日，尚缺：{missing}",
        "reminder: {working_days_left} working days left, still missing: {missing}",
    ),
    "StageOverdue": Phrase("逾期，尚缺：{missing}", "overdue, still missing: {missing}"),
    "StageEscalated": Phrase(
        "督办第 {level} 级，报{to_role}，尚缺：{missing}",
        "escalated at level {level} to the {to_role}, still missing: {missing}",
    ),
    "StageCompleted": Phrase("签字完成（{on_time}）", "signed off ({on_time})"),
    "StageReopened": Phrase("重新开放（原为{was}），理由 {reason}", "reopened (it was {was}), reason {reason}"),
    "StageExtended": Phrase(
        "截止日期由 {was} 延至 {due}，理由 {reason}", "due date moved from {was} to {due}, reason {reason}"
    ),
    "StageSkipped": Phrase("跳过，理由 {reason}", "skipped, reason {reason}"),
    "StagePaused": Phrase(
        "随{scope}暂停，理由 {reason}",
        "paused with {scope}, reason {reason}",
        many=("{count} 个阶段暂停", "stages paused: {count}"),
        bookkeeping=True,
    ),
    "StageResumed": Phrase(
        "随{scope}恢复",
        "resumed with {scope}",
        many=("{count} 个阶段恢复", "stages resumed: {count}"),
        bookkeeping=True,
    ),
    "StageStopped": Phrase(
        "随活动停止，理由 {reason}",
        "stopped with the campaign, reason {reason}",
        many=("{count} 个阶段停止", "stages stopped: {count}"),
        bookkeeping=True,
    ),
    "StageArchived": Phrase(
        "随活动结束归档",
        "archived with the campaign's close",
        many=("{count} 个阶段归档", "stages archived: {count}"),
        bookkeeping=True,
    ),
    "PrerequisiteMet": Phrase(
        "前置的{stage}：{status}，条件已满足",
        "{stage}, which must come first, is {status}",
        many=("{count} 个阶段的前置条件满足", "prerequisites met: {count}"),
        bookkeeping=True,
    ),
    "PrerequisiteLost": Phrase(
        "前置的{stage}重新开放，条件不再满足",
        "{stage}, which must come first, was reopened",
        many=("{count} 个阶段的前置条件失去", "prerequisites lost: {count}"),
        bookkeeping=True,
    ),
    "StudentEnrolled": Phrase(
        "{student} 后加入班级 {class_id}，本阶段须于 {due} 前办理",
        "{student} came late to the class {class_id}; the service is due by {due}",
    ),
    "StudentRemoved": Phrase(
        "{student} 离开（{exit}），未办事项停止", "{student} has left ({exit}); what was still to be done stops"
    ),
    "JoinerOverdue": Phrase("后加入的 {student} 逾期（{due}）", "the late joiner {student} is overdue ({due})"),
    "CalendarAdopted": Phrase(
        "改用新日历",
        "counts by a newer calendar",
        many=("{count} 个阶段改用新日历", "stages that count by a newer calendar: {count}"),
        bookkeeping=True,
    ),
}
"""Events of every stage."""

PHRASES: Final[dict[str, Phrase]] = {
    **SHARED,
    **CAMPAIGN,
    **SCHOOL,
    **STAGE,
    **IDENTIFICATION,
    **PARENT_MEETINGS,
    **SCHOOL_VISITS,
    **APPLICATION_FILING,
    **RETENTION,
    **sentences_attendance.PHRASES,
    **sentences_targets.PHRASES,
    **sentences_settlement.PHRASES,
    **sentences_compliance.PHRASES,
    **sentences_care.PHRASES,
    **sentences_aid.PHRASES,
    **sentences_summaries.PHRASES,
    **sentences_sending.PHRASES,
}
"""All types of events."""
