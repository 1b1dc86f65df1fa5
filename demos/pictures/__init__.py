"""Where pictures and prompts come from, and what is said of them."""
