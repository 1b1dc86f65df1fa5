"""Numbers, charts and HTML: what is shown of a run, made without a page."""
