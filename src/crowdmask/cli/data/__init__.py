"""Collect, import, clean, balance, split and look at data sets to train on."""
