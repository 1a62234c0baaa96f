"""Text is broken into lines between words, as wide as the terminal."""

import subprocess

import pytest

from aag_tf.utils.text import command_line, shown, text_width, wrapped


@pytest.mark.parametrize(("columns", "width"), [("20", 60), ("87", 87), ("300", 110)])
def test_lines_fit_the_terminal_and_can_be_read(columns, width, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    assert text_width() == width


def test_without_a_terminal_the_caller_decides(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr("os.get_terminal_size", lambda _: (_ for _ in ()).throw(OSError))  # as in a pipe
    assert (text_width(), text_width(100)) == (80, 100)


def test_words_flags_and_paths_stay_whole():
    path = "/data/" + "a-long-name/" * 4
    assert wrapped(f"Try --crop_min_area on {path} now.", 20, 2, 4).splitlines() == [
        "  Try",
        "    --crop_min_area",
        "    on",
        f"    {path}",
        "    now.",
    ]


@pytest.mark.parametrize("width", [60, 80, 110])
def test_a_name_of_others_stays_whole_wherever_a_line_ends(width):
    name = "x\r\nFORGED: all is well, and well\t\u2028for ever \x85"
    for length in range(2 * width):
        text = f"Found {'d' * length} in {name}, beside all is well, and in folder:{name}."
        lines = wrapped(text, width, 0, 2, [name, "all is well", " ", ""]).splitlines()
        assert sum(line.count(shown(name)) for line in lines) == 2
        assert sum(line.count("all is well") for line in lines) == 3
        assert [line for line in lines if line.lstrip().startswith("FORGED")] == []
        assert [each for line in lines for each in line if not each.isprintable()] == []


@pytest.mark.parametrize(
    "name", ["plain", "a b", "it's", "a\nb", "\x1b[2J'\\", "日本\t", "\x01f", "\udcff", "a\u2028b", "-x", ""]
)
def test_a_command_is_shown_on_one_line_and_gives_the_name_back(name):
    shown = command_line("printf", "%s", name)
    assert shown.isprintable()
    assert subprocess.run(["bash", "-c", shown], capture_output=True, check=True).stdout == name.encode(
        errors="surrogateescape"
    )
