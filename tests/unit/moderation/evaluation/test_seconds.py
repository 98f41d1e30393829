from moderation.evaluation import seconds
from moderation.evaluation.seconds import Seconds


def test_the_time_of_blocks_is_added_up_by_kind(monkeypatch, capsys):
    clock = iter([10.0, 12.5, 20.0, 21.0, 30.0, 30.25])
    monkeypatch.setattr(seconds.time, "monotonic", lambda: next(clock))
    spent = Seconds()
    for kind in ("model", "model", "metrics"):
        with spent.spent_on(kind):
            pass
    assert spent.rounded() == {"model": 3.5, "baselines": 0.0, "metrics": 0.25}
    spent.say()
    assert capsys.readouterr().out == "model 3.5 s, baselines 0.0 s, metrics 0.2 s\n"
