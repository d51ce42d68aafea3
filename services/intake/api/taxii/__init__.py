"""`/taxii2/…`: TAXII 2.1, inbound. Each partner has one collection; it adds objects to it, and nobody reads there."""
