"""Messages on their way and who sends them: waves, accounts, the network and what it holds against them."""
