"""The edge to browsers: pages in two languages, and the same as JSON where programs ask. Decides nothing."""
