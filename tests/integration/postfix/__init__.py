"""The notifier against a real Postfix."""
