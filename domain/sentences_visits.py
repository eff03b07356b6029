"""What the stage of vocational-school visits says, in Chinese and English: refusals, blockers, words (INV-20, B22).

Form and rules are those of `domain.sentences`, `domain.blockers` and `domain.words`.
"""

from __future__ import annotations

from typing import Final

REFUSALS: Final[dict[str, dict[str, str]]] = {
    # the list and the registration (INV-20)
    "SCHOOL_NOT_LISTED": {
        "zh": "未受理：学校 {school} 不在已公布的合格学校名单中，不得组织参观、进校宣传，也不能签署到该校就读。"
        "本次尝试已记录。请核对学校代码；名单由县教育局公布，与学校所在县区无关。",
        "en": "Not done: the school {school} is not on the published list, so no trip goes there, it presents nothing "
        "on campus, and nobody signs for it. The attempt is on record. Check the school's code; the bureau publishes "
        "the list, and a school's county does not matter.",
    },
    "PUBLICITY_NOT_APPROVED": {
        "zh": "未受理：宣讲 {presentation} 未经批准，不能登记。本次尝试已记录。"
        "宣讲须先批准后进校；如已有人进校宣传，请报告未登记的进校宣传。",
        "en": "Not done: the presentation {presentation} is not approved, so it cannot be registered. The attempt is "
        "on record. Approval comes before a visit; if somebody was on campus already, report an unregistered visit.",
    },
    "APPROVAL_TOO_LATE": {
        "zh": "未受理：活动时间已到，不能事后批准。请取消或退回，另行安排。",
        "en": "Not done: its time has come, and nothing is approved afterwards. Cancel or reject it and arrange "
        "another.",
    },
    # trips
    "TRIP_UNKNOWN": {
        "zh": "未受理：没有参观活动 {trip}，或者它已取消。请核对编号，或先安排参观。",
        "en": "Not done: there is no trip {trip}, or it was cancelled. Check its reference, or plan a trip first.",
    },
    "TRIP_EXISTS": {
        "zh": "未受理：参观活动编号 {trip} 已经用过。请使用新的编号。",
        "en": "Not done: the reference {trip} was used for a trip before. Use a new one.",
    },
    "TRIP_TIMES_INVALID": {
        "zh": "未受理：返回时间不晚于出发时间。请核对两个时间。",
        "en": "Not done: the trip returns no later than it starts. Check both times.",
    },
    "LEADERS_TOO_FEW": {
        "zh": "未受理：带队人员不足，至少要有 {least} 名不同的人员。请补充带队人员。",
        "en": "Not done: a trip needs at least {least} different leaders. Add the missing ones.",
    },
    "LEADERS_BUSY": {
        "zh": "未受理：有带队人员同一时间已安排带队参观活动 {trip}。请换人或改时间。",
        "en": "Not done: one of the leaders is on the trip {trip} at that time. Choose another person or another time.",
    },
    "RIDERS_ELSEWHERE": {
        "zh": "未受理：有 {count} 名学生在新的时间已有另一次参观，或体验日数将超过规定。请另选时间。",
        "en": "Not done: {count} pupils have another trip at the new time, or more days than experience allows. Choose "
        "another time.",
    },
    "TIME_UNCHANGED": {
        "zh": "未受理：新的时间与原来相同。请核对时间。",
        "en": "Not done: the new time is the old one. Check the time.",
    },
    "NEW_TIME_PASSED": {
        "zh": "未受理：新的时间已过，家长无法按时到场。请另选时间。",
        "en": "Not done: the new time has passed, and no family could come. Choose a later one.",
    },
    "TRIP_ALREADY_APPROVED": {
        "zh": "未受理：参观活动 {trip} 已经批准，无需再次批准。",
        "en": "Not done: the trip {trip} is approved already. Nothing is left to do.",
    },
    "TRIP_NOT_APPROVED": {
        "zh": "未受理：参观活动 {trip} 的安全预案尚未批准。请等县教育局批准后再办理。",
        "en": "Not done: the safety plan of the trip {trip} is not approved yet. Wait for the bureau to approve it.",
    },
    "TRIP_STARTED": {
        "zh": "未受理：参观活动 {trip} 已经出发，不能再安排座位。请安排另一次参观。",
        "en": "Not done: the trip {trip} has started, so no seat can be offered any more. Plan another trip.",
    },
    "SEATS_FULL": {
        "zh": "未受理：座位不够，只剩 {left} 个，名单均未安排。请减少人数，或另行安排一次参观。",
        "en": "Not done: seats left: {left}, fewer than asked for, so none was given. Ask for fewer, or plan "
        "another trip.",
    },
    # rows of a list
    "STUDENT_NOT_IN_TRIP": {
        "zh": "该学生的班级不在这次参观中，不能安排座位。请核对参观编号。",
        "en": "No seat was offered: this pupil's class is not on this trip. Check the trip's reference.",
    },
    "ALREADY_OFFERED": {
        "zh": "该学生在这次参观中已经安排过座位，未重复安排。请删去这一行。",
        "en": "No seat was offered: this pupil was offered one on this trip before. Leave the row out.",
    },
    "SLIP_BEFORE_MOVE": {
        "zh": "参观已改期，改期前签的回执只对原定时间有效。请家长重新签回执后再登记。",
        "en": "The trip has moved, and this slip was for the old time. Record it when the family has signed anew.",
    },
    "TRIP_OVERLAPS": {
        "zh": "该学生同一时间已有另一次参观的座位，不能再安排。请选择其他时间的参观。",
        "en": "No seat was given: this pupil has one on another trip at the same time. Choose a trip at another time.",
    },
    "EXPERIENCE_DAYS_USED": {
        "zh": "现行政策只允许短期职业体验，该学生在职校的日数将超过规定（experience_days），不能再安排。请删去这一行。",
        "en": "No seat was given: the policy in force allows short experience only, and the pupil would be at "
        "vocational schools for more days than that (experience_days). Leave the row out.",
    },
    "SEAT_NOT_OFFERED": {
        "zh": "该学生不在这次参观的乘车名单上，未登记。请先安排座位，或核对参观编号。",
        "en": "Not recorded: this pupil is not on the trip's transport list. Offer a seat first, or check the trip's "
        "reference.",
    },
    "SEAT_TAKEN": {
        "zh": "监护人先前不同意，座位已让给其他学生，现已无空座，未登记。请安排另一次参观。",
        "en": "Not recorded: the guardian had said no, the seat went to others, and none is free now. Offer a seat on "
        "another trip.",
    },
    "ROW_EMPTY": {
        "zh": "这一行既没有监护人意见，也没有参加情况，未登记。请至少填写一项，或删去这一行。",
        "en": "Not recorded: the row says neither what the guardian's slip says nor whether the pupil came. Fill in "
        "one of them, or leave the row out.",
    },
    "TRIP_NOT_YET_HELD": {
        "zh": "参观尚未出发，不能登记参加情况。请出发后再登记。",
        "en": "Not recorded: the trip has not started, so nobody can have been on it. Record attendance afterwards.",
    },
    "PERMISSION_MISSING": {
        "zh": "没有监护人签字同意，不能登记为参加，同意记录也不能撤去。请核对回执，先登记或更正监护人意见和参加情况。",
        "en": "Not recorded: a pupil who came along needs the guardian's signed permission. Check the slip, and "
        "record or correct permission and attendance first.",
    },
    # presentations
    "PRESENTATION_UNKNOWN": {
        "zh": "未受理：没有登记过宣讲 {presentation}。请核对编号，或先提出申请。",
        "en": "Not done: no presentation {presentation} was requested. Check its reference, or request it first.",
    },
    "PRESENTATION_EXISTS": {
        "zh": "未受理：宣讲编号 {presentation} 已经用过。请使用新的编号。",
        "en": "Not done: the reference {presentation} was used for a presentation before. Use a new one.",
    },
    "PRESENTATION_DECIDED": {
        "zh": "未受理：宣讲 {presentation} 已有决定或已举行，不能再这样办理。请查看现状，需要时另行申请。",
        "en": "Not done: the presentation {presentation} is decided or held already. Look at how it stands, and "
        "request another if one is needed.",
    },
    "PRESENTATION_ALREADY_HELD": {
        "zh": "未受理：宣讲 {presentation} 已经登记为举行，无需再次登记。",
        "en": "Not done: the presentation {presentation} is registered as held already. Nothing is left to do.",
    },
    "PRESENTATION_NOT_YET_HELD": {
        "zh": "未受理：宣讲 {presentation} 还没有举行，不能登记。请结束后再登记。",
        "en": "Not done: the presentation {presentation} has not been held yet. Register it afterwards.",
    },
    "CLASS_NOT_IN_PRESENTATION": {
        "zh": "未受理：以下班级不在批准的宣讲范围内：{classes}。请核对班级；需要时另行申请。",
        "en": "Not done: these classes are not among those that were approved: {classes}. Check them, and request "
        "another presentation if one is needed.",
    },
}
"""Refusal code → sentence by language."""

BLOCKERS: Final[dict[str, dict[str, str]]] = {
    "CLASSES_WITHOUT_OFFER": {
        "zh": "{count} 个班级既未安排参观座位，也无已批准的宣讲，请安排",
        "en": "classes without an offered seat or an approved presentation: {count} (arrange one of them)",
    },
    "TRIPS_NOT_APPROVED": {
        "zh": "{count} 次参观尚未批准，请报县教育局批准或取消",
        "en": "trips not yet approved: {count} (have the bureau approve them, or cancel them)",
    },
    "TRIPS_NOT_HELD": {
        "zh": "{count} 次已批准的参观尚未完成，请登记参加情况或取消",
        "en": "approved trips not yet held: {count} (record attendance, or cancel them)",
    },
    "VISIT_ATTENDANCE_MISSING": {
        "zh": "{count} 名监护人已同意的学生未登记参加情况，请登记",
        "en": "pupils with permission and no recorded attendance: {count} (record whether they came)",
    },
    "PRESENTATIONS_OPEN": {
        "zh": "{count} 场宣讲尚未审批或尚未举行，请审批、登记或退回",
        "en": "presentations not decided or not held: {count} (decide on them, register them, or reject them)",
    },
    "VISIT_NOT_OFFERED": {
        "zh": "{count} 名新转入学生尚未安排参观座位或宣讲，请安排",
        "en": "late joiners without an offered seat or a presentation: {count} (arrange one of them)",
    },
}
"""Blocker code → phrase by language, without a full stop."""

WORDS: Final[dict[str, dict[str, str]]] = {
    # commands
    "plan_trip": {"zh": "安排参观", "en": "plan a trip"},
    "approve_trip": {"zh": "批准参观", "en": "approve a trip"},
    "offer_seats": {"zh": "安排座位", "en": "offer seats"},
    "move_trip": {"zh": "参观改期", "en": "move a trip"},
    "cancel_trip": {"zh": "取消参观", "en": "cancel a trip"},
    "record_visits": {"zh": "登记监护人意见和参观情况", "en": "record slips and attendance of a trip"},
    "request_presentation": {"zh": "申请进校宣讲", "en": "request a presentation"},
    "approve_presentation": {"zh": "批准进校宣讲", "en": "approve a presentation"},
    "reject_presentation": {"zh": "退回进校宣讲", "en": "reject a presentation"},
    "record_presentation": {"zh": "登记进校宣讲", "en": "register a presentation"},
    "report_unregistered_visit": {"zh": "报告未登记的进校宣传", "en": "report an unregistered visit"},
    # states of a presentation
    "requested": {"zh": "已申请", "en": "requested"},
    "approved": {"zh": "已批准", "en": "approved"},
    "rejected": {"zh": "已退回", "en": "rejected"},
    "held": {"zh": "已举行", "en": "held"},
    # events
    "CampusVisitPlanned": {"zh": "参观已安排", "en": "trip planned"},
    "CampusVisitApproved": {"zh": "参观已批准", "en": "trip approved"},
    "SeatOffered": {"zh": "座位已安排", "en": "seat offered"},
    "CampusVisitMoved": {"zh": "参观改期", "en": "trip moved"},
    "SeatMoved": {"zh": "告知改期", "en": "new time told"},
    "SeatWithdrawn": {"zh": "座位已收回", "en": "seat withdrawn"},
    "CampusVisitCancelled": {"zh": "参观已取消", "en": "trip cancelled"},
    "GuardianPermissionRecorded": {"zh": "监护人意见已登记", "en": "guardian's slip recorded"},
    "GuardianPermissionCorrected": {"zh": "监护人意见已更正", "en": "guardian's slip corrected"},
    "VisitAttendanceRecorded": {"zh": "参加情况已登记", "en": "attendance of a trip recorded"},
    "VisitAttendanceCorrected": {"zh": "参加情况已更正", "en": "attendance of a trip corrected"},
    "CampusVisitHeld": {"zh": "参观已完成", "en": "trip held"},
    "PublicityRequested": {"zh": "进校宣讲已申请", "en": "presentation requested"},
    "PublicityApproved": {"zh": "进校宣讲已批准", "en": "presentation approved"},
    "PublicityRejected": {"zh": "进校宣讲已退回", "en": "presentation rejected"},
    "PublicityVisitRegistered": {"zh": "进校宣讲已登记", "en": "presentation registered"},
    "UnregisteredVisitDetected": {"zh": "发现未登记的进校宣传", "en": "unregistered visit detected"},
    "VisitSchoolDelisted": {"zh": "学校移出名单", "en": "school off the list"},
}
"""Code → word by language."""
