"""References made from a command's id: always the same, and never what looks like a person's number."""

from cli.labels import own_label
from domain.references import is_personal


def test_a_retry_gets_the_same_reference_and_another_command_another():
    """The command id alone decides."""
    assert own_label("c", "one") == own_label("c", "one")
    assert own_label("c", "one") != own_label("c", "two")


def test_no_reference_looks_like_a_telephone_number():
    """One in some thousands is drawn so, and its command would be refused for ever."""
    labels = [own_label("c", f"command-{number}") for number in range(20_000)]
    assert not [label for label in labels if is_personal(label)]
    assert len({*labels}) == len(labels)
    assert [label for label in labels if not any(character.isdigit() for character in label)]
