"""What is said about assigned care, letters and stand-ins: refusals, blockers, words, and the phrases of its events."""

from __future__ import annotations

from typing import Final

from domain.event_phrase import Phrase

REFUSALS: Final[dict[str, dict[str, str]]] = {
    # who looks after whom
    "CARERS_NOT_AS_MANY": {
        "zh": "未受理：每个班须由 {needed} 名不同的教师包保，班主任排第一。请补齐或更换后再提交。",
        "en": "Not done: each class has {needed} different carers, the class head first. Name so many and try again.",
    },
    "SPECIAL_NOT_OF_CLASS": {
        "zh": "未受理：重点关注名单中有 {count} 人不在该班。请核对编号和班级。",
        "en": "Not done: {count} pupils named as a special group are not of this class. Check references and class.",
    },
    "PARTITION_UNCHANGED": {
        "zh": "未受理：该班的包保分配没有变化，无需办理。",
        "en": "Not done: the class's carers and pupils stay as they are. Nothing is left to do.",
    },
    "GROUP_HEAD_NOT_PRINCIPAL": {
        "zh": "未受理：领导小组组长须是校长本人（第一责任人）。请由校长办理，并填写校长的编号。",
        "en": "Not done: the head of the leading group is the principal, the first person responsible. "
        "The principal must form it and stand as its head.",
    },
    "GROUP_PERSON_TWICE": {
        "zh": "未受理：同一人在领导小组中出现了两次。请每人只填一个职务。",
        "en": "Not done: somebody stands in the leading group twice. Give each person one place.",
    },
    "GROUP_UNCHANGED": {
        "zh": "未受理：领导小组没有变化，无需办理。",
        "en": "Not done: the leading group stays as it is. Nothing is left to do.",
    },
    # responsibility letters (DOMAIN §5.1)
    "LETTER_IS_PERSONAL": {
        "zh": "未受理：责任状须由本人签订，他人不能代签。本次尝试已记录。请由本人办理。",
        "en": "Not done: everybody signs their own letter, and nobody for somebody else. The attempt is on record. "
        "The person must sign.",
    },
    "LETTER_NOT_YOURS": {
        "zh": "未受理：这一级、这一范围的责任状不由您签订或撤销。请先成立领导小组、分配包保，再按 care show 所列办理。",
        "en": "Not done: a letter of this level and scope is not yours to sign or revoke. Form the leading group and "
        "assign the carers first; `care show` lists who signs what.",
    },
    "LETTER_ALREADY_SIGNED": {
        "zh": "未受理：您已签订这份责任状（版本 {version}），无需再签。",
        "en": "Not done: you have signed this letter (version {version}) already. Nothing is left to do.",
    },
    "LETTER_UNKNOWN": {
        "zh": "未受理：没有这份有效的责任状。请用 care show 核对级别、范围和签订人。",
        "en": "Not done: there is no such letter in force. Check level, scope and signer with `care show`.",
    },
    # stand-ins (FEATURES S13)
    "NOT_DELEGATED": {
        "zh": "未受理：没有已接受的委托允许您代为办理“{command}”。请先由本人委托（care delegate），并由您接受。",
        "en": "Not done: no accepted delegation lets you do “{command}” for that person. The person delegates it first "
        "(`care delegate`), and you accept.",
    },
    "DELEGATION_ENDED": {
        "zh": "未受理：委托的最后一天是 {until}，已经过去。需要继续的，请重新委托。",
        "en": "Not done: the delegation's last day is {until}, which has passed. Delegate again if it is still needed.",
    },
    "DELEGATION_PERSONAL": {
        "zh": "未受理：受托人不能再转托他人。本次尝试已记录。请由委托人本人办理。",
        "en": "Not done: a stand-in does not appoint another. The attempt is on record. Ask the person who delegated.",
    },
    "DELEGATION_TO_SELF": {
        "zh": "未受理：不能委托给自己。请填写另一人的编号。",
        "en": "Not done: nobody stands in for themselves. Name another person.",
    },
    "DELEGATION_EXISTS": {
        "zh": "未受理：这个委托编号已在使用。请换一个编号。",
        "en": "Not done: this name of a delegation is in use. Choose another one.",
    },
    "DELEGATION_NOT_POSSIBLE": {
        "zh": "未受理：这些事项不能委托（{commands}）：须由本人办理，或不在您的职权之内。请只委托自己可以办理的事项。",
        "en": "Not done: this cannot be delegated ({commands}): it is personal, or beyond your own role. "
        "Delegate only what you may do yourself.",
    },
    "DELEGATION_UNKNOWN": {
        "zh": "未受理：没有这项委托，或已被谢绝、撤销。请用 care show 核对。",
        "en": "Not done: there is no such delegation, or it was rejected or revoked. Look at `care show`.",
    },
    "DELEGATION_NOT_YOURS": {
        "zh": "未受理：这项委托须由被委托人本人答复；撤销由双方之一或校长办理。",
        "en": "Not done: only the person who was asked answers a delegation; either of the two or the principal "
        "revokes it. Ask one of them.",
    },
    "DELEGATION_ANSWERED": {
        "zh": "未受理：这项委托已经接受，无需再答复。不再需要的，请撤销。",
        "en": "Not done: this delegation is accepted already. Revoke it if it is no longer wanted.",
    },
    # access to a pupil's record (S15, INV-23)
    "ACCESS_NEEDS_REASON": {
        "zh": "未受理：这不是您包保的学生，不能直接查看。本次尝试已记录。确有必要的，"
        "请填写 --reason（查看登记信息的，另加 --break-glass）；每次都限时，且会报告。",
        "en": "Not done: this is not your own pupil, so the record stays closed. The attempt is on record. If you must "
        "go there, give a --reason (to look into the record, --break-glass too): it is limited in time and reported.",
    },
}

BLOCKERS: Final[dict[str, dict[str, str]]] = {
    "LEADING_GROUP_NOT_FORMED": {"zh": "领导小组尚未成立", "en": "leading group not formed"},
    "CLASSES_WITHOUT_CARERS": {"zh": "包保教师未配齐的班级", "en": "classes without all their carers"},
    "LETTERS_NOT_SIGNED": {"zh": "未签订的责任状", "en": "responsibility letters not signed"},
}

WORDS: Final[dict[str, dict[str, str]]] = {
    "partition_class": {"zh": "分配包保", "en": "assign the carers of a class"},
    "form_leading_group": {"zh": "成立领导小组", "en": "form the leading group"},
    "sign_letter": {"zh": "签订责任状", "en": "sign a responsibility letter"},
    "revoke_letter": {"zh": "撤销责任状", "en": "revoke a responsibility letter"},
    "delegate": {"zh": "委托他人代办", "en": "delegate to a stand-in"},
    "accept_delegation": {"zh": "接受委托", "en": "accept a delegation"},
    "reject_delegation": {"zh": "谢绝委托", "en": "reject a delegation"},
    "revoke_delegation": {"zh": "撤销委托", "en": "revoke a delegation"},
    "use_access": {"zh": "查看学生登记信息", "en": "look into a pupil's record"},
    "list_accesses": {"zh": "查看访问记录", "en": "list the looks into pupils' records"},
    # levels of the letters
    "PRINCIPAL": {"zh": "校长（第一责任人）", "en": "principal, first person responsible"},
    "VICE_PRINCIPAL": {"zh": "分管副校长（第二责任人）", "en": "vice principal, second person responsible"},
    "GRADE_LEADER": {"zh": "年级组长包年级", "en": "leader of the grade"},
    "CLASS_HEAD": {"zh": "班主任包班级", "en": "class head"},
    "TEACHER": {"zh": "教师包学生", "en": "teacher"},
}

PHRASES: Final[dict[str, Phrase]] = {
    "StudentsPartitioned": Phrase(
        "{class_id} 班包保分配：{carers} 分别负责 {shares} 人，{moved} 人更换包保教师",
        "carers of class {class_id}: {carers} look after {shares} pupils; {moved} changed their carer",
        many=("{count} 次包保分配", "classes whose carers were assigned: {count}"),
    ),
    "LeadingGroupFormed": Phrase(
        "成立领导小组：组长 {head}，副组长 {deputies}，成员 {members}",
        "formed the leading group: head {head}, deputies {deputies}, members {members}",
    ),
    "LeadingGroupChanged": Phrase(
        "调整领导小组：组长 {head}，副组长 {deputies}，成员 {members}",
        "changed the leading group: head {head}, deputies {deputies}, members {members}",
    ),
    "ResponsibilityLetterSigned": Phrase(
        "{signer} 签订责任状：{level}，范围 {scope}，版本 {version}，摘要 {letter}",
        "{signer} signed a responsibility letter: {level}, scope {scope}, version {version}, digest {letter}",
        many=("签订 {count} 份责任状", "responsibility letters signed: {count}"),
        tally="level",
    ),
    "ResponsibilityLetterRevoked": Phrase(
        "撤销 {signer} 的责任状：{level}，范围 {scope}，理由 {reason}",
        "revoked a responsibility letter of {signer}: {level}, scope {scope}, reason {reason}",
    ),
    "LettersDue": Phrase(
        "动员开始，核对责任状：已签 {signed} 份；尚缺：{missing}；包保未配齐的班级：{classes}",
        "the mobilisation begins; responsibility letters signed: {signed}; still missing: {missing}; classes without "
        "all their carers: {classes}",
    ),
    "DelegationOffered": Phrase(
        "{by} 委托 {to} 代办至 {until}（{delegation}）；限于事项：{commands}；限于班级：{classes}",
        "{by} asks {to} to stand in until {until} ({delegation}); limited to commands: {commands}; "
        "limited to classes: {classes}",
    ),
    "DelegationAccepted": Phrase("接受委托 {delegation}", "accepted the delegation {delegation}"),
    "DelegationRejected": Phrase("谢绝委托 {delegation}", "rejected the delegation {delegation}"),
    "DelegationRevoked": Phrase(
        "撤销委托 {delegation}，理由 {reason}", "revoked the delegation {delegation}, reason {reason}"
    ),
    "AccessUsed": Phrase(
        "{role}查看 {student} 的登记信息：用途 {purpose}，破窗理由 {reason}，有效至 {until}",
        "a {role} looked into the record of {student}: purpose {purpose}, reason for breaking the glass {reason}, "
        "open until {until}",
        many=("查看登记信息 {count} 次", "looks into pupils' records: {count}"),
    ),
}

VALUES: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "scope": {"grade": ("本年级", "the grade")},
}
"""Field of an event → value → how it is shown (zh, en); `domain.event_values` puts all of them together."""
