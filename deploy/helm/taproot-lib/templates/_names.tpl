{{/* Objects are named <release>-<service>, in the umbrella and alone. */}}
{{- define "taproot-lib.fullname" -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "taproot-lib.peer" -}}
{{- printf "%s-%s-grpc" .root.Release.Name .name -}}
{{- end -}}

{{- define "taproot-lib.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "taproot-lib.labels" -}}
{{ include "taproot-lib.selector" . }}
app.kubernetes.io/part-of: taproot
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "taproot-lib.image" -}}
{{- $global := (.Values.global | default dict).image | default dict -}}
{{- $image := .Values.image -}}
{{- $registry := $image.registry | default $global.registry -}}
{{- $name := $image.repository -}}
{{- if $registry }}{{ $name = printf "%s/%s" (trimSuffix "/" $registry) $name }}{{ end -}}
{{- $digest := $image.digest | default $global.digest -}}
{{- if $digest }}{{ printf "%s@%s" $name $digest }}
{{- else }}{{ printf "%s:%s" $name ($image.tag | default $global.tag | default .Chart.AppVersion) }}{{ end -}}
{{- end -}}

{{- define "taproot-lib.pullSecrets" -}}
{{- $global := (.Values.global | default dict).image | default dict -}}
{{- with $global.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "taproot-lib.secret" -}}
{{- .Values.secrets.existingSecret | default (include "taproot-lib.fullname" .) -}}
{{- end -}}

{{- define "taproot-lib.migrationSecret" -}}
{{- .Values.secrets.existingMigrationSecret | default (printf "%s-migration" (include "taproot-lib.fullname" .)) -}}
{{- end -}}

{{- define "taproot-lib.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "taproot-lib.fullname" .) -}}
{{- end -}}

{{/* disabled | certManager | existing, for all services at once: one side alone could not talk to the other. */}}
{{- define "taproot-lib.tlsMode" -}}
{{- ((.Values.global | default dict).tls | default dict).mode | default "disabled" -}}
{{- end -}}

{{- define "taproot-lib.tlsSecret" -}}
{{- if eq (include "taproot-lib.tlsMode" .) "existing" -}}
{{- .Values.tls.existingSecret | default (printf "%s-tls" (include "taproot-lib.fullname" .)) -}}
{{- else -}}
{{- printf "%s-tls" (include "taproot-lib.fullname" .) -}}
{{- end -}}
{{- end -}}

{{- define "taproot-lib.probePort" -}}
{{- if eq (include "taproot-lib.tlsMode" .) "disabled" }}9000{{ else }}9001{{ end -}}
{{- end -}}

{{- define "taproot-lib.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "taproot-lib.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end -}}
