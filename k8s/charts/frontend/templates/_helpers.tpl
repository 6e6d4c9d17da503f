{{/* The name of everything here: the release's, if it says which chart this is. */}}
{{- define "frontend.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What selects the pods: never changes, because a workload's selector cannot. */}}
{{- define "frontend.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* A label's value has 63 characters at most; a digest or a tag may have more. */}}
{{- define "frontend.version" -}}
{{- if .Values.image.digest -}}
{{- trimPrefix "sha256:" .Values.image.digest | trunc 12 -}}
{{- else -}}
{{- .Values.image.tag | trunc 63 | trimAll "-_." -}}
{{- end -}}
{{- end -}}

{{/* Nothing that changes without the pod: what does would restart it for nothing. */}}
{{- define "frontend.podLabels" -}}
{{ include "frontend.selector" . }}
app.kubernetes.io/version: {{ include "frontend.version" . | quote }}
app.kubernetes.io/component: {{ .Chart.Name }}
app.kubernetes.io/part-of: todo
{{- end -}}

{{- define "frontend.labels" -}}
{{ include "frontend.podLabels" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* Not the selector's: no Service may send requests to the pod of a test. */}}
{{- define "frontend.testLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: test
app.kubernetes.io/part-of: todo
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "frontend.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository .Values.image.tag -}}
{{- end -}}
{{- end -}}

{{- define "frontend.probe" -}}
httpGet:
  path: {{ .path }}
  port: http
periodSeconds: {{ .periodSeconds | int64 }}
timeoutSeconds: {{ .timeoutSeconds | int64 }}
failureThreshold: {{ .failureThreshold | int64 }}
{{- end -}}
