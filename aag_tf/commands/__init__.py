"""The console scripts: each builds a config, hands it to one function and says where the results are."""
