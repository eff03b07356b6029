"""Verifies an auditor's bundle: one file, Python 3.11 and its standard library, no network, no server.

    python verify_bundle.py BUNDLE --key "name+id+base64"

It is one file on purpose, long as it is: an auditor can read all that is trusted, and carry it on paper. It imports
nothing of the program that wrote the bundle, so that a mistake there is not repeated here: Ed25519 (RFC 8032), signed
notes and checkpoints (C2SP), the Merkle tree (RFC 6962) and the settlement's rule are written anew. The program writes
the container with the functions that stand here, since there is one layout only.

Exit codes: 0 all agrees; 7 something was changed, with the first bad place; 3 the file is no bundle, is cut off, is of
a newer format, or would harm (a path that climbs out, more data than a bundle or this machine's memory holds); 2 wrong
usage.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import marshal
import mmap
import os
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

FORMAT: Final = 1
"""The format that is read here; a bundle of a newer one is refused, never half understood."""

OK, USAGE, REJECTED, NOT_VERIFIED = 0, 2, 3, 7

NOTE, MANIFEST, README, PROGRAM = "bundle.note", "manifest.json", "README.zh.md", "verify_bundle.py"
KEYS, EVENTS, PROOFS, HISTORIES = "keys.txt", "events.jsonl", "proofs.json", "histories.json"
POLICIES, CALENDARS = "policies.json", "calendars.json"
TEMPLATES, TEMPLATE_LISTS = "templates.json", "templates/"
NEEDED: Final = (README, PROGRAM, KEYS, PROOFS, EVENTS, HISTORIES, POLICIES, CALENDARS)

MEMBERS_MOST: Final = 65_000
FILE_MOST: Final = 2**32 - 1
"""Without the 64-bit extension: one container has one form."""
SMALL_MOST: Final = 64 * 2**20
"""Bytes of any member but the events."""
HISTORY_MOST: Final = 128 * 2**20
"""Bytes of a history's JSON; the engine ends a run whose history has 50 MiB."""
RATIO_MOST: Final = 100
"""A history's JSON is some ten times its compressed size; beyond this it is a bomb."""
RATIO_FROM: Final = 2**20
VALUES_MOST: Final = 4 * 2**20
"""Values in one JSON text: each takes some hundred bytes of memory, however few it has in the file."""
NOTE_MOST: Final = 4096
SIGNATURES_MOST: Final = 100
"""Under one note; each costs milliseconds to verify."""
FINDINGS_MOST: Final = 50
WORTH_PROCESSES: Final = 8 * 2**20
"""Bytes of events, and of histories as they are unpacked; below, starting processes costs more than it saves."""
PACKED: Final = 10
"""About so many bytes of a history's JSON lie in one packed byte."""

GENESIS: Final = "0" * 64
HASH: Final = re.compile(r"[0-9a-f]{64}")
_sha256: Final = hashlib.sha256

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "FILE_UNREADABLE": ("文件无法读取，请检查路径和权限。", "The file cannot be read: check path and permissions."),
    "NOT_A_BUNDLE": (
        "这不是审计包，请确认取的是 audit export 生成的文件。",
        "This is no auditor's bundle: check that it is the file that `audit export` wrote.",
    ),
    "BUNDLE_TRUNCATED": (
        "审计包不完整，末尾被截断，请重新复制整个文件。",
        "The bundle is cut off at its end: copy the whole file again.",
    ),
    "BUNDLE_TOO_NEW": (
        "审计包的格式比本程序新，请取得较新的核验程序。",
        "The bundle's format is newer than this program: get a newer verifier.",
    ),
    "BUNDLE_BOMB": (
        "文件解开后大得不合常理（可能是压缩炸弹），或本机内存不够，已停止读取。请勿用其他软件打开。",
        "The file unpacks to far more than a bundle or this machine's memory holds: do not open it otherwise.",
    ),
    "BUNDLE_PATH": (
        "文件中有成员的路径指向包外，已停止读取。请勿用其他软件解开。",
        "A member's path leads out of the archive, and nothing is read: do not unpack it otherwise.",
    ),
    "CONTAINER_BITS": (
        "容器的字节（文件头、目录或末尾）与应有的不符，被改动过。",
        "Bytes of the container (a header, the directory or the end) are not what they must be.",
    ),
    "NOTE_FORM": ("签名文件的格式不对，被改动过。", "A signed note is malformed: it was changed."),
    "SIGNATURE_INVALID": (
        "签名与内容不符：内容或签名被改动过。",
        "A signature does not fit what it is under: one of them was changed.",
    ),
    "SIGNER_UNKNOWN": (
        "所给的公钥没有签署这份审计包，不能采信；请核对公钥，或与另存的副本比对。",
        "The public key given did not sign this bundle: check the key, compare with another copy.",
    ),
    "KEYS_BROKEN": (
        "密钥清单或更换声明不成立：格式、次序、名称或签名有误。",
        "The list of keys or a change of keys does not hold: form, order, name or signature.",
    ),
    "KEY_OUT_OF_TERM": (
        "签署的密钥当时无权签署：已被更换，或尚未启用。",
        "The key that signed was not in force for this: replaced, or not yet begun.",
    ),
    "MANIFEST_CHANGED": (
        "清单与签名所载的摘要不符，或格式不对。",
        "The manifest is not the one that was signed, or malformed.",
    ),
    "MEMBER_CHANGED": ("成员的内容与清单的摘要不符。", "A member's bytes are not those of the manifest's digest."),
    "MEMBER_MISSING": (
        "缺少应有的成员，或有多余的成员。",
        "A member that must be there is missing, or one is too much.",
    ),
    "MEMBER_FORM": ("成员的格式不对。", "A member is malformed."),
    "EVENT_FORM": (
        "事件不是规范的 JSON，或缺少字段。",
        "An event is no canonical JSON, or lacks a field.",
    ),
    "EVENT_HASH": (
        "事件的内容与其哈希不符，内容被改动过。",
        "An event's content does not fit its hash: it was changed.",
    ),
    "EVENT_CHAIN": (
        "事件没有接上前一事件的哈希：前一事件被改动，或此处另立了一支。",
        "An event does not continue the hash of the one before: that one was changed, or the stream forked here.",
    ),
    "EVENT_GAP": (
        "事件的版本不连续：有事件被删除、重复或插入。",
        "Versions do not follow each other: an event was dropped, repeated or put in.",
    ),
    "EVENT_ORDER": (
        "事件的排列次序不对，被调换过。",
        "Events do not stand in the order of the tree: they were swapped.",
    ),
    "EVENT_FOREIGN": ("事件不属于本次活动。", "An event is not of this campaign."),
    "HEAD_FORM": ("检查点的格式、来源或次序不对。", "A head's form, origin or order is wrong."),
    "HEAD_ROOT": (
        "事件算出的树根与签名的检查点不符：此范围内的事件被改动、删除或插入。",
        "The events' root is not the signed one: events in this range were changed, dropped or put in.",
    ),
    "HEAD_SIZE": (
        "事件的数量与签名的检查点不符：末尾被截去，或多出了事件。",
        "The number of events is not the signed one: the tail was cut, or events were added.",
    ),
    "PROOF_INVALID": ("检查点之间的一致性证明不成立。", "A consistency proof between heads does not hold."),
    "HISTORY_DIGEST": (
        "流程历史与其摘要不符，或无法解开，被改动过。",
        "A history does not fit its digest or cannot be unpacked: it was changed.",
    ),
    "HISTORY_FORM": (
        "流程历史的内容或登记项不对，例如是另一流程的历史。",
        "A history or its entry is malformed, as that of another workflow is.",
    ),
    "HISTORY_EVENTS": (
        "流程历史中交给台账的事件与事件清单不符：两者之一被改动过。",
        "What the workflow handed to the ledger is not what the events say: one of them was changed.",
    ),
    "HISTORY_SEGMENT": (
        "同一流程的各段历史没有衔接：缺段、重叠或被替换。",
        "The histories of a stream do not join: one is missing, overlaps or was replaced.",
    ),
    "SETTLEMENT_LINES": (
        "结算行按规则重新计算，结果不同。",
        "Computing the settlement's line by the rule gives another result.",
    ),
    "SETTLEMENT_DIGEST": (
        "结算的摘要与各行不符，或更正、公布、支付所引的摘要不符。",
        "The settlement's digest does not fit its lines, or a later act names another one.",
    ),
    "SETTLEMENT_TOTALS": ("结算的合计与各行不符。", "The settlement's totals do not fit its lines."),
    "SETTLEMENT_BASIS": (
        "结算所依据的事件与事件清单不符。",
        "The events that the settlement rests on are not those of the record.",
    ),
    "SETTLEMENT_POLICY": (
        "结算所用的口径不在包中，或参数与其哈希不符。",
        "The settlement's policy is not in the bundle, or its parameters do not fit their hash.",
    ),
    "DERIVED": (
        "由事件整理出的文件（口径或日历）与事件不符。",
        "A file that is made from the events (policies or calendars) does not follow from them.",
    ),
    "TEMPLATE_CHANGED": (
        "通知模板与签名检查点所载的不符：已发布的版本被改动或删去。",
        "Notice templates are not those that a signed head names: a published version was edited or is gone.",
    ),
}
"""Code → what is wrong (zh, en)."""


class Refused(Exception):  # noqa: N818 - it is an answer, not a bug
    """The file is not one to verify (exit 3).

    Attributes:
        code: a key of `SENTENCES`.
        place: a member or a byte.
    """

    def __init__(self, code: str, place: str = "") -> None:
        super().__init__(code, place)
        self.code = code
        self.place = place


@dataclass(frozen=True)
class Finding:
    """One bad place.

    Attributes:
        code: a key of `SENTENCES`.
        place: an event `{stream}#{version}`, a member of the bundle, or a byte of the file.
    """

    code: str
    place: str

    def message(self, lang: str = "zh") -> str:
        """Return what is wrong."""
        return SENTENCES[self.code][1 if lang == "en" else 0]

    def as_data(self, lang: str = "zh") -> dict[str, str]:
        """Return the finding as JSON."""
        return {"code": self.code, "place": self.place, "message": self.message(lang)}


class Findings:
    """What was found, in the order in which it is told; the first is the first bad place."""

    def __init__(self) -> None:
        self.all: list[Finding] = []
        self.omitted = 0

    def add(self, code: str, place: str) -> None:
        """Name a place once; beyond `FINDINGS_MOST` they are counted."""
        finding = Finding(code, place)
        if finding in self.all:
            return
        if len(self.all) >= FINDINGS_MOST:
            self.omitted += 1
            return
        self.all.append(finding)


@dataclass
class Verdict:
    """What there is to say of a bundle.

    Attributes:
        findings: the bad places, the first one first; none where all agrees.
        key: the public key that signed the bundle, as it is published.
        trusted: that a key was given and vouches for the bundle. Without one the signature proves self-consistency.
        running: histories of runs that went on when the bundle was made.
        unarchived: events that no history vouches for.
        unnamed: heads that name no templates, as those of older releases.
        templates: what became of the templates from one head to the next that names others, and after the last one:
            where (`from`, `to`), and the labels that are `new`, `changed` and `gone`.
        templates_omitted: changes from head to head beyond `FINDINGS_MOST`.
        sample: the pupils drawn, by school, with the events that speak of them.
    """

    campaign: str = ""
    origin: str = ""
    key: str = ""
    code_version: str = ""
    trusted: bool = False
    events: int = 0
    streams: int = 0
    heads: int = 0
    histories: int = 0
    running: int = 0
    settlements: int = 0
    unarchived: int = 0
    unnamed: int = 0
    templates: list[dict[str, Any]] = field(default_factory=list)
    templates_omitted: int = 0
    findings: list[Finding] = field(default_factory=list)
    omitted: int = 0
    sample: list[dict[str, Any]] = field(default_factory=list)

    @property
    def verified(self) -> bool:
        """Tell whether nothing was found."""
        return not self.findings


# -- canonical JSON ---------------------------------------------------------------------------------------------------


def _refuse_number(text: str) -> Any:
    raise ValueError(f"{len(text)} characters that are no whole number")


_decode: Final = json.JSONDecoder(parse_float=_refuse_number, parse_constant=_refuse_number).decode
_encode: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
).encode
"""RFC 8785, where keys are ASCII and numbers whole and below 2^53, as they are in all that is written here."""


def digest_of(value: Any) -> str:
    """Return the hex SHA-256 of a value's canonical JSON."""
    return _sha256(_encode(value).encode()).hexdigest()


def _too_many(text: bytes) -> bool:
    """Tell whether a JSON text has more values than are read; a sign in a string counts too."""
    if len(text) <= VALUES_MOST:
        return False
    return sum(map(text.count, (b",", b"[", b"{"))) > VALUES_MOST


def _json(data: bytes) -> Any:
    """Return canonical JSON's value.

    Raises:
        ValueError: it is none, not in its canonical form, or has too many values.
    """
    if _too_many(data):
        raise ValueError("too many values")
    try:
        value = _decode(data.decode())
        if _encode(value).encode() != data:
            raise ValueError("not canonical")
    except RecursionError:
        raise ValueError("too deep") from None
    return value


# -- Ed25519 (RFC 8032, section 5.1) ----------------------------------------------------------------------------------

_P: Final = 2**255 - 19
_L: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT: Final = pow(2, (_P - 1) // 4, _P)
_Point = tuple[int, int, int, int]
"""Extended homogeneous coordinates (X, Y, Z, T) with x = X/Z, y = Y/Z, x·y = T/Z."""
POINT_BYTES, SIGNATURE_BYTES = 32, 64


def _add(one: _Point, other: _Point) -> _Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % _P
    b = (one[1] + one[0]) * (other[1] + other[0]) % _P
    c = 2 * one[3] * other[3] * _D % _P
    d = 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _times(factor: int, point: _Point) -> _Point:
    total: _Point = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            total = _add(total, point)
        point = _add(point, point)
        factor >>= 1
    return total


def _point(data: bytes) -> _Point | None:
    """Return the point of 32 bytes, None where they are not the one form of a point."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return (x, y, 1, x * y % _P)


def _bytes_of(point: _Point) -> bytes:
    inverse = pow(point[2], _P - 2, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(POINT_BYTES, "little")


_BASE_Y: Final = 4 * pow(5, _P - 2, _P) % _P
_BASE: Final = _point(_BASE_Y.to_bytes(POINT_BYTES, "little"))


def ed25519_verifies(public: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether a signature is a key's over a message (RFC 8032, section 5.1.7, without the cofactor)."""
    if len(public) != POINT_BYTES or len(signature) != SIGNATURE_BYTES or _BASE is None:
        return False
    key = _point(public)
    s = int.from_bytes(signature[POINT_BYTES:], "little")
    if key is None or s >= _L:
        return False
    first = signature[:POINT_BYTES]
    k = int.from_bytes(hashlib.sha512(first + public + message).digest(), "little") % _L
    minus: _Point = (_P - key[0], key[1], key[2], _P - key[3])
    return _bytes_of(_add(_times(s, _BASE), _times(k, minus))) == first


# -- signed notes, keys and heads (C2SP) ------------------------------------------------------------------------------

ED25519: Final = b"\x01"
DASH: Final = "— "
ROTATION: Final = "diversion signing key rotation 1"
BUNDLE: Final = "diversion audit bundle "
TEMPLATES_WORD: Final = "templates "
TEMPLATES_LINE: Final = f"{TEMPLATES_WORD}sha256:"
"""How a head's extension line begins that names the notice templates; the digest of their list follows in hex."""
HEAD_LINES: Final = 3


@dataclass(frozen=True)
class Key:
    """A public key with the name that it signs under."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> Key:
        """Read `name+id+base64`.

        Raises:
            ValueError: it is no Ed25519 key of that form.
        """
        name, key_id, encoded = text.split("+", 2)
        typed = base64.b64decode(encoded, validate=True)
        if typed[:1] != ED25519 or len(typed) != 1 + POINT_BYTES or not name or any(map(str.isspace, name)):
            raise ValueError("no Ed25519 key")
        key = cls(name, typed[1:])
        if str(key) != text or key.key_id.hex() != key_id:
            raise ValueError("the key's id does not follow from it")
        return key

    @property
    def key_id(self) -> bytes:
        """Return the first 4 bytes of SHA-256 over name, line feed, type and key."""
        return _sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        encoded = base64.b64encode(ED25519 + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"


@dataclass(frozen=True)
class Note:
    """A signed text: its lines, and by (name, key id) the signatures."""

    text: bytes
    signatures: tuple[tuple[str, bytes, bytes], ...]

    @property
    def lines(self) -> list[str]:
        """Return the lines of the text."""
        return self.text.decode().split("\n")[:-1]

    def signed_by(self, key: Key) -> bool | None:
        """Tell whether a key's signature is right; None where the key did not sign."""
        found = [value for name, key_id, value in self.signatures if (name, key_id) == (key.name, key.key_id)]
        return all(ed25519_verifies(key.public, self.text, value) for value in found) if found else None


def parse_note(data: bytes) -> Note:
    """Read a signed note strictly: one note has one form.

    Raises:
        ValueError: it is none.
    """
    whole = data.decode()
    cut = whole.rfind("\n\n")
    if cut < 0 or not whole.endswith("\n") or cut + 2 == len(whole):
        raise ValueError("no signatures")
    signatures, lines = [], whole[cut + 2 : -1].split("\n")
    if len(lines) > SIGNATURES_MOST:
        raise ValueError("too many signatures")
    for line in lines:
        name, _, encoded = line.removeprefix(DASH).partition(" ")
        value = base64.b64decode(encoded, validate=True)
        if line != f"{DASH}{name} {base64.b64encode(value).decode()}" or not name or len(value) <= len("id: "):
            raise ValueError("no signature line")
        signatures.append((name, value[:4], value[4:]))
    if len({(name, key_id) for name, key_id, _ in signatures}) < len(signatures):
        raise ValueError("signed twice by one key")
    return Note(whole[: cut + 1].encode(), tuple(signatures))


@dataclass(frozen=True)
class Head:
    """What a signed head says: of which log, how many leaves, which root.

    Attributes:
        templates: digest of the list of notice templates, hex; empty where it names none. No part of the tree.
    """

    origin: str
    size: int
    root: bytes
    templates: str = field(default="", compare=False)

    def goes_on(self, earlier: Head) -> bool:
        """Tell whether it can follow another head of its log."""
        return earlier.size < self.size or earlier == self


def parse_head(lines: Sequence[str]) -> Head:
    """Read a head's three lines.

    Raises:
        ValueError: they are none.
    """
    origin, size, encoded = lines
    root = base64.b64decode(encoded, validate=True)
    canonical = base64.b64encode(root).decode() == encoded and str(int(size)) == size
    if not canonical or len(root) != POINT_BYTES or int(size) < 0:
        raise ValueError("no head")
    return Head(origin, int(size), root)


def parse_extended(lines: Sequence[str]) -> Head:
    """Read a head's three lines and the extension lines after them, of which one is known here and others are not read.

    Raises:
        ValueError: they are none, or the templates are named twice or in no known form.
    """
    head, more = parse_head(lines[:HEAD_LINES]), lines[HEAD_LINES:]
    named = [line.removeprefix(TEMPLATES_LINE) for line in more if line.startswith(TEMPLATES_WORD)]
    if "" in more or len(named) > 1 or not all(map(HASH.fullmatch, named)):
        raise ValueError("no head")
    return replace(head, templates=next(iter(named), ""))


@dataclass(frozen=True)
class Change:
    """A change of keys: the old one, the new one, and the last head of each log that the old one signed."""

    old: Key
    new: Key
    heads: dict[str, Head]


def parse_change(data: bytes) -> Change:
    """Read and verify the statement of a change of keys; both keys must have signed it.

    Raises:
        ValueError: it is none, or not signed by both.
    """
    note = parse_note(data)
    lines = note.lines
    if lines[0] != ROTATION:
        raise ValueError("no statement")
    old, new = Key.parse(lines[1]), Key.parse(lines[2])
    heads = [parse_head(lines[at : at + 3]) for at in range(3, len(lines), 3)]
    named = {head.origin: head for head in heads}
    if old.name != new.name or old == new or list(named) != sorted(named) or len(named) < len(heads):
        raise ValueError("no change of keys")
    if not (note.signed_by(old) and note.signed_by(new)):
        raise ValueError("not signed by both")
    return Change(old, new, named)


class Keys:
    """The keys that followed one another, each with its term."""

    def __init__(self, first: Key) -> None:
        self.keys = [first]
        self.changes: list[Change] = []

    def follow(self, change: Change) -> None:
        """Take one more change.

        Raises:
            ValueError: it does not replace the key in force, or names an earlier head than the change before.
        """
        if change.old != self.keys[-1] or change.new in self.keys:
            raise ValueError("another key is in force")
        for origin, head in change.heads.items():
            before = self._last(origin, len(self.changes))
            if before is not None and not head.goes_on(before):
                raise ValueError("a head went back")
        self.keys.append(change.new)
        self.changes.append(change)

    def may_sign(self, key: Key, head: Head) -> bool:
        """Tell whether a head lies in a key's term."""
        place = self.keys.index(key)
        begun = self._last(head.origin, place)
        if begun is not None and not head.goes_on(begun):
            return False
        if place == len(self.changes):
            return True
        ended = self.changes[place].heads.get(head.origin)
        return ended is not None and ended.goes_on(head)

    def _last(self, origin: str, changes: int) -> Head | None:
        named = (change.heads.get(origin) for change in reversed(self.changes[:changes]))
        return next((head for head in named if head is not None), None)


# -- the Merkle tree (RFC 6962, section 2.1) --------------------------------------------------------------------------


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf."""
    return _sha256(b"\x00" + entry).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return _sha256(b"\x01" + left + right).digest()


def roots_at(leaves: bytes, sizes: Sequence[int]) -> dict[int, bytes]:
    """Return the roots at some sizes, ascending and none beyond the leaves, which are 32 bytes each."""
    peaks: list[bytes] = []
    found: dict[int, bytes] = {}
    at = 0
    for size in sizes:
        while at < size:
            height = (size - at).bit_length() - 1
            while at & ((1 << height) - 1):
                height -= 1
            node, full = _whole(leaves[32 * at : 32 * (at + (1 << height))]), at >> height
            while full & 1:
                node = _node(peaks.pop(), node)
                full >>= 1
            peaks.append(node)
            at += 1 << height
        root = peaks[-1] if peaks else _sha256(b"").digest()
        for peak in reversed(peaks[:-1]):
            root = _node(peak, root)
        found[size] = root
    return found


def _whole(nodes: bytes) -> bytes:
    """Return the root over as many nodes as a power of two, 32 bytes each, level by level."""
    while len(nodes) > POINT_BYTES:
        nodes = b"".join([_sha256(b"\x01" + nodes[at : at + 64]).digest() for at in range(0, len(nodes), 64)])
    return nodes


def consistent(old: Head, new: Head, proof: Sequence[bytes]) -> bool:
    """Tell whether a proof shows that a later tree begins with an earlier one (RFC 9162, section 2.1.4.2)."""
    if old.size in {new.size, 0}:
        return not proof and (old.size == 0 or old.root == new.root)
    if old.size > new.size or not proof:
        return False
    path = list(proof)
    if old.size & (old.size - 1) == 0:
        path.insert(0, old.root)
    place, last = old.size - 1, new.size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    first = second = path[0]
    for node in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            first, second = _node(node, first), _node(node, second)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            second = _node(second, node)
        place, last = place >> 1, last >> 1
    return last == 0 and first == old.root and second == new.root


# -- the container: a ZIP of stored members, every byte of which follows from names and contents ----------------------

_LOCAL: Final = struct.Struct("<4s5H3L2H")
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
_END: Final = struct.Struct("<4s4H2LH")
LOCAL_MARK, CENTRAL_MARK, END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_MADE_BY, _NEEDED, _DATE, _MODE = 0x0314, 10, 0x0021, 0o100644 << 16
"""Unix, ZIP 2.0; a stored file needs 1.0; 1 January 1980, 00:00; a plain file that its owner may write."""

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
Data = bytes | mmap.mmap


@dataclass(frozen=True)
class Member:
    """A member: its name, where its bytes are in the file, and their SHA-256 by the manifest."""

    name: str
    start: int
    size: int
    sha256: str = ""

    @property
    def end(self) -> int:
        """Return where its bytes end."""
        return self.start + self.size

    def of(self, data: Data) -> bytes:
        """Return its bytes."""
        return data[self.start : self.end]


def local_header(name: str, size: int, crc: int) -> bytes:
    """Return the header before a member's bytes."""
    raw = name.encode()
    return _LOCAL.pack(LOCAL_MARK, _NEEDED, 0, 0, 0, _DATE, crc, size, size, len(raw), 0) + raw


def directory(entries: Iterable[tuple[str, int, int, int]]) -> bytes:
    """Return the directory and the end of a container.

    Args:
        entries: (name, size, CRC-32, offset of the local header), in their order.
    """
    parts, start = [], 0
    for name, size, crc, offset in entries:
        raw = name.encode()
        parts.append(
            _CENTRAL.pack(
                CENTRAL_MARK, _MADE_BY, _NEEDED, 0, 0, 0, _DATE, crc, size, size, len(raw), 0, 0, 0, 0, _MODE, offset
            )
            + raw
        )
        start = offset + _LOCAL.size + len(raw) + size
    whole = b"".join(parts)
    return whole + _END.pack(END_MARK, 0, 0, len(parts), len(parts), len(whole), start, 0)


def climbs_out(name: str) -> bool:
    """Tell whether a path leads out of the folder that an archive is unpacked into."""
    return name.startswith("/") or ".." in re.split(r"[/\\]", name) or re.match(r"[A-Za-z]:", name) is not None


def _swells(size: int, packed: int) -> bool:
    """Tell whether bytes would unpack to far more than what a bundle holds does."""
    return size > max(RATIO_FROM, RATIO_MOST * packed)


def _look_for_harm(data: Data) -> None:
    """Look at any ZIP's directory, ours or not, for what would harm whoever unpacks it.

    Raises:
        Refused: BUNDLE_PATH, BUNDLE_BOMB.
    """
    end = data.rfind(END_MARK, max(0, len(data) - 2**16 - _END.size))
    if end < 0 or end + _END.size > len(data):
        return
    _, _, _, _, count, size, at, _ = _END.unpack(data[end : end + _END.size])
    at = max(0, end - size)
    unpacked = 0
    for _ in range(min(count, MEMBERS_MOST)):
        head = data[at : at + _CENTRAL.size]
        if len(head) < _CENTRAL.size or head[:4] != CENTRAL_MARK:
            return
        values = _CENTRAL.unpack(head)
        method, packed, full, name_size, extra, comment, offset = (values[at_] for at_ in (4, 8, 9, 10, 11, 12, 16))
        raw = data[at + _CENTRAL.size : at + _CENTRAL.size + name_size]
        name = raw.decode("utf-8", "replace")
        # One changed byte is no second opinion: the name before the member's bytes must say the same.
        if climbs_out(name) and data[offset + _LOCAL.size : offset + _LOCAL.size + name_size] == raw:
            raise Refused("BUNDLE_PATH", repr(name))
        if method:
            unpacked += full
            if _swells(full, packed) or unpacked > FILE_MOST:
                raise Refused("BUNDLE_BOMB", repr(name))
        at += _CENTRAL.size + name_size + extra + comment


def _begins_as_bundle(data: Data) -> bool:
    """Tell whether the file says that it is a bundle, at its beginning or in its directory: one may be damaged."""
    raw = NOTE.encode()
    named = data[_LOCAL.size : _LOCAL.size + len(raw)] == raw
    return named or (data[:4] == LOCAL_MARK and data.find(raw, _LOCAL.size) >= 0)


_HEX: Final = 64
NOTE_LINES: Final = 5


@dataclass(frozen=True)
class Opened:
    """A container that was opened.

    Attributes:
        note: the signed note over the manifest.
        signer: the key that it names.
        manifest: what the bundle says of itself.
        members: by name, those of the manifest, in its order.
    """

    note: Note
    origin: str
    signer: Key
    manifest: dict[str, Any]
    members: dict[str, Member]


def bundle_text(origin: str, manifest: bytes, signer: str) -> str:
    """Return the text that is signed: which log, which manifest, by whom. No head can be read as it."""
    return f"{BUNDLE}{FORMAT}\n{origin}\n{_sha256(manifest).hexdigest()}\n{len(manifest)}\n{signer}\n"


def open_container(data: Data, findings: Findings) -> Opened | None:
    """Read note and manifest, and compare every byte of the container with what it must be.

    Returns:
        None where so much is wrong that nothing more can be read.

    Raises:
        Refused: NOT_A_BUNDLE, BUNDLE_TRUNCATED, BUNDLE_TOO_NEW, BUNDLE_PATH, BUNDLE_BOMB.
    """
    _look_for_harm(data)
    if not _begins_as_bundle(data) or len(data) < _LOCAL.size + len(NOTE):
        raise Refused("NOT_A_BUNDLE")
    start = _LOCAL.size + len(NOTE)
    size = _LOCAL.unpack(data[: _LOCAL.size])[8]
    if size > NOTE_MOST:
        findings.add("CONTAINER_BITS", NOTE)
        return None
    first = Member(NOTE, start, size)
    if first.end > len(data):
        raise Refused("BUNDLE_TRUNCATED", NOTE)
    signed = _signed(first.of(data), findings)
    if signed is None:
        return None
    note, origin, digest, length, signer = signed
    second = Member(MANIFEST, first.end + _LOCAL.size + len(MANIFEST), length, digest)
    if second.end > len(data):
        raise Refused("BUNDLE_TRUNCATED", MANIFEST)
    sound = _sha256(second.of(data)).hexdigest() == digest
    if not sound:
        findings.add("MANIFEST_CHANGED", MANIFEST)
        second = _as_its_header_says(data, second)
    text = second.of(data)
    manifest, listed = _manifest(text, second.end, sound=sound)
    if listed is None:
        findings.add("MANIFEST_CHANGED", MANIFEST)
        return None
    members = [first, second, *listed]
    whole = members[-1].end + _END.size + sum(_CENTRAL.size + len(member.name) for member in members)
    if sound and whole > len(data):
        cut = next((member.name for member in members if member.end > len(data)), "")
        raise Refused("BUNDLE_TRUNCATED", cut or f"byte {len(data)}")
    _compare_bits(data, members, findings)
    return Opened(note, origin, signer, manifest, {member.name: member for member in listed})


def _as_its_header_says(data: Data, member: Member) -> Member:
    """Return a member that was replaced, as large as the header before it says, to find out what else was."""
    header = data[first_byte(member) : member.start]
    size = _LOCAL.unpack(header[: _LOCAL.size])[8]
    sane = header[:4] == LOCAL_MARK and size <= SMALL_MOST and member.start + size <= len(data)
    return Member(member.name, member.start, size, member.sha256) if sane else member


def first_byte(member: Member) -> int:
    """Return where a member's header begins."""
    return member.start - _LOCAL.size - len(member.name)


def _signed(data: bytes, findings: Findings) -> tuple[Note, str, str, int, Key] | None:
    """Read the note over the manifest; a newer format is believed only under a right signature."""
    try:
        note = parse_note(data)
        title, origin, digest, length, key = note.lines[:NOTE_LINES]
        signer = Key.parse(key)
        kind = int(title.removeprefix(BUNDLE))
        right = note.signed_by(signer) is True
        if right and kind > FORMAT:
            raise Refused("BUNDLE_TOO_NEW", NOTE)
        if title != f"{BUNDLE}{FORMAT}" or not HASH.fullmatch(digest) or not 0 < int(length) <= SMALL_MOST:
            raise ValueError("no note over a manifest")  # noqa: TRY301 - all that is malformed ends alike
    except ValueError:
        findings.add("NOTE_FORM", NOTE)
        return None
    if not right or len(note.lines) > NOTE_LINES or len(note.signatures) > 1:
        findings.add("SIGNATURE_INVALID", NOTE)  # under another's signature, a line of any text would have no signer
    return note, origin, digest, int(length), signer


def _manifest(text: bytes, at: int, *, sound: bool) -> tuple[dict[str, Any], list[Member] | None]:
    """Read the manifest; None in place of the members where it is malformed.

    Raises:
        Refused: BUNDLE_TOO_NEW, BUNDLE_PATH, BUNDLE_BOMB, of a manifest that was signed so.
    """
    try:
        manifest = _json(text)
        listed = [(entry["name"], entry["size"], entry["sha256"]) for entry in manifest["members"]]
        kind = manifest["format"]
        known = isinstance(manifest["campaign"], str) and isinstance(manifest["code_version"], str)
        known = known and all(type(name) is str and type(size) is int and size >= 0 for name, size, _ in listed)
        known = known and all(type(digest) is str and len(digest) == _HEX for _, _, digest in listed)
        if type(kind) is not int or not known:
            return {}, None
    except (ValueError, KeyError, TypeError):
        return {}, None
    if sound and kind > FORMAT:
        raise Refused("BUNDLE_TOO_NEW", MANIFEST)
    names = [name for name, _, _ in listed]
    for name in names:
        if sound and climbs_out(name):
            raise Refused("BUNDLE_PATH", repr(name))
    if sound and (len(listed) > MEMBERS_MOST or any(s > SMALL_MOST for n, s, _ in listed if n != EVENTS)):
        raise Refused("BUNDLE_BOMB", MANIFEST)
    members = []
    for name, size, digest in listed:
        if not NAME.fullmatch(name):
            return {}, None
        member = Member(name, at + _LOCAL.size + len(name), size, digest)
        members.append(member)
        at = member.end
    if len(set(names)) < len(names) or {NOTE, MANIFEST} & set(names) or at > FILE_MOST:
        return {}, None
    return manifest, members


def _compare_bits(data: Data, members: Sequence[Member], findings: Findings) -> None:
    """Compare headers, contents, directory and end with what they must be; nothing may stand between or after."""
    entries = []
    for member in members:
        content = member.of(data)
        if member.sha256 and _sha256(content).hexdigest() != member.sha256 and member.name != MANIFEST:
            findings.add("MEMBER_CHANGED", member.name)
        crc = zlib.crc32(content)
        header = local_header(member.name, member.size, crc)
        offset = member.start - len(header)
        if data[offset : member.start] != header:
            findings.add("CONTAINER_BITS", member.name)
        entries.append((member.name, member.size, crc, offset))
    tail, at = directory(entries), members[-1].end
    found = data[at:]
    if found != tail:
        differs = next((i for i, (one, other) in enumerate(zip(found, tail, strict=False)) if one != other), None)
        findings.add("CONTAINER_BITS", f"byte {at + (min(len(found), len(tail)) if differs is None else differs)}")


# -- events -----------------------------------------------------------------------------------------------------------

_ACTOR: Final = b'{"actor":'
_CAUSES: Final = re.compile(
    rb',"causation":(?:null|"[^"\\\x00-\x1f]*"),"command_id":(?:null|"[^"\\\x00-\x1f]*"),"data":'
)
_TAIL: Final = re.compile(
    rb',"hash":"([0-9a-f]{64})","occurred_at":"([^"\\\x00-\x1f]{1,40})","policy":(\{[^{}]*\}),"prev_hash":'
    rb'"([0-9a-f]{64})","recorded_at":"([^"\\\x00-\x1f]{1,40})","schema":([1-9][0-9]{0,8}),'
    rb'"stream":"([^"\\\x00-\x1f]{1,250})","type":"([A-Za-z]{1,64})","version":([1-9][0-9]{0,8})\}\Z'
)
"""Every event's text is made so: its keys are sorted. What is no plain text here is looked at as JSON."""
BATCH: Final = 400
"""Events whose data are read as JSON at once: starting the reader takes longer than reading."""
_OWN_HASH: Final = len(',"hash":""') + _HEX
_TIME: Final = len("2025-06-15T08:00:00.000+08:00")
_END_OF: Final = b',"hash":"%b","occurred_at":"%b","policy":%b,"prev_hash":"%b","recorded_at":"%b%b%b","version":%d}'
_OCCURRED: Final = len(',"hash":"","occurred_at":"') + _HEX
_RECORDED: Final = _OCCURRED + _TIME + len('","policy":,"prev_hash":"","recorded_at":"') + _HEX
"""Where an event's end has its two times; its policy's text stands between them."""

_FIELDS: Final = frozenset(
    {
        "stream", "version", "type", "schema", "occurred_at", "recorded_at", "actor", "command_id", "causation",
        "policy", "data", "prev_hash", "hash",
    }
)  # fmt: skip
_READ_LATER: Final = frozenset(
    (
        b"CampaignDrafted", b"CalendarPublished", b"PolicyChangeAnnounced", b"SettlementComputed",
        b"SettlementLinesAdded", b"SettlementPublished", b"AdjustmentComputed", b"PaymentOrdered",
    )
)  # fmt: skip
_PUPIL: Final = re.compile(rb"stu_[a-z0-9]{6,32}")


@dataclass
class Stretch:
    """Events of one stream that follow each other in the list, each of the next version.

    Attributes:
        at: place of the first one in the list.
        prev_hash: what the first one continues.
        last_hash: of the last one.
    """

    at: int
    stream: str
    version: int
    prev_hash: str
    count: int
    last_hash: str

    @property
    def last(self) -> int:
        """Return the last version."""
        return self.version + self.count - 1


@dataclass
class Part:
    """What reading a part of the events gave.

    Attributes:
        leaves, hashes: 32 bytes for each event: its leaf's hash, and its own as computed.
        kept: events that are looked at again, in their order.
        pupils: (reference, event) where they were asked for.
    """

    leaves: bytes = b""
    hashes: bytes = b""
    stretches: list[Stretch] = field(default_factory=list)
    kept: list[dict[str, Any]] = field(default_factory=list)
    pupils: list[tuple[str, str]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


class _Forms:
    """Checks that events are canonical JSON, many at a time; places that are not are added to `bad`."""

    def __init__(self) -> None:
        self.bad: list[tuple[int, Finding]] = []
        self._sound: set[bytes] = set()
        self._waiting: list[tuple[int, bytes]] = []
        self._parts: dict[bytes, None] = {}
        self._new: dict[bytes, None] = {}

    def look(self, at: int, line: bytes, cut: int, policy: bytes) -> None:
        """Take one event.

        Args:
            at: its place in the list.
            line: its text, whose end has been read.
            cut: where its hash begins, after the data.
            policy: the text of its policy.
        """
        actor = line.find(b',"causation":')
        causes = _CAUSES.match(line, max(actor, 0), cut)
        if causes is None or not line.startswith(_ACTOR):
            self._one(at, line)
            return
        self._waiting.append((at, line))
        self._parts[line[causes.end() : cut]] = None
        for shared in (line[len(_ACTOR) : actor], policy):
            if shared not in self._sound:
                self._parts[shared] = self._new[shared] = None
        if len(self._waiting) >= BATCH:
            self.end()

    def end(self) -> None:
        """Look at what waits: together, and one by one where they do not pass together.

        Between two of them stands the digest of all, which none of them can hold: so none can pass for two, or two for
        one.
        """
        waiting, self._waiting = self._waiting, []
        parts, self._parts = [*self._parts], {}
        new, self._new = self._new, {}
        between = _sha256(b",".join(parts)).hexdigest()
        fence = f',"{between}",'.encode()
        try:
            b"".join([line for _, line in waiting]).decode()
            values = _json(b"[" + fence.join(parts) + b"]")
        except ValueError:
            values = [None]
        apart = len(values) == max(0, 2 * len(parts) - 1) and all(value == between for value in values[1::2])
        if not apart or any(type(value) is not dict for value in values[::2]):
            for at, line in waiting:
                self._one(at, line)
        else:
            self._sound.update(new)

    def _one(self, at: int, line: bytes) -> None:
        try:
            event = _json(line)
        except ValueError:
            event = None
        if not isinstance(event, dict) or event.keys() != _FIELDS or not isinstance(event["data"], dict):
            self.bad.append((at, Finding("EVENT_FORM", _name_of(line))))


def _name_of(line: bytes) -> str:
    """Return the id of an event whose end can be read."""
    tail = _TAIL.match(line, line.rfind(b',"hash":"'))
    return f"{tail[7].decode('utf-8', 'replace')}#{int(tail[9])}" if tail is not None else EVENTS


class _Next:
    """The end of a stream's next event, made again from the one before: comparing bytes is quicker than reading them.

    What is not as expected is read; nothing is refused here.
    """

    def __init__(self) -> None:
        self.policy = self._frame = b""
        self._recorded = self._kind = 0
        self._times: set[bytes] = set()
        self._kinds: set[bytes] = set()

    def follow(
        self, policy: bytes, schema: bytes, stream: bytes, occurred: bytes, recorded: bytes, kind: bytes
    ) -> None:
        """Expect another event like one that was read; its times and its type may come again."""
        self.policy = policy
        self._frame = b'","schema":%b,"stream":"%b","type":"' % (schema, stream)
        self._recorded = _RECORDED + len(policy)
        self._kind = self._recorded + _TIME + len(self._frame)
        self._times |= {occurred, recorded}
        self._kinds.add(kind)

    def kind(self, end: bytes, own: bytes, before: bytes, version: int) -> bytes | None:
        """Return the type that stands in an event's end, None where that is not as expected.

        Args:
            end: the text from the event's hash on.
            own: the event's hash, as computed.
            before: hash of the event before.
            version: the event's.
        """
        occurred = end[_OCCURRED : _OCCURRED + _TIME]
        recorded = end[self._recorded : self._recorded + _TIME]
        kind = end[self._kind : end.find(b'"', self._kind)]
        if kind not in self._kinds or occurred not in self._times or recorded not in self._times:
            return None
        frame = self._frame
        return kind if end == _END_OF % (own, occurred, self.policy, before, recorded, frame, kind, version) else None


def read_events(lines: Iterable[bytes], first: int, *, pupils: bool = False) -> Part:
    """Read events, one a line: form, own hash, and the chain inside each stretch.

    Args:
        lines: canonical JSON without line feeds.
        first: the place of the first one in the list, from 0.
        pupils: whether to collect the references of pupils.
    """
    part, forms, next_ = Part(), _Forms(), _Next()
    leaves, hashes, bad = [], [], forms.bad
    now: Stretch | None = None
    for at, line in enumerate(lines, first):
        leaves.append(_sha256(b"\x00" + line).digest())
        cut = line.rfind(b',"hash":"')
        computed = _sha256(line[:cut] + line[cut + _OWN_HASH :])
        own, policy, kind = computed.hexdigest(), next_.policy, None
        if now is not None:
            version = now.version + now.count
            kind = next_.kind(line[cut:], own.encode(), now.last_hash.encode(), version)
        if now is not None and kind is not None:
            now.count += 1
            now.last_hash = own
        else:
            tail = _TAIL.match(line, cut) if cut > 0 else None
            if tail is None:
                bad.append((at, Finding("EVENT_FORM", f"{EVENTS} line {at + 1}")))
                hashes.append(bytes(32))
                now = None
                continue
            says, occurred, policy, before, recorded, schema, raw, kind, number = tail.groups()
            stream, version, claimed = raw.decode("utf-8", "replace"), int(number), says.decode()
            if claimed != own:
                bad.append((at, Finding("EVENT_HASH", f"{stream}#{version}")))
            if now is not None and now.version + now.count == version and now.stream == stream:
                if before.decode() != now.last_hash:
                    bad.append((at, Finding("EVENT_CHAIN", f"{stream}#{version}")))
                now.count += 1
                now.last_hash = claimed
            else:
                now = Stretch(at, stream, version, before.decode(), 1, claimed)
                part.stretches.append(now)
            next_.follow(policy, schema, raw, occurred, recorded, kind)
        hashes.append(computed.digest())
        if now.last_hash == own:
            forms.look(at, line, cut, policy)
        if kind in _READ_LATER:
            part.kept += _kept(line)
        if pupils:
            name = f"{now.stream}#{version}"
            part.pupils += [(found.decode(), name) for found in dict.fromkeys(_PUPIL.findall(line))]
    forms.end()
    part.leaves, part.hashes = b"".join(leaves), b"".join(hashes)
    part.findings = [finding for _, finding in sorted(bad, key=lambda found: found[0])[:FINDINGS_MOST]]
    return part


def _kept(line: bytes) -> list[dict[str, Any]]:
    try:
        event = _json(line)
    except ValueError:
        return []  # named already
    return [event] if isinstance(event, dict) and isinstance(event.get("data"), dict) else []


@dataclass
class Events:
    """All events of a bundle.

    Attributes:
        places: by stream, its stretches in the order of versions.
    """

    part: Part
    campaign: str
    places: dict[str, list[Stretch]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Return how many there are."""
        return len(self.part.leaves) // 32

    def place(self, stream: str, version: int) -> int | None:
        """Return where an event stands in the list."""
        for stretch in self.places.get(stream, ()):
            if stretch.version <= version <= stretch.last:
                return stretch.at + version - stretch.version
        return None

    def leaf(self, stream: str, version: int) -> bytes | None:
        """Return an event's leaf."""
        at = self.place(stream, version)
        return None if at is None else self.part.leaves[32 * at : 32 * at + 32]

    def hash(self, stream: str, version: int) -> str | None:
        """Return the hash of an event, computed."""
        at = self.place(stream, version)
        return None if at is None else self.part.hashes[32 * at : 32 * at + 32].hex()

    def name(self, at: int) -> str:
        """Return which event stands at a place of the list."""
        for stretches in self.places.values():
            for stretch in stretches:
                if stretch.at <= at < stretch.at + stretch.count:
                    return f"{stretch.stream}#{stretch.version + at - stretch.at}"
        return f"{EVENTS} line {at + 1}"


def _lines(content: bytes) -> list[bytes]:
    lines = content.split(b"\n")
    return lines[:-1] if lines[-1] == b"" else lines


def _read_part(path: str, start: int, end: int, first: int, pupils: bool) -> tuple[Any, ...]:
    """Read the events between two bytes of a file; plain values, so that they can come from another process."""
    with Path(path).open("rb") as file:
        file.seek(start)
        part = read_events(_lines(file.read(end - start)), first, pupils=pupils)
    stretches = [(one.at, one.stream, one.version, one.prev_hash, one.count, one.last_hash) for one in part.stretches]
    return (
        part.leaves, part.hashes, stretches, part.kept, part.pupils, [(one.code, one.place) for one in part.findings]
    )  # fmt: skip


def _read_all(path: Path, data: Data, member: Member, ways: int, *, pupils: bool) -> Part:
    """Read all events, in so many processes."""
    bounds, first, tasks = [member.start], 0, []
    for way in range(1, ways):
        cut = data.find(b"\n", member.start + member.size * way // ways, member.end) + 1
        bounds.append(max(bounds[-1], cut or member.end))
    bounds.append(member.end)
    for start, end in pairwise(bounds):
        tasks.append((str(path), start, end, first, pupils))
        first += data[start:end].count(b"\n") if ways > 1 else 0
    whole = Part()
    for leaves, hashes, stretches, kept, told, findings in shared_out("events", tasks, ways):
        whole.leaves += leaves
        whole.hashes += hashes
        for one in (Stretch(*values) for values in stretches):
            last = whole.stretches[-1] if whole.stretches else None
            joins = last is not None and (last.stream, last.last + 1, last.last_hash) == (
                one.stream, one.version, one.prev_hash
            )  # fmt: skip
            if last is not None and joins and last.at + last.count == one.at:
                last.count, last.last_hash = last.count + one.count, one.last_hash
            else:
                whole.stretches.append(one)
        whole.kept += kept
        whole.pupils += told
        whole.findings += [Finding(*values) for values in findings]
    return whole


# -- several processes: this file again, without anything of the caller's ---------------------------------------------


def shared_out(work: str, tasks: Sequence[tuple[Any, ...]], ways: int) -> list[Any]:
    """Do tasks in so many processes, this one included; the results are in the order of the tasks.

    Args:
        work: a key of `_WORK`.
        tasks: arguments, plain values only.
        ways: how many processes.

    Raises:
        MemoryError: one of them had too little of it.
    """
    ways = max(1, min(ways, len(tasks)))
    command = [sys.executable, "-I", "-S", __file__, WORKER, work]
    others = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - this file, by itself
        for _ in range(1, ways)
    ]
    try:
        for way, other in enumerate(others, 1):
            assert other.stdin is not None
            other.stdin.write(marshal.dumps(list(tasks[way::ways])))
            other.stdin.close()
        shares = [[_WORK[work](*task) for task in tasks[::ways]]]
        for other in others:
            assert other.stdout is not None
            said = other.stdout.read()
            if other.wait() in (REJECTED, KILLED):
                raise MemoryError
            shares.append(marshal.loads(said))  # noqa: S302 - from this file, by itself
    finally:
        for other in others:
            other.kill()
            other.wait()
            for pipe in (other.stdin, other.stdout):
                if pipe is not None:
                    pipe.close()
    return [shares[number % ways][number // ways] for number in range(len(tasks))]


WORKER: Final = "--of-another-process"
KILLED: Final = -9
"""How a process ends that the system stops for want of memory."""


def _work(name: str) -> int:
    try:
        tasks = marshal.loads(sys.stdin.buffer.read())  # noqa: S302 - from this file, by itself
        sys.stdout.buffer.write(marshal.dumps([_WORK[name](*task) for task in tasks]))
    except MemoryError:
        return REJECTED
    return OK


def _check_chains(events: Events, sizes: Sequence[int], findings: Findings) -> list[Finding]:
    """Check that streams begin at 1 and go on without a gap.

    Returns:
        What does not stand in the order of the heads' leaves: told later, for one event too few moves all others.
    """
    misplaced: list[Finding] = []
    ends = iter([*sizes, 2**63])
    end = next(ends)
    before, last = "", None
    reached: dict[str, Stretch] = {}
    for stretch in events.part.stretches:
        name = f"{stretch.stream}#{stretch.version}"
        if stretch.stream != events.campaign and not stretch.stream.startswith(f"{events.campaign}/"):
            findings.add("EVENT_FOREIGN", name)
        while stretch.at >= end:
            reaches = last is not None and last.at + last.count > end
            before, end = (last.stream if last is not None and reaches else ""), next(ends)
        known = reached.get(stretch.stream)
        if stretch.version != (1 if known is None else known.last + 1):
            findings.add("EVENT_GAP", name)
        elif stretch.prev_hash != (GENESIS if known is None else known.last_hash):
            findings.add("EVENT_CHAIN", name)
        if before and stretch.stream < before:
            misplaced.append(Finding("EVENT_ORDER", name))
        before, last, reached[stretch.stream] = stretch.stream, stretch, stretch
        events.places.setdefault(stretch.stream, []).append(stretch)
    return misplaced


# -- keys and heads ---------------------------------------------------------------------------------------------------


def _check_keys(opened: Opened, data: Data, trusted: Key | None, findings: Findings) -> Keys | None:
    """Follow the keys from the first one; whoever signed the bundle must be the one in force."""
    place = KEYS
    try:
        (first,) = opened.members[KEYS].of(data).decode().splitlines()
        keys = Keys(Key.parse(first))
        for name in sorted(name for name in opened.members if name.startswith("rotations/")):
            place = name
            keys.follow(parse_change(opened.members[name].of(data)))
    except (ValueError, IndexError):
        findings.add("KEYS_BROKEN", place)
        return None
    if trusted is not None and trusted not in keys.keys:
        findings.add("SIGNER_UNKNOWN", KEYS)
    if opened.signer != keys.keys[-1] or any(key.name != opened.signer.name for key in keys.keys):
        findings.add("KEY_OUT_OF_TERM", NOTE)
    return keys


def _read_heads(opened: Opened, data: Data, keys: Keys | None, findings: Findings) -> list[tuple[str, Head]]:
    """Read and verify the signed heads; return those whose signature holds, in the order of their sizes."""
    heads: list[tuple[str, Head]] = []
    for name in sorted(name for name in opened.members if name.startswith("heads/")):
        try:
            note = parse_note(opened.members[name].of(data))
            head = parse_extended(note.lines)
        except ValueError:
            findings.add("HEAD_FORM", name)
            continue
        verdicts = {key: note.signed_by(key) for key in (keys.keys if keys is not None else ())}
        signers = [key for key, right in verdicts.items() if right]
        if False in verdicts.values() or not signers:
            findings.add("SIGNATURE_INVALID", name)
            continue
        if keys is not None and not any(keys.may_sign(key, head) for key in signers):
            findings.add("KEY_OUT_OF_TERM", name)
        if head.origin != opened.origin or (heads and heads[-1][1].size >= head.size):
            findings.add("HEAD_FORM", name)
            continue
        heads.append((name, head))
    return heads


def _check_heads(events: Events, heads: Sequence[tuple[str, Head]], findings: Findings) -> None:
    """Compare the roots of the events with the signed ones; a wrong one says between which events to look."""
    count = events.count
    if not heads:
        findings.add("MEMBER_MISSING", "heads/")
        return
    if heads[-1][1].size != count:
        findings.add("HEAD_SIZE", events.name(count - 1) if count else EVENTS)
    known = [head.size for _, head in heads if head.size <= count]
    roots = roots_at(events.part.leaves, known)
    before = 0
    for name, head in heads:
        if head.size <= count and roots[head.size] != head.root:
            span = f"{events.name(before)} – {events.name(head.size - 1)}" if head.size > before else EVENTS
            findings.add("HEAD_ROOT", f"{name} ({span})")
            return  # every later tree has the same wrong leaves
        before = head.size


def _check_proofs(opened: Opened, data: Data, heads: Sequence[tuple[str, Head]], findings: Findings) -> None:
    """Check the consistency proofs, for those who keep two heads and no events."""
    try:
        listed = _json(opened.members[PROOFS].of(data))
        proofs = {
            (entry["old"], entry["new"]): [base64.b64decode(node, validate=True) for node in entry["proof"]]
            for entry in listed
        }
    except (ValueError, KeyError, TypeError):
        findings.add("MEMBER_FORM", PROOFS)
        return
    pairs = [(old, new) for (_, old), (_, new) in pairwise(heads)]
    if list(proofs) != [(old.size, new.size) for old, new in pairs] or len(listed) != len(pairs):
        findings.add("PROOF_INVALID", PROOFS)
    for old, new in pairs:
        if not consistent(old, new, proofs.get((old.size, new.size), [b""])):
            findings.add("PROOF_INVALID", f"{PROOFS} {old.size}–{new.size}")


# -- the notice templates that heads name -----------------------------------------------------------------------------


def _check_templates(
    opened: Opened, data: Data, heads: Sequence[tuple[str, Head]], verdict: Verdict, findings: Findings
) -> None:
    """Compare the templates of the installation that wrote the bundle with those that the signed heads name.

    Versions are added and never edited. One that is as no head has named it is a fault, and so is one that is gone
    since the newest head. What changed from head to head is told: heads are signed, and cannot be mended any more.

    Raises:
        Refused: BUNDLE_BOMB, the lists together are larger than any one member may be.
    """
    if sum(one.size for name, one in opened.members.items() if name.startswith(TEMPLATE_LISTS)) > SMALL_MOST:
        raise Refused("BUNDLE_BOMB", TEMPLATE_LISTS)
    naming = [(name, head.templates) for name, head in heads if head.templates]
    verdict.unnamed = len(heads) - len(naming)
    lists: dict[str, dict[str, str]] = {}
    for digest in dict.fromkeys(digest for _, digest in naming):
        listed = _listed(opened, data, f"{TEMPLATE_LISTS}{digest}.json", findings)
        if listed is not None:
            lists[digest] = listed
    pairs = [(one, two) for one, two in pairwise(naming) if one[1] != two[1] and {one[1], two[1]} <= lists.keys()]
    verdict.templates = [_changes(one, lists[old], two, lists[new]) for (one, old), (two, new) in pairs[:FINDINGS_MOST]]
    verdict.templates_omitted = len(pairs[FINDINGS_MOST:])
    if not naming:
        return
    now, (last, newest) = _listed(opened, data, TEMPLATES, findings), naming[-1]
    if now is None or newest not in lists:
        return
    found = _changes(last, lists[newest], TEMPLATES, now)
    known = {entry for listed in lists.values() for entry in listed.items()}
    edited = [label for label in found["changed"] if (label, now[label]) not in known]
    for label in sorted([*edited, *found["gone"]]):
        findings.add("TEMPLATE_CHANGED", f"{TEMPLATES} {label} ({last})")
    if now != lists[newest]:
        verdict.templates.append(found)


def _listed(opened: Opened, data: Data, member: str, findings: Findings) -> dict[str, str] | None:
    """Return label → digest of a list of templates; None where it is missing, malformed or not what its name says."""
    if member not in opened.members:
        findings.add("MEMBER_MISSING", member)
        return None
    content = opened.members[member].of(data)
    if member not in (TEMPLATES, f"{TEMPLATE_LISTS}{_sha256(content).hexdigest()}.json"):
        findings.add("TEMPLATE_CHANGED", member)
        return None
    try:
        listed = _json(content)
        if not all(NAME.fullmatch(label) and HASH.fullmatch(digest) for label, digest in listed.items()):
            raise ValueError("no list of templates")  # noqa: TRY301 - all that is malformed ends alike
    except (ValueError, TypeError, AttributeError):
        findings.add("MEMBER_FORM", member)
        return None
    return dict(listed)


def _changes(before: str, old: dict[str, str], after: str, new: dict[str, str]) -> dict[str, Any]:
    """Return where templates differ between two places, and how."""
    return {
        "from": before,
        "to": after,
        "new": sorted(new.keys() - old.keys()),
        "changed": sorted(label for label in new.keys() & old.keys() if new[label] != old[label]),
        "gone": sorted(old.keys() - new.keys()),
    }


# -- the engine's histories -------------------------------------------------------------------------------------------


CLOSING: Final = frozenset(
    f"EVENT_TYPE_WORKFLOW_EXECUTION_{end}"
    for end in ("COMPLETED", "CONTINUED_AS_NEW", "FAILED", "TERMINATED", "TIMED_OUT", "CANCELED")
)
"""How a history ends; that of a run that goes on ends otherwise."""


@dataclass(frozen=True)
class Told:
    """What a run's history says.

    Attributes:
        code: what is wrong with it, empty where it could be read.
        closed: whether the run had ended.
        version, hash: where the run took the stream up.
        leaves: of the events that it handed to the ledger, 32 bytes each.
        versions: of these events.
        run: the run's id, as its first event has it.
        events: how many the history has.
    """

    code: str = ""
    stream: str = ""
    closed: bool = False
    version: int = 0
    hash: str = ""
    leaves: bytes = b""
    versions: tuple[int, ...] = ()
    run: str = ""
    events: int = 0


def _is_bomb(size: int, packed: int) -> bool:
    """Tell whether so many packed bytes hold no history of that size."""
    return not 0 <= size <= HISTORY_MOST or _swells(size, packed)


def unpacked(packed: bytes, size: int) -> bytes:
    """Return what a gzip file holds, reading no further than it says.

    Raises:
        ValueError: it holds more, less, something after its end, or is none.
        Refused: BUNDLE_BOMB.
    """
    if _is_bomb(size, len(packed)):
        raise Refused("BUNDLE_BOMB")
    reader = zlib.decompressobj(wbits=31)
    try:
        text = reader.decompress(packed, size + 1)
    except zlib.error:
        raise ValueError("no gzip") from None
    if len(text) != size or not reader.eof or reader.unused_data:
        raise ValueError("another size")
    return text


def read_history(packed: bytes, size: int, digest: str) -> Told:
    """Read one run's history: where it began, and which events it handed to the ledger."""
    try:
        text = unpacked(packed, size)
    except Refused:
        return Told("BUNDLE_BOMB")
    except ValueError:
        return Told("HISTORY_DIGEST")
    if _sha256(text).hexdigest() != digest:
        return Told("HISTORY_DIGEST")
    if _too_many(text):
        return Told("BUNDLE_BOMB")
    try:
        history = json.loads(text)
        start = history["events"][0]["workflowExecutionStartedEventAttributes"]
        carry = _payload(start["input"]["payloads"][0])
        leaves, versions = bytearray(), []
        for event in history["events"]:
            scheduled = event.get("activityTaskScheduledEventAttributes")
            if scheduled and scheduled["activityType"]["name"] == "append":
                for envelope in _payload(scheduled["input"]["payloads"][0])["events"]:
                    leaves += leaf_hash(_encode(envelope).encode())
                    versions.append(int(envelope["version"]))
        return Told(
            "",
            carry["stream"],
            history["events"][-1]["eventType"] in CLOSING,
            int(carry.get("version", 0)),
            carry.get("hash", GENESIS),
            bytes(leaves),
            tuple(versions),
            start["originalExecutionRunId"],
            len(history["events"]),
        )
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError, RecursionError):
        return Told("HISTORY_FORM")


def _payload(data: dict[str, Any]) -> Any:
    text = base64.b64decode(data["data"])
    if _too_many(text):
        raise ValueError("too many values")
    return json.loads(text)


def _history_of(path: str, start: int, end: int, size: int, digest: str) -> tuple[Any, ...]:
    with Path(path).open("rb") as file:
        file.seek(start)
        told = read_history(file.read(end - start), size, digest)
    return (
        told.code, told.stream, told.closed, told.version, told.hash, told.leaves, told.versions, told.run, told.events
    )  # fmt: skip


_WORK: Final[dict[str, Callable[..., Any]]] = {"events": _read_part, "histories": _history_of}


def _check_histories(
    opened: Opened, path: Path, data: Data, events: Events, ways: int, findings: Findings
) -> tuple[int, int, int]:
    """Check every history against its digest and the events.

    Returns:
        How many there are, how many of their runs go on, and how many events they hold.

    Raises:
        Refused: BUNDLE_BOMB.
    """
    named = {name for name in opened.members if name.startswith("histories/")}
    try:
        index = _json(opened.members[HISTORIES].of(data))
        rows = [(row, opened.members[row["member"]]) for row in index]
        tasks = [(str(path), of.start, of.end, int(row["size"]), str(row["digest"])) for row, of in rows]
        if {row["member"] for row, _ in rows} != named or len(rows) != len(named):
            findings.add("MEMBER_MISSING", HISTORIES)
        if len(rows) > len(named):  # one member a thousand times is work without end
            return 0, 0, 0
        sizes = [(int(row["size"]), of.size) for row, of in rows]
        bombs = [of.name for row, of in rows if _is_bomb(int(row["size"]), of.size)]
        if bombs or _swells(sum(size for size, _ in sizes), sum(packed for _, packed in sizes)):
            raise Refused("BUNDLE_BOMB", bombs[0] if bombs else HISTORIES)
        largest = max([1, *(size for size, _ in sizes)])
        ways = min(ways, HISTORY_MOST // largest)  # at one time no more than one of them may have
        told = [Told(*values) for values in shared_out("histories", tasks, ways)]
        held, ends = 0, dict[str, tuple[int, str]]()
        for (row, member), one in zip(rows, told, strict=True):
            if one.code == "BUNDLE_BOMB":
                raise Refused("BUNDLE_BOMB", member.name)
            held += _check_history(row, member.name, one, events, ends, findings)
    except (ValueError, KeyError, TypeError):
        findings.add("MEMBER_FORM", HISTORIES)
        return 0, 0, 0
    return len(rows), sum(not one.closed for one in told), held


def _check_history(
    row: dict[str, Any], place: str, told: Told, events: Events, ends: dict[str, tuple[int, str]], findings: Findings
) -> int:
    """Check one run's history; return how many of the record's events it holds."""
    stream = row["workflow_id"]
    where = f"{place} ({stream})"
    if told.code:
        findings.add(told.code, where)
        return 0
    last = told.versions[-1] if told.versions else told.version
    named = (row["run_id"], row["history_events"], row["first_version"], row["last_version"], row["closed"])
    if told.stream != stream or named != (told.run, told.events, told.version + 1, last, told.closed):
        findings.add("HISTORY_FORM", where)
        return 0
    if (told.version, told.hash) != ends.get(stream, (0, GENESIS)):
        findings.add("HISTORY_SEGMENT", where)
    ends[stream] = (last, row["last_hash"]) if told.closed else (-1, "")  # nothing follows a run that goes on
    held = 0
    for number, version in enumerate(told.versions):
        if version != told.version + 1 + number:
            findings.add("HISTORY_FORM", where)
            break
        if events.leaf(stream, version) != told.leaves[32 * number : 32 * number + 32]:
            findings.add("HISTORY_EVENTS", f"{stream}#{version}")
            break  # a chain that was hashed anew differs from there on
        held += 1
    if told.versions and row["last_hash"] != events.hash(stream, last):
        findings.add("HISTORY_EVENTS", f"{stream}#{last}")
    return held


# -- the settlement: whole heads and whole yuan, no fractions and no floats ------------------------------

FEN: Final = 100


def least_heads(line: str, quota: int, *, strict: bool) -> int:
    """Return the fewest heads that are past a line such as "4/5" of a quota; a whole quota is met by meeting it."""
    numerator, _, denominator = line.partition("/")
    heads, rest = divmod(int(numerator) * quota, int(denominator or "1"))
    return heads + 1 if rest or (strict and int(numerator) != int(denominator or "1")) else heads


def reward_yuan(quota: int, countable: int, school: tuple[int, int], rules: dict[str, Any]) -> int:
    """Return a class's reward, negative for a penalty.

    Args:
        quota: the class's, in heads.
        countable: the class's countable pupils.
        school: both of its school, which picks the tier where the policy says so.
        rules: the policy's parameters.
    """
    if quota == 0 and rules["zero_quota"] == "NO_TASK":
        return 0
    strict = rules["tier_boundary"] == "strict"
    asked, reached = school if rules["reward_ratio"] == "school" else (quota, countable)
    for line, yuan in rules["reward_tiers"]:
        if reached >= least_heads(line, asked, strict=strict):
            return int(yuan) * (min(countable, quota) if rules["cap_at_quota"] else countable)
    if not rules["reward_tiers"]:
        return 0
    wanted = quota
    if rules["shortfall_base"] == "lowest_tier":
        wanted = least_heads(rules["reward_tiers"][-1][0], quota, strict=strict)
    return -int(rules["penalty"]) * max(0, wanted - countable)


def class_points(quota: int, countable: int, rules: dict[str, Any]) -> int:
    """Return the points of a class."""
    if quota == 0 and rules["zero_quota"] == "NO_TASK":
        return 0
    return int(rules["points_full"]) if countable >= quota else int(rules["points_missing"]) * (quota - countable)


def settled(lines: Sequence[dict[str, Any]], profile: dict[str, Any], voided: Sequence[str]) -> list[tuple[int, int]]:
    """Return (fen, points) of each line, from its counts alone."""
    rules, shadow = profile["parameters"], profile["shadow"]
    payable = rules.get("payable", False) and not shadow
    schools: dict[str, tuple[int, int]] = {}
    for line in lines:
        quota, countable = schools.get(line["school"], (0, 0))
        schools[line["school"]] = (quota + line["quota"], countable + line["countable"])
    found = []
    for line in lines:
        void = f"{line['school']}/{line['class_id']}" in voided
        yuan = 0 if void else reward_yuan(line["quota"], line["countable"], schools[line["school"]], rules)
        points = 0 if void else class_points(line["quota"], line["countable"], rules)
        if payable and rules["penalty_from"] == "shadow_only":
            yuan = max(0, yuan)
        if line["free_refusals"] and not shadow:  # nobody loses by what families freely decide
            yuan, points = max(0, yuan), max(0, points)
        found.append((yuan * FEN, points))
    return found


@dataclass
class Run:
    """A version of a settlement, with what followed it."""

    name: str
    computed: dict[str, Any]
    lines: list[dict[str, Any]]
    acts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


def _check_settlements(events: Events, profiles: Sequence[dict[str, Any]], findings: Findings) -> int:
    """Compute every version of every run again from its own numbers; return how many there are."""
    runs: list[Run] = []
    latest: dict[str, Run] = {}
    for event in events.part.kept:
        data, name = event["data"], f"{event['stream']}#{event['version']}"
        try:
            if event["type"] == "SettlementComputed":
                runs.append(Run(name, data, list(data["lines"])))
                latest[data["run"]] = runs[-1]
            elif event["type"] == "SettlementLinesAdded":
                latest[data["run"]].lines += data["lines"]
            elif event["type"] in ("AdjustmentComputed", "SettlementPublished", "PaymentOrdered"):
                latest[data["run"]].acts.append((name, event))
        except (KeyError, TypeError):
            findings.add("EVENT_FORM", name)
    for run in runs:
        try:
            _check_run(run, events, profiles, findings)
        except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError):
            findings.add("EVENT_FORM", run.name)
    return len(runs)


def _check_run(run: Run, events: Events, profiles: Sequence[dict[str, Any]], findings: Findings) -> None:
    computed, lines = run.computed, run.lines
    wanted = (computed["profile"], computed["profile_version"])
    named = [
        profile
        for profile in profiles
        if (profile["id"], profile["version"]) == wanted
        and digest_of(profile["parameters"]) == computed["parameter_hash"]
    ]
    if not named:
        findings.add("SETTLEMENT_POLICY", run.name)
    elif [(line["amount_fen"], line["points"]) for line in lines] != settled(lines, named[0], computed["voided"]):
        findings.add("SETTLEMENT_LINES", run.name)
    if digest_of(lines) != computed["lines_digest"]:
        findings.add("SETTLEMENT_DIGEST", run.name)
    sums = {name: sum(line[name] for line in lines) for name in ("quota", "countable", "amount_fen", "points")}
    if computed["totals"] != {"classes": len(lines), **sums}:
        findings.add("SETTLEMENT_TOTALS", run.name)
    for stream, mark in computed["basis"].items():
        if events.hash(stream, mark["version"]) != mark["hash"]:
            findings.add("SETTLEMENT_BASIS", run.name)
    current, total, revision = computed["lines_digest"], sums["amount_fen"], 0
    for name, event in run.acts:
        act = event["data"]
        if event["type"] == "AdjustmentComputed":
            total += act["delta_fen"]
            if "lines_digest" in act:  # an older release kept the digest of the version through its corrections
                current, revision = digest_of([current, act["line"], act["delta_fen"]]), revision + 1
        if (act.get("lines_digest", current), act.get("revision", 0)) != (current, revision):
            findings.add("SETTLEMENT_DIGEST", name)
        if act.get("total_fen", total) != total:
            findings.add("SETTLEMENT_TOTALS", name)


def _check_derived(opened: Opened, data: Data, events: Events, findings: Findings) -> list[dict[str, Any]]:
    """Check the policies and calendars against the events that they were taken from; return all policies."""
    policies, calendars = [], []
    for event in events.part.kept:
        name, kind, values = f"{event['stream']}#{event['version']}", event["type"], event["data"]
        if kind in ("CampaignDrafted", "PolicyChangeAnnounced"):
            policies.append(
                {"event": name, "profile": values.get("policy" if kind == "CampaignDrafted" else "profile")}
            )
        if kind in ("CampaignDrafted", "CalendarPublished"):
            calendars.append({"event": name, "calendar": values.get("calendar")})
    found: list[dict[str, Any]] = []
    try:
        held = _json(opened.members[POLICIES].of(data))
        if held["campaign"] != policies:
            findings.add("DERIVED", POLICIES)
        found = [entry["profile"] for entry in policies] + list(held["shipped"])
        if any(not isinstance(profile["parameters"], dict) for profile in found):
            raise ValueError("no profile")  # noqa: TRY301 - all that is malformed ends alike
        if _json(opened.members[CALENDARS].of(data)) != calendars:
            findings.add("DERIVED", CALENDARS)
    except (ValueError, KeyError, TypeError):
        findings.add("MEMBER_FORM", POLICIES)
    return found


# -- the sample -------------------------------------------------------------------------------------------------------


def draw(pupils: Iterable[tuple[str, str]], number: int, seed: str) -> list[dict[str, Any]]:
    """Draw pupils, each school's share of them by its size, in the order of SHA-256 over seed and reference.

    Nobody can steer that order, and anybody with the bundle and the seed draws the same again (R-21).

    Args:
        pupils: (reference, event id), as the events speak of them.
        number: how many are wanted.
        seed: any text; publish it before the bundle is made.
    """
    schools: dict[str, str] = {}
    told: dict[str, list[str]] = {}
    for pupil, event in pupils:
        parts = event.partition("#")[0].split("/")
        if len(parts) > len(("campaign", "county", "year")) and parts[3] != "compliance":
            schools.setdefault(pupil, parts[3])
        told.setdefault(pupil, []).append(event)
    strata: dict[str, list[str]] = {}
    for pupil, school in schools.items():
        strata.setdefault(school, []).append(pupil)
    whole = len(schools)
    number = min(number, whole)
    shares = {school: divmod(number * len(own), whole) for school, own in strata.items()}
    rest = number - sum(least for least, _ in shares.values())
    more = sorted(shares, key=lambda school: (-shares[school][1], school))[:rest]
    drawn = []
    for school in sorted(strata):
        own = sorted(strata[school], key=lambda pupil: _sha256(f"{seed}\n{pupil}".encode()).hexdigest())
        share = shares[school][0] + (school in more)
        drawn += [{"school": school, "student": pupil, "events": told[pupil]} for pupil in own[:share]]
    return drawn


# -- all of it --------------------------------------------------------------------------------------------------------


def verify(
    path: Path, key: Key | None = None, *, sample: int = 0, seed: str = "", processes: int | None = None
) -> Verdict:
    """Verify a bundle.

    Args:
        path: the file.
        key: a public key that the auditor was given by another way; without one nobody vouches for the signer.
        sample: how many pupils to draw.
        seed: of the draw.
        processes: how many to use; None chooses by the size and the cores.

    Raises:
        Refused: the file is none to verify.
    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise Refused("NOT_A_BUNDLE")
            if os.fstat(file.fileno()).st_size > FILE_MOST:
                raise Refused("BUNDLE_BOMB")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _verify(path, data, key, sample, seed, processes)
    except OSError:
        raise Refused("FILE_UNREADABLE") from None
    except MemoryError:
        raise Refused("BUNDLE_BOMB") from None


def _verify(path: Path, data: Data, key: Key | None, sample: int, seed: str, processes: int | None) -> Verdict:
    outer, inner, verdict = Findings(), Findings(), Verdict()
    opened = open_container(data, outer)
    if opened is not None:
        verdict.campaign, verdict.origin = opened.manifest["campaign"], opened.origin
        verdict.key, verdict.code_version = str(opened.signer), opened.manifest["code_version"]
        missing = [name for name in NEEDED if name not in opened.members]
        for name in missing:
            inner.add("MEMBER_MISSING", name)
        if not missing:
            events = _check_inside(opened, path, data, key, processes, verdict, inner, pupils=sample > 0)
            if sample and not inner.all and not outer.all:
                verdict.sample = draw(events.part.pupils, sample, seed)
    verdict.findings = [*inner.all, *(found for found in outer.all if found not in inner.all)]
    verdict.omitted = inner.omitted + outer.omitted
    verdict.trusted = key is not None and verdict.verified
    return verdict


def _check_inside(
    opened: Opened,
    path: Path,
    data: Data,
    key: Key | None,
    processes: int | None,
    verdict: Verdict,
    findings: Findings,
    *,
    pupils: bool,
) -> Events:
    """Check what the members say: events, heads, histories, settlements."""
    keyed = Findings()  # told last: what was changed is named before who did not sign it
    keys = _check_keys(opened, data, key, keyed)
    heads = _read_heads(opened, data, keys, keyed)
    content = opened.members[EVENTS]
    cores = os.cpu_count() or 1
    work = content.size + PACKED * sum(one.size for one in opened.members.values() if one.name.startswith("histories/"))
    ways = processes or (cores if work >= WORTH_PROCESSES and sys.executable else 1)
    part = _read_all(path, data, content, ways, pupils=pupils)
    events = Events(part, opened.manifest["campaign"])
    for found in part.findings:
        findings.add(found.code, found.place)
    misplaced = _check_chains(events, [head.size for _, head in heads], findings)
    held = 0
    if key is None or (keys is not None and key in keys.keys):  # a stranger's histories may be made to eat this machine
        verdict.histories, verdict.running, held = _check_histories(opened, path, data, events, ways, findings)
    whole = bool(heads) and heads[-1][1].size == events.count
    for found in misplaced if whole else ():
        findings.add(found.code, found.place)
    _check_heads(events, heads, findings)
    for found in misplaced:
        findings.add(found.code, found.place)
    _check_origin(opened, events, findings)
    profiles = _check_derived(opened, data, events, findings)
    verdict.settlements = _check_settlements(events, profiles, findings)
    _check_proofs(opened, data, heads, findings)
    _check_templates(opened, data, heads, verdict, findings)
    for found in keyed.all:
        findings.add(found.code, found.place)
    findings.omitted += keyed.omitted
    verdict.events, verdict.streams, verdict.heads = events.count, len(events.places), len(heads)
    verdict.unarchived = events.count - held
    return events


def _check_origin(opened: Opened, events: Events, findings: Findings) -> None:
    """Check that the log's name is the key's with the campaign's, and a rehearsal's own."""
    clocks = [event["data"].get("clock") for event in events.part.kept if event["type"] == "CampaignDrafted"]
    campaign = opened.manifest["campaign"]
    middle = "" if clocks == ["engine"] else "rehearsal/"
    if opened.origin != f"{opened.signer.name}/{middle}{campaign}":
        findings.add("HEAD_FORM", NOTE)


# -- the command ------------------------------------------------------------------------------------------------------


def told(verdict: Verdict, lang: str = "zh") -> str:
    """Return what there is to say, for a person."""
    zh = lang != "en"
    lines = [
        f"审计包：{verdict.campaign}（程序版本 {verdict.code_version}）"
        if zh
        else f"Bundle: {verdict.campaign} (written by release {verdict.code_version})",
        f"事件 {verdict.events} 条，流 {verdict.streams} 条，签名检查点 {verdict.heads} 个，"
        f"流程历史 {verdict.histories} 份（其中 {verdict.running} 份的流程仍在进行），结算 {verdict.settlements} 次"
        if zh
        else f"{verdict.events} events, {verdict.streams} streams, {verdict.heads} signed heads, "
        f"{verdict.histories} histories ({verdict.running} of runs that go on), {verdict.settlements} settlements",
    ]
    if verdict.verified:
        lines.append(
            "核验通过：容器、清单、哈希链、树根、签名、流程历史和结算全部一致。"
            if zh
            else "Verified: container, manifest, chains, roots, signatures, histories and settlements agree."
        )
        if verdict.unarchived:
            lines.append(
                f"说明：{verdict.unarchived} 条事件在包中没有流程历史佐证，只由哈希链和签名检查点保护。"
                if zh
                else f"Note: {verdict.unarchived} events have no history here; chains and signed heads protect them."
            )
        lines += _told_of_templates(verdict, zh=zh)
        lines.append(f"签署公钥：{verdict.key}" if zh else f"Signed by: {verdict.key}")
        lines += warnings(verdict, lang)
    else:
        first = verdict.findings[0]
        lines.append(f"核验不符，第一处：{first.place}" if zh else f"NOT verified; the first bad place: {first.place}")
        lines += [f"  - {found.place}：{found.message(lang)} [{found.code}]" for found in verdict.findings]
        if verdict.omitted:
            lines.append(f"  另有 {verdict.omitted} 处未列出" if zh else f"  and {verdict.omitted} more")
    for one in verdict.sample:
        lines.append(f"抽样 {one['school']} {one['student']}：" if zh else f"sample {one['school']} {one['student']}:")
        lines += [f"    {event}" for event in one["events"]]
    return "\n".join(lines)


def _told_of_templates(verdict: Verdict, *, zh: bool) -> list[str]:
    """Return what a person is told of the notice templates."""
    lines = []
    if verdict.unnamed:
        lines.append(
            f"说明：{verdict.unnamed} 个检查点没有载明通知模板（由较早的程序版本签署），其时的模板无从核对。"
            if zh
            else f"Note: {verdict.unnamed} heads name no templates (an older release signed them)."
        )
    words = (("new", "新增", "new"), ("changed", "改动", "edited"), ("gone", "删去", "gone"))
    for one in verdict.templates:
        what = [(chinese if zh else english, one[name]) for name, chinese, english in words if one[name]]
        lines.append(
            f"说明：通知模板自 {one['from']} 至 {one['to']} 有变化："
            + "；".join(f"{word} {'、'.join(labels)}" for word, labels in what)
            if zh
            else f"Note: the notice templates changed from {one['from']} to {one['to']}: "
            + "; ".join(f"{word} {', '.join(labels)}" for word, labels in what)
        )
    if more := verdict.templates_omitted:
        lines.append(f"  另有 {more} 处模板变化未列出" if zh else f"  and {more} more changes of templates")
    return lines


def warnings(verdict: Verdict, lang: str = "zh") -> list[str]:
    """Return what whoever reads a good verdict must know of its limits."""
    if verdict.trusted or not verdict.verified:
        return []
    return [
        "Note: no key was given. The signature proves self-consistency only, not who signed: give with --key the "
        "public key that you got by another way."
        if lang == "en"
        else "注意：未提供公钥。签名只能证明文件自身前后一致，不能证明出自何人；请用 --key 给出从另一途径取得的公钥。"
    ]


def as_data(verdict: Verdict, lang: str = "zh") -> dict[str, Any]:
    """Return the verdict as one JSON object; of a bad bundle with the first bad place under `error`."""
    counts = (
        "events", "streams", "heads", "histories", "running", "settlements", "unarchived", "unnamed",
        "templates_omitted", "omitted",
    )  # fmt: skip
    data: dict[str, Any] = {
        "verified": verdict.verified,
        "campaign": verdict.campaign,
        "origin": verdict.origin,
        "key": verdict.key,
        "trusted": verdict.trusted,
        "code_version": verdict.code_version,
        **{name: getattr(verdict, name) for name in counts},
        "findings": [found.as_data(lang) for found in verdict.findings],
        "templates": verdict.templates,
        "sample": verdict.sample,
        "warnings": warnings(verdict, lang),
    }
    if verdict.findings:
        data["error"] = error_of(verdict.findings[0], lang)
    return data


def error_of(found: Finding | Refused, lang: str = "zh") -> dict[str, str]:
    """Return the error of the command line's contract."""
    sentence = SENTENCES[found.code][1 if lang == "en" else 0]
    changed, other = (
        ("请勿采信，并与另存的副本比对。", "请重新取得文件，必要时取得较新的核验程序。")
        if lang != "en"
        else ("Do not trust it; compare it with another copy.", "Get the file again, or a newer verifier.")
    )
    remedy = changed if isinstance(found, Finding) else other
    return {"code": found.code, "message": sentence, "place": found.place, "remedy": remedy}


def read_key(text: str) -> Key:
    """Read a public key, or the first line of the file that has it.

    Raises:
        ValueError: it is none; a private key is not repeated.
    """
    try:
        if "+" not in text or Path(text).is_file():
            text = Path(text).read_text(encoding="utf-8").split("\n")[0].strip()
    except (OSError, UnicodeDecodeError):
        raise ValueError("no such file") from None
    if text.startswith("PRIVATE+KEY+"):
        raise ValueError("a private key")
    return Key.parse(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(description="核验审计包（离线）/ verify an auditor's bundle, offline")
    parser.add_argument("bundle", type=Path, help="审计包文件 / the bundle")
    parser.add_argument("--key", help="公钥或其文件 / the public key, or the file that has it")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="抽取 N 名学生 / draw N pupils")
    parser.add_argument("--seed", default="", help="抽样种子 / the draw's seed")
    parser.add_argument("--json", action="store_true", help="只输出一个 JSON 对象 / print one JSON object")
    parser.add_argument("--lang", choices=("zh", "en"), default="zh")
    given = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # an office PC's console may know no Chinese: replace, never fail
            stream.reconfigure(errors="replace")
    try:
        key = None if given.key is None else read_key(given.key)
    except ValueError:
        sys.stderr.write("--key：不是公钥（名称+编号+base64）/ this is no public key (name+id+base64)\n")
        return USAGE
    try:
        verdict = verify(given.bundle, key, sample=max(0, given.sample), seed=given.seed)
    except Refused as refused:
        error = error_of(refused, given.lang)
        shown = (
            json.dumps({"error": error}, ensure_ascii=False) if given.json else f"{error['message']} {refused.place}"
        )
        sys.stdout.write(f"{shown.strip()}\n")
        return REJECTED
    shown = json.dumps(as_data(verdict, given.lang), ensure_ascii=False) if given.json else told(verdict, given.lang)
    sys.stdout.write(f"{shown}\n")
    return OK if verdict.verified else NOT_VERIFIED


if __name__ == "__main__":
    sys.exit(_work(sys.argv[2]) if sys.argv[1:2] == [WORKER] else main())
