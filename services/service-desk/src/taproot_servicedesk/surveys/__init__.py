"""Surveys: what customers are asked, and their answers."""
