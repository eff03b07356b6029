"""The anomaly report: which patterns of known abuse show in a campaign's record, as questions (FEATURES A20)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from audit.anomaly_facts import Parameters, gather, policy_of
from audit.anomaly_rules import RULES, Finding
from domain.events import Envelope


class UnknownParameterError(ValueError):
    """A parameter has no such name, or its value is none that it can have; the text names it."""


def anomaly_report(
    envelopes: Iterable[Envelope], lang: str, changed: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """Return what the rules ask about.

    Args:
        envelopes: all of a campaign's events, causes first.
        lang: language of the questions, "zh" or "en".
        changed: parameters other than the policy's and the defaults.

    Returns:
        `parameters`; `rules`: each with its source, the parameters it reads, its question and how often it asks;
        `findings`: place, event ids, count and expectation as an exact fraction. All as JSON values.

    Raises:
        UnknownParameterError: of `changed`.
        ValueError: no event begins a campaign.
    """
    events = list(envelopes)
    profile, _ = policy_of(events)
    given = _with(Parameters.of(profile), changed or {})
    facts = gather(events)
    found = {rule.code: list(rule.look(facts, given)) for rule in RULES}
    return {
        "events": len(events),
        "parameters": given.model_dump(mode="json"),
        "rules": [
            {
                "rule": rule.code,
                "source": rule.source,
                "parameters": list(rule.parameters),
                "question": rule.en if lang == "en" else rule.zh,
                "findings": len(found[rule.code]),
            }
            for rule in RULES
        ],
        "findings": [_as_data(finding) for rule in RULES for finding in found[rule.code]],
    }


def _with(parameters: Parameters, changed: Mapping[str, int]) -> Parameters:
    try:
        return Parameters.model_validate({**parameters.model_dump(), **changed})
    except ValidationError as error:
        raise UnknownParameterError(".".join(str(part) for part in error.errors()[0]["loc"])) from None


def _as_data(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "school": finding.school or None,
        "class": finding.class_id,
        "by": finding.by,
        "count": finding.count,
        "expected": None if finding.expected is None else str(finding.expected),
        "events": list(finding.events),
    }
