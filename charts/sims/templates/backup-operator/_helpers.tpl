{{/*
The backup operator and its Jobs. They are two components: the operator talks to the Kubernetes
API and holds no secret; a Job holds the database's and the store's secrets and talks to no API.
*/}}
{{- define "sims.backup.secret" -}}
{{- default (include "sims.database.secret" .) .Values.backup.database.existingSecret -}}
{{- end -}}

{{- define "sims.backup.key" -}}
{{- ternary .Values.backup.database.uriKey "backup-uri" (ne .Values.backup.database.existingSecret "") -}}
{{- end -}}

{{/* Deployments that a restore by swap stops, when it names none. */}}
{{- define "sims.backup.scaleDown" -}}
{{- $api := include "sims.name" (dict "ctx" . "component" "api") -}}
{{- $worker := include "sims.name" (dict "ctx" . "component" "worker") -}}
{{- toYaml (default (list $api $worker) .Values.backup.scaleDown) -}}
{{- end -}}

{{/* The file of sims_backup_operator.settings.JobShape. */}}
{{- define "sims.backup.jobs" -}}
{{- $jobs := .Values.backup.jobs -}}
image: {{ include "sims.image" (dict "ctx" . "image" .Values.backup.image) }}
imagePullPolicy: {{ .Values.backup.image.pullPolicy }}
imagePullSecrets: {{ (.Values.global).imagePullSecrets | default list | toJson }}
serviceAccount: {{ include "sims.name" (dict "ctx" . "component" "backup-jobs") }}
labels:
  {{- include "sims.selector" (dict "ctx" . "component" "backup-jobs") | nindent 2 }}
  app.kubernetes.io/part-of: sims
priorityClass: {{ $jobs.priorityClassName | quote }}
nodeSelector: {{ $jobs.nodeSelector | toJson }}
tolerations: {{ $jobs.tolerations | toJson }}
resources: {{ $jobs.resources | toJson }}
stagingSize: {{ $jobs.stagingSize | quote }}
uid: 10001
databaseUrl: {name: {{ include "sims.backup.secret" . }}, key: {{ include "sims.backup.key" . }}}
{{- with .Values.backup.encryption }}
recipients: {{ join "," .recipients | quote }}
{{- if .identitySecret }}
identity: {name: {{ .identitySecret }}, key: {{ .identityKey }}}
{{- end }}
{{- end }}
mediaClaim: {{ .Values.backup.mediaClaim | quote }}
checksConfigMap: {{ .Values.backup.checksConfigMap | quote }}
migrateCommand: sims migrate
installationId: {{ default (printf "%s/%s" .Release.Namespace .Release.Name) .Values.backup.installationId }}
prefix: {{ .Values.backup.prefix }}
environment:
  SIMS_LOG_LEVEL: {{ .Values.log.level }}
  SIMS_TIME_ZONE: {{ .Values.institution.timeZone | quote }}
scaleDown:
  {{- include "sims.backup.scaleDown" . | nindent 2 }}
ttlSeconds: {{ $jobs.ttlSeconds | int64 }}
{{- end -}}
