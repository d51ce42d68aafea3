"""The service's tables and queries. Takes a transaction, returns domain values, never commits."""
