"""What can happen to intake: a push, a payload to read, news of outcomes, and people who look or administer."""
