"""`audit prove|prove-check`: one event, or one notice, shown under a signed head to somebody who sees no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from audit.inclusion import ProofError, Proven, check, prove
from audit.leaves import Place
from audit.note_errors import NoteError
from audit.notice_proof import ProvenNotice, check_notice, is_notice_proof
from audit.signed_note import parse_note
from audit.signing_keys import parse_rotation
from cli.audit_failures import key_failure
from cli.audit_heads import Out, headed_of, tell
from cli.audit_prove_notice import head_data, notice_data, notice_proof, notice_text
from cli.failures import NOT_FOUND, NOT_VERIFIED, REJECTED, Failure, file_unreadable, usage
from cli.keys_given import Rotations, public_key, statements_of
from cli.options import CampaignName, Face, note, say

_FACE = Face()

_SENTENCES = {
    "PROOF_MALFORMED": (
        "文件不是事件或通知的证明，或被截断。",
        "The file is no proof of an event or a notice, or was cut off.",
    ),
    "PROOF_BROKEN": (
        "此事件（或通知的此行流水）不在检查点所签的记录中的这个位置。",
        "This event, or this row of the notice, is not in the record that the head signs, at this place.",
    ),
    "PROOF_EVENT": ("文件中的内容不是该记录的事件。", "What the file brings is no event of that record."),
    "PROOF_ROW": (
        "此行流水不属于所说的通知或那一天，或缺了它前面的一行。",
        "This row is not of that notice and day, or the row before it in the day is missing.",
    ),
}


async def proving(
    campaign: CampaignName,
    event: Annotated[
        str | None, Parameter(name="EVENT", help=say("事件：流#版本", "the event: stream#version"))
    ] = None,
    *,
    notice: Annotated[
        str | None, Parameter(help=say("改为证明一条通知（编号 ntc_…）", "a notice instead, by its id ntc_…"))
    ] = None,
    out: Out = None,
    face: Face = _FACE,
) -> int:
    """Print the proof of one event or of one notice; whoever has it and the public key needs nothing else."""
    if (event is None) == (notice is None):
        raise usage(
            "EVENT_OR_NOTICE",
            say("请给出一个事件，或用 --notice 给出一条通知。", "Give an event, or a notice with --notice."),
            place="EVENT",
        )
    if notice is not None:
        data, text = await notice_proof(face, campaign, notice)
    else:
        data, text = await _event_proof(face, campaign, event or "")
    tell(face, data, text, out)
    return 0


async def _event_proof(face: Face, campaign: str, event: str) -> tuple[dict[str, Any], str]:
    """Return the JSON object and the text of an event's proof.

    Raises:
        Failure: EVENT_INVALID (2), EVENT_UNKNOWN, EVENT_NOT_SIGNED_YET (4), or as `headed_of`.
    """
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
    return {"campaign": campaign, "event": event, "events": headed.head.size, "proof": text, "file": None}, text


async def prove_check(
    file: Annotated[Path, Parameter(help=say("事件或通知的证明文件", "the proof of an event or a notice"))],
    *,
    key: Annotated[
        list[str],
        Parameter(
            negative="",
            help=say(
                "公钥或其文件；更换过的由先到后给多个，或另给 --rotation",
                "a public key or its file; after a change several, first to last, or with --rotation one",
            ),
        ),
    ],
    rotation: Rotations = None,
    face: Face = _FACE,
) -> int:
    """Check a proof without ledger, server and network, and show the event, or what became of the notice."""
    keys, statements = [public_key(one) for one in key], statements_of(rotation)
    try:
        data = file.read_bytes()
        found = check_notice(data, keys, statements) if is_notice_proof(data) else check(data, keys, statements)
    except OSError:
        raise file_unreadable(file) from None
    except ProofError as error:
        exit_code = REJECTED if error.code == "PROOF_MALFORMED" else NOT_VERIFIED
        raise _failure(exit_code, error.code, f"{file}: {error.line}") from None
    except NoteError as error:
        raise key_failure(error, str(file)) from None
    if statements and found.signer != parse_rotation(parse_note(statements[-1]).text).new:
        note(
            "检查点由已更换的密钥签署，在其任期之内。旧密钥若曾外泄，这样的检查点也可伪造：请索取由现用密钥签署的新证明。",
            "The head is of a replaced key's term. Whoever stole that key can forge one: ask for a new proof, under a "
            "head by the key in force.",
        )
    if isinstance(found, ProvenNotice):
        face.show(notice_data(found), lambda: notice_text(found))
    else:
        face.show(_event_data(found), lambda: _event_text(found))
    return 0


def _event_data(found: Proven) -> dict[str, Any]:
    return {
        "verified": True,
        "event": found.id,
        "type": found.event["type"],
        "recorded_at": found.event["recorded_at"],
        "index": found.index,
        **head_data(found.head, found.signer),
        "envelope": found.event,
    }


def _event_text(found: Proven) -> Text:
    told = say(
        f"核验通过：此事件是 {found.head.origin} 已签的 {found.head.size} 条事件中的第 {found.index + 1} 条。",
        f"Verified: this event is number {found.index + 1} of {found.head.size} signed by {found.head.origin}.",
    )
    text = json.dumps(found.event, ensure_ascii=False, indent=2, sort_keys=True)
    return Text(f"{told}\n{found.id}\n{text}")


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
