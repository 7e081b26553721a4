"""The library of competitors."""
