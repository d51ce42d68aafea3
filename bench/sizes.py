"""How much is measured: each scenario names its sizes, and a variable of the environment can change each of them."""

import os


def size(name: str, *, standard: int, small: int) -> int:
    """`BENCH_<NAME>` if it is set; else `small` in a smoke run (`BENCH_SIZE=small`), and `standard` otherwise."""
    chosen = os.environ.get(f"BENCH_{name}")
    if chosen:
        return int(chosen)
    return small if os.environ.get("BENCH_SIZE") == "small" else standard


def rounds() -> int:
    """How often what takes less than a minute is measured."""
    return size("ROUNDS", standard=3, small=1)
