"""The sidecar beside others that stand where it stands: forwarding proxies, and KServe's agent."""
