"""Packages are those folders whose fixtures of that scope end with the folder: whole systems, which need their room."""
