{{/* gateway.yaml, from the values: the gateway's own settings, and over them what only the chart can know. */}}

{{- define "gateway.settings" -}}
{{- $listeners := dict -}}
{{- range list "service" "public" "admin" -}}
{{- $values := index $.Values.listeners . -}}
{{- if or $values.enabled (eq . "service") -}}
{{- $listener := deepCopy $values.settings -}}
{{- $tls := default dict $listener.tls -}}
{{- $_ := set $tls "certificate" (printf "file:listeners/%s/tls.crt" .) -}}
{{- $_ := set $tls "key" (printf "file:listeners/%s/tls.key" .) -}}
{{- if include "gateway.hasClientCa" (list $ .) -}}
{{- $_ := set $tls "client_ca" (printf "file:listeners/%s/client-ca.crt" .) -}}
{{- end -}}
{{- $_ := set $listener "tls" $tls -}}
{{- $_ := set $listener "address" (printf "%s:%d" $.Values.listeners.host (int $values.port)) -}}
{{- $_ := set $listeners . $listener -}}
{{- else if eq . "admin" -}}
{{- $_ := set $listeners . (dict "address" (printf "127.0.0.1:%d" (int $values.port))) -}}
{{- end -}}
{{- end -}}
{{- $_ := set $listeners "health" (dict "address" (include "gateway.healthAddress" .)) -}}
{{- $settings := deepCopy .Values.settings -}}
{{- $_ := set $settings "listeners" $listeners -}}
{{- $_ := set $settings "secrets" "/etc/gateway/secrets" -}}
{{- $cursors := list -}}
{{- range .Values.keys.cursors -}}{{- $cursors = append $cursors (printf "file:keys/%s" .) -}}{{- end -}}
{{- $ids := printf "file:keys/%s" .Values.keys.ids -}}
{{- $hashes := printf "file:keys/%s" .Values.keys.hashes -}}
{{- $_ := set $settings "keys" (dict "ids" $ids "cursors" $cursors "hashes" $hashes) -}}
{{- if include "gateway.hasFiles" . -}}{{- $_ := set $settings "files" (list "/etc/gateway/files") -}}{{- end -}}
{{- if .Values.consents.secret -}}{{- $_ := set $settings "consents" "/etc/gateway/secrets/consents.yaml" -}}{{- end -}}
{{- if .Values.reviews.keys -}}
{{- $keys := list -}}
{{- range .Values.reviews.keys -}}{{- $keys = append $keys (printf "file:keys/%s" .) -}}{{- end -}}
{{- $_ := set $settings "reviews" (dict "folder" "/var/lib/gateway/reviews" "keys" $keys "most" (int .Values.reviews.most) "size" (include "gateway.reviewsSize" .)) -}}
{{- end -}}
{{- if .Values.redis.secret -}}
{{- $_ := set $settings "redis" (set (default dict $settings.redis) "url" "file:redis/url") -}}
{{- else if $settings.redis -}}
{{- fail "settings.redis: say where it is too: redis.secret names the Secret that holds its URL" -}}
{{- end -}}
{{- toYaml $settings -}}
{{- end -}}

{{- define "gateway.healthAddress" -}}
{{- printf "%s:%d" .Values.listeners.host (int .Values.listeners.health.port) -}}
{{- end -}}

{{- define "gateway.hasFiles" -}}
{{- if or .Values.files.inline .Values.files.configMaps -}}yes{{- end -}}
{{- end -}}

{{/* A file's path as a key of a ConfigMap, which may hold no slash. */}}
{{- define "gateway.fileKey" -}}
{{- replace "/" "." . -}}
{{- end -}}

{{/* Whole seconds of a duration such as 250ms, 5s, 1m or 1h, rounded up; 0 where it is not said. */}}
{{- define "gateway.seconds" -}}
{{- $written := toString . -}}
{{- $count := regexFind "^[0-9]+" $written | int -}}
{{- if hasSuffix "ms" $written -}}{{- div (add $count 999) 1000 -}}
{{- else if hasSuffix "h" $written -}}{{- mul $count 3600 -}}
{{- else if hasSuffix "m" $written -}}{{- mul $count 60 -}}
{{- else -}}{{- $count -}}{{- end -}}
{{- end -}}

{{/* How long a pod may take to end: what the drain takes by the gateway's settings, and five seconds to end in. */}}
{{- define "gateway.terminationSeconds" -}}
{{- $drain := default dict .Values.settings.drain -}}
{{- $notice := include "gateway.seconds" (default "1s" $drain.notice) | int -}}
{{- $grace := include "gateway.seconds" (default "20s" $drain.grace) | int -}}
{{- add $notice $grace 5 -}}
{{- end -}}

{{/* How much is kept, as the gateway says it: it knows no GiB. */}}
{{- define "gateway.reviewsSize" -}}
{{- $number := regexFind "^[0-9]+" .Values.reviews.size | int64 -}}
{{- if hasSuffix "Gi" .Values.reviews.size -}}{{ mul 1024 $number }}MiB{{- else -}}{{ .Values.reviews.size }}B{{- end -}}
{{- end -}}
