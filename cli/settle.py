"""`settle`: the trial computation from a file or from the record; its runs stand in `cli.settle_runs`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from cyclopts import App, Parameter

from cli.failures import usage
from cli.options import CampaignName, Face, say
from cli.settle_view import NOTES, readable, service, side_by_side
from domain.cliffs import cliffs
from domain.dropout_rates import dropout_results
from domain.measures import applications, class_average, deliveries, wave_result
from domain.policy import DEFAULT_PROFILE, PROFILES, PolicyProfile, profile
from domain.refusal import Refusal
from domain.settlement import ClassCount, Finding, settle
from registry.settlement_file import read_settlement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from audit.counts import Recorded

_FACE = Face()

RULES: Final = ("R-01", "R-02", "R-03", "R-04", "R-05", "R-09", "R-12", "R-22", "S22")
"""The rules that the figures follow; the numbers are those of the requirements."""

_SUBCOMMANDS: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("run", "cli.settle_runs:run", "计算一次结算并记录", "compute a run, on record"),
    ("show", "cli.settle_show:show", "查看全部结算及各行", "all runs and their lines"),
    ("verify", "cli.settle_show:verify", "从台账重算并核对", "compute every run again from the record"),
    ("sample", "cli.settle_show:sample", "按公布的种子抽样", "draw the audit sample by a published seed"),
    ("review", "cli.settle_runs:review", "审计", "audit a version"),
    ("fund", "cli.settle_runs:fund", "申报资金来源", "declare where the money comes from"),
    ("approve", "cli.settle_runs:approve", "批准（两人，均非计算人）", "approve; two people, neither the author"),
    ("publish", "cli.settle_runs:publish", "公布，开始申诉期", "publish; the time for appeals begins"),
    ("pay", "cli.settle_runs:pay", "下达支付", "order what is due, through the gate"),
    ("confirm", "cli.settle_runs:confirm", "确认支付", "confirm a payment"),
    ("adjust", "cli.settle_runs:adjust", "以新的一行更正", "correct by a new line"),
    ("veto", "cli.settle_disputes:veto", "一票否决：建议、听取、决定、公布", "propose, hear, decide, publish"),
    ("appeal", "cli.settle_disputes:appeal", "申诉：提出、决定、答复", "file, decide and answer appeals"),
)

app = App(name="settle", help_format="plaintext", version_flags=[])
for _name, _path, _zh, _en in _SUBCOMMANDS:
    app.command(_path, name=_name, help=say(_zh, _en))


@app.default
async def settle_command(
    campaign: CampaignName | None = None,
    *,
    from_: Annotated[
        Path | None,
        Parameter(
            name="--from", help=say("班级指标与完成数的文件（JSON、CSV、XLSX）", "counts by class (JSON, CSV, XLSX)")
        ),
    ] = None,
    profile_id: Annotated[
        Literal["legacy", "compliant"],
        Parameter(name="--profile", help=say("口径：历史或合规", "the historical or today's rules")),
    ] = DEFAULT_PROFILE,
    both: Annotated[bool, Parameter(negative="", help=say("两种口径并列", "both profiles side by side"))] = False,
    by: Annotated[
        str | None,
        Parameter(help=say("查询人的 staff_ref（查询活动时必填）", "who asks; needed for a campaign")),
    ] = None,
    face: Face = _FACE,
) -> int:
    """Compute a trial settlement; it pays nothing and imposes nothing."""
    if (campaign is None) == (from_ is None):
        raise usage(
            "SETTLE_SOURCE_INVALID",
            say("请指定活动或 --from 文件，二者择一。", "Name a campaign or a file with --from, one of the two."),
            place="--from",
        )
    names: list[str] = list(PROFILES) if both else [profile_id]
    if from_ is not None:
        face.settings()
        results = {name: _from_file(from_, profile(name)) for name in names}
        return _show(face, results, both=both)
    if by is None:
        raise usage(
            "SETTLE_BY_MISSING",
            say(
                "请用 --by 说明由谁查询：逐班结果不是人人可见。", "Say who asks with --by: not everybody sees classes."
            ),
            place="--by",
        )
    assert campaign is not None
    return await _of_campaign(face, campaign, names, by, both=both)


def result(
    classes: Sequence[ClassCount],
    policy: PolicyProfile,
    extras: Mapping[str, list[Any]],
    voided: Sequence[tuple[str, str]] = (),
) -> dict[str, Any]:
    """Return the JSON object of the contract with what stands beside it: cliffs, rules and the further figures."""
    data = settle(classes, policy, voided=voided).as_data()
    data["notes"] = [{**note, "message": say(*NOTES[Finding(note["code"])])} for note in data["notes"]]
    data["cliffs"] = [_json(cliff) for cliff in cliffs(classes, policy.parameters)]
    data["rules"] = list(RULES)
    parameters = policy.parameters
    compute: dict[str, Callable[[list[Any]], Sequence[Any]]] = {
        "dropout": lambda rows: dropout_results(rows, parameters),
        "averages": lambda rows: [class_average(row, parameters) for row in rows],
        "applications": lambda rows: [applications(row, parameters) for row in rows],
        "waves": lambda rows: [wave_result(row, parameters) for row in rows],
        "deliveries": deliveries,
    }
    for key, rows in extras.items():
        data[key] = [_json(row) for row in compute[key](rows)]
    return data


def _json(model: Any) -> dict[str, Any]:
    found: dict[str, Any] = model.model_dump(mode="json", by_alias=True)
    return found


def _from_file(place: Path, policy: PolicyProfile) -> dict[str, Any]:
    given = read_settlement(place, policy.parameters)
    return result(given.classes, policy.model_copy(update={"parameters": given.parameters}), given.extras)


async def _of_campaign(face: Face, campaign: str, names: list[str], by: str, *, both: bool) -> int:
    """Settle what the ledger holds of a campaign, as far as the person may see it; needs no engine.

    Raises:
        Failure: CAMPAIGN_UNKNOWN, STAFF_UNKNOWN (4).
        Refusal: ROLE_NOT_ALLOWED.
    """
    from audit.counts import recorded  # noqa: PLC0415 - the libraries of the ledger: `--from` does without
    from cli.settle_people import seen_by  # noqa: PLC0415
    from domain.disclosure import SCHOOL_SIDE, WATCHERS, Sight  # noqa: PLC0415

    async with _rooms(face) as rooms:
        await rooms.board(campaign)
        actor, sight = await seen_by(rooms, campaign, by)
        if sight is Sight.NOTHING:
            allowed = [role.value for role in (*WATCHERS, *SCHOOL_SIDE)]
            raise Refusal("ROLE_NOT_ALLOWED", role=actor.role.value, command="settle", allowed=allowed)
        found = await recorded(await rooms.ledger(), campaign)
    if sight is Sight.SERVICE:
        data = {"campaign": campaign, "service": coverage(found.classes, actor.organisation)}
        face.show(data, lambda: service(data))
        return 0
    return _show(face, {name: of_record(found, name) for name in names}, both=both)


def of_record(found: Recorded, name: str) -> dict[str, Any]:
    """Return what the record gives under a profile, with its basis; `compliant` is the campaign's own policy."""
    from domain.settlement_money import violated_classes  # noqa: PLC0415

    policy = found.state.policy if name in (found.state.policy.id, DEFAULT_PROFILE) else profile(name)
    extras: dict[str, list[Any]] = {"waves": found.waves, "deliveries": found.deliveries}
    if found.dropout:
        extras["dropout"] = found.dropout
    data = result(found.classes, policy, extras, violated_classes(found.state))
    names = ("school", "wave", "target", "classes")
    data["not_shared"] = [dict(zip(names, row, strict=True)) for row in found.not_shared]
    return data | {"profile_version": policy.version, "cutoff": found.cutoff.isoformat(), "basis": found.basis}


def coverage(classes: Sequence[ClassCount], school: str) -> dict[str, Any]:
    """Return what a school may see of itself before anything is published: its service (DESIGN §10)."""
    own = [count for count in classes if count.school == school]
    known = all(None not in (count.pupils, count.informed, count.guided) for count in own)
    pupils = sum(count.pupils or 0 for count in own)
    served = sum(min(count.informed or 0, count.guided or 0) for count in own)
    refusals = [count.free_refusals for count in own]
    return {
        "school": school,
        "pupils": pupils if known else None,
        "informed": sum(count.informed or 0 for count in own) if known else None,
        "guided": sum(count.guided or 0 for count in own) if known else None,
        "coverage": f"{served}/{pupils}" if known and pupils else None,
        "free_refusals": None if None in refusals else sum(number or 0 for number in refusals),
    }


def _show(face: Face, results: dict[str, dict[str, Any]], *, both: bool) -> int:
    if both:
        face.show({"profiles": results}, lambda: side_by_side(results))
    else:
        [data] = results.values()
        face.show(data, lambda: readable(data))
    return 0


def _rooms(face: Face) -> Any:
    from cli.rooms import Rooms  # noqa: PLC0415 - the libraries of ledger and engine: `--from` does without

    return Rooms(face.settings())
