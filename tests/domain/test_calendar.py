from __future__ import annotations

import time
from datetime import date, datetime, timedelta

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.calendar import Calendar, CalendarUnknown, CalendarYear

YEARS = (2024, 2025, 2026)


def days_of(year: int) -> list[date]:
    """Return every civil day of a year."""
    return [date(year, 1, 1) + timedelta(days=i) for i in range((date(year + 1, 1, 1) - date(year, 1, 1)).days)]


def published(year: int) -> CalendarYear:
    """Build the state's table of a year from the library's published facts."""
    return CalendarYear(
        holidays=tuple(d for d in days_of(year) if d.weekday() < 5 and chinese_calendar.is_holiday(d)),
        make_up_days=tuple(d for d in days_of(year) if d.weekday() >= 5 and chinese_calendar.is_workday(d)),
    )


CALENDAR = Calendar(version=1, years={year: published(year) for year in YEARS})
DAYS = st.dates(date(2024, 4, 1), date(2026, 9, 30))
STEPS = st.integers(-60, 60)


@pytest.mark.parametrize("year", YEARS)
def test_every_day_of_the_published_years_is_as_the_state_decided(year):
    """Compared with the oracle on every single day, 调休 included."""
    assert [CALENDAR.is_working_day(d) for d in days_of(year)] == [
        chinese_calendar.is_workday(d) for d in days_of(year)
    ]


def test_make_up_days_are_worked_and_the_national_day_is_off():
    """DOMAIN §3: Sunday 28 September and Saturday 11 October 2025 are working days; 1 to 8 October are off."""
    assert CALENDAR.is_working_day(date(2025, 9, 28))
    assert CALENDAR.is_working_day(date(2025, 10, 11))
    assert [CALENDAR.is_working_day(date(2025, 10, d)) for d in range(1, 10)] == [False] * 8 + [True]


def test_september_2025_has_23_working_days():
    """S10: with the Sunday of 28 September; a calendar without make-up days would say 22."""
    assert CALENDAR.working_days_between(date(2025, 8, 31), date(2025, 9, 30)) == 23


def test_the_list_of_qualified_schools_is_due_on_the_workday_before():
    """DOMAIN §3: 31 May 2026 is a Sunday, so due on 29 May; a make-up Sunday stays."""
    assert CALENDAR.on_or_before(date(2026, 5, 31)) == date(2026, 5, 29)
    assert CALENDAR.on_or_after(date(2026, 5, 31)) == date(2026, 6, 1)
    assert CALENDAR.on_or_before(date(2025, 9, 28)) == CALENDAR.on_or_after(date(2025, 9, 28)) == date(2025, 9, 28)


def test_a_step_over_the_national_day_counts_no_day_off():
    """30 September, a Tuesday, plus one is 9 October; plus three is the make-up Saturday of the 11th."""
    assert CALENDAR.add_working_days(date(2025, 9, 30), 1) == date(2025, 10, 9)
    assert CALENDAR.add_working_days(date(2025, 9, 30), 3) == date(2025, 10, 11)
    assert CALENDAR.add_working_days(date(2025, 10, 9), -1) == date(2025, 9, 30)


def test_no_step_is_the_day_itself_even_off_or_unknown():
    """Zero steps ask nothing of the calendar."""
    assert CALENDAR.add_working_days(date(2025, 10, 1), 0) == date(2025, 10, 1)
    assert CALENDAR.add_working_days(date(2040, 1, 1), 0) == date(2040, 1, 1)


def test_an_unpublished_year_is_never_guessed():
    """Design, section 6: each question that reaches an unknown day names the year."""
    last = date(2026, 12, 31)
    questions = [
        lambda: CALENDAR.is_working_day(date(2027, 1, 4)),
        lambda: CALENDAR.add_working_days(last, 1),
        lambda: CALENDAR.on_or_after(date(2027, 1, 1)),
        lambda: CALENDAR.on_or_before(date(2027, 1, 1)),
        lambda: CALENDAR.working_days_between(last, date(2027, 1, 1)),
        lambda: CALENDAR.working_days_between(date(2027, 1, 2), last),
    ]
    for question in questions:
        with pytest.raises(CalendarUnknown) as unknown:
            question()
        assert unknown.value.year == 2027
    with pytest.raises(CalendarUnknown) as before:
        CALENDAR.add_working_days(date(2024, 1, 2), -1)
    assert before.value.year == 2023
    assert not CALENDAR.knows(date(2027, 1, 4))
    assert CALENDAR.knows(last)


def test_an_override_decides_without_the_states_table():
    """A school calendar may name days of a year that the state has not published."""
    calendar = Calendar(version=1, closed=(date(2027, 1, 15),), open=(date(2027, 1, 16),))
    assert calendar.is_working_day(date(2027, 1, 15)) is False
    assert calendar.is_working_day(date(2027, 1, 16)) is True
    assert calendar.knows(date(2027, 1, 16))
    assert calendar.add_working_days(date(2027, 1, 14), 1) == date(2027, 1, 16)
    with pytest.raises(CalendarUnknown):
        calendar.add_working_days(date(2027, 1, 14), 2)


def test_an_override_beats_the_states_table():
    """A snow day on a workday, lessons on a public holiday."""
    calendar = Calendar(
        version=2, years=CALENDAR.years, closed=(date(2025, 9, 28),), open=(date(2025, 10, 2), date(2025, 10, 4))
    )
    worked = [calendar.is_working_day(d) for d in (date(2025, 9, 28), date(2025, 10, 2), date(2025, 10, 4))]
    assert worked == [False, True, True]


@given(DAYS, STEPS)
def test_going_there_and_back_returns_to_a_working_day(day, n):
    """Add then subtract: a working day comes back to itself, a day off to the next one towards the start."""
    back = CALENDAR.add_working_days(CALENDAR.add_working_days(day, n), -n)
    if n == 0 or CALENDAR.is_working_day(day):
        assert back == day
    else:
        assert back == (CALENDAR.on_or_before(day) if n > 0 else CALENDAR.on_or_after(day))


@given(DAYS, DAYS, STEPS)
def test_later_days_never_end_earlier(a, b, n):
    """Monotone in the day."""
    a, b = sorted((a, b))
    assert CALENDAR.add_working_days(a, n) <= CALENDAR.add_working_days(b, n)


@given(DAYS, STEPS)
def test_one_more_step_is_the_next_working_day(day, n):
    """Strictly monotone in the number, lands on working days, and skips none."""
    here, next_one = CALENDAR.add_working_days(day, n), CALENDAR.add_working_days(day, n + 1)
    assert here < next_one
    if n:
        assert CALENDAR.is_working_day(here)
    if n >= 0:
        assert next_one == CALENDAR.on_or_after(here + timedelta(days=1))


@given(DAYS, DAYS)
def test_counting_and_adding_agree(a, b):
    """The days between lead from the one to the other, in both directions."""
    b = CALENDAR.on_or_after(b)
    assert CALENDAR.add_working_days(a, CALENDAR.working_days_between(a, b)) == (b if a != b else a)


@given(DAYS)
def test_the_nearest_working_days_enclose_the_day(day):
    """On or before ≤ day ≤ on or after, both working, equal exactly when the day is."""
    before, after = CALENDAR.on_or_before(day), CALENDAR.on_or_after(day)
    assert before <= day <= after
    assert CALENDAR.is_working_day(before)
    assert CALENDAR.is_working_day(after)
    assert (before == after) == CALENDAR.is_working_day(day)


def test_it_travels_as_json_and_comes_back_equal():
    """The event CalendarPublished carries it; used or unused, it has the same bytes."""
    text = CALENDAR.model_dump_json()
    again = Calendar.model_validate_json(text)
    assert again == CALENDAR
    assert again.model_dump_json() == text
    assert len(text) < 2500
    assert again.add_working_days(date(2025, 9, 30), 1) == date(2025, 10, 9)
    assert again == CALENDAR
    assert again.model_dump_json() == text


def test_equal_tables_have_equal_bytes_however_they_were_written():
    """Order and repetitions of the input leave no trace."""
    one = Calendar(version=1, years={2026: published(2026), 2025: published(2025)}, closed=(date(2026, 1, 5),) * 2)
    other = Calendar(
        version=1,
        years={2025: CalendarYear(holidays=published(2025).holidays[::-1], make_up_days=published(2025).make_up_days)}
        | {2026: published(2026)},
        closed=(date(2026, 1, 5),),
    )
    assert one.model_dump_json() == other.model_dump_json()


def test_a_changed_copy_forgets_what_the_old_one_looked_up():
    """A copy with an override must not answer from the original's table."""
    assert CALENDAR.is_working_day(date(2025, 9, 28))
    copy = CALENDAR.model_copy(update={"version": 2, "closed": (date(2025, 9, 28),)})
    assert not copy.is_working_day(date(2025, 9, 28))
    assert CALENDAR.is_working_day(date(2025, 9, 28))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: CalendarYear(holidays=(date(2025, 10, 4),)),
        lambda: CalendarYear(make_up_days=(date(2025, 10, 6),)),
        lambda: Calendar(version=1, years={2026: CalendarYear(holidays=(date(2025, 10, 1),))}),
        lambda: Calendar(version=1, closed=(date(2025, 10, 6),), open=(date(2025, 10, 6),)),
        lambda: Calendar(version=-1),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(wrong):
    """B3: a calendar is validated data; the typing error of the wrong year or list does not get in."""
    with pytest.raises(ValidationError):
        wrong()


def test_an_instant_is_not_a_civil_day():
    """An instant would never equal a holiday, and the National Day would silently be worked."""
    with pytest.raises(TypeError, match="civil date"):
        CALENDAR.is_working_day(datetime(2025, 10, 1, 9))  # noqa: DTZ001


def test_a_hundred_thousand_questions_take_no_time():
    """It is asked for every pupil and every timer: far below ten microseconds a question."""
    day = date(2025, 10, 1)
    CALENDAR.is_working_day(day)
    start = time.perf_counter()
    for _ in range(100_000):
        CALENDAR.is_working_day(day)
    assert time.perf_counter() - start < 1
