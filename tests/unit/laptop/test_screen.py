import io

from laptop.screen import Screen, clock


def test_without_a_terminal_moving_lines_are_thinned_out():
    stream = io.StringIO()
    screen = Screen(stream)
    for number in range(100):
        screen.moving(f"step {number}")
    assert stream.getvalue() == ""
    screen.seconds_between_moving_lines = 0
    screen.moving("step 100")
    assert "step 100" in stream.getvalue()


def test_elapsed_time_reads_as_minutes_and_seconds():
    assert clock(75.2) == "1:15"
