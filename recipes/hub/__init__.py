"""Networks of KerasHub, which the extra `families` installs, with random weights."""
