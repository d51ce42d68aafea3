"""How often a key may knock: a bucket of tokens that refills steadily."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """At most `burst` at once, `per_second` in the long run."""

    burst: int
    per_second: float


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is left, and when that was so (seconds of any steady clock)."""

    tokens: float
    at: float


@dataclass(frozen=True, slots=True)
class Taken:
    """The bucket after a request; `wait_seconds` above 0 means that the request was refused."""

    bucket: Bucket
    wait_seconds: float


def take(bucket: Bucket | None, *, rate: Rate, at: float) -> Taken:
    """Take one token; None is a full bucket. A refused request costs nothing."""
    before = bucket or Bucket(rate.burst, at)
    tokens = min(rate.burst, before.tokens + max(0.0, at - before.at) * rate.per_second)
    if tokens >= 1:
        return Taken(Bucket(tokens - 1, at), 0.0)
    return Taken(Bucket(tokens, at), (1 - tokens) / rate.per_second)
