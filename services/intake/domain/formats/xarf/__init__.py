"""XARF reports: version 4, and version 3 that went before it."""
