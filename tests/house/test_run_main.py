import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


def script(body):
    """A program that defines `main` as given and hands it to run_main."""
    return "\n".join(
        ["import asyncio, sys", "from cli.run_main import run_main", textwrap.dedent(body), "run_main(main)"]
    )


def run(body, **options):
    """Run such a program to its end; by default its output is captured and buffered as in a pipe."""
    return subprocess.run(
        [sys.executable, "-c", script(body)],
        cwd=PROJECT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "", **options.pop("env", {})},
        timeout=60,
        check=False,
        **({"capture_output": True, "text": True} | options),
    )


@pytest.mark.parametrize("code", [0, 5])
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_the_returned_number_is_the_exit_code(kind, code):
    """Plain and asynchronous commands end alike, and what they printed arrives."""
    done = run(f"{kind} main():\n    print('结果', end='')\n    return {code}")
    assert (done.returncode, done.stdout, done.stderr) == (code, "结果", "")


def test_an_awaitable_that_is_no_coroutine_is_awaited_too():
    """Any awaitable will do, as the signature says."""
    done = run(
        """
        class Later:
            def __await__(self):
                yield from asyncio.sleep(0).__await__()
                return 4
        main = Later
        """
    )
    assert (done.returncode, done.stderr) == (4, "")


@pytest.mark.parametrize(
    ("argument", "code", "said"), [("", 0, ""), ("0", 0, ""), ("3", 3, ""), ("'no roster'", 1, "no roster\n")]
)
def test_a_system_exit_is_honoured(argument, code, said):
    """`sys.exit` keeps its meaning: nothing is 0, a number is itself, a text goes to stderr with 1."""
    done = run(f"async def main():\n    print('out')\n    sys.exit({argument})")
    assert (done.returncode, done.stdout, done.stderr) == (code, "out\n", said)


def test_an_unexpected_exception_says_where_to_report_and_shows_the_traceback():
    """A bug ends with 1; stdout stays clean for programs, stderr has both languages and the traceback."""
    done = run("def main():\n    print('before')\n    raise LookupError('the reason')")
    assert (done.returncode, done.stdout) == (1, "before\n")
    assert "报告" in done.stderr
    assert "report" in done.stderr
    assert done.stderr.rstrip().endswith("LookupError: the reason")
    assert "Traceback" in done.stderr


def test_a_cancellation_nobody_caught_is_a_bug_too():
    """Exceptions outside `Exception` do not slip past with code 0."""
    done = run("async def main():\n    raise asyncio.CancelledError")
    assert done.returncode == 1
    assert "CancelledError" in done.stderr


def _minding_interrupts():
    """Mind Ctrl-C also where these tests run as a script's background job, which starts with SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_ctrl_c_ends_quietly_with_130(kind):
    """An interrupted command cleans up in its own finally and says nothing of its own."""
    waiting = "await asyncio.sleep(60)" if kind == "async def" else "time.sleep(60)"
    body = f"""
        import time
        {kind} main():
            try:
                print("ready", flush=True)
                {waiting}
            finally:
                print("cleaned up")
        """
    with subprocess.Popen(
        [sys.executable, "-c", script(body)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_minding_interrupts,  # noqa: PLW1509 - one system call
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "cleaned up\n", "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("amount", [1, 100_000])
def test_a_reader_that_has_gone_is_no_failure_of_ours(amount, unbuffered):
    """`status | head -1` shows no traceback, whether the pipe breaks while printing or only when flushing."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        done = run(
            f"def main():\n    for _ in range({amount}): print('line')\n    return 0",
            capture_output=False,
            stdout=write_end,
            stderr=subprocess.PIPE,
            env={"PYTHONUNBUFFERED": unbuffered},
        )
    finally:
        os.close(write_end)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_broken_pipe_elsewhere_is_reported():
    """A connection that breaks inside a command is a failure, not a reader who has seen enough."""
    done = run("def main():\n    raise BrokenPipeError('the gateway hung up')")
    assert done.returncode == 1
    assert "the gateway hung up" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_output_that_could_not_be_written_is_no_success():
    """A full disk behind `> report.json` must not end with 0."""
    with Path("/dev/full").open("w") as full:
        done = run(
            "def main():\n    print('x')\n    return 0", capture_output=False, stdout=full, stderr=subprocess.PIPE
        )
    assert done.returncode == 1
    assert "could not be written" in done.stderr


def test_buffered_log_lines_are_flushed():
    """A log handler that holds lines back gives them up before the process ends."""
    done = run(
        """
        import logging, logging.handlers
        def main():
            target = logging.StreamHandler(sys.stderr)
            logging.getLogger().addHandler(logging.handlers.MemoryHandler(100, target=target))
            logging.getLogger().warning("held back")
            return 0
        """
    )
    assert (done.returncode, done.stderr) == (0, "held back\n")


def test_nothing_runs_after_the_end():
    """The interpreter is not torn down: that is where a client of the engine may abort with 134."""
    done = run(
        """
        import atexit, threading, time
        def main():
            atexit.register(lambda: print("torn down"))
            threading.Thread(target=time.sleep, args=(60,)).start()
            return 0
        """
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_many_quick_runs_with_the_engines_library_end_cleanly():
    """Each of several short processes that loaded the SDK and started its runtime ends with its own code."""
    body = """
        from temporalio.client import Client
        async def main():
            try:
                await Client.connect("127.0.0.1:1")
            except RuntimeError:
                print("unreachable")
            return 6
        """
    for _ in range(5):
        done = run(body)
        assert (done.returncode, done.stdout, done.stderr) == (6, "unreachable\n", "")
