"""What became of the threats that somebody was warned of."""

import msgspec


class Remediation(msgspec.Struct, frozen=True, kw_only=True):
    """Of one incident, or with None of all. Each threat counts once; the four sum to `warned`.

    `remediated`: said to be fixed, or not seen again although its feed reports. `still_seen`: seen after the first
    warning, and neither. `wrong`: its recipient says so. `unknown`: not seen since, but its feed has stopped, or it is
    too early to say. `median_days` is from the first warning to the answer, or else to the last sighting.
    """

    incident: str | None
    warned: int
    remediated: int
    still_seen: int
    wrong: int
    unknown: int
    median_days: float | None
