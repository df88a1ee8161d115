"""Real servers for the tests: found on the machine or fetched, started, broken, ended."""
