{{/* A pod of the service. dict "root" . "role" "api|worker|all" */}}
{{- define "taproot-lib.pod" -}}
{{- $root := .root -}}
{{- $part := ternary $root.Values.worker $root.Values.api (eq .role "worker") -}}
metadata:
  labels:
    {{- include "taproot-lib.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .role }}
    {{- with $root.Values.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  annotations:
    checksum/config: {{ include "taproot-lib.settings" $root | sha256sum }}
    {{- with $root.Values.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  serviceAccountName: {{ include "taproot-lib.serviceAccount" $root }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- include "taproot-lib.pullSecrets" $root | nindent 2 }}
  {{- with $root.Values.priorityClassName | default ($root.Values.global | default dict).priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  terminationGracePeriodSeconds: {{ add $root.Values.lifecycle.preStopSeconds $root.Values.lifecycle.drainSeconds 10 }}
  securityContext: {{- include "taproot-lib.podSecurity" $root | nindent 4 }}
  topologySpreadConstraints:
    {{- range $key, $unsatisfiable := $root.Values.topologySpread }}
    - topologyKey: {{ ternary "topology.kubernetes.io/zone" "kubernetes.io/hostname" (eq $key "zone") }}
      maxSkew: 1
      whenUnsatisfiable: {{ $unsatisfiable }}
      labelSelector:
        matchLabels:
          {{- include "taproot-lib.selector" $root | nindent 10 }}
          app.kubernetes.io/component: {{ $.role }}
      matchLabelKeys: [pod-template-hash]
    {{- end }}
  {{- with $root.Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  initContainers:
    - name: await-schema
      {{- include "taproot-lib.container" (dict "root" $root "role" "await-schema") | nindent 6 }}
      resources: {{- toYaml $root.Values.migration.resources | nindent 8 }}
      volumeMounts: {{- include "taproot-lib.mounts" $root | nindent 8 }}
  containers:
    - name: {{ $root.Chart.Name }}
      {{- include "taproot-lib.container" (dict "root" $root "role" .role) | nindent 6 }}
      ports:
        - {name: grpc, containerPort: 9000}
        - {name: metrics, containerPort: 9464}
        {{- if ne (include "taproot-lib.tlsMode" $root) "disabled" }}
        - {name: health, containerPort: 9001}
        {{- end }}
        {{- if and (eq $root.Chart.Name "gateway") (ne .role "worker") }}
        - {name: http, containerPort: 8080}
        - {name: door, containerPort: 8081}
        {{- end }}
      {{- include "taproot-lib.probes" (dict "root" $root "role" .role) | nindent 6 }}
      lifecycle:
        preStop:
          sleep:
            seconds: {{ $root.Values.lifecycle.preStopSeconds }}
      resources: {{- toYaml $part.resources | nindent 8 }}
      volumeMounts: {{- include "taproot-lib.mounts" $root | nindent 8 }}
  volumes: {{- include "taproot-lib.volumes" $root | nindent 4 }}
{{- end -}}

{{- define "taproot-lib.container" -}}
image: {{ include "taproot-lib.image" .root }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext: {{- include "taproot-lib.containerSecurity" .root | nindent 2 }}
envFrom:
  - configMapRef:
      name: {{ include "taproot-lib.fullname" .root }}
env:
  - name: TAPROOT_ROLE
    value: {{ .role }}
  {{- with .root.Values.extraEnv }}{{ toYaml . | nindent 2 }}{{ end }}
{{- end -}}

{{/* The gateway's API pods answer over HTTP whether they can sign callers in; all others speak gRPC health. */}}
{{- define "taproot-lib.probes" -}}
{{- $probe := printf "grpc: {port: %s}" (include "taproot-lib.probePort" .root) -}}
{{- $ready := $probe -}}
{{- if and (eq .root.Chart.Name "gateway") (ne .role "worker") -}}
{{- $ready = "httpGet: {path: /readyz, port: http}" -}}
{{- $probe = "httpGet: {path: /healthz, port: http}" -}}
{{- end -}}
startupProbe:
  {{ $ready }}
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: {{ div .root.Values.probes.startupSeconds 2 }}
readinessProbe:
  {{ $ready }}
  periodSeconds: {{ .root.Values.probes.periodSeconds }}
  timeoutSeconds: 5
  failureThreshold: 2
livenessProbe:
  {{ $probe }}
  periodSeconds: {{ .root.Values.probes.periodSeconds }}
  timeoutSeconds: 10
  failureThreshold: {{ .root.Values.probes.livenessFailures }}
{{- end -}}

{{- define "taproot-lib.mounts" -}}
- {name: secrets, mountPath: /etc/taproot/secrets, readOnly: true}
- {name: tmp, mountPath: /tmp}
- {name: blobs, mountPath: /var/lib/taproot/blobs}
{{- if ne (include "taproot-lib.tlsMode" .) "disabled" }}
- {name: tls, mountPath: /etc/taproot/tls, readOnly: true}
{{- end }}
{{- end -}}

{{- define "taproot-lib.volumes" -}}
- name: secrets
  secret:
    secretName: {{ include "taproot-lib.secret" . }}
    defaultMode: 0440
- name: tmp
  emptyDir: {sizeLimit: {{ .Values.tmpSize }}}
- name: blobs
  {{- if .Values.blobs.enabled }}
  persistentVolumeClaim:
    claimName: {{ .Values.blobs.existingClaim | default (printf "%s-blobs" (include "taproot-lib.fullname" .)) }}
  {{- else }}
  emptyDir: {sizeLimit: {{ .Values.tmpSize }}}
  {{- end }}
{{- if ne (include "taproot-lib.tlsMode" .) "disabled" }}
- name: tls
  secret:
    secretName: {{ include "taproot-lib.tlsSecret" . }}
    defaultMode: 0440
{{- end }}
{{- end -}}
