"""What all tabs share of the page: controls, the player, how a button starts a run."""
