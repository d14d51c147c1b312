from cood.progress import Progress


def test_a_line_every_ten_seconds_with_the_time_left():
    now, said = [100.0], []
    progress = Progress("set ao", 4000, said.append, clock=lambda: now[0])
    for seconds, n in ((4, 20), (5, 20), (1, 10), (2, 10), (18, 240)):
        now[0] += seconds
        progress.add(n)
    assert said == [
        "set ao: 50 of 4,000, 5.0 a second, 13 min left",
        "set ao: 300 of 4,000, 10.0 a second, 6 min left",
    ]
