"""What a learner takes away of a run: Python code and notebooks. No page, no model is run here."""
