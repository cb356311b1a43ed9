{{/*
Which Secret holds what. A Secret that the user names is used as it is; the others are made in
the cluster by the Job in secrets/, never by a template: a template would have to invent a
value, and so two renders would differ.
*/}}
{{- define "sims.auth.secret" -}}
{{- default (include "sims.name" (dict "ctx" . "component" "auth")) .Values.auth.existingSecret -}}
{{- end -}}

{{- define "sims.documents.secret" -}}
{{- default (include "sims.name" (dict "ctx" . "component" "documents")) .Values.documents.existingSecret -}}
{{- end -}}

{{- define "sims.database.secret" -}}
{{- $own := include "sims.name" (dict "ctx" . "component" "postgresql") -}}
{{- if eq .Values.postgresql.mode "external" -}}
{{- .Values.postgresql.external.existingSecret -}}
{{- else if eq .Values.postgresql.mode "cnpg" -}}
{{- $own }}-app
{{- else -}}
{{- default $own .Values.postgresql.embedded.existingSecret -}}
{{- end -}}
{{- end -}}

{{- define "sims.database.key" -}}
{{- ternary .Values.postgresql.external.uriKey "uri" (eq .Values.postgresql.mode "external") -}}
{{- end -}}

{{- define "sims.redis.secret" -}}
{{- if eq .Values.redis.mode "external" -}}
{{- .Values.redis.external.existingSecret -}}
{{- else -}}
{{- default (include "sims.name" (dict "ctx" . "component" "redis")) .Values.redis.embedded.existingSecret -}}
{{- end -}}
{{- end -}}

{{- define "sims.redis.key" -}}
{{- ternary .Values.redis.external.uriKey "uri" (eq .Values.redis.mode "external") -}}
{{- end -}}

{{/*
What the Job makes: Secret → key → {random: length}, {text: "… {other key} …"} or
{signing: key or certificate}.
*/}}
{{- define "sims.secrets.spec" -}}
{{- if not .Values.auth.existingSecret }}
{{ include "sims.auth.secret" . }}:
  {{ .Values.auth.secretKeyKey }}: {random: 64}
{{- end }}
{{- if not .Values.documents.existingSecret }}
{{ include "sims.documents.secret" . }}:
  {{ .Values.documents.signingKeyKey }}: {signing: key}
  {{ .Values.documents.signingCertificateKey }}: {signing: certificate}
{{- end }}
{{- if and (eq .Values.postgresql.mode "embedded") (not .Values.postgresql.embedded.existingSecret) }}
{{ include "sims.database.secret" . }}:
  postgres-password: {random: 40}
  password: {random: 40}
  uri: {text: "postgresql://sims:{password}@{{ include "sims.name" (dict "ctx" . "component" "postgresql") }}:5432/sims"}
  backup-uri: {text: "postgresql://postgres:{postgres-password}@{{ include "sims.name" (dict "ctx" . "component" "postgresql") }}:5432/sims"}
{{- end }}
{{- if and (eq .Values.redis.mode "embedded") (not .Values.redis.embedded.existingSecret) }}
{{ include "sims.redis.secret" . }}:
  password: {random: 40}
  uri: {text: "redis://:{password}@{{ include "sims.name" (dict "ctx" . "component" "redis") }}:6379/0"}
{{- end }}
{{- end -}}
