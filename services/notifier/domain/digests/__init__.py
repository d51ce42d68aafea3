"""Digests to partners: what one says, and how it looks as a mail."""
