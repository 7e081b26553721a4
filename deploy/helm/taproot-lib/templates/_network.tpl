{{- define "taproot-lib.services" -}}
---
# Headless: gRPC clients resolve every pod and spread their calls over them.
apiVersion: v1
kind: Service
metadata:
  name: {{ include "taproot-lib.fullname" . }}-grpc
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "taproot-lib.labels" . | nindent 4 }}
    app.kubernetes.io/component: grpc
spec:
  clusterIP: None
  selector:
    {{- include "taproot-lib.selector" . | nindent 4 }}
    app.kubernetes.io/component: {{ ternary "api" "all" .Values.worker.enabled }}
  ports:
    - {name: grpc, port: 9000, targetPort: grpc, appProtocol: kubernetes.io/h2c}
---
# For Prometheus: workers are no one's server, and are scraped too.
apiVersion: v1
kind: Service
metadata:
  name: {{ include "taproot-lib.fullname" . }}-metrics
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "taproot-lib.labels" . | nindent 4 }}
    app.kubernetes.io/component: metrics
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  selector: {{- include "taproot-lib.selector" . | nindent 4 }}
  ports:
    - {name: metrics, port: 9464, targetPort: metrics}
{{- end -}}

{{/* Nothing comes in or goes out but what is named here; migrating pods only reach the database. */}}
{{- define "taproot-lib.networkPolicy" -}}
{{- $global := .Values.global -}}
{{- if ($global.networkPolicy | default dict).enabled }}
{{- $policy := $global.networkPolicy }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "taproot-lib.fullname" . }}
  namespace: {{ .Release.Namespace }}
  labels: {{- include "taproot-lib.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{- include "taproot-lib.selector" . | nindent 6 }}
    matchExpressions:
      - {key: app.kubernetes.io/component, operator: NotIn, values: [migrate]}
  policyTypes: [Ingress, Egress]
  ingress:
    - from:
        {{- range .Values.network.callers }}
        - podSelector:
            matchLabels:
              app.kubernetes.io/name: {{ . }}
              app.kubernetes.io/instance: {{ $.Release.Name }}
        {{- end }}
      ports:
        - {protocol: TCP, port: 9000}
    {{- with $policy.monitoringNamespace }}
    - from:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: {{ . }}
      ports:
        - {protocol: TCP, port: 9464}
    {{- end }}
    {{- if eq .Chart.Name "gateway" }}
    - from: {{- toYaml .Values.network.visitors | nindent 8 }}
      ports:
        - {protocol: TCP, port: 8080}
        - {protocol: TCP, port: 8081}
    {{- end }}
  egress:
    {{- include "taproot-lib.egressBase" . | nindent 4 }}
    - to: {{- toYaml $policy.nats.to | nindent 8 }}
      ports:
        - {protocol: TCP, port: {{ $policy.nats.port }}}
    {{- with .Values.network.calls }}
    - to:
        {{- range . }}
        - podSelector:
            matchLabels:
              app.kubernetes.io/name: {{ . }}
              app.kubernetes.io/instance: {{ $.Release.Name }}
        {{- end }}
      ports:
        - {protocol: TCP, port: 9000}
    {{- end }}
    {{- with $policy.telemetry }}
    - to: {{- toYaml .to | nindent 8 }}
      ports:
        - {protocol: TCP, port: {{ .port }}}
    {{- end }}
    {{- with .Values.network.extraEgress }}{{ toYaml . | nindent 4 }}{{ end }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "taproot-lib.fullname" . }}-migrate
  namespace: {{ .Release.Namespace }}
  labels: {{- include "taproot-lib.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "taproot-lib.selector" . | nindent 6 }}
      app.kubernetes.io/component: migrate
  policyTypes: [Ingress, Egress]
  ingress: []
  egress: {{- include "taproot-lib.egressBase" . | nindent 4 }}
{{- end }}
{{- end -}}

{{- define "taproot-lib.egressBase" -}}
- to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: {{ .Values.global.networkPolicy.dnsNamespace }}
  ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
- to: {{- toYaml .Values.global.networkPolicy.postgresql.to | nindent 4 }}
  ports:
    - {protocol: TCP, port: {{ .Values.global.networkPolicy.postgresql.port }}}
{{- end -}}
