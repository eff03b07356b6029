"""`audit prove|prove-check`: that one event is in a signed head's tree, shown to somebody who sees no other event."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from audit.inclusion import ProofError, check, prove
from audit.leaves import Place
from audit.note_errors import NoteError
from cli.audit_failures import key_failure
from cli.audit_heads import Out, headed_of, public_key, tell
from cli.failures import NOT_FOUND, NOT_VERIFIED, REJECTED, Failure, usage
from cli.options import CampaignName, Face, say

_FACE = Face()

_SENTENCES = {
    "PROOF_MALFORMED": ("文件不是事件证明，或被截断。", "The file is no proof of an event, or was cut off."),
    "PROOF_BROKEN": (
        "此事件不在检查点所签的记录中的这个位置。",
        "This event is not in the record that the head signs, at this place.",
    ),
    "PROOF_EVENT": ("文件中的内容不是该记录的事件。", "What the file brings is no event of that record."),
}


async def proving(
    campaign: CampaignName,
    event: Annotated[str, Parameter(name="EVENT", help=say("事件：流#版本", "the event: stream#version"))],
    *,
    out: Out = None,
    face: Face = _FACE,
) -> int:
    """Print the proof of one event; whoever has it and the public key needs nothing else."""
    place = _place(event)
    headed = await headed_of(face, campaign)
    try:
        text = prove(headed, place)
    except LookupError:
        raise Failure(
            NOT_FOUND,
            "EVENT_UNKNOWN",
            say("记录中没有这个事件。", "There is no such event in the record."),
            place=event,
            remedy=say("事件编号见 audit timeline。", "See `audit timeline` for the events' ids."),
        ) from None
    if text is None:
        raise Failure(
            NOT_FOUND,
            "EVENT_NOT_SIGNED_YET",
            say("最新的检查点还没有包括这个事件。", "The newest head does not cover this event yet."),
            place=event,
            remedy=say("请先用 audit head 签署检查点。", "Sign a head first: `audit head`."),
        )
    data = {"campaign": campaign, "event": event, "events": headed.head.size, "proof": text, "file": None}
    tell(face, data, text, out)
    return 0


async def prove_check(
    file: Annotated[Path, Parameter(help=say("事件证明文件", "the proof"))],
    *,
    key: Annotated[
        list[str],
        Parameter(
            negative="", help=say("公钥或其文件；更换过的可给多个", "a public key or its file; several after a change")
        ),
    ],
    face: Face = _FACE,
) -> int:
    """Check a proof without ledger, server and network, and show the event."""
    keys = [public_key(one) for one in key]
    try:
        found = check(file.read_bytes(), keys)
    except OSError:
        raise _failure(REJECTED, "PROOF_MALFORMED", str(file)) from None
    except ProofError as error:
        exit_code = REJECTED if error.code == "PROOF_MALFORMED" else NOT_VERIFIED
        raise _failure(exit_code, error.code, f"{file}: {error.line}") from None
    except NoteError as error:
        raise key_failure(error, str(file)) from None
    data = {
        "verified": True,
        "event": found.id,
        "type": found.event["type"],
        "recorded_at": found.event["recorded_at"],
        "index": found.index,
        "events": found.head.size,
        "root": found.head.root.hex(),
        "origin": found.head.origin,
        "key": str(found.signer),
        "envelope": found.event,
    }
    told = say(
        f"核验通过：此事件是 {found.head.origin} 已签的 {found.head.size} 条事件中的第 {found.index + 1} 条。",
        f"Verified: this event is number {found.index + 1} of {found.head.size} signed by {found.head.origin}.",
    )
    text = json.dumps(found.event, ensure_ascii=False, indent=2, sort_keys=True)
    face.show(data, lambda: Text(f"{told}\n{found.id}\n{text}"))
    return 0


def _place(event: str) -> Place:
    stream, _, version = event.rpartition("#")
    if not stream or not (version.isascii() and version.isdigit()):
        raise usage(
            "EVENT_INVALID",
            say("事件的写法不对。", "The event's id is malformed."),
            place="EVENT",
            remedy=say("写成 流#版本，如 campaign/qingshan/2026#3。", "Write it as campaign/qingshan/2026#3."),
        )
    return Place(stream, int(version))


def _failure(exit_code: int, code: str, place: str) -> Failure:
    remedy = say("请重新取得未经改动的文件，并核对公钥。", "Get the file again, unchanged; check the public key.")
    return Failure(exit_code, code, say(*_SENTENCES[code]), place=place, remedy=remedy)
