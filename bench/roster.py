"""How long a roster of 10,000 rows takes to be read and validated: `python -m bench.roster`."""

from __future__ import annotations

import csv
import re
import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

import xlsxwriter

from registry.identity import check_digit
from registry.roster import read_roster
from rehearsal.county import HEADER

ROWS: Final = 10_000
ROUNDS: Final = 3
LIMIT: Final = 2.0
"""Seconds, of the median."""

YEAR: Final = 2026
PAGE: Final = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- bench/roster.py: begin -->", "<!-- bench/roster.py: end -->"


def main() -> int:
    """Measure both kinds of file, print the medians, write them into the page; 1 where one is over the limit."""
    rows = [HEADER, *(_row(number) for number in range(ROWS))]
    medians = {}
    with tempfile.TemporaryDirectory() as directory:
        files = {"XLSX": Path(directory, "r.xlsx"), "CSV": Path(directory, "r.csv")}
        with xlsxwriter.Workbook(str(files["XLSX"])) as book:
            sheet = book.add_worksheet()
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
        with files["CSV"].open("w", encoding="gb18030", newline="") as file:
            csv.writer(file).writerows(rows)
        for kind, path in files.items():
            medians[kind] = statistics.median(_seconds(path) for _ in range(ROUNDS))
    figures = ", ".join(f"{kind} {seconds:.2f} s" for kind, seconds in medians.items())
    line = f"A roster of {ROWS:,} rows, read and validated, median of {ROUNDS}: {figures}; the limit is {LIMIT:.0f} s."
    print(line)
    page = PAGE.read_text(encoding="utf-8")
    if BEGIN not in page:
        page = f"{page.rstrip()}\n\n{BEGIN}\n{END}\n"
    page = re.sub(f"{BEGIN}.*?{END}", lambda _: f"{BEGIN}\n\n{line}\n\n{END}", page, flags=re.DOTALL)
    PAGE.write_text(page, encoding="utf-8")
    return int(max(medians.values()) > LIMIT)


def _seconds(path: Path) -> float:
    began = time.perf_counter()
    roster = read_roster(path, YEAR, full_mark=700)
    took = time.perf_counter() - began
    if len(roster.accepted) != ROWS:
        raise RuntimeError("the reader did not accept every row")
    return took


def _row(number: int) -> tuple[str | float, ...]:
    body = f"9900012011{number // 900 % 12 + 1:02d}{number // 10800 + 1:02d}{number % 900:03d}"
    identity = body + check_digit(body)
    gender = "男" if int(body[16]) % 2 else "女"
    school = ("例云溪", f"九年级{number % 90 + 1}班", identity, gender, body[6:14], "例大川", f"100{number:08d}")
    return (*school, 345.5, number % 5, "是", f"g{number}@example.invalid", "", "中文")


if __name__ == "__main__":
    raise SystemExit(main())
