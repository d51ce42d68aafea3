"""Signing what we write (S/MIME), and encrypting it to a recipient's key (S/MIME, OpenPGP): what is done, and how."""
