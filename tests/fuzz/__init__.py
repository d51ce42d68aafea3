"""Mutated payloads of all formats, packed and plain, for as long as one likes: `python -m tests.fuzz --minutes 10`."""
