"""Tests, intervals and estimators on plain arrays; nothing here knows of runs."""
