"""Every invariant of DOMAIN §8.2: those that a log can be asked for, and those that it cannot, with the reason."""

from __future__ import annotations

from typing import Final

from audit.invariants import aid, cooling, counting, families, money, people, record, watch
from audit.invariants.rule import Invariant, NotCheckable

_ALL: Final = (
    *(families.told_before_signing, families.only_families_act, families.way_back, families.no_costs_nothing),
    *(families.no_spring_without_permission, families.guardian_agrees_for_children, cooling.cooled_off),
    *(counting.one_case, counting.targets_add_up, counting.no_more_than_registered, counting.counted_once),
    *(counting.countable_only, counting.published_stays),
    *(money.money_adds_up, money.lawful_sources, money.veto_by_people, money.holds_stop_money_only),
    *(watch.attendance_until_graduation, watch.nobody_disappears, watch.zero_is_a_statement),
    *(watch.figures_are_the_records, people.one_carer, people.listed_and_approved, people.four_eyes),
    *(people.access_has_a_purpose, people.owned_from_outside, record.exam_stays, record.no_personal_data),
    *(record.append_only, record.each_command_once, record.exact_times),
    aid.aid_by_months_of_attendance,
)

INVARIANTS: Final[dict[str, Invariant]] = {one.id: one for one in sorted(_ALL, key=lambda one: one.id)}
"""Invariants that events can break, by id."""

NOT_CHECKABLE: Final[dict[str, NotCheckable]] = {
    one.id: one
    for one in (
        NotCheckable(
            "INV-25",
            ("销毁密钥后个人信息不可读", "a shredded key makes the person unreadable"),
            (
                (
                    "事件中本来就没有个人信息（INV-22），因此从事件看不出密钥是否销毁；销毁本身不在本版本中，只有限制使用："
                    "tests/domain/test_consent_reports.py。"
                ),
                (
                    "Events hold no personal data (INV-22), so they cannot show whether a key is gone. Erasure "
                    "is not in this release; the restriction of a record is: tests/domain/test_consent_reports.py."
                ),
            ),
        ),
        NotCheckable(
            "INV-31",
            ("对外公布不含敏感信息", "public outputs hold nothing private"),
            (
                "公布的是导出文件，不是事件：由 tests/audit/test_audit_returns.py 检查。",
                "What is published are files, which are no events: tests/audit/test_audit_returns.py looks at them.",
            ),
        ),
    )
}
"""Invariants of which events show nothing, by id."""
