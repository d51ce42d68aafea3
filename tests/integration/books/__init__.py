"""What the services' books say of a system that has worked, and of one that was tampered with."""
