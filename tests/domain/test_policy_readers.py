"""Every parameter of a policy is read by a rule, or it is said why none can be (DOMAIN §1.19)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from pydantic import ValidationError

from domain.policy import PROFILES, load_parameters
from domain.policy_parameters import PolicyParameters
from domain.refusal import Refusal

ROOT = Path(__file__).parents[2]
PLACES = ("domain", "registry", "cli", "audit")

ONE_VALUE = {"consent_parties": ["pupil"], "veto_lesson": "fact"}
"""Parameters that have one value, which is no choice for a rule to look at; each with another one."""

WITHIN = {"spring_document": {"spring_mode": "COOP_ORIGIN_XUEJI"}}
"""Parameters that the profile itself reads; each with what it does not allow without them."""


@pytest.fixture(scope="module")
def read() -> dict[str, None]:
    """Return the names that code outside the model takes from something called `parameters`."""
    found: dict[str, None] = {}
    for place in PLACES:
        for path in sorted((ROOT / place).rglob("*.py")):
            if path.name == "policy_parameters.py":
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute):
                    owner = getattr(node.value, "attr", None) or getattr(node.value, "id", "")
                    if owner.strip("_") == "parameters":
                        found[node.attr] = None
    return found


def test_no_parameter_is_without_a_reader(read):
    """A county that sets one changes something by it."""
    named = (*ONE_VALUE, *WITHIN, *PolicyParameters.RETIRED)
    unread = [name for name in PolicyParameters.model_fields if name not in read and name not in named]
    assert unread == []


def test_nothing_is_excused_that_a_rule_reads(read):
    """The lists above hold what they have to, and no more."""
    assert [name for name in (*ONE_VALUE, *WITHIN, *PolicyParameters.RETIRED) if name in read] == []


@pytest.mark.parametrize(("name", "value"), ONE_VALUE.items())
def test_a_parameter_of_one_value_takes_no_other(name, value):
    """Q14 and INV-04: there is nothing to choose."""
    with pytest.raises(ValidationError):
        PolicyParameters.model_validate({name: value})


@pytest.mark.parametrize("given", WITHIN.values())
def test_what_the_profile_reads_itself_is_looked_at(given):
    """X5: without the province's document nothing leaves FORBIDDEN."""
    with pytest.raises(ValidationError):
        PolicyParameters.model_validate(given)


@pytest.mark.parametrize("name", PolicyParameters.RETIRED)
def test_a_retired_parameter_stays_as_it_is(name):
    """It stands in the hash of older profiles; a new value is refused by name, the old one passes."""
    with pytest.raises(Refusal) as refused:
        load_parameters({name: "04-21"})
    assert (refused.value.code, refused.value.parameters) == ("POLICY_PARAMETER_UNKNOWN", {"parameter": name})
    whole = PROFILES["compliant"].parameters.model_dump(mode="json")
    assert load_parameters(whole) == PROFILES["compliant"].parameters
    older = PolicyParameters.model_validate({name: "04-21"})
    assert load_parameters({name: "04-21", "appeal_days": 8}, older).appeal_days == 8
    assert name in whole
