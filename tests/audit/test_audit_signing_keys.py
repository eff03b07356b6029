from __future__ import annotations

import base64
import copy
import multiprocessing
import pickle
import stat
import traceback

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from audit.merkle import EMPTY_ROOT, leaf_hash
from audit.note_errors import NoteError
from audit.signed_note import VerifierKey, parse_note, sign_note
from audit.signing_keys import Rotation, SigningKey, create_key, follow, load_key, parse_rotation, rotate

NAME = "bureau.example"
THIS, LAST = "bureau.example/campaign/county/2026", "bureau.example/campaign/county/2025"
FIRST, SECOND, THIRD = (SigningKey(NAME, bytes([number] * 32)) for number in (1, 2, 3))
STRANGER = SigningKey(NAME, bytes([9] * 32))


def head(size: int, origin: str = THIS, salt: str = "") -> Checkpoint:
    """Return a head with a root that stands for the tree of that size."""
    return Checkpoint(origin, size, leaf_hash(f"{salt}{size}".encode()) if size else EMPTY_ROOT)


def refused(call, *arguments, **named) -> NoteError:
    """Return the error that a call ends with."""
    with pytest.raises(NoteError) as caught:
        call(*arguments, **named)
    return caught.value


def two_changes() -> list[bytes]:
    """Return the statements of a log whose keys changed at the sizes 10 and 20, last year's ending with the first."""
    return [
        bytes(rotate(FIRST, SECOND, [head(10), head(50, LAST)])),
        bytes(rotate(SECOND, THIRD, [head(20)])),
    ]


# -- files ----------------------------------------------------------------------------------------------------


def test_a_key_is_made_once_and_is_its_owners_only(tmp_path):
    """Mode 0600 in a directory that need not exist; it is loaded as it was made, and nothing else is left behind."""
    path = tmp_path / "secrets" / "audit.key"
    key = create_key(path, NAME)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["audit.key"]
    assert load_key(path).public == key.public
    assert load_key(path).sign(b"text") == key.sign(b"text")
    assert key.public.verifies(b"text", key.sign(b"text"))
    assert create_key(tmp_path / "other.key", NAME).public != key.public


def test_the_file_is_the_usual_form_of_a_signing_key(tmp_path):
    """What other tools for signed notes write can be loaded: the reference implementation's key."""
    path = tmp_path / "audit.key"
    path.write_text(
        "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz\n", encoding="utf-8"
    )
    path.chmod(0o600)
    assert str(load_key(path).public) == "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    own = tmp_path / "own.key"
    key = create_key(own, NAME)
    line = own.read_text(encoding="utf-8")
    assert line.startswith(f"PRIVATE+KEY+{NAME}+{key.public.key_id.hex()}+")
    assert line.endswith("\n")
    assert line.count("\n") == 1


def test_no_file_is_written_over(tmp_path):
    """Neither a key nor anything else, and no draft of the refused key stays."""
    path = tmp_path / "audit.key"
    first = create_key(path, NAME)
    assert refused(create_key, path, NAME).code == "KEY_FILE_EXISTS"
    assert load_key(path).public == first.public
    assert [file.name for file in tmp_path.iterdir()] == ["audit.key"]


def test_a_name_that_no_note_can_have_makes_no_file(tmp_path):
    """Refused before anything is written."""
    for name in ("", "two words", "a+b", "line\nfeed", "全\u3000角"):
        assert refused(create_key, tmp_path / "new" / "audit.key", name).code == "KEY_NAME"
    assert list(tmp_path.iterdir()) == []


def _create(path, gate, found):
    gate.wait()
    try:
        found.put(str(create_key(path, NAME).public))
    except NoteError as error:
        found.put(error.code)


def test_of_processes_that_make_a_key_at_once_one_does(tmp_path):
    """The others are told that there is one; nobody publishes a key that is not in the file."""
    context = multiprocessing.get_context("fork")
    gate, found = context.Barrier(6), context.Queue()
    path = tmp_path / "audit.key"
    processes = [context.Process(target=_create, args=(path, gate, found)) for _ in range(6)]
    for process in processes:
        process.start()
    answers = sorted(found.get(timeout=20) for _ in processes)
    for process in processes:
        process.join(20)
    assert answers == sorted(["KEY_FILE_EXISTS"] * 5 + [str(load_key(path).public)])


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o777])
def test_a_key_that_others_can_open_is_not_used(tmp_path, mode):
    """Whoever could read it could sign for the bureau; whoever could write it could put another in its place."""
    path = tmp_path / "audit.key"
    create_key(path, NAME)
    path.chmod(mode)
    assert refused(load_key, path).code == "KEY_FILE_OPEN"
    path.chmod(0o400)
    load_key(path)


def test_a_missing_key_is_not_made_anew(tmp_path):
    """A lost key is somebody's decision, with a new first key to publish; nor is a directory one."""
    assert refused(load_key, tmp_path / "audit.key").code == "KEY_FILE_MISSING"
    assert refused(load_key, tmp_path).code == "KEY_FILE_MISSING"
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_key_is_refused_and_never_quoted(tmp_path):
    """Cut off, of another name, of another type, no text: and no part of it in the error or its traceback's text."""
    path = tmp_path / "audit.key"
    key = create_key(path, NAME)
    line = path.read_text(encoding="utf-8")
    secret = line.rstrip("\n").split("+", 4)[4]
    typed = base64.b64encode(b"\x02" + base64.b64decode(secret)[1:]).decode()
    short = base64.b64encode(base64.b64decode(secret)[:-1]).decode()
    damaged = [
        line[:-10],
        line.replace(secret, ""),
        line.replace(NAME, "city.example"),
        line.replace(secret, typed),
        line.replace(secret, short),
        line.replace("PRIVATE+KEY+", ""),
        line.replace("PRIVATE+KEY+", "PUBLIC+KEY+"),
        line + line,
        line.replace("\n", "\r\n"),
        str(key.public),
        "",
    ]
    for content in [*map(str.encode, damaged), b"\xff" + line.encode()]:
        path.write_bytes(content)
        error = refused(load_key, path)
        shown = "".join(traceback.format_exception(error)) + repr(error) + error.message()
        assert error.code == "KEY_FILE_MALFORMED"
        assert secret[:12] not in shown
        assert error.__context__ is None


def test_a_key_shows_its_public_half_only():
    """In repr, str and format; it cannot be copied, pickled or looked into."""
    seed = bytes(range(32))
    key = SigningKey(NAME, seed)
    shown = f"{key!r} {key} {key!a} {[key]} {key.__slots__}"
    for form in (seed.hex(), base64.b64encode(seed).decode()[:12], base64.b64encode(b"\x01" + seed).decode()[:12]):
        assert form not in shown
    assert str(key.public) in shown
    assert not hasattr(key, "__dict__")
    for way in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not copied"):
            way(key)


# -- changes of keys ------------------------------------------------------------------------------------------


def test_a_verifier_follows_from_the_first_key_to_the_one_in_force():
    """Each key signs for its term, and the first is all that had to be handed over."""
    keys = follow(FIRST.public, two_changes())
    assert keys.keys == (FIRST.public, SECOND.public, THIRD.public)
    assert keys.current == THIRD.public
    for signer, sizes in ((FIRST, (0, 1, 9, 10)), (SECOND, (10, 11, 20)), (THIRD, (20, 21, 10**9))):
        for size in sizes:
            signed = keys.open_head(bytes(sign_checkpoint(head(size), signer)), origin=THIS)
            assert (signed.head, signed.signers) == (head(size), (signer.public,))
    assert follow(FIRST.public, []).current == FIRST.public


@pytest.mark.parametrize(
    ("signer", "signed"),
    [
        (FIRST, head(11)),
        (FIRST, head(10, salt="other")),
        (SECOND, head(9)),
        (SECOND, head(10, salt="other")),
        (SECOND, head(21)),
        (THIRD, head(19)),
        (THIRD, head(20, salt="other")),
        (FIRST, head(51, LAST)),
        (SECOND, head(51, LAST)),
        (THIRD, head(49, LAST)),
        (FIRST, head(1, "bureau.example/campaign/county/2027")),
        (SECOND, head(1, "bureau.example/campaign/county/2027")),
    ],
)
def test_a_key_outside_its_term_signs_nothing(signer, signed):
    """A retired key that was stolen, a new key that rewrites the past, a key that ended without having signed a log."""
    keys = follow(FIRST.public, two_changes())
    data = bytes(sign_checkpoint(signed, signer))
    assert refused(keys.open_head, data, origin=signed.origin).code == "KEY_OUT_OF_TERM"
    assert not keys.may_sign(signer.public, signed)


def test_the_key_in_force_signs_logs_that_begin_under_it_and_that_went_on():
    """A new campaign is in no statement; a log that an earlier statement names goes on from there."""
    keys = follow(FIRST.public, two_changes())
    assert keys.may_sign(THIRD.public, head(1, "bureau.example/campaign/county/2027"))
    assert keys.may_sign(THIRD.public, head(51, LAST))
    assert not keys.may_sign(STRANGER.public, head(21))


def test_of_two_keys_on_one_head_the_one_in_force_counts():
    """Around a change both may sign; a witness is none of them."""
    keys = follow(FIRST.public, two_changes())
    witness = SigningKey("city.example", bytes([7] * 32))
    data = bytes(sign_checkpoint(head(11), FIRST, SECOND, witness))
    signed = keys.open_head(data, origin=THIS, witnesses=[witness.public])
    assert (signed.signers, signed.witnesses) == ((SECOND.public,), (witness.public,))


def test_a_statement_is_made_again_byte_for_byte():
    """After a crash between making and keeping it; the order in which the heads are given does not matter."""
    heads = [head(10), head(50, LAST)]
    assert bytes(rotate(FIRST, SECOND, heads)) == bytes(rotate(FIRST, SECOND, reversed(heads)))
    rotation = parse_rotation(rotate(FIRST, SECOND, heads).text)
    assert rotation == Rotation(FIRST.public, SECOND.public, (head(50, LAST), head(10)))


def test_statements_come_in_their_order_without_a_gap():
    """Missing, swapped, repeated, or of another first key."""
    first, second = two_changes()
    for statements in ([second], [second, first], [first, first], [first, second, first]):
        assert refused(follow, FIRST.public, statements).code == "ROTATION_BROKEN"
    assert refused(follow, STRANGER.public, [first]).code == "ROTATION_BROKEN"


@pytest.mark.parametrize("signers", [(FIRST,), (SECOND,), (STRANGER,), (FIRST, STRANGER), (SECOND, STRANGER)])
def test_both_keys_must_have_signed(signers):
    """The old one, or anybody could follow it; the new one, or a key could be claimed that its owner never gave."""
    text = Rotation(FIRST.public, SECOND.public, (head(10),)).text()
    data = bytes(sign_note(text, *signers))
    assert refused(follow, FIRST.public, [data]).code == "ROTATION_UNSIGNED"


def test_a_changed_statement_is_refused():
    """Another successor, another head, another size."""
    data = two_changes()[0].decode()
    assert str(SECOND.public) in data
    other_root = data.replace(head(10).text(), head(10, salt="other").text())
    other_size = data.replace("\n10\n", "\n11\n")
    for changed in (other_root, other_size):
        assert changed != data
        assert refused(follow, FIRST.public, [changed.encode()]).code == "SIGNATURE_INVALID"
    swapped = data.replace(str(SECOND.public), str(STRANGER.public))
    assert refused(follow, FIRST.public, [swapped.encode()]).code == "SIGNATURE_INVALID"


def test_a_key_never_comes_back_and_keeps_its_name():
    """A key that ended stays ended; a name is whose key it is."""
    first = two_changes()[0]
    back = bytes(rotate(SECOND, FIRST, [head(20)]))
    assert refused(follow, FIRST.public, [first, back]).code == "ROTATION_NAME"
    assert refused(rotate, FIRST, FIRST, []).code == "ROTATION_NAME"
    assert refused(rotate, FIRST, SigningKey("city.example", bytes(32)), []).code == "ROTATION_NAME"


@pytest.mark.parametrize("later", [head(9), head(10, salt="other"), head(49, LAST), head(50, LAST, salt="other")])
def test_the_heads_of_the_statements_do_not_go_back(later):
    """The second key must not end with less than it took over, nor with something else."""
    first = two_changes()[0]
    second = bytes(rotate(SECOND, THIRD, [later]))
    assert refused(follow, FIRST.public, [first, second]).code == "ROTATION_WENT_BACK"
    same = bytes(rotate(SECOND, THIRD, [head(10), head(50, LAST)]))
    assert follow(FIRST.public, [first, same]).current == THIRD.public


def test_a_statement_is_no_head_and_a_head_no_statement():
    """One key signs both, and neither can be shown as the other."""
    statement = rotate(FIRST, SECOND, [head(10)])
    assert refused(parse_checkpoint, statement.text).code == "HEAD_SIZE"
    assert refused(parse_rotation, head(10).text()).code == "ROTATION_MALFORMED"
    crafted = Checkpoint("diversion signing key rotation 1", 10, leaf_hash(b""), (str(SECOND.public),))
    assert refused(parse_rotation, crafted.text()).code == "ROTATION_MALFORMED"
    assert refused(parse_rotation, Checkpoint(crafted.origin, 10, crafted.root).text()).code == "KEY_MALFORMED"


def test_what_is_no_statement_is_refused():
    """Cut, of another version, with heads out of order, twice or with extension lines."""
    text = Rotation(FIRST.public, SECOND.public, (head(50, LAST), head(10))).text()
    lines = text.splitlines(keepends=True)
    malformed = [
        "",
        text[:-1],
        "".join(lines[:-1]),
        "".join(lines[:2]),
        text.replace("rotation 1", "rotation 2"),
        "".join([*lines[:3], *lines[6:], *lines[3:6]]),
        "".join([*lines, *lines[-3:]]),
        text + "\n",
    ]
    for changed in malformed:
        assert refused(parse_rotation, changed).code == "ROTATION_MALFORMED"
    extended = Checkpoint(THIS, 10, leaf_hash(b""), ("extension",))
    assert refused(rotate, FIRST, SECOND, [extended]).code == "ROTATION_MALFORMED"
    assert refused(rotate, FIRST, SECOND, [head(10), head(11)]).code == "ROTATION_MALFORMED"
    assert refused(parse_rotation, text.replace(str(FIRST.public), "key")).code == "KEY_MALFORMED"
    assert refused(parse_rotation, text.replace("\n10\n", "\n010\n")).code == "HEAD_SIZE"


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=5).map(sorted), st.integers(0, 40))
def test_every_size_has_a_key_in_force_and_only_the_changes_have_two(ends, size):
    """However often the keys change: the terms cover the log and meet at the statements' heads."""
    signers = [SigningKey(NAME, bytes([number + 20] * 32)) for number in range(len(ends) + 1)]
    pairs = zip(signers, signers[1:], ends, strict=False)
    keys = follow(signers[0].public, [bytes(rotate(old, new, [head(end)])) for old, new, end in pairs])
    in_force = [signer for signer in signers if keys.may_sign(signer.public, head(size))]
    assert len(in_force) == 1 + ends.count(size)


def test_the_list_is_read_again_from_what_was_kept():
    """The statements as notes, in a file each: reading them changes no byte."""
    statements = two_changes()
    assert [bytes(parse_note(data)) for data in statements] == statements
    first = VerifierKey.parse(str(FIRST.public))
    assert follow(first, statements) == follow(FIRST.public, statements)
