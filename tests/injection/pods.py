"""Specs of pods, as runtimes, KServe and Knative make them (YAML)."""

from __future__ import annotations

PROBED = """
containers:
- name: app
  image: registry.local/app:1
  ports: [{name: http, containerPort: 8080}]
  startupProbe: {httpGet: {path: /, port: http}}
  readinessProbe: {tcpSocket: {port: 8080}}
  livenessProbe: {grpc: {port: 8080}}
  lifecycle: {preStop: {httpGet: {path: /stop, port: http}}}
"""
HARD = """
securityContext:
  {runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000, seccompProfile: {type: RuntimeDefault}}
containers:
- name: kserve-container
  image: kserve/sklearnserver:v0.15.2
  args: [--model_name=m, --model_dir=/mnt/models, --http_port=8080]
  securityContext:
    {readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
"""
KSERVE = """
containers:
- name: kserve-container
  image: kserve/sklearnserver:v0.15.2
  args: [--model_name=m, --model_dir=/mnt/models, --http_port=8080]
  ports: [{containerPort: 8080, protocol: TCP}]
  readinessProbe: {tcpSocket: {port: 8080}}
initContainers:
- name: storage-initializer
  image: kserve/storage-initializer:v0.15.2
  args: [s3://b/m, /mnt/models]
volumes: [{name: kserve-provision-location, emptyDir: {}}]
"""
KNATIVE = """
containers:
- name: kserve-container
  image: kserve/huggingfaceserver:v0.15.2
  args: [--model_name=m]
  ports: [{name: user-port, containerPort: 8080}]
  env: [{name: PORT, value: "8080"}]
- name: queue-proxy
  image: knative/queue:1.18
  env:
  - {name: USER_PORT, value: "8080"}
  - {name: SERVING_READINESS_PROBE, value: '{"tcpSocket":{"port":8080,"host":"127.0.0.1"}}'}
  ports: [{name: http-queueadm, containerPort: 8022}, {name: queue-port, containerPort: 8012}]
"""
TRITON = """
containers:
- name: triton
  image: nvcr.io/nvidia/tritonserver:25.03-py3
  args: [tritonserver, --model-repository=/models, --http-port, "8000", --grpc-port, "8001"]
  ports:
  - {name: http, containerPort: 8000}
  - {name: grpc, containerPort: 8001}
  - {name: metrics, containerPort: 8002}
  livenessProbe: {httpGet: {path: /v2/health/live, port: http}}
"""
VLLM = """
containers:
- name: vllm
  image: vllm/vllm-openai:v0.8.5
  args: [--model, Qwen/Qwen3-0.6B, --port=8000]
  ports: [{containerPort: 8000}]
"""
MLSERVER = """
containers:
- name: server
  image: docker.io/seldonio/mlserver:1.7.1
  ports: [{name: http, containerPort: 8080}, {name: grpc, containerPort: 8081}]
  env: [{name: MLSERVER_HTTP_PORT, value: "8080"}]
"""
TF = """
containers:
- name: tf
  image: tensorflow/serving:2.18.0
  args: [--model_name=m]
  ports: [{containerPort: 8500}, {containerPort: 8501}]
"""
CUSTOM = """
containers:
- name: app
  image: registry.local/app:1
  ports: [{name: http, containerPort: 5000}]
"""
TWO = """
containers:
- {name: app, image: registry.local/app:1, ports: [{name: http, containerPort: 5000}]}
- {name: cache, image: redis:7, ports: [{name: redis, containerPort: 6379}]}
"""
TWIN = """
containers:
- {name: a, image: vllm/vllm-openai:v1, args: [--port=8000]}
- {name: b, image: vllm/vllm-openai:v1, args: [--port=8001]}
"""
AGENT = """
containers:
- name: kserve-container
  image: kserve/xgbserver:v0.15.2
  args: [--model_name=m, --http_port=8080]
- name: agent
  image: kserve/agent:v0.15.2
  args: [--log-url, "http://l", --component-port, "8080", --port, "9081"]
"""
PROXIED = """
containers:
- name: kserve-container
  image: kserve/lgbserver:v0.15.2
  args: [--model_name=m, --http_port=8080]
- name: auth
  image: kube-rbac-proxy:v1
  args: ["--upstream=http://127.0.0.1:8080/", "--port=8443"]
"""
