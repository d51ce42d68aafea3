"""Whom a threat hits: values and pure decisions. No clock, no I/O, no framework."""
