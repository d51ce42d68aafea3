"""What the notifier does when something happens: gather, decide, record."""
