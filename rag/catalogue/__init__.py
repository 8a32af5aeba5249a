"""Models that can be brought: which there are, how they come onto this machine, which are used."""
