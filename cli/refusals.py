"""What the rules refuse, as JSON and as sentences."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from cli.language import LANG, say
from cli.options import print_json
from domain.refusal import Refusal
from domain.sentences import blocker_phrase, refusal_sentence

if TYPE_CHECKING:
    from domain.stream import Answer

FAMILY: Final = frozenset({"guardian", "pupil", "system"})
"""Roles that nobody takes on with a staff reference."""


def refusal_data(refusal: Refusal) -> dict[str, Any]:
    """Return a refusal as the contract shows it: code, message, and each blocker with its sentence.

    Where another person may do it, `remedy` says how to name that person.
    """
    data = {
        "code": refusal.code,
        "message": refusal_sentence(refusal, LANG),
        "blockers": blockers_data([blocker.model_dump() for blocker in refusal.blockers]),
    }
    if refusal.code == "ROLE_NOT_ALLOWED" and not FAMILY.intersection(refusal.parameters.get("allowed", FAMILY)):
        data["remedy"] = say(
            "有此角色的人以自己的 staff_ref 办理：--by STAFF_REF（见 staff.csv 的 staff_ref、role 两列）。",
            "A person with such a role does it under their own reference: --by STAFF_REF (columns staff_ref and role "
            "of staff.csv).",
        )
    return data


def blockers_data(blockers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return blockers with their sentences."""
    return [
        {
            "code": blocker["code"],
            "message": blocker_phrase(blocker["code"], blocker["count"], LANG),
            "count": blocker["count"],
        }
        for blocker in blockers
    ]


def refused_of(answer: Answer) -> Refusal | None:
    """Return the recorded refusal of an answer, if it is one."""
    return None if answer.refused is None else Refusal.from_data(answer.refused)


def show_refusal(error: Any, *, as_json: bool, receipt: dict[str, Any] | None = None, **more: Any) -> None:
    """Print a refusal; `receipt` where the record keeps it."""
    refusal: Refusal = error
    data = refusal_data(refusal)
    if as_json:
        print_json({"accepted": False, "refused": data, "receipt": receipt, **more})
        return
    lines = [f"{data['message']}{say('', ' ')}[{refusal.code}]"]
    lines += [f"  - {blocker['message']}" for blocker in data["blockers"]]
    if "remedy" in data:
        lines.append(f"  {say('办法', 'what to do')}: {data['remedy']}")
    if receipt is not None:
        lines.append(f"  {say('记录', 'on record')}: {receipt['stream']}#{receipt['last_version']}")
    sys.stderr.write("\n".join(lines) + "\n")
