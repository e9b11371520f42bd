"""Device keys have the form of site keys, with a prefix of their own, and the same peppers; see `sites.keys`."""

PREFIX = "pdk_"
