"""One place turns known errors into a sentence and an exit code, and keeps TensorFlow quiet."""

import os
import signal
import subprocess
import sys

import pytest

from aag_tf.commands import _app
from aag_tf.utils.errors import ConfigError, DataError
from aag_tf.utils.text import Lines


def code_of(main):
    with pytest.raises(SystemExit) as end:
        _app.run_command("aag-test", main)
    return end.value.code


@pytest.mark.parametrize(("error", "code"), [(DataError, 1), (ConfigError, 2)])
def test_a_known_error_is_one_line_and_its_code(capsys, error, code):
    def main(argv):
        raise error("no such thing; name another.")

    assert code_of(main) == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "aag-test: no such thing; name another.\n")


def test_names_in_a_sentence_do_not_move_the_cursor(capsys):
    def main(argv):
        raise DataError("\x1b[2Jcaf\u00e9.png is broken;\nFORGED: it is not.")

    assert code_of(main) == 1
    assert capsys.readouterr().err == "aag-test: \\x1b[2Jcaf\u00e9.png is broken;\\nFORGED: it is not.\n"


def test_ctrl_c_is_a_sentence_and_130(capsys):
    def main(argv):
        raise KeyboardInterrupt

    assert code_of(main) == 130
    assert capsys.readouterr().err == "aag-test: stopped by Ctrl-C.\n"


def test_sigterm_is_a_sentence_and_143_and_files_that_were_begun_are_removed(capsys):
    cleaned = []
    before = signal.getsignal(signal.SIGTERM)

    def main(argv):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            cleaned.append(argv)

    with pytest.raises(SystemExit) as end:
        _app.run_command("aag-test", main, when_stopped="nothing was written")
    assert end.value.code == 143
    assert capsys.readouterr().err == "aag-test: stopped by SIGTERM; nothing was written.\n"
    assert len(cleaned) == 1
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_code_of_a_command_is_the_code_of_the_process(monkeypatch):
    monkeypatch.setattr("sys.argv", ["aag-test", "--one"])
    assert code_of(len) == 2


def test_a_disk_that_no_package_foresaw_is_a_sentence_and_1(capsys):
    def main(argv):
        raise OSError(28, "No space left on device", "views.png")

    assert code_of(main) == 1
    message = "aag-test: views.png: No space left on device; mend that and give the command again.\n"
    assert capsys.readouterr().err == message


@pytest.mark.parametrize("unbuffered", [{}, {"PYTHONUNBUFFERED": "1"}])
@pytest.mark.parametrize("size", [5_000, 500_000])
def test_a_reader_that_has_gone_is_no_error(size, unbuffered):
    program = f"from aag_tf.commands import _app; _app.run_command('aag-test', lambda argv: print('x' * {size}) or 0)"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"} | unbuffered
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [sys.executable, "-c", program], stdout=writer, stderr=subprocess.PIPE, env=environment, check=False
    )
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_code_is_the_same_where_nobody_reads_the_sentence(unbuffered):
    program = (
        "from aag_tf.commands import _app\ndef main(argv): raise KeyboardInterrupt\n_app.run_command('aag-test', main)"
    )
    reader, writer = os.pipe()
    os.close(reader)
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    ended = subprocess.run([sys.executable, "-c", program], stderr=writer, env=environment, check=False)
    os.close(writer)
    assert ended.returncode == 130


def test_names_are_printed_where_the_terminal_lacks_their_letters():
    program = "from aag_tf.commands import _app; _app.run_command('aag-test', lambda argv: print('caf\u00e9') or 0)"
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, env=environment, check=False)
    assert (ended.returncode, ended.stdout) == (0, b"caf\\xe9\n")


def test_a_reader_that_goes_before_the_work_is_done_is_no_success():
    program = (
        "from aag_tf.commands import _app\ndef main(argv): raise BrokenPipeError\n_app.run_command('aag-test', main)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 141


def test_an_unknown_error_keeps_its_traceback():
    def main(argv):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        _app.run_command("aag-test", main)


def test_start_up_chatter_is_held_back(capfd, monkeypatch):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    with _app.start_tensorflow():
        os.write(2, b"oneDNN custom operations are on\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "2"


def test_start_up_chatter_is_shown_when_the_start_fails(capfd, monkeypatch):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)

    def start():
        with _app.start_tensorflow():
            os.write(2, b"libtensorflow.so is damaged\n")
            raise ImportError

    with pytest.raises(ImportError):
        start()
    assert capfd.readouterr().err == "libtensorflow.so is damaged\n"


@pytest.mark.parametrize(("level", "shown"), [("0", "chatter\n"), ("1", "chatter\n"), ("2", ""), ("3", "")])
def test_start_up_chatter_is_shown_to_those_who_ask_for_it(capfd, monkeypatch, level, shown):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", level)
    with _app.start_tensorflow():
        os.write(2, b"chatter\n")
    assert capfd.readouterr().err == shown
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == level


def test_names_in_results_do_not_move_the_cursor_either(capsys):
    _app.tell("the run is in caf\u00e9\x1b[2J.", "Go on with: a\nb", Lines("Two", "lines\x1b"))
    assert capsys.readouterr().out == "the run is in caf\u00e9\\x1b[2J.\nGo on with: a\\nb\nTwo\nlines\\x1b\n"
