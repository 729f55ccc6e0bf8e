{{/* The ConfigMaps of settings and files; called with (list $ name annotations), for a release and for the check before it. */}}

{{- define "gateway.maps" -}}
{{- $root := index . 0 -}}{{- $maps := index . 1 -}}{{- $annotations := index . 2 -}}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $maps }}-settings
  labels: {{- include "gateway.labels" $root | nindent 4 }}
  {{- with $annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
data:
  gateway.yaml: |
    {{- include "gateway.settings" $root | nindent 4 }}
{{- /* A key holds no slash: each is flat, and the pod's volume lays its keys out as paths again. */}}
{{- range $name, $files := $root.Values.files.inline }}
{{- $kept := dict }}
{{- $size := 0 }}
{{- range $path, $content := $files }}
{{- $key := include "gateway.fileKey" $path }}
{{- if hasKey $kept $key }}
{{- fail (printf "files.inline.%s: %s and another path differ by slashes alone; write them under two names" $name $path) }}
{{- end }}
{{- $_ := set $kept $key $content }}
{{- $size = add $size (len $content) }}
{{- end }}
{{- if gt (int $size) 1000000 }}
{{- fail (printf "files.inline.%s: %d bytes, and a ConfigMap holds 1 MiB: divide them among several names" $name (int $size)) }}
{{- end }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $maps }}-files-{{ $name }}
  labels: {{- include "gateway.labels" $root | nindent 4 }}
  {{- with $annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
data:
  {{- toYaml $kept | nindent 2 }}
{{- end }}
{{- end -}}
