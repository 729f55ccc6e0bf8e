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

{{- define "gateway.volumes" -}}
- name: settings
  configMap:
    name: {{ include "gateway.fullname" . }}-settings
- name: secrets
  projected:
    # For the pod's group alone.
    defaultMode: 0440
    sources:
      {{- range $name := list "service" "public" "admin" }}
      {{- $values := index $.Values.listeners $name }}
      {{- if or $values.enabled (eq $name "service") }}
      - secret:
          name: {{ include "gateway.certificateSecret" (list $ $name) }}
          items:
            - {key: tls.crt, path: listeners/{{ $name }}/tls.crt}
            - {key: tls.key, path: listeners/{{ $name }}/tls.key}
      {{- if include "gateway.hasClientCa" (list $ $name) }}
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
          name: {{ include "gateway.fullname" $ }}-files-{{ $name }}
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
  emptyDir:
    sizeLimit: {{ .Values.reviews.size }}
  {{- end }}
{{- end }}
{{- end -}}
