"""Where the package's own messages go."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
SILENCES_ANOTHER = {
    "aag_tf/data/sources/tfds_source.py"
}  # sets the level of absl's logger, to which tensorflow_datasets writes


def test_no_message_has_the_prefix_of_absl():
    files = [path for room in ("aag_tf", "export", "flags") for path in (ROOT / room).rglob("*.py")]
    found = {str(path.relative_to(ROOT)) for path in files if "from absl import logging" in path.read_text("utf-8")}
    assert found == SILENCES_ANOTHER
