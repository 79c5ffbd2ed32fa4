{{- /* The variables of a process; streams/config/settings.py says what they mean. (root, process, values) */ -}}
{{- define "leadloop.env" -}}
{{- $v := .root.Values -}}
- {name: LEADLOOP_APP_ID, value: {{ $v.appId | quote }}}
- {name: LEADLOOP_LOG_LEVEL, value: {{ $v.logLevel | quote }}}
- {name: LEADLOOP_LOG_FORMAT, value: {{ $v.logFormat | quote }}}
- {name: LEADLOOP_PARTITIONS, value: {{ $v.topics.partitions | toString | quote }}}
{{- with $v.topics.prefix }}
- {name: LEADLOOP_TOPIC_PREFIX, value: {{ . | quote }}}
{{- end }}
{{- if contains "kafka" (include "leadloop.needs" .) }}
{{ include "leadloop.env.kafka" . }}
{{- end }}
{{- include "leadloop.env.registry" . }}
{{- if eq .process "topics" }}
- {name: LEADLOOP_REPLICATION, value: {{ $v.topics.replication | toString | quote }}}
{{- else }}
{{- include "leadloop.env.serving" . }}
{{- include "leadloop.env.documents" . }}
{{- end }}
{{- with .values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "leadloop.env.kafka" -}}
{{- $k := .root.Values.kafka -}}
- {name: KAFKA_BOOTSTRAP_SERVERS, value: {{ required "kafka.bootstrapServers is not set: give host:port of a broker" $k.bootstrapServers | quote }}}
- {name: KAFKA_SECURITY_PROTOCOL, value: {{ $k.securityProtocol | quote }}}
{{- if hasPrefix "SASL" $k.securityProtocol }}
{{- $secret := .values.kafka.existingSecret | default $k.sasl.existingSecret | required "kafka.sasl.existingSecret is not set: name the Secret that holds the password" }}
- {name: KAFKA_SASL_MECHANISM, value: {{ $k.sasl.mechanism | quote }}}
{{- with .values.kafka.username | default $k.sasl.username }}
- {name: KAFKA_SASL_USERNAME, value: {{ . | quote }}}
{{- else }}
- {name: KAFKA_SASL_USERNAME, valueFrom: {secretKeyRef: {name: {{ $secret }}, key: {{ $k.sasl.usernameKey }}}}}
{{- end }}
- {name: KAFKA_SASL_PASSWORD, valueFrom: {secretKeyRef: {name: {{ $secret }}, key: {{ $k.sasl.passwordKey }}}}}
{{- end }}
{{- if hasSuffix "SSL" $k.securityProtocol }}
{{- if $k.tls.existingSecret }}
- {name: KAFKA_SSL_CA_LOCATION, value: /etc/leadloop/kafka-ca/{{ $k.tls.caKey }}}
{{- end }}
{{- with $k.tls.clientSecret }}
- {name: KAFKA_SSL_CERTIFICATE_LOCATION, value: /etc/leadloop/kafka-client/{{ $k.tls.certificateKey }}}
- {name: KAFKA_SSL_KEY_LOCATION, value: /etc/leadloop/kafka-client/{{ $k.tls.keyKey }}}
{{- with $k.tls.keyPasswordKey }}
- {name: KAFKA_SSL_KEY_PASSWORD, valueFrom: {secretKeyRef: {name: {{ $k.tls.clientSecret }}, key: {{ . }}}}}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "leadloop.env.registry" -}}
{{- with .root.Values.registry }}
{{- if .url }}
- {name: SCHEMA_REGISTRY_URL, value: {{ .url | quote }}}
{{- if .existingSecret }}
- {name: SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO, valueFrom: {secretKeyRef: {name: {{ .existingSecret }}, key: {{ .userInfoKey }}}}}
{{- end }}
{{- if .caSecret }}
- {name: SCHEMA_REGISTRY_SSL_CA_LOCATION, value: /etc/leadloop/registry-ca/{{ .caKey }}}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "leadloop.env.serving" -}}
{{- $v := .root.Values }}
{{- if eq .process "streams" }}
- {name: LEADLOOP_INSTANCE_ID, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
- {name: LEADLOOP_SESSION_SECONDS, value: {{ $v.streams.sessionSeconds | toString | quote }}}
- {name: LEADLOOP_DATA_DIR, value: /var/lib/leadloop}
{{- end }}
{{- if has .process (list "streams" "report") }}
- {name: LEADLOOP_CLOCK, value: {{ $v.clock | quote }}}
{{- end }}
{{- if contains "redis" (include "leadloop.needs" .) }}
{{- with $v.redis.existingSecret }}
- {name: REDIS_URL, valueFrom: {secretKeyRef: {name: {{ . }}, key: {{ $v.redis.urlKey }}}}}
{{- else }}
- {name: REDIS_URL, value: {{ required "redis.url is not set, nor redis.existingSecret: say where Redis is" $v.redis.url | quote }}}
{{- end }}
{{- end }}
{{- if has .process (list "ingest" "report") }}
- {name: LEADLOOP_HTTP_HOST, value: 0.0.0.0}
- {name: LEADLOOP_{{ upper .process }}_PORT, value: {{ include "leadloop.port" .process | quote }}}
{{- else }}
- {name: LEADLOOP_METRICS_HOST, value: 0.0.0.0}
- {name: LEADLOOP_METRICS_PORT, value: {{ include "leadloop.port" .process | quote }}}
{{- end }}
{{- end -}}

{{- define "leadloop.env.documents" -}}
{{- $v := .root.Values }}
{{- range $name := compact (splitList " " (include "leadloop.documents" .process)) }}
{{- if include "leadloop.document.isGiven" (dict "root" $.root "name" $name) }}
- {name: LEADLOOP_{{ upper $name }}_FILE, value: /etc/leadloop/{{ $name }}/{{ (get $v.documents $name).key }}}
{{- else if and (has $name (list "keys" "endpoints")) (ne $.process "audit") }}
{{- fail (printf "%s needs documents.%s: give `inline`, `existingConfigMap` or `existingSecret`, or set %s.enabled to false" $.process $name $.process) }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "leadloop.document.isGiven" -}}
{{- with get .root.Values.documents .name -}}
{{- $given := compact (list .inline .existingConfigMap .existingSecret) -}}
{{- if gt (len $given) 1 -}}
{{- fail (printf "documents.%s is set more than once: keep one of `inline`, `existingConfigMap` and `existingSecret`" $.name) -}}
{{- end -}}
{{- if $given -}}yes{{- end -}}
{{- end -}}
{{- end -}}
