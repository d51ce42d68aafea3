"""Claims that are put to a registry's contact: what the mail says, and how it is made."""
