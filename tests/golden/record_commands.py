"""Write the fingerprints of a release's histories: what its workflows command, in what order and on which terms.

    python tests/golden/record_commands.py 0.4.0
    python tests/golden/record_commands.py --renew "appends may take 20 seconds"

The first is for a release that has none yet. The second renews terms and content, where they were changed on purpose,
in every release, and writes down why. It refuses where the sequence of commands is another: such a change needs
`workflow.patched`, not new fingerprints (docs/golden-gate.md).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

from golden_commands import (  # noqa: E402
    COMMANDS,
    Line,
    WatchedReplay,
    committed,
    committed_lines,
    differing,
    fingerprint,
    first_difference,
    histories,
    releases,
)
from golden_streams import packed, written  # noqa: E402

from cli.run_main import run_main  # noqa: E402

WHY = COMMANDS / "renewed.txt"


async def commands_of(release: str) -> dict[str, list[Line]]:
    """Replay a release and return each history's commands.

    Raises:
        SystemExit: a history does not replay.
    """
    replay = WatchedReplay()
    found = {}
    for name, (workflow_id, text) in histories(release).items():
        computed, found[name] = await replay.run(workflow_id, text)
        if computed.failure is not None:
            sys.exit(f"{release}/{name} does not replay: {computed.failure}")
    await replay.close()
    return found


def write(release: str, found: dict[str, list[Line]]) -> None:
    """Write a release's fingerprints, and the commands that they are made of."""
    COMMANDS.mkdir(exist_ok=True)
    lines = {name: [line.text() for line in run] for name, run in found.items()}
    (COMMANDS / f"{release}.lines.json.xz").write_bytes(packed(json.dumps(lines, sort_keys=True)))
    (COMMANDS / f"{release}.json").write_text(written({name: fingerprint(run) for name, run in found.items()}))


async def record(release: str) -> int:
    """Write the fingerprints of a release that has none."""
    if release in releases():
        print(f"{release} has its fingerprints; only --renew changes them.", file=sys.stderr)  # noqa: T201
        return 1
    found = await commands_of(release)
    if not found:
        print(f"{release} has no histories.", file=sys.stderr)  # noqa: T201
        return 1
    write(release, found)
    return 0


async def renew(why: str) -> int:
    """Write terms and content anew in all releases, unless a sequence is another."""
    every = {release: await commands_of(release) for release in releases()}
    changed: dict[str, None] = {}
    for release, found in every.items():
        before = committed(release)
        for name, lines in found.items():
            parts = differing(lines, before[name])
            changed |= dict.fromkeys(parts)
            if "sequence" in parts:
                place = first_difference(lines, committed_lines(release, name))
                print(f"{release}/{name}: another sequence; {place}", file=sys.stderr)  # noqa: T201
                return 1
    if changed:
        for release, found in every.items():
            write(release, found)
        with WHY.open("a") as file:
            file.write(f"{', '.join(changed)}: {why}\n")
    return 0


async def main() -> int:
    """Do what was asked for."""
    match sys.argv[1:]:
        case ["--renew", why] if why.strip():
            return await renew(why.strip())
        case [release] if release.replace(".", "").isdigit():
            return await record(release)
        case _:
            usage = "record_commands.py 0.4.0   or   record_commands.py --renew WHY"
            print(usage, file=sys.stderr)  # noqa: T201
            return 2


if __name__ == "__main__":
    run_main(main)
