"""Values that the papers' own code computed on five small networks, and the networks."""
