"""The whole stack on one machine, without container engine, Java or root: `python -m deploy.local up`."""
