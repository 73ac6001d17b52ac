from __future__ import annotations

import io

from latentry.comparing.progress import Bar


def test_without_a_terminal_each_step_is_a_line() -> None:
    file = io.StringIO()
    with Bar(True, file) as bar:
        bar.total(4.0)
        bar.doing("vae, fit 1 of 2")
        part = bar.part(2.0)
        part.start(20, 4, 8)
        for epoch in range(2):
            part.epoch({"epoch": epoch})
        assert bar._bar.tasks[0].completed == 1.0
        part.stop()
        bar.reach(2.0)
        assert bar._bar.tasks[0].completed == 2.0
    assert "vae, fit 1 of 2\n" in file.getvalue()


def test_a_bar_that_is_not_shown_says_nothing(capsys) -> None:
    with Bar(False) as bar:
        bar.total(1.0)
        bar.doing("vae")
        bar.done(1.0)
        bar.say("nothing")
    assert capsys.readouterr() == ("", "")
