"""An endpoint on this machine that answers by a script and fails as it is told."""
