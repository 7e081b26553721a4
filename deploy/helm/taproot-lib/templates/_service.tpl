{{/* Everything a service needs; its chart adds only what no other has. */}}
{{- define "taproot-lib.service" -}}
{{ include "taproot-lib.configMap" . }}
{{- if .Values.serviceAccount.create }}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "taproot-lib.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
  labels: {{- include "taproot-lib.labels" . | nindent 4 }}
  {{- with .Values.serviceAccount.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end }}
{{- include "taproot-lib.externalSecrets" . }}
{{- include "taproot-lib.certificate" . }}
{{- include "taproot-lib.blobClaim" . }}
{{- include "taproot-lib.migration" . }}
{{ include "taproot-lib.services" . }}
{{ include "taproot-lib.workloads" . }}
{{- include "taproot-lib.networkPolicy" . }}
{{- include "taproot-lib.serviceMonitor" . }}
{{- end -}}

{{- define "taproot-lib.blobClaim" -}}
{{- if and .Values.blobs.enabled (not .Values.blobs.existingClaim) }}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ include "taproot-lib.fullname" . }}-blobs
  namespace: {{ .Release.Namespace }}
  labels: {{- include "taproot-lib.labels" . | nindent 4 }}
  annotations:
    helm.sh/resource-policy: keep
spec:
  accessModes: [{{ .Values.blobs.accessMode }}]
  {{- with .Values.blobs.storageClass | default .Values.global.storageClass }}
  storageClassName: {{ . }}
  {{- end }}
  resources:
    requests:
      storage: {{ .Values.blobs.size }}
{{- end }}
{{- end -}}

{{- define "taproot-lib.serviceMonitor" -}}
{{- $monitoring := .Values.global.monitoring | default dict -}}
{{- if $monitoring.enabled }}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: {{ include "taproot-lib.fullname" . }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "taproot-lib.labels" . | nindent 4 }}
    {{- with $monitoring.labels }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  selector:
    matchLabels:
      {{- include "taproot-lib.selector" . | nindent 6 }}
      app.kubernetes.io/component: metrics
  namespaceSelector:
    matchNames: [{{ .Release.Namespace }}]
  endpoints:
    - port: metrics
      interval: {{ $monitoring.interval }}
      relabelings:
        - {targetLabel: taproot_service, replacement: {{ .Chart.Name }}}
{{- end }}
{{- end -}}

{{- define "taproot-lib.notes" -}}
{{ .Chart.Name }} {{ .Chart.AppVersion }} runs as {{ ternary "API and worker pods" "one kind of pod" .Values.worker.enabled }} of {{ include "taproot-lib.image" . }}.
It reads the Secret {{ include "taproot-lib.secret" . }}; migrations read {{ include "taproot-lib.migrationSecret" . }}.

  kubectl -n {{ .Release.Namespace }} rollout status deployment/{{ include "taproot-lib.fullname" . }}
  kubectl -n {{ .Release.Namespace }} exec deployment/{{ include "taproot-lib.fullname" . }} -- /opt/taproot/bin/python -m taproot_launch health
{{- end -}}
