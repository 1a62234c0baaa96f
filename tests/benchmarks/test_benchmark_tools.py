"""Tables, JSON files and processes that the benchmarks share."""

import json
import sys

import pytest
from benchmark_scripts import script

tools = script("benchmark_tools")
ROWS = [{"way": "first", "wall_seconds": 1.5}, {"way": "second", "peak_mib": 3}]


def test_a_table_has_every_name_and_a_dash_for_a_missing_value():
    assert tools.markdown(ROWS).splitlines() == [
        "| way | wall seconds | peak mib |",
        "| ---: | ---: | ---: |",
        "| first | 1.5 | – |",
        "| second | – | 3 |",
    ]
    assert tools.markdown(ROWS, ["peak_mib", "way"]).splitlines()[2:] == ["| – | first |", "| 3 | second |"]


def test_text_columns_are_aligned_to_the_left():
    assert tools.table(["name", "mode", "ms"], [("a", "host", 3)], text_columns=2).splitlines() == [
        "| name | mode | ms |",
        "| --- | --- | ---: |",
        "| a | host | 3 |",
    ]


def test_results_are_written_only_if_a_file_is_given(tmp_path):
    arguments = tools.argument_parser("what").parse_args([f"--json={tmp_path / 'rows.json'}"])
    tools.write_json(arguments.json, ROWS)
    assert json.loads((tmp_path / "rows.json").read_text()) == ROWS
    tools.write_json(tools.argument_parser("what").parse_args([]).json, ROWS)
    assert len(list(tmp_path.iterdir())) == 1


def test_the_last_line_of_a_process_is_read_and_a_failure_shows_its_error():
    assert tools.run_for_json([sys.executable, "-c", "print('loading'); print('[1, 2]')"]) == [1, 2]
    with pytest.raises(RuntimeError, match="no such thing"):
        tools.run_for_json([sys.executable, "-c", "raise SystemExit('no such thing')"])
