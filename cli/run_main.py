"""The one place where a process of ours ends.

The interpreter may abort with code 134 while it tears down the Temporal SDK, after all work has succeeded. So no
process is left to tear itself down: it runs, flushes what people and programs wait for, and leaves at once.
"""

import asyncio
import contextlib
import gc
import inspect
import logging
import os
import select
import sys
import traceback
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn, TextIO

UNEXPECTED: Final = 1
INTERRUPTED: Final = 130  # 128 + SIGINT, as a shell reports it
READER_GONE: Final = 141  # 128 + SIGPIPE, as `head` leaves any other program behind it

COLLECT_AFTER: Final = (50_000, 20, 100)
"""Objects, and rounds of the younger generations, after which each generation is looked through for garbage."""

_REPORT: Final = (
    "出现意外错误（程序缺陷）。请将以下内容报告系统维护人员；转发前请先删去个人信息。\n"
    "Unexpected failure: a bug. Please report the text below to whoever maintains this installation; "
    "remove personal data before you pass it on."
)


def run_main(main: Callable[[], int | Awaitable[int]]) -> NoReturn:
    """Run ``main`` (plain or ``async``), flush everything, and end the process with its exit code.

    ``SystemExit`` is honoured; Ctrl-C gives 130; a closed pipe behind stdout gives 141 without a word; any other
    exception gives 1, with a note where to report it and the traceback on stderr. Neither ``atexit`` callbacks nor
    finalisers run: ``main`` cleans up what it has opened.
    """
    gc.freeze()  # what was imported stays: looking through it for garbage again and again took a tenth of a busy worker
    gc.set_threshold(*COLLECT_AFTER)
    code = 134  # only seen if the lines below are themselves interrupted
    try:
        code = _flushed(_outcome(main))
    except KeyboardInterrupt:  # a second Ctrl-C, in the middle of flushing
        code = INTERRUPTED
    finally:
        os._exit(code)


def _outcome(main: Callable[[], int | Awaitable[int]]) -> int:
    try:
        result = main()
        return asyncio.run(_awaited(result)) if inspect.isawaitable(result) else result
    except SystemExit as leaving:
        return _exit_code(leaving)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        if _reader_gone(sys.stdout):
            return READER_GONE
        return _unexpected()  # somebody else's pipe, for instance a network connection's
    except BaseException:  # noqa: BLE001 - nothing may pass this place; a cancellation nobody caught is a bug too
        return _unexpected()


async def _awaited(result: Awaitable[int]) -> int:
    return await result


def _exit_code(leaving: SystemExit) -> int:
    match leaving.code:
        case None:
            return 0
        case int(code):
            return code & 0xFF
        case message:
            _say(str(message))
            return UNEXPECTED


def _unexpected() -> int:
    _say(f"{_REPORT}\n\n{traceback.format_exc()}")
    return UNEXPECTED


def _flushed(code: int) -> int:
    """Flush logs, stdout and stderr; return the code, or a failure's if the output did not get out."""
    logging.shutdown()
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        code = code or READER_GONE
    except (OSError, ValueError) as problem:
        _say(f"The output could not be written in full: {problem}")
        code = code or UNEXPECTED
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.flush()
    return code


def _say(text: str) -> None:
    # Where stderr is closed, or the process has none, the exit code still tells.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"{text}\n")


def _reader_gone(stream: TextIO | None) -> bool:
    """Whether the reader of a stream has closed its end, as in ``status | head``."""
    try:
        poll = select.poll()
        poll.register(stream.fileno(), select.POLLOUT)  # type: ignore[union-attr]
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
    except (AttributeError, OSError, ValueError):
        return True
