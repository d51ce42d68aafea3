"""Mails about things made up: which one somebody wants to see, what goes with what, and what it is made of."""
