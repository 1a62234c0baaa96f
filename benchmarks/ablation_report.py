"""Tables and pictures of the study, from the results so far.

    python benchmarks/ablation_report.py            # prints the tables
    python benchmarks/ablation_report.py --write    # also writes them, with pictures

In `docs/measurements/results_tables.md`, the text between the two markers of the study is replaced, and nothing else.
"""

import argparse
from pathlib import Path

import ablation_files
from ablation_pictures import draw
from ablation_statistics import batches_of
from ablation_tables import (
    INTERVALS,
    accuracy_table,
    around_table,
    headline_table,
    memory_table,
    same_table,
    second_tables,
    speed_table,
    tuned_table,
)
from benchmark_tools import Row as Record

DOCS = Path(__file__).parents[1] / "docs"
BEGIN, END = "<!-- ablation: begin -->", "<!-- ablation: end -->"
STAGE_TITLES = {"compute": "equal encoder views", "epochs": "equal epochs"}


def report(records: list[Record]) -> str:
    """Returns all tables for which there are results, as Markdown."""
    second = sum(record["stage"] == "second" for record in records)
    study = records[0]["study"]
    parts = [
        f"{len(records) - second} runs on `{study['dataset']}` and {second} on a second data set: "
        f"{study['views']:,} encoder views per final run, {study['trials']} trials of "
        f"{study['tune_views']:,} views for every method and batch size; every run with "
        f"`{' '.join(study['common'])}`; {records[-1]['machine']}."
    ]
    for stage, title in STAGE_TITLES.items():
        if batches_of(records, stage):
            headline = headline_table(records, stage)
            parts += [
                f"### At {title}",
                accuracy_table(records, stage),
                f"{headline}\n\n{INTERVALS}" if headline else "",
            ]
    sections = {
        "### The same settings": same_table(records),
        "### Views needed": speed_table(records),
        "### Variations around the better AAG": around_table(records),
        "### A second data set, without tuning": second_tables(records),
        "### Tuned settings": tuned_table(records),
        "### Memory": memory_table(records),
    }
    for title, content in sections.items():
        if content:
            parts += [title, content]
    return "\n\n".join(part for part in parts if part)


def replace_between(text: str, content: str) -> str:
    """Replaces the text between the markers by `content`; missing markers are added at the end."""
    if BEGIN not in text:
        return f"{text.rstrip()}\n\n{BEGIN}\n{content}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{content}\n{END}{rest.partition(END)[2]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=ablation_files.RESULTS, help="the output of ablation.py")
    parser.add_argument("--write", action="store_true", help="write to --docs, with pictures")
    parser.add_argument("--docs", type=Path, default=DOCS, help="has measurements/results_tables.md and images/")
    arguments = parser.parse_args()
    records = list(ablation_files.read(arguments.results).values())
    if not records:
        raise SystemExit(f"{arguments.results} contains no results yet; run benchmarks/ablation.py first.")
    content = report(records)
    print(content)
    if arguments.write:
        pictures = draw(records, arguments.docs / "images")
        shown_pictures = "\n\n".join(f"![{text}](../images/{name})" for name, text in pictures.items())
        target = arguments.docs / "measurements" / "results_tables.md"
        text = target.read_text() if target.exists() else "# Results: every table\n"
        target.write_text(replace_between(text, f"{content}\n\n{shown_pictures}"))


if __name__ == "__main__":
    main()
