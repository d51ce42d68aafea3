"""Mails that come back: read within bounds, and recognised."""
