"""What the family gateway refuses, in Chinese and English (design, section 9).

Families read these sentences, so each says what they can still do; none says how near a wrong code was.
"""

from __future__ import annotations

from typing import Final

REFUSALS: Final[dict[str, dict[str, str]]] = {
    "CODE_WRONG": {
        "zh": "未受理：答复码不对。请对照信上的 8 位答复码重新填写；连续填错 5 次将锁定，须另行索取。"
        "要撤回的，没有答复码也可以告诉学校或县教育局。",
        "en": "Not done: this code is not right. Compare it with the 8 characters in the letter and type it again; "
        "after five wrong ones the code is locked, and a new letter is needed. A withdrawal needs no code: tell the "
        "school or the bureau.",
    },
    "CODE_EXPIRED": {
        "zh": "未受理：答复码已过有效期。请向县教育局索取新的答复码；"
        "不同意或撤回同意不受有效期限制，仍可用此答复码办理。",
        "en": "Not done: this code is too old. Ask the bureau for a new letter; to refuse or to withdraw, the old "
        "code is still good.",
    },
    "CODE_FOREIGN": {
        "zh": "未受理：答复码与所填的学生或发短信的号码对不上。请使用写给本人的信上的答复码，用学校登记的号码发送；"
        "号码换了的，请告诉学校。撤回的要求，用哪个号码都会记录。",
        "en": "Not done: this code does not go with the pupil or with the telephone that it came from. Use the code of "
        "your own letter, and the number that the school has; tell the school a new number. A wish to withdraw is "
        "put down from any number.",
    },
    "CODE_LOCKED": {
        "zh": "未受理：填错次数过多，这名学生的答复码已锁定。请向县教育局索取新的答复码；"
        "不同意或撤回同意，仍可用信上正确的答复码办理。",
        "en": "Not done: too many wrong codes were given for this pupil, so the codes are locked. Ask the bureau for a "
        "new letter; to refuse or to withdraw, the right code still works.",
    },
    "ACT_NOT_FOR_PARTY": {
        "zh": "未受理：确认收到告知书、同意使用不满十四周岁学生的信息，须由监护人办理，而这是学生本人的答复码。"
        "请监护人使用自己的答复码。",
        "en": "Not done: a guardian acknowledges the notice and agrees to the use of a young child's data, and this is "
        "the pupil's own code. The guardian has a code too: use that one.",
    },
    "CODE_IS_PAPER": {
        "zh": "未受理：这是纸质回执上的密封答复码，只在县教育局回访核实时由您本人读出才有效；撤回同意不受此限。"
        "请等候县教育局来电，或使用信件中的答复码。",
        "en": "Not done: this is the sealed code of a paper, which counts only when you read it out while the bureau "
        "calls you back; a withdrawal needs no call. Wait for the bureau's call, or use the code of a letter.",
    },
    "CODE_NOT_PAPER": {
        "zh": "未受理：这不是纸质回执上的密封答复码。信件中的答复码请由本人直接办理，任何工作人员都不得代为填写。",
        "en": "Not done: this is no sealed code of a paper. With the code of a letter the family answers by itself; no "
        "member of staff may enter it.",
    },
    "CODE_NOT_ISSUED": {
        "zh": "未受理：这名学生尚未发过这一版告知书的答复码，无从补发。请先发送告知书。",
        "en": "Not done: no code was sent to this party for this version of the notice, so none can be sent again. "
        "Send the notice first.",
    },
    "CODE_SUPERSEDED": {
        "zh": "未受理：已有更晚的信件和答复码，这一封已作废。请使用最近一封信；不同意或撤回同意，仍可用此答复码办理。",
        "en": "Not done: a later letter with a newer code is out, so this one is void. Use the latest letter; to "
        "refuse or to withdraw, this code still works.",
    },
    "MESSAGE_TOO_OLD": {
        "zh": "未受理：这条短信一小时前就已发出，过时的短信只受理不同意和撤回。请重新发送同样的内容。",
        "en": "Not done: this text message is more than an hour old, and an old one can only refuse or withdraw. Send "
        "the same text again.",
    },
    "GATEWAY_UNKNOWN": {
        "zh": "未受理：家庭网关的密钥与本次活动启动时登记的不一致。请运维人员从备份恢复原来的网关密钥文件。",
        "en": "Not done: the family gateway's key is not the one that this campaign began with. The operator must "
        "restore the gateway's key file from the backup.",
    },
}
"""Refusal code → sentence by language."""
