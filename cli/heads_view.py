"""The signed heads of a campaign as `status` and `doctor` show them: the newest one, and what is in the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from audit.note_errors import SENTENCES, NoteError
from audit.signing_keys import load_key
from cli.options import LANG, say
from ledger.anchors import Trouble, read_troubles
from ledger.growth import uncovered
from ledger.heads import last_head
from ledger.store import Ledger
from settings import Settings

_SENTENCES = {
    "LEDGER_BROKEN": (
        "台账与其哈希链或已签的检查点不符，未再签署。请保留现场，运行 audit replay。",
        "The ledger does not agree with its chains or a signed head. Keep everything as it is; run `audit replay`.",
    ),
    "HEAD_BROKEN": (
        "已签的检查点被改动过，未再签署。请与另存的检查点比对（audit heads check）。",
        "A signed head was changed. Compare with a head kept elsewhere (`audit heads check`).",
    ),
    "HEAD_RACED": ("同时有别的检查点在签署，稍后再签。", "Other heads were being signed at the same time."),
    "HEADS_KEY_NOT_SET": (
        "工作进程没有签名密钥。请为其设置 DIVERSION_AUDIT_KEY 后重新启动。",
        "The worker has no signing key: set DIVERSION_AUDIT_KEY for it and start it again.",
    ),
    "HEADS_DIR_UNWRITABLE": (
        "DIVERSION_HEADS_DIR 目录无法写入，将再试。请检查目录和权限。",
        "The directory DIVERSION_HEADS_DIR cannot be written to; it is tried again. Check it and its permissions.",
    ),
    "HEADS_FILE_DIFFERS": (
        "DIVERSION_HEADS_DIR 中已有同名而内容不同的检查点，不会覆盖。请查明其来历。",
        "DIVERSION_HEADS_DIR has another head under the same name, which is kept. Find out where it is from.",
    ),
}


def sentence(code: str) -> str:
    """Return what a trouble's code means and what to do; a mail server's codes stand for themselves."""
    usual = (
        f"检查点未能寄出（{code}），将再试。请检查邮件设置。",
        f"A head was not mailed ({code}); it is tried again.",
    )
    return say(*(_SENTENCES.get(code) or SENTENCES.get(code) or usual))


async def heads_data(ledger: Ledger, campaign: str, settings: Settings) -> dict[str, Any]:
    """Return the newest head, whether heads sign themselves here, and what is in the way."""
    newest = await last_head(ledger, campaign)
    trouble = next((one for one in await read_troubles(ledger) if one.campaign == campaign), None)
    return {
        "events": None if newest is None else newest.size,
        "root": None if newest is None else newest.root,
        "made_at": None if newest is None else newest.made_at,
        "uncovered": await uncovered(ledger, campaign),
        "by_themselves": settings.audit_key is not None,
        "trouble": None if trouble is None else trouble_data(trouble),
    }


def trouble_data(trouble: Trouble) -> dict[str, Any]:
    """Return what is in the way, with its sentence."""
    return {
        "code": trouble.code,
        "place": trouble.place,
        "since": trouble.since,
        "message": sentence(trouble.code),
    }


def heads_lines(data: Mapping[str, Any], *, rehearsal: bool) -> list[str]:
    """Return the lines of `status`: nothing where all is well and a head was signed."""
    lines = []
    if data["events"] is not None:
        lines.append(
            say(
                f"检查点：{data['events']} 条事件，{data['made_at'][:16]}，根 {data['root'][:16]}…",
                f"signed head: {data['events']} events, {data['made_at'][:16]}, root {data['root'][:16]}…",
            )
        )
    if data["uncovered"] and data["by_themselves"]:
        lines.append(
            say(f"尚未签署的事件：{data['uncovered']} 条", f"events that no head covers yet: {data['uncovered']}")
        )
    if not data["by_themselves"] and not rehearsal:
        lines.append(say("提示：检查点不会自动签署（未设置 DIVERSION_AUDIT_KEY）", "note: no head is signed by itself"))
    if data["trouble"] is not None:
        lines.append(f"{data['trouble']['code']} {data['trouble']['place']}: {data['trouble']['message']}")
    return lines


def key_problem(settings: Settings) -> str | None:
    """Return the code of what is wrong with the key that signs heads, None where it can be used or is not set."""
    if settings.audit_key is None:
        return None
    try:
        load_key(settings.audit_key)
    except NoteError as error:
        return error.code
    return None


def note_sentence(code: str) -> str:
    """Return what a key's code means, in the language that people read."""
    return NoteError(code).message(LANG)


def shown(troubles: Iterable[Trouble]) -> str:
    """Return troubles in one line."""
    return ", ".join(f"{one.campaign}: {one.code} {one.place}".rstrip() for one in troubles)
