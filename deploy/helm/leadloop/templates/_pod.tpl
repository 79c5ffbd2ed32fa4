{{- /* The pod of a process; it meets the pod security standard "restricted". (root, process, values) */ -}}
{{- define "leadloop.pod" -}}
metadata:
  labels:
    {{- include "leadloop.labels" . | nindent 4 }}
    {{- with .values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # A changed document restarts the processes that read it at start.
    leadloop/documents: {{ include "leadloop.digest" . }}
    {{- with .values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "leadloop.fullname" .root }}  # without rights and without a token: no process uses the Kubernetes API
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .values.terminationGracePeriodSeconds }}
  {{- include "leadloop.pod.shared" . | nindent 2 }}
  {{- include "leadloop.pod.placed" . | trim | nindent 2 }}
  containers:
    - name: {{ .process }}
      args: [{{ .process }}{{ if eq .process "audit" }}, --every, {{ .values.every | quote }}, --scratch, /var/lib/leadloop{{ end }}]
      {{- include "leadloop.container" . | nindent 6 }}
      ports:
        - {name: {{ include "leadloop.portName" .process }}, containerPort: {{ include "leadloop.port" .process }}}
      {{- include "leadloop.probes" (include "leadloop.portName" .process) | nindent 6 }}
      {{- if has .process (list "ingest" "report") }}
      lifecycle:
        preStop: {sleep: {seconds: 5}}  # until the service routes no more requests to this pod
      {{- end }}
  volumes:
    {{- include "leadloop.volumes" . | nindent 4 }}
{{- end -}}

{{- define "leadloop.pod.shared" -}}
securityContext:
  runAsNonRoot: true
  {{- with .root.Values.security }}
  {{- if .runAsUser }}
  runAsUser: {{ .runAsUser }}
  {{- end }}
  {{- if .fsGroup }}
  fsGroup: {{ .fsGroup }}
  fsGroupChangePolicy: OnRootMismatch
  {{- end }}
  {{- end }}
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "leadloop.pod.placed" -}}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- range $key := list "nodeSelector" "tolerations" "affinity" }}
{{- with get $.values $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
topologySpreadConstraints:
{{- with .values.topologySpreadConstraints }}
  {{- toYaml . | nindent 2 }}
{{- else }}
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "leadloop.selector" . | nindent 8 }}
{{- end }}
{{- end -}}

{{- define "leadloop.container" -}}
image: {{ include "leadloop.image" .root }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
env:
  {{- include "leadloop.env" . | nindent 2 }}
{{- with .values.envFromSecrets }}
envFrom:
  {{- range . }}
  - secretRef: {name: {{ . }}}
  {{- end }}
{{- end }}
resources:
  {{- toYaml .values.resources | nindent 2 }}
volumeMounts:
  {{- include "leadloop.mounts" . | nindent 2 }}
{{- end -}}

{{- define "leadloop.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: {{ . }}}
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /healthz, port: {{ . }}}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: {{ . }}}
  periodSeconds: 5
  timeoutSeconds: 4
  failureThreshold: 2
{{- end -}}

{{- define "leadloop.mounts" -}}
- {name: tmp, mountPath: /tmp}
{{- if has .process (list "streams" "audit") }}
- {name: data, mountPath: /var/lib/leadloop}
{{- end }}
{{- range include "leadloop.mounted" . | fromYamlArray }}
- {name: {{ .name }}, mountPath: /etc/leadloop/{{ .name }}, readOnly: true}
{{- end }}
{{- with .values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "leadloop.volumes" -}}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- if and (eq .process "streams") (not .root.Values.streams.persistence.enabled) }}
- name: data
  emptyDir: {sizeLimit: {{ .root.Values.streams.persistence.size }}}
{{- end }}
{{- if eq .process "audit" }}
- name: data
  emptyDir: {sizeLimit: {{ .values.scratchSize }}}
{{- end }}
{{- range include "leadloop.mounted" . | fromYamlArray }}
- name: {{ .name }}
  {{- if .secret }}
  secret: {secretName: {{ .secret }}}
  {{- else }}
  configMap: {name: {{ .configMap }}}
  {{- end }}
{{- end }}
{{- with .values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* The volumes that are mounted under /etc/leadloop: [{name, secret | configMap}]. */ -}}
{{- define "leadloop.mounted" -}}
{{- $v := .root.Values -}}
{{- $list := list -}}
{{- if and (hasSuffix "SSL" $v.kafka.securityProtocol) (contains "kafka" (include "leadloop.needs" .)) -}}
{{- with $v.kafka.tls.existingSecret }}{{ $list = append $list (dict "name" "kafka-ca" "secret" .) }}{{ end -}}
{{- with $v.kafka.tls.clientSecret }}{{ $list = append $list (dict "name" "kafka-client" "secret" .) }}{{ end -}}
{{- end -}}
{{- if $v.registry.url -}}
{{- with $v.registry.caSecret }}{{ $list = append $list (dict "name" "registry-ca" "secret" .) }}{{ end -}}
{{- end -}}
{{- range $name := compact (splitList " " (include "leadloop.documents" .process)) -}}
{{- $document := get $v.documents $name -}}
{{- $own := printf "%s-%s" (include "leadloop.fullname" $.root) $name -}}
{{- if $document.existingSecret -}}
{{- $list = append $list (dict "name" $name "secret" $document.existingSecret) -}}
{{- else if $document.existingConfigMap -}}
{{- $list = append $list (dict "name" $name "configMap" $document.existingConfigMap) -}}
{{- else if $document.inline -}}
{{- $list = append $list (dict "name" $name (ternary "secret" "configMap" (eq $name "keys")) $own) -}}
{{- end -}}
{{- end -}}
{{- toYaml $list -}}
{{- end -}}

{{- define "leadloop.digest" -}}
{{- $text := "" -}}
{{- range $name := compact (splitList " " (include "leadloop.documents" .process)) -}}
{{- $text = print $text (get $.root.Values.documents $name | toJson) -}}
{{- end -}}
{{- sha256sum $text | trunc 16 -}}
{{- end -}}
