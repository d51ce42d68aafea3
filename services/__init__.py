"""The services. Each has the same floor plan; none imports another."""
