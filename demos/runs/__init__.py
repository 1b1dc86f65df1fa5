"""What is asked for, how it is sent, and what stays of it: a run without a page."""
