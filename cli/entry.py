"""From arguments to an exit code: parse, run, and say every failure in one form."""

from __future__ import annotations

import difflib
import inspect
import sys
from collections.abc import Awaitable, Sequence
from typing import Any, Final, get_args

from cli.commands import COMMANDS, first_page
from cli.failures import REFUSED, UNEXPECTED, Failure, failure_of, usage
from cli.language import LANG, say

HELP: Final = ("--help", "-h", "help")
SHOWN: Final = 40
"""So much of a command that there is none of is repeated."""

SHARED_WITH_VALUE: Final = ("--lang", "--data")
USAGE_CODES: Final[dict[str, tuple[str, str, str]]] = {
    "UnknownOptionError": ("OPTION_UNKNOWN", "没有这个选项。", "There is no such option."),
    "MissingArgumentError": (
        "ARGUMENT_MISSING",
        "缺少参数或选项的值。",
        "An argument or an option's value is missing.",
    ),
    "CoercionError": ("ARGUMENT_INVALID", "参数的值不对。", "An argument's value cannot be used."),
    "UnusedCliTokensError": ("ARGUMENT_TOO_MANY", "参数太多。", "There are too many arguments."),
}


def run(arguments: Sequence[str] | None = None) -> int | Awaitable[int]:
    """Run the command that the arguments name and return its exit code.

    Raises:
        Exception: one that nobody foresaw, for `run_main` to report; with `--json` its error object is printed.
    """
    given = _shared_last(sys.argv[1:] if arguments is None else list(arguments))
    if not given or given[0] in HELP or not _command(given):
        sys.stdout.write(first_page() + "\n")
        return 0 if given else 2
    as_json = "--json" in given
    try:
        _require_known(given[0])
        command, bound = _parse(given)
        result = command(*bound.args, **bound.kwargs)
    except Exception as error:  # noqa: BLE001 - all of them are told apart in one place
        return _failed(error, as_json=as_json)
    return _awaited(result, as_json=as_json) if inspect.isawaitable(result) else _code(result)


def _command(given: Sequence[str]) -> bool:
    return any(argument not in HELP for argument in given)


def _shared_last(given: Sequence[str]) -> list[str]:
    """Move the options that every command takes behind the command, where they are written before it."""
    rest = list(given)
    moved: list[str] = []
    while rest and (rest[0] == "--json" or rest[0].split("=", 1)[0] in SHARED_WITH_VALUE):
        moved.append(rest.pop(0))
        if moved[-1] in SHARED_WITH_VALUE and rest:
            moved.append(rest.pop(0))
    return rest + moved if rest else moved


def _require_known(name: str) -> None:
    """Refuse an unknown command before anything is imported."""
    names = [entry.name for entry in COMMANDS]
    if name in names:
        return
    raise _command_unknown((), name, names)


def _command_unknown(group: Sequence[str], name: str, names: Sequence[str]) -> Failure:
    """Return the failure of a command that a group of commands, or the program, does not have (2)."""
    if name.startswith("-") or not name:  # an option stands where the command would
        message, name = say("没有写明要做什么。", "It is not said what is to be done."), ""
    else:
        message = say("没有这个命令。", "There is no such command.")
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        meant = " ".join((*group, near[0]))
        remedy = say(f"是否想用 {meant}？", f"Did you mean `{meant}`?")
    elif group:
        remedy = say(f"可用的命令：{'、'.join(names)}。", f"There are: {', '.join(names)}.")
    else:
        remedy = ""
    if group and not (name.isascii() and name.replace("-", "").isalpha()):
        name = ""  # a slip of the hand may have put a pupil's name or number there
    return usage("COMMAND_UNKNOWN", message, place=" ".join((*group, name[:SHOWN])).rstrip(), remedy=remedy)


def _parse(given: Sequence[str]) -> tuple[Any, Any]:
    from cyclopts import CycloptsError, UnknownCommandError  # noqa: PLC0415 - the first page of help does without

    from cli.commands import build  # noqa: PLC0415

    try:
        command, bound, _ = build().parse_args(given, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        inside = error.__cause__
        if isinstance(inside, Failure):
            raise inside from None
        chain = tuple(error.command_chain or given[:1])
        if isinstance(error, UnknownCommandError) and error.app is not None:
            names = sorted(name for name in error.app if not name.startswith("-"))
            raise _command_unknown(chain, (error.unused_tokens or [""])[0], names) from None
        code, zh, en = USAGE_CODES.get(
            type(error).__name__, ("USAGE_INVALID", "用法不对。", "The command cannot be understood.")
        )
        words = " ".join(chain)
        remedy = say(f"用法见 diversion {words} --help。", f"See `diversion {words} --help`.")
        raise usage(code, f"{say(zh, en)}{_detail(error)}", place=words, remedy=remedy) from None
    return command, bound


def _detail(error: Any) -> str:
    """Say which argument or option a parser's error is about, named as the help page names it.

    What the parser says itself is English, and takes every argument for an option.
    """
    kind, argument, token = type(error).__name__, error.argument, getattr(error, "token", None)
    name = getattr(error, "keyword", None) or (token.keyword if token else None)
    if name is None and argument is not None:
        positional = argument.field_info.kind is not inspect.Parameter.KEYWORD_ONLY
        name = argument.name.lstrip("-").upper() if positional else argument.name
    if kind == "MissingArgumentError" and name is not None:
        return say(f"缺少：{name}。", f" Missing: {name}.")
    if LANG == "en":
        return f" {error}"
    choices = get_args(getattr(error, "target_type", None))
    if kind == "CoercionError" and choices and all(isinstance(choice, str) for choice in choices):
        return f"{name}：请从 {'、'.join(choices)} 中选择。"
    return f"位置：{name}。" if name else ""


async def _awaited(result: Awaitable[Any], *, as_json: bool) -> int:
    try:
        return _code(await result)
    except Exception as error:  # noqa: BLE001
        return _failed(error, as_json=as_json)


def _code(result: Any) -> int:
    return result if isinstance(result, int) else 0


def _failed(error: Exception, *, as_json: bool) -> int:
    """Say a failure and return its exit code; what nobody foresaw is said and raised again."""
    if type(error).__name__ == "Refusal":
        from cli.refusals import show_refusal  # noqa: PLC0415 - the sentences, when they are needed

        show_refusal(error, as_json=as_json)
        return REFUSED
    failure = failure_of(error)
    if failure is not None:
        _show(failure, as_json=as_json)
        return failure.exit_code
    if as_json and not isinstance(error, BrokenPipeError):
        _show(
            Failure(
                UNEXPECTED,
                "UNEXPECTED",
                say("出现意外错误（程序缺陷）。", "Unexpected failure: a bug."),
                place=type(error).__name__,
                remedy=say(
                    "请将标准错误输出报告系统维护人员，转发前删去个人信息。",
                    "Report what stands on stderr to whoever maintains this installation, without personal data.",
                ),
            ),
            as_json=True,
        )
    raise error


def _show(failure: Failure, *, as_json: bool) -> None:
    if as_json:
        from cli.options import print_json  # noqa: PLC0415

        print_json(failure.as_data())
        return
    lines = [f"{failure.message}{say('', ' ')}[{failure.code}]"]
    if failure.place:
        lines.append(f"  {say('位置', 'where')}: {failure.place}")
    if failure.remedy:
        lines.append(f"  {say('办法', 'what to do')}: {failure.remedy}")
    sys.stderr.write("\n".join(lines) + "\n")
