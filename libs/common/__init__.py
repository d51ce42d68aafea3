"""What the services share: contracts, the event loop around them, and the edges to Kafka, Postgres and HTTP."""
