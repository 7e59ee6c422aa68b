"""The report: tables and pictures of the committed rows, as Markdown."""
