"""`settle show|verify|sample`: the runs on record, whether they can be computed again, and the audit sample."""

from __future__ import annotations

from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from audit.counts import recorded
from audit.settlements import Told, told_runs, verified
from cli.drawn_sample import drawn_sample, drawn_text
from cli.failures import NOT_VERIFIED, REFUSED, usage
from cli.options import LANG, CampaignName, Change, Face, say
from cli.refusals import refused_of, show_refusal
from cli.rooms import Rooms
from cli.settle_people import seen_by
from cli.settle_runs import moment_given
from cli.stage_view import word
from domain.disclosure import Sight, without_small_cells
from domain.funding import FEN
from domain.policy_change import policy_on
from domain.refusal import Refusal
from domain.settlement_vetoes import unanswered
from domain.stream import UnknownEventError
from domain.time import civil

_FACE = Face()

By = Annotated[str, Parameter(help=say("查询人的 staff_ref", "who asks"))]


PUBLIC_VETOES: Final = ("PUBLISHED", "LIFTED")
"""Where a veto is known to everybody; before that to the bureau and to the school, which is heard."""


async def show(
    campaign: CampaignName,
    *,
    by: By,
    public: Annotated[
        bool, Parameter(negative="", help=say("只看可对外公布的内容", "only what may be shown outside"))
    ] = False,
    face: Face = _FACE,
) -> int:
    """Show every run with versions, lines, payments and corrections; others see what is published, and their veto."""
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        actor, sight = await seen_by(rooms, campaign, by)
        runs = await told_runs(await rooms.ledger(), campaign)
        state = (await recorded(await rooms.ledger(), campaign)).state
    whole = sight is Sight.ALL and not public
    least = state.policy.parameters.minimum_cell
    data: dict[str, Any] = {
        "campaign": campaign,
        "runs": [_run(run, whole=whole, school=actor.organisation, least=least) for run in runs if whole or run.public],
    }
    book = state.settlement
    data["vetoes"] = {
        name: veto.model_dump(mode="json", include={"status", "appeal_until"})
        for name, veto in book.vetoes.items()
        if whole or veto.status in PUBLIC_VETOES or (veto.school == actor.organisation and not public)
    }
    if whole:
        data["funding"] = {name: funding.model_dump(mode="json") for name, funding in book.funding.items()}
        data["appeals"] = {
            name: held.model_dump(mode="json", include={"run", "school", "about", "class_id", "outcome"})
            | {"unanswered": unanswered(held, book.runs[held.run])}
            for name, held in book.appeals.items()
        }
        data["samples"] = dict(book.samples)
    face.show(data, lambda: _table(data))
    return 0


def _run(run: Told, *, whole: bool, school: str, least: int) -> dict[str, Any]:
    """Return a run as a person may see it: all of it, or what is published, small cells left out (R-22)."""
    data = run.as_data()
    if whole:
        return data
    corrected = _corrected(data)
    rows = [
        {
            "school": line["school"],
            "class": line["class_id"],
            "quota": line["quota"],
            "countable": line["countable"],
            "completion": f"{line['countable']}/{line['quota']}" if line["quota"] else None,
            "reward_yuan": (line["amount_fen"] + corrected.get(f"{line['school']}/{line['class_id']}", 0)) // FEN,
            "points": line["points"],
        }
        for line in data["lines"]
    ]
    own = [{**row, "suppressed": False} for row in rows if row["school"] == school]
    others = without_small_cells([row for row in rows if row["school"] != school], least)
    kept = ("run", "version", "profile", "parameter_hash", "as_at", "stamp", "published", "appeal_until")
    totals = {name: data["totals"][name] for name in ("classes", "quota", "countable")}
    return {name: data[name] for name in kept} | {"totals": totals, "lines": [*own, *others]}


def _corrected(data: dict[str, Any]) -> dict[str, int]:
    """Return by line how much the corrections move that stood when the run was last published."""
    events = [act["event"] for act in data["acts"]]
    public = data["acts"][: events.index(data["published"])] if data["published"] in events else []
    found: dict[str, int] = {}
    for act in public:
        if act["type"] == "AdjustmentComputed":
            found[act["line"]] = found.get(act["line"], 0) + act["delta_fen"]
    return found


async def verify(campaign: CampaignName, *, by: By, face: Face = _FACE) -> int:
    """Fold each run's basis again and compute its lines anew; a difference ends with exit code 7."""
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        actor, sight = await seen_by(rooms, campaign, by)
        if sight is not Sight.ALL:
            raise Refusal("ROLE_NOT_ALLOWED", role=actor.role.value, command="settle", allowed=["auditor"])
        found = await verified(await rooms.ledger(), campaign)
    sound = all(not run["problems"] for run in found)
    data = {"campaign": campaign, "verified": sound, "runs": found}
    lines = [f"{run['run']} v{run['version']}: {', '.join(run['problems']) or say('一致', 'agrees')}" for run in found]
    face.show(data, lambda: Text("\n".join(lines) or say("没有结算", "no run on record")))
    return 0 if sound else NOT_VERIFIED


async def sample(
    campaign: CampaignName,
    *,
    seed: Annotated[str, Parameter(help=say("公开的种子，至少 8 个字符", "a public text of at least 8 characters"))],
    publish: Annotated[
        bool, Parameter(negative="", help=say("把种子和摘要写入台账", "put the seed and the digest on record"))
    ] = False,
    at: Annotated[
        str | None, Parameter(help=say("按此时已记录的重新抽取", "draw it again from what was on record by then"))
    ] = None,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Draw the audit sample; the same seed and record give the same references to anybody.

    A sample that was published is drawn again as at its event's `recorded_at`: the record has gone on since.
    """
    moment = None if at is None else moment_given("--at", at)
    if publish and moment is not None:
        raise usage(
            "SAMPLE_OF_THE_PAST",
            say("公布的是现在的抽样。", "What is published is a sample of today."),
            place="--at",
            remedy=say("请去掉 --at 或 --publish。", "Leave out --at, or --publish."),
        )
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        actor, sight = await seen_by(rooms, campaign, change.by)
        if sight is not Sight.ALL:
            raise Refusal("ROLE_NOT_ALLOWED", role=actor.role.value, command="publish_sample", allowed=["auditor"])
        try:
            found = await recorded(await rooms.ledger(), campaign, moment)
        except UnknownEventError:
            raise Refusal("CAMPAIGN_NOT_APPROVED") from None
        policy = found.state.policy if moment is None else policy_on(found.state, civil(moment))
        data: dict[str, Any] = {
            "campaign": campaign,
            "rate": str(policy.parameters.callback_rate_autumn),
            **drawn_sample(found, seed, policy.parameters),
            "receipt": None,
        }
        if publish:
            fields = {"seed": seed, "digest": data["digest"], "size": data["size"], "of": data["of"]}
            answer = await rooms.submit(campaign, await rooms.command(campaign, change, "publish_sample", **fields))
            refusal = refused_of(answer)
            if refusal is not None:
                show_refusal(refusal, as_json=face.json, receipt=answer.receipt.model_dump(mode="json"))
                return REFUSED
            data["receipt"] = answer.receipt.model_dump(mode="json")
    face.show(data, lambda: Text(drawn_text(data)))
    return 0


def _table(data: dict[str, Any]) -> Table:
    titles = (
        say("结算", "run"), say("版本", "version"), say("口径", "profile"), say("指标", "quota"),
        say("完成", "countable"), say("公布", "published"), say("标记", "stamp"),
    )  # fmt: skip
    table = Table(*titles)
    for run in data["runs"]:
        totals = run["totals"]
        published = run["published"] or "—"
        table.add_row(
            run["run"], str(run["version"]), word(run["profile"], LANG), str(totals["quota"]), str(totals["countable"]),
            str(published), run["stamp"],
        )  # fmt: skip
    return table
