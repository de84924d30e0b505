"""Results in; figures, pages and tables out."""
