from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.note_errors import SENTENCES, NoteError
from audit.signed_note import Note, Signature, VerifierKey, cosigned, parse_note, sign_note, verify_note
from audit.signing_keys import SigningKey

TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER_SECRET = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETERS = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
ENOCHS = "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
"""Keys and signatures of the tests of golang.org/x/mod/sumdb/note; Enoch's seed is all zeroes."""

FOO = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
FOO_SIGNATURE = "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
"""The example of C2SP signed-note."""

SIGNED = f"{TEXT}\n{PETERS}"


def peter() -> SigningKey:
    """Return the published private key."""
    return SigningKey("PeterNeumann", base64.b64decode(PETER_SECRET)[1:])


def enoch() -> SigningKey:
    """Return the other one."""
    return SigningKey("EnochRoot", bytes(32))


def refused(call, *arguments) -> NoteError:
    """Return the error that a call ends with."""
    with pytest.raises(NoteError) as caught:
        call(*arguments)
    return caught.value


# -- the published vectors ------------------------------------------------------------------------------------


def test_signatures_are_byte_for_byte_those_of_the_reference_implementation():
    """Ed25519 has one signature for a text: the same key gives the same note, with one signer or two."""
    assert str(peter().public) == PETER
    assert str(enoch().public) == ENOCH
    assert str(sign_note(TEXT, peter())) == SIGNED
    assert str(sign_note(TEXT, peter(), enoch())) == SIGNED + ENOCHS
    assert str(cosigned(parse_note(SIGNED.encode()), enoch())) == SIGNED + ENOCHS


@pytest.mark.parametrize(
    ("key", "note"),
    [
        (PETER, SIGNED),
        (ENOCH, f"{TEXT}\n{ENOCHS}"),
        (FOO, f"This is an example message.\n\n— example.com/foo {FOO_SIGNATURE}\n"),
    ],
)
def test_the_published_notes_verify(key, note):
    """By the text of the public key alone."""
    known = VerifierKey.parse(key)
    assert str(known) == key
    assert verify_note(parse_note(note.encode()), [known]) == (known,)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (TEXT, "NOTE_UNSIGNED"),
        (f"{TEXT}\n", "NOTE_UNSIGNED"),
        ("", "NOTE_UNSIGNED"),
        ("\n\n", "NOTE_UNSIGNED"),
        (f"{TEXT}\n{PETERS[:-1]}", "NOTE_UNSIGNED"),
        (f"\x01{SIGNED}", "NOTE_NOT_TEXT"),
        (SIGNED.replace("\n", "\r\n"), "NOTE_NOT_TEXT"),
        (SIGNED.replace(" ", "\t", 1), "NOTE_NOT_TEXT"),
        (SIGNED.replace("PeterNeumann", "Bad Name"), "NOTE_SIGNATURE_LINE"),
        (SIGNED.replace("PeterNeumann", "Bad+Name"), "NOTE_SIGNATURE_LINE"),
        (SIGNED.replace("PeterNeumann", "Bad\u3000Name"), "NOTE_SIGNATURE_LINE"),
        (SIGNED.replace("PeterNeumann ", " "), "NOTE_SIGNATURE_LINE"),
        (SIGNED.replace("— ", "- "), "NOTE_SIGNATURE_LINE"),
        (SIGNED.replace("JnAM=", "JnAM"), "NOTE_SIGNATURE_LINE"),
        (SIGNED.replace("JnAM=", "JnAN="), "NOTE_SIGNATURE_LINE"),
        (SIGNED.replace("x08g", "x0_g"), "NOTE_SIGNATURE_LINE"),
        (f"{TEXT}\n— PeterNeumann x08gow==\n", "NOTE_SIGNATURE_LINE"),
        (f"{SIGNED}Unexpected line.\n", "NOTE_SIGNATURE_LINE"),
        (TEXT + "\n" + PETERS * 101, "NOTE_TOO_MANY_SIGNATURES"),
        ("x" * 1_000_000 + SIGNED, "NOTE_TOO_LARGE"),
    ],
)
def test_what_is_no_note_is_refused(data, code):
    """The malformed messages of the reference tests, and what strict base64 and lines forbid besides."""
    assert refused(parse_note, data.encode()).code == code


def test_a_note_that_is_no_unicode_is_refused_and_names_its_line_otherwise():
    """The error says where, and never what stands there."""
    assert refused(parse_note, b"\xff" + SIGNED.encode()).code == "NOTE_NOT_TEXT"
    error = refused(parse_note, f"{SIGNED}Unexpected line.\n".encode())
    assert error.line == 5
    assert "Unexpected" not in str(error) + repr(error) + error.message("zh")
    assert "5" in str(error)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==", "KEY_MALFORMED"),
        ("PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "KEY_TYPE"),
        ("PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "KEY_ID"),
        ("PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "KEY_ID"),
        ("OtherName+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "KEY_ID"),
        ("Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "KEY_NAME"),
        ("+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "KEY_NAME"),
        ("PeterNeumann+c74f20a3", "KEY_MALFORMED"),
        ("PeterNeumann+c74f20a3+!!!!", "KEY_MALFORMED"),
        ("PeterNeumann+c74f20a3+", "KEY_MALFORMED"),
        ("\udc00+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "KEY_NAME"),
    ],
)
def test_what_is_no_public_key_is_refused(text, code):
    """The malformed keys of the reference tests, and a few that were copied wrongly."""
    assert refused(VerifierKey.parse, text).code == code


# -- who signed -----------------------------------------------------------------------------------------------


def test_signatures_of_unknown_keys_are_passed_over():
    """Also broken ones, and ones that share the name or the id of a known key, but not both."""
    known = VerifierKey.parse(PETER)
    twin = SigningKey("PeterNeumann", bytes(range(32)))
    strange = Signature("Somebody", known.key_id, b"?")
    note = cosigned(cosigned(parse_note(SIGNED.encode()), enoch()), twin)
    for found in (note, parse_note(f"{note}{strange.line()}\n".encode())):
        assert verify_note(found, [known]) == (known,)
        assert verify_note(found, [enoch().public, known]) == (known, enoch().public)


def test_a_note_that_no_known_key_signed_is_refused():
    """Whether nobody is known or somebody else."""
    note = parse_note(SIGNED.encode())
    for keys in ([], [enoch().public], [VerifierKey("PeterNeumann", bytes(32))], [VerifierKey.parse(FOO)]):
        assert refused(verify_note, note, keys).code == "SIGNER_UNKNOWN"


def test_a_wrong_signature_of_a_known_key_refuses_the_whole_note():
    """However many right ones stand beside it, before or after, even of the same key."""
    known = [VerifierKey.parse(PETER), VerifierKey.parse(ENOCH)]
    wrong = ENOCHS.replace("RvMc", "RvMd")
    again = PETERS.replace("RyyBwJnAM=", "RyyBwJnBM=")
    for lines in (PETERS + wrong, wrong + PETERS, PETERS + again, again + PETERS):
        note = parse_note(f"{TEXT}\n{lines}".encode())
        assert refused(verify_note, note, known).code == "SIGNATURE_INVALID"
    short = Signature("PeterNeumann", known[0].key_id, b"?")
    assert refused(verify_note, parse_note(f"{TEXT}\n{short.line()}\n".encode()), known).line == 4


def test_two_known_keys_of_one_name_and_id_are_refused_only_where_a_signature_names_them(monkeypatch):
    """An id is short, so that one can be made to collide; the same key given twice is one key."""
    known, other = VerifierKey.parse(PETER), enoch().public
    note = parse_note(SIGNED.encode())
    assert verify_note(note, [known, VerifierKey.parse(PETER)]) == (known,)
    twin = VerifierKey(known.name, bytes(32))
    monkeypatch.setattr(VerifierKey, "key_id", property(lambda _: known.name.encode()[:4]))
    signed = cosigned(Note(TEXT, ()), peter())
    assert refused(verify_note, signed, [known, twin, other]).code == "KEY_AMBIGUOUS"
    assert verify_note(cosigned(Note(TEXT, ()), enoch()), [known, twin, other]) == (other,)


@pytest.mark.parametrize("position", range(0, len(TEXT) - 1, 7))
def test_a_changed_text_is_refused(position):
    """Any character of it."""
    changed = TEXT[:position] + ("x" if TEXT[position] != "x" else "y") + TEXT[position + 1 :]
    note = parse_note(f"{changed}\n{PETERS}".encode())
    assert refused(verify_note, note, [VerifierKey.parse(PETER)]).code == "SIGNATURE_INVALID"


# -- signing --------------------------------------------------------------------------------------------------


def test_nothing_is_signed_that_could_not_be_read():
    """No text without an end, with control characters or of half characters; no note without a signer."""
    for text in ("no end", "", "tab\there\n", "\r\n", "\udc00\n"):
        assert refused(sign_note, text, peter()).code in {"NOTE_UNSIGNED", "NOTE_NOT_TEXT"}
    assert refused(sign_note, TEXT).code == "NOTE_UNSIGNED"
    assert refused(sign_note, TEXT, peter(), peter()).code == "NOTE_SIGNED_ALREADY"
    assert refused(sign_note, "x" * 1_000_000 + "\n", peter()).code == "NOTE_TOO_LARGE"


LINES = st.text(st.characters(exclude_categories=["Cs"], min_codepoint=32), max_size=30)


@settings(deadline=None, max_examples=100)
@given(st.lists(LINES, min_size=1, max_size=6), st.integers(1, 2))
def test_whatever_is_signed_is_read_back_and_verified(lines, signers):
    """Texts with empty lines, dashes and signs of any script keep their bytes."""
    text = "\n".join([*lines, ""])
    keys = [peter(), enoch()][:signers]
    note = sign_note(text, *keys)
    assert parse_note(bytes(note)) == note
    assert note.text == text
    assert verify_note(note, [peter().public, enoch().public]) == tuple(key.public for key in keys)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=200) | st.text(alphabet="— \nab+=AQ", max_size=80).map(str.encode))
def test_whatever_is_read_has_one_form(data):
    """Any bytes are refused with a code or written back as they came."""
    note = None
    with contextlib.suppress(NoteError):
        note = parse_note(data)
    assert note is None or bytes(note) == data


def test_every_code_says_what_is_wrong_in_both_languages():
    """A sentence each, and Chinese ends as Chinese does."""
    for code, (chinese, english) in SENTENCES.items():
        assert chinese.endswith("。")
        assert english.endswith(".")
        assert NoteError(code).message() == chinese
        assert NoteError(code).message("en") == english
