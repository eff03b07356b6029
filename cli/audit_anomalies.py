"""`audit anomalies` and `audit sample`: where to look, by rule and by chance (FEATURES A20; R-18, R-21)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.console import RenderableType
from rich.text import Text

from audit.anomalies import UnknownParameterError, anomaly_report
from audit.counts import recorded
from audit.exports import events_of
from cli.drawn_sample import drawn_sample, drawn_text
from cli.failures import Failure, usage
from cli.options import LANG, CampaignName, Face, say
from cli.process_labels import ANOMALIES
from cli.rooms import Rooms
from cli.settle_people import require_seer
from cli.settle_runs import moment_given
from domain.policy_change import policy_on
from domain.refusal import Refusal
from domain.stream import UnknownEventError
from domain.time import civil

_FACE = Face()

NAMED: Final = 3
"""So many events of a finding are shown to a person; `--json` has all."""

SHORTEST_SEED: Final = 8

By = Annotated[str, Parameter(help=say("查询人的 staff_ref", "who asks"))]


async def anomalies(
    campaign: CampaignName,
    *,
    by: By,
    given: Annotated[
        tuple[str, ...],
        Parameter(
            name="--set",
            help=say("改用其他参数，如 burst_minutes=5，可重复", "another parameter, as burst_minutes=5; repeatable"),
            negative="",
        ),
    ] = (),
    face: Face = _FACE,
) -> int:
    """Ask about patterns of known abuse; a finding is a question and no verdict, so the exit code is always 0."""
    changed = _parameters(given)
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        await require_seer(rooms, campaign, by, "ask_anomalies")
        events = await events_of(await rooms.ledger(), campaign)
    try:
        data = {"campaign": campaign, **anomaly_report(events, LANG, changed)}
    except UnknownParameterError as error:
        raise _bad_parameter(str(error)) from None
    face.show(data, lambda: _readable(data))
    return 0


async def sample(
    campaign: CampaignName,
    *,
    by: By,
    seed: Annotated[str, Parameter(help=say("公开的种子，至少 8 个字符", "a public text of at least 8 characters"))],
    rate: Annotated[
        str | None,
        Parameter(help=say("抽取比例，如 1/10（默认按口径）", "the share to draw, as 1/10 (default: the policy's)")),
    ] = None,
    at: Annotated[str | None, Parameter(help=say("按此时已记录的抽取", "draw from what was on record by then"))] = None,
    face: Face = _FACE,
) -> int:
    """Draw ceil(rate × n) of each class and wave by a seed, and always all that the rules name; changes nothing.

    The same seed, rate and record give the same references to anybody. `settle sample --publish` puts one on record.
    """
    if len(seed) < SHORTEST_SEED:
        raise usage(
            "SEED_TOO_SHORT",
            say("种子太短。", "The seed is too short."),
            place="--seed",
            remedy=say("请给出至少 8 个字符的公开文字。", "Give a public text of at least 8 characters."),
        )
    share = None if rate is None else _share(rate)
    moment = None if at is None else moment_given("--at", at)
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        await require_seer(rooms, campaign, by, "draw_sample")
        try:
            found = await recorded(await rooms.ledger(), campaign, moment)
        except UnknownEventError:
            raise Refusal("CAMPAIGN_NOT_APPROVED") from None
    policy = found.state.policy if moment is None else policy_on(found.state, civil(moment))
    parameters = policy.parameters
    if share is not None:
        parameters = parameters.model_copy(update={"callback_rate_autumn": share, "callback_rate_spring": share})
    data = {"campaign": campaign, **drawn_sample(found, seed, parameters)}
    face.show(data, lambda: Text(drawn_text(data)))
    return 0


# -- inside -------------------------------------------------------------------------------------------------------


def _parameters(given: tuple[str, ...]) -> dict[str, int]:
    changed: dict[str, int] = {}
    for text in given:
        found = re.fullmatch(r"([a-z_]+)=([0-9]{1,6})", text)
        if found is None:
            raise _bad_parameter(text.partition("=")[0])
        changed[found[1]] = int(found[2])
    return changed


def _bad_parameter(name: str) -> Failure:
    return usage(
        "PARAMETER_INVALID",
        say("参数名称或数值不对。", "The parameter's name or value is none that there is."),
        place=f"--set {name}",
        remedy=say("写成 名称=整数；名称见 --json 的 parameters。", "Write name=number; `--json` lists the names."),
    )


def _share(text: str) -> Fraction:
    if re.fullmatch(r"[0-9]{1,6}(/[1-9][0-9]{0,5})?", text) and (share := Fraction(text)) <= 1:
        return share
    raise usage(
        "RATE_INVALID",
        say("抽取比例的写法不对。", "The share is malformed."),
        place="--rate",
        remedy=say("请写成 0 到 1 之间的分数，如 1/10。", "Write a fraction from 0 to 1, as 1/10."),
    )


def _readable(data: Mapping[str, Any]) -> RenderableType:
    questions = {rule["rule"]: rule["question"] for rule in data["rules"]}
    quiet = sum(not rule["findings"] for rule in data["rules"])
    head = say(
        f"{len(data['findings'])} 处待询问（是问题，不是结论）；{quiet} 条规则无发现。",
        f"{len(data['findings'])} places to ask about (questions, no verdicts); {quiet} rules found nothing.",
    )
    lines = [head]
    for finding in data["findings"]:
        place = " ".join(str(finding[name]) for name in ("school", "class", "by") if finding[name])
        usual = finding["expected"]
        against = (
            "" if usual is None else say(f"，按记录通常约 {_about(usual)}", f", by the record about {_about(usual)}")
        )
        events = finding["events"]
        more = f" +{len(events) - NAMED}" if len(events) > NAMED else ""
        lines += [
            f"{say(*ANOMALIES[finding['rule']])}  {place}: {finding['count']}{against}",
            f"  {questions[finding['rule']]}",
            f"  [{', '.join(events[:NAMED])}{more}]",
        ]
    return Text("\n".join(lines))


def _about(expected: str) -> str:
    """Return an expectation as a person reads it: rounded down to a tenth."""
    tenths = Fraction(expected) * 10 // 1
    return f"{tenths // 10}.{tenths % 10}"
