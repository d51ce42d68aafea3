"""Named faults: what can go wrong on purpose, and where. Off unless the setting `faults` turns some on.

Tests, drills and the demo use the same names. A point in the code calls `reach`; while nothing is armed that costs one
look at a name. docs/faults.md lists them all. What the mail relay and partners do happens at their end of the line, in
deploy/doubles.
"""

from libs.common.faults.arming import CRASHED, Line, arm, reach, reach_in_thread, skew
from libs.common.faults.drawing import Chance, Draw, Tally, chances_of, draw_of, evenly, written
from libs.common.faults.registry import (
    AT_ATTRIBUTION,
    AT_INTAKE,
    AT_NOTIFIER,
    AT_PARTNERS,
    AT_THE_RELAY,
    EVERYWHERE,
    FAULTS,
    LOSES_AN_ANSWER,
    Fault,
    Kind,
    Point,
)

__all__ = [
    "AT_ATTRIBUTION",
    "AT_INTAKE",
    "AT_NOTIFIER",
    "AT_PARTNERS",
    "AT_THE_RELAY",
    "CRASHED",
    "EVERYWHERE",
    "FAULTS",
    "LOSES_AN_ANSWER",
    "Chance",
    "Draw",
    "Fault",
    "Kind",
    "Line",
    "Point",
    "Tally",
    "arm",
    "chances_of",
    "draw_of",
    "evenly",
    "reach",
    "reach_in_thread",
    "skew",
    "written",
]
