"""Score bands are counted where the marks are: counts come out, no mark, and nothing of a small band (R-10, R-22)."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.bands import band_counts

HALF = Fraction(1, 2)


class Marks:
    """A registry that holds one snapshot: class and mark in tenths, of 750 marks."""

    def __init__(self, *pupils: tuple[str, int | None]) -> None:
        self.pupils = pupils

    async def facts(self, snapshot_ref: str) -> tuple[SimpleNamespace, ...]:
        """Return the pupils, each a number."""
        assert snapshot_ref == "snp_1"
        return tuple(
            SimpleNamespace(student_ref=f"stu_{number}", class_id=class_id, mark_tenths=tenths, full_mark=750)
            for number, (class_id, tenths) in enumerate(self.pupils)
        )


async def counted(*pupils, of=(), below=HALF, least=1):
    """Count a list of pupils by band."""
    return await band_counts(Marks(*pupils), "snp_1", below, {"of": [f"stu_{number}" for number in of]}, least)


async def test_a_mark_on_the_line_is_not_below_it():
    """300 of 750 is not below 2/5, and a tenth of a mark less is; an unknown mark is in neither band."""
    pupils = (("2023-01", 3000), ("2023-01", 2999), ("2023-02", None))
    found = await counted(*pupils, of=(0, 1, 2), below=Fraction(2, 5))
    assert found == {place: {"low_band": {"of": 1}, "others": {"of": 1}} for place in (None, "2023-01")}


@pytest.mark.parametrize(("low", "others", "told"), [(5, 5, True), (4, 9, False), (9, 4, False), (0, 9, False)])
async def test_where_one_band_is_small_neither_is_told(low, others, told):
    """The other band with the class would give the small one away."""
    pupils = [("2023-01", 1000)] * low + [("2023-01", 7000)] * others
    assert ("2023-01" in await counted(*pupils, of=range(3), least=5)) is told


@given(st.lists(st.tuples(st.sampled_from(["2023-01", "2023-02"]), st.integers(0, 7500)), min_size=1), st.data())
async def test_the_bands_of_the_classes_are_those_of_the_school(pupils, data):
    """Everybody with a mark is in one band, and the classes sum to the school."""
    of = data.draw(st.sets(st.integers(0, len(pupils) - 1)))
    found = await counted(*pupils, of=of, least=0)
    for band in ("low_band", "others"):
        assert found[None][band]["of"] == sum(held[band]["of"] for place, held in found.items() if place)
    assert found[None]["low_band"]["of"] + found[None]["others"]["of"] == len(of)
    assert found[None]["low_band"]["of"] == sum(pupils[number][1] * 2 < 7500 for number in of)
