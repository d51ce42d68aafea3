"""Pure readings of what partners push: bytes in, records out; no clock, no I/O, no framework."""
