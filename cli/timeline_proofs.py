"""`audit timeline --proofs`: the place of each line's events in the tree, and the head that covers them (A13)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from audit.heads import HeadError
from audit.timeline import Line
from audit.timeline_proofs import Proof, Proofs
from cli.audit_failures import head_failure
from cli.language import say
from ledger.heads import read_snapshot
from ledger.store import Ledger


async def proven(ledger: Ledger, campaign: str, lines: Sequence[Line]) -> list[tuple[dict[str, Any], str]]:
    """Return for each line its proofs as JSON values, and what a person reads behind it.

    A person is shown those of the line's first events; the others are counted.

    Raises:
        Failure: what does not hold (7).
    """
    try:
        tree = Proofs(await read_snapshot(ledger, campaign))
    except HeadError as error:
        raise head_failure(error) from None
    found = [tree.of(line) for line in lines]
    return [({"proofs": [one.model_dump(mode="json") for one in proofs]}, _text(*proofs)) for proofs in found]


def _text(first: Proof, *more: Proof) -> str:
    if first.head is None:
        told = say("尚无检查点", "no head yet")
    else:
        leaves = str(first.first) if first.first == first.last else f"{first.first}–{first.last}"
        told = say(f"第 {leaves} 叶，检查点 {first.head}", f"leaf {leaves}, head {first.head}")
    return f"  {{{told}{f' +{len(more)}' if more else ''}}}"
