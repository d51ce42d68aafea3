"""What intake asks of the world outside: the broker how much waits, and, for the reconciliation alone, its siblings."""
