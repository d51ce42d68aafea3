"""Work that a person starts: `python -m services.intake.jobs JOB`."""
