"""Calls to the outside. No batch waits for one: threats that need an answer stand aside until it is there."""
