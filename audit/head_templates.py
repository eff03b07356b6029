"""The notice templates that a head names: one extension line, the digest over the list of their files' digests.

No event says what a template's file held. So each head says it of all that were in use when it was signed, in one line
after the root (C2SP tlog-checkpoint, extension lines):

    templates sha256:{SHA-256 of the list, 64 hex digits}

The list is canonical JSON, `{"{purpose}/{version}":"{SHA-256 of the file}",…}`, keys sorted, no white space. A file
holds a version's wording in both languages with its variables, and a published version never changes: lists grow.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from audit.checkpoint import parse_checkpoint
from audit.signed_note import parse_note
from audit.verifier.verify_bundle import TEMPLATES_LINE
from domain.canonical import encode
from ledger.heads import KeptHead


def listing(templates: Mapping[str, str]) -> str:
    """Return the list of some templates.

    Args:
        templates: label (`purpose/version`) → SHA-256 of the file, hex.
    """
    return encode(dict(templates))


def digest_of(listed: str) -> str:
    """Return a list's digest, hex: what a head names it by."""
    return hashlib.sha256(listed.encode()).hexdigest()


def line_of(listed: str) -> str:
    """Return the extension line that names a list."""
    return TEMPLATES_LINE + digest_of(listed)


def named_by(head: KeptHead) -> str | None:
    """Return the digest that a head of the ledger's names, None where it names no templates, as older releases' do.

    Raises:
        NoteError: it is no head.
    """
    lines = parse_checkpoint(parse_note(head.note.encode()).text).extensions
    return next((line.removeprefix(TEMPLATES_LINE) for line in lines if line.startswith(TEMPLATES_LINE)), None)


def digests_named(heads: Iterable[KeptHead]) -> list[str]:
    """Return the digests that heads name, each once, in the order of the heads.

    Raises:
        NoteError: one is no head.
    """
    return list(dict.fromkeys(name for name in map(named_by, heads) if name is not None))


def edited(lists: Iterable[str], templates: Mapping[str, str]) -> list[str]:
    """Return the labels of versions that are as no list has them, though one has the label: they were edited."""
    known: dict[str, set[str]] = {}
    for listed in lists:
        for label, digest in json.loads(listed).items():
            known.setdefault(label, set()).add(digest)
    return sorted(label for label, digest in templates.items() if digest not in known.get(label, {digest}))
