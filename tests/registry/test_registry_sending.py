"""The section `[sending]` of campaign.toml: a county's own hours, embargoes and budget of notices (DOMAIN §5.4)."""

import pytest

from domain.policy import PolicyProfile, profile
from domain.sending import PARAMETERS, rules_of
from registry.campaign_file import load_campaign
from registry.draft import prepare
from registry.problems import InputRejected
from rehearsal.county import make_county


def own(folder, section):
    """Write a sample county with a section of its own."""
    make_county(folder, 1, 6, 1)
    place = folder / "campaign.toml"
    place.write_text(f"{place.read_text()}\n[sending]\n{section}\n")
    return folder


async def test_a_countys_own_hours_and_embargo_are_in_its_policy(tmp_path, registry, references):
    """The draft's policy has them, another hash, and everything else as the profile has it."""
    section = 'quiet_from = "20:00"\nnotice_embargo = [["06-10", "06-20"]]\nhousehold_daily = 2'
    draft = await prepare(registry, own(tmp_path / "county", section), references)
    held = PolicyProfile.model_validate(draft.content["policy"])
    standard = profile("compliant")
    assert (held.parameters.quiet_from, held.parameters.household_daily) == ("20:00", 2)
    assert rules_of(held.parameters).embargo == (("06-10", "06-20"),)
    assert held.parameter_hash != standard.parameter_hash
    names = type(held.parameters).model_fields
    changed = {name for name in names if getattr(held.parameters, name) != getattr(standard.parameters, name)}
    assert changed == {"quiet_from", "notice_embargo", "household_daily"}
    assert changed < set(PARAMETERS)


@pytest.mark.parametrize(
    ("section", "code", "place"),
    [
        ('quiet_form = "20:00"', "SENDING_UNKNOWN", "sending.quiet_form"),
        ("penalty = 50", "SENDING_UNKNOWN", "sending.penalty"),
        ('quiet_from = "25:00"', "SENDING_INVALID", "sending.quiet_from"),
        ("household_daily = 0", "SENDING_INVALID", "sending.household_daily"),
        ('notice_embargo = [["06-10"]]', "SENDING_INVALID", "sending.notice_embargo"),
        ('channel_order = ["pigeon"]', "SENDING_INVALID", "sending.channel_order"),
    ],
)
def test_what_is_no_parameter_of_sending_is_refused_with_its_place(tmp_path, section, code, place):
    """Rewards are no county's choice, and a misspelt hour would send at night."""
    with pytest.raises(InputRejected) as caught:
        load_campaign(own(tmp_path / "county", section))
    assert caught.value.code == code
    assert place in caught.value.place
