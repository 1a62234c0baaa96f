"""Settings that all tests share, and `--quick`, which leaves the slow ones out."""

import fnmatch
import gc
import os
import sys
from pathlib import Path

import hypothesis
import pytest
from forked_answers import answering_by_forks
from object_store import memory, s3, s3_endpoint  # noqa: F401 - fixtures

from aag_tf.utils.log import logger

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
logger.propagate = True  # so that `caplog` sees the messages

TESTS = Path(__file__).parent
LOGICAL_CPUS = 4
# Files that `--quick` neither imports nor runs. A new file is quick until it is named here; the end of a quick run
# lists the tests that take longer than `QUICK_SECONDS`.
SLOW = (
    "augment/*",
    "benchmarks/test_gpu_input.py",
    "benchmarks/test_kill_resume.py",
    "benchmarks/test_many_files.py",
    "benchmarks/test_source_crops.py",
    "commands/test_advice.py",
    "commands/test_augment.py",
    "commands/test_hostile_environment.py",
    "commands/test_hostile_models.py",
    "commands/test_hostile_names.py",
    "commands/test_names.py",
    "commands/test_hints.py",
    "commands/test_layouts.py",
    "commands/test_listed_once.py",
    "commands/test_object_store.py",
    "commands/test_same_everywhere.py",
    "data/test_folder.py",
    "data/test_joining.py",
    "data/test_peak_memory.py",
    "data/test_tar.py",
    "data/test_pictures.py",
    "data/test_pipeline.py",
    "data/test_source_images.py",
    "data/test_tfds_source.py",
    "distribute/*",
    "encoders/test_encoders.py",
    "encoders/test_plain.py",
    "encoders/test_resized.py",
    "evaluation/*",
    "export/*",
    "finetuning/*",
    "losses/*",
    "packing/*",
    "preflight/*",
    "report/*",
    "runs/test_model_loading.py",
    "runs/test_run.py",
    "runs/test_stored_run_directory.py",
    "test_battery.py",
    "test_edited_records.py",
    "test_documented_python.py",
    "test_notebooks.py",
    "training/test_*",
    "training/callbacks/test_build.py",
    "training/callbacks/test_monitor.py",
    "utils/test_keras_objects.py",
    "utils/stores/test_claims.py",
    "utils/stores/test_failures.py",
)
QUICK_SECONDS = 2.0

# The same cases in every run, so that a failure can be repeated; HYPOTHESIS_PROFILE=default searches at random.
hypothesis.settings.register_profile("repeatable", derandomize=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def pytest_addoption(parser):
    parser.addoption("--quick", action="store_true", help="leave out the files that tests/conftest.py calls slow")


def pytest_ignore_collect(collection_path, config):
    path = collection_path.relative_to(TESTS).as_posix() if collection_path.is_relative_to(TESTS) else ""
    if config.getoption("--quick") and any(fnmatch.fnmatch(path, slow) for slow in SLOW):
        return True
    return None  # others may still ignore it


def pytest_terminal_summary(terminalreporter, config):
    if not config.getoption("--quick"):
        return
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    for report in sorted(reports, key=lambda report: -report.duration):
        if report.duration > QUICK_SECONDS:
            terminalreporter.write_line(f"slow, for a quick run: {report.nodeid} ({report.duration:.1f} s)")


@pytest.fixture(scope="session", autouse=True)
def cache_home(tmp_path_factory):
    """Keeps what tests remember out of the user's cache directory."""
    os.environ["AAG_CACHE_DIR"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_disks():
    """Leaves out flushing to the disk, which only a power failure could tell: it takes a twentieth of the time."""

    def flush_nothing(descriptor):
        os.fstat(descriptor)  # fails where flushing would

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", flush_nothing)
        yield


@pytest.fixture(scope="session", autouse=True)
def verified_by_forks():
    """Verifies exports in forked processes, which need not import TensorFlow; the wheel is tried as it is, in CI."""
    with answering_by_forks():
        yield


@pytest.fixture
def shallow(monkeypatch):
    """Makes `--encoder=tiny` a network of one block."""
    from command_runs import shallow_tiny

    shallow_tiny(monkeypatch)


@pytest.fixture(scope="module")
def exports_loaded_once():
    """Lets a module evaluate and embed with an export of the same files that is loaded once."""
    from loaded_once import loading_once

    with loading_once():
        yield


@pytest.fixture
def on_fsync(monkeypatch):
    """Sets a function that is called with the path of everything that is flushed to the disk."""

    def on_fsync(act):
        fsync = os.fsync

        def spy(descriptor):
            act(Path(os.readlink(f"/proc/self/fd/{descriptor}")))
            fsync(descriptor)

        monkeypatch.setattr(os, "fsync", spy)

    return on_fsync


def pytest_collection_finish(session):
    # A CPU can be split only before TensorFlow first uses it, hence once and here. Where no collected test module has
    # imported TensorFlow (flags, packaging), it stays out and the tests start five seconds sooner.
    tf = sys.modules.get("tensorflow")
    if tf is not None:
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * LOGICAL_CPUS)
    # Imported modules stay; walking them again and again costs the garbage collector a tenth of the time.
    gc.freeze()
