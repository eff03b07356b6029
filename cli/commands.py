"""The table of commands, and the first page of help: it costs no import of what a command needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cli.language import say

if TYPE_CHECKING:
    from cyclopts import App


@dataclass(frozen=True)
class Entry:
    """A command: where it lives, and what it does in one line."""

    name: str
    path: str
    zh: str
    en: str


GROUPS: Final[tuple[tuple[str, str, tuple[Entry, ...]], ...]] = (
    (
        "试用",
        "to try it",
        (
            Entry(
                "demo",
                "cli.demo:demo",
                "演示：样例县完整一年，直至审计",
                "a sample county through a whole year, and its audit",
            ),
            Entry("sample", "cli.sample:sample", "生成样例县的全部文件", "write a synthetic county's files"),
            Entry(
                "rehearse",
                "cli.demo:rehearse",
                "用真实文件演练一年，只出汇总",
                "a year with the real files, totals only",
            ),
            Entry("doctor", "cli.doctor:doctor", "检查运行环境", "check this installation"),
        ),
    ),
    (
        "准备",
        "to prepare a year",
        (
            Entry("clone", "cli.clone:clone", "以去年的文件准备新一届", "a new year's files from last year's"),
            Entry("roster", "cli.roster:app", "名册：检查和导入", "check and import rosters"),
            Entry("rule", "cli.rule:app", "识别规则：查看和试算", "the identification's rule: show it, try it"),
            Entry(
                "up",
                "cli.up:up",
                "启动内置引擎和工作进程，直到 Ctrl-C",
                "run the embedded engine and a worker until Ctrl-C",
            ),
            Entry(
                "launch", "cli.launch:launch", "起草并启动一届活动", "draft a campaign, for another person's approval"
            ),
            Entry("approve", "cli.launch:approve", "批准（须为另一人）", "approve; another person than the author"),
        ),
    ),
    (
        "办理",
        "to run it",
        (
            Entry("status", "cli.status:status", "活动进展，逾期在前", "where the campaign stands, overdue first"),
            Entry(
                "stage",
                "cli.stage:app",
                "阶段：查看、完成、重开、延期、跳过、锁定",
                "show, complete, reopen, extend, skip, freeze",
            ),
            Entry(
                "record",
                "cli.record:app",
                "登记各类清单，并生成登记表（template）",
                "record lists of outcomes; `template` writes the sheet",
            ),
            Entry("meeting", "cli.meeting:app", "家长会改期、取消", "another time for a parents' meeting, or none"),
            Entry(
                "visit", "cli.visit:app", "职校参观、进校宣讲", "trips to vocational schools, presentations on campus"
            ),
            Entry(
                "choice",
                "cli.choice:app",
                "家庭择校：发告知书、查办理情况",
                "offer the notice, see where the cases stand",
            ),
            Entry("answer", "cli.answer:answer", "家庭本人凭答复码答复", "a family's own act, by its code"),
            Entry(
                "gateway",
                "cli.gateway_command:app",
                "家庭网关：接收短信答复、生成纸质密封答复码",
                "families' text messages, and sealed codes for papers",
            ),
            Entry(
                "evidence",
                "cli.evidence:app",
                "核查结果互相矛盾时的认定",
                "decide between findings that contradict each other",
            ),
            Entry(
                "correct", "cli.correct:correct", "更正一条已登记的记录", "correct a recorded row; the original stays"
            ),
            Entry("exits", "cli.exits:exits", "登记学生转学、出国或去世", "a pupil has left the register"),
            Entry(
                "attendance",
                "cli.attendance:app",
                "到校日报：上报、零报告、更正、说明缺勤",
                "daily and zero reports, corrections, explanations",
            ),
            Entry(
                "dropout",
                "cli.dropout:app",
                "控辍个案：劝返、书面报告、返校、销号",
                "a dropout case: bring back, report, close",
            ),
            Entry(
                "care",
                "cli.care:app",
                "包保：分配、责任状、领导小组、委托代办",
                "who looks after whom: carers, letters, stand-ins",
            ),
            Entry(
                "summary",
                "cli.summary:app",
                "总结：提交、雷同比对、复核",
                "hand in summaries; review those like another",
            ),
            Entry("person", "cli.person:app", "查看学生登记信息和访问记录", "a pupil's record, and who has looked"),
            Entry("contacts", "cli.contacts:app", "更正家庭的联系方式", "put a family's contact right"),
            Entry(
                "notices",
                "cli.notices:app",
                "通知：清单、预览、重发、停发、人工办理",
                "the outbox: list, preview, retry, stop, people's lists",
            ),
            Entry(
                "complain",
                "cli.complain:app",
                "投诉与答复，可匿名",
                "complain, also without a name; answer a complaint",
            ),
            Entry(
                "compliance",
                "cli.compliance:app",
                "案件：调查、暂停计数、认定、申诉",
                "cases: investigate, hold counting, decide, appeal",
            ),
        ),
    ),
    (
        "管理",
        "to manage it",
        (
            Entry("staff", "cli.staff:app", "人员：导入和更换", "who acts: import a list, replace a person"),
            Entry(
                "targets",
                "cli.targets:app",
                "指标：下达、调整、分配到班、压力提示",
                "planning targets: issue, revise, share out, flags of pressure",
            ),
            Entry(
                "policy",
                "cli.policy:app",
                "政策口径：各流程版本、比较、公布新版本",
                "which version holds where; announce another",
            ),
            Entry("window", "cli.window:app", "志愿填报时间的变更", "when applications are taken, and its changes"),
            Entry("schools", "cli.schools:app", "合格职校名单的公布和变更", "the list of qualified schools"),
            Entry("calendar", "cli.calendar:app", "发布日历", "publish a calendar"),
            Entry("pause", "cli.holds:pause", "暂停活动或一所学校", "hold a campaign or a school"),
            Entry("resume", "cli.holds:resume", "恢复", "end a pause"),
            Entry("stop", "cli.holds:stop", "停止活动", "stop a campaign"),
            Entry("close", "cli.holds:close", "结束并归档", "close a campaign and archive it"),
        ),
    ),
    (
        "核对",
        "to look back",
        (
            Entry(
                "aid",
                "cli.aid:app",
                "资助：名单、公示、到校月份、发放表",
                "student aid: lists, months of attendance, runs",
            ),
            Entry(
                "settle",
                "cli.settle:app",
                "结算：试算、记录、审批、公布",
                "trial settlements and runs: approve, publish",
            ),
            Entry(
                "returns",
                "cli.returns:app",
                "控辍报表：学校月报、县级季度复核",
                "statutory figures: a school's month, the county's quarter",
            ),
            Entry(
                "audit",
                "cli.audit:app",
                "审计：重放、时间线、时点、差异、试改口径、归档、导出、审计包、离线核验",
                "replay, timeline, as-of, differences, what-if; archive, exports, bundles verified offline",
            ),
        ),
    ),
)
"""The commands as a year runs: title of the group in Chinese and English, and its commands."""

COMMANDS: Final = tuple(entry for _, _, entries in GROUPS for entry in entries)


def first_page() -> str:
    """Return the help of the whole program."""
    width = max(len(entry.name) for entry in COMMANDS) + 2
    lines = [say("用法：diversion 命令 [选项]", "Usage: diversion COMMAND [OPTIONS]")]
    for zh, en, entries in GROUPS:
        lines += ["", say(f"{zh}：", f"{en}:")]
        lines += [f"  {entry.name:<{width}}{say(entry.zh, entry.en)}" for entry in entries]
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
