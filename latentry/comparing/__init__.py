"""Which model for your data and your job: several trained alike, measured alike, ranked by job."""
