"""Tables of targets and figures; what `campaign.toml` says of quotas and targets, and what a new year makes of it."""

from __future__ import annotations

import csv
import re

import pytest

from domain.campaign_events import CampaignDrafted
from domain.policy import PROFILES
from domain.refusal import Refusal
from registry.campaign_file import load_campaign
from registry.clone import Change, Todo, prepare_clone
from registry.draft import prepare
from registry.problems import InputRejected
from registry.references import References
from registry.store import Registry
from registry.targets_file import read_figures, read_targets
from rehearsal.county import make_county

SCHOOL, OTHER = "9900010001", "9900010002"


def table(folder, *rows):
    """Write a CSV as a bureau's spreadsheet does."""
    path = folder / "table.csv"
    with path.open("w", encoding="gb18030", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def test_a_school_is_a_row_or_its_classes_are(tmp_path):
    """Classes sum to their school; a school without classes is one number; titles in either language."""
    rows = (["学校标识码", "班级", "指标"], [SCHOOL, "九年级（1）班", 12], [SCHOOL, "2023-02", 10], [OTHER, "", 0])
    read = read_targets(table(tmp_path, *rows), 2026)
    assert read.schools == {SCHOOL: 22, OTHER: 0}
    assert read.classes == {SCHOOL: {"2023-01": 12, "2023-02": 10}}


BAD = [
    ([["school", "quota"], [SCHOOL, "many"]], "TARGETS_FILE_INVALID", "row 2 column quota"),
    ([["school", "quota"], [SCHOOL, -1]], "TARGETS_FILE_INVALID", "row 2 column quota"),
    ([["school", "quota"], [SCHOOL, 3.5]], "TARGETS_FILE_INVALID", "row 2 column quota"),
    ([["school", "quota"], ["1234", 3]], "TARGETS_FILE_INVALID", "row 2 column school"),
    ([["school", "class", "quota"], [SCHOOL, "八年级1班", 3]], "TARGETS_FILE_INVALID", "row 2 column class"),
    ([["school", "quota"], [SCHOOL, 3], [SCHOOL, 4]], "TARGETS_ROW_TWICE", "row 3 column school"),
    ([["school", "class", "quota"], [SCHOOL, "", 3], [SCHOOL, "2023-01", 3]], "TARGETS_ROW_TWICE", "row 3"),
    ([["school", "class", "quota"], [SCHOOL, "2023-01", 3], [SCHOOL, "", 3]], "TARGETS_ROW_TWICE", "row 3"),
    ([["school", "class", "quota"], [SCHOOL, "2023-01", 3], [SCHOOL, "九年级1班", 3]], "TARGETS_ROW_TWICE", "row 3"),
    ([["school"], [SCHOOL]], "TARGETS_FILE_INVALID", "row 1 column quota"),
    ([["school", "quota", "成绩"], [SCHOOL, 3, 200]], "TARGETS_FILE_INVALID", "row 1 column 3"),
    ([["school", "quota"]], "TARGETS_FILE_INVALID", "table.csv"),
]


@pytest.mark.parametrize(("rows", "code", "place"), BAD)
def test_a_table_is_taken_as_it_stands_or_refused(tmp_path, rows, code, place):
    """Each fault has its code and place, in both languages; a column of marks is no column."""
    with pytest.raises(InputRejected) as refused:
        read_targets(table(tmp_path, *rows), 2026)
    assert refused.value.code == code
    assert place in refused.value.place
    assert "200" not in refused.value.message("en") + refused.value.remedy("zh")


@pytest.mark.parametrize("row", [[SCHOOL, 20, ""], [SCHOOL, 20, 21], [SCHOOL, "", 3]])
def test_a_band_stands_whole(tmp_path, row):
    """Informed and consents stand together, and no more consent than were informed."""
    with pytest.raises(InputRejected) as refused:
        read_figures(table(tmp_path, ["school", "low_informed", "low_consents"], row), 2026)
    assert refused.value.place == "table.csv: row 2 column low_consents"


def test_figures_are_fields_of_the_flags(tmp_path):
    """An empty cell is unknown, never 0."""
    header = ["school", "class", "pool", "plan", "low_informed", "low_consents"]
    read = read_figures(
        table(tmp_path, header, [SCHOOL, "", 20, "", 20, 10], [SCHOOL, "九年级1班", "", 0, "", ""]), 2026
    )
    assert read == {
        (SCHOOL, None): {"pool": 20, "low_band": {"informed": 20, "consents": 10}},
        (SCHOOL, "2023-01"): {"plan": 0},
    }
    with pytest.raises(InputRejected) as refused:
        read_figures(tmp_path / "none.csv", 2026)
    assert refused.value.code == "TARGETS_FILE_MISSING"


# -- campaign.toml --------------------------------------------------------------------------------------------------


TABLES = """[attendance]  # all of the year
first = 2024-09-02
last = 2025-06-30

[application_window]
first = 2025-06-25
last = 2025-06-27

[targets]
document = "县教发〔2024〕12号"
effective = 2024-11-01
total = 20
spring_total = 0

"""


@pytest.fixture
def county(tmp_path):
    """A county of class 2025 with quotas, a paper, days of attendance and an application window."""
    directory = tmp_path / "2025"
    make_county(directory, 2, 50, year=2025)
    place = directory / "campaign.toml"
    head, *schools = place.read_text().split("[[schools]]\n")
    head = re.sub(r"\[(attendance|application_window|targets)\]\n(?:[a-z_]+ = .*\n)*\n*", "", head)
    quotas = 'quotas = { "九年级1班" = 10 }\nspring_quotas = { "九年级1班" = 0 }\n'
    rest = [quotas + re.sub(r"(?m)^(spring_)?quotas = .*\n", "", school) for school in schools]
    place.write_text("[[schools]]\n".join([head + TABLES, *rest]))
    return directory


def test_quotas_sum_to_the_paper(county):
    """INV-08 at the launch: both numbers are named."""
    place = county / "campaign.toml"
    load_campaign(county)
    place.write_text(place.read_text().replace("total = 20\n", "total = 22\n", 1))
    with pytest.raises(InputRejected) as refused:
        load_campaign(county)
    assert (refused.value.code, refused.value.place) == ("QUOTAS_DO_NOT_ADD_UP", "campaign.toml: targets.total")
    assert refused.value.message("en") == "The quotas sum to 20, the paper's total is 22."


async def drafted(directory, folder, monkeypatch, **parameters) -> CampaignDrafted:
    """Draft the campaign under the compliant profile with these parameters."""
    base = PROFILES["compliant"]
    changed = base.parameters.model_validate({**base.parameters.model_dump(mode="json"), **parameters})
    monkeypatch.setitem(PROFILES, "compliant", base.model_copy(update={"parameters": changed}))
    registry = await Registry.open(f"sqlite+aiosqlite:///{folder / 'registry.db'}", b"p" * 32)
    try:
        content = (await prepare(registry, directory, References())).content
    finally:
        await registry.close()
    return CampaignDrafted.model_validate({**content, "clock": "stepped"})


async def test_the_paper_and_both_waves_come_into_the_draft(county, tmp_path, monkeypatch):
    """Under the canonical names of classes, and without the totals, which were only compared."""
    draft = await drafted(county, tmp_path, monkeypatch)
    assert draft.targets.model_dump(mode="json") == {"document": "县教发〔2024〕12号", "effective": "2024-11-01"}
    assert draft.spring_quotas == {SCHOOL: {"2022-01": 0}, OTHER: {"2022-01": 0}}
    assert draft.quotas == {SCHOOL: {"2022-01": 10}, OTHER: {"2022-01": 10}}
    assert "spring_quotas" not in draft.model_copy(update={"spring_quotas": {}}).as_data()


async def test_spring_is_refused_at_the_launch_unless_the_policy_allows_it(county, tmp_path, monkeypatch):
    """INV-12: heads in spring need the province's document in the profile."""
    place = county / "campaign.toml"
    text = place.read_text().replace('spring_quotas = { "九年级1班" = 0 }', 'spring_quotas = { "九年级1班" = 15 }', 1)
    place.write_text(text.replace("spring_total = 0", "spring_total = 15"))
    with pytest.raises(Refusal) as refused:
        await drafted(county, tmp_path, monkeypatch)
    assert refused.value.code == "SPRING_FORBIDDEN"
    allowed = {"spring_mode": "COOP_ORIGIN_XUEJI", "spring_document": "省教职〔2024〕3号"}
    draft = await drafted(county, tmp_path, monkeypatch, **allowed)
    assert draft.spring_quotas[SCHOOL] == {"2022-01": 15}


def test_a_class_of_the_spring_is_a_class_of_this_year(county):
    """The same rules as for the autumn, at their own place."""
    place = county / "campaign.toml"
    place.write_text(place.read_text().replace('spring_quotas = { "九年级1班"', 'spring_quotas = { "八年级1班"', 1))
    with pytest.raises(InputRejected) as refused:
        load_campaign(county)
    assert (refused.value.code, refused.value.place) == (
        "QUOTA_CLASS_UNKNOWN",
        "campaign.toml: schools[0].spring_quotas",
    )


# -- a new year -----------------------------------------------------------------------------------------------------


def test_a_new_year_moves_days_and_leaves_the_paper_behind(county):
    """Attendance and window move as the stages do; the paper is dropped, named in the diff, and to be supplied."""
    clone = prepare_clone(county)
    moved = [
        change
        for change in clone.differences
        if change.place.split(": ")[1].split(".")[0] in ("attendance", "application_window", "targets")
    ]
    assert moved == [
        Change("campaign.toml: attendance.first", "2024-09-02", "2025-09-02"),
        Change("campaign.toml: attendance.last", "2025-06-30", "2026-06-30"),
        Change("campaign.toml: application_window.first", "2025-06-25", "2026-06-25"),
        Change("campaign.toml: application_window.last", "2025-06-27", "2026-06-29"),
        Change("campaign.toml: targets.document", "县教发〔2024〕12号", ""),
    ]
    assert Todo("TARGETS_TO_ISSUE", "campaign.toml: targets") in clone.to_do
    text = clone.files["campaign.toml"]
    assert "targets" not in text
    assert "[attendance]  # all of the year" in text
    assert "last = 2026-06-29" in text


def test_an_inline_paper_is_left_behind_too(county):
    """Where it stands on one line the whole file is written plainly."""
    place = county / "campaign.toml"
    text = place.read_text()
    start, end = text.index("[targets]"), text.index("[[schools]]")
    inline = 'targets = { document = "D-1", effective = 2024-11-01 }\n'
    place.write_text(inline + text[:start] + text[end:])
    clone = prepare_clone(county)
    assert "targets" not in clone.files["campaign.toml"]
    assert "2026-06-29" in clone.files["campaign.toml"]
