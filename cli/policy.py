"""`policy`: which version of the policy holds where and since when, what differs, a change with its day (B18)."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import App, Parameter
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.failures import usage
from cli.options import CampaignName, Change, Face, say
from cli.rooms import Rooms
from cli.stage import end
from domain.events import Envelope
from domain.policy import PROFILES, PolicyParameters, PolicyProfile, load_parameters
from domain.policy_change import parameter_changes
from domain.refusal import Refusal
from ledger.store import Ledger
from registry.problems import InputRejected

_FACE = Face()
ENDED: Final = ("archived", "closed")

Version = Annotated[int, Parameter(help=say("版本号", "the version"))]
Side = Annotated[
    str, Parameter(help=say("口径名称，或参数文件（TOML、JSON）", "a profile's name, or a file of parameters"))
]

app = App(name="policy", help_format="plaintext", version_flags=[])


@app.command(help=say("各流程适用的版本及起始时间", "which stream is under which version, and since when"))
async def show(campaign: CampaignName, *, face: Face = _FACE) -> int:
    """Read from the events' own references which version every stream decides by, and who has not followed."""
    async with Rooms(face.settings()) as rooms:
        board = await rooms.board(campaign)
        ledger = await rooms.ledger()
        own = [envelope async for envelope in ledger.events(campaign)]
        streams = [
            {"stream": stream, "status": board.get(stream, {}).get("status"), "versions": versions}
            for stream, versions in (await _versions(ledger, own, list(board))).items()
        ]
    profile = _profile_of(own)
    data = {
        "campaign": campaign,
        "version": profile.version,
        "parameter_hash": profile.parameter_hash,
        "profile": profile.model_dump(mode="json"),
        "changes": _announced(own),
        "streams": streams,
        "behind": [
            row["stream"]
            for row in streams
            if row["versions"][-1]["version"] < profile.version and _follows(row["stream"], row["status"])
        ],
    }
    face.show(data, lambda: _shown(data))
    return 0


@app.command(help=say("比较两个口径", "what differs between two"))
def diff(a: Side, b: Side, *, face: Face = _FACE) -> int:
    """Compare shipped profiles, or files that name parameters over the profile `compliant`."""
    face.settings()
    was, will_be = _side(a), _side(b)
    changes = [change.model_dump(mode="json") for change in parameter_changes(was, will_be)]
    data = {"a": a, "b": b, "a_hash": was.parameter_hash, "b_hash": will_be.parameter_hash, "changes": changes}
    face.show(data, lambda: _changes(changes))
    return 0


@app.command(
    help=say("公布新版本：写明改什么、何时起、依据", "announce a version: what changes, from when, by which paper")
)
async def announce(
    campaign: CampaignName,
    version: Version,
    *,
    document: Annotated[str, Parameter(help=say("依据的文号", "the number of its document"))],
    effective: Annotated[date, Parameter(help=say("实施日期（须在今天以后）", "its first day, after today"))],
    set_: Annotated[
        list[str],
        Parameter(
            name="--set", consume_multiple=True, negative="", help=say("参数=值", "parameter=value, as appeal_days=10")
        ),
    ] = [],  # noqa: B006 - read only, and cyclopts shows the default
    file: Annotated[
        Path | None,
        Parameter(help=say("参数文件（TOML、JSON），或完整口径", "a file of parameters, or a whole profile")),
    ] = None,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Announce a version; it is adopted at 00:00 of its day once another person approves."""
    content = parameters_file(file) if file is not None else {}
    whole = "parameters" in content
    given = {} if whole else {**content, **_set(set_)}
    fields: dict[str, Any] = {"version": version, "document": document, "effective_from": effective.isoformat()}
    fields |= {"profile": content} if whole else {}
    fields |= {"parameters": given} if given or not whole else {}
    return await _submit("announce_policy", campaign, change, face, **fields)


@app.command(help=say("批准新版本（须为另一人）", "approve a version; another person than its author"))
async def approve(campaign: CampaignName, version: Version, *, change: Change, face: Face = _FACE) -> int:
    """Approve an announced version before its day."""
    return await _submit("approve_policy", campaign, change, face, version=version)


@app.command(help=say("撤回尚未实施的版本（须有理由）", "take a version back before its day; needs a reason"))
async def withdraw(campaign: CampaignName, version: Version, *, change: Change, face: Face = _FACE) -> int:
    """Take back a version that is not adopted yet."""
    return await _submit("withdraw_policy", campaign, change, face, version=version)


# -- inside -------------------------------------------------------------------------------------------------------


async def _submit(kind: str, campaign: str, change: Change, face: Face, **fields: Any) -> int:
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        return end(face, await rooms.submit(campaign, await rooms.command(campaign, change, kind, **fields)))


def _profile_of(own: Sequence[Envelope]) -> PolicyProfile:
    adopted = [envelope["data"]["profile"] for envelope in own if envelope["type"] == "PolicyAdopted"]
    return PolicyProfile.model_validate(adopted[-1] if adopted else own[0]["data"]["policy"])


def _announced(own: Sequence[Envelope]) -> list[dict[str, Any]]:
    """Return every version that was announced, and how far it came."""
    found: dict[int, dict[str, Any]] = {}
    for envelope in own:
        data = envelope["data"]
        match envelope["type"]:
            case "PolicyChangeAnnounced":
                kept = ("version", "document", "effective_from", "reason", "base", "parameter_hash", "changes")
                found[data["version"]] = {**{name: data[name] for name in kept}, "status": "announced"}
            case "PolicyChangeApproved":
                found[data["version"]]["status"] = "approved"
            case "PolicyChangeWithdrawn":
                found[data["version"]]["status"] = "withdrawn"
            case "PolicyAdopted":
                found[data["profile"]["version"]]["status"] = "adopted"
    return list(found.values())


def _follows(stream: str, status: str | None) -> bool:
    """Tell whether a stream adopts new versions: a compliance case is judged by what held when it was opened."""
    return status not in ENDED and stream.split("/")[3:4] != ["compliance"]


async def _versions(ledger: Ledger, own: Sequence[Envelope], board: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the versions of every stream in order, each with its hash and the event since which it holds.

    The first event's reference names the version that a stream began with. Where the campaign never changed its
    policy, no stream did, and its other events need not be read.
    """
    changed = any(envelope["type"] == "PolicyAdopted" for envelope in own)
    found: dict[str, list[dict[str, Any]]] = {}
    for stream in board:
        async for envelope in ledger.events(stream):
            if stream not in found:
                found[stream] = [_since(envelope, envelope["policy"]["version"], envelope["policy"]["parameter_hash"])]
                if not changed:
                    break
            if envelope["type"] == "PolicyAdopted":
                profile = PolicyProfile.model_validate(envelope["data"]["profile"])
                found[stream].append(_since(envelope, profile.version, profile.parameter_hash))
    return found


def _since(envelope: Envelope, version: int, parameter_hash: str) -> dict[str, Any]:
    event = f"{envelope['stream']}#{envelope['version']}"
    return {"version": version, "parameter_hash": parameter_hash, "since": envelope["recorded_at"], "event": event}


def _side(text: str) -> PolicyParameters:
    """Return a shipped profile's parameters, or those of a file.

    Raises:
        Refusal: PROFILE_UNKNOWN; POLICY_PARAMETER_*.
        InputRejected: POLICY_FILE_*.
    """
    if text in PROFILES:
        return PROFILES[text].parameters
    if not Path(text).is_file():
        raise Refusal("PROFILE_UNKNOWN", profile=text[:40])
    content = parameters_file(Path(text))
    return load_parameters(content.get("parameters", content))


def parameters_file(path: Path) -> dict[str, Any]:
    """Read a file of parameters by name, or of a whole profile with its `parameters`.

    Raises:
        InputRejected: POLICY_FILE_MISSING, POLICY_FILE_INVALID.
    """
    if not path.is_file():
        raise InputRejected(
            "POLICY_FILE_MISSING",
            message_zh="找不到参数文件。",
            message_en="The file of parameters does not exist.",
            place=path.name,
            remedy_zh="请检查路径。",
            remedy_en="Check the path.",
        )
    try:
        text = path.read_bytes().decode("utf-8-sig")
        content = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or not isinstance(content.get("parameters", {}), dict):
        raise InputRejected(
            "POLICY_FILE_INVALID",
            message_zh="文件不是有效的 TOML 或 JSON 参数表。",
            message_en="The file is no table of parameters in TOML or JSON.",
            place=path.name,
            remedy_zh="每行写一个“参数 = 值”，编码用 UTF-8；可参照 policy show --json 的 profile。",
            remedy_en="Write one `parameter = value` a line, in UTF-8; see `profile` of `policy show --json`.",
        )
    return content


def _set(given: Sequence[str]) -> dict[str, Any]:
    """Read `parameter=value`; a value is JSON where it can be read so, else a text such as 3/10 or 11-20.

    Raises:
        Failure: PARAMETER_INVALID (2).
    """
    found: dict[str, Any] = {}
    for part in given:
        name, equals, value = part.partition("=")
        if not equals or not name or name in found:
            raise usage(
                "PARAMETER_INVALID",
                say("参数的写法不对，或重复。", "A parameter is malformed, or stands twice."),
                place="--set",
                remedy=say("请写成 appeal_days=10。", "Write it as appeal_days=10."),
            )
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


# -- for a person -------------------------------------------------------------------------------------------------


def _changes(changes: Sequence[dict[str, Any]]) -> RenderableType:
    if not changes:
        return Text(say("没有差别。", "There is no difference."))
    table = Table(say("参数", "parameter"), say("原为", "was"), say("改为", "will be"))
    for change in changes:
        table.add_row(change["name"], json.dumps(change["was"]), json.dumps(change["will_be"]))
    return table


def _shown(data: dict[str, Any]) -> RenderableType:
    head = say(
        f"{data['campaign']}：现行版本 {data['version']}，参数哈希 {data['parameter_hash']}",
        f"{data['campaign']}: version {data['version']}, parameter hash {data['parameter_hash']}",
    )
    words = {
        "announced": say("待批准", "to be approved"),
        "approved": say("已批准", "approved"),
        "adopted": say("已实施", "adopted"),
        "withdrawn": say("已撤回", "taken back"),
    }
    changes = Table(
        say("版本", "version"),
        say("文号", "document"),
        say("实施", "from"),
        say("状态", "status"),
        say("改动", "changes"),
    )
    for row in data["changes"]:
        names = ", ".join(change["name"] for change in row["changes"])
        changes.add_row(str(row["version"]), row["document"], row["effective_from"], words[row["status"]], names)
    streams = Table(say("流程", "stream"), say("版本", "version"), say("自", "since"))
    for row in data["streams"]:
        last = row["versions"][-1]
        streams.add_row(row["stream"], str(last["version"]), last["since"])
    behind = say(f"尚未跟进：{len(data['behind'])}", f"not followed yet: {len(data['behind'])}")
    return Group(Text(head), *([changes] if data["changes"] else []), streams, Text(behind))
