import hashlib
import multiprocessing
import stat

import pytest
from gateway_samples import SECRET, sqlite_url

from domain.refusal import Refusal
from gateway.codes import Gateway
from gateway.keys import key_id, load_secret, public_key


def _load(path, gate, found):
    gate.wait()
    found.put(load_secret(path))


def test_a_secret_is_made_once_and_is_its_owners_only(tmp_path):
    """32 random bytes, mode 0600, in a directory that need not exist; the second look finds the same."""
    path = tmp_path / "new" / "gateway.key"
    secret = load_secret(path)
    assert len(secret) == 32
    assert load_secret(path) == secret
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_secret(tmp_path / "other.key") != secret


def test_processes_that_make_a_secret_at_once_get_one_and_the_same(tmp_path):
    """Nobody reads half a file, nobody keeps a secret of its own, and nothing else is left behind."""
    context = multiprocessing.get_context("fork")
    gate, found = context.Barrier(8), context.Queue()
    path = tmp_path / "gateway.key"
    processes = [context.Process(target=_load, args=(path, gate, found)) for _ in range(8)]
    for process in processes:
        process.start()
    secrets = {found.get(timeout=20) for _ in processes}
    for process in processes:
        process.join(20)
    assert secrets == {path.read_bytes()}
    assert [file.name for file in tmp_path.iterdir()] == ["gateway.key"]


@pytest.mark.parametrize("held", [b"", b"x" * 31, b"x" * 33])
def test_a_file_that_holds_no_secret_is_refused_and_stays(tmp_path, held):
    """A truncated backup must not become a weak key, nor be written over."""
    path = tmp_path / "gateway.key"
    path.write_bytes(held)
    with pytest.raises(Refusal) as refused:
        load_secret(path)
    assert refused.value.code == "GATEWAY_UNKNOWN"
    assert path.read_bytes() == held


def test_the_key_follows_from_the_secret_for_ever():
    """Campaigns hold this public key: a change of the derivation would orphan them all."""
    public = public_key(SECRET)
    assert public == "7042a10b690517ce70d839900a7596967824958e9ad544677b5bce25ba3c9191"
    assert key_id(public) == hashlib.sha256(bytes.fromhex(public)).hexdigest()[:16]
    assert public_key(SECRET[::-1]) != public


async def test_codes_of_another_secret_are_not_taken_for_wrong_ones(tmp_path):
    """A lost key file is the operator's mistake, said at once; families are not told that their codes are wrong."""
    url = sqlite_url(tmp_path / "gateway.db")
    await (await Gateway.open(url, tmp_path / "gateway.key")).close()
    again = await Gateway.open(url, tmp_path / "gateway.key")
    await again.close()
    with pytest.raises(Refusal) as refused:
        await Gateway.open(url, tmp_path / "lost.key")
    assert refused.value.code == "GATEWAY_UNKNOWN"


async def test_a_campaign_of_another_key_or_of_none_is_refused(gateway):
    """The rules of that campaign would take no act, so none is signed."""
    gateway.require_key(gateway.public_key)
    for other in (None, public_key(bytes(32))):
        with pytest.raises(Refusal) as refused:
            gateway.require_key(other)
        assert refused.value.code == "GATEWAY_UNKNOWN"
