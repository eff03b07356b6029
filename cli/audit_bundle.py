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
from cli.audit_failures import file_exists, head_failure, keep_text, key_failure
from cli.bundle_export import OWN_KEY, OWN_NAME, engine_of, write
from cli.failures import NOT_VERIFIED, REJECTED, Failure, not_found, usage
from cli.options import LANG, CampaignName, Face, note, say
from cli.rooms import Rooms
from client import NotFoundError, actor_for
from domain.time import SHANGHAI
from ledger.growth import read_first

_FACE = Face()

KeyFile = Annotated[
    Path | None,
    Parameter(
        help=say(
            "签名密钥文件，应放在数据目录之外（默认：DIVERSION_AUDIT_KEY，否则数据目录中的 audit.key）",
            "the signing key's file, best outside the data directory (default: DIVERSION_AUDIT_KEY, else audit.key)",
        )
    ),
]

keys = App(name="keys", help_format="plaintext", version_flags=[])


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
        _require_no_other(file)
        if by is not None:
            await _known(rooms, campaign, by)
        try:
            ledger, engine = await rooms.ledger(), await engine_of(rooms)
            made = await write(ledger, campaign, engine, file, lambda: _headed(rooms, campaign, key), by=by)
        except NotVerifiedError as error:
            raise _not_verified(error.verdict.findings[0]) from None
    data = _head_data(made.headed) | made.as_data()
    told = (str(file), f"SHA-256 {data['sha256']}", verify_bundle.told(made.verdict, LANG), made.why_unarchived())
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
        told = verify_bundle.error_of(refused, LANG)
        raise Failure(
            REJECTED,
            refused.code,
            told["message"],
            place=f"{file}: {refused.place}" if refused.place else str(file),
            remedy=told["remedy"],
        ) from None
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
    try:
        public = str(create_key(file, name).public)
    except NoteError as error:
        raise key_failure(error, str(file)) from None
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
    async with Rooms(face.settings()) as rooms:
        try:
            made = await change_key(await rooms.ledger(), load_key(old), new_file)
        except NoteError as error:
            raise key_failure(error, str(old)) from None
        except HeadError as error:
            raise head_failure(error) from None
    public = str(made.public)
    face.show(
        {"key": public, "file": str(new_file)},
        lambda: Text(
            f"{public}\n"
            + say(
                "请销毁旧密钥文件并公布新公钥；设有 DIVERSION_AUDIT_KEY 的，请改为新文件并重新启动 diversion up。",
                "Destroy the old file; publish the new key. Where DIVERSION_AUDIT_KEY is set, name the new file and "
                "start `diversion up` again.",
            )
        ),
    )
    return 0


@keys.command(name="list", help=say("列出历任公钥", "the public keys, first to last"))
async def listed(*, face: Face = _FACE) -> int:
    """Tell the keys that followed one another; the last one is in force."""
    async with Rooms(face.settings()) as rooms:
        try:
            found, _ = await keys_of(await rooms.ledger())
        except NoteError as error:
            raise key_failure(error, str(rooms.settings.data)) from None
    names = [str(key) for key in found.keys]
    face.show({"keys": names, "current": names[-1]}, lambda: Text("\n".join(names)))
    return 0


# -- inside -------------------------------------------------------------------------------------------------------


async def _headed(rooms: Rooms, campaign: str, file: Path | None) -> tuple[Headed, SigningKey]:
    """Sign a head over what the record holds.

    Raises:
        Failure: what is wrong with the key (2, 4) or the record (7).
    """
    ledger = await rooms.ledger()
    given = file or rooms.settings.audit_key
    place = given or rooms.settings.data / OWN_KEY
    try:
        if given is None and not place.exists():
            made = create_key(place, OWN_NAME)
            note(
                f"已新建签名密钥 {place}，公钥：{made.public}。正式使用请另建密钥，存放在数据目录之外。",
                f"Made a signing key in {place}, public half {made.public}. For a real year keep one elsewhere.",
            )
        signer = load_key(place)
        clock = clock_of(await read_first(ledger, campaign), campaign)
        return await make_head(ledger, campaign, signer, clock, datetime.now(SHANGHAI)), signer
    except NoteError as error:
        raise key_failure(error, str(place)) from None
    except HeadError as error:
        raise head_failure(error) from None
    except (LookupError, TypeError, ValueError):  # rows that no program of ours writes
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


def _require_no_other(file: Path) -> None:
    """Refuse to write over anything but an earlier bundle.

    Raises:
        Failure: FILE_EXISTS (3).
    """
    header = verify_bundle.local_header(verify_bundle.NOTE, 0, 0)
    try:
        with file.open("rb") as held:
            begins = held.read(len(header))
    except FileNotFoundError:
        return
    name = -len(verify_bundle.NOTE)
    if begins[:4] != header[:4] or begins[name:] != header[name:]:
        raise file_exists(file)
