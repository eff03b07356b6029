"""`audit explain`: a pupil's identification and destination, and a settlement's figure, each with its events (A17)."""

from __future__ import annotations

import json

import pytest
import pytest_asyncio
from audit_kernel_year import kernel_year
from bundle_maker import KEY, NOW

from audit.bundle.writer import write_bundle
from audit.bundle_ledger import BundleLedger
from audit.counts import class_counts
from audit.explain import NothingToExplainError, explain_settlement, explain_student
from audit.heads import make_head
from cli.audit_check import explained
from cli.entry import run
from cli.explain_labels import CHINESE
from cli.failures import Failure
from cli.language import LANG
from cli.options import Face
from registry.store import Registry


@pytest_asyncio.fixture(scope="module")
async def year(tmp_path_factory):
    """A school of sixteen pupils through a year on the kernel."""
    return await kernel_year(tmp_path_factory.mktemp("explained"), 1, 16)


def students(year, kind):
    """Return the pupils of whom there is an event of a type."""
    return [event["data"]["student"] for event in year.events if event["type"] == kind]


async def test_an_identification_is_explained_by_rule_inputs_people_and_the_way_to_contest(year):
    """Rule version, inputs as codes, result, the fact that would change it, who confirmed, under which policy."""
    student = students(year, "HelpConfirmed")[0]
    async with year.ledger() as ledger:
        told = await explain_student(ledger, year.campaign, student, "en")
    found = told["identification"]
    assert found["rule"]["rule_version"] >= 1
    assert {"attribute", "relation", "threshold", "changes_if"} <= set(found["inputs"][0])
    assert found["confirmed_by"]["role"] in ("class_head", "grade_leader", "principal")
    assert len(found["policy"]["parameter_hash"]) == 64
    assert found["expires_on"] == "2025-06-30"
    assert f"record decisions FILE {year.campaign}" in found["contest"]["contest"]
    assert found["contest"]["line"] == told["complaint_line"]
    known = {f"{event['stream']}#{event['version']}" for event in year.events}
    assert {one["event"] for one in found["events"]} <= known
    assert not any(name in json.dumps(told, ensure_ascii=False) for name in year.names)


async def test_a_destination_is_explained_by_the_familys_own_acts(year):
    """A registered pupil: both signatures, the end of the cooling-off, the system's confirmation, and no way back."""
    student = students(year, "RegistrationVerified")[0]
    async with year.ledger() as ledger:
        found = (await explain_student(ledger, year.campaign, student, "en"))["destination"]
    assert found["stands_at"] == "RegistrationVerified"
    assert {act["by"]["role"] for act in found["family_acts"] if act["type"] == "ConsentSigned"} == {
        "pupil",
        "guardian",
    }
    assert found["cooling_off_ends"]
    assert found["confirmed_by"]["role"] == "system"
    assert "transfer" in found["changes_if"]
    free = next(one for one in students(year, "IntentStated") if one not in students(year, "RegistrationVerified"))
    async with year.ledger() as ledger:
        other = (await explain_student(ledger, year.campaign, free, "zh"))["destination"]
    assert "随时撤回" in other["changes_if"]


async def test_a_figure_is_explained_by_rules_parameters_inputs_and_events(year):
    """The exact counts, the events that they come from, and up to where the streams were read."""
    async with year.ledger() as ledger:
        (count,) = await class_counts(ledger, year.campaign)
        told = await explain_settlement(ledger, year.campaign, count.school, count.class_id, "en")
    (found,) = told["classes"]
    assert found["inputs"]["countable"] == count.countable
    assert found["quota_events"][0] == f"{year.campaign}#1"
    registered = [one for one in found["events"] if one["type"] == "RegistrationVerified"]
    assert len(registered) >= count.countable > 0
    rules = {one["rule"]: one["parameters"] for one in told["rules"]}
    assert rules["R-11"] == {"signature_wait_hours": 24, "cooling_off_days": 7, "short_cooling_hours": 24}
    assert rules["R-08"] == {"payable": False}
    assert all(name.startswith(year.campaign) and mark["hash"] for name, mark in told["basis"].items())


async def test_an_explanation_carries_its_proof_and_is_the_same_from_the_export(year, tmp_path, capsys):
    """Idea 10: the command beside it, given the bundle, says the same with the same roots."""
    async with year.ledger() as ledger:
        clock = year.streams[year.campaign][0]["data"]["clock"]
        headed = await make_head(ledger, year.campaign, KEY, clock, NOW)
        (count,) = await class_counts(ledger, year.campaign)
        student = students(year, "RegistrationVerified")[0]
        told = [
            await explain_settlement(ledger, year.campaign, count.school, count.class_id, LANG),
            await explain_student(ledger, year.campaign, student, LANG),
        ]
    write_bundle(headed, [], KEY, tmp_path / "year.zip", templates={}, code_version="1")
    for one in told:
        words = one["recompute"].replace("FILE", str(tmp_path / "year.zip")).split()
        assert await run([*words[1:], "--key", str(KEY.public), "--data", str(tmp_path / "no"), "--json"]) == 0
        again = json.loads(capsys.readouterr().out)
        assert again.pop("bundle")["trusted"] is True
        assert again == json.loads(json.dumps(one))
    figure, pupil = told
    assert figure["proof"]["events"] == sum(mark["version"] for mark in figure["basis"].values())
    for part in (figure, figure["classes"][0], pupil["identification"], pupil["destination"]):
        assert len(part["proof"]["root"]) == 64
        assert {policy["id"] for policy in part["proof"]["policies"]} == {"compliant"}


async def test_one_event_that_is_edited_changes_the_root_of_what_rests_on_it(year):
    """Whichever event of the school or the campaign it is; of a pupil's destination only the pupil's own."""
    (school,) = [stream.rpartition("/")[2] for stream in year.streams if stream.count("/") == 3]
    student = students(year, "RegistrationVerified")[0]

    async def proofs(streams):
        ledger = BundleLedger(streams)
        figure = await explain_settlement(ledger, year.campaign, school, None, "en")
        pupil = await explain_student(ledger, year.campaign, student, "en")
        return figure["proof"]["root"], pupil["destination"]["proof"]["root"]

    held = await proofs(year.streams)
    own = [one for one in year.events if one["type"] == "ConsentConfirmed" and one["data"]["student"] == student]
    others = [one for one in year.events if one["type"] == "IntentStated" and one["data"]["student"] != student]
    for event, changed in ((own[0], (True, True)), (others[0], (True, False)), (year.events[0], (True, False))):
        other = {**event, "recorded_at": event["recorded_at"].replace(".000", ".001")}
        assert other != event
        streams = {name: [other if one is event else one for one in events] for name, events in year.streams.items()}
        assert tuple(a != b for a, b in zip(held, await proofs(streams), strict=True)) == changed


def names(told):
    """Yield the names of all parts of an explanation, but for the streams of its basis."""
    for name, value in told.items() if isinstance(told, dict) else ():
        if "/" not in name:
            yield name
        yield from names(value)
        for one in value if isinstance(value, list) else ():
            yield from names(one)


async def test_every_part_of_an_explanation_has_a_chinese_name(year):
    """Nobody who reads Chinese meets `changes_if` or `veto_ratio`."""
    async with year.ledger() as ledger:
        pupil = await explain_student(ledger, year.campaign, students(year, "HelpConfirmed")[0], "zh")
        (count,) = await class_counts(ledger, year.campaign)
        figure = await explain_settlement(ledger, year.campaign, count.school, None, "zh")
    found = sorted({*names(pupil), *names(figure)})
    assert len(found) > 60
    assert [name for name in found if name not in CHINESE] == []


async def test_what_the_record_does_not_hold_is_not_explained(year):
    """An unknown pupil, school or class."""
    async with year.ledger() as ledger:
        with pytest.raises(NothingToExplainError):
            await explain_student(ledger, year.campaign, "stu_nobody0000", "en")
        with pytest.raises(NothingToExplainError):
            await explain_settlement(ledger, year.campaign, "9900019999", None, "en")


async def test_the_command_names_what_is_wrong_with_the_question(year, capsys):
    """Neither or both, a name instead of a reference, nobody who asks, somebody who may not see figures."""
    face = Face(data=year.directory, json=True)
    school = next(stream for stream in year.streams if stream.count("/") == 3).rpartition("/")[2]
    for asked, code in (
        ({}, "EXPLAIN_WHAT"),
        ({"student": "王小明"}, "REFERENCE_INVALID"),
        ({"settlement": school}, "SETTLE_BY_MISSING"),
        ({"student": "stu_nobody0000"}, "NOTHING_TO_EXPLAIN"),
        ({"student": "stu_nobody0000", "key": str(KEY.public)}, "EXPLAIN_WHAT"),
        ({"settlement": school, "by": "stf_x", "bundle": year.directory / "year.zip"}, "EXPLAIN_WHAT"),
        ({"student": "stu_nobody0000", "bundle": year.directory / "none.zip"}, "FILE_MISSING"),
    ):
        with pytest.raises(Failure) as failure:
            await explained(year.campaign, **asked, face=face)
        assert failure.value.code == code
        assert "王小明" not in str(failure.value)
    registry = await Registry.open(f"sqlite+aiosqlite:///{year.directory / 'registry.db'}", b"p" * 32)
    staff = {member.role: member.staff_ref for member in await registry.staff(year.campaign)}
    await registry.close()
    capsys.readouterr()
    (year.directory / "pepper").write_bytes(b"p" * 32)
    assert await explained(year.campaign, settlement=school, by=staff["bureau_officer"], face=face) == 0
    assert json.loads(capsys.readouterr().out)["school"] == school
    with pytest.raises(Exception, match="ROLE_NOT_ALLOWED"):
        await explained(year.campaign, settlement=school, by=staff["class_head"], face=face)
