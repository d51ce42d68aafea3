"""Secrets, found and taken out while a payload streams in, so that what reaches the disk never held them."""
