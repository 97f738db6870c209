{{/* What the schema cannot say in words that help. */}}
{{- define "wharfinger.check" -}}
{{- if and .Values.registryCa.configMapName .Values.registryCa.secretName }}
{{- fail "registryCa: configMapName and secretName exclude each other: leave one of them empty" }}
{{- end }}
{{- if and (eq .Values.secrets.access "Cluster") .Values.secrets.namespaces }}
{{- fail "secrets.namespaces: with secrets.access=Cluster the Secrets of all namespaces may be read: leave it empty, or set secrets.access=Namespaces" }}
{{- end }}
{{- range .Values.secrets.namespaces }}
{{- if and $.Values.watchNamespaces (not (has . $.Values.watchNamespaces)) }}
{{- fail (printf "secrets.namespaces: %s is not watched, so its Secrets are not needed: take it out, or add it to watchNamespaces" .) }}
{{- end }}
{{- end }}
{{- if and (not .Values.service.enabled) .Values.serviceMonitor.enabled }}
{{- fail "serviceMonitor: it finds pods by the Service: set service.enabled=true, or use podMonitor" }}
{{- end }}
{{- if and .Values.podMonitor.enabled .Values.serviceMonitor.enabled }}
{{- fail "podMonitor and serviceMonitor: with both, every metric would count twice: enable one of them" }}
{{- end }}
{{- end }}
