"""Hears records of partners, what was mailed and how recipients answered, decides which are real threats, says so."""
