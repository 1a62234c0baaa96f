"""What all benchmarks write: a table, and the same rows as JSON."""

import json

from benchmark_scripts import script

rows = script("rows")
FOUND = [{"way": "first", "wall_seconds": 1.5}, {"way": "second", "peak_mib": 3}]


def test_a_table_has_every_name_and_a_dash_for_what_a_row_lacks():
    assert rows.markdown(FOUND).splitlines() == [
        "| way | wall seconds | peak mib |",
        "| ---: | ---: | ---: |",
        "| first | 1.5 | – |",
        "| second | – | 3 |",
    ]
    assert rows.markdown(FOUND, ["peak_mib", "way"]).splitlines()[2:] == ["| – | first |", "| 3 | second |"]


def test_rows_are_written_where_a_file_was_asked_for(tmp_path):
    arguments = rows.argument_parser("what").parse_args([f"--json={tmp_path / 'rows.json'}"])
    rows.write_json(arguments.json, FOUND)
    assert json.loads((tmp_path / "rows.json").read_text()) == FOUND
    rows.write_json(rows.argument_parser("what").parse_args([]).json, FOUND)
    assert len(list(tmp_path.iterdir())) == 1
