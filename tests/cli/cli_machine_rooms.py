"""The command line over streams in memory: real rules, real registry and files; only engine and ledger are machines."""

from __future__ import annotations

import csv
import json
import sys
from datetime import date
from pathlib import Path

from cli_in_process import command_line
from python_calamine import CalamineWorkbook
from sqlalchemy import create_engine, insert

from cli.rooms import Rooms
from domain.stream import Answer
from domain.time import stamp
from registry.database import load_pepper
from registry.staff_file import StaffMember
from registry.store import Registry
from registry.tables import pupils

sys.path.append(str(Path(__file__).parents[1] / "domain"))  # for `stream_samples`, also when run alone
from stream_samples import CAMPAIGN, GRADE, HEAD, OFFICER, PRINCIPAL, SCHOOL, A, B, C, D, E, F

CLASSES = {"2023-01": [A, B, C], "2023-02": [D, E, F]}
"""Of the graduates of 2026, as rosters name them."""

NAMES = ("例云山", "例云溪", "例云禾", "例云竹", "例云松", "例云石")
"""Of the pupils of `CLASSES`, in their order."""

STUDENTS = {student: class_id for class_id, students in CLASSES.items() for student in students}


class Machines:
    """An engine and a ledger: streams by their ids."""

    def __init__(self, streams):
        self.streams = streams

    @property
    def ledger(self):
        """Return itself: it is the ledger too."""
        return self

    async def events(self, stream, after=0):
        """Yield what a stream has written."""
        for envelope in list(self.streams[stream].ledger if stream in self.streams else [])[after:]:
            yield envelope

    async def board(self, campaign):
        """Return the lines of the board."""
        lines = {name: stream.decider.view(stream.state) for name, stream in self.streams.items()}
        return {campaign: {"schools": {SCHOOL: "running"}, "status": "running"}, **lines}

    async def state(self, stream):
        """Return a stream's state as its workflow tells it."""
        machine = self.streams[stream].machine
        return {
            "state": machine.state.model_dump(mode="json"),
            "version": machine.carry.version,
            "hash": machine.carry.hash,
            "now": stamp(self.streams[stream].now),
        }

    async def submit(self, stream, command) -> Answer:
        """Give a command as JSON, as the engine gets it."""
        return self.streams[stream].submit(json.loads(json.dumps(command)))


class Desk:
    """A school's desk: its command line, its streams, its folder."""

    def __init__(self, run, folder, streams):
        self._run = run
        self.folder = folder
        self.streams = streams

    def __call__(self, *arguments):
        """Run a command and take its JSON; `@` stands for campaign and school."""
        return self.readable(*arguments, "--json")

    def readable(self, *arguments):
        """Run a command as a person does."""
        given = [part for word in arguments for part in ((CAMPAIGN, SCHOOL) if word == "@" else (word,))]
        return self._run(*given, "--data", self.folder)

    def file(self, name, *rows):
        """Write a CSV as a school's spreadsheet does."""
        path = self.folder / name
        with path.open("w", encoding="gb18030", newline="") as file:
            csv.writer(file).writerows(rows)
        return path

    def template(self, kind, *options):
        """Write a template; return its header and its rows as dictionaries."""
        path = self.folder / f"template-{kind}.xlsx"
        told = self("record", "template", kind, "@", path, *options)
        assert told.code == 0, told
        header, *rows = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
        return header, [dict(zip(header, row, strict=True)) for row in rows]

    def filled(self, kind, answers):
        """Fill a template in, by pupil's reference, and record nothing yet; return the file."""
        header, rows = self.template(kind)
        filled = [[{**row, **answers.get(row["student"], {})}[title] for title in header] for row in rows]
        return self.file(f"{kind}.csv", header, *filled)


async def desk(monkeypatch, capsys, folder, *streams, people=()):
    """Open a desk with these streams and people; the pupils of `CLASSES` have names in the registry."""
    by_name = {stream.machine.carry.stream: stream for stream in streams}
    machines = Machines(by_name)

    async def itself(_):
        return machines

    monkeypatch.setattr(Rooms, "client", itself)
    monkeypatch.setattr(Rooms, "ledger", itself)
    registry = await Registry.open(f"sqlite+aiosqlite:///{folder / 'registry.db'}", load_pepper(folder / "pepper"))
    members = (HEAD, GRADE, PRINCIPAL, OFFICER, *people)
    await registry.replace_staff(
        CAMPAIGN,
        [
            StaffMember(
                staff_ref=who.id,
                role=who.role.value,
                school="" if who.organisation == "bureau" else who.organisation,
                classes=("2023-01",) if who is HEAD else (),
            )
            for who in members
        ],
    )
    await registry.close()
    engine = create_engine(f"sqlite:///{folder / 'registry.db'}")
    with engine.begin() as connection:
        connection.execute(
            insert(pupils),
            [
                {
                    "student_ref": student,
                    "campaign": CAMPAIGN,
                    "school": SCHOOL,
                    "id_key": f"{number:064d}",
                    "listed": True,
                    "class_id": class_id,
                    "name": name,
                    "birth_date": date(2011, 3, 5),
                    "salt": "0" * 32,
                }
                for number, ((student, class_id), name) in enumerate(zip(STUDENTS.items(), NAMES, strict=True))
            ],
        )
    engine.dispose()
    return Desk(command_line(monkeypatch, capsys), folder, by_name)
