"""What a spam filter makes of our mails: SpamAssassin, with the rules that it has on the machine and no network.

`python -m tests.integration.spam` scores all mails and writes down what came out (`scores.toml`); with `--changed` only
those that have changed or are new. A test scores those too, so that it takes a second and not a minute and a half.
"""
