"""A search for the fields of a model that suit the data."""
