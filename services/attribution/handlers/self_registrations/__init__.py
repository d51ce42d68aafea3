"""Organisations register by themselves: that is heard, taken up, proven step by step, and told as far as it is.

| what | where | how |
| --- | --- | --- |
| heard | `hearing.py` | in the batch of the event: the want is kept, nothing else |
| taken up | `taking_up.py` | some at a time: organisation, contact, claims, challenges; what is taken back goes |
| proven | `proving.py` | the DNS and registries are asked outside of any transaction |
| told | `following.py` | whatever changes about such an asset marks its registration; what that is now is told |
"""

from services.attribution.handlers.self_registrations.hearing import hear_registrations
from services.attribution.handlers.self_registrations.rounds import SelfRegistrations

__all__ = ["SelfRegistrations", "hear_registrations"]
