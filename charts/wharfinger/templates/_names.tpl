{{/* Names and labels. */}}

{{- define "wharfinger.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "wharfinger.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "wharfinger.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "wharfinger.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* The same with an ending that is not cut off. */}}
{{- define "wharfinger.named" -}}
{{- $ending := index . 1 }}
{{- printf "%s-%s" (include "wharfinger.fullname" (index . 0) | trunc (int (sub 62 (len $ending))) | trimSuffix "-") $ending }}
{{- end }}

{{- define "wharfinger.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "wharfinger.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name: needed where serviceAccount.create is false: name the ServiceAccount that there is" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "wharfinger.leaseName" -}}
{{- default (include "wharfinger.fullname" .) .Values.leaderElection.leaseName }}
{{- end }}

{{- define "wharfinger.selectorLabels" -}}
app.kubernetes.io/name: {{ include "wharfinger.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller
{{- end }}

{{- define "wharfinger.labels" -}}
{{- $own := dict "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") }}
{{- $_ := set $own "app.kubernetes.io/name" (include "wharfinger.name" .) }}
{{- $_ := set $own "app.kubernetes.io/instance" .Release.Name }}
{{- $_ := set $own "app.kubernetes.io/version" (.Chart.AppVersion | replace "+" "_") }}
{{- $_ := set $own "app.kubernetes.io/managed-by" .Release.Service }}
{{- $_ := set $own "app.kubernetes.io/part-of" "wharfinger" }}
{{- mergeOverwrite (deepCopy .Values.commonLabels) $own | toYaml }}
{{- end }}

{{- define "wharfinger.image" -}}
{{- $image := printf "%s/%s" .Values.image.registry .Values.image.repository | trimPrefix "/" }}
{{- if .Values.image.digest }}
{{- printf "%s@%s" $image .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" $image (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* An address to listen on. */}}
{{- define "wharfinger.listen" -}}
{{- $address := index . 0 }}
{{- if contains ":" $address }}{{ printf "[%s]:%d" $address (int (index . 1)) }}{{ else }}{{ printf "%s:%d" $address (int (index . 1)) }}{{ end }}
{{- end }}
