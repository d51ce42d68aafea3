"""What intake keeps: tables and their queries, in batches, and the payload files beside them. Nothing here commits."""
