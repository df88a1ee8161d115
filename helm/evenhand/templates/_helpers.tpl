{{- /* What every object is called and labelled by. */}}
{{- define "evenhand.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "evenhand.labels" -}}
app.kubernetes.io/name: evenhand
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "evenhand.selector" -}}
app.kubernetes.io/name: evenhand
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end }}

{{- define "evenhand.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- /* The roles that are on, as a list. */}}
{{- define "evenhand.roles" -}}
{{- $roles := list }}
{{- if not .Values.dev.embedded }}
{{- range list "detect" "alert" "serve" "door" "operate" }}
{{- if (index $.Values .).enabled }}{{ $roles = append $roles . }}{{ end }}
{{- end }}
{{- end }}
{{- $roles | toJson }}
{{- end }}

{{- /* Refuses to render what cannot work, with a sentence. */}}
{{- define "evenhand.check" -}}
{{- if not .Values.dev.embedded }}
{{- if not .Values.kafka.bootstrapServers }}
{{- fail "Evenhand keeps every event in your Kafka, which outlives its pods: set kafka.bootstrapServers=HOST:9092 (or try it in one pod without: dev.embedded=true)" }}
{{- end }}
{{- if not .Values.database.secretName }}
{{- fail "Evenhand keeps its state in your PostgreSQL, which outlives its pods: put the URL into a Secret and set database.secretName (or try it in one pod without: dev.embedded=true)" }}
{{- end }}
{{- if and (or .Values.serve.enabled .Values.door.enabled) (not .Values.tokens.secretName) }}
{{- fail "API and door ask for tokens: put the tokens file into a Secret and set tokens.secretName, or switch serve.enabled and door.enabled off" }}
{{- end }}
{{- if and (gt (int .Values.detect.autoscaling.minReplicas) (int .Values.detect.autoscaling.maxReplicas)) .Values.detect.autoscaling.enabled }}
{{- fail "detect.autoscaling.minReplicas is above maxReplicas" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "evenhand.restricted" -}}
allowPrivilegeEscalation: false
capabilities: { drop: [ALL] }
readOnlyRootFilesystem: true
runAsNonRoot: true
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- /* What the pods of every role have in common. */}}
{{- define "evenhand.pod" -}}
automountServiceAccountToken: {{ eq .role "operate" }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  fsGroup: 65532
  seccompProfile: { type: RuntimeDefault }
{{- with .root.Values.scheduling.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.scheduling.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.scheduling.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .root.Values.scheduling.topologyKey }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "evenhand.selector" (dict "root" $.root "role" $.role) | nindent 8 }}
{{- end }}
{{- end }}

{{- define "evenhand.environment" -}}
- name: EVENHAND_DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ .Values.database.secretName }}
      key: {{ .Values.database.secretKey }}
{{- end }}

{{- /* The settings file; settings.extra goes over it. */}}
{{- define "evenhand.settings" -}}
{{- $made := dict
  "bus" (dict "url" (printf "kafka://%s" .Values.kafka.bootstrapServers) "partitions" (int .Values.kafka.partitions))
  "components" (list "/etc/evenhand/components")
  "privacy" (dict "keyDirectory" "/etc/evenhand/keys")
  "alerting" (dict "road" "prometheus")
  "http" (dict "metrics" "0.0.0.0:8602")
}}
{{- if .Values.tokens.secretName }}
{{- $_ := set $made.http "tokensFile" (printf "/etc/evenhand/tokens/%s" .Values.tokens.secretKey) }}
{{- end }}
{{- mustMergeOverwrite $made (deepCopy .Values.settings.extra) | toYaml }}
{{- end }}
