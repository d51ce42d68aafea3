"""Hears records of partners, answers of recipients and registered assets, decides which are real threats, says so."""
