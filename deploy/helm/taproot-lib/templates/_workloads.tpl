{{- define "taproot-lib.workloads" -}}
{{- $mainRole := ternary "api" "all" .Values.worker.enabled }}
{{ include "taproot-lib.workload" (dict "root" . "role" $mainRole "part" .Values.api "suffix" "") }}
{{- if .Values.worker.enabled }}
{{ include "taproot-lib.workload" (dict "root" . "role" "worker" "part" .Values.worker "suffix" "-worker") }}
{{- end }}
{{- end -}}

{{/* Whether only one pod may run at a time: a volume that one node holds cannot be shared. */}}
{{- define "taproot-lib.alone" -}}
{{- if and .Values.blobs.enabled (eq .Values.blobs.accessMode "ReadWriteOnce") }}true{{ end -}}
{{- end -}}

{{- define "taproot-lib.workload" -}}
{{- $root := .root -}}
{{- $name := printf "%s%s" (include "taproot-lib.fullname" $root) .suffix -}}
{{- $scaled := .part.autoscaling.enabled -}}
{{- if and (include "taproot-lib.alone" $root) (or $root.Values.worker.enabled $scaled (gt (int .part.replicas) 1)) -}}
{{- fail (printf "%s.blobs.accessMode: ReadWriteOnce allows one pod only: use ReadWriteMany, or set worker.enabled=false, api.replicas=1 and api.autoscaling.enabled=false" $root.Chart.Name) -}}
{{- end -}}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "taproot-lib.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .role }}
spec:
  {{- if not $scaled }}
  replicas: {{ .part.replicas }}
  {{- end }}
  minReadySeconds: 5
  revisionHistoryLimit: 3
  progressDeadlineSeconds: {{ add 600 $root.Values.probes.startupSeconds }}
  selector:
    matchLabels:
      {{- include "taproot-lib.selector" $root | nindent 6 }}
      app.kubernetes.io/component: {{ .role }}
  strategy:
    {{- if include "taproot-lib.alone" $root }}
    type: Recreate
    {{- else }}
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
    {{- end }}
  template: {{- include "taproot-lib.pod" (dict "root" $root "role" .role) | nindent 4 }}
{{- if or $scaled (gt (int .part.replicas) 1) }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- include "taproot-lib.labels" $root | nindent 4 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "taproot-lib.selector" $root | nindent 6 }}
      app.kubernetes.io/component: {{ .role }}
{{- end }}
{{- if $scaled }}
{{ include "taproot-lib.autoscaler" (dict "root" $root "name" $name "part" .part "role" .role) }}
{{- end }}
{{- end -}}

{{/* KEDA adds the consumers' lag to the CPU; without it the CPU alone decides. */}}
{{- define "taproot-lib.autoscaler" -}}
{{- $root := .root -}}
{{- $scaling := .part.autoscaling -}}
{{- $keda := ($root.Values.global.keda | default dict) -}}
{{- $present := or (eq ($keda.mode | default "auto") "always") (and (eq ($keda.mode | default "auto") "auto") ($root.Capabilities.APIVersions.Has "keda.sh/v1alpha1")) -}}
---
{{- if and (eq .role "worker") $present $keda.prometheusUrl }}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: {{ .name }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- include "taproot-lib.labels" $root | nindent 4 }}
spec:
  scaleTargetRef:
    name: {{ .name }}
  minReplicaCount: {{ $scaling.minReplicas }}
  maxReplicaCount: {{ $scaling.maxReplicas }}
  fallback:
    failureThreshold: 3
    replicas: {{ $scaling.minReplicas }}
  triggers:
    - type: prometheus
      metadata:
        serverAddress: {{ $keda.prometheusUrl }}
        query: sum(max by (consumer) (taproot_consumer_lag{namespace="{{ $root.Release.Namespace }}",taproot_service="{{ $root.Chart.Name }}"}))
        threshold: {{ $scaling.lag | quote }}
    - type: cpu
      metricType: Utilization
      metadata:
        value: {{ $scaling.cpuPercent | quote }}
{{- else }}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ .name }}
  namespace: {{ $root.Release.Namespace }}
  labels: {{- include "taproot-lib.labels" $root | nindent 4 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ .name }}
  minReplicas: {{ $scaling.minReplicas }}
  maxReplicas: {{ $scaling.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: {{ $scaling.cpuPercent }}
  behavior:
    scaleDown:
      stabilizationWindowSeconds: 300
      policies:
        - {type: Pods, value: 1, periodSeconds: 60}
{{- end }}
{{- end -}}
