"""Onboarding: look at a new source and write down what it seems to be, for a person to correct."""
