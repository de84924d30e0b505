from server.clock import Clock


def test_an_hour_passes_in_a_second_at_speed_3600() -> None:
    real = [10.0]
    clock = Clock(1_000.0, 3600, lambda: real[0])
    assert clock.now() == 1_000.0
    real[0] += 1
    assert clock.now() == 4_600.0
    assert clock.real_until(8_200.0) == 1.0
    assert clock.real_until(4_000.0) == 0.0
