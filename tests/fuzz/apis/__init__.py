"""Requests that follow from the APIs' own OpenAPI documents, good and bad: `python -m tests.fuzz.apis --minutes 10`."""
