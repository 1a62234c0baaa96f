"""Distribution of a run over devices, over the machines of a cluster, and over replicas within a step."""
