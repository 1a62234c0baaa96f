"""The command: what it says before, meanwhile and in the end, and the command that it advises."""

import re
import shlex

from command_runs import ended

from aag_tf.runs.exported_classifier import load_saved_classifier


def test_the_command_and_the_one_that_it_advises(run_dir, few, tmp_path, capsys, monkeypatch):
    output = tmp_path / "my classifier"
    flags = (f"--init_from={run_dir}", f"--dataset={few}", f"--output={output}", "--learning_rates=0.01", "--steps=40")
    code, said = ended(capsys, monkeypatch, "aag-finetune", *flags, "--noscratch", "--norefit", "--noreport")
    assert code == 0, said
    assert "8 held-out images of 3 classes are few, so that what is chosen by them is largely chance" in said
    looks = re.findall(r"^fine-tuning at 0.01, step (\d+) of 40: .*?(\d.* left)?$", said, re.MULTILINE)
    assert looks[:3] == [("0", ""), ("2", ""), ("4", looks[2][1])]  # all is compiled until the look at step 2
    assert looks[2][1]
    assert len(re.findall(r"^About .* at most for 1 training\.$", said, re.MULTILINE)) == 1
    advised = shlex.split(re.findall(r"^Export it with: (.*)$", said, re.MULTILINE)[0])
    assert advised == ["aag-export", f"--classifier={output}", f"--export_dir={output / 'saved_model'}"]
    code, said = ended(capsys, monkeypatch, *advised, "--noverify")
    assert code == 0, said
    assert load_saved_classifier(output / "saved_model").class_names == ["0", "1", "2"]
