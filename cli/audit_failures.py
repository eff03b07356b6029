"""How the commands about heads and keys fail: what is wrong with a key, a note, the record or a head."""

from __future__ import annotations

from pathlib import Path

from audit.heads import RACED, HeadError
from audit.new_file import write_new
from audit.note_errors import NoteError
from cli.failures import NOT_FOUND, NOT_VERIFIED, REJECTED, UNREACHABLE, Failure, file_unwritable
from cli.options import say

UNPROVEN = ("ROTATION", "SIGNATURE", "SIGNER", "KEY_OUT_OF_TERM")
"""How the codes begin of what is well-formed and not to be trusted."""


def key_failure(error: NoteError, place: str, *, signing: bool = False) -> Failure:
    """Return the failure of a key, a note or a change of keys (3, 4 or 7).

    Args:
        error: what is wrong.
        place: where: a key's file, a note's, a campaign.
        signing: somebody wants to sign with the key, and does not ask whether a signature is to be trusted.
    """
    if signing and error.code == "KEY_OUT_OF_TERM":
        return Failure(
            REJECTED,
            error.code,
            say("不是现用密钥：已被更换，或从未启用。不予签署。", "This key is not in force: nothing is signed."),
            place=place,
            remedy=say(
                "现用密钥是 audit keys list 的最后一个：请用它的文件（--key，或 DIVERSION_AUDIT_KEY）。",
                "The last key of `audit keys list` is in force: give its file (--key, or DIVERSION_AUDIT_KEY).",
            ),
        )
    message = error.message(say("zh", "en"))
    if signing and error.code == "ROTATION_NAME":
        return Failure(
            REJECTED,
            error.code,
            message,
            place=place,
            remedy=say(
                "未作任何更换。NEW 请给出一个尚不存在的文件，新密钥由本命令生成。",
                "Nothing was changed. As NEW give a file that is not there yet: this command makes the key.",
            ),
        )
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
    """Return the failure of a record or a head that does not hold (7), or of others that sign meanwhile (6)."""
    code = NOT_VERIFIED
    if error.code == RACED:
        code = UNREACHABLE
        sentence = say("同时有别的检查点在签署，未作改动。", "Other heads are being signed: nothing was changed.")
        remedy = say("请稍后再试。", "Try again in a moment.")
    elif error.code == "TEMPLATE_CHANGED":
        sentence = say(
            "已发布的通知模板与签名检查点所载的不符，不予签署。",
            "A published notice template is not as a signed head names it: nothing is signed over it.",
        )
        remedy = say(
            "请恢复该版本的原文件；新的措辞应另存为新版本。",
            "Put that version's file back as it was: new wording is a new version beside the old one.",
        )
    else:
        sentence = say(
            "台账与其哈希链或已签的检查点不符，不予签署。",
            "The ledger does not agree with its chains or with a signed head: nothing is signed over it.",
        )
        remedy = say(
            "请运行 audit replay，并与另存的检查点比对。", "Run `audit replay`; compare with heads kept elsewhere."
        )
    return Failure(code, error.code, sentence, place=error.place, remedy=remedy)


def keep_text(file: Path, text: str) -> None:
    """Write a text into a new file, whole or not at all; the same again changes nothing, no other is written over.

    Raises:
        Failure: FILE_EXISTS (3): a slip of the hand must not cost a key, a ledger or an earlier head. FILE_UNREADABLE
            (3): the place cannot be written to, or is full.
    """
    try:
        write_new(file, text.encode())
    except FileExistsError:
        if not _holds(file, text):
            raise file_exists(file) from None
    except OSError:
        raise file_unwritable(file) from None


def _holds(file: Path, text: str) -> bool:
    try:
        return file.is_file() and file.read_bytes() == text.encode()
    except OSError:
        return False


def make_private(folder: Path) -> None:
    """Make the directories that are missing above a secret, each for its owner alone (0700).

    Raises:
        Failure: FILE_UNREADABLE (3), one cannot be made, or a file has its name.
    """
    if folder.is_dir():
        return
    if folder != folder.parent:
        make_private(folder.parent)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError:
        raise file_unwritable(folder) from None


def file_exists(file: Path) -> Failure:
    """Return the failure of a file that is there and not written over (3)."""
    return Failure(
        REJECTED,
        "FILE_EXISTS",
        say("文件已存在，不予覆盖。", "The file exists, and nothing is written over."),
        place=str(file),
        remedy=say("请换一个文件名，或先移走原文件。", "Give another name, or move the old file away."),
    )
