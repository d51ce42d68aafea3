"""Whether the books of all services say the same of every submission; `differences` has the argument."""
