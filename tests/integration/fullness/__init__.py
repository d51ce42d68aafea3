"""A system that is full, slow or far behind."""
