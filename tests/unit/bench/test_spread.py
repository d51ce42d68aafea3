"""What rounds and samples come to."""

from hypothesis import given
from hypothesis import strategies as st

from bench.spread import Spread, percentile

SAMPLES = st.lists(st.floats(min_value=0, max_value=1e6), min_size=1)


def test_a_spread_is_the_median_and_the_ends() -> None:
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(median=2.0, least=1.0, most=3.0)
    assert str(Spread.of([1234.0, 10.0, 2.5])) == "10.0 (2.50-1,234)"


@given(SAMPLES, st.integers(1, 100))
def test_a_percentile_is_a_sample_that_so_many_do_not_exceed(samples: list[float], percent: int) -> None:
    found = percentile(samples, percent)

    assert found in samples
    assert sum(sample <= found for sample in samples) >= len(samples) * percent / 100
    assert sum(sample < found for sample in samples) < len(samples) * percent / 100
