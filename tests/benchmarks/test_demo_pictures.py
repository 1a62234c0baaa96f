from benchmark_scripts import script

demo_pictures = script("demo_pictures")


def test_a_recorded_terminal_shows_the_last_state_of_every_line():
    recorded = (
        "Script started on 2026-01-01\n"
        "/somewhere/.venv/bin/aag-train --recipe=demo\r\n"
        "\r 50%|#####     | 1/2\r100%|##########| 2/2 \x1b[A\r\n"
        "\x1b[32mTrained\x1b[0m for 2 steps.\r\n"
        "\r\n" + "x" * 140 + "\r\n"
        "Script done on 2026-01-01\n"
    )
    assert demo_pictures.shown_lines(recorded) == [
        "aag-train --recipe=demo",
        "100%|##########| 2/2",
        "Trained for 2 steps.",
        "",
        "x" * 132,
        "x" * 8,
    ]
