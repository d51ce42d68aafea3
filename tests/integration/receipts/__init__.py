"""What partners are told of their records: by webhook and by download, on a real database."""
