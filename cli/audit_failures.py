"""How the commands about heads and keys fail: what is wrong with a key, a note, the record or a head."""

from __future__ import annotations

from pathlib import Path

from audit.heads import HeadError
from audit.note_errors import NoteError
from cli.failures import NOT_FOUND, NOT_VERIFIED, REJECTED, Failure
from cli.options import say

UNPROVEN = ("ROTATION", "SIGNATURE", "SIGNER")
"""How the codes begin of what is well-formed and not to be trusted."""


def key_failure(error: NoteError, place: str) -> Failure:
    """Return the failure of a key, a note or a change of keys (3, 4 or 7)."""
    message = error.message(say("zh", "en"))
    missing = error.code == "KEY_FILE_MISSING"
    remedy = say(
        "密钥用 audit keys new 新建，用 audit keys rotate 更换。", "See `audit keys new` and `audit keys rotate`."
    )
    if error.code.startswith(UNPROVEN):
        remedy = say(
            "请勿采信；请核对公钥，并与另存的副本比对。",
            "Do not trust it: check the public key, and compare it with another copy.",
        )
    code = NOT_FOUND if missing else NOT_VERIFIED if error.code.startswith(UNPROVEN) else REJECTED
    return Failure(code, error.code, message, place=place, remedy=remedy)


def head_failure(error: HeadError) -> Failure:
    """Return the failure of a record or a head that does not hold (7)."""
    if error.code == "HEAD_RACED":
        sentence = say("同时有别的检查点在签署。", "Other heads are being signed at the same time.")
        remedy = say("请稍后再试。", "Try again in a moment.")
    else:
        sentence = say(
            "台账与其哈希链或已签的检查点不符，不予签署。",
            "The ledger does not agree with its chains or with a signed head: nothing is signed over it.",
        )
        remedy = say(
            "请运行 audit replay，并与另存的检查点比对。", "Run `audit replay`; compare with heads kept elsewhere."
        )
    return Failure(NOT_VERIFIED, error.code, sentence, place=error.place, remedy=remedy)


def keep_text(file: Path, text: str) -> None:
    """Write a text into a new file; the same text again changes nothing, another file is never written over.

    Raises:
        Failure: FILE_EXISTS (3): a slip of the hand must not cost a key, a ledger or an earlier head.
    """
    try:
        with file.open("xb") as opened:
            opened.write(text.encode())
    except FileExistsError:
        if not file.is_file() or file.read_bytes() != text.encode():
            raise file_exists(file) from None


def file_exists(file: Path) -> Failure:
    """Return the failure of a file that is there and not written over (3)."""
    return Failure(
        REJECTED,
        "FILE_EXISTS",
        say("文件已存在，不予覆盖。", "The file exists, and nothing is written over."),
        place=str(file),
        remedy=say("请换一个文件名，或先移走原文件。", "Give another name, or move the old file away."),
    )
