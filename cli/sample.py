"""`sample`: a synthetic county."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from cli.failures import usage
from cli.options import Face, say
from rehearsal.county import MODEL_YEAR, MOST_PUPILS, MOST_PUPILS_A_SCHOOL, MOST_SCHOOLS, make_county

_FACE = Face()


def sample(
    directory: Path,
    *,
    schools: Annotated[int, Parameter(help=say("学校数", "number of schools"))] = 3,
    pupils: Annotated[int, Parameter(help=say("学生总数", "number of pupils in all"))] = 360,
    seed: Annotated[int, Parameter(help=say("随机种子", "the same seed gives the same bytes"))] = 1,
    year: Annotated[int, Parameter(help=say("毕业年份（届）", "year of graduation"))] = MODEL_YEAR,
    county: Annotated[str, Parameter(help=say("县的代号", "slug of the county"))] = "qingshan",
    untidy: Annotated[
        bool,
        Parameter(negative="", help=say("各校名册格式不一，并埋设疑难情形", "rosters as schools really send them")),
    ] = False,
    face: Face = _FACE,
) -> int:
    """Write a synthetic county's files; no real person is in it."""
    face.settings()
    require_size(schools, pupils)
    make_county(directory, schools, pupils, seed, year=year, county=county, untidy=untidy)
    truth = json.loads((directory / "ground_truth.json").read_text())["schools"]
    data = {
        "campaign": f"campaign/{county}/{year}",
        "directory": str(directory),
        "schools": len(truth),
        "pupils": sum(truth.values()),
    }
    text = say(
        f"{directory}:{len(truth)} 所学校，{data['pupils']} 名虚构学生",
        f"{directory}: {len(truth)} schools, {data['pupils']} invented pupils",
    )
    face.show(data, lambda: Text(text))
    return 0


def require_size(schools: int, pupils: int) -> None:
    """Refuse a county that cannot be made, before anything is written or replaced.

    Raises:
        Failure: COUNTY_SIZE_INVALID (2).
    """
    if not 1 <= schools <= MOST_SCHOOLS:
        raise usage(
            "COUNTY_SIZE_INVALID",
            say(f"学校数应为 1 至 {MOST_SCHOOLS}。", f"The number of schools must be 1 to {MOST_SCHOOLS}."),
            place="--schools",
            remedy=say("请改正 --schools。", "Correct --schools."),
        )
    most = min(MOST_PUPILS, schools * MOST_PUPILS_A_SCHOOL)
    if not schools <= pupils <= most:
        raise usage(
            "COUNTY_SIZE_INVALID",
            say(
                f"{schools} 所学校的学生总数应为 {schools} 至 {most}。",
                f"The number of pupils of {schools} schools must be {schools} to {most}.",
            ),
            place="--pupils",
            remedy=say("请改正 --pupils。", "Correct --pupils."),
        )
