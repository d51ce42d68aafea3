"""Organisations that register by themselves: what is mailed to them, and when it is overtaken."""
