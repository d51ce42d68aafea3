"""Digests: what a partner is mailed of its records' fates when a day or a week of it is over."""
