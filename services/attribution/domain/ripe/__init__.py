"""The RIPE Database's split dumps: objects as text, packed columns of them, and whose abuse desk each range has."""
