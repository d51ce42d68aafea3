"""How often one address may ask a public page for something that costs, or tells, more than a look."""

import math

from fastapi import Request

from libs.common import clock
from libs.common.problems import Problem
from services.feedback.domain.allowance import Allowance, asker_of


class Turns:
    """Those of one page, by its name in the `RateLimit` header."""

    def __init__(self, name: str, allowance: Allowance) -> None:
        self._name = name
        self._allowance = allowance

    def take(self, request: Request) -> None:
        """Raise a 429 problem for an address that asks too fast."""
        host = request.client.host if request.client else ""
        seconds = math.ceil(self._allowance.take(asker_of(host), now=clock.now()))
        if seconds:
            raise Problem(
                429,
                "too-many-requests",
                "Too many requests from your address",
                f"Try again in {seconds} seconds.",
                headers={"Retry-After": str(seconds), "RateLimit": f'"{self._name}";r=0;t={seconds}'},
            )
