"""The tables of all settings in the documentation."""

from pathlib import Path

from aag_tf.config import leaves
from aag_tf.flags.commands import COMMANDS
from aag_tf.flags.settings_table import settings_table

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"


def test_the_page_is_up_to_date():
    command = "python -m aag_tf.flags.settings_table > docs/reference/settings.md"
    assert PAGE.read_text() == settings_table(), f"run {command}"


def test_a_row_says_all_about_its_setting():
    rows = [line.split(" | ") for line in settings_table().splitlines() if line.startswith("| `--")]
    found = {row[0].strip("|` "): row for row in rows if row[0].startswith("| `--temperature`")}
    assert found["--temperature"][1:3] == ["`0.17`", "above 0, at most 100"]
    assert found["--temperature"][4] == "no |"
    named = {row[0].strip("|` -") for row in rows}
    assert named == {name for config_type in COMMANDS.values() for name in leaves(config_type)}


def test_what_a_resumed_run_may_change():
    rows = [line for line in settings_table().splitlines() if line.endswith("| yes |")]
    assert {row.split("`")[1] for row in rows} >= {"--run_dir", "--data_dir", "--replicas", "--loss_form"}
