"""Kills exports, evaluations, embeddings, searches and predictions with SIGKILL: at every step, and at random moments.

    python benchmarks/kill_outputs.py --json=benchmarks/results/kill_outputs.json
    python benchmarks/kill_outputs.py --works export_over --moments 5 --nosteps

Exports have one signature and are not verified, which would take most of the time and write nothing.

Each trial runs a command in a process of its own. It is killed before its k-th change to its folder, for every k
(`kill_steps.py`), or after a random part of the time that it takes undisturbed. Then what is there must be whole, the
results of before or the new ones; and the same command, given again, must end as the undisturbed one did and leave no
hidden file behind.
Rows of other commands in the file of `--json` are kept.
"""

import json
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmark_tools import Row, argument_parser, markdown, write_json
from kill_outputs_found import leftovers, state
from kill_outputs_works import WORKS, Commands, prepare

FROM_OUTSIDE = (-signal.SIGTERM, 128 + signal.SIGTERM, 255)  # the last where multiprocessing lost its server


def trial(commands: Commands, work: str, before: Path, **kill: Any) -> tuple[Row, bool]:
    """Kills a command once and gives it again; returns the row, and whether it was killed.

    It is done again where the second process was ended from outside, as on a machine that is shared.
    """
    while True:
        row, killed = _trial(commands, work, before, **kill)
        if row["exit"] not in FROM_OUTSIDE:
            return row, killed


def _trial(commands: Commands, work: str, before: Path, **kill: Any) -> tuple[Row, bool]:
    about, folder = WORKS[work], commands.folder
    output = folder / about.output
    shutil.rmtree(output, ignore_errors=True)
    shutil.copytree(before, output)
    flags = about.flags(folder)
    killed = commands.run(about.command, flags, **kill) == -signal.SIGKILL
    row: Row = {"left": leftovers(output)}
    try:
        row["whole"], row["found"] = True, state(work, output)
    except Exception as error:  # whatever a reader raises is what this looks for
        row["whole"], row["found"] = False, f"{type(error).__name__}: {error}"
    row["exit"] = commands.run(about.command, about.again(output, flags))
    row["said"] = "" if row["exit"] == 0 else commands.messages.read_text(errors="replace")[-500:]
    row["left_at_last"] = leftovers(output)
    row["last"] = state(work, output) if row["exit"] == 0 else None
    return row, killed


def study(commands: Commands, work: str, moments: int, *, steps: bool, report: Callable[[Row], None]) -> None:
    """Kills one command at every step, and at random moments."""
    about, folder = WORKS[work], commands.folder
    output, before = folder / about.output, folder / f"before-{work}"
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir()
    for name in about.before:
        commands.must(WORKS[name].command, WORKS[name].flags(folder))
    shutil.copytree(output, before)
    earlier = state(work, before)
    seconds = commands.must(about.command, about.flags(folder))
    expected = state(work, output)

    def add(how: str, case: int, row: Row, *, killed: bool) -> None:
        found, last = row.pop("found"), row.pop("last")
        row["found"] = "earlier" if found == earlier else "new" if found == expected else str(found)[:200]
        # A version that was published before its process was killed is followed by the next number.
        final = list(last.values()) if isinstance(last, dict) else last
        wanted = list(expected.values()) if isinstance(expected, dict) else expected
        row["same"] = final == wanted or (work == "export" and final == wanted * 2)
        report({"work": work, "how": how, "case": case, "killed": killed, **row})

    count = 0
    while steps:
        row, killed = trial(commands, work, before, kill_at=count)
        if not killed:
            break
        add("step", count, row, killed=killed)
        count += 1
    random_moments = random.Random(work)
    for number in range(moments):
        row, killed = trial(commands, work, before, after=random_moments.uniform(0.05, 1.0) * seconds)
        add("moment", number, row, killed=killed)


def summary(rows: list[Row]) -> list[Row]:
    """Returns a row for each command and way of killing."""
    table = []
    for work, how in dict.fromkeys((row["work"], row["how"]) for row in rows):
        some = [row for row in rows if (row["work"], row["how"]) == (work, how)]
        good = [row for row in some if row["whole"] and row["found"] in ("earlier", "new")]
        table.append(
            {
                "command": work,
                "killed": how,
                "trials": len(some),
                "ended by it": sum(row["killed"] for row in some),
                "whole": len(good),
                "new results": sum(row["found"] == "new" for row in some),
                "left hidden files": sum(bool(row["left"]) for row in some),
                "next: as undisturbed": sum(row["exit"] == 0 and row["same"] for row in some),
                "next: hidden files": sum(bool(row["left_at_last"]) for row in some),
            }
        )
    return table


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--works", nargs="+", choices=WORKS, default=list(WORKS))
    parser.add_argument("--moments", type=int, default=20, help="random moments for each command")
    parser.add_argument("--nosteps", action="store_true", help="leave out the kills at every step")
    arguments = parser.parse_args()
    kept = Path(arguments.json) if arguments.json else None
    earlier = json.loads(kept.read_text(encoding="utf-8")) if kept and kept.exists() else []
    rows: list[Row] = [row for row in earlier if row["work"] not in arguments.works]

    def report(row: Row) -> None:
        rows.append(row)
        print(json.dumps(row), file=sys.stderr, flush=True)
        write_json(arguments.json, rows)

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "everything")
        folder.mkdir()
        commands = Commands(folder)
        prepare(commands)
        for work in arguments.works:
            study(commands, work, arguments.moments, steps=not arguments.nosteps, report=report)
    print(markdown(summary(rows)))
    good = all(row["whole"] and row["exit"] == 0 and row["same"] and not row["left_at_last"] for row in rows)
    sys.exit(not good)


if __name__ == "__main__":
    main()
