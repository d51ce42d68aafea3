"""The demo: a small fictional country, its reports, what must become of them, and what became of them."""
