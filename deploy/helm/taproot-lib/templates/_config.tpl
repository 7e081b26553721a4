{{/* What the chart itself decides; `config` and `extraEnv` add the rest. */}}
{{- define "taproot-lib.settings" -}}
TAPROOT_SERVICE: {{ .Chart.Name }}
TAPROOT_BACKENDS: {{ include "taproot-lib.backends" . | quote }}
TAPROOT_NATS_REPLICAS: {{ .Values.nats.streamReplicas | quote }}
TAPROOT_DRAIN_SECONDS: {{ .Values.lifecycle.drainSeconds | quote }}
{{- with (.Values.global.telemetry | default dict).otlpEndpoint }}
TAPROOT_OTLP_ENDPOINT: {{ . | quote }}
{{- end }}
{{- if ne (include "taproot-lib.tlsMode" .) "disabled" }}
TAPROOT_TLS_DIR: /etc/taproot/tls
TAPROOT_HEALTH_PORT: "9001"
{{- end }}
{{- range $name, $value := .Values.config }}
TAPROOT_{{ $name | upper }}: {{ $value | toString | quote }}
{{- end }}
{{- end -}}

{{- define "taproot-lib.backends" -}}
{{- $found := list -}}
{{- range $service, $chart := dict "customer" "customer" "identity" "gateway" "marketing" "marketing" "sales" "sales" "servicedesk" "servicedesk" -}}
{{- $found = append $found (printf "%s=%s:9000" $service (include "taproot-lib.peer" (dict "root" $ "name" $chart))) -}}
{{- end -}}
{{- join "," $found -}}
{{- end -}}

{{- define "taproot-lib.configMap" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "taproot-lib.fullname" . }}
  namespace: {{ .Release.Namespace }}
  labels: {{- include "taproot-lib.labels" . | nindent 4 }}
data:
  {{- include "taproot-lib.settings" . | nindent 2 }}
{{- end -}}

{{- define "taproot-lib.externalSecrets" -}}
{{- with .Values.secrets.externalSecrets }}
{{- if .enabled }}
{{- $root := $ }}
{{- range $kind, $name := dict "service" (include "taproot-lib.secret" $) "migration" (include "taproot-lib.migrationSecret" $) }}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- include "taproot-lib.labels" $root | nindent 4 }}
spec:
  refreshInterval: {{ $root.Values.secrets.externalSecrets.refreshInterval }}
  secretStoreRef:
    name: {{ required "secrets.externalSecrets.store.name: name the SecretStore that holds Taproot's secrets" $root.Values.secrets.externalSecrets.store.name }}
    kind: {{ $root.Values.secrets.externalSecrets.store.kind }}
  target:
    name: {{ $name }}
    creationPolicy: Owner
  dataFrom:
    - extract:
        key: {{ printf "%s%s%s" $root.Values.secrets.externalSecrets.prefix $root.Chart.Name (ternary "-migration" "" (eq $kind "migration")) }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "taproot-lib.certificate" -}}
{{- if eq (include "taproot-lib.tlsMode" .) "certManager" }}
{{- $tls := .Values.global.tls }}
{{- $grpc := printf "%s-grpc" (include "taproot-lib.fullname" .) }}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  name: {{ include "taproot-lib.tlsSecret" . }}
  namespace: {{ .Release.Namespace }}
  labels: {{- include "taproot-lib.labels" . | nindent 4 }}
spec:
  secretName: {{ include "taproot-lib.tlsSecret" . }}
  duration: {{ $tls.duration | default "8760h" }}
  renewBefore: {{ $tls.renewBefore | default "1440h" }}
  privateKey:
    algorithm: ECDSA
    size: 256
    rotationPolicy: Always
  usages: [server auth, client auth]
  commonName: {{ $grpc }}
  dnsNames:
    - {{ $grpc }}
    - {{ $grpc }}.{{ .Release.Namespace }}
    - {{ $grpc }}.{{ .Release.Namespace }}.svc
    - localhost
  ipAddresses: [127.0.0.1]
  issuerRef:
    group: cert-manager.io
    name: {{ required "global.tls.issuer.name: name the cert-manager issuer of the services' certificates" ($tls.issuer | default dict).name }}
    kind: {{ $tls.issuer.kind | default "Issuer" }}
{{- end }}
{{- end -}}
