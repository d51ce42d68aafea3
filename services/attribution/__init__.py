"""Hears of verified threats, decides whom each one hits and how that is known, says who is to be warned, or why nobody.

Hears of recipients that could not be reached, or that can't prove an asset any more, and says who is next.

Keeps the organisations with their registered assets and contacts, and snapshots of what the registries say.
"""
