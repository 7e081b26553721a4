{{- define "taproot.labels" -}}
app.kubernetes.io/part-of: taproot
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* dict "root" . "image" .Values.trial.image "tag" default */}}
{{- define "taproot.image" -}}
{{- $registry := .image.registry | default .root.Values.global.image.registry -}}
{{- if .root.Values.global.image.registry }}{{ $registry = .root.Values.global.image.registry }}{{ end -}}
{{- $name := .image.repository -}}
{{- if $registry }}{{ $name = printf "%s/%s" (trimSuffix "/" $registry) $name }}{{ end -}}
{{- if .image.digest }}{{ printf "%s@%s" $name .image.digest }}{{ else }}{{ printf "%s:%s" $name (.image.tag | default .tag) }}{{ end -}}
{{- end -}}
