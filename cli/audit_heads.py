"""`audit heads list|print|check|prove|stamp`: signed heads shown, taken outside, and held against the ledger again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cryptography.x509 import Certificate
from cyclopts import App, Parameter
from rich.console import Group
from rich.table import Table
from rich.text import Text

from audit.heads import Headed, HeadError, clock_of, keys_of, origin_of, read_headed
from audit.leaves import Place
from audit.note_errors import NoteError
from audit.outside import OutsideError, compare, proof_text, signer_of
from cli.audit_failures import head_failure, keep_text, key_failure
from cli.audit_stamp import asked, require_url, roots_of, stamp_data, stamp_failure
from cli.failures import NOT_FOUND, NOT_VERIFIED, Failure, file_unreadable
from cli.head_page import Page, plain, web
from cli.heads_view import heads_data, place_word, trouble_line
from cli.keys_given import PublicKey, public_key
from cli.options import CampaignName, Face, note, say
from cli.rooms import Rooms
from ledger.anchors import Stamped, keep_stamp, read_anchored, read_stamps
from ledger.growth import read_first
from ledger.heads import KeptHead, read_heads
from ledger.store import Ledger

_FACE = Face()

Out = Annotated[Path | None, Parameter(help=say("写入文件（默认：标准输出）", "a file (default: stdout)"))]
Size = Annotated[int | None, Parameter(help=say("哪一个（默认最新）", "which one, by its size (default: the newest)"))]
Roots = Annotated[
    Path | None, Parameter(help=say("时间戳机构的根证书（PEM）", "PEM file with the authority's root certificate"))
]

app = App(name="heads", help_format="plaintext", version_flags=[])
app.command(
    "cli.audit_cosign:cosigning",
    name="cosign",
    help=say("上级机关会签检查点（无需台账）", "countersign a county's head, without a ledger"),
)

app.command(
    "cli.heads_deliver:delivering",
    name="deliver",
    help=say("立即签署到期的检查点并送到外部", "sign what is due and put heads outside now"),
)


@app.command(name="list", help=say("列出已签的检查点", "the signed heads"))
async def listed(campaign: CampaignName, *, ca: Roots = None, face: Face = _FACE) -> int:
    """Tell each head's size, root, key and time, whether signature and time stamps hold, and where it lies outside."""
    roots = roots_of(ca)
    async with Rooms(face.settings()) as rooms:
        line = (await rooms.board(campaign))[campaign]
        ledger = await rooms.ledger()
        rows = await _rows(ledger, campaign, roots)
        data = await heads_data(ledger, campaign, rooms.settings, line)
    answer = {
        "campaign": campaign,
        "heads": rows,
        **{name: data[name] for name in ("by_themselves", "uncovered", "not_outside", "trouble", "to_do")},
    }
    face.show(answer, lambda: Group(_table(rows), *map(Text, _below(answer))))
    sound = all(row["signed"] and not any(one["code"] for one in row["stamps"]) for row in rows)
    return 0 if sound else NOT_VERIFIED


@app.command(
    name="print", help=say("打印一页检查点，签字盖章后另存", "a page for paper, to be signed and kept outside")
)
async def printed(
    campaign: CampaignName,
    *,
    size: Size = None,
    out: Out = None,
    face: Face = _FACE,
) -> int:
    """Print a head as text, or into a file; a name that ends with .html gives a page of HTML."""
    headed = await headed_of(face, campaign)
    head = _chosen(headed, size)
    rehearsal = clock_of(headed.lines[headed.places.index(Place(campaign, 1))].decode(), campaign) != "engine"
    page = Page(campaign, headed.origin, head, signer_of(headed, head), rehearsal)
    text = web(page) if out is not None and out.suffix == ".html" else plain(page)
    data = {"campaign": campaign, "events": head.size, "root": head.root, "key": str(page.key), "file": None}
    tell(face, data, text, out)
    return 0


@app.command(name="check", help=say("用另存的检查点核对台账", "a head that was kept outside, against this ledger"))
async def checked(
    campaign: CampaignName,
    file: Annotated[Path, Parameter(name="NOTE", help=say("另存的检查点文件", "the file with the head"))],
    *,
    key: PublicKey = None,
    witness: Annotated[
        list[str] | None,
        Parameter(negative="", help=say("须会签者的公钥，如上级机关", "public key of who must have countersigned")),
    ] = None,
    face: Face = _FACE,
) -> int:
    """Look at the whole ledger, and whether it had this root at this size and has only grown since."""
    witnesses = [public_key(one) for one in witness or ()]
    trusted = None if key is None else public_key(key)
    try:
        held = file.read_bytes()
    except OSError:
        raise file_unreadable(file) from None
    headed = await headed_of(face, campaign)
    try:
        agreed = compare(headed, held, trusted, witnesses)
    except NoteError as error:
        raise key_failure(error, str(file)) from None
    except OutsideError as error:
        raise _outside(error) from None
    missing = [one.name for one in witnesses if one not in agreed.witnesses]
    if missing:
        raise Failure(
            NOT_VERIFIED,
            "WITNESS_MISSING",
            say("缺少会签：", "Not countersigned by: ") + ", ".join(missing),
            place=str(file),
            remedy=say("请向会签机关索取其会签的检查点。", "Ask the witness for the head that it has countersigned."),
        )
    data = {
        "campaign": campaign,
        "agreed": True,
        "trusted": trusted is not None,
        "witnesses": [str(one) for one in agreed.witnesses],
        "events": agreed.head.size,
        "root": agreed.head.root.hex(),
        "newest": {"events": agreed.newest.size, "root": agreed.newest.root},
        "recorded": headed.tree.size,
        "proof": agreed.proof,
    }
    later = agreed.newest.size - agreed.head.size
    lines = [
        say(
            f"一致：台账在 {agreed.head.size} 条事件时的根就是此检查点的根；其后 {later} 条已签，记录只增未改。",
            f"Agrees: at {agreed.head.size} events the ledger had this root; {later} more are signed since, "
            "and nothing below has changed.",
        )
    ]
    if trusted is None:
        lines.append(say("未提供公钥：密钥取自本台账。", "Without --key the ledger's own word was taken for the keys."))
    face.show(data, lambda: Text("\n".join(lines)))
    return 0


@app.command(name="prove", help=say("两个检查点之间的一致性证明", "the consistency proof from one head to a later one"))
async def proved(
    campaign: CampaignName,
    old: Annotated[int, Parameter(help=say("较早检查点的事件数（0 为空）", "the earlier head's size; 0: none"))],
    new: Annotated[int, Parameter(help=say("较晚检查点的事件数", "the later head's size"))],
    *,
    out: Out = None,
    face: Face = _FACE,
) -> int:
    """Print the proof as a witness of transparency logs takes it (C2SP tlog-witness)."""
    headed = await headed_of(face, campaign)
    text = proof_text(headed, old, new)
    if text is None:
        raise _unknown(headed)
    tell(face, {"campaign": campaign, "old": old, "new": new, "proof": text, "file": None}, text, out)
    return 0


@app.command(name="stamp", help=say("向时间戳机构索取时间戳（RFC 3161）", "a time stamp by an authority (RFC 3161)"))
async def stamped(
    campaign: CampaignName,
    *,
    tsa: Annotated[str, Parameter(help=say("时间戳机构的网址", "the authority's address"))],
    size: Size = None,
    ca: Roots = None,
    face: Face = _FACE,
) -> int:
    """Ask for a time stamp of a head and keep it beside the head; asked again, the first one stays."""
    require_url(tsa)
    roots = roots_of(ca)
    head = _chosen(await headed_of(face, campaign), size)
    async with Rooms(face.settings()) as rooms:
        ledger = await rooms.ledger()
        new = (head.size, tsa) not in [(one.size, one.authority) for one in await read_stamps(ledger, campaign)]
        if new:
            await keep_stamp(ledger, campaign, Stamped(head.size, tsa, await asked(tsa, head, roots)))
        kept = next(one for one in await read_stamps(ledger, campaign) if (one.size, one.authority) == (head.size, tsa))
    data = stamp_data(kept, head, roots)
    if data["code"] is not None:
        raise stamp_failure(data["code"], tsa)
    if not roots:
        note(
            "未提供 --ca：只核对了内容，没有核对机构的签名和证书。",
            "Without --ca only the content was compared, not the authority's signature and certificates.",
        )
    answer = {"campaign": campaign, "events": head.size, "new": new, **data}
    face.show(answer, lambda: Text(f"{head.size}  {data['at']}  {tsa}"))
    return 0


# -- inside -------------------------------------------------------------------------------------------------------


async def headed_of(face: Face, campaign: str) -> Headed:
    """Look at the whole record and its heads.

    Raises:
        Failure: HEADS_NONE (4), or what does not hold (7).
    """
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        try:
            headed = await read_headed(await rooms.ledger(), campaign)
        except NoteError as error:
            if error.code == "KEY_FILE_MISSING":
                raise _none(campaign) from None
            raise key_failure(error, campaign) from None
        except HeadError as error:
            raise head_failure(error) from None
    if not headed.heads:
        raise _none(campaign)
    return headed


def _chosen(headed: Headed, size: int | None) -> KeptHead:
    """Return the head of a size, or the newest one.

    Raises:
        Failure: HEAD_UNKNOWN (4).
    """
    head = next((one for one in headed.heads if one.size == (headed.head.size if size is None else size)), None)
    if head is None:
        raise _unknown(headed)
    return head


async def _rows(ledger: Ledger, campaign: str, roots: Sequence[Certificate]) -> list[dict[str, Any]]:
    """Return a row for each head; only notes are verified here, the record is not read."""
    heads = await read_heads(ledger, campaign)
    if not heads:
        return []
    try:
        keys, _ = await keys_of(ledger)
    except NoteError as error:
        raise key_failure(error, campaign) from None
    try:
        origin = origin_of(keys.current, campaign, clock_of(await read_first(ledger, campaign), campaign))
    except (HeadError, LookupError):
        raise head_failure(HeadError("LEDGER_BROKEN", f"{campaign}#1")) from None
    places: dict[int, list[str]] = {}
    for one in await read_anchored(ledger, campaign):
        places.setdefault(one.size, []).append(one.place if one.by == one.size else f"{one.place} ({one.by})")
    stamps = await read_stamps(ledger, campaign)
    rows = []
    for head in heads:
        code, key = None, None
        try:
            signed = keys.open_head(head.note.encode(), origin=origin)
            key = str(signed.signers[0])
            if (signed.head.size, signed.head.root.hex()) != (head.size, head.root):
                code = "HEAD_BROKEN"
        except NoteError as error:
            code = error.code
        rows.append(
            {
                "events": head.size,
                "root": head.root,
                "key": key,
                "made_at": head.made_at,
                "signed": code is None,
                "code": code,
                "outside": places.get(head.size, []),
                "stamps": [stamp_data(kept, head, roots) for kept in stamps if kept.size == head.size],
            }
        )
    return rows


def tell(face: Face, data: dict[str, Any], text: str, out: Path | None) -> None:
    """Show a text, or write it into a file and show that."""
    if out is None:
        face.show(data, lambda: Text(text.rstrip("\n")))
        return
    keep_text(out, text)
    face.show(data | {"file": str(out)}, lambda: Text(str(out)))


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(
        say("事件数", "events"),
        say("根", "root"),
        say("签署时间", "made at"),
        say("密钥", "key"),
        say("签名", "signature"),
        say("外部存放", "outside"),
    )
    for row in rows:
        key = row["key"].split("+")[1] if row["key"] else "—"
        stamps = [
            f"{one['authority']} {_wrong(one['code']) if one['code'] else one['at'][:16]}" for one in row["stamps"]
        ]
        outside = ", ".join([*map(_outside_word, row["outside"]), *stamps])
        ok = say("有效", "holds") if row["signed"] else _wrong(row["code"])
        table.add_row(str(row["events"]), row["root"][:16] + "…", row["made_at"][:16], key, ok, outside)
    return table


def _outside_word(place: str) -> str:
    """Return a place as a person reads it, with the size of the later head that stands for this one."""
    name, bracket, rest = place.partition(" (")
    return f"{place_word(name)}{bracket}{rest}"


def _wrong(code: str) -> str:
    """Return in short what is wrong with a head's signature; `heads check` says it in whole sentences."""
    return f"{say('无效', 'does not hold')} ({code})"


def _below(answer: dict[str, Any]) -> list[str]:
    """Return what stands below the table: what no head covers, what is in the way, what is to be done."""
    lines = []
    if answer["uncovered"]:
        number = answer["uncovered"]
        lines.append(say(f"尚未签署的事件：{number} 条", f"events that no head covers yet: {number}"))
    if answer["trouble"] is not None:
        lines.append(trouble_line(answer["trouble"]))
    return lines + [one["message"] for one in answer["to_do"]]


def _none(campaign: str) -> Failure:
    return Failure(
        NOT_FOUND,
        "HEADS_NONE",
        say("尚未签署检查点。", "No head has been signed yet."),
        place=campaign,
        remedy=say(
            "请用 audit head 签署，或设置 DIVERSION_AUDIT_KEY。", "Use `audit head`, or set DIVERSION_AUDIT_KEY."
        ),
    )


def _unknown(headed: Headed) -> Failure:
    return Failure(
        NOT_FOUND,
        "HEAD_UNKNOWN",
        say("没有这样的检查点。", "There are no such heads."),
        place=headed.campaign,
        remedy=say(
            "事件数见 audit heads list，较小的在前。", "See `audit heads list` for the sizes; the smaller one first."
        ),
    )


def _outside(error: OutsideError) -> Failure:
    if error.code == "HEAD_GONE":
        sentence = say(
            "台账中的检查点没有到这里：台账被截短，或换成了旧副本。",
            "The ledger's own heads do not come so far: it was cut off, or replaced by an older copy.",
        )
    else:
        sentence = say(
            "台账在此事件数时的根与检查点不同：其下的事件有改动、删除、插入或调换。",
            "At this size the ledger has another root: below it events were changed, dropped, inserted or moved.",
        )
    remedy = say(
        "请封存台账，用另存的较早检查点逐个核对以缩小范围，并与审计包比对。",
        "Keep the ledger as it is; check earlier heads from outside to narrow it down; compare with a bundle.",
    )
    return Failure(NOT_VERIFIED, error.code, sentence, place=error.place, remedy=remedy)
