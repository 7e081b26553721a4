"""The one mechanism of approval, for any subject."""
