"""Shadowserver reports: what is said of a row is the same for CSV and JSON."""
