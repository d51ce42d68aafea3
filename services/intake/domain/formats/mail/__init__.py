"""Mails: a complaint in ARF or X-ARF, or a mail that brings files in other formats."""
