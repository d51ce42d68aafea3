"""IntelMQ events, as its REST output bot posts them."""
