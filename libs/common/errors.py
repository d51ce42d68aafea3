"""The three ways in which work can fail; what happens next depends on nothing else.

TocsinError
├── Permanent   this message or command can never succeed: put it aside with its reason, go on with the others
├── Transient   something outside is away: keep the work, wait, try the same again
└── Fatal       this process can do no good: stop it, so that whoever watches sees it
"""


class TocsinError(Exception):
    """Base of what this project raises on purpose."""


class Permanent(TocsinError):
    """Trying again gives the same answer."""


class Transient(TocsinError):
    """Trying again later can give another answer."""


class Fatal(TocsinError):
    """Going on would do harm."""
