"""A local web page that puts a hand into the latent space, and its REST API."""
