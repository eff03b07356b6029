"""The signed heads of a campaign as `status` and `doctor` show them: the newest one, and what is in the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from audit.anchors import DIRECTORY, MAIL
from audit.heads import keys_of
from audit.note_errors import SENTENCES, NoteError
from audit.signing_keys import load_key
from cli.options import say
from ledger.anchors import Trouble, not_anchored, read_anchored, read_troubles
from ledger.growth import uncovered
from ledger.heads import last_head, read_keys
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
    "TEMPLATE_CHANGED": (
        "已发布的通知模板与签名检查点所载的不符，未再签署。请恢复该版本的原文件；新的措辞另存为新版本。",
        "A published notice template is not as a signed head names it: put that version's file back as it was.",
    ),
    "KEY_OUT_OF_TERM": (
        "未签署：DIVERSION_AUDIT_KEY 不是现用密钥。请改为 audit keys list 最后一个密钥的文件，再重启 diversion up。",
        "Not signed: the key is not in force. Set DIVERSION_AUDIT_KEY to the last of `audit keys list`; restart `up`.",
    ),
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


_PLACES = {DIRECTORY: ("目录", "directory"), MAIL: ("邮件", "mail")}


def sentence(code: str) -> str:
    """Return what a trouble's code means and what to do; a mail server's codes stand for themselves."""
    usual = (
        f"检查点未能寄出（{code}），将再试。请检查邮件设置。",
        f"A head was not mailed ({code}); it is tried again.",
    )
    return say(*(_SENTENCES.get(code) or SENTENCES.get(code) or usual))


def places_of(settings: Settings) -> tuple[str, ...]:
    """Return the places outside that the settings name."""
    mailed = settings.heads_mail_to is not None and settings.smtp is not None
    given = {DIRECTORY: settings.heads_dir is not None, MAIL: mailed}
    return tuple(place for place, there in given.items() if there)


def place_word(place: str) -> str:
    """Return what a place outside is called: `directory`, `mail`."""
    return say(*_PLACES[place]) if place in _PLACES else place


async def not_outside(ledger: Ledger, campaign: str, settings: Settings) -> dict[str, int]:
    """Return how many heads are not yet in each place that the settings name, or that had one before."""
    places = {*places_of(settings), *(one.place for one in await read_anchored(ledger, campaign))}
    waiting = {place: len(await not_anchored(ledger, campaign, place)) for place in sorted(places)}
    return {place: count for place, count in waiting.items() if count}


async def heads_data(ledger: Ledger, campaign: str, settings: Settings, line: Mapping[str, Any]) -> dict[str, Any]:
    """Return the newest head, whether heads sign themselves here, what is in the way, and what is to be done.

    Args:
        ledger: the record.
        campaign: the campaign's id.
        settings: of this process.
        line: the campaign's line of the board.
    """
    newest = await last_head(ledger, campaign)
    trouble = next((one for one in await read_troubles(ledger) if one.campaign == campaign), None)
    left, waiting = await uncovered(ledger, campaign), await not_outside(ledger, campaign, settings)
    signing = newest is not None or settings.audit_key is not None or trouble is not None
    over = line.get("clock") == "engine" and line.get("status") == "archived"
    return {
        "events": None if newest is None else newest.size,
        "root": None if newest is None else newest.root,
        "made_at": None if newest is None else newest.made_at,
        "uncovered": left,
        "by_themselves": settings.audit_key is not None,
        "not_outside": waiting,
        "trouble": None if trouble is None else trouble_data(trouble),
        "to_do": _to_do(campaign, left if over and signing else 0, waiting),
    }


def _to_do(campaign: str, unsigned: int, waiting: Mapping[str, int]) -> list[dict[str, str]]:
    """Return what a person has to do, with the command: sign the last head of a campaign that is over, bring heads out.

    Args:
        campaign: the campaign's id.
        unsigned: events without a head that no worker signs any more, unless it is started again.
        waiting: heads that are not outside, by place.
    """
    found = []
    if unsigned:
        message = say(
            f"活动已结束，最后 {unsigned} 条事件没有检查点。请用现用密钥签署：audit head {campaign} --key 密钥文件；"
            f"设有外部存放处的，执行 audit heads deliver {campaign}。",
            f"The campaign is over, and no head covers its last {unsigned} events. Sign one with the key in force: "
            f"`audit head {campaign} --key FILE`; where a place outside is set, `audit heads deliver {campaign}`.",
        )
        found.append({"code": "HEAD_LAST_MISSING", "message": message})
    if waiting:
        places = ", ".join(f"{place_word(place)} {count}" for place, count in waiting.items())
        message = say(
            f"尚未存到外部的检查点：{places}。立即送出：audit heads deliver {campaign}"
            "（环境须设有 DIVERSION_AUDIT_KEY 和 DIVERSION_HEADS_DIR 或 DIVERSION_HEADS_MAIL_TO）。",
            f"Heads that are not outside yet: {places}. To bring them there: `audit heads deliver {campaign}`, with "
            "DIVERSION_AUDIT_KEY and DIVERSION_HEADS_DIR or DIVERSION_HEADS_MAIL_TO set.",
        )
        found.append({"code": "HEADS_NOT_OUTSIDE", "message": message})
    return found


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
        lines.append(trouble_line(data["trouble"]))
    return lines + [f"{say('提示', 'warning')}: {one['message']}" for one in data["to_do"]]


def trouble_line(trouble: Mapping[str, Any]) -> str:
    """Return what is in the way as a person reads it: what it means, what to do, where, and its code."""
    place = f"  {trouble['place']}" if trouble["place"] else ""
    return f"{say('检查点', 'signed heads')}: {trouble['message']} [{trouble['code']}]{place}"


async def key_problem(settings: Settings, ledger: Ledger | None) -> str | None:
    """Return the code of what is wrong with the key that signs heads, None where it can be used or is not set.

    Args:
        settings: of this process.
        ledger: whose key must be in force; None where there is none yet.
    """
    if settings.audit_key is None:
        return None
    try:
        key = load_key(settings.audit_key)
        keys = await keys_of(ledger) if ledger is not None and await read_keys(ledger) else None
    except NoteError as error:
        return error.code
    return None if keys is None or keys[0].current == key.public else "KEY_OUT_OF_TERM"


def shown(troubles: Iterable[Trouble]) -> str:
    """Return troubles in one line."""
    return ", ".join(f"{one.campaign}: {one.code} {one.place}".rstrip() for one in troubles)
