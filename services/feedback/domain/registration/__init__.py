"""What an organisation registers by itself: how it is typed, what of it can be taken, and what becomes of it."""
