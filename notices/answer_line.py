"""Where a family sends its answer code, as a sentence of the letter that holds the code (FEATURES G3)."""

from __future__ import annotations

from typing import Final

from notices.catalogue import Language

WEB: Final = "https://"
"""An answer line that begins so is a page; any other is a number that takes text messages."""

_BY_MESSAGE: Final[dict[Language, str]] = {
    "zh": "请用短信发到 {line}：先写答复码，再写“已阅”“普高”“中职”“未定”“同意”“不同意”或“撤回”；"
    "写“同意”的，后面写学校的十位标识码。",
    "en": "Send it by text message to {line}: first the code, then READ, GENERAL_HIGH, VOCATIONAL, UNDECIDED, YES, NO "
    "or WITHDRAW; after YES write the school's ten digits.",
}
_ON_A_PAGE: Final[dict[Language, str]] = {
    "zh": "请打开 {line}，填写答复码和答复内容。",
    "en": "Open {line} and enter the code and your answer.",
}
_ASK: Final[dict[Language, str]] = {
    "zh": "用答复码怎样答复，请拨打 {number} 询问；不要把答复码告诉接电话的人。",
    "en": "How to answer with it you can ask by telephone: {number}; do not tell the code to whoever answers the call.",
}


def answer_line(line: str | None, complaint_number: str, lang: Language) -> str:
    """Return the sentence that says where an answer code goes.

    Args:
        line: a telephone number that takes text messages or an `https://` address, as `campaign.toml` states it; None
            where it states none.
        complaint_number: where a family asks then; nobody of the school answers it.
        lang: of the reader.
    """
    if line is None:
        return _ASK[lang].format(number=complaint_number)
    return (_ON_A_PAGE if line.startswith(WEB) else _BY_MESSAGE)[lang].format(line=line)
