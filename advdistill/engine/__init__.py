"""Engines that turn prompt ids into answers; teachers and evaluations share them."""
