"""A bundle that a command is given: verified before anything in it is believed, and every refusal in one form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from audit.bundle_ledger import Bundle, BundleNotVerifiedError
from audit.verifier import verify_bundle
from cli.failures import NOT_FOUND, NOT_VERIFIED, REJECTED, Failure, file_unreadable, usage
from cli.options import LANG, say


def keys_given(given: Sequence[str]) -> tuple[verify_bundle.Key | None, verify_bundle.Key | None]:
    """Return the key of each of two bundles: one for both, or one each.

    Raises:
        Failure: KEY_TOO_MANY, KEY_MALFORMED (2).
    """
    if len(given) > 2:  # noqa: PLR2004 - two bundles
        raise usage(
            "KEY_TOO_MANY",
            say("--key 至多写两次。", "--key is given twice at most."),
            place="--key",
            remedy=say("两个审计包各一个公钥。", "One public key for each bundle."),
        )
    try:
        read = [verify_bundle.read_key(text) for text in given]
    except ValueError:
        raise usage(
            "KEY_MALFORMED",
            say("--key 不是公钥。", "--key is no public key."),
            place="--key",
            remedy=say("请给出“名称+编号+base64”一行，或存有它的文件。", "Give the line name+id+base64, or its file."),
        ) from None
    return (read[0], read[-1]) if read else (None, None)


def bundle_given(text: str, key: verify_bundle.Key | None) -> Bundle:
    """Verify a bundle and read it; its place stands before what is wrong.

    Raises:
        Failure: ARGUMENT_MISSING (2), FILE_MISSING (4), what verifying refuses (3) or finds (7).
    """
    path = Path(text)
    if not path.is_file():
        if text.startswith("campaign/"):
            raise usage(
                "ARGUMENT_MISSING",
                say("缺少：TIME2。", "Missing: TIME2."),
                place="TIME2",
                remedy=say("请写两个时刻，或给出两个审计包。", "Give two moments, or two bundles."),
            )
        raise Failure(
            NOT_FOUND,
            "FILE_MISSING",
            say("找不到文件。", "There is no such file."),
            place=text,
            remedy=say("请检查路径。", "Check the path."),
        )
    try:
        return Bundle.read(path, key)
    except verify_bundle.Refused as refused:
        raise refused_bundle(path, refused) from None
    except BundleNotVerifiedError as error:
        finding = error.verdict.findings[0]
        told = verify_bundle.error_of(finding, LANG)
        place = f"{path}: {finding.place}"
        raise Failure(NOT_VERIFIED, finding.code, told["message"], place=place, remedy=told["remedy"]) from None


def refused_bundle(path: Path, refused: verify_bundle.Refused) -> Failure:
    """Return the failure of a file that is no bundle to verify, or cannot be read (3)."""
    if refused.code == "FILE_UNREADABLE":
        return file_unreadable(path)
    told = verify_bundle.error_of(refused, LANG)
    place = f"{path}: {refused.place}" if refused.place else str(path)
    return Failure(REJECTED, refused.code, told["message"], place=place, remedy=told["remedy"])
