{{/* What the pods of a gateway share: volumes from ConfigMaps and Secrets by `items`, and no right to anything. */}}

{{- define "gateway.podSecurity" -}}
runAsNonRoot: true
{{- with .Values.runAs.user }}
runAsUser: {{ . }}
{{- end }}
{{- with .Values.runAs.group }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
{{- end }}
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "gateway.account" -}}
serviceAccountName: {{ include "gateway.serviceAccount" . }}
automountServiceAccountToken: false
# Kubernetes would set GATEWAY_..._PORT for services of such names: variables that mean something else here.
enableServiceLinks: false
securityContext: {{- include "gateway.podSecurity" . | nindent 2 }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The very files, settings and secrets that the gateway will read, read by it: whatever is wrong is told with its place. */}}
{{- define "gateway.check" -}}
name: check
image: {{ include "gateway.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args: [check, --settings, /etc/gateway/settings/gateway.yaml]
env: {{- include "gateway.environment" . | nindent 2 }}
volumeMounts: {{- include "gateway.mounts" . | nindent 2 }}
resources: {{- toYaml .Values.resources | nindent 2 }}
securityContext: {{- include "gateway.containerSecurity" . | nindent 2 }}
{{- end -}}

{{- define "gateway.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "gateway.environment" -}}
- name: GATEWAY_SETTINGS
  value: /etc/gateway/settings/gateway.yaml
- name: GATEWAY_HEALTH_ADDRESS
  value: {{ include "gateway.healthAddress" . | quote }}
{{- range $name, $from := .Values.environment }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef: {name: {{ $from.secret }}, key: {{ $from.key }}}
{{- end }}
{{- end -}}

{{- define "gateway.mounts" -}}
- {name: settings, mountPath: /etc/gateway/settings, readOnly: true}
- {name: secrets, mountPath: /etc/gateway/secrets, readOnly: true}
{{- if include "gateway.hasFiles" . }}
- {name: files, mountPath: /etc/gateway/files, readOnly: true}
{{- end }}
{{- if .Values.reviews.keys }}
- {name: reviews, mountPath: /var/lib/gateway/reviews}
{{- end }}
{{- end -}}

{{/* Called with (list $ name): the ConfigMaps that the chart makes begin with that name. */}}
{{- define "gateway.volumes" -}}
{{- $root := index . 0 -}}{{- $maps := index . 1 -}}
{{- with $root -}}
- name: settings
  configMap:
    name: {{ $maps }}-settings
- name: secrets
  projected:
    # For the pod's group alone.
    defaultMode: 0440
    sources:
      {{- range $name := list "service" "public" "admin" }}
      {{- $values := index $root.Values.listeners $name }}
      {{- if or $values.enabled (eq $name "service") }}
      - secret:
          name: {{ include "gateway.certificateSecret" (list $root $name) }}
          items:
            - {key: tls.crt, path: listeners/{{ $name }}/tls.crt}
            - {key: tls.key, path: listeners/{{ $name }}/tls.key}
      {{- if include "gateway.hasClientCa" (list $root $name) }}
      {{- with $values.clientCa }}
      - {{ ternary "configMap" "secret" (not (empty .configMap)) }}:
          name: {{ coalesce .configMap .secret }}
          items: [{key: {{ .key }}, path: listeners/{{ $name }}/client-ca.crt}]
      {{- end }}
      {{- end }}
      {{- end }}
      {{- end }}
      - secret:
          name: {{ required "keys.secret: name the Secret of the gateway's own keys" .Values.keys.secret }}
          items:
            {{- range concat (list .Values.keys.ids .Values.keys.hashes) .Values.keys.cursors .Values.reviews.keys | uniq }}
            - {key: {{ . }}, path: keys/{{ . }}}
            {{- end }}
      {{- with .Values.consents }}
      {{- if .secret }}
      - secret:
          name: {{ .secret }}
          items: [{key: {{ .key }}, path: consents.yaml}]
      {{- end }}
      {{- end }}
      {{- with .Values.redis }}
      {{- if .secret }}
      - secret:
          name: {{ .secret }}
          items: [{key: {{ .key }}, path: redis/url}]
      {{- end }}
      {{- end }}
      {{- range .Values.secrets }}
      - secret:
          name: {{ .secret }}
          items:
            {{- toYaml .items | nindent 12 }}
      {{- end }}
{{- if include "gateway.hasFiles" . }}
- name: files
  projected:
    sources:
      {{- range $name, $files := .Values.files.inline }}
      - configMap:
          name: {{ $maps }}-files-{{ $name }}
          items:
            {{- range $path, $_ := $files }}
            - {key: {{ include "gateway.fileKey" $path }}, path: {{ $path }}}
            {{- end }}
      {{- end }}
      {{- range .Values.files.configMaps }}
      - configMap:
          name: {{ .name }}
          items:
            {{- toYaml .items | nindent 12 }}
      {{- end }}
{{- end }}
{{- if .Values.reviews.keys }}
# The only place that is written to: what is kept there is sealed.
- name: reviews
  {{- if .Values.reviews.claim }}
  persistentVolumeClaim:
    claimName: {{ .Values.reviews.claim }}
  {{- else }}
  # Twice what is kept: a pod that went beyond would be evicted, and each worker may exceed that by an answer.
  emptyDir:
    sizeLimit: {{ regexFind "^[0-9]+" .Values.reviews.size | int64 | mul 2 }}{{ regexFind "[A-Z]i$" .Values.reviews.size }}
  {{- end }}
{{- end }}
{{- end -}}
{{- end -}}
