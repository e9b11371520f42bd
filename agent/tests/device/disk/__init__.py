"""Real processes that write, on real disks that fill up, until they are killed."""
