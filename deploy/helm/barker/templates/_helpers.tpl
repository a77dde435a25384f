{{- define "barker.name" -}}
{{- if contains "barker" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-barker" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "barker.selector" -}}
app.kubernetes.io/name: barker
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "barker.labels" -}}
{{ include "barker.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "barker.secret" -}}
{{ .Values.existingSecret | default (include "barker.name" .) }}
{{- end }}

{{- define "barker.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else }}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- /* What the chart knows itself, then what the values say: barker.ini takes the last of a name. */}}
{{- define "barker.ini" -}}
{{- $sections := deepCopy .Values.config }}
{{- $own := dict "listen" (dict "address" ":8080" "workers" .Values.workers) "admin" (dict "address" ":9080") "drain" (dict "notice" (printf "%ds" (int .Values.drain.notice)) "window" (printf "%ds" (int .Values.drain.window))) }}
{{- if .Values.tlsSecret }}
{{- $_ := set $own.listen "tls_address" ":8443" }}
{{- $_ := set $own "tls" (dict "certificate" "/etc/barker/tls/tls.crt" "key" "/etc/barker/tls/tls.key") }}
{{- end }}
{{- range $section, $options := mergeOverwrite $own $sections }}
[{{ $section }}]
{{- range $option, $value := $options }}
{{ $option }} = {{ if kindIs "bool" $value }}{{ ternary "yes" "no" $value }}{{ else if kindIs "float64" $value }}{{ int64 $value }}{{ else }}{{ $value }}{{ end }}
{{- end }}
{{- end }}
{{- end }}
