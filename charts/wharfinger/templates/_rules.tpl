{{/*
The rules of files/rules.yaml for one place, as the `rules` of a Role: list (root) (place…).
*/}}
{{- define "wharfinger.rules" -}}
{{- $root := index . 0 }}
{{- $places := rest . }}
{{- $names := dict "valueKey" (list "wharfinger-value-key") "lease" (list (include "wharfinger.leaseName" $root)) "namespaces" list }}
{{- $_ := set $names "otherLeases" (default list $root.otherLeases) }}
{{- $_ := set $names "crds" (list "accountbindings.wharfinger.dev" "privateimageworkloads.wharfinger.dev" "pullnetworks.wharfinger.dev" "registrycredentials.wharfinger.dev") }}
{{- if $root.Values.watchNamespaces }}
{{- $kube := ternary list (list "kube-system") (ne $root.Values.clusterId "") }}
{{- $_ := set $names "namespaces" (concat $root.Values.watchNamespaces $kube | uniq | sortAlpha) }}
{{- end }}
{{- range $root.Files.Get "files/rules.yaml" | fromYamlArray }}
{{- if has .where $places }}
- apiGroups: [{{ .apiGroup | quote }}]
  resources: {{ .resources | toJson }}
  {{- if .resourceNames }}
  {{- with index $names .resourceNames }}
  resourceNames: {{ . | toJson }}
  {{- end }}
  {{- end }}
  verbs: {{ .verbs | toJson }}
{{- end }}
{{- end }}
{{- end }}

{{/* The namespaces with a Role for Secrets, as JSON; none where a ClusterRole has it. */}}
{{- define "wharfinger.secretNamespaces" -}}
{{- if eq .Values.secrets.access "Cluster" }}[]{{ else }}{{ default .Values.watchNamespaces .Values.secrets.namespaces | uniq | sortAlpha | toJson }}{{ end }}
{{- end }}

{{/* A Role or ClusterRole with its binding: list (root) (name) (namespace, or "") (rules). */}}
{{- define "wharfinger.role" -}}
{{- $root := index . 0 }}
{{- $kind := ternary "ClusterRole" "Role" (eq (index . 2) "") }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}
metadata:
  name: {{ index . 1 }}
  {{- with index . 2 }}
  namespace: {{ . }}
  {{- end }}
  labels: {{- include "wharfinger.labels" $root | nindent 4 }}
rules: {{- index . 3 | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}Binding
metadata:
  name: {{ index . 1 }}
  {{- with index . 2 }}
  namespace: {{ . }}
  {{- end }}
  labels: {{- include "wharfinger.labels" $root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $kind }}
  name: {{ index . 1 }}
subjects:
  - kind: ServiceAccount
    name: {{ include "wharfinger.serviceAccountName" $root }}
    namespace: {{ $root.Release.Namespace }}
{{ end }}
