"""`audit heads cosign`: at the superior bureau, a county's head is countersigned; needs no ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from audit.note_errors import NoteError
from audit.signing_keys import load_key
from audit.witness import WitnessError, countersign
from cli.audit_failures import key_failure
from cli.audit_heads import Out, tell
from cli.failures import NOT_VERIFIED, Failure, file_unreadable
from cli.keys_given import Rotations, public_key, statements_of
from cli.options import Face, note, say

_FACE = Face()

_SENTENCES = {
    "COSIGN_LAST_NOT_OWN": (
        "--last 不是本机关会签过的检查点。",
        "The head of --last bears no signature by this key.",
    ),
    "COSIGN_PROOF_MISSING": (
        "新的检查点没有附带从上次会签起的一致性证明。",
        "The new head comes without a proof from the one that was countersigned last.",
    ),
    "COSIGN_NOT_CONSISTENT": (
        "新的检查点不是从上次会签的检查点增长而来：其下的记录被改动过，或台账被截短。",
        "The new head did not grow out of the one countersigned last: something below was changed or cut off.",
    ),
    "COSIGN_OTHER_LOG": ("两个检查点不属于同一份记录。", "The two heads are of two logs."),
}


async def cosigning(
    file: Annotated[
        Path, Parameter(help=say("检查点，或 audit heads prove 的输出", "a head, or what `audit heads prove` printed"))
    ],
    *,
    key: Annotated[Path, Parameter(help=say("会签者自己的签名密钥文件", "the witness's own signing key"))],
    log: Annotated[
        list[str],
        Parameter(
            negative="",
            help=say(
                "县里的公钥，由先到后；新检查点须由最后一个签署", "the county's public keys; the last signs new heads"
            ),
        ),
    ],
    last: Annotated[
        Path | None, Parameter(help=say("上次会签的检查点", "the head that was countersigned last"))
    ] = None,
    rotation: Rotations = None,
    out: Out = None,
    face: Face = _FACE,
) -> int:
    """Add one's own signature to a head, once its tree is shown to begin with that of the last one."""
    keys, statements = [public_key(one) for one in log], statements_of(rotation)
    try:
        own = load_key(key)
    except NoteError as error:
        raise key_failure(error, str(key)) from None
    try:
        signed = countersign(_held(file), own, keys, None if last is None else _held(last), statements)
    except NoteError as error:
        raise key_failure(error, str(file)) from None
    except WitnessError as error:
        remedy = say(
            "不要会签。请要求县里说明，并保留两个检查点。", "Do not sign. Ask the county; keep both heads as evidence."
        )
        place = str(last if error.code == "COSIGN_LAST_NOT_OWN" else file)
        raise Failure(NOT_VERIFIED, error.code, say(*_SENTENCES[error.code]), place=place, remedy=remedy) from None
    if last is None:
        note(
            "未提供 --last：这是首次会签，未核对此前的检查点。",
            "Without --last: a first signature, compared with no earlier head.",
        )
    data = {"key": str(own.public), "compared": last is not None, "note": str(signed), "file": None}
    tell(face, data, str(signed), out)
    return 0


def _held(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        raise file_unreadable(file) from None
