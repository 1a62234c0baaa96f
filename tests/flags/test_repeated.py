import pytest

from aag_tf import flags
from aag_tf.config import TrainConfig
from aag_tf.flags import repeated


@pytest.mark.parametrize(
    ("given", "joined"),
    [
        (["--dataset=a"], ["--dataset=a"]),
        (["--dataset=a", "--seed=1", "--dataset=b"], ["--seed=1", "--dataset=a,b"]),
        (["--dataset", "a", "-dataset=b", "--dataset", "c"], ["--dataset=a,b,c"]),
        (["--dataset=a", "--dataset"], ["--dataset=a", "--dataset"]),
        (["--dataset=a", "--dataset=b", "--flagfile=f"], ["--dataset=a,b", "--flagfile=f"]),
        (["--flagfile=f", "--dataset=a"], ["--flagfile=f", "--dataset=a"]),
        (["--dataset=a", "--", "--dataset=b"], ["--dataset=a", "--", "--dataset=b"]),
    ],
)
def test_repeated_data_sets_are_joined(given, joined):
    assert repeated.join(given) == joined


def test_a_flagfile_is_overridden_and_not_joined(tmp_path):
    file = tmp_path / "a.flags"
    file.write_text("--dataset=folder:a\n--seed=1\n")
    argv = ["aag-train", f"--flagfile={file}", "--dataset=folder:b,c", "--dataset=folder:d"]
    config = flags.parse(argv, TrainConfig, usage="")
    assert config.data.datasets == ["folder:b,c", "folder:d"]
    assert config.schedule.seed == 1
