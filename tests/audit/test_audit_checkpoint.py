from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint, sign_checkpoint
from audit.merkle import EMPTY_ROOT, Tree, leaf_hash, verify_consistency
from audit.note_errors import NoteError
from audit.signed_note import VerifierKey, cosigned, parse_note, sign_note
from audit.signing_keys import SigningKey

SUMDB = VerifierKey.parse("sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8")
SUMDB_ORIGIN = "go.sum database tree"
SUMDB_HEADS = [
    (
        6476701,
        "mb8QLQIs0Z0yP5Cstq6guj87oXWeC9gEM8oVikmm9Wk=",
        "Az3grsLX85Gz+s1SiTbgkuqxgItqFq7gsMUEyVnrsa9LM7Us9S+1xbFIGu95949rj4nPRYfvimWEPWL+o3GeoWwOoAw=",
    ),
    (
        19777102,
        "+g50vJoV4VVGa6aiQF3LYGUZHEP4pvGkW38vlR7WKtU=",
        "Az3griMTLHyRzj7jMuyEt85a2JnegVME6Lx3xLEBdzTd3FMDiD5y3bHV24rcl0yijOtWxV0zyygwTdo/rnaennuoqgU=",
    ),
    (
        65209736,
        "5+uGFjx6xBZG8ip1+wi77v+grwbhhukIrxEUS8PXvRo=",
        "Az3grnbssgK7ubgFX36gVETtNv0U23qxyAhAMai2QUfeGa3nB/akvkMdlUErfcZz7l/R3cVtYspg3dxXABkGZZKdsQ8=",
    ),
]
"""Heads that Go's checksum database has signed, and its public key."""

SPECIFIED = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
"""  # noqa: E501 - the specification's example, to the byte

ORIGIN = "bureau.example/campaign/county/2026"
ROOT = leaf_hash(b"one")
HEAD = Checkpoint(ORIGIN, 1, ROOT)
LOG = SigningKey("bureau.example", bytes([1] * 32))
SUPERIOR = SigningKey("city.example", bytes([2] * 32))
STRANGER = SigningKey("bureau.example", bytes([3] * 32))


def refused(call, *arguments, **named) -> NoteError:
    """Return the error that a call ends with."""
    with pytest.raises(NoteError) as caught:
        call(*arguments, **named)
    return caught.value


def published(size: int, root: str, signature: str) -> bytes:
    """Return a head of the checksum database as it is served."""
    return f"{SUMDB_ORIGIN}\n{size}\n{root}\n\n— sum.golang.org {signature}\n".encode()


# -- published heads ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "root", "signature"), SUMDB_HEADS)
def test_heads_of_a_public_log_verify(size, root, signature):
    """Three real ones; one digit of the size more or less and the signature is wrong."""
    data = published(size, root, signature)
    signed = open_checkpoint(data, origin=SUMDB_ORIGIN, log=[SUMDB])
    assert (signed.head.size, signed.signers, signed.witnesses) == (size, (SUMDB,), ())
    assert signed.head.text() == parse_note(data).text
    for other in (size + 1, size - 1, size * 10):
        changed = published(other, root, signature)
        assert refused(open_checkpoint, changed, origin=SUMDB_ORIGIN, log=[SUMDB]).code == "SIGNATURE_INVALID"
    for _, other_root, other_signature in SUMDB_HEADS:
        if other_root != root:
            for swapped in (published(size, other_root, signature), published(size, root, other_signature)):
                assert refused(open_checkpoint, swapped, origin=SUMDB_ORIGIN, log=[SUMDB]).code == "SIGNATURE_INVALID"


def test_the_specifications_example_is_read():
    """Its key is not published, so that nothing more can be said of it."""
    note = parse_note(SPECIFIED.encode())
    head = parse_checkpoint(note.text)
    assert (head.origin, head.size, head.extensions) == ("example.com/behind-the-sofa", 20852163, ())
    assert head.root.hex() == "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62"
    assert head.text() == note.text
    assert str(note) == SPECIFIED


# -- reading --------------------------------------------------------------------------------------------------

B64 = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
EMPTY = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("", "HEAD_LINES", None),
        ("o\n1\n", "HEAD_LINES", None),
        (f"o\n1\n{B64}", "HEAD_LINES", None),
        (f"\n1\n{B64}\n", "HEAD_ORIGIN", 1),
        (f"o\n01\n{B64}\n", "HEAD_SIZE", 2),
        (f"o\n+1\n{B64}\n", "HEAD_SIZE", 2),
        (f"o\n-1\n{B64}\n", "HEAD_SIZE", 2),
        (f"o\n 1\n{B64}\n", "HEAD_SIZE", 2),
        (f"o\n1_0\n{B64}\n", "HEAD_SIZE", 2),
        (f"o\n\u0661\n{B64}\n", "HEAD_SIZE", 2),
        (f"o\n\n{B64}\n", "HEAD_SIZE", 2),
        (f"o\n0x1\n{B64}\n", "HEAD_SIZE", 2),
        (f"o\n9223372036854775808\n{B64}\n", "HEAD_SIZE", 2),
        (f"o\n{'9' * 5000}\n{B64}\n", "HEAD_SIZE", 2),
        (f"o\n1\n{B64[:-1]}\n", "HEAD_ROOT", 3),
        (f"o\n1\n{B64[:-2]}J=\n", "HEAD_ROOT", 3),
        (f"o\n1\n{B64.replace('/', '_')}\n", "HEAD_ROOT", 3),
        (f"o\n1\n{B64} \n", "HEAD_ROOT", 3),
        ("o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==\n", "HEAD_ROOT", 3),
        ("o\n1\n\n", "HEAD_ROOT", 3),
        (f"o\n0\n{B64}\n", "HEAD_ROOT", 3),
        (f"o\n1\n{B64}\n\n", "HEAD_EXTENSION", 4),
        (f"o\n1\n{B64}\nfirst\n\n", "HEAD_EXTENSION", 5),
        (f"o\n1\n{B64}\nta\tb\n", "HEAD_EXTENSION", 4),
    ],
)
def test_what_is_no_head_is_refused_with_its_line(text, code, line):
    """One head has one text: no leading zeroes, no other digits, no loose base64, no empty lines."""
    error = refused(parse_checkpoint, text)
    assert (error.code, error.line) == (code, line)


def test_the_largest_and_the_smallest_heads_are_read():
    """An empty tree has one root; sizes fit in 63 bits."""
    assert parse_checkpoint(f"o\n0\n{EMPTY}\n") == Checkpoint("o", 0, EMPTY_ROOT)
    assert parse_checkpoint(f"o\n9223372036854775807\n{B64}\n").size == 2**63 - 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (("", 1, ROOT), "HEAD_ORIGIN"),
        (("two\nlines", 1, ROOT), "HEAD_ORIGIN"),
        (("\udc00", 1, ROOT), "HEAD_ORIGIN"),
        (("o", -1, ROOT), "HEAD_SIZE"),
        (("o", 2**63, ROOT), "HEAD_SIZE"),
        (("o", 1, ROOT[1:]), "HEAD_ROOT"),
        (("o", 0, ROOT), "HEAD_ROOT"),
        (("o", 1, ROOT, ("",)), "HEAD_EXTENSION"),
        (("o", 1, ROOT, ("a\n\n— b",)), "HEAD_EXTENSION"),
    ],
)
def test_no_head_is_made_that_could_not_be_read(fields, code):
    """Above all none with a line feed in a field, which would make other lines."""
    assert refused(Checkpoint, *fields).code == code


LINES = st.text(st.characters(exclude_categories=["Cs"], min_codepoint=32), min_size=1, max_size=20)


@settings(deadline=None, max_examples=100)
@given(LINES, st.integers(1, 2**63 - 1), st.binary(min_size=32, max_size=32), st.lists(LINES, max_size=3))
def test_whatever_is_signed_is_opened(origin, size, root, extensions):
    """Any origin, size, root and extension lines come back as they were."""
    head = Checkpoint(origin, size, root, tuple(extensions))
    signed = open_checkpoint(bytes(sign_checkpoint(head, LOG)), origin=origin, log=[LOG.public])
    assert signed.head == head


# -- who vouches ----------------------------------------------------------------------------------------------


def test_witnesses_countersign_and_strangers_say_nothing():
    """Each signature is one more line; the signers come back by what they are."""
    note = sign_checkpoint(HEAD, LOG)
    for signer in (STRANGER, SUPERIOR):
        note = cosigned(note, signer)
    data = bytes(note)
    known = {"log": [LOG.public], "witnesses": [SUPERIOR.public]}
    signed = open_checkpoint(data, origin=ORIGIN, **known)
    assert (signed.head, signed.signers, signed.witnesses) == (HEAD, (LOG.public,), (SUPERIOR.public,))
    assert open_checkpoint(data, origin=ORIGIN, log=[LOG.public]).witnesses == ()


def test_a_witness_alone_makes_no_head():
    """However well known: what counts is what the log's own key says."""
    data = bytes(sign_checkpoint(HEAD, SUPERIOR))
    error = refused(open_checkpoint, data, origin=ORIGIN, log=[LOG.public], witnesses=[SUPERIOR.public])
    assert error.code == "SIGNER_UNKNOWN"


def test_a_head_of_another_log_proves_nothing_here():
    """The same key signs several campaigns: a head of last year's must not pass for this year's."""
    data = bytes(sign_checkpoint(HEAD, LOG))
    error = refused(open_checkpoint, data, origin="bureau.example/campaign/county/2025", log=[LOG.public])
    assert (error.code, error.line) == ("HEAD_OTHER_ORIGIN", 1)


def test_nothing_is_read_before_it_is_verified():
    """A malformed head by a stranger is a stranger's note, not a malformed head; a signed one is."""
    text = "no head\n"
    named = {"origin": ORIGIN, "log": [LOG.public]}
    assert refused(open_checkpoint, bytes(sign_note(text, STRANGER)), **named).code == "SIGNER_UNKNOWN"
    assert refused(open_checkpoint, bytes(sign_note(text, LOG)), **named).code == "HEAD_LINES"


def test_two_signed_heads_of_a_rewritten_record_convict_each_other():
    """The old head on paper, the new one from the server: no proof joins them once an event below was changed."""
    honest = [leaf_hash(f"event {number}".encode()) for number in range(20)]
    forged = [*honest[:7], leaf_hash(b"another"), *honest[8:]]
    paper = Checkpoint(ORIGIN, 12, Tree(honest).root(12))
    printed = bytes(sign_checkpoint(paper, LOG))
    for leaves, holds in ((honest, True), (forged, False)):
        tree = Tree(leaves)
        served = bytes(sign_checkpoint(Checkpoint(ORIGIN, 20, tree.root()), LOG))
        old, new = (open_checkpoint(data, origin=ORIGIN, log=[LOG.public]).head for data in (printed, served))
        proof = tree.consistency_proof(old.size, new.size)
        assert verify_consistency(old.size, new.size, old.root, new.root, proof) is holds
