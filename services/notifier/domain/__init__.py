"""What the notifier decides, without clock or network: when to mail, what a mail says, what an answer means."""
