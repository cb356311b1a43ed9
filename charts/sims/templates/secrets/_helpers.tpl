{{/*
Hooks, so that the Secrets are there before any pod; deleted as soon as the Job is done, so that
nobody holds the right to make Secrets in between. weight: order among the hooks.
*/}}
{{- define "sims.secrets.hook" -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-weight: {{ .weight | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}
