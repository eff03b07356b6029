"""A pupil's proposal in words: what the rule proposes, why, and which fact would change it.

Names attributes and the rule's thresholds only; the pupil's own marks stay in the registry (design, section 8).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cli.language import say
from cli.stage_view import word
from ledger.store import Ledger


async def proposals(ledger: Ledger, stream: str, lang: str, student: str | None = None) -> dict[str, tuple[str, str]]:
    """Return, by pupil's reference, the proposal and its reasons in words; of one pupil only where one is named."""
    found: dict[str, tuple[str, str]] = {}
    async for envelope in ledger.events(stream):
        if envelope["type"] == "HelpProposed" and student in (None, envelope["data"]["student"]):
            found[envelope["data"]["student"]] = in_words(envelope["data"], lang)
    return found


def in_words(proposal: Mapping[str, Any], lang: str) -> tuple[str, str]:
    """Return a proposal and why it is made."""
    help_ = ", ".join(word(kind, lang) for kind in proposal["help"])
    reasons = say("；", "; ").join(_reason(reason, lang) for reason in proposal["reasons"])
    return help_ or word(proposal["code"], lang), reasons


def _reason(reason: Mapping[str, Any], lang: str) -> str:
    attribute = word(reason["attribute"], lang)
    now, then = reason, reason["flips_when"]
    is_now = _stands(now["relation"], now["threshold"], lang)
    would_be = _stands(then["relation"], then["threshold"], lang)
    if lang == "en":
        return f"{word(reason['help'], lang)}: {attribute} {is_now} (changes if it {would_be})"
    return f"{word(reason['help'], lang)}：{attribute}{is_now}（若{would_be}，结论即改变）"


def _stands(relation: str, threshold: str, lang: str) -> str:
    value = word(threshold, lang)
    return word(relation, lang) if relation in ("UNKNOWN", "KNOWN") else f"{word(relation, lang)} {value}"
