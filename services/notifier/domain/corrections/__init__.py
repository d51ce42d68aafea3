"""Corrections: what one says. Its mail is made like that of a warning."""
