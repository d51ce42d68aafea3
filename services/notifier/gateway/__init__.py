"""What lies outside: the mail relay, and the template engine with the content files that it reads."""
