#!/bin/sh
# Writes go.mod and go.sum for a Kubernetes version; run by a developer, never by a test.
# Kubernetes' own go.mod asks for its staging modules at v0.0.0, which nobody serves: each is
# replaced by the release of the same day.
set -eu
K=${1:-v1.37.2}
S=v0.${K#v1.}
M=$(go mod download -json "k8s.io/kubernetes@$K" |
  python3 -c 'import json,sys; print(json.load(sys.stdin)["GoMod"])')
E=go.etcd.io/etcd/server/v3
(echo module kubebox; grep -E '^(go|godebug) ' "$M") > go.mod
go mod edit -require="k8s.io/kubernetes@$K" \
  -require="$E@$(awk -v e=$E '$1==e{print $2}' "$M")"
for m in $(grep -oE 'k8s\.io/[a-z-]+ v0\.0\.0$' "$M" | cut -d' ' -f1 | sort -u); do
  go mod edit -replace="$m=$m@$S"
done
go mod tidy
