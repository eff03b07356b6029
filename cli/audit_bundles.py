"""`audit diff A.zip B.zip`: does the later bundle hold all of the earlier one, as it was, and what is new in it?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from audit.two_bundles import OtherCampaignError, Relation, compare_bundles
from cli.audit_diff import CHANGED, changes_shown
from cli.bundle_given import bundle_given, keys_given
from cli.event_labels import event_label
from cli.failures import NOT_VERIFIED, REJECTED, Failure
from cli.options import Face, say

RELATIONS: Final[dict[Relation, tuple[str, str]]] = {
    Relation.SAME: ("两个审计包逐字节相同。", "The two bundles are the same, byte for byte."),
    Relation.SAME_EVENTS: (
        "事件完全相同；下列其他文件不同。",
        "The events are the same; other members differ, and are named below.",
    ),
    Relation.CONTINUES: (
        "较晚的审计包完整地接续较早的：原有事件都在，未被改动。",
        "The later bundle continues the earlier one: all of its events are there, unchanged.",
    ),
    Relation.CUT: ("第二个审计包少了事件，没有新的事件。", "The second bundle has lost events, and has no new one."),
    Relation.FORKED: (
        "第二个审计包没有接续第一个：有事件被改动或删除。",
        "The second bundle does not continue the first: events were changed or dropped.",
    ),
    Relation.TWO_LOGS: (
        "两个审计包出自两份不同的记录（名称或首任密钥不同），彼此没有承诺。",
        "The two bundles are of two logs, by name or first key. Neither promises anything of the other.",
    ),
    Relation.REORDERED: (
        "事件都在，但次序与第一个审计包已签的检查点不符。",
        "All events are there, but not in the order that a head of the first bundle signed.",
    ),
}
"""What there is to say of two bundles."""


async def bundles_differing(
    first: str,
    second: str,
    key: Sequence[str],
    *,
    school: str | None,
    student: str | None,
    face: Face,
) -> int:
    """Verify two bundles and tell what differs.

    Raises:
        Failure: ARGUMENT_MISSING, KEY_MALFORMED, KEY_TOO_MANY (2); FILE_MISSING (4); what verifying refuses (3) or
            finds (7); BUNDLES_OF_TWO_CAMPAIGNS (3).
    """
    keys = keys_given(key)
    one, other = (bundle_given(text, public) for text, public in zip((first, second), keys, strict=True))
    try:
        found = await compare_bundles(one, other, school=school, student=student)
    except OtherCampaignError:
        raise Failure(
            REJECTED,
            "BUNDLES_OF_TWO_CAMPAIGNS",
            say("两个审计包不是同一次活动的。", "The two bundles are not of one campaign."),
            place=str(other.path),
            remedy=say("请给出同一次活动的两个审计包。", "Give two bundles of the same campaign."),
        ) from None
    changes = found.changes
    data: dict[str, Any] = {
        "campaign": one.verdict.campaign,
        "first": one.as_data(),
        "second": other.as_data(),
        "relation": found.relation.value,
        "log": "one" if found.one_log else "two",
        "school": school,
        "student": student,
        "members": found.members,
        "taken_back": found.taken_back,
        "figures_not_computable": list(found.figures_not_computable),
        "digest": hashlib.sha256(changes.bytes).hexdigest(),
        **json.loads(changes.bytes),
    }
    if not found.sound:
        first_place = f": {found.taken_back[0]['event']}" if found.taken_back else ""
        if found.relation is Relation.TWO_LOGS:
            first_place = ""
        data["error"] = _contradicted(found.relation, f"{other.path}{first_place}")
    face.show(data, lambda: _text(data, found.relation))
    return 0 if found.sound else NOT_VERIFIED


# -- inside -------------------------------------------------------------------------------------------------------


def _contradicted(relation: Relation, place: str) -> dict[str, str]:
    """Return the error of a second bundle that takes something of the first back."""
    swapped = say("若两个文件写反了，请调换次序。", "Where the two were given the wrong way round, swap them. ")
    ask = say(
        "两个包都有签名：请要求签名人解释。",
        "Both are signed: whoever holds the key has to explain it.",
    )
    if relation is Relation.TWO_LOGS:
        ask = say(
            "请核对两个包的签名公钥与公布的是否一致，只采信县里公布的那一份；演练和另建的台账各是一份记录。",
            "Compare both signers with the key that was published, and go by the county's: a rehearsal, or a ledger "
            "that was begun anew, is a log of its own.",
        )
    return {
        "code": f"BUNDLE_{relation.name}",
        "message": say(*RELATIONS[relation]),
        "place": place,
        "remedy": (swapped if relation is Relation.CUT else "") + ask,
    }


def _text(data: Mapping[str, Any], relation: Relation) -> RenderableType:
    table = Table("")
    for title in (say("较早", "earlier"), say("较晚", "later")):
        table.add_column(title, overflow="fold")  # a digest that is cut off proves nothing
    rows = {
        "file": say("文件", "file"),
        "origin": say("记录", "log"),
        "events": say("事件", "events"),
        "heads": say("检查点", "heads"),
        "histories": say("流程历史", "histories"),
        "key": say("签名密钥", "signed by"),
        "sha256": "SHA-256",
    }
    for name, title in rows.items():
        table.add_row(title, str(data["first"][name]), str(data["second"][name]))
    parts: list[RenderableType] = [Text(data["campaign"]), table, Text(say(*RELATIONS[relation]))]
    if data["log"] == "two" and relation is not Relation.TWO_LOGS:
        parts.append(Text(say("两个包出自两份不同的记录。", "The two bundles are of two logs.")))
    if not (data["first"]["trusted"] and data["second"]["trusted"]):
        parts.append(
            Text(
                say(
                    "未给出公钥：签名只能证明文件自身前后一致。",
                    "Without --key the signatures prove self-consistency only.",
                )
            )
        )
    if data["members"]:
        names = ", ".join(row["name"] for row in data["members"])
        parts.append(Text(say(f"不同的成员：{names}", f"Members that differ: {names}")))
    parts += [
        Text(f"{row['event']} {event_label(row['type'])}: {say(*CHANGED[row['kind']])}", style="bold red")
        for row in data["taken_back"]
        if relation is not Relation.TWO_LOGS  # nothing was taken back: it is another log's
    ]
    if data["events"] or data["streams"]:
        parts += changes_shown(data)
    if data["figures_not_computable"]:
        parts.append(
            Text(
                say(
                    "结算数字无法由本程序推算。",
                    "The settlement's figures cannot be computed by this program.",
                )
            )
        )
    if "error" in data:
        parts.append(Text(data["error"]["remedy"]))
    return Group(*parts)
