"""What a notice's state means, what a code beside it asks for, and what each class of notices is (FEATURES G4, G8).

In Chinese and English, for `notices show`, `notices glossary` and docs/notices-states.md. A provider's own codes stand
with the channels in docs/notices.md.
"""

from __future__ import annotations

from typing import Final

STATES: Final[dict[str, dict[str, str]]] = {
    "planned": {
        "zh": "事件要求发送，尚未处理，或换到下一个渠道后等待发送。",
        "en": "An event asked for it and nobody has looked at it yet, or it waits on the next channel of its chain.",
    },
    "held": {
        "zh": "现在不能发；代码说明原因，到所示时间自动再试。",
        "en": "It may not go now; the code says why, and it is looked at again at the instant shown.",
    },
    "denied": {
        "zh": "不得发送；代码说明原因。",
        "en": "It must not go at all; the code says why.",
    },
    "cleared": {
        "zh": "检查通过，正要发送；电话和纸质渠道则表示已列入办理清单，等人办理。",
        "en": "Checked and about to go; on the telephone and on paper it stands on a list for the person who does it.",
    },
    "muted": {
        "zh": "有人停发了这一条；notices retry 可重发。",
        "en": "A person has stopped this one; `notices retry` sends it after all.",
    },
    "submitted": {
        "zh": "正在交给服务商；纸质渠道则表示清单已打印。",
        "en": "A provider is being called; on paper, its list was printed.",
    },
    "accepted": {
        "zh": "服务商已接收，是否送达尚不知道。",
        "en": "The provider has taken it over; whether it arrives is not known.",
    },
    "delivered": {
        "zh": "服务商或办理人说已送达；不等于已阅，更不是同意。",
        "en": "The provider, or the person who did it, says that it arrived; it says nothing about reading.",
    },
    "read": {
        "zh": "已打开，或回执已签；只表示知晓，不是答复，更不是同意。",
        "en": "It was opened, or its receipt was signed; that is no answer and never a consent.",
    },
    "failed_temporary": {
        "zh": "这次没有发出，到所示时间自动再试。",
        "en": "It did not go out this time and is tried again at the instant shown.",
    },
    "failed_permanent": {
        "zh": "所有渠道都没有发出，须由人处理：更正联系方式后用 notices retry 重发。",
        "en": "It did not go out on any channel; a person looks at it: repair the contact, then `notices retry`.",
    },
    "unknown": {
        "zh": "可能已发出，也可能没有。能查询的渠道自动查询，可重复提交的渠道自动再发，"
        "其余等人用 notices settle 认定。",
        "en": "It may or may not have gone out. Channels that can be asked are asked, those that know a repeated "
        "message get it again, and for the rest a person says `notices settle`.",
    },
    "expired": {
        "zh": "所涉事项已过，不再发送。",
        "en": "What it is about was over before it could go.",
    },
}
"""State of a notice → what it means."""

CODES: Final[dict[str, dict[str, str]]] = {
    # why it waits
    "QUIET_HOURS": {"zh": "休息时段，开放时段再发", "en": "quiet hours; it goes when they are over"},
    "NOT_A_SCHOOL_DAY": {"zh": "非上学日，下一个上学日再发", "en": "no school today; it goes on the next school day"},
    "EMBARGO": {"zh": "静默期内不发", "en": "an embargo; it goes when that is over"},
    "DIGEST": {"zh": "并入每日汇总一起发", "en": "it goes with the day's digest"},
    "HOUSEHOLD_BUDGET": {
        "zh": "这个家庭今天已收到一条活动通知，明天再发",
        "en": "the household has had its message today; it goes on another day",
    },
    "COST_BUDGET": {
        "zh": "短信额度已用完，须由县教育局调整额度",
        "en": "the text messages paid for are used up; the bureau raises the limit",
    },
    "NO_CHANNEL": {
        "zh": "本机没有设置任何通知渠道，通知留在待发箱（设置见 docs/notices.md）",
        "en": "no channel of notices has settings here, so everything stays in the outbox (docs/notices.md)",
    },
    "CHANNEL_NOT_CONFIGURED": {
        "zh": "本机已没有该渠道的设置：必须发的改用下一渠道，其余等待",
        "en": "the channel has no settings here any more: what must go takes the next one, and the rest waits",
    },
    "CHANNEL_TROUBLED": {
        "zh": "服务商暂时全部拒收，稍后再试，不计发送次数",
        "en": "the provider turns everything away for now; it is left alone for a while, and no try is counted",
    },
    "PAUSED": {
        "zh": "活动或学校已暂停，恢复后再发",
        "en": "the campaign or the school is paused; it goes when that ends",
    },
    "KILLED": {
        "zh": "该渠道、用途或学校的通知已停发，恢复（notices release）后再发",
        "en": "its channel, purpose or school is stopped; it goes after `notices release`",
    },
    # why it does not go at all
    "OPTED_OUT": {"zh": "收件人不再接收可选通知", "en": "its reader wants no optional notices"},
    "LEFT_REGISTER": {"zh": "学生已离校（转学、出国或去世）", "en": "the pupil has left the register"},
    "RECORD_RESTRICTED": {"zh": "学生的记录已限制使用", "en": "the pupil's record is restricted"},
    "GOES_ELSEWHERE": {"zh": "学生已另有去向，不再邀请", "en": "the pupil goes elsewhere and is invited no more"},
    "EXPIRED": {"zh": "所涉事项已过", "en": "what it is about is over"},
    # what became of it
    "NO_ADDRESS": {
        "zh": "没有可用的联系方式，请补录后重发",
        "en": "nobody can be reached; enter a contact, then send it once more",
    },
    "LEASE_EXPIRED": {"zh": "发送中断，结果不明", "en": "the sending broke off; nobody knows whether it went out"},
    "TRIES_EXHAUSTED": {"zh": "多次尝试均未发出", "en": "every try failed"},
    "PHONE_NOT_DONE": {"zh": "电话任务逾期未办，改为纸质", "en": "nobody made the call in time; it goes on paper"},
    "NO_ANSWER": {"zh": "电话无人接听，改用下一渠道", "en": "nobody answered the call; it goes on the next channel"},
    "WRONG_NUMBER": {
        "zh": "号码不对，请更正联系方式（contacts repair）",
        "en": "the number is wrong; repair the contact (`contacts repair`)",
    },
    "RETURNED": {"zh": "信件退回", "en": "the letter came back"},
    "PRINTED_AGAIN": {"zh": "信件遗失，已重新打印", "en": "the letter was lost, and another one was printed"},
    "NUMBER_RECYCLED": {
        "zh": "号码已换主人，请更正联系方式（contacts repair）",
        "en": "the number is somebody else's by now; repair the contact (`contacts repair`)",
    },
    "ADDRESS_INVALID": {
        "zh": "联系方式无效，请更正（contacts repair）",
        "en": "the address is none; repair the contact (`contacts repair`)",
    },
    "TOO_LONG": {
        "zh": "文字超过该渠道的长度，改用下一渠道",
        "en": "it is too long for this channel, and goes on the next",
    },
    "TEXT_REFUSED": {
        "zh": "服务商不接受这段文字，改用下一渠道",
        "en": "the provider refused the text; it goes on the next channel",
    },
    "NOT_FOR_FAMILIES": {"zh": "给家庭的通知不能发到群机器人", "en": "a family's notice is never said by a robot"},
    "CONTACT_TO_REPAIR": {
        "zh": "登记的联系方式不可用，改用下一渠道；请更正（contacts repair）",
        "en": "what is held as an address is none, so it goes on the next channel; repair it (`contacts repair`)",
    },
    "HOUSEHOLD_UNKNOWN": {
        "zh": "人员库中没有这名学生的家庭",
        "en": "the registry holds no family of this pupil",
    },
    "NOT_A_READER": {
        "zh": "收件人已不是监护人或不再同意接收，不向其发送",
        "en": "this person may not be told any more, or nobody of the household may",
    },
    "TAKEN_BACK": {
        "zh": "所涉事项已取消或收回，不再告知",
        "en": "what it would have told was taken back meanwhile",
    },
    "NEVER_TOLD": {
        "zh": "邀请未曾发出，不必告知改期或取消",
        "en": "the invitation never went out, so there is no change and no end to tell of",
    },
    "FACTS_MISSING": {
        "zh": "记录中缺少文字所需的内容，请报告系统维护人员",
        "en": "the record lacks what the text needs; tell the operator",
    },
    "TEMPLATE_MISSING": {"zh": "没有这种通知的文字，请报告系统维护人员", "en": "it has no wording; tell the operator"},
    "TEMPLATE_UNFIT": {
        "zh": "文字与内容不符，请报告系统维护人员",
        "en": "its wording does not fit what it is about; tell the operator",
    },
    "NO_SHORT_TEXT": {
        "zh": "没有短信文字，改用下一渠道",
        "en": "it has no wording for a text message",
    },
    "CODE_NOT_THIS_WAY": {
        "zh": "含答复码的信件不能走这个渠道",
        "en": "a letter with an answer code does not go this way",
    },
    "NOT_FOR_A_GROUP": {"zh": "含家庭信息，不能发到群里", "en": "it is about a family, and no group reads that"},
    "CLAIM_UNKNOWN": {
        "zh": "文字引用的政策说法不存在，请报告系统维护人员",
        "en": "it makes a statement that is in no library; tell the operator",
    },
    "CLAIM_EXPIRED": {
        "zh": "文字中的政策说法已过有效期，请县教育局更新后重发",
        "en": "a statement in it does not hold any more; the bureau renews it, then `notices retry`",
    },
    "CLAIM_UNAPPROVED": {
        "zh": "文字中的政策说法未经批准",
        "en": "nobody has approved a statement in it",
    },
    "CLAIM_NOT_YET_VALID": {"zh": "文字中的政策说法尚未生效", "en": "a statement in it does not hold yet"},
    "NOT_REPEATABLE": {
        "zh": "是否发出不明，且已超过服务商识别重复提交的时限；请人工核实后确认（`notices settle`）",
        "en": "nobody knows whether it went out, and the provider might send it twice by now; look, and say so "
        "(`notices settle`)",
    },
    "NEVER_ARRIVED": {
        "zh": "经查询，服务商没有收到，重新提交",
        "en": "the provider was asked and never had it; it goes again",
    },
    "ABSENT": {"zh": "对方关机或不在服务区", "en": "the telephone was off or out of reach"},
    "UNDELIVERABLE": {"zh": "号码不能接收", "en": "the number takes no messages"},
    "BLOCKED": {"zh": "被运营商或收件人拦截", "en": "the network or the reader blocks it"},
    "TEMPLATE_REFUSED": {
        "zh": "服务商不接受这段文字，请县教育局重新报备",
        "en": "the provider refused the wording; the bureau registers it anew",
    },
    "EXPIRED_AT_PROVIDER": {"zh": "服务商未能在期限内送达", "en": "the provider did not get through in its time"},
    "UNKNOWN_CODE": {"zh": "服务商给出了其他原因", "en": "the provider gave another reason"},
    "RECEIPT": {
        "zh": "回执先于服务商的答复到达",
        "en": "a receipt came before the provider's own answer",
    },
    "LEASE_TOO_SHORT": {
        "zh": "来不及在期限内发完，下一批再发",
        "en": "the batch had no time left for it; it goes in the next",
    },
    "MUTED": {"zh": "有人停发了这一条", "en": "a person has stopped it"},
    "REACHED": {"zh": "电话已打通并告知", "en": "somebody of the household was told on the telephone"},
    "CODED": {
        "zh": "信中须有密封答复码，本机没有网关密钥，或打印人无权回访；请由县教育局回访人员在网关所在的机器上打印",
        "en": "the letter needs a sealed code, which is made where the gateway's key is, by somebody of the bureau "
        "who calls families back",
    },
    "CANCELLED": {"zh": "打印期间已取消，不再发出", "en": "it was cancelled while the letters were written"},
    "STATED": {"zh": "由人认定或登记", "en": "a person has said so"},
}
"""Code beside a state → what it means."""

CLASSES: Final[dict[str, dict[str, str]]] = {
    "safety": {
        "zh": "学生可能处于危险：随时发送，不能拒收，不受休息时段和家庭次数限制，但计入次数。"
        "依据：未成年人保护法第二十八条（控辍保学），个人信息保护法第十三条第一款第三项。",
        "en": "A child may be in danger: it goes at any hour, nobody can decline it, and it is counted. Basis: Law on "
        "the Protection of Minors art. 28; PIPL art. 13(1)(3).",
    },
    "statutory": {
        "zh": "涉及家庭的权利或义务：避开休息时段，不能拒收，计入家庭次数但不因次数暂缓。"
        "依据：个人信息保护法第十三条第一款第三项（履行法定职责）。",
        "en": "A right or a duty of the family rests on it: outside quiet hours, nobody can decline it, counted and "
        "never held by the count. Basis: PIPL art. 13(1)(3), statutory duties.",
    },
    "urgent": {
        "zh": "时间或地点有变，不告知家庭会白跑：避开休息时段，暂停期间也发送。依据同活动类，不因次数暂缓。",
        "en": "A family would stand before a closed door: outside quiet hours, also during a pause, never held by the "
        "count. Basis: as campaign.",
    },
    "campaign": {
        "zh": "其余给家庭的通知：只在上学日、非静默期、休息时段之外发送，每户每天至多按规定条数，可以拒收。"
        "依据：家庭同意，可随时撤回（个人信息保护法第十五条）。",
        "en": "Everything else to a family: school days only, no embargo, outside quiet hours, so many a day for a "
        "household, and it can be declined. Basis: the family's consent, withdrawn at any time (PIPL art. 15).",
    },
    "staff": {
        "zh": "发给履职的教职工：上学日发送，同类合并为每日汇总，不含家庭信息时才可发到群机器人。",
        "en": "To staff in their role: on school days, those of one kind as a digest; a group robot gets none with "
        "personal data.",
    },
}
"""Class of a notice (`domain.notices.NoticeClass`) → which rules hold and on what basis it is sent (G8)."""
