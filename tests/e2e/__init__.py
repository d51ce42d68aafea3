"""The whole system, as partners, operators and recipients meet it."""
