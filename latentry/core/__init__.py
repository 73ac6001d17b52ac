"""The theory: distributions, posteriors, priors, likelihoods, models, bounds and objectives."""
