"""Our own formats: one record, written in three ways."""
