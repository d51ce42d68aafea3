"""Parts of the system on a real broker and database."""
