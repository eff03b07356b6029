"""What is said about planning targets, changes of policy, the list of schools and the application window."""

from __future__ import annotations

from typing import Final

from domain.event_phrase import Phrase

REFUSALS: Final[dict[str, dict[str, str]]] = {
    "CAMPAIGN_TOO_OLD": {
        "zh": "未受理：本届活动以较早的版本（{release}）开始，没有此项内容。",
        "en": "Not done: this campaign began with an earlier release ({release}), which does not have this.",
    },
    # targets (INV-08)
    "TARGETS_DO_NOT_ADD_UP": {
        "zh": "未受理：各校指标相加为 {sum}，文件总数为 {total}。请核对各校数与总数。",
        "en": "Not done: the schools' targets sum to {sum}, the paper's total is {total}. Compare both with the paper.",
    },
    "TARGETS_DOCUMENT_USED": {
        "zh": "未受理：文号 {document} 在该季已经用过。一份文件只下达一次；修订请用新的文号。",
        "en": "Not done: the document {document} was used for this wave. A paper counts once; a revision has its own "
        "number.",
    },
    "TARGETS_EXIST": {
        "zh": "未受理：该季（{wave}）已下达指标。请用修订（targets revise），并说明理由。",
        "en": "Not done: this wave ({wave}) has targets. Use a revision (`targets revise`), with its reason.",
    },
    "TARGETS_NONE": {
        "zh": "未受理：该季（{wave}）尚未下达指标，无从修订。请先下达（targets issue）。",
        "en": "Not done: this wave ({wave}) has no targets to revise. Issue them first (`targets issue`).",
    },
    "TARGETS_TOO_EARLY": {
        "zh": "未受理：生效日期早于现行文件 {document} 的生效日期 {effective}。请核对日期。",
        "en": "Not done: it would take effect before the paper that it changes, {document}, effective {effective}. "
        "Check the day.",
    },
    "TARGETS_SCHOOLS_MISSING": {
        "zh": "未受理：修订中缺少现行文件已有指标的学校：{schools}。不变的学校也要写明；取消的写 0。",
        "en": "Not done: the revision leaves out schools that have a target: {schools}. Name them too, with 0 where "
        "the target ends.",
    },
    "TARGETS_THE_SAME": {
        "zh": "未受理：与现行文件 {document} 完全相同，无需修订。",
        "en": "Not done: it is the same as the paper in force, {document}. There is nothing to revise.",
    },
    "TARGETS_UNKNOWN": {
        "zh": "未受理：没有文号为 {document} 的有效指标文件，或其中没有该校。请用 targets show 查看。",
        "en": "Not done: no paper {document} holds, or it does not name the school. See `targets show`.",
    },
    "TARGETS_APPROVED": {
        "zh": "未受理：文件 {document} 已批准。如需更改，请用新的文件修订。",
        "en": "Not done: the paper {document} is approved. To change it, revise it by another paper.",
    },
    "TARGETS_BASE_CHANGED": {
        "zh": "未受理：文件 {document} 起草之后，该季指标已有变化，其对照已不成立。请退回后按现行数重新起草。",
        "en": "Not done: the wave's targets have changed since {document} was written, so its differences no longer "
        "hold. Reject it and write it again over what holds now.",
    },
    "TARGETS_ANSWERED": {
        "zh": "未受理：学校已就文件 {document} 作过同样的答复。",
        "en": "Not done: the school has answered the paper {document} in this way before.",
    },
    "SPRING_FORBIDDEN": {
        "zh": "未受理：现行政策不允许春季（毕业前）分流，春季的指标、志愿和签署均不受理。须有省级文件才能改变。",
        "en": "Not done: the policy in force allows no delivery in spring, before graduation, so there are no targets, "
        "applications or signatures for it. Only a document of the province changes that.",
    },
    "CLASS_QUOTAS_DO_NOT_ADD_UP": {
        "zh": "未受理：各班指标相加为 {sum}，学校指标为 {target}。请核对各班数。",
        "en": "Not done: the classes sum to {sum}, the school's target is {target}. Check the classes.",
    },
    "CLASS_QUOTAS_WRONG_YEAR": {
        "zh": "未受理：这些班级不是本届九年级的班级：{classes}。",
        "en": "Not done: these are no classes of this grade 9: {classes}.",
    },
    "CLASS_QUOTAS_THE_SAME": {
        "zh": "未受理：与现行的班级分配完全相同。",
        "en": "Not done: the classes have exactly these quotas already.",
    },
    "PRESSURE_FLAGGED": {
        "zh": "未受理：该项压力提示（{flag}）已经提出过。",
        "en": "Not done: this flag ({flag}) was proposed before.",
    },
    "FIGURES_RESERVED": {
        "zh": "未受理：计数截止日（{cutoff}）之前，分班的试算和压力提示只供以下角色查看：{allowed}；学校只看服务覆盖。",
        "en": "Not done: until the counting cut-off ({cutoff}) trial figures by class and flags of pressure are for "
        "these roles only: {allowed}. A school sees its service coverage.",
    },
    # a change of policy: B18, INV-29
    "POLICY_SOURCE_INVALID": {
        "zh": "未受理：请只用一种方式写明新政策：按名称列出要改的参数，或给出完整的口径。",
        "en": "Not done: name the parameters that change, or give a whole profile: one of the two.",
    },
    "POLICY_PROFILE_INVALID": {
        "zh": "未受理：口径内容不合规定（{place}）。请对照 policy show --json 的 profile。",
        "en": "Not done: the profile is not valid ({place}). Compare it with `profile` of `policy show --json`.",
    },
    "POLICY_VERSION_NOT_NEWER": {
        "zh": "未受理：版本号 {version} 不大于已有的版本 {held}。请用更大的版本号。",
        "en": "Not done: the version {version} is not above the latest, {held}. Use a higher one.",
    },
    "POLICY_VERSION_UNKNOWN": {
        "zh": "未受理：没有公布过版本 {version}，或已撤回。请用 policy show 查看。",
        "en": "Not done: no version {version} was announced, or it was taken back. See `policy show`.",
    },
    "POLICY_NOT_AHEAD": {
        "zh": "未受理：生效日期必须晚于 {after}：政策只对以后生效，已作的决定和已公布的结果不变。",
        "en": "Not done: it must take effect after {after}: a policy holds for what comes; decisions and published "
        "results stay.",
    },
    "POLICY_THE_SAME": {
        "zh": "未受理：与版本 {version} 的参数完全相同。",
        "en": "Not done: its parameters are those of version {version}.",
    },
    "POLICY_APPROVED": {
        "zh": "未受理：版本 {version} 已经批准。",
        "en": "Not done: version {version} is approved already.",
    },
    "POLICY_IN_FORCE": {
        "zh": "未受理：版本 {version} 已经实施，或已被更新的版本取代。如需更改，请公布新的版本。",
        "en": "Not done: version {version} is in force or was overtaken. To change the policy, announce another one.",
    },
    "POLICY_BASE_CHANGED": {
        "zh": "未受理：版本 {version} 公布之后，它所修改的口径已有变化。请撤回后重新公布。",
        "en": "Not done: what version {version} changes has changed since it was announced. Take it back and announce "
        "it again.",
    },
    "POLICY_BUILT_UPON": {
        "zh": "未受理：版本 {later} 以版本 {version} 为基础。请先撤回后者。",
        "en": "Not done: version {later} is built upon version {version}. Take that back first.",
    },
    # the list of schools (INV-20)
    "SCHOOL_LIST_THE_SAME": {
        "zh": "未受理：与现行的合格学校名单完全相同。",
        "en": "Not done: it is the list of qualified schools that holds already.",
    },
    "SCHOOL_LISTED_TWICE": {
        "zh": "未受理：名单中有学校出现了两次。请每校只写一次。",
        "en": "Not done: a school stands twice on the list. Name each once.",
    },
    "SCHOOL_OFF_THE_LIST": {
        "zh": "未受理：学校 {school} 不在现行的合格学校名单中。",
        "en": "Not done: the school {school} is not on the list of qualified schools.",
    },
    # the application window (R-11, edge case 46)
    "WINDOW_CHANGE_WAITING": {
        "zh": "未受理：第 {change} 号志愿填报时间变更尚待批准。请先批准，或撤回后重新登记。",
        "en": "Not done: change {change} of the application window waits for its approval. Approve it, or take it back "
        "and record this one.",
    },
    "WINDOW_CHANGE_UNKNOWN": {
        "zh": "未受理：没有待批准的第 {change} 号志愿填报时间变更。请用 window show 查看。",
        "en": "Not done: no change {change} of the application window waits for approval. See `window show`.",
    },
    "WINDOW_FIRST_NEEDED": {
        "zh": "未受理：本届活动尚未写明志愿填报时间。请同时写明首日（--first）。",
        "en": "Not done: this campaign names no application window yet. Name its first day too (`--first`).",
    },
    "WINDOW_DAYS_INVALID": {
        "zh": "未受理：末日早于首日 {first}。请对照文件核对两个日期。",
        "en": "Not done: the last day lies before the first, {first}. Compare both with the document.",
    },
    "WINDOW_IN_THE_PAST": {
        "zh": "未受理：末日 {last} 已过，不能再以此改变家庭的期限。请核对日期；志愿系统重新开放的，请登记新的末日。",
        "en": "Not done: the last day, {last}, is over, and no family's term is changed by it now. Check the day; "
        "where the official system opens again, record its new last day.",
    },
    "WINDOW_THE_SAME": {
        "zh": "未受理：与现行的志愿填报时间相同（末日 {last}），无需变更。",
        "en": "Not done: it is the window that holds already, until {last}. There is nothing to change.",
    },
}

BLOCKERS: Final[dict[str, dict[str, str]]] = {}

WORDS: Final[dict[str, dict[str, str]]] = {
    # commands
    "issue_targets": {"zh": "下达指标", "en": "issue targets"},
    "revise_targets": {"zh": "调整指标", "en": "revise targets"},
    "approve_targets": {"zh": "批准指标文件", "en": "approve targets"},
    "reject_targets": {"zh": "退回指标文件", "en": "reject targets"},
    "acknowledge_target": {"zh": "签收指标", "en": "acknowledge a target"},
    "object_to_target": {"zh": "对指标提出异议", "en": "object to a target"},
    "assign_class_quotas": {"zh": "分配班级指标", "en": "share a target out to classes"},
    "flag_pressure": {"zh": "提出压力提示", "en": "flag pressure"},
    "announce_policy": {"zh": "公布新政策口径", "en": "announce a policy"},
    "approve_policy": {"zh": "批准新政策口径", "en": "approve a policy"},
    "withdraw_policy": {"zh": "撤回新政策口径", "en": "take back a policy"},
    "publish_qualified_list": {"zh": "公布合格学校名单", "en": "publish the list of qualified schools"},
    "remove_qualified_school": {"zh": "将学校移出名单", "en": "take a school off the list"},
    "change_window": {"zh": "登记志愿填报时间变更", "en": "record a change of the application window"},
    "approve_window": {"zh": "批准志愿填报时间变更", "en": "approve a change of the application window"},
    "withdraw_window": {"zh": "撤回志愿填报时间变更", "en": "take back a change of the application window"},
    # in which season a pupil is delivered
    "autumn": {"zh": "秋季", "en": "autumn"},
    "spring": {"zh": "春季", "en": "spring"},
    # pressure flags
    "QUOTA_ABOVE_POOL": {"zh": "指标高于生源", "en": "the target is above the pool"},
    "QUOTA_ABOVE_SHARE": {"zh": "指标超过毕业生的规定比例", "en": "the target is above its share of the graduates"},
    "APPLICATIONS_ABOVE_QUOTA": {"zh": "填报数高于指标", "en": "more applications than the target"},
    "PLAN_ABOVE_QUOTA": {"zh": "计划数高于指标", "en": "the plan is above the target"},
    "PLAN_ABOVE_POOL": {"zh": "计划数高于生源", "en": "the plan is above the pool"},
    "LOW_BAND_CONSENTS": {
        "zh": "低分段的同意率远高于其他学生",
        "en": "consents in the low band are far above the others'",
    },
    "NO_TASK": {"zh": "没有任务", "en": "no task"},
    "BELOW_COUNT": {"zh": "低于已完成数", "en": "below what counts already"},
    "ALL_VOCATIONAL": {"zh": "意向全部为中职", "en": "every intent is vocational"},
    "ALL_VOCATIONAL_LOW_BAND": {
        "zh": "低分段的意向全部为中职",
        "en": "every intent of the low band is vocational",
    },
    "ALL_VOCATIONAL_OTHERS": {
        "zh": "其他分数段的意向全部为中职",
        "en": "every intent above the low band is vocational",
    },
}

PHRASES: Final[dict[str, Phrase]] = {
    "TargetsIssued": Phrase(
        "下达{wave}指标 {document}，总数 {total}，{effective} 起生效（待批准）",
        "issued targets for {wave}, {document}: {total} in all, from {effective} (to be approved)",
    ),
    "TargetRevised": Phrase(
        "以 {document} 调整{wave}指标（原文件 {base}），总数 {total}，{effective} 起生效，"
        "涉及学校：{changes}，理由 {reason}（待批准）",
        "revised the targets for {wave} by {document} (over {base}): {total} in all, from {effective}, schools that "
        "move: {changes}, reason {reason} (to be approved)",
    ),
    "TargetsApproved": Phrase("批准指标文件 {document}（{waves}）", "approved the targets {document} ({waves})"),
    "TargetsRejected": Phrase(
        "退回指标文件 {document}，理由 {reason}", "rejected the targets {document}, reason {reason}"
    ),
    "TargetAcknowledged": Phrase(
        "学校 {school} 签收指标 {document}", "the school {school} acknowledged its target, {document}"
    ),
    "TargetObjected": Phrase(
        "学校 {school} 对指标 {document} 提出异议，理由 {reason}",
        "the school {school} objects to its target, {document}, reason {reason}",
    ),
    "ClassQuotaAssigned": Phrase(
        "学校 {school} 将{wave}指标 {document} 分配到班：{classes}",
        "the school {school} shared its target for {wave}, {document}, out to classes: {classes}",
    ),
    "ClassQuotaReassigned": Phrase(
        "学校 {school} 重新分配{wave}班级指标（{document}），有变化的班级：{changes}",
        "the school {school} shared its target for {wave}, {document}, out otherwise; classes that move: {changes}",
    ),
    # no school, class or figure here: until the counting cut-off they are for auditors and discipline officers alone
    "PressureFlagged": Phrase(
        "提出一项压力提示，内容由审计和纪检人员查看",
        "proposed a flag of pressure, for auditors and discipline officers to look at",
        many=("提出 {count} 项压力提示", "flags of pressure proposed: {count}"),
    ),
    "PolicyChangeAnnounced": Phrase(
        "公布政策口径版本 {version}（{document}），{effective_from} 起实施，理由 {reason}（待批准）",
        "announced version {version} of the policy ({document}), from {effective_from}, reason {reason} (to be "
        "approved)",
    ),
    "PolicyChangeApproved": Phrase(
        "批准政策口径版本 {version}，{effective_from} 起实施",
        "approved version {version} of the policy, from {effective_from}",
    ),
    "PolicyChangeWithdrawn": Phrase(
        "撤回政策口径版本 {version}，理由 {reason}", "took back version {version} of the policy, reason {reason}"
    ),
    "QualifiedSchoolListPublished": Phrase(
        "公布合格学校名单 {document}：新增 {added}，移出 {removed}",
        "published the list of qualified schools, {document}: added {added}, removed {removed}",
    ),
    "QualifiedSchoolRemoved": Phrase(
        "自 {on} 起将学校 {school} 移出合格学校名单，理由 {reason}",
        "took the school {school} off the list of qualified schools from {on}, reason {reason}",
    ),
    "WindowChangeRecorded": Phrase(
        "登记第 {change} 号志愿填报时间变更（{document}）：{first} 至 {last}（待批准）",
        "recorded change {change} of the application window ({document}): {first} to {last} (to be approved)",
    ),
    "WindowChangeApproved": Phrase(
        "批准第 {change} 号志愿填报时间变更（{document}）：{first} 至 {last}",
        "approved change {change} of the application window ({document}): {first} to {last}",
    ),
    "WindowChangeWithdrawn": Phrase(
        "撤回第 {change} 号志愿填报时间变更，理由 {reason}",
        "took back change {change} of the application window, reason {reason}",
    ),
    "WindowPassedOn": Phrase(
        "学校转达新的志愿填报时间：{first} 至 {last}",
        "the school passes on the new application window: {first} to {last}",
        many=("转达志愿填报时间变更 {count} 次", "passes on changes of the application window: {count}"),
        bookkeeping=True,
    ),
    "HoldPassedOn": Phrase(
        "学校转达一项计数限制（{hold}）的设置或解除",
        "the school passes on that a hold ({hold}) was placed or released",
        many=("转达 {count} 项计数限制的变化", "passes on holds placed or released: {count}"),
        bookkeeping=True,
    ),
    "InvalidationPassedOn": Phrase(
        "学校转达案件 {case} 的结论：有关同意不予计数",
        "the school passes on the case {case}: the consents concerned do not count",
        many=("转达 {count} 件案件结论", "passes on outcomes of cases: {count}"),
        bookkeeping=True,
    ),
    "ReinstatementPassedOn": Phrase(
        "学校转达案件 {case} 已撤销：有关同意恢复计数",
        "the school passes on that the case {case} is dismissed: the consents concerned count again",
        many=("转达 {count} 件案件撤销", "passes on dismissals of cases: {count}"),
        bookkeeping=True,
    ),
    "SchoolListPassedOn": Phrase(
        "学校转达合格学校名单的变化：新增 {added}，移出 {removed}",
        "the school passes on a change of the list of qualified schools: added {added}, removed {removed}",
        many=("转达名单变化 {count} 次", "passes on changes of the list: {count}"),
        bookkeeping=True,
    ),
    "VisitSchoolDelisted": Phrase(
        "学校 {school} 已移出合格学校名单，不再安排参观和宣讲",
        "the school {school} left the list of qualified schools: no trip or presentation is arranged with it",
    ),
    "SchoolsListed": Phrase(
        "合格学校名单新增：{schools}",
        "schools came onto the list of qualified schools: {schools}",
        many=("名单新增 {count} 次", "additions to the list of qualified schools: {count}"),
        bookkeeping=True,
    ),
}

VALUES: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "removed": {"": ("无", "none")},
    "wave": {"autumn": ("秋季", "autumn"), "spring": ("春季", "spring")},
    "waves": {"autumn": ("秋季", "autumn"), "spring": ("春季", "spring")},
}
"""Field of an event → value → how it is shown (zh, en); `domain.event_values` puts all of them together."""
