"""Webhooks and what is on its way to them: how events come in, how they go out, and what partners see of it."""
