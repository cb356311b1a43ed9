{{/*
What SIMS is told by variables (maps of name to value) and by files. Secrets are files below
/run/secrets/sims, so that they are in no environment and no process list.
*/}}
{{- define "sims.settings.common" -}}
SIMS_LOG_FORMAT: json
SIMS_LOG_LEVEL: {{ .Values.log.level }}
SIMS_DATABASE_URL_FILE: /run/secrets/sims/database-url
SIMS_REDIS_URL_FILE: /run/secrets/sims/redis-url
SIMS_INSTITUTION_NAME: {{ .Values.institution.name | quote }}
SIMS_TIME_ZONE: {{ .Values.institution.timeZone | quote }}
{{- end -}}

{{/* What API and worker print and sign documents with. */}}
{{- define "sims.settings.documents" -}}
SIMS_SIGNING_KEY_FILE: /run/secrets/sims/signing-key
SIMS_SIGNING_CERTIFICATE_FILE: /run/secrets/sims/signing-certificate
{{- with include "sims.publicUrl" . }}
SIMS_PUBLIC_URL: {{ . | quote }}
{{- end }}
{{- if .Values.documents.letterheadConfigMap }}
SIMS_LETTERHEAD_FILE: /etc/sims/letterhead/letterhead.toml
{{- end }}
{{- end -}}

{{/* Where the public reaches SIMS; nothing when the values do not tell. */}}
{{- define "sims.publicUrl" -}}
{{- $hosts := .Values.httpRoute.hostnames -}}
{{- if .Values.documents.publicUrl -}}
{{- .Values.documents.publicUrl -}}
{{- else if .Values.ingress.enabled -}}
{{- ternary "https" "http" (not (empty .Values.ingress.tls.secretName)) }}://{{ .Values.ingress.host }}
{{- else if and .Values.httpRoute.enabled $hosts (not (hasPrefix "*" (first $hosts | default ""))) -}}
https://{{ first $hosts }}
{{- end -}}
{{- end -}}

{{- define "sims.settings.api" -}}
{{ include "sims.settings.common" . }}
{{ include "sims.settings.documents" . }}
FORWARDED_ALLOW_IPS: {{ join "," .Values.api.trustedProxies | quote }}
SIMS_API_HOST: 0.0.0.0
SIMS_API_PORT: "8000"
SIMS_API_SIDE_HOST: 0.0.0.0
SIMS_API_SIDE_PORT: "9100"
SIMS_API_SHUTDOWN_TIMEOUT: {{ .Values.api.shutdownSeconds | int64 | quote }}
SIMS_DATABASE_POOL_SIZE: {{ .Values.api.databasePoolSize | int64 | quote }}
SIMS_DATABASE_MAX_OVERFLOW: {{ .Values.api.databaseMaxOverflow | int64 | quote }}
SIMS_IMPORT_MAX_BODY: {{ .Values.api.importMaxBytes | int64 | quote }}
SIMS_IMPORT_MAX_ROWS: {{ .Values.api.importMaxRows | int64 | quote }}
SIMS_ACCESS_TOKEN_LIFETIME: {{ printf "PT%dS" (.Values.auth.accessTokenSeconds | int64) }}
SIMS_REFRESH_TOKEN_LIFETIME: {{ printf "PT%dS" (.Values.auth.refreshTokenSeconds | int64) }}
SIMS_ENABLE_LEGACY_MODULES: {{ .Values.legacy.enableModules | quote }}
SIMS_ALLOW_LEGACY_WRITES: {{ .Values.legacy.allowWrites | quote }}
SIMS_SECRET_KEY_FILE: /run/secrets/sims/secret-key
{{- if .Values.auth.previousSecretKeyKey }}
SIMS_SECRET_KEY_PREVIOUS_FILE: /run/secrets/sims/secret-key-previous
{{- end }}
{{- end -}}

{{- define "sims.settings.worker" -}}
{{ include "sims.settings.common" . }}
{{ include "sims.settings.documents" . }}
SIMS_WORKER_SIDE_HOST: 0.0.0.0
SIMS_WORKER_SIDE_PORT: "9101"
SIMS_WORKER_STOP_TIMEOUT: {{ .Values.worker.stopSeconds | int64 | quote }}
{{- with .Values.smtp }}
{{- if .host }}
SIMS_SMTP_HOST: {{ .host | quote }}
{{- end }}
SIMS_SMTP_PORT: {{ .port | int64 | quote }}
SIMS_SMTP_SECURITY: {{ .security }}
SIMS_SMTP_TIMEOUT: {{ .timeoutSeconds | int64 | quote }}
SIMS_MAIL_FROM: {{ .from | quote }}
{{- if .username }}
SIMS_SMTP_USERNAME: {{ .username | quote }}
SIMS_SMTP_PASSWORD_FILE: /run/secrets/sims/smtp-password
{{- end }}
{{- end }}
{{- end -}}

{{/* The volume with the files: dict "ctx" $ "component" "api" */}}
{{- define "sims.secretsVolume" -}}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      - secret:
          name: {{ include "sims.database.secret" .ctx }}
          items:
            - {key: {{ include "sims.database.key" .ctx }}, path: database-url}
      - secret:
          name: {{ include "sims.redis.secret" .ctx }}
          items:
            - {key: {{ include "sims.redis.key" .ctx }}, path: redis-url}
{{- if has .component (list "api" "worker") }}
      - secret:
          name: {{ include "sims.documents.secret" .ctx }}
          items:
            - {key: {{ .ctx.Values.documents.signingKeyKey }}, path: signing-key}
            - {key: {{ .ctx.Values.documents.signingCertificateKey }}, path: signing-certificate}
{{- end }}
{{- if eq .component "api" }}
      - secret:
          name: {{ include "sims.auth.secret" .ctx }}
          items:
            - {key: {{ .ctx.Values.auth.secretKeyKey }}, path: secret-key}
            {{- with .ctx.Values.auth.previousSecretKeyKey }}
            - {key: {{ . }}, path: secret-key-previous}
            {{- end }}
{{- end }}
{{- if and (eq .component "worker") .ctx.Values.smtp.username }}
      - secret:
          name: {{ .ctx.Values.smtp.existingSecret }}
          items:
            - {key: {{ .ctx.Values.smtp.passwordKey }}, path: smtp-password}
{{- end }}
{{- end -}}

{{/* Brings the schema up to date. Many pods may run it at once: one works, the others wait. */}}
{{- define "sims.migrate" -}}
- name: migrate
  image: {{ include "sims.image" (dict "ctx" .ctx "image" .values.image) }}
  imagePullPolicy: {{ .values.image.pullPolicy }}
  command: [sims, migrate, "--wait={{ .ctx.Values.api.migrationWaitSeconds | int64 }}"]
  env:
    {{- include "sims.env" (dict "base" (include "sims.settings.common" .ctx | fromYaml) "extra" .values.extraEnv) | nindent 4 }}
  {{- with .values.extraEnvFrom }}
  envFrom:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  resources:
    {{- toYaml .values.resources | nindent 4 }}
  securityContext:
    {{- include "sims.container.security" . | nindent 4 }}
  terminationMessagePolicy: FallbackToLogsOnError
  volumeMounts:
    - {name: secrets, mountPath: /run/secrets/sims, readOnly: true}
    - {name: tmp, mountPath: /tmp}
    {{- with .values.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/*
Connections that all pods together may open, one more pod of each kind during an update. A
worker has a pool of 4, one to listen and one for its health (sims_worker/main.py).
*/}}
{{- define "sims.database.connections" -}}
{{- $api := include "sims.api.most" . | int -}}
{{- $workers := include "sims.worker.most" . | int -}}
{{- add (mul (add1 $api) (add .Values.api.databasePoolSize .Values.api.databaseMaxOverflow)) (mul (add1 $workers) 6) -}}
{{- end -}}
