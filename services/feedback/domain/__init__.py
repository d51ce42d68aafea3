"""Values and decisions: who may answer what, what counts once, and which numbers are too small to show."""
