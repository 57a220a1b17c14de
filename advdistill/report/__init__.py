"""The report of finished runs: one HTML file, and its tables in Markdown and LaTeX."""
