"""Fields of the enterprise's own: defined at run time, checked on every write, filtered through typed side tables."""
