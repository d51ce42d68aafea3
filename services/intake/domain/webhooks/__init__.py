"""How partners are told by themselves: where a webhook may lead, how it is signed, and when it is tried again."""
