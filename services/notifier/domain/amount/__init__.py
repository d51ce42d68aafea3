"""How many mails: when one may go, how many a day, and when what was told is told again."""
