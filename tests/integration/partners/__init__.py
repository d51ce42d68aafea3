"""Partners, their keys and what is agreed with them, on a real database and broker."""
