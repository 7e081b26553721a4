"""Assignment rules: which leads go to whom."""
