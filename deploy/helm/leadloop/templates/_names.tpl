{{- define "leadloop.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- /* What selects the pods of one process; without a process, all of this release. (root, process) */ -}}
{{- define "leadloop.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .process }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "leadloop.labels" -}}
{{ include "leadloop.selector" . }}
app.kubernetes.io/part-of: leadloop
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "leadloop.metadata" -}}
name: {{ include "leadloop.fullname" .root }}{{ with .process }}-{{ . }}{{ end }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "leadloop.labels" . | nindent 2 }}
{{- end -}}

{{- define "leadloop.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* The port that answers /metrics, /healthz and /readyz. */ -}}
{{- define "leadloop.port" -}}
{{- get (dict "ingest" "8010" "report" "8020") . | default "8001" -}}
{{- end -}}

{{- define "leadloop.portName" -}}
{{- if has . (list "ingest" "report") -}}http{{- else -}}metrics{{- end -}}
{{- end -}}

{{- /* What a process talks to, besides what it serves. (root, process) */ -}}
{{- define "leadloop.needs" -}}
{{- get (dict "streams" "kafka" "ingest" "kafka" "deliver" "kafka redis" "project" "kafka redis" "report" "redis" "audit" "kafka redis" "topics" "kafka") .process -}}
{{- if and (eq .process "report") .root.Values.report.kafka.enabled }} kafka{{ end -}}
{{- end -}}

{{- /* The documents that a process reads. */ -}}
{{- define "leadloop.documents" -}}
{{- get (dict "streams" "policy" "ingest" "keys webhooks" "report" "keys policy" "deliver" "endpoints" "audit" "policy endpoints") . -}}
{{- end -}}
