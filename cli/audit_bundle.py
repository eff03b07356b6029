"""`audit export|verify|head|keys`: the auditor's bundle, its check without a server, signed heads and their keys."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.text import Text

from audit.bundle.writer import NotVerifiedError
from audit.heads import Headed, HeadError, change_key, clock_of, keys_of, make_head
from audit.note_errors import NoteError
from audit.signing_keys import SigningKey, create_key, load_key
from audit.verifier import verify_bundle
from cli.audit_failures import head_failure, keep_text, key_failure, make_private
from cli.bundle_export import OWN_KEY, OWN_NAME, engine_of, require_no_other, write
from cli.bundle_given import refused_bundle
from cli.demo_marker import is_demo
from cli.failures import NOT_FOUND, NOT_VERIFIED, Failure, file_unwritable, not_found, usage
from cli.options import LANG, CampaignName, Face, note, say
from cli.rooms import Rooms
from client import NotFoundError, actor_for
from domain.time import SHANGHAI
from ledger.growth import read_first
from ledger.store import Ledger
from notices.catalogue import digests

_FACE = Face()

KeyFile = Annotated[
    Path | None,
    Parameter(
        help=say(
            "签名密钥文件，应放在数据目录之外（默认：DIVERSION_AUDIT_KEY，否则数据目录中的 audit.key，仅演练会新建）",
            "the signing key's file, best outside the data directory (default: DIVERSION_AUDIT_KEY, else audit.key)",
        )
    ),
]

keys = App(name="keys", help_format="plaintext", version_flags=[])

_OF_NEW = ("KEY_PLACE_OPEN", "KEY_FILE_OPEN", "KEY_FILE_MALFORMED", "ROTATION_NAME")
"""What may be wrong with the new key's file at a change of keys, once the old one is read."""


async def export(
    campaign: CampaignName,
    file: Annotated[Path, Parameter(help=say("要写的审计包", "the bundle to be written"))],
    *,
    key: KeyFile = None,
    by: Annotated[str | None, Parameter(help=say("导出人的 staff_ref", "staff_ref of who exports"))] = None,
    face: Face = _FACE,
) -> int:
    """Sign a head over the record and write everything into one file, which is verified before it has its name."""
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        require_no_other(file, campaign, rehearsal=await _clock(await rooms.ledger(), campaign) != "engine")
        if by is not None:
            await _known(rooms, campaign, by)
        try:
            ledger, engine = await rooms.ledger(), await engine_of(rooms)
            made = await write(ledger, campaign, engine, file, lambda: _headed(rooms, campaign, key), by=by)
        except NotVerifiedError as error:
            raise _not_verified(error.verdict.findings[0]) from None
        except verify_bundle.Refused as refused:
            raise refused_bundle(file, refused) from None
    data = _head_data(made.headed) | made.as_data()
    why = made.why_unarchived(demo=is_demo(rooms.settings.data))
    told = (str(file), f"SHA-256 {data['sha256']}", verify_bundle.told(made.verdict, LANG), why)
    face.show(data, lambda: Text("\n".join(filter(None, told))))
    return 0


async def verified(
    file: Annotated[Path, Parameter(help=say("审计包", "the bundle"))],
    *,
    key: Annotated[
        str | None,
        Parameter(help=say("公钥（名称+编号+base64）或其文件", "the public key, name+id+base64, or a file with it")),
    ] = None,
    sample: Annotated[int, Parameter(help=say("抽取多少名学生", "how many pupils to draw"))] = 0,
    seed: Annotated[str, Parameter(help=say("抽样种子", "the draw's seed"))] = "",
    face: Face = _FACE,
) -> int:
    """Verify a bundle with the program that lies in it, without server and network."""
    try:
        public = None if key is None else verify_bundle.read_key(key)
    except ValueError:
        raise usage(
            "KEY_MALFORMED",
            say("--key 不是公钥。", "--key is no public key."),
            place="--key",
            remedy=say("请给出“名称+编号+base64”一行，或存有它的文件。", "Give the line name+id+base64, or its file."),
        ) from None
    try:
        verdict = verify_bundle.verify(file, public, sample=max(0, sample), seed=seed)
    except verify_bundle.Refused as refused:
        raise refused_bundle(file, refused) from None
    face.show(verify_bundle.as_data(verdict, LANG), lambda: Text(verify_bundle.told(verdict, LANG)))
    return 0 if verdict.verified else NOT_VERIFIED


async def head(
    campaign: CampaignName,
    *,
    key: KeyFile = None,
    out: Annotated[
        Path | None, Parameter(help=say("另存检查点的文件", "a file to keep the head in, outside this house"))
    ] = None,
    face: Face = _FACE,
) -> int:
    """Sign a head over all that the record holds, or show the newest one where nothing is new."""
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        headed, _ = await _headed(rooms, campaign, key)
    if out is not None:
        keep_text(out, headed.head.note)
    data = _head_data(headed) | {"note": headed.head.note}
    face.show(data, lambda: Text(headed.head.note.rstrip("\n")))
    return 0


@keys.command(name="new", help=say("新建签名密钥，并打印公钥", "make a signing key and print its public half"))
async def new(
    file: Annotated[Path, Parameter(help=say("密钥文件（不会覆盖已有文件）", "the key's file; none is written over"))],
    *,
    name: Annotated[str, Parameter(help=say("密钥名称，如教育局域名", "its name, as the bureau's domain"))] = OWN_NAME,
    face: Face = _FACE,
) -> int:
    """Make a key; what is printed is published on paper and by the superior bureau."""
    make_private(file.parent)
    try:
        public = str(create_key(file, name).public)
    except NoteError as error:
        raise key_failure(error, str(file)) from None
    except OSError:
        raise file_unwritable(file) from None
    face.show({"file": str(file), "key": public}, lambda: Text(public))
    return 0


@keys.command(name="rotate", help=say("更换签名密钥", "replace the signing key by a new one"))
async def rotated(
    old: Annotated[Path, Parameter(help=say("现用密钥文件", "file of the key in force"))],
    new_file: Annotated[Path, Parameter(name="new", help=say("新密钥文件", "file of the new one"))],
    *,
    face: Face = _FACE,
) -> int:
    """Let the old key sign its successor and the last heads of its term; then its file is to be destroyed."""
    make_private(new_file.parent)
    async with Rooms(face.settings()) as rooms:
        try:
            signer = load_key(old)
        except NoteError as error:
            raise key_failure(error, str(old), signing=True) from None
        try:
            made = await change_key(await rooms.ledger(), signer, new_file)
        except NoteError as error:
            raise key_failure(error, str(new_file if error.code in _OF_NEW else old), signing=True) from None
        except HeadError as error:
            raise head_failure(error) from None
    public = str(made.public)
    face.show(
        {"key": public, "file": str(new_file)},
        lambda: Text(
            f"{public}\n"
            + say(
                "请销毁旧密钥文件，公布新公钥和更换声明（audit keys list --out 文件）；设有 DIVERSION_AUDIT_KEY 的，"
                "请改为新文件并重新启动 diversion up。",
                "Destroy the old file; publish the new key with the statement (`audit keys list --out FILE`). Where "
                "DIVERSION_AUDIT_KEY is set, name the new file and start `diversion up` again.",
            )
        ),
    )
    return 0


@keys.command(name="list", help=say("列出历任公钥", "the public keys, first to last"))
async def listed(
    *,
    out: Annotated[
        Path | None,
        Parameter(
            help=say("另存密钥更换声明的文件", "a file for the statements of the changes, as --rotation takes it")
        ),
    ] = None,
    face: Face = _FACE,
) -> int:
    """Tell the keys that followed one another; the last one is in force."""
    async with Rooms(face.settings()) as rooms:
        try:
            found, statements = await keys_of(await rooms.ledger())
        except NoteError as error:
            raise key_failure(error, str(rooms.settings.data)) from None
    if out is not None:
        if not statements:
            raise _never_replaced()
        keep_text(out, "".join(statements))
    names = list(found.published)
    face.show({"keys": names, "current": names[-1], "statements": statements}, lambda: Text("\n".join(names)))
    return 0


# -- inside -------------------------------------------------------------------------------------------------------


async def _headed(rooms: Rooms, campaign: str, file: Path | None) -> tuple[Headed, SigningKey]:
    """Sign a head over what the record holds.

    Raises:
        Failure: KEY_NOT_GIVEN (2), what is wrong with the key (3, 4) or the record (7).
    """
    ledger = await rooms.ledger()
    given = file or rooms.settings.audit_key
    place = given or rooms.settings.data / OWN_KEY
    try:
        clock = await _clock(ledger, campaign)
        if given is None and not place.exists():
            if clock != "stepped":
                raise _key_not_given()
            made = create_key(place, OWN_NAME)
            note(
                f"已为演练新建签名密钥 {place}，公钥：{made.public}。",
                f"Made a signing key for the rehearsal in {place}, public half {made.public}.",
            )
        signer = load_key(place)
        now = datetime.now(SHANGHAI)
        return await make_head(ledger, campaign, signer, clock, now, templates=digests()), signer
    except NoteError as error:
        raise key_failure(error, str(place), signing=True) from None
    except HeadError as error:
        raise head_failure(error) from None
    except (LookupError, TypeError, ValueError):  # rows that no program of ours writes
        raise head_failure(HeadError("LEDGER_BROKEN", f"{campaign}#1")) from None


def _never_replaced() -> Failure:
    """Return the failure of statements that were asked for where there is none (4)."""
    return Failure(
        NOT_FOUND,
        "ROTATIONS_NONE",
        say("密钥从未更换过，没有更换声明。", "No key was ever replaced, so that there is no statement."),
        place="--out",
        remedy=say("只需公布公钥。", "The public key is all that is to be published."),
    )


def _key_not_given() -> Failure:
    """Return the failure of a real year that nobody gave a key for (2): the first key that signs it stays its first."""
    return usage(
        "KEY_NOT_GIVEN",
        say(
            "未指定签名密钥。正式年度不会自动新建密钥：首个签署的密钥即为台账的第一个密钥，不能另换。",
            "No signing key is given. For a real year none is made by itself: the first that signs stays the first.",
        ),
        place="--key",
        remedy=say(
            "请先用 audit keys new 文件 --name 机关域名 新建密钥（放在数据目录之外），"
            "再以 --key 或 DIVERSION_AUDIT_KEY 指定。",
            "Make one with `audit keys new FILE --name DOMAIN`, outside the data directory; give it by --key or "
            "DIVERSION_AUDIT_KEY.",
        ),
    )


async def _clock(ledger: Ledger, campaign: str) -> str:
    """Return the campaign's clock, as its first event says.

    Raises:
        Failure: LEDGER_BROKEN (7).
    """
    try:
        return clock_of(await read_first(ledger, campaign), campaign)
    except (HeadError, LookupError, TypeError, ValueError):
        raise head_failure(HeadError("LEDGER_BROKEN", f"{campaign}#1")) from None


async def _known(rooms: Rooms, campaign: str, staff_ref: str) -> None:
    """Refuse somebody whom the campaign does not know.

    Raises:
        Failure: STAFF_UNKNOWN (4).
    """
    try:
        await actor_for(await rooms.registry(), campaign, staff_ref)
    except NotFoundError:
        raise not_found("stf_") from None


def _head_data(headed: Headed) -> dict[str, Any]:
    return {
        "campaign": headed.campaign,
        "origin": headed.origin,
        "events": headed.head.size,
        "root": headed.head.root,
        "heads": len(headed.heads),
        "key": str(headed.keys.current),
    }


def _not_verified(finding: verify_bundle.Finding) -> Failure:
    told = verify_bundle.error_of(finding, LANG)
    return Failure(NOT_VERIFIED, finding.code, told["message"], place=finding.place, remedy=told["remedy"])
