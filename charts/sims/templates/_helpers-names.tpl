{{/*
Names and labels.

sims.fullname    prefix of every resource: `<release>-sims`, or `<release>` if that says sims
sims.name        of one component: dict "ctx" $ "component" "api"
sims.labels      of a resource; may change with every version
sims.selector    of a component's pods; immutable in Deployments and StatefulSets, so it holds
                 nothing that an upgrade changes
*/}}
{{- define "sims.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 42 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 42 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 42 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "sims.name" -}}
{{- printf "%s-%s" (include "sims.fullname" .ctx) .component -}}
{{- end -}}

{{- define "sims.selector" -}}
app.kubernetes.io/name: {{ default .ctx.Chart.Name .ctx.Values.nameOverride }}
app.kubernetes.io/instance: {{ .ctx.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "sims.labels" -}}
{{ include "sims.selector" . }}
app.kubernetes.io/part-of: sims
app.kubernetes.io/version: {{ .ctx.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .ctx.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .ctx.Chart.Name .ctx.Chart.Version | replace "+" "_" }}
{{- with .ctx.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* `metadata` of a component's main resource: dict "ctx" $ "component" "api" ["suffix" "-x"] */}}
{{- define "sims.metadata" -}}
name: {{ include "sims.name" . }}{{ .suffix }}
namespace: {{ .ctx.Release.Namespace }}
labels:
  {{- include "sims.labels" . | nindent 2 }}
{{- end -}}
