"""What a command line becomes: a config, help, or one sentence."""

import pytest

from aag_tf import flags
from aag_tf.config import EvaluateConfig, ExportConfig, FinetuneConfig, TrainConfig, flag_lines, from_flat, to_flat
from aag_tf.utils.errors import ConfigError

# As version 0.1.0 wrote them.
RECORDED = """
--dataset=digits --nodownload --train_split=train --validation_fraction=0.1 --aux=default --aux_views=1
--aux_strength=1.0 --crop_min_area=0.4 --color_strength=0.5 --grayscale_probability=0.2 --noflip
--augment_impl=fused --augment_on=device --encoder=tiny --width=1.0 --stem=auto --embedding_grid=1
--projector_depth=2 --projector_width=512 --projector_dim=128 --projector_batch_norm --temperature=0.2
--nolearn_temperature --temperature_minimum=0.05 --coupling=0.0 --aux_weight=1.0 --aux_negatives
--loss_form=auto --optimizer=adamw --learning_rate=0.002 --lr_scaling=none --warmup_fraction=0.05
--weight_decay=0.0001 --momentum=0.9 --ema_momentum=0.0 --epochs=100 --train_steps=200 --global_batch_size=64
--seed=0 --precision=float32 --jit_compile=auto --steps_per_execution=1 --accumulation_steps=1 --run_dir=run
--noresume --nooverwrite --log_every_steps=50 --checkpoints_to_keep=3 --knn_every_epochs=10
--projector_images=500 --nohistograms
""".replace(" ", "\n")


def parse(*arguments, config_type=TrainConfig):
    return flags.parse(["aag-test", *arguments], config_type, usage="How to call it.")


def test_no_arguments_give_the_default_config():
    assert parse() == TrainConfig()


def test_flags_reach_their_settings():
    config = parse("--temperature=0.5", "--noflip", "--train_steps", "7", "--stem=small", "--blur_probability=0.25")
    assert config == from_flat(
        TrainConfig,
        {"temperature": 0.5, "flip": False, "train_steps": 7, "stem": "small", "blur_probability": 0.25},
    )


def test_the_other_commands():
    judged = parse("--run_dir=runs/a", "--knn_k=5", config_type=EvaluateConfig)
    assert (judged.run_dir, judged.saved_model, judged.protocol.knn_k) == ("runs/a", None, 5)
    exported = parse("--run_dir=a", "--export_dir=b", "--version=3", "--noverify", config_type=ExportConfig)
    assert exported == ExportConfig(run_dir="a", export_dir="b", version=3, verify=False)


def test_a_recorded_flagfile_gives_the_same_config(tmp_path):
    config = from_flat(
        TrainConfig, {"dataset": "folder:my images", "flip": False, "learning_rate": 1e-7, "train_steps": 3}
    )
    recorded = tmp_path / "flags.txt"
    recorded.write_text("\n".join(flag_lines(config)) + "\n")
    assert parse(f"--flagfile={recorded}") == config


def test_the_later_flag_wins_over_a_flagfile_and_a_flagfile_over_the_earlier(tmp_path):
    file = tmp_path / "some.flags"
    file.write_text("# a comment\n\n--epochs=5\n--seed=6\n")
    config = parse("--epochs=1", f"--flagfile={file}", "--seed=2")
    assert (config.schedule.epochs, config.schedule.seed) == (5, 2)


def test_a_flagfile_may_include_another(tmp_path):
    (tmp_path / "inner.flags").write_text("--epochs=5\n")
    outer = tmp_path / "outer.flags"
    outer.write_text(f"--flagfile={tmp_path / 'inner.flags'}\n--seed=4\n")
    schedule = parse("--flagfile", str(outer)).schedule
    assert (schedule.epochs, schedule.seed) == (5, 4)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--temprature=1"],
            "--temprature is not a flag; did you mean --temperature or --learn_temperature or --temperature_minimum?",
        ),
        (["--xyzzy"], "--xyzzy is not a flag; --help lists all flags."),
        (["--temperature=hot"], "--temperature=hot is not a number; it must be above 0, at most 100."),
        (["--epochs=1.5"], "--epochs=1.5 is not a whole number; it must be 1 or more."),
        (["--epochs="], "--epochs= is not a whole number; it must be 1 or more."),
        (["--flip=maybe"], "--flip=maybe is neither true nor false; write --flip or --noflip."),
        (
            ["--noflip=1"],
            "a flag is written wrong (--noflip=1 does not take an argument); switches are --name and --noname.",
        ),
        (["--epochs=-" + "1" * 400], "--epochs=-" + "1" * 400 + " is out of range; it must be 1 or more."),
        (["--stem=large"], "--stem=large is not known; choose one of auto, small, imagenet."),
        (["--epochs"], "missing value for flag --epochs; write it as --name=value (--help lists all flags)."),
        (["--flagfile"], "--flagfile names no file; write it as --flagfile=<file>."),
        (["stray"], "'stray' is not a flag; write settings as --name=value (--help lists them)."),
        (
            ["--epochs=2", "stray", "--seed=1"],
            "'stray' is not a flag; write settings as --name=value (--help lists them).",
        ),
        (["--", "--epochs=2"], "'--epochs=2' is not a flag; write settings as --name=value (--help lists them)."),
        (["--temperature=0"], "--temperature=0 is out of range; it must be above 0, at most 100."),
        (["--embedding_grid=9"], "--embedding_grid=9 is out of range; it must be 1 to 8."),
        (["--learning_rate=nan"], "--learning_rate=nan is out of range; it must be above 0."),
        (["--recipe=cifar10cpu"], "--recipe=cifar10cpu is not known; did you mean cifar10_cpu?"),
        (
            ["--recipe=finetune_fashion"],
            "--recipe=finetune_fashion is for aag-finetune; choose one of cifar10, cifar100, cifar10_cpu, "
            "cifar10_overnight, demo, fashion_mnist, svhn.",
        ),
        (["--global_batch_size=1"], "--global_batch_size=1 is out of range; it must be 2 or more."),
        (["--seed=2147483648"], "--seed=2147483648 is out of range; it must be 0 to 2147483647."),
        (["--batch_size=8"], "--batch_size is not a flag; did you mean --global_batch_size?"),
        (
            ["--global_batch_size=10", "--cpu_replicas=4"],
            "--global_batch_size=10 cannot be split evenly over --cpu_replicas=4; use a multiple of 4, or fewer parts.",
        ),
        (
            ["--flagfile=no/such.flags"],
            "--flagfile=no/such.flags cannot be read (no such file or directory); name a file with one flag a line, by "
            "its path from the working directory.",
        ),
    ],
)
def test_a_bad_command_line_is_one_sentence(arguments, sentence):
    with pytest.raises(ConfigError) as refusal:
        parse(*arguments)
    assert str(refusal.value) == sentence
    assert refusal.value.exit_code == 2


def test_a_recipe_in_a_flagfile_is_not_passed_over(tmp_path):
    file = tmp_path / "some.flags"
    file.write_text("--recipe=demo\n")
    with pytest.raises(ConfigError, match="--recipe=demo stands in a flagfile"):
        parse(f"--flagfile={file}")


def test_a_recipe_for_a_command_that_takes_none_is_refused_by_its_own_name():
    with pytest.raises(ConfigError, match=r"^--recipe is not a flag"):
        parse("--run_dir=runs/a", "--recipe=demo", config_type=EvaluateConfig)


def test_a_bad_line_in_a_flagfile_is_refused_as_on_the_command_line(tmp_path):
    file = tmp_path / "some.flags"
    file.write_text("epochs 5\n")
    with pytest.raises(ConfigError, match="'epochs 5' is not a flag"):
        parse(f"--flagfile={file}")


@pytest.mark.parametrize(
    ("config_type", "arguments", "named"),
    [
        (EvaluateConfig, [], ["--run_dir", "--saved_model"]),
        (EvaluateConfig, ["--run_dir=a", "--saved_model=b"], ["--run_dir", "--saved_model"]),
        (ExportConfig, ["--export_dir=b"], ["--run_dir"]),
        (ExportConfig, ["--run_dir=a"], ["--export_dir"]),
    ],
)
def test_what_must_be_given_is_named(config_type, arguments, named):
    with pytest.raises(ConfigError) as refusal:
        parse(*arguments, config_type=config_type)
    assert all(name in str(refusal.value) for name in named)


def help_of(capsys, *arguments, config_type=TrainConfig):
    with pytest.raises(SystemExit) as end:
        parse(*arguments, config_type=config_type)
    assert end.value.code == 0
    return capsys.readouterr().out


def test_help_is_grouped_by_concern_in_the_order_of_work(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    text = help_of(capsys, "--help")
    assert text.startswith("How to call it.\n\nRecipes (--recipe=NAME; flags after it override it):\n")
    titles = ["Data:", "Reading:", "Views:", "Encoder:", "Projector:", "Loss:", "Optimizer:", "Schedule:", "Run:"]
    positions = [text.index(f"\n{title}") for title in titles]
    assert positions == sorted(positions)
    assert text.index("--dataset=TEXT (default: digits)\n      What to train on") < positions[1]
    assert "--stem=auto|small|imagenet (default: auto)\n      First layers" in text
    assert "--temperature=X (above 0, at most 100; default: 0.17)\n" in text
    assert "--image_size=TEXT (SIDE or HEIGHTxWIDTH, each 4 to 1024)\n" in text
    assert "--[no]flip (default: on)" in text
    assert max(map(len, text.splitlines())) <= 100


def test_help_lists_every_recipe_with_its_headline(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    section = help_of(capsys, "--help").split("Recipes", 1)[1].split("\n\n", 1)[0]
    named = [line.split()[0] for line in section.splitlines()[1:] if not line.startswith("   ")]
    assert named == sorted(flags.recipes())
    assert "demo               The whole workflow on 1 797 handwritten" in section
    assert "finetune_fashion  Fashion-MNIST" in help_of(capsys, "--help", config_type=FinetuneConfig)


def test_old_names_are_understood_and_not_shown(capsys, tmp_path):
    recorded = tmp_path / "flags.txt"
    recorded.write_text("--run_dir=a\n--floors=untrained\n--measures=knn,unlabelled\n")
    protocol = parse(f"--flagfile={recorded}", config_type=EvaluateConfig).protocol
    assert (protocol.baselines, protocol.measures) == ("untrained", "knn,unlabeled")
    text = help_of(capsys, "--help", config_type=EvaluateConfig)
    assert "--baselines=NAME,... (separated by commas; default: raw_pixels,untrained)\n" in text
    assert "floors" not in text
    assert "unlabelled" not in text


def test_the_flags_of_a_run_of_before_are_read(tmp_path):
    recorded = tmp_path / "flags.txt"
    recorded.write_text(RECORDED)
    config = parse(f"--flagfile={recorded}")
    assert from_flat(TrainConfig, to_flat(config)) == config
    assert (config.augment.crop_min_area, config.augment.flip, config.loss.temperature) == (0.4, False, 0.2)


def test_help_wins_over_a_bad_flag(capsys):
    assert "--run_dir=TEXT" in help_of(capsys, "--nonsense", "-h", config_type=ExportConfig)


def test_helpfull_is_absls_own(capsys):
    text = help_of(capsys, "--helpfull")
    assert "\naag_tf.config.loss:\n" in text
    assert "Allowed: 0 to 1.\n    (default: '0.2')\n    (a number)" in text


def test_recipe_expands_where_it_stands():
    assert parse("--recipe=demo").data.dataset == "scattered_digits"
    assert parse("--recipe", "demo", "--seed=3").schedule.seed == 3
    assert parse("--recipe=demo", "--train_steps=7").schedule.train_steps == 7
    assert parse("--train_steps=7", "--recipe=demo").schedule.train_steps == 700
