"""`audit heads stamp`: a time stamp of a signed head from an authority outside (RFC 3161), and its check offline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from cryptography.x509 import Certificate

from audit.time_stamp import QUERY_TYPE, TOKEN_BYTES, Query, StampError, check, query, read_roots
from cli.failures import NOT_VERIFIED, REJECTED, UNREACHABLE, Failure, usage
from cli.options import say
from domain.time import stamp
from ledger.anchors import Stamped
from ledger.heads import KeptHead

SECONDS: Final = 30.0
LONGEST_URL: Final = 200

_SENTENCES: Final = {
    "STAMP_MALFORMED": ("答复不是 RFC 3161 时间戳。", "The answer is no time stamp of RFC 3161."),
    "STAMP_REFUSED": ("时间戳机构拒绝签发。", "The authority gave no time stamp."),
    "STAMP_OTHER_HEAD": ("时间戳不是这个检查点的。", "The time stamp is of something else than this head."),
    "STAMP_OTHER_NONCE": ("时间戳不是对本次请求的答复。", "The time stamp answers another question."),
    "STAMP_UNTRUSTED": (
        "时间戳的签名或证书不成立，或不出自所给的根证书。",
        "The time stamp's signature or certificates do not hold, or do not come from the root given.",
    ),
}


def require_url(url: str) -> None:
    """Refuse what is no address of an authority.

    Raises:
        Failure: TSA_URL_INVALID (2).
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        good = good and parts.port != 0 and len(url) <= LONGEST_URL
    except ValueError:
        good = False
    if not good:
        raise usage(
            "TSA_URL_INVALID",
            say("--tsa 不是时间戳机构的网址。", "--tsa is no address of a time-stamp authority."),
            place="--tsa",
            remedy=say("如 https://tsa.example/tsr，不带用户名。", "As https://tsa.example/tsr, without a user."),
        )


def roots_of(file: Path | None) -> Sequence[Certificate]:
    """Return the certificates of `--ca`.

    Raises:
        Failure: CA_FILE_INVALID (3).
    """
    if file is None:
        return ()
    try:
        return read_roots(file.read_bytes())
    except (OSError, ValueError):
        raise Failure(
            REJECTED,
            "CA_FILE_INVALID",
            say("--ca 文件中没有 PEM 证书。", "The file of --ca has no PEM certificate."),
            place=str(file),
            remedy=say("请向时间戳机构索取其根证书。", "Ask the authority for its root certificate."),
        ) from None


async def asked(url: str, head: KeptHead, roots: Sequence[Certificate]) -> bytes:
    """Ask an authority for a head's time stamp, and check the answer before anybody keeps it.

    Raises:
        Failure: TSA_UNREACHABLE (6), or STAMP_… (7).
    """
    question: Query = query(head.note)
    body = bytearray()
    try:
        async with (
            httpx.AsyncClient(timeout=SECONDS) as client,
            client.stream("POST", url, content=question.body, headers={"Content-Type": QUERY_TYPE}) as reply,
        ):
            reply.raise_for_status()
            async for part in reply.aiter_bytes():
                body += part
                if len(body) > TOKEN_BYTES:
                    raise stamp_failure("STAMP_MALFORMED", url)
    except (httpx.HTTPError, httpx.InvalidURL):
        raise Failure(
            UNREACHABLE,
            "TSA_UNREACHABLE",
            say("时间戳机构没有应答。", "The time-stamp authority does not answer."),
            place=url,
            remedy=say("请检查网址和网络，稍后再试。", "Check address and network; try again later."),
        ) from None
    try:
        check(bytes(body), head.note, roots, question.nonce)
    except StampError as error:
        raise stamp_failure(error.code, url) from None
    return bytes(body)


def stamp_data(kept: Stamped, head: KeptHead, roots: Sequence[Certificate]) -> dict[str, Any]:
    """Return a kept time stamp as it is shown, checked again; `code` says what does not hold."""
    try:
        found = check(kept.token, head.note, roots)
    except StampError as error:
        return {"authority": kept.authority, "at": None, "serial": None, "trusted": False, "code": error.code}
    return {
        "authority": kept.authority,
        "at": stamp(found.at),
        "serial": str(found.serial),
        "trusted": found.trusted,
        "code": None,
    }


def stamp_failure(code: str, place: str) -> Failure:
    """Return the failure of what is no time stamp of a head (7)."""
    remedy = say("请换一家机构，或核对其根证书。", "Ask another authority, or check its root certificate.")
    return Failure(NOT_VERIFIED, code, say(*_SENTENCES[code]), place=place, remedy=remedy)
