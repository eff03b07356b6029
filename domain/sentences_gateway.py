"""What the family gateway refuses, in Chinese and English (design, section 9).

Families read these sentences, so each says what they can still do; none says how near a wrong code was.
"""

from __future__ import annotations

from typing import Final

REFUSALS: Final[dict[str, dict[str, str]]] = {
    "CODE_WRONG": {
        "zh": "未受理：验证码不对。请对照信上的 8 位验证码重新填写；连续填错 5 次，验证码将失效，须另行索取。",
        "en": "Not done: this code is not right. Compare it with the 8 characters in the letter and type it again; "
        "after five wrong ones the code is locked, and a new letter is needed.",
    },
    "CODE_EXPIRED": {
        "zh": "未受理：验证码已过有效期。请向县教育局索取新的验证码；撤回同意不受有效期限制，仍可用此验证码办理。",
        "en": "Not done: this code is too old. Ask the bureau for a new letter; to withdraw a consent, the old code "
        "is still good.",
    },
    "CODE_FOREIGN": {
        "zh": "未受理：这个验证码属于另一名学生。请使用写给这名学生或其监护人的信上的验证码。",
        "en": "Not done: this code is another pupil's. Use the code of the letter to this pupil or to the guardian.",
    },
    "CODE_LOCKED": {
        "zh": "未受理：填错次数过多，这名学生的验证码已锁定。请向县教育局索取新的验证码，您的权利不受影响。",
        "en": "Not done: too many wrong codes were given for this pupil, so the codes are locked. Ask the bureau for a "
        "new letter; none of the family's rights is lost.",
    },
    "ACT_NOT_FOR_PARTY": {
        "zh": "未受理：确认收到告知书须由监护人办理，而这是学生本人的验证码。请监护人使用自己的验证码。",
        "en": "Not done: a guardian acknowledges the notice, and this is the pupil's own code. The guardian has a code "
        "too: use that one.",
    },
    "CODE_NOT_ISSUED": {
        "zh": "未受理：这名学生尚未发过这一版告知书的验证码，无从补发。请先发送告知书。",
        "en": "Not done: no code was sent to this party for this version of the notice, so none can be sent again. "
        "Send the notice first.",
    },
    "CODE_SUPERSEDED": {
        "zh": "未受理：已有更晚的信件和验证码，这一封已作废。请使用最近一封信。",
        "en": "Not done: a later letter with a newer code is out, so this one is void. Use the latest letter.",
    },
    "GATEWAY_UNKNOWN": {
        "zh": "未受理：家庭网关的密钥与本次活动启动时登记的不一致。请运维人员从备份恢复原来的网关密钥文件。",
        "en": "Not done: the family gateway's key is not the one that this campaign began with. The operator must "
        "restore the gateway's key file from the backup.",
    },
}
"""Refusal code → sentence by language."""
