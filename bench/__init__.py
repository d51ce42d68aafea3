"""Measurements: one scenario a file. `make bench` runs them all; bench/README.md says how to read them."""
