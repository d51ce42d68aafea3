"""What is usual for a feed, and what is not: it is late, brings far more or less than it did, or has other columns.

A feed is what one partner pushes in one format, of one report type. It is judged by the days on which it came.
"""
