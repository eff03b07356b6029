"""Time stamps of signed heads by an authority outside (RFC 3161): asked for, kept beside the head, checked offline.

A head's own time proves nothing, since the operator writes it. A time-stamp authority signs the SHA-256 of the head's
note together with its own clock: from then on nobody can have made that head later than that.

The protocol's ASN.1 and the check of signature and certificates are those of `rfc3161-client`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography.x509 import Certificate, load_pem_x509_certificates
from rfc3161_client import (
    HashAlgorithm,
    PKIStatus,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)
from rfc3161_client.verify import SHA256_OID

from domain.time import SHANGHAI

QUERY_TYPE: Final = "application/timestamp-query"
REPLY_TYPE: Final = "application/timestamp-reply"
TOKEN_BYTES: Final = 64 * 1024
"""No authority's answer is larger; more is not read."""


class StampError(Exception):
    """An answer that is no time stamp of the head.

    Attributes:
        code: STAMP_MALFORMED, no answer of RFC 3161; STAMP_REFUSED, the authority gave none; STAMP_OTHER_HEAD, it is
            over another text; STAMP_OTHER_NONCE, it answers another question; STAMP_UNTRUSTED, signature or
            certificates do not hold.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Query:
    """A question to an authority.

    Attributes:
        body: what is sent, DER.
        nonce: what the answer must repeat.
    """

    body: bytes
    nonce: int | None


@dataclass(frozen=True)
class TimeStamp:
    """A time stamp of a head.

    Attributes:
        at: by the authority's clock.
        serial: the authority's number for it.
        trusted: whether signature and certificates were checked up to a root that was given.
    """

    at: datetime
    serial: int
    trusted: bool


def query(note: str) -> Query:
    """Return the question for a time stamp of a head's note, with its certificates in the answer."""
    builder = TimestampRequestBuilder().data(note.encode()).hash_algorithm(HashAlgorithm.SHA256)
    request = builder.cert_request(cert_request=True).build()
    return Query(request.as_bytes(), request.nonce)


def check(token: bytes, note: str, roots: Sequence[Certificate] = (), nonce: int | None = None) -> TimeStamp:
    """Check a kept answer, or one that has just come, against a head's note; needs no network.

    Args:
        token: the authority's answer, DER.
        note: the head's.
        roots: certificates that are trusted; without one only what the answer says is compared.
        nonce: of the question, None for an answer that was kept.

    Raises:
        StampError: it is no time stamp of this head.
    """
    response = _read(token)
    info = response.tst_info
    imprint = info.message_imprint
    if imprint.hash_algorithm.dotted_string != SHA256_OID or imprint.message != hashlib.sha256(note.encode()).digest():
        raise StampError("STAMP_OTHER_HEAD")
    if nonce is not None and info.nonce != nonce:
        raise StampError("STAMP_OTHER_NONCE")
    if roots:
        _require_trusted(response, note, roots)
    return TimeStamp(info.gen_time.astimezone(SHANGHAI), info.serial_number, bool(roots))


def read_roots(pem: bytes) -> list[Certificate]:
    """Return the certificates of a PEM file.

    Raises:
        ValueError: there is none in it.
    """
    return load_pem_x509_certificates(pem)


def _read(token: bytes) -> TimeStampResponse:
    try:
        response = decode_timestamp_response(token)
        granted = PKIStatus(response.status) in (PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS)
    except ValueError:
        raise StampError("STAMP_MALFORMED") from None
    if not granted:
        raise StampError("STAMP_REFUSED")
    try:
        _ = response.tst_info
    except ValueError:
        raise StampError("STAMP_MALFORMED") from None
    return response


def _require_trusted(response: TimeStampResponse, note: str, roots: Sequence[Certificate]) -> None:
    builder = VerifierBuilder(roots=list(roots))
    try:
        builder.build().verify_message(response, note.encode())
    except (VerificationError, ValueError):
        raise StampError("STAMP_UNTRUSTED") from None
