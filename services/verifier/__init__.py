"""Hears records, registered assets, what was mailed and how recipients answered; decides which are real threats."""
