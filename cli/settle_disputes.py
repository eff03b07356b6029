"""`settle veto` and `settle appeal`: people decide step by step, nobody what they had a hand in (INV-19, INV-21)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from cli.labels import own_label
from cli.options import CampaignName, Change, Face, SchoolCode, say
from cli.settle_runs import Run, act, fixed

_FACE = Face()

ClassOf = Annotated[
    str | None,
    Parameter(name="--class", help=say("班级：辍学否决针对班级", "the class: a veto for dropout is about a class")),
]

veto = App(name="veto", help_format="plaintext", version_flags=[])
appeal = App(name="appeal", help_format="plaintext", version_flags=[])


@veto.command(help=say("依据结算结果提出建议", "take up what a run found"))
async def propose(
    campaign: CampaignName,
    run: Run,
    school: SchoolCode,
    *,
    class_id: ClassOf = None,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Propose a veto: of the school for its quota, or of a class for its losses.

    Neither families' free choice nor a loss after all that the school owes is a ground.
    """
    return await act("propose_veto", campaign, change, face, run=run, school=school, class_id=class_id)


@veto.command(help=say("登记已听取学校意见", "record that the school was heard"))
async def hear(
    campaign: CampaignName,
    run: Run,
    school: SchoolCode,
    heard: Annotated[Literal["meeting", "written", "call"], Parameter(help=say("方式", "by which means"))],
    *,
    class_id: ClassOf = None,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Record the hearing."""
    fields: dict[str, Any] = {"run": run, "school": school, "class_id": class_id, "heard": heard.upper()}
    return await act("hear_school", campaign, change, face, **fields)


@veto.command(help=say("决定（须有理由，非提出人）", "decide; needs a reason, another person than the proposer"))
async def decide(
    campaign: CampaignName,
    run: Run,
    school: SchoolCode,
    decision: Annotated[Literal["impose", "drop"], Parameter(help=say("否决或不否决", "for it or against it"))],
    *,
    class_id: ClassOf = None,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Decide on a proposed veto."""
    fields: dict[str, Any] = {"run": run, "school": school, "class_id": class_id, "decision": decision.upper()}
    return await act("decide_veto", campaign, change, face, **fields)


@veto.command(help=say("公布，开始申诉期", "publish; the time for an appeal begins"))
async def publish(
    campaign: CampaignName,
    run: Run,
    school: SchoolCode,
    *,
    class_id: ClassOf = None,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Publish an imposed veto."""
    return await act("publish_veto", campaign, change, face, run=run, school=school, class_id=class_id)


@appeal.command(help=say("提出申诉（校长，须有理由）", "file an appeal; the principal, with a reason"))
async def file(
    campaign: CampaignName,
    run: Run,
    school: SchoolCode,
    about: Annotated[
        Literal["line", "result", "veto"], Parameter(help=say("一行、全部或一票否决", "a line, the result, the veto"))
    ],
    *,
    class_id: Annotated[
        str | None,
        Parameter(name="--class", help=say("班级：某一行，或班级的一票否决", "the class, for a line or its veto")),
    ] = None,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Appeal against what is published about the own school."""
    own, change = fixed(change)
    name = own_label("a", own)
    fields = {"run": run, "school": school, "about": about.upper(), "class_id": class_id, "appeal": name}
    return await act("appeal_settlement", campaign, change, face, shown={"appeal": name}, **fields)


@appeal.command(name="decide", help=say("决定（须有理由，未经手人）", "decide; needs a reason and no part in it"))
async def decided(
    campaign: CampaignName,
    name: Annotated[str, Parameter(help=say("申诉编号", "the appeal's reference"))],
    outcome: Annotated[Literal["upheld", "not_upheld"], Parameter(help=say("成立或不成立", "what was found"))],
    *,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Decide an appeal; what follows for the money is an adjustment of its own."""
    return await act("decide_settlement_appeal", campaign, change, face, appeal=name, outcome=outcome.upper())


@appeal.command(name="answer", help=say("答复成立的申诉：不涉及金额", "say why no money moves by an upheld appeal"))
async def answered(
    campaign: CampaignName,
    name: Annotated[str, Parameter(help=say("申诉编号", "the appeal's reference"))],
    *,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Answer an upheld appeal by which no money moves; needs a reason, and another person than who decided it.

    An adjustment whose cause is the appeal's event, or a new version with another amount, is an answer of itself.
    """
    return await act("answer_settlement_appeal", campaign, change, face, appeal=name)
