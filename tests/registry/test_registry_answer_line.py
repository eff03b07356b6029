"""`answer_line` of campaign.toml: where families send their codes, as a number or an https address."""

from __future__ import annotations

import pytest

from domain.campaign_events import CampaignDrafted
from registry.campaign_file import load_campaign
from registry.draft import prepare
from registry.problems import InputRejected
from registry.references import References


@pytest.fixture
def lined(county):
    """Return what writes a county's line."""
    place = county / "campaign.toml"
    text = place.read_text(encoding="utf-8")

    def write(line):
        place.write_text(text.replace("schema = 1\n", f'schema = 1\nanswer_line = "{line}"\n'), encoding="utf-8")
        return county

    return write


@pytest.mark.parametrize(
    "line",
    ["12345", "106912345678", "1069-0000-12345", "https://answer.example.invalid", "https://a.invalid:8443/x/y_1"],
)
def test_a_number_or_an_https_address_is_taken(lined, line):
    """A telephone number with hyphens, or a page."""
    assert load_campaign(lined(line)).answer_line == line


@pytest.mark.parametrize(
    "line",
    [
        "",
        "12",
        "ask the class head",
        "http://answer.example.invalid",
        "https://",
        "https://user@answer.example.invalid",
        "https://answer.example.invalid/?pupil=1",
        "https://answer.example.invalid/ and more",
        "0871 12345{{ x }}",
        "13912345678",
    ],
)
def test_anything_else_is_refused_with_the_form_that_it_must_have(lined, line):
    """No free words: a letter must not send a code to a person, nor over an open line."""
    with pytest.raises(InputRejected) as caught:
        load_campaign(lined(line))
    assert (caught.value.code, caught.value.place) == ("CAMPAIGN_FILE_INVALID", "campaign.toml: answer_line")
    assert "https" in caught.value.remedy("zh")
    assert "https" in caught.value.remedy("en")


async def test_the_draft_holds_the_line_and_whoever_launches_without_one_is_told(registry, county, lined):
    """A draft without one is what it was before there were any."""
    without = await prepare(registry, county, References.seeded(3))
    assert "answer_line" not in without.content
    missing = [one for one in without.warnings if one["code"] == "ANSWER_LINE_MISSING"]
    assert missing == [{"code": "ANSWER_LINE_MISSING", "complaint_line": "12345"}]
    stated = await prepare(registry, lined("1069-0000"), References.seeded(3))
    assert stated.content["answer_line"] == "1069-0000"
    assert stated.content["content_digest"] != without.content["content_digest"]
    assert not [one for one in stated.warnings if one["code"] == "ANSWER_LINE_MISSING"]


def test_an_event_without_the_line_is_written_as_in_earlier_releases():
    """A field of a later release: left out while it has its default."""
    assert "answer_line" in CampaignDrafted.LATER
    assert CampaignDrafted.model_fields["answer_line"].default is None
