from __future__ import annotations

import io

from latentry.training import RichReporter, Silent

ROW = {"epoch": 2, "step": 20, "seconds": 1.0, "lr": 0.1, "loss": 104.523, "distortion": 79.1}


def test_each_epoch_is_a_line_where_there_is_no_terminal():
    out = io.StringIO()
    reporter = RichReporter(out)
    reporter.start(100, 10, 128)
    reporter.step({**ROW, "rate": 25.4, "skipped": 0})
    reporter.epoch({**ROW, "rate": 25.4, "skipped": 0, "valid_bound": -110.0, "valid_rate": 25.0})
    reporter.note("[red] is no markup, and a long remark stays in one line " + "x" * 100)
    reporter.stop()
    reporter.stop()
    lines = out.getvalue().splitlines()
    shown = "epoch 2/10  loss 104.52 · distortion 79.10 · rate 25.40 · validation bound -110.00"
    assert shown in lines
    assert any(line.startswith("[red] is no markup") and line.endswith("x") for line in lines)


def test_an_autoencoder_has_no_bound_to_show():
    out = io.StringIO()
    reporter = RichReporter(out)
    reporter.start(100, 10, 128)
    reporter.epoch({**ROW, "valid_distortion": 80.0})
    reporter.stop()
    assert "distortion 79.10 · validation distortion 80.00" in out.getvalue()


def test_silence_is_an_option(capsys):
    reporter = Silent()
    reporter.start(1, 1, 1)
    reporter.step(ROW)
    reporter.epoch(ROW)
    reporter.note("nothing")
    reporter.stop()
    assert capsys.readouterr() == ("", "")
