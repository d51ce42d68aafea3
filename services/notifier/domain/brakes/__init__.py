"""When the mails of an incident may go: its first wave, unusual volume, and who lets the rest go."""
