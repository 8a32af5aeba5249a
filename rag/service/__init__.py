"""Many users at once: shared models, a fair queue, jobs."""
