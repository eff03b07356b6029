import json
import os
import signal

import pytest
from cli_runner import Up, alive, cli, eventually, gone


@pytest.fixture
def up(tmp_path):
    """A running engine and worker, started as a script starts a job in the background."""
    started = Up(tmp_path / "var", in_background=True)
    yield started
    if started.process.poll() is None:
        started.process.kill()
        started.process.wait()
    for pid in (started.told["engine_pid"], started.told["worker_pid"]):
        assert gone(pid)


def test_a_second_up_is_refused_and_ctrl_c_drains(up):
    """One engine a data directory; Ctrl-C ends both children in order, exit 0, and frees the directory."""
    second = cli("up", "--data", up.data, "--json")
    assert second.code == 6
    assert second.json["error"]["code"] == "DATA_IN_USE"
    assert alive(up.told["engine_pid"])
    assert up.end() == 0
    assert gone(up.told["engine_pid"], 1)
    assert gone(up.told["worker_pid"], 1)
    assert not (up.data / "engine.json").exists()
    assert "worker draining" in (up.data / "worker.log").read_text()


def test_kill_9_leaves_nothing_running(up):
    """However `up` ends, engine and worker end with it."""
    children = up.children()
    assert {up.told["engine_pid"], up.told["worker_pid"]} <= set(children)
    up.process.kill()
    up.process.wait()
    assert all(gone(pid) for pid in children)


def test_whoever_is_killed_is_started_again(up):
    """Kill -9 of the engine and of the worker in the middle: both come back, the engine on the same port."""
    os.kill(up.told["engine_pid"], signal.SIGKILL)
    os.kill(up.told["worker_pid"], signal.SIGKILL)
    place = up.data / "engine.json"

    def engine_again():
        try:
            return json.loads(place.read_text())["pid"] != up.told["engine_pid"]
        except (OSError, ValueError):
            return False

    assert eventually(engine_again, 30)
    assert json.loads(place.read_text())["address"] == up.told["engine"]
    assert eventually(lambda: "the worker is back" in up.stderr.read_text(), 30)
    assert "the engine died" in up.stderr.read_text()
    assert up.end() == 0
