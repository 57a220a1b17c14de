"""What AdvDistill adds to Hydra: a sweeper over frozen pools, and a launcher on Ray."""
