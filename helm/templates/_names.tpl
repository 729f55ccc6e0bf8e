{{/* What things are called, and by which labels they are found. Names leave room for a suffix of 20 letters. */}}

{{- define "gateway.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "gateway.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "gateway.name" . -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "gateway.selector" -}}
app.kubernetes.io/name: {{ include "gateway.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "gateway.labels" -}}
{{ include "gateway.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "gateway.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "gateway.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "gateway.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name: say which one, or let the chart create it" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The names of the listeners that other pods can reach, as JSON. */}}
{{- define "gateway.listeners" -}}
{{- $open := list "service" -}}
{{- range list "public" "admin" -}}
{{- if (index $.Values.listeners .).enabled -}}{{- $open = append $open . -}}{{- end -}}
{{- end -}}
{{- append $open "health" | toJson -}}
{{- end -}}

{{/* The Secret of a listener's certificate; called with (list $ name). */}}
{{- define "gateway.certificateSecret" -}}
{{- $root := index . 0 -}}{{- $name := index . 1 -}}
{{- $listener := index $root.Values.listeners $name -}}
{{- if $listener.certificate.secret -}}
{{- $listener.certificate.secret -}}
{{- else if $listener.certificate.certManager.enabled -}}
{{- printf "%s-%s-tls" (include "gateway.fullname" $root) $name -}}
{{- else -}}
{{- fail (printf "listeners.%s.certificate: name a secret of type kubernetes.io/tls, or enable certManager" $name) -}}
{{- end -}}
{{- end -}}

{{/* Whether a listener asks for client certificates; a balancer may do it instead. Called with (list $ name). */}}
{{- define "gateway.hasClientCa" -}}
{{- $root := index . 0 -}}{{- $name := index . 1 -}}
{{- $listener := index $root.Values.listeners $name -}}
{{- with $listener.clientCa -}}
{{- if or .configMap .secret -}}yes
{{- else if not $listener.settings.balancer -}}
{{- fail (printf "listeners.%s.clientCa: name the secret or configMap of the authorities whose client certificates are taken" $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
