"""The table of commands, and the first page of help: it costs no import of what a command needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cli.language import LANG, say

if TYPE_CHECKING:
    from cyclopts import App


@dataclass(frozen=True)
class Entry:
    """A command: where it lives, and what it does in one line."""

    name: str
    path: str
    zh: str
    en: str


COMMANDS: Final = (
    Entry(
        "demo", "cli.demo:demo", "演示：样例县完整一年，直至审计", "a sample county through a whole year, and its audit"
    ),
    Entry("sample", "cli.sample:sample", "生成样例县的全部文件", "write a synthetic county's files"),
    Entry("roster", "cli.roster:app", "名册检查（check）", "check rosters"),
    Entry(
        "up", "cli.up:up", "启动内置引擎和工作进程，直到 Ctrl-C", "run the embedded engine and a worker until Ctrl-C"
    ),
    Entry("rehearse", "cli.demo:rehearse", "用真实文件演练一年，只出汇总", "a year with the real files, totals only"),
    Entry("launch", "cli.launch:launch", "起草并启动一届活动", "draft a campaign, for another person's approval"),
    Entry("approve", "cli.launch:approve", "批准（须为另一人）", "approve; another person than the author"),
    Entry("status", "cli.status:status", "活动进展，逾期在前", "where the campaign stands, overdue first"),
    Entry(
        "stage",
        "cli.stage:app",
        "阶段：查看、完成、重开、延期、跳过、锁定",
        "show, complete, reopen, extend, skip, freeze",
    ),
    Entry("record", "cli.record:app", "登记到会、回访等清单", "record lists of outcomes"),
    Entry("pause", "cli.holds:pause", "暂停活动或一所学校", "hold a campaign or a school"),
    Entry("resume", "cli.holds:resume", "恢复", "end a pause"),
    Entry("stop", "cli.holds:stop", "停止活动", "stop a campaign"),
    Entry("close", "cli.holds:close", "结束并归档", "close a campaign and archive it"),
    Entry("audit", "cli.audit:app", "审计：重放（replay）", "replay the record"),
    Entry("doctor", "cli.doctor:doctor", "检查运行环境", "check this installation"),
)


def first_page() -> str:
    """Return the help of the whole program."""
    width = max(len(entry.name) for entry in COMMANDS) + 2
    lines = [say("用法：diversion 命令 [选项]", "Usage: diversion COMMAND [OPTIONS]"), ""]
    lines += [f"  {entry.name:<{width}}{entry.en if LANG == 'en' else entry.zh}" for entry in COMMANDS]
    lines += [
        "",
        say("每个命令：--help、--json、--lang zh|en、--data 目录", "Every command: --help, --json, --lang, --data DIR"),
        say(
            "退出码：0 完成 1 程序缺陷 2 用法 3 文件不合格 4 找不到 5 依规不受理 6 引擎或数据库不可达 7 核验不符",
            "Exit codes: 0 done, 1 bug, 2 usage, 3 input rejected, 4 not found, 5 refused by the rules, "
            "6 engine or store unreachable, 7 verification failed",
        ),
    ]
    return "\n".join(lines)


def build() -> App:
    """Return the whole command line; the modules of the commands are imported when they are used."""
    from cyclopts import App  # noqa: PLC0415 - the first page of help does without

    app = App(name="diversion", help_format="plaintext", version_flags=[])
    for entry in COMMANDS:
        app.command(entry.path, name=entry.name, help=say(entry.zh, entry.en))
    return app
