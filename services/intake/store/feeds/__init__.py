"""Feeds: what came, not yet summed up; the days of each; and what operators have said of them."""
