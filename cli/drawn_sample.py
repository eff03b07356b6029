"""An audit sample as it is shown, whoever asks for it and by which rate (R-21)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audit.counts import Recorded
from cli.language import say
from cli.process_labels import WHY_DRAWN
from domain.policy_parameters import PolicyParameters
from domain.sampling import draw, rates, sample_digest
from domain.time import end_of


def drawn_sample(found: Recorded, seed: str, parameters: PolicyParameters) -> dict[str, Any]:
    """Draw a sample of what was on record and return it as JSON values."""
    quotas = {(count.school, count.class_id): count.quota for count in found.classes}
    drawn = draw(found.consents, quotas, seed, end_of(found.cutoff), parameters)
    return {
        "seed": seed,
        "rates": {wave.value: str(rate) for wave, rate in rates(parameters).items()},
        "of": len(found.consents),
        "size": len(drawn),
        "digest": sample_digest(drawn),
        "sample": [one.model_dump(mode="json") for one in drawn],
        "basis": found.basis,
    }


def drawn_text(data: Mapping[str, Any]) -> str:
    """Return a sample as people read it."""
    head = say(f"抽取 {data['size']} 名，共 {data['of']} 名", f"{data['size']} of {data['of']} drawn")
    comma = say("、", ", ")
    rows = []
    for one in data["sample"]:
        why = comma.join(say(*WHY_DRAWN[reason]) for reason in one["why"])
        rows.append(f"  {one['student']}  {one['school']} {one['class_id']}  {why}")
    return "\n".join([head, *rows, f"{say('摘要', 'digest')} {data['digest']}"])
