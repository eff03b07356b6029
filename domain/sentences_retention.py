"""What the retention follow-ups say: refusals, blockers, words (DOMAIN §7.3)."""

from __future__ import annotations

from typing import Final

REFUSALS: Final[dict[str, dict[str, str]]] = {
    "STUDENT_NOT_REGISTERED": {
        "zh": "该学生尚无已核验的学籍登记，不在回访名单中。请核对编号；学籍核验后会自动列入。",
        "en": "This pupil has no verified registration and is not followed up. Check the reference; the pupil comes "
        "onto the list once the registration is verified.",
    },
    "CHECKPOINT_UNKNOWN": {
        "zh": "该学生没有这个核查点（学籍登记晚于该日期，或政策口径中没有）。请核对核查点名称。",
        "en": "This pupil has no such checkpoint: the registration came after it, or the policy does not have it. "
        "Check the checkpoint's name.",
    },
    "CHECKPOINT_TOO_EARLY": {
        "zh": "该核查点的日期未到，不能提前登记。请在当日或之后核实再登记。",
        "en": "The date of this checkpoint has not come, so nothing can be recorded. Look on that day or later, "
        "then record it.",
    },
    "CHECKPOINT_NOT_NEEDED": {
        "zh": "该学生此前已登记为合法转出或流失，此后的核查不再需要。流失学生有下落的，请登记实际情况；"
        "此前登记有误的，请更正。",
        "en": "This pupil lawfully transferred or was lost at an earlier checkpoint, so no later check is needed. "
        "Record where a lost pupil was found; ask for a correction if the earlier check is wrong.",
    },
    "EVIDENCE_TOO_WEAK": {
        "zh": "仅凭传闻不能登记为流失。请查学籍、看材料、到校查看或电话核实后再登记。",
        "en": "A loss cannot be recorded on hearsay. Look into the register or a document, go and see, or call; "
        "then record it.",
    },
    "EVIDENCE_DISPUTED": {
        "zh": "该核查点的两次登记互相矛盾，尚未认定，不能再登记或更正。请由未参与登记的另一人先行认定。",
        "en": "Two records of this checkpoint contradict each other and nobody has decided yet, so it takes no record "
        "and no correction. A person who made neither of them must decide first.",
    },
    "EVIDENCE_NOT_CONFLICTING": {
        "zh": "未受理：该学生的这个核查点没有互相矛盾的登记，无需认定。请核对编号和核查点。",
        "en": "Not done: no records of this pupil's checkpoint contradict each other, so nothing is to be decided. "
        "Check the reference and the checkpoint.",
    },
    "NEXT_ATTEMPT_NOT_POSSIBLE": {
        "zh": "只有未联系上的学生才能约定再次联系，且日期须晚于本次联系。请更正该行。",
        "en": "A next attempt can be agreed only where nobody was reached, and for a later day than this one. "
        "Correct the row.",
    },
    "STUDENT_NOT_LOST": {
        "zh": "未受理：该学生目前不是流失状态，无需制定寻找计划。请核对编号。",
        "en": "Not done: this pupil is not lost by what is known now, so nobody needs to look. Check the reference.",
    },
    "REFIND_IN_PAST": {
        "zh": "未受理：寻找日期 {on} 已经过去。请填写今天或以后的日期。",
        "en": "Not done: the day {on} has passed. Name today or a later day.",
    },
}
"""Refusal code → sentence by language."""

BLOCKERS: Final[dict[str, dict[str, str]]] = {
    "CHECKPOINTS_OPEN": {
        "zh": "{count} 项到期核查尚未登记，请核实并登记",
        "en": "checks whose date has come and that are not recorded: {count} (look, and record what you find)",
    },
    "EVIDENCE_CONFLICTING": {
        "zh": "{count} 项核查的登记互相矛盾，请由未参与登记的另一人认定",
        "en": "checks whose records contradict each other: {count} (a person who made neither of them decides)",
    },
    "CHECKPOINTS_AHEAD": {
        "zh": "{count} 项核查的日期未到，请届时核实",
        "en": "checks whose date has not come: {count} (wait for it)",
    },
    "REFIND_PLANNED": {
        "zh": "{count} 名流失学生已安排寻找，请按日期寻访",
        "en": "lost pupils whom somebody plans to find: {count} (look on the planned day)",
    },
}
"""Blocker code → phrase by language, without a full stop: it stands in a list."""

WORDS: Final[dict[str, dict[str, str]]] = {
    # commands
    "record_checkpoints": {"zh": "登记稳定情况核查", "en": "record retention checks"},
    "resolve_evidence": {"zh": "认定矛盾登记", "en": "decide between contradicting records"},
    "plan_refind": {"zh": "安排寻找流失学生", "en": "plan to find a lost pupil"},
    # checkpoints
    "D+30": {"zh": "登记满 30 天", "en": "30 days after registration"},
    "term_end": {"zh": "期末", "en": "end of term"},
    "next_March": {"zh": "次年三月", "en": "next March"},
    # findings and standings
    "registered": {"zh": "已登记学籍", "en": "registered"},
    "present": {"zh": "在校", "en": "present"},
    "transfer": {"zh": "合法转出", "en": "lawful transfer"},
    "transferred": {"zh": "合法转出", "en": "transferred"},
    "suspended": {"zh": "休学", "en": "schooling suspended"},
    "lost": {"zh": "流失", "en": "lost"},
    "not_reached": {"zh": "未联系上", "en": "not reached"},
    # grades of evidence (FEATURES B21)
    "REGISTER": {"zh": "学籍系统", "en": "register"},
    "DOCUMENT": {"zh": "书面材料", "en": "document"},
    "SEEN": {"zh": "亲眼所见", "en": "seen"},
    "CALL": {"zh": "电话核实", "en": "call"},
    "HEARSAY": {"zh": "传闻", "en": "hearsay"},
}
"""Code → word by language; "SEEN" is a reason code elsewhere, which is shown verbatim."""
