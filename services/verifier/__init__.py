"""Hears records of partners and answers of recipients, decides which are real threats, says so."""
