"""The words of the last two stages' events: a family's own acts, applications, registrations, retention (A13)."""

from __future__ import annotations

from typing import Final

from domain.event_phrase import Phrase

APPLICATION_FILING: Final[dict[str, Phrase]] = {
    "IntentStated": Phrase("{student}：{party}表达意向：{intent}", "{student}: the {party} stated an intent: {intent}"),
    "NoticeAcknowledged": Phrase(
        "{student}：{party}确认收到告知书 {document}", "{student}: the {party} acknowledged the notice {document}"
    ),
    "ConsentSigned": Phrase(
        "{student}：{party}签署对 {destination} 的知情同意（{document}）",
        "{student}: the {party} signed a consent for {destination} ({document})",
    ),
    "ConsentRefused": Phrase("{student}：{party}不同意（{document}）", "{student}: the {party} said no ({document})"),
    "ConsentWithdrawn": Phrase("{student}：{party}撤回同意", "{student}: the {party} withdrew the consent"),
    "RegistrationCancelled": Phrase(
        "{student} 在 {school} 的注册因此前的撤回而取消",
        "the registration of {student} at {school} is cancelled by an earlier withdrawal",
    ),
    "FamilyActRefused": Phrase(
        "{student} 家庭的一项操作未受理（{code}）", "an act of the family of {student} was not taken ({code})"
    ),
    "NoticeOffered": Phrase(
        "向 {student} 的家庭发出告知书 {document}",
        "offered the family of {student} the notice {document}",
        many=("向 {count} 户家庭发出告知书", "notices offered to families: {count}"),
    ),
    "FamilyContacted": Phrase(
        "{contact} {student} 的家庭（{at}）：{outcome}",
        "{contact} to the family of {student} ({at}): {outcome}",
        many=("登记 {count} 次联系", "contacts with families: {count}"),
        tally="outcome",
    ),
    "DestinationSettled": Phrase(
        "{student} 的服务已有结果：{outcome}",
        "the service for {student} is settled: {outcome}",
        many=("{count} 名学生的服务已有结果", "services settled for pupils: {count}"),
        tally="outcome",
    ),
    "ApplicationRecorded": Phrase(
        "登记 {student} 的志愿：{school}（{reference}）",
        "recorded the application of {student}: {school} ({reference})",
        many=("登记 {count} 份志愿", "applications recorded: {count}"),
    ),
    "Admitted": Phrase(
        "{school} 录取 {student}", "{school} admits {student}", many=("录取 {count} 名学生", "pupils admitted: {count}")
    ),
    "NotAdmitted": Phrase(
        "{school} 未录取 {student}",
        "{school} does not admit {student}",
        many=("未录取 {count} 名学生", "pupils not admitted: {count}"),
    ),
    "Reported": Phrase(
        "{student} 于 {on} 到 {school} 报到",
        "{student} came to {school} on {on}",
        many=("{count} 名学生报到", "pupils who have come to their schools: {count}"),
    ),
    "NoShow": Phrase(
        "{student} 未在期限内报到",
        "{student} had not come when the days were over",
        many=("{count} 名学生未在期限内报到", "pupils who had not come in time: {count}"),
    ),
    "RegistrationVerified": Phrase(
        "核实 {student} 在 {school} 的注册（{register_ref}，{on}，{in_time}）",
        "verified the registration of {student} at {school} ({register_ref}, {on}, {in_time})",
        many=("核实 {count} 名学生的注册", "registrations verified: {count}"),
        tally="in_time",
    ),
    "RegistrationsHandedOn": Phrase(
        "把已注册的学生转给稳定回访",
        "hands the registered pupils on to retention",
        many=("转交已注册的学生 {count} 次", "lists of registered pupils handed on: {count}"),
        bookkeeping=True,
    ),
    "RegistrationDeadlineReached": Phrase(
        "注册截止，{open} 名学生报到后尚未注册",
        "the registration deadline is over; {open} pupils have come and are not registered",
    ),
    "OtherDestination": Phrase(
        "{student} 另有去向：{destination}（依据：{evidence}）",
        "{student} goes elsewhere: {destination} (evidence: {evidence})",
        many=("{count} 名学生另有去向", "pupils who go elsewhere: {count}"),
        tally="destination",
    ),
    "DestinationConflicting": Phrase(
        "{student} 的去向有矛盾：原记 {held}（{held_evidence}），新报 {found}（{found_evidence}）",
        "destinations of {student} conflict: held {held} ({held_evidence}), found {found} ({found_evidence})",
    ),
    "DestinationResolved": Phrase(
        "认定 {student} 的去向：{destination}（依据：{evidence}），理由 {reason}",
        "decided the destination of {student}: {destination} (evidence: {evidence}), reason {reason}",
    ),
    "ApplicationCorrected": Phrase(
        "更正 {student} 的志愿编号为 {reference}（更正第 {corrects} 条），理由 {reason}",
        "corrected the application of {student} to {reference} (event {corrects}), reason {reason}",
    ),
    "ReportingCorrected": Phrase(
        "更正 {student} 的报到日期为 {on}（更正第 {corrects} 条），理由 {reason}",
        "corrected the day on which {student} came to {on} (event {corrects}), reason {reason}",
    ),
    "RegistrationCorrected": Phrase(
        "更正 {student} 的注册为 {register_ref}，{on}，{in_time}（更正第 {corrects} 条），理由 {reason}",
        "corrected the registration of {student} to {register_ref}, {on}, {in_time} (event {corrects}), "
        "reason {reason}",
    ),
    "DestinationCorrected": Phrase(
        "更正 {student} 的去向为{destination}（依据：{evidence}；更正第 {corrects} 条），理由 {reason}",
        "corrected the destination of {student} to {destination} (evidence: {evidence}; event {corrects}), "
        "reason {reason}",
    ),
    "DataConsentGiven": Phrase(
        "{student}：{party}同意处理未满十四周岁学生的信息（{document}）",
        "{student}: the {party} agreed to the data of a child under 14 ({document})",
    ),
    "ConsentKept": Phrase(
        "{student}：{party}表示不撤回、不再反对", "{student}: the {party} neither withdraws nor objects any longer"
    ),
    "ConsentObjected": Phrase(
        "{student}：{party}对另一监护人的同意提出异议",
        "{student}: a {party} objects to what another guardian says",
    ),
    "CoolingStarted": Phrase(
        "{student} 的冷静期至 {ends}",
        "the cooling-off of {student} runs until {ends}",
        many=("{count} 名学生的冷静期开始", "cooling-offs begun for pupils: {count}"),
    ),
    "CoolingLengthened": Phrase(
        "因暂停顺延冷静期",
        "a pause lengthens the cooling-off",
        many=("顺延冷静期 {count} 次", "cooling-offs lengthened: {count}"),
    ),
    "ApplicationWindowMoved": Phrase(
        "志愿填报时间改为 {first} 至 {last}（{document}）",
        "applications are taken from {first} to {last} now ({document})",
        many=("{count} 所学校的志愿填报时间变更", "changes of the application window: {count}"),
    ),
    "CoolingMoved": Phrase(
        "因志愿填报时间变更，尚未确认的冷静期改变终止时间",
        "with the application window the ends of cooling-offs have moved that are not confirmed yet",
        many=("变更冷静期终止时间 {count} 次", "cooling-offs moved with the window: {count}"),
    ),
    "ConsentConfirmed": Phrase(
        "{student} 的冷静期已过，同意已确认",
        "the cooling-off of {student} has passed, the consent is confirmed",
        many=("确认 {count} 份同意", "consents confirmed: {count}"),
    ),
    "ConsentVersionSuperseded": Phrase(
        "{student} 的告知书 {was} 已由 {now} 取代，须重新确认",
        "the notice {was} of {student} is superseded by {now}, to be acknowledged anew",
        many=("{count} 名学生的告知书有新版本", "pupils whose notice has a newer version: {count}"),
    ),
    "WithdrawalReported": Phrase(
        "有人报告 {student} 的家庭想要撤回（{channel}），{callback_due} 前回访",
        "somebody reported that the family of {student} wants out ({channel}), to be called by {callback_due}",
    ),
    "CallbackMade": Phrase(
        "回访 {student} 的家庭（{purpose}，{at}）：{outcome}",
        "called the family of {student} back ({purpose}, {at}): {outcome}",
        many=("回访 {count} 户家庭", "families called back: {count}"),
        tally="outcome",
    ),
    "CallbackUnreachable": Phrase(
        "回访 {student} 的家庭（{purpose}，{at}）无人应答，下次回访：{again}",
        "nobody of the family of {student} answered ({purpose}, {at}), to be called again by: {again}",
        many=("回访 {count} 户家庭无人应答", "families that did not answer the call-back: {count}"),
    ),
    "CallbackOverdue": Phrase(
        "对 {student} 家庭的回访已超期（{due}）", "the call-back to the family of {student} is overdue ({due})"
    ),
    "CallbackPostponed": Phrase(
        "{student} 返回，回访日期自返回之日重新计算：{due} 前",
        "{student} is back; the days for the call-back count from the return: to be called by {due}",
    ),
    "ConsentSuspended": Phrase("中止 {student} 的同意：{reason}", "the consent of {student} is suspended: {reason}"),
    "SuspensionLifted": Phrase(
        "解除对 {student} 同意的中止（{suspension}），理由 {reason}",
        "the suspension of the consent of {student} ends ({suspension}), reason {reason}",
    ),
    "GuardianshipRecorded": Phrase(
        "登记 {person} 与 {student} 的关系：{standing}（依据：{evidence}）",
        "recorded what {person} is to {student}: {standing} (evidence: {evidence})",
    ),
    "SpringCaseReturned": Phrase(
        "春季批次不再允许，{student} 重新选择",
        "spring is not allowed any more, {student} chooses anew",
        many=("春季批次不再允许，{count} 名学生重新选择", "pupils who choose anew, as spring is closed: {count}"),
    ),
    "SchoolDelisted": Phrase(
        "{school} 自 {on} 起移出名单，理由 {reason}", "{school} left the list on {on}, reason {reason}"
    ),
    "DestinationRemoved": Phrase(
        "{student} 签署的 {school} 自 {on} 起移出名单（{kept}）",
        "{school}, for which {student} had signed, left the list on {on} ({kept})",
        many=("{count} 名学生签署的学校移出名单", "pupils whose school left the list: {count}"),
        tally="kept",
    ),
    "CaseHoldNoted": Phrase("核查 {hold}：{placed}，{scope}", "the hold {hold} is {placed}: {scope}"),
    "CaseInvalidated": Phrase(
        "{student} 因核查 {case} 不计数，理由 {reason}",
        "{student} is not counted after the case {case}, reason {reason}",
        many=("{count} 名学生不计数", "pupils not counted: {count}"),
    ),
    "CaseReinstated": Phrase(
        "{student} 恢复计数（核查 {case}）",
        "{student} is counted again (case {case})",
        many=("{count} 名学生恢复计数", "pupils counted again: {count}"),
    ),
    "AnomalyFlagged": Phrase("签署异常：{kind}（{students}）", "unusual signatures: {kind} ({students})"),
    "RecordRestricted": Phrase(
        "限制使用 {student} 的记录，理由 {reason}", "the record of {student} is restricted, reason {reason}"
    ),
    "RecordReleased": Phrase(
        "解除对 {student} 记录的限制，理由 {reason}", "the record of {student} is released, reason {reason}"
    ),
}

RETENTION: Final[dict[str, Phrase]] = {
    "FollowUpStarted": Phrase(
        "开始对 {student} 的回访：{school}，{registered_on} 注册",
        "follow-up of {student} begins: {school}, registered on {registered_on}",
        many=("开始对 {count} 名学生的回访", "follow-ups begun for pupils: {count}"),
    ),
    "FollowUpCorrected": Phrase(
        "更正对 {student} 的回访：{school}，{registered_on} 注册",
        "follow-up of {student} corrected: {school}, registered on {registered_on}",
        many=("更正对 {count} 名学生的回访", "follow-ups corrected for pupils: {count}"),
    ),
    "FollowUpCancelled": Phrase(
        "{student} 的注册已取消，不再回访",
        "the registration of {student} is cancelled, the follow-up ends",
    ),
    "CheckpointDue": Phrase(
        "核查点 {checkpoint} 到期：{students} 名学生，{due} 前核查",
        "the checkpoint {checkpoint} has come: {students} pupils, to be checked by {due}",
    ),
    "CheckpointOverdue": Phrase(
        "核查点 {checkpoint}（{on}）期限已过，尚有 {students} 名学生未核查",
        "the term of the checkpoint {checkpoint} ({on}) is over; {students} pupils are still to be checked",
    ),
    "RefindPlanned": Phrase(
        "安排 {who} 于 {on} 寻找 {student}",
        "{who} is to look for {student} on {on}",
        many=("安排寻找 {count} 名学生", "pupils whom somebody plans to find: {count}"),
    ),
    "RetentionConfirmed": Phrase(
        "{checkpoint}：{student} 在校（依据：{evidence}）",
        "{checkpoint}: {student} is at the school (evidence: {evidence})",
        many=("核查确认 {count} 名学生在校", "pupils found at their schools: {count}"),
    ),
    "Returned": Phrase(
        "{checkpoint}：{student} 已返校（依据：{evidence}）",
        "{checkpoint}: {student} is back at the school (evidence: {evidence})",
        many=("{count} 名学生已返校", "pupils back at their schools: {count}"),
    ),
    "LawfulTransfer": Phrase(
        "{checkpoint}：{student} 依规转学（依据：{evidence}）",
        "{checkpoint}: {student} went lawfully to another school (evidence: {evidence})",
        many=("{count} 名学生依规转学", "pupils who went lawfully to another school: {count}"),
    ),
    "SuspendedStudy": Phrase(
        "{checkpoint}：{student} 休学（依据：{evidence}）",
        "{checkpoint}: the schooling of {student} is suspended (evidence: {evidence})",
        many=("{count} 名学生休学", "pupils whose schooling is suspended: {count}"),
    ),
    "Lost": Phrase(
        "{checkpoint}：{student} 流失（依据：{evidence}）",
        "{checkpoint}: {student} has left school (evidence: {evidence})",
        many=("{count} 名学生流失", "pupils who have left school: {count}"),
    ),
    "NotReached": Phrase(
        "{checkpoint}：{student} 未能联系上（依据：{evidence}）",
        "{checkpoint}: nobody could say where {student} is (evidence: {evidence})",
        many=("{count} 名学生未能联系上", "pupils of whom nobody could say where they are: {count}"),
    ),
    "Retained": Phrase(
        "{student} 在末次核查时在校，稳定就读",
        "{student} was at the school at the last check: retained",
        many=("{count} 名学生稳定就读", "pupils retained: {count}"),
    ),
    "EvidenceConflicting": Phrase(
        "{checkpoint}：{student} 的核查有矛盾：原记{held}（{held_evidence}），新报{found}（{found_evidence}）",
        "{checkpoint}: checks of {student} conflict: held {held} ({held_evidence}), found {found} ({found_evidence})",
    ),
    "EvidenceResolved": Phrase(
        "{checkpoint}：认定 {student} {state}（依据：{evidence}），理由 {reason}",
        "{checkpoint}: decided that {student} is {state} (evidence: {evidence}), reason {reason}",
    ),
    "CheckpointCorrected": Phrase(
        "{checkpoint}：更正 {student} 为{state}（依据：{evidence}；更正第 {corrects} 条），理由 {reason}",
        "{checkpoint}: corrected {student} to {state} (evidence: {evidence}; event {corrects}), reason {reason}",
    ),
}
