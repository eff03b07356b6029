"""Public keys, and the statements of their changes, that a command is given: what somebody holds who has no ledger."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from audit.note_errors import NoteError
from audit.signed_note import VerifierKey
from audit.signing_keys import split_statements
from audit.verifier import verify_bundle
from cli.audit_failures import key_failure
from cli.failures import Failure, file_unreadable, usage
from cli.options import say

PublicKey = Annotated[
    str | None,
    Parameter(help=say("公钥（名称+编号+base64）或其文件", "the public key, name+id+base64, or a file with it")),
]

Rotations = Annotated[
    list[Path] | None,
    Parameter(
        name="--rotation",
        negative="",
        help=say(
            "密钥更换声明文件（audit keys list --out），可重复", "file with statements of changes of keys; repeatable"
        ),
    ),
]


def public_key(given: str) -> VerifierKey:
    """Read a public key, or the first line of the file that has it.

    Raises:
        Failure: KEY_MALFORMED (2).
    """
    try:
        return VerifierKey.parse(str(verify_bundle.read_key(given)))
    except ValueError:
        raise key_malformed() from None


def statements_of(files: Sequence[Path] | None) -> list[bytes]:
    """Read the statements of `--rotation`, in the order of the files.

    Raises:
        Failure: FILE_UNREADABLE (3), ROTATION_MALFORMED (7), with the file.
    """
    found: list[bytes] = []
    for file in files or ():
        try:
            found += split_statements(file.read_bytes())
        except OSError:
            raise file_unreadable(file) from None
        except NoteError as error:
            raise key_failure(error, str(file)) from None
    return found


def key_malformed() -> Failure:
    """Return the failure of a public key that is none (2)."""
    return usage(
        "KEY_MALFORMED",
        say("--key 不是公钥。", "--key is no public key."),
        place="--key",
        remedy=say("请给出“名称+编号+base64”一行，或存有它的文件。", "Give the line name+id+base64, or its file."),
    )
