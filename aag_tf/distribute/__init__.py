"""Who shares the work of a run: devices, the machines of a cluster, and the replicas within a step."""
