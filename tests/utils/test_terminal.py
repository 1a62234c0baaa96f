"""What is printed goes through one place, which lets no text of others out as it is."""

import ast
import io
from pathlib import Path

import pytest

from aag_tf.utils.log import logger
from aag_tf.utils.progress import lasting_bar
from aag_tf.utils.summary import Summary
from aag_tf.utils.terminal import printed, write
from aag_tf.utils.text import Lines

ROOT = Path(__file__).parents[2]
# Print what the package says of itself: --help, and the table of settings.
OF_THEIR_OWN = {"aag_tf/utils/terminal.py", "flags/command_line.py", "flags/settings_table.py"}
HOSTILE = "a\nb\r\x1b[2Jc\x9bd\u202ee\u2028f\udcff"
ESCAPED = r"a\nb\r\x1b[2Jc\x9bd\u202ee\u2028f\udcff"


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (HOSTILE, ESCAPED),
        ("日本 ü — plain", "日本 ü — plain"),
        (Lines("first", HOSTILE, "", "last"), f"first\n{ESCAPED}\n\nlast"),
        (Summary(HOSTILE, {"a": HOSTILE, "b": ""}), f"{ESCAPED}\n  a  {ESCAPED}\n  b  "),
        (ValueError(HOSTILE), "a\n" + ESCAPED.removeprefix(r"a\n")),  # an object of somebody else has its lines
        (Path(HOSTILE), "a\n" + ESCAPED.removeprefix(r"a\n")),
    ],
)
def test_a_text_is_a_line_and_an_object_its_lines(message, text):
    assert printed(message) == text
    stream = io.StringIO()
    write(message, stream)
    assert stream.getvalue() == text + "\n"


def test_the_log_prints_a_text_on_a_line(capsys, monkeypatch):
    monkeypatch.setattr(logger, "propagate", False)  # pytest's report of a test may hold no surrogate
    logger.warning(f"one {HOSTILE}")
    logger.warning("two %s", HOSTILE)
    logger.warning("three %s", Path(HOSTILE))
    logger.warning(Lines("four", HOSTILE))
    assert capsys.readouterr().err == f"one {ESCAPED}\ntwo {ESCAPED}\nthree {ESCAPED}\nfour\n{ESCAPED}\n"


def test_bars_have_their_names_on_a_line():
    stream = io.StringIO()
    with lasting_bar(HOSTILE, 2, "img", done=0, stream=stream) as bar:
        bar.update(2)
    assert ESCAPED in stream.getvalue()
    assert not set(stream.getvalue()) & {"\x1b", "\x9b", "\u202e", "\u2028"}


def test_nothing_else_prints():
    found = set()
    for room in ("aag_tf", "export", "flags"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
                if called in ("print", "sys.stdout.write", "sys.stderr.write", "tqdm.write", "warnings.warn"):
                    found.add(path.relative_to(ROOT).as_posix())
    assert found == OF_THEIR_OWN
