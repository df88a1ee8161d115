"""Where a sidecar goes in a pod, and the patch that puts it there: pure functions of manifests."""
