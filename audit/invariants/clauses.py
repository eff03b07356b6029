"""Which document and which clause stand behind an invariant, and since when (FEATURES A18, idea 5; DOMAIN §2).

Numbers of documents stand here as DOMAIN has them. Where it has none, `UNCONFIRMED` says that a person must still
enter it; a law is named by its articles and has no number here. An invariant without a clause is the house's own rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final, NamedTuple

from domain.policy import UNCONFIRMED


class Clause(NamedTuple):
    """A place in a document.

    Attributes:
        source: the document's entry in DOMAIN §2, as "P16".
        document: its name (zh, en).
        number: its number; None for a law, which is named by its articles.
        clause: the article or the matter.
        valid_from, valid_to: civil days on which it is in force, both included, as far as DOMAIN says; None is open.
    """

    source: str
    document: tuple[str, str]
    number: str | None
    clause: str
    valid_from: date | None = None
    valid_to: date | None = None

    def as_data(self, number: int) -> dict[str, Any]:
        """Return it as JSON, the name in one language (0: Chinese)."""
        return {
            "source": self.source,
            "document": self.document[number],
            "number": self.number,
            "clause": self.clause,
            "valid_from": None if self.valid_from is None else self.valid_from.isoformat(),
            "valid_to": None if self.valid_to is None else self.valid_to.isoformat(),
        }


_CIVIL_CODE: Final = Clause("P35b", ("民法典", "Civil Code"), None, "art. 19", date(2021, 1, 1))
_MINORS: Final = Clause("P13", ("未成年人保护法", "Law on the Protection of Minors"), None, "art. 28", date(2021, 6, 1))
_ONLINE: Final = Clause(
    "P15",
    ("未成年人网络保护条例", "Regulations on the Protection of Minors in Cyberspace"),
    None,
    "art. 36",
    date(2024, 1, 1),
)
_PRIVACY: Final = ("个人信息保护法", "Personal Information Protection Law")
_FIVE: Final = ("2017年招生通知（五个严禁）", "2017 notice on enrolment, five prohibitions")
_SHANDONG: Final = ("山东省2019年紧急通知", "Shandong 2019 emergency notice")
_HEFEI: Final = ("合肥市2022年12月通知", "Hefei notice of December 2022")
_FAKE: Final = ("四部门：不得虚报学生", "four ministries: no inflated numbers")

CLAUSES: Final[Mapping[str, tuple[Clause, ...]]] = {
    "INV-01": (Clause("P5", ("2019年十项严禁", "2019 ten prohibitions"), UNCONFIRMED, "double registration"),),
    "INV-02": (_CIVIL_CODE,),
    "INV-03": (Clause("P8", _SHANDONG, UNCONFIRMED, "no taking away the examination"),),
    "INV-04": (Clause("P3", _FIVE, UNCONFIRMED, "no interfering with applications"), _CIVIL_CODE),
    "INV-09": (
        Clause("P17", ("中职电子学籍2015", "vocational electronic register 2015"), UNCONFIRMED, "duplicates"),
        Clause("P23", _FAKE, UNCONFIRMED, "no fake pupils"),
    ),
    "INV-12": (
        Clause("P1", ("2016年招生通知", "2016 notice on enrolment"), "教职成厅〔2016〕1号", "spring"),
        Clause("P9", _HEFEI, UNCONFIRMED, "no spring full-time intake"),
    ),
    "INV-13": (_MINORS,),
    "INV-14": (_MINORS,),
    "INV-15": (
        Clause("P31", ("2024年4月常态化报告通知", "2024-04 notice on regular reports"), UNCONFIRMED, "daily report"),
    ),
    "INV-18": (
        Clause(
            "P2", ("2015年招生通知（四个严禁）", "2015 notice, four prohibitions"), UNCONFIRMED, "no money of schools"
        ),
    ),
    "INV-20": (
        Clause("P3", _FIVE, UNCONFIRMED, "no blockade, listed schools only"),
        Clause("P6", ("2019年中职招生通知", "2019 vocational notice"), UNCONFIRMED, "list of qualified schools"),
        Clause("P7", ("2020年中职招生通知", "2020 vocational notice"), UNCONFIRMED, "list of qualified schools"),
    ),
    "INV-22": (Clause("P16", _PRIVACY, None, "art. 28", date(2021, 11, 1)),),
    "INV-23": (_ONLINE,),
    "INV-24": (Clause("P16", _PRIVACY, None, "art. 28, 31", date(2021, 11, 1)),),
    "INV-32": (
        Clause("P8", _SHANDONG, UNCONFIRMED, "hotline"),
        Clause("P9", _HEFEI, UNCONFIRMED, "hotline"),
    ),
    "INV-33": (
        Clause("P22", ("助学金", "student aid"), UNCONFIRMED, "months of attendance"),
        Clause("P23", _FAKE, UNCONFIRMED, "no fake pupils"),
    ),
}
"""By invariant; what is not here rests on no document outside the house."""
