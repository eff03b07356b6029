"""A time-stamp authority of the tests' own (RFC 3161): a root, a signing certificate, answers in real ASN.1."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AT = datetime(2026, 6, 4, 8, 30, tzinfo=UTC)
SHA256 = "2.16.840.1.101.3.4.2.1"
ECDSA_SHA256 = "1.2.840.10045.4.3.2"
SIGNED_DATA, TST_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"


def der(tag: int, *parts: bytes) -> bytes:
    """Return one DER element."""
    body = b"".join(parts)
    length = len(body)
    if length < 0x80:
        return bytes([tag, length]) + body
    written = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(written)]) + written + body


def sequence(*parts: bytes) -> bytes:
    """Return a SEQUENCE."""
    return der(0x30, *parts)


def integer(number: int) -> bytes:
    """Return an INTEGER that is not negative."""
    return der(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def oid(dotted: str) -> bytes:
    """Return an OBJECT IDENTIFIER."""
    first, second, *rest = map(int, dotted.split("."))
    body = bytes([40 * first + second])
    for arc in rest:
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(arc & 0x7F | 0x80)
        body += bytes(reversed(groups))
    return der(0x06, body)


def name(common: str) -> x509.Name:
    """Return a name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


class Authority:
    """It signs what it is asked for, or what a test wants it to say.

    Attributes:
        root: the certificate to be trusted.
    """

    def __init__(self) -> None:
        root_key, self._key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        self.root = self._certified(name("test root"), root_key.public_key(), name("test root"), root_key, ca=True)
        self._own = self._certified(name("test tsa"), self._key.public_key(), name("test root"), root_key, ca=False)
        self._serial = 0
        self.status = 0
        self.digest: bytes | None = None
        self.nonce: int | None = None

    @staticmethod
    def _certified(subject: x509.Name, public: Any, issuer: x509.Name, key: Any, *, ca: bool) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(AT - timedelta(days=30))
            .not_valid_after(AT + timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        )
        if not ca:
            purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
            builder = builder.add_extension(purpose, critical=True)
        return builder.sign(key, hashes.SHA256())

    def answer(self, query: bytes) -> bytes:
        """Return the answer to a question; its digest and nonce are read where DER has them."""
        if self.status:
            return sequence(sequence(integer(self.status)))
        at = query.index(oid(SHA256)) + len(oid(SHA256)) + 2
        digest = self.digest or query[at + 2 : at + 34]
        rest = query[at + 34 :]
        nonce = self.nonce or int.from_bytes(rest[2 : 2 + rest[1]], "big")
        self._serial += 1
        algorithm = sequence(oid(SHA256), der(0x05))
        info = sequence(
            integer(1),
            oid("1.2.3.4"),
            sequence(algorithm, der(0x04, digest)),
            integer(self._serial),
            der(0x18, f"{AT:%Y%m%d%H%M%SZ}".encode()),
            integer(nonce),
        )
        attributes = [
            sequence(oid(CONTENT_TYPE), der(0x31, oid(TST_INFO))),
            sequence(oid(MESSAGE_DIGEST), der(0x31, der(0x04, hashlib.sha256(info).digest()))),
        ]
        signed = b"".join(sorted(attributes))
        signer = sequence(
            integer(1),
            sequence(self._own.issuer.public_bytes(), integer(self._own.serial_number)),
            algorithm,
            der(0xA0, signed),
            sequence(oid(ECDSA_SHA256)),
            der(0x04, self._key.sign(der(0x31, signed), ec.ECDSA(hashes.SHA256()))),
        )
        content = sequence(
            integer(3),
            der(0x31, algorithm),
            sequence(oid(TST_INFO), der(0xA0, der(0x04, info))),
            der(0xA0, self._own.public_bytes(Encoding.DER)),
            der(0x31, signer),
        )
        return sequence(sequence(integer(0)), sequence(oid(SIGNED_DATA), der(0xA0, content)))

    def serve(self) -> HTTPServer:
        """Answer over HTTP on a free port of loopback until `shutdown`."""
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = self.rfile.read(int(self.headers["Content-Length"]))
                right = self.headers["Content-Type"] == "application/timestamp-query"
                body = authority.answer(asked) if right else b""
                self.send_response(200 if right else 415)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_given: object) -> None:
                """Say nothing."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return server
