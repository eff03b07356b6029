"""A signed head as a page for paper: what a person copies, signs, dates and keeps outside the house."""

from __future__ import annotations

import html
from dataclasses import dataclass

from audit.signed_note import VerifierKey
from ledger.heads import KeptHead

GROUP = 4
GROUPS_A_LINE = 8


@dataclass(frozen=True)
class Page:
    """What stands on it.

    Attributes:
        origin: the log's name.
        key: whose signature is under the head.
        rehearsal: whether it is of no real year.
    """

    campaign: str
    origin: str
    head: KeptHead
    key: VerifierKey
    rehearsal: bool


def grouped(digits: str) -> list[str]:
    """Return hex digits in groups of four, eight groups a line: so that two people can read them to each other."""
    groups = [digits[start : start + GROUP] for start in range(0, len(digits), GROUP)]
    return [" ".join(groups[start : start + GROUPS_A_LINE]) for start in range(0, len(groups), GROUPS_A_LINE)]


def plain(page: Page) -> str:
    """Return the page as text."""
    return "\n".join(
        [
            "分流工作台账 检查点",
            *(["（演练数据，不是真实年度）"] if page.rehearsal else []),
            "",
            *(f"{name}：{value}" for name, value in _facts(page)),
            "根（SHA-256，十六进制）：",
            *(f"    {line}" for line in grouped(page.head.root)),
            "",
            WHY,
            "",
            "签名原文（可录入文件后用 audit heads check 核对）：",
            "",
            page.head.note.rstrip("\n"),
            "",
            *(f"{place}：____________________________" for place in SIGNED_BY),
            "",
        ]
    )


def web(page: Page) -> str:
    """Return the page as one HTML file that needs nothing else."""
    facts = "".join(f"<tr><th>{name}</th><td>{html.escape(value)}</td></tr>" for name, value in _facts(page))
    lines = "".join(f"<tr><th></th><td><code>{line}</code></td></tr>" for line in grouped(page.head.root))
    notice = "<p><strong>演练数据，不是真实年度</strong></p>" if page.rehearsal else ""
    signed = "".join(f"<tr><th>{place}</th><td class=line></td></tr>" for place in SIGNED_BY)
    return (
        f'<!DOCTYPE html>\n<html lang="zh-Hans"><meta charset="utf-8"><title>检查点 {page.head.size}</title>\n'
        "<style>@page{size:A4;margin:20mm}body{font:12pt serif}th{text-align:left;font-weight:normal;"
        "padding-right:1em;white-space:nowrap}code,pre{font:11pt monospace}pre{white-space:pre-wrap;"
        "word-break:break-all}.line{border-bottom:1px solid;width:20em;height:2.5em}</style>\n"
        f"<h1>分流工作台账 检查点</h1>{notice}\n"
        f"<table>{facts}<tr><th>根（SHA-256）</th><td></td></tr>{lines}</table>\n<p>{WHY}</p>\n"
        f"<pre>{html.escape(page.head.note)}</pre>\n<table>{signed}</table>\n</html>\n"
    )


WHY = (
    "此页记下台账在此刻的全部内容。日后台账中这些事件若有一条被改动、删去或插入，根就不会相同。请把此页与台账分开保管。"
)

SIGNED_BY = ("签收人（签名）", "单位（盖章）", "日期")


def _facts(page: Page) -> list[tuple[str, str]]:
    return [
        ("活动", page.campaign),
        ("记录名称", page.origin),
        ("事件数", str(page.head.size)),
        ("签署时间（本机时钟）", page.head.made_at),
        ("密钥名称", page.key.name),
        ("密钥编号", page.key.key_id.hex()),
        ("公钥", str(page.key)),
    ]
