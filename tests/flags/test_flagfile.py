"""Flagfiles as editors and shells write them: any encoding and line end, comments, quotes, files within files."""

import codecs
import os

import pytest

from aag_tf import flags
from aag_tf.config import TrainConfig, flag_lines, from_flat
from aag_tf.flags.flagfile import expand
from aag_tf.utils.errors import ConfigError
from aag_tf.utils.flag_text import arguments_in, quoted


def read(path, data):
    path.write_bytes(data)
    return expand([f"--flagfile={path}"])


LINES = "--run_dir=ü 日本\r\n--epochs=5\r\n"


@pytest.mark.parametrize(
    "data",
    [
        LINES.encode(),
        LINES.encode("utf-8-sig"),
        codecs.BOM_UTF16_LE + LINES.encode("utf-16-le"),  # PowerShell's `>`
        codecs.BOM_UTF16_BE + LINES.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + LINES.encode("utf-32-le"),
        LINES.replace("\r\n", "\n").encode(),
        LINES.replace("\r\n", "\r").encode(),
        LINES.replace("\r\n", "  \t\r\n\r\n").encode(),
        LINES.strip().encode(),
    ],
)
def test_every_encoding_and_line_end_gives_the_same_flags(data, tmp_path):
    assert read(tmp_path / "some.flags", data) == ["--run_dir=ü 日本", "--epochs=5"]


@pytest.mark.parametrize(
    "data", [b"\x89PNG\r\n\xff\xfe", "--epochs=5\n".encode("utf-16-le"), b"--run_dir=\xff\n", b"#" * (2**20 + 1)]
)
def test_what_is_no_text_is_refused(data, tmp_path):
    path = tmp_path / "picture.png"
    with pytest.raises(ConfigError) as refusal:
        read(path, data)
    assert str(refusal.value) == f"--flagfile={path} is no text in UTF-8; name a file with one flag a line."


@pytest.mark.parametrize(
    ("line", "argument"),
    [
        ("--epochs=5  # five", "--epochs=5"),
        ("--epochs=5\t# five", "--epochs=5"),
        ("--epochs=5 #", "--epochs=5"),
        ("--noflip # comment", "--noflip"),
        ("  --epochs=5", "--epochs=5"),
        ("--dataset=folder:/a/ü 日本 #1 100%", "--dataset=folder:/a/ü 日本 #1 100%"),
        ("--dataset=folder:/a#b# c", "--dataset=folder:/a#b# c"),
        ("--run_dir='a # b '  # in quotes", "--run_dir=a # b "),
        ('--run_dir="a # b"', "--run_dir=a # b"),
        (r'--run_dir="a \"b\" \\ \c"', r'--run_dir=a "b" \ \c'),
        (r"--run_dir='a\b\"'", r"--run_dir=a\b\""),
        ("--run_dir='a\nb'", "--run_dir=a\nb"),
        ("--run_dir=it's", "--run_dir=it's"),
        ("--run_dir=a\\b", "--run_dir=a\\b"),
        ("'--run_dir=a b'", "--run_dir=a b"),
        ("--gallery=", "--gallery="),
        ("--gallery=''", "--gallery="),
        ("epochs 5", "epochs 5"),
        ("# --epochs=5", None),
        ("// --epochs=5", None),
        ("   ", None),
    ],
)
def test_a_line(line, argument):
    found = [each.text for each in arguments_in(f"\n{line}\n--seed=1\n")]
    assert found == [*([] if argument is None else [argument]), "--seed=1"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("--run_dir='a", "line 2 opens a quote that is not closed"),
        ('--run_dir="a\\"', "line 2 opens a quote that is not closed"),
        ("--run_dir='a' b", "line 2 goes on behind a quoted value"),
        ("--run_dir='a'#b", "line 2 goes on behind a quoted value"),
    ],
)
def test_a_wrong_quote_names_its_line(line, problem, tmp_path):
    path = tmp_path / "some.flags"
    with pytest.raises(ConfigError) as refusal:
        read(path, f"--seed=1\n{line}\n".encode())
    assert str(refusal.value) == f"--flagfile={path}: {problem}; write --name='value', with one flag a line."


@pytest.mark.parametrize("doubtful", ["#1", "--resume", "-x", "#five --noflip"])
def test_what_may_be_meant_otherwise_is_said(doubtful, tmp_path, caplog):
    path = tmp_path / "some.flags"
    assert read(path, f"# run\n--run_dir=a {doubtful}\n".encode()) == [f"--run_dir=a {doubtful}"]
    (message,) = caplog.messages
    assert message.startswith(f"{path}, line 2: {doubtful} is part of the value; in quotes it is so without this line")
    caplog.clear()
    assert read(path, f"--run_dir='a {doubtful}'\n".encode()) == [f"--run_dir=a {doubtful}"]
    assert caplog.messages == []


def test_files_within_files_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inner.flags").write_text("--seed=2\n")
    (tmp_path / "outer.flags").write_text("--seed=1\n--flagfile=inner.flags\n--flagfile=inner.flags\n--seed=3\n")
    found = expand(["--seed=0", "--flagfile", "outer.flags", "--seed=4", "--", "--flagfile=inner.flags"])
    assert found == [*(f"--seed={seed}" for seed in (0, 1, 2, 2, 3, 4)), "--", "--flagfile=inner.flags"]


def test_a_missing_file_within_a_file_is_named_with_its_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "outer.flags").write_text("--seed=1\n--flagfile=inner.flags\n")
    with pytest.raises(ConfigError) as refusal:
        expand(["--flagfile=outer.flags"])
    assert str(refusal.value) == (
        "--flagfile=inner.flags, named in line 2 of outer.flags, cannot be read (no such file or directory); name a "
        "file with one flag a line, by its path from the working directory."
    )


def test_a_file_that_includes_itself_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.flags").write_text("--flagfile=b.flags\n")
    (tmp_path / "b.flags").write_text("--flagfile=./a.flags\n")
    with pytest.raises(ConfigError) as refusal:
        expand(["--flagfile=a.flags"])
    assert str(refusal.value) == (
        "--flagfile=./a.flags, named in line 1 of b.flags, includes itself; leave that line out."
    )


def test_a_folder_and_a_url_are_no_flagfiles(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot be read \(is a directory\)"):
        expand([f"--flagfile={tmp_path}"])
    with pytest.raises(ConfigError, match=r"^--flagfile=http://h/a.flags is a URL"):
        expand(["--flagfile=http://h/a.flags"])


def test_a_pipe_is_read(tmp_path):
    reader, writer = os.pipe()  # as of `--flagfile=<(...)`
    os.write(writer, b"--seed=7\n")
    os.close(writer)
    assert expand([f"--flagfile=/dev/fd/{reader}"]) == ["--seed=7"]
    os.close(reader)


NAMES = [
    *(
        "plain",
        "odd [1]",
        "b\\c",
        "ü 日本 #1 100%",
        "a # b",
        " a",
        "a ",
        "a\nb",
        "a\rb",
        "a\r\nb",
        "it's",
        "'a'",
        '"a"',
    ),
    *('it\'s # "it" \\ here', "a --resume", "#a", "a\\", "'\n\"", "x=y", ""),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_written_value_is_read_back_without_a_word(name, caplog):
    (argument,) = arguments_in(f"--name={quoted(name)}\n")
    assert argument == (f"--name={name}", 1, "")


@pytest.mark.parametrize("name", [name for name in NAMES if name])
def test_the_flags_of_a_run_of_any_name_give_its_config(name, tmp_path, caplog):
    config = from_flat(TrainConfig, {"dataset": f"folder:{name}", "run_dir": name})
    path = tmp_path / "flags.txt"
    path.write_bytes("\n".join(flag_lines(config)).encode() + b"\n")
    assert flags.parse(["aag-train", f"--flagfile={path}"], TrainConfig, usage="") == config
    assert caplog.messages == []
