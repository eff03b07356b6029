"""What is said about attendance and dropout: refusals, blockers, words, and the phrases of its events.

Every sentence names a service that is missing or a record that is wrong; none says anything about a pupil or a family.
"""

from __future__ import annotations

from typing import Final

from domain.event_phrase import Phrase

REFUSALS: Final[dict[str, dict[str, str]]] = {
    # daily reports (R-13, INV-14, INV-15)
    "ATTENDANCE_ENDED": {
        "zh": "未受理：本校的到校日报已经结束（最后一天已过，且没有未结束的个案）。如有遗漏，请联系县教育局。",
        "en": "Not done: the school's daily reports have ended; the last day is over and no case goes on. "
        "Ask the bureau if something is missing.",
    },
    "REPORT_DAY_AHEAD": {
        "zh": "未受理：{day} 还没有到，不能提前登记。请在当日登记。",
        "en": "Not done: {day} has not come, and nothing is recorded ahead. Record it on the day.",
    },
    "REPORT_DAY_OUTSIDE": {
        "zh": "未受理：日报期间为 {first} 至 {last}，该日不在其中。请核对日期。",
        "en": "Not done: daily reports run from {first} to {last}, and the day is not among them. Check the date.",
    },
    "NOT_A_SCHOOL_DAY": {
        "zh": "未受理：按校历，{day} 不上课，无需日报。如当日实际上课，请先由县教育局更正校历。",
        "en": "Not done: by the calendar there is no school on {day}, and no report is due. If there was, "
        "ask the bureau to correct the calendar first.",
    },
    "REPORT_ALREADY_FILED": {
        "zh": "未受理：{day} 的日报已经上报。内容有误的，请更正该日报（attendance correct），不要重报。",
        "en": "Not done: the report of {day} is filed. If it is wrong, correct it (`attendance correct`) instead of "
        "filing another.",
    },
    "REPORT_NOT_FILED": {
        "zh": "未受理：{day} 还没有日报，无从更正。请先上报。",
        "en": "Not done: there is no report of {day} to correct. File it first.",
    },
    "CLASSES_MISSING": {
        "zh": "未受理：日报须包括全部班级，还缺 {count} 个班：{classes}。请补齐后一并上报，无缺勤的班也要报。",
        "en": "Not done: a report has all classes, and {count} are missing: {classes}. Add them; "
        "a class without absences is reported too.",
    },
    "CLASS_TWICE": {"zh": "同一班级填了两行，请只保留一行。", "en": "The class stands twice. Keep one row."},
    "STUDENT_NOT_IN_CLASS": {
        "zh": "该学生当日不在该班的学籍名册上。请核对班级和学生编号。",
        "en": "The pupil was not on the class's register on that day. Check the class and the reference.",
    },
    "STUDENT_IN_DROPOUT_CASE": {
        "zh": "该学生已有控辍个案，不再计入班级缺勤。已返校的，请先登记返校（dropout return）。",
        "en": "The pupil has a dropout case and is no longer counted as absent from the class. "
        "If the pupil is back, record the return first (`dropout return`).",
    },
    "REPORT_DOES_NOT_ADD_UP": {
        "zh": "人数不符：到校、请假、无故未到与个案人数之和，应等于当日在籍人数。请核对各项人数；个案学生已返校的，"
        "请先登记返校。",
        "en": "The numbers do not add up: present, on leave, absent without a reason and in a dropout case must make "
        "the pupils on the register. Check them; if a pupil with a case is back, record the return first.",
    },
    "MOVEMENT_NOT_ON_RECORD": {
        "zh": "转入或转出人数与上次日报以来的学籍变动不符。请先登记离校（exits）或导入新生（roster import），再上报。",
        "en": "Joined or left differs from what the register recorded since the last report. Record the departure "
        "(`exits`) or import the newcomer (`roster import`) first.",
    },
    # absences (R-15, edge case 30)
    "ABSENCE_UNKNOWN": {
        "zh": "未受理：{day} 没有登记该学生无故未到。请核对日期；日报有误的，请先更正日报。",
        "en": "Not done: no absence without a reason is recorded of this pupil for {day}. Check the day; "
        "correct the report first if it is wrong.",
    },
    "EXPLANATION_HEARSAY": {
        "zh": "未受理：仅凭他人转述（如邻居代为请假）不能说明缺勤原因。请向监护人核实，或当面、查看材料后再登记。",
        "en": "Not done: hearsay, as a neighbour's word, does not explain an absence. Ask a guardian, "
        "go and see, or look at a paper; then record it.",
    },
    "GROUP_VISIT_NEEDS_TWO": {
        "zh": "未受理：此次家访至少须有两名教职工。请填写全部到访人员。",
        "en": "Not done: this visit needs two members of staff or more. Name all who went.",
    },
    # weeks and months
    "PERIOD_NOT_DUE": {
        "zh": "未受理：{period} 没有应报的周报或月报（不在日报期间、全为假期，或校历尚未公布）。请核对期间。",
        "en": "Not done: no report is due for {period}: it lies outside the daily reports, is all holiday, or its "
        "calendar is not published. Check the period.",
    },
    "PERIOD_NOT_OVER": {
        "zh": "未受理：{period} 的报告应于 {due} 上报，尚未到期。请在当日上报。",
        "en": "Not done: the report of {period} is due on {due}, which has not come. File it on that day.",
    },
    "PERIOD_ALREADY_FILED": {
        "zh": "未受理：{period} 的报告已经上报。之后的变动见 returns 的新版本。",
        "en": "Not done: the report of {period} is filed. `returns` shows a new version of what changed since.",
    },
    # dropout cases (region A)
    "CASE_CLOSED": {
        "zh": "未受理：该个案已经销号。如再次疑似辍学，系统会另立个案。",
        "en": "Not done: the case is closed. A further suspicion opens another case.",
    },
    "CASE_ENDED_WITH_THE_YEAR": {
        "zh": "未受理：学年和最后举证期限都已过，该个案以“未返校”结束，不再变更。学生之后返校的，请登记迟到的返校"
        "（dropout return）。",
        "en": "Not done: the year and the time for the last proof are over, and the case has ended as not returned; "
        "nothing changes it. If the pupil was seen again since, record the late return (`dropout return`).",
    },
    "PERSUASION_NUMBER": {
        "zh": "未受理：这应是第 {number} 次劝返。请核对次数，避免重复登记。",
        "en": "Not done: the next attempt is number {number}. Check it, so that none is recorded twice.",
    },
    "PUPIL_NOT_AWAY": {
        "zh": "未受理：该学生目前不属于疑似辍学或辍学状态，无需此项办理。请用 dropout show 查看个案。",
        "en": "Not done: the pupil is neither suspected nor confirmed as a dropout now, so this is not needed. "
        "See the case with `dropout show`.",
    },
    "PERSUASION_MISSING": {
        "zh": "未受理：还没有登记过劝返，不能认定辍学。请先家访劝返并登记。",
        "en": "Not done: no attempt to bring the pupil back is recorded, so no dropout can be confirmed. "
        "Go and see the family first, and record it.",
    },
    "WRITTEN_REPORT_FILED": {
        "zh": "未受理：书面报告已于 {day} 上报。",
        "en": "Not done: the written report was filed on {day}.",
    },
    "WRITTEN_REPORT_MISSING": {
        "zh": "未受理：书面报告尚未上报县教育局和乡镇，不能送达限期复学通知书。请先上报。",
        "en": "Not done: the written report to the bureau and the township is missing, so no return order can be "
        "served. File it first.",
    },
    "DROPOUT_NOT_CONFIRMED": {
        "zh": "未受理：尚未认定辍学，不能送达限期复学通知书。请先认定。",
        "en": "Not done: no return order is served before the dropout is confirmed. Confirm it first.",
    },
    "RETURN_BEFORE_ABSENCE": {
        "zh": "未受理：返校日期早于缺勤开始的 {day}。请核对日期。",
        "en": "Not done: the return lies before the absence, which began on {day}. Check the date.",
    },
    "EXIT_NEEDS_REGISTER": {
        "zh": "未受理：转学、出国由学籍办核实接收学校后登记。登记之前，请每日照常报告该生，并把材料交学籍办。",
        "en": "Not done: the register office looks for the school that takes the pupil, and records a transfer or a "
        "move abroad. Until it has, report the pupil every day as before, and hand the papers to the register office.",
    },
    "RETURN_AFTER_THE_LAST_DAY": {
        "zh": "未受理：学生在校的最后一日是 {day}，返校日期不能晚于该日。"
        "之后见到学生的，个案随学年终止后登记迟到的返校。",
        "en": "Not done: the last day at the school is {day}, and no return can be later. If the pupil was seen after "
        "it, record the late return once the case has ended with the year.",
    },
    "EVIDENCE_NOT_ENOUGH": {
        "zh": "未受理：依据不足。返校须当面见到或有书面材料、学籍为证；外地就读须有学籍或书面材料。请核实后再登记。",
        "en": "Not done: the evidence is not enough. A return needs somebody who saw the pupil, a paper or the "
        "register; schooling elsewhere needs the register or a paper. Look into it, then record it.",
    },
    "NOT_HOME_TAUGHT": {
        "zh": "未受理：该学生没有开始送教上门。请先登记开始及其依据。",
        "en": "Not done: teaching at home has not begun for this pupil. Record its beginning and its ground first.",
    },
    "CASE_NOT_CLOSABLE": {
        "zh": "未受理：还不能销号，还差：{blockers}。请办结后再销号。",
        "en": "Not done: the case cannot be closed yet. Missing: {blockers}. Do that first.",
    },
}

BLOCKERS: Final[dict[str, dict[str, str]]] = {
    "DAYS_PRESENT_MISSING": {
        "zh": "返校后还须在校 {count} 个上课日",
        "en": "school days that the pupil must still be there: {count}",
    },
    "BUREAU_HAS_TO_CLOSE": {
        "zh": "返校后还差在校 {count} 个上课日，已无法补足，须由县教育局核实后销号",
        "en": "school days present that cannot come any more: {count} (the bureau has to look into it and close)",
    },
    "HOME_SESSION_MISSING": {
        "zh": "尚无送教上门记录，请登记",
        "en": "no lesson at home is recorded yet (record one)",
    },
    "RETURN_MISSING": {
        "zh": "学生尚未返校，也没有核实在别处就读或送教上门，请继续劝返",
        "en": "the pupil is neither back nor taught elsewhere or at home (go on bringing the pupil back)",
    },
}

WORDS: Final[dict[str, dict[str, str]]] = {
    "attendance": {"zh": "到校日报", "en": "attendance"},
    "dropout": {"zh": "控辍个案", "en": "dropout case"},
    # commands
    "file_daily_report": {"zh": "上报到校日报", "en": "file the daily report"},
    "correct_daily_report": {"zh": "更正到校日报", "en": "correct a daily report"},
    "explain_absence": {"zh": "说明缺勤原因", "en": "explain an absence"},
    "record_absence_visit": {"zh": "登记缺勤家访", "en": "record a visit about an absence"},
    "record_reappearance": {"zh": "登记重新到校", "en": "record that a pupil is at the school again"},
    "file_periodic_report": {"zh": "上报周报或月报", "en": "file a weekly or monthly report"},
    "record_persuasion": {"zh": "登记劝返", "en": "record an attempt to bring a pupil back"},
    "file_written_report": {"zh": "上报书面报告", "en": "file the written report"},
    "confirm_dropout": {"zh": "认定辍学", "en": "confirm a dropout"},
    "serve_return_order": {"zh": "登记送达限期复学通知书", "en": "record that the return order was served"},
    "record_return": {"zh": "登记返校", "en": "record a return"},
    "record_late_return": {"zh": "登记学年结束后的返校", "en": "record a return after the year's end"},
    "start_home_teaching": {"zh": "开始送教上门", "en": "begin teaching at home"},
    "record_home_session": {"zh": "登记送教上门", "en": "record a lesson at home"},
    "verify_elsewhere": {"zh": "核实外地就读", "en": "verify schooling elsewhere"},
    "close_dropout_case": {"zh": "销号", "en": "close a dropout case"},
    "returns": {"zh": "查看控辍报表明细", "en": "see the details of statutory returns"},
    # who is told
    "centre_school": {"zh": "中心学校", "en": "centre school"},
    "township": {"zh": "乡镇政府", "en": "township"},
    # standings of a case
    "watching": {"zh": "日报中", "en": "reporting"},
    "suspected": {"zh": "疑似辍学", "en": "suspected dropout"},
    "returned": {"zh": "已返校", "en": "back at school"},
    "home_taught": {"zh": "送教上门", "en": "taught at home"},
    "elsewhere": {"zh": "外地就读", "en": "at another school"},
    "not_returned": {"zh": "学年末未返校", "en": "not returned at the year's end"},
    "closed": {"zh": "已结束", "en": "closed"},
    # periods
    "weekly": {"zh": "周报", "en": "weekly report"},
    "monthly": {"zh": "月报", "en": "monthly report"},
}

PHRASES: Final[dict[str, Phrase]] = {
    # attendance
    "AttendanceStarted": Phrase(
        "到校日报开始：{first} 至 {last}", "daily reports of attendance begin: {first} to {last}"
    ),
    "DailyReportFiled": Phrase("上报 {day} 日报（{on_time}）", "filed the report of {day} ({on_time})"),
    "ZeroReportFiled": Phrase(
        "上报 {day} 零报告，到校 {present} 人（{on_time}）",
        "filed a zero report of {day}: {present} present ({on_time})",
    ),
    "ReportFiledLate": Phrase("{day} 日报晚于 {due} 上报", "the report of {day} came after {due}"),
    "ReportReminded": Phrase("提醒上报 {day} 日报", "reminded of the report of {day}"),
    "ReportMissed": Phrase("{day} 缺报（缺报不等于零报告）", "no report of {day}; that is no zero report"),
    "ReportChased": Phrase("催报 {day} 日报", "asked again for the report of {day}"),
    "ReportCorrected": Phrase(
        "更正 {day} 日报（更正第 {corrects} 条），理由 {reason}",
        "corrected the report of {day} (event {corrects}), reason {reason}",
    ),
    "ZeroReportContradicted": Phrase(
        "{day} 的零报告与到校情况不符：{classes}（{same_day}）",
        "the zero report of {day} does not agree with attendance: {classes} ({same_day})",
    ),
    "AbsenceNoted": Phrase(
        "{student}（{class_id}）{day} 无故未到，连续第 {days} 天，应办：{owed}（{reported}）",
        "{student} ({class_id}) absent on {day} without a reason, day {days} in a row; owed: {owed} ({reported})",
        many=("登记 {count} 人次无故未到", "absences without a reason noted: {count}"),
    ),
    "AbsenceVisited": Phrase(
        "{on} 为 {student} 的缺勤家访：{outcome}", "visited about the absence of {student} on {on}: {outcome}"
    ),
    "AbsenceExplained": Phrase(
        "{student} {day} 缺勤有说明：{reason}（依据：{evidence}）",
        "the absence of {student} on {day} is explained: {reason} (evidence: {evidence})",
    ),
    "AbsenceFlagged": Phrase(
        "{student} {day} 缺勤，须报县教育局：{flag}（依据：{evidence}）",
        "the absence of {student} on {day} must be reported to the bureau: {flag} (evidence: {evidence})",
    ),
    "SuspectedDropout": Phrase(
        "{student}（{class_id}）疑似辍学：自 {since} 起 {days} 天（{by}）",
        "{student} ({class_id}) may be dropping out: {days} days since {since} ({by})",
    ),
    "WeeklyReportFiled": Phrase("上报周报 {period}（{on_time}）", "filed the weekly report {period} ({on_time})"),
    "MonthlyReportFiled": Phrase("上报月报 {period}（{on_time}）", "filed the monthly report {period} ({on_time})"),
    "PeriodicReportMissed": Phrase("{period} 的{report}缺报", "the {report} {period} was not filed"),
    "CaseStandingNoted": Phrase(
        "日报记下 {student} 的个案：{status}（{on}）",
        "attendance notes the case of {student}: {status} ({on})",
        many=("日报记下个案变化 {count} 条", "attendance notes changes of cases: {count}"),
        bookkeeping=True,
    ),
    "PupilReappeared": Phrase(
        "{student} 于 {on} 重新到校（依据：{evidence}）",
        "{student} is at the school again since {on} (evidence: {evidence})",
    ),
    "AttendanceLeft": Phrase(
        "日报记下 {student} 于 {on} 离校（{exit}）",
        "attendance notes that {student} left on {on} ({exit})",
        many=("日报记下 {count} 名学生离校", "attendance notes pupils who left: {count}"),
        bookkeeping=True,
    ),
    "AttendanceJoined": Phrase(
        "日报记下 {student} 于 {on} 转入 {class_id}",
        "attendance notes that {student} joined {class_id} on {on}",
        many=("日报记下 {count} 名学生转入", "attendance notes pupils who joined: {count}"),
        bookkeeping=True,
    ),
    "AttendanceCalendarAdopted": Phrase(
        "日报改用新日历",
        "attendance counts by another calendar",
        many=("{count} 个日报改用新日历", "attendances that count by another calendar: {count}"),
        bookkeeping=True,
    ),
    "AttendanceEnded": Phrase("到校日报结束", "the daily reports have ended"),
    # dropout case
    "DropoutCaseStarted": Phrase(
        "{student}（{class_id}）立控辍个案（第 {episode} 次），自 {since} 起（{by}）",
        "a dropout case of {student} ({class_id}) begins (number {episode}), absent since {since} ({by})",
    ),
    "PersuasionAttempted": Phrase(
        "第 {n} 次劝返（{on}）：{outcome}", "attempt {n} to bring the pupil back ({on}): {outcome}"
    ),
    "PersuasionOverdue": Phrase(
        "自 {since} 起未再劝返，已劝返 {attempts} 次",
        "no attempt to bring the pupil back since {since}; attempts so far: {attempts}",
    ),
    "WrittenReportFiled": Phrase(
        "书面报告 {document} 于 {on} 上报（{on_time}）", "filed the written report {document} on {on} ({on_time})"
    ),
    "WrittenReportOverdue": Phrase(
        "书面报告应于 {due} 上报，尚缺，第 {level} 级告知{to_role}",
        "the written report, due on {due}, is missing; level {level}: told the {to_role}",
    ),
    "DropoutConfirmed": Phrase(
        "认定辍学，已劝返 {attempts} 次", "confirmed the dropout after attempts to bring the pupil back: {attempts}"
    ),
    "ReturnOrderServed": Phrase(
        "限期复学通知书 {document} 于 {on} 送达（乡镇）", "the township's return order {document} was served on {on}"
    ),
    "ReturnedToSchool": Phrase("{on} 返校（依据：{evidence}）", "back at school on {on} (evidence: {evidence})"),
    "AbsentAgain": Phrase("返校后 {day} 再次无故未到，在校天数重新计算", "absent again on {day}; days count anew"),
    "DayUnreported": Phrase("{day} 缺报，不计入在校天数", "{day} has no report and does not count as present"),
    "SuspicionRenewed": Phrase("返校后再次疑似辍学，自 {since} 起（{by}）", "suspected again since {since} ({by})"),
    "DropoutFlagged": Phrase("须报县教育局：{flag}", "must be reported to the bureau: {flag}"),
    "HomeTeachingStarted": Phrase(
        "{on} 开始送教上门（{ground}，{document}）", "teaching at home begins on {on} ({ground}, {document})"
    ),
    "HomeTeachingSession": Phrase(
        "{on} 送教上门 {lessons} 课时",
        "taught at home on {on}, lessons: {lessons}",
        many=("送教上门 {count} 次", "times taught at home: {count}"),
    ),
    "ElsewhereVerified": Phrase(
        "核实外地就读（{register_ref}，依据：{evidence}）",
        "verified schooling elsewhere ({register_ref}, evidence: {evidence})",
    ),
    "ItemClosed": Phrase(
        "销号：{ending}，返校后在校 {days_present} 天", "the case is closed: {ending}; days present {days_present}"
    ),
    "CaseEndedWithTheYear": Phrase(
        "学年结束，个案未销号而终止（{ending}；举证至 {proof_until}）：劝返 {attempts} 次，已办：{done}，"
        "未办：{undone}",
        "the year is over and the case ends without a closing ({ending}; proof until {proof_until}); attempts: "
        "{attempts}; done: {done}; left undone: {undone}",
    ),
    "DropoutCalendarAdopted": Phrase(
        "个案改用新日历",
        "the case counts by another calendar",
        many=("{count} 个个案改用新日历", "cases that count by another calendar: {count}"),
        bookkeeping=True,
    ),
    # what the school passes on
    "DropoutCaseOpened": Phrase(
        "为 {student}（{class_id}）立控辍个案（第 {episode} 次），自 {since} 起（{by}）",
        "opens a dropout case of {student} ({class_id}), number {episode}, absent since {since} ({by})",
    ),
    "SuspicionPassedOn": Phrase(
        "把 {student} 再次疑似辍学（自 {since} 起，{by}）转入个案",
        "passes on to the case that {student} is suspected again since {since} ({by})",
        many=("转交再次疑似辍学 {count} 条", "renewed suspicions passed on: {count}"),
        bookkeeping=True,
    ),
    "AbsencePassedOn": Phrase(
        "把 {student} {day} 的缺勤转入个案",
        "passes the absence of {student} on {day} on to the case",
        many=("转交返校后缺勤 {count} 条", "absences after a return passed on: {count}"),
        bookkeeping=True,
    ),
    "UnreportedDayPassedOn": Phrase(
        "把 {day} 缺报告知个案",
        "tells the cases that {day} has no report",
        many=("告知个案缺报 {count} 次", "days without a report told to the cases: {count}"),
        bookkeeping=True,
    ),
    "FlagPassedOn": Phrase(
        "把 {student} 须报县教育局的事项转入个案：{flag}",
        "passes on to the case of {student} what must be reported to the bureau: {flag}",
        many=("转交须报事项 {count} 条", "matters for the bureau passed on: {count}"),
        bookkeeping=True,
    ),
    "DropoutCaseNoted": Phrase(
        "记下 {student} 第 {episode} 次个案：{status}（{on}）",
        "notes case {episode} of {student}: {status} ({on})",
        many=("记下个案变化 {count} 条", "changes of cases noted: {count}"),
        bookkeeping=True,
    ),
    "LateReturnRecorded": Phrase(
        "{student} 在学年结束后于 {on} 返校（依据：{evidence}），学年末数字不变",
        "{student} is back since {on}, after the year's end (evidence: {evidence}); that year's figures stay",
    ),
    "WatchEnded": Phrase(
        "记下流程结束：{stream}",
        "notes that {stream} has ended",
        many=("记下流程结束 {count} 个", "streams that have ended: {count}"),
        bookkeeping=True,
    ),
}

SERVICES: Final[dict[str, tuple[str, str]]] = {
    "VISIT": ("上门劝返", "a visit"),
    "WRITTEN_REPORT": ("书面报告", "the written report"),
    "CONFIRMATION": ("认定辍学", "the dropout's confirmation"),
    "RETURN_ORDER": ("限期复学通知书", "the return order"),
    "HOME_TEACHING": ("送教上门", "lessons at home"),
    "CLOSING": ("第二人销号", "the closing by a second person"),
}
"""Service owed in a case → its name (zh, en)."""

VALUES: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "by": {
        "CONSECUTIVE": ("连续缺勤", "days in a row"),
        "PATTERN": ("多次缺勤", "many days in a few weeks"),
        "STATEMENT": ("据了解的情况", "by what was said"),
    },
    "owed": {
        "SAME_DAY_VISIT": ("当日家访", "a visit on the same day"),
        "GROUP_VISIT": ("多人家访", "a visit by a group"),
        "": ("无", "nothing"),
    },
    "reported": {"true": ("日报所报", "reported"), "false": ("当日缺报", "the day has no report")},
    "same_day": {"true": ("当日更正", "corrected on the same day"), "false": ("事后发现", "found later")},
    "flag": {
        "CHILD_LABOUR_SUSPECTED": ("疑似使用童工", "suspected child labour"),
        "UNREGISTERED_RECRUITING": ("未登记招生", "recruiting without registration"),
    },
    "ground": {"MEDICAL": ("医疗证明", "medical evidence"), "DISABILITY": ("残疾证明", "disability evidence")},
    "ending": {
        "RETURNED": ("已返校", "back at school"),
        "ELSEWHERE": ("已在外地就读", "at another school"),
        "HOME_TEACHING": ("送教上门", "taught at home"),
        "LEFT_REGISTER": ("已离校（转学、出国或去世）", "left the register"),
        "NOT_RETURNED": ("未返校（或无人证实）", "not returned, or proven by nobody"),
        "UNCONFIRMED": ("有据可查但无人销号", "borne out by the record, and closed by nobody"),
    },
    **dict.fromkeys(("done", "undone"), SERVICES),
    "outcome": {
        "COMES_BACK": ("同意返校", "comes back"),
        "THINKS_ABOUT_IT": ("再考虑", "thinks about it"),
        "NOT_WILLING_YET": ("暂不愿返校", "not willing yet"),
        "NOBODY_THERE": ("家中无人", "nobody there"),
        "MOVED_AWAY": ("已搬离", "moved away"),
        "ILL": ("患病", "ill"),
        "HOSPITAL": ("住院", "in hospital"),
        "PREGNANCY": ("特殊身体情况", "pregnancy"),
        "CUSTODY": ("另有法律程序", "custody"),
        "DISASTER": ("受灾", "disaster"),
        "AT_WORK": ("在外务工", "at work"),
        "AT_RECRUITER": ("在招生机构", "at a recruiting school"),
    },
}
"""Field of an event → value → how it is shown (zh, en); `domain.event_values` puts all of them together."""
