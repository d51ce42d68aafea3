"""Intake hears partners' payloads and where their records ended, decides what of a payload can be read, and says
`RawIndicator` for each record of it, and `DigestDue` when a partner wants to be mailed what became of them. Payloads
are evidence: kept before the answer, and served as they came.
"""
