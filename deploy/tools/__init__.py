"""Small programs for maintainers: what they make is checked in."""
