"""Doubles of those at the other end of the line, who misbehave on purpose: the mail relay, and partners."""
