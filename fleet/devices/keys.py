"""Device keys have the form of site keys, with a prefix of their own, and the same peppers; see `common.keys`."""

PREFIX = "pdk_"
