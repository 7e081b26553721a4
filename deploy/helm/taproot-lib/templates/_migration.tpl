{{/*
On an upgrade the schema is migrated by a hook before any pod changes; a failure ends the upgrade there.
On the first install it cannot be a hook: before the install there may be no database yet, and after it the
release would wait for pods that wait for the schema. So it is a plain Job, the pods' init containers wait
for the schema, and its name follows the image and the configuration, as a Job cannot be changed.
See docs/adr/0031-charts-and-migrations.md.
*/}}
{{- define "taproot-lib.migration" -}}
{{- if .Values.migration.enabled }}
{{- $hook := .Release.IsUpgrade -}}
{{- $name := printf "%s-migrate-%s" (include "taproot-lib.fullname" .) (ternary "upgrade" (printf "%s%s" (include "taproot-lib.image" .) (toYaml .Values.migration) | sha256sum | trunc 8) $hook) }}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $name }}
  namespace: {{ .Release.Namespace }}
  labels: {{- include "taproot-lib.labels" . | nindent 4 }}
  {{- if $hook }}
  annotations:
    helm.sh/hook: pre-upgrade
    helm.sh/hook-weight: "-10"
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
  {{- end }}
automountServiceAccountToken: false
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ $name }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "taproot-lib.labels" . | nindent 4 }}
    app.kubernetes.io/component: migrate
  {{- if $hook }}
  annotations:
    helm.sh/hook: pre-upgrade
    helm.sh/hook-weight: "-5"
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
  {{- end }}
spec:
  backoffLimit: {{ .Values.migration.retries }}
  activeDeadlineSeconds: {{ .Values.migration.deadlineSeconds }}
  parallelism: 1
  completions: 1
  template:
    metadata:
      labels:
        {{- include "taproot-lib.labels" . | nindent 8 }}
        app.kubernetes.io/component: migrate
    spec:
      serviceAccountName: {{ $name }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      restartPolicy: Never
      {{- include "taproot-lib.pullSecrets" . | nindent 6 }}
      securityContext: {{- include "taproot-lib.podSecurity" . | nindent 8 }}
      {{- with .Values.nodeSelector }}
      nodeSelector: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.tolerations }}
      tolerations: {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: migrate
          image: {{ include "taproot-lib.image" . }}
          imagePullPolicy: {{ .Values.image.pullPolicy }}
          securityContext: {{- include "taproot-lib.containerSecurity" . | nindent 12 }}
          # Said here, not in the ConfigMap: before an upgrade that is still the old one.
          env:
            - {name: TAPROOT_SERVICE, value: {{ .Chart.Name }}}
            - {name: TAPROOT_ROLE, value: migrate}
            {{- with .Values.extraEnv }}{{ toYaml . | nindent 12 }}{{ end }}
          resources: {{- toYaml .Values.migration.resources | nindent 12 }}
          volumeMounts:
            - {name: secrets, mountPath: /etc/taproot/secrets, readOnly: true}
            - {name: tmp, mountPath: /tmp}
      volumes:
        - name: secrets
          projected:
            defaultMode: 0440
            sources:
              - secret:
                  name: {{ include "taproot-lib.secret" . }}
                  items:
                    - {key: database-url, path: database-url}
              - secret:
                  name: {{ include "taproot-lib.migrationSecret" . }}
        - name: tmp
          emptyDir: {sizeLimit: {{ .Values.tmpSize }}}
{{- end }}
{{- end -}}
