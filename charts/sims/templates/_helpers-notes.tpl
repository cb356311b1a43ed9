{{/*
The go-live report of NOTES.txt: one line for each subject, the worst first.

sims.report          the report
sims.report.lines    a YAML list of {level: red|amber|green, subject, text, fix}
*/}}
{{- define "sims.report" -}}
{{- $lines := (include "sims.report.lines" . | fromYaml).lines -}}
{{- range $level := list "red" "amber" "green" }}
{{- range $lines }}
{{- if eq .level $level }}
  {{ printf "%-6s %-14s" (upper .level) .subject }} {{ .text }}
  {{- with .fix }}
                        → {{ . }}
  {{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "sims.report.lines" -}}
lines:
{{ include "sims.report.backups" . }}
{{ include "sims.report.mail" . }}
{{ include "sims.report.reach" . }}
{{- if .Values.networkPolicy.enabled }}
- {level: green, subject: network, text: only the connections in files/connections.yaml are allowed}
{{- else }}
- {level: red, subject: network, text: every pod may connect to every other, fix: "--set networkPolicy.enabled=true"}
{{- end }}
{{- if include "sims.secrets.spec" . | trim }}
- {level: green, subject: secrets, text: "generated in the cluster, kept when the release is uninstalled"}
{{- else }}
- {level: green, subject: secrets, text: your own}
{{- end }}
{{ include "sims.report.database" . }}
{{ include "sims.report.documents" . }}
{{- if gt (include "sims.api.most" . | int) 1 }}
- {level: green, subject: replicas, text: {{ include "sims.api.most" . }} pods of the API at most}
{{- else }}
- {level: amber, subject: replicas, text: "one pod of the API: a lost node is an outage", fix: "--set api.replicas=2"}
{{- end }}
{{- if and .Values.monitoring.podMonitor.enabled .Values.monitoring.prometheusRule.enabled }}
- {level: green, subject: monitoring, text: metrics are read and alerts are set}
{{- else }}
- {level: amber, subject: monitoring, text: nobody is told when SIMS fails, fix: "--set monitoring.podMonitor.enabled=true,monitoring.prometheusRule.enabled=true"}
{{- end }}
{{- if eq .Values.institution.name "SIMS Demo College" }}
- {level: amber, subject: institution, text: transcripts say SIMS Demo College, fix: "--set institution.name=…,institution.timeZone=…"}
{{- end }}
{{- if .Values.legacy.allowWrites }}
- {level: amber, subject: old modules, text: "they may be written; switch legacy.allowWrites off once nobody does"}
{{- end }}
{{- end -}}

{{- define "sims.report.backups" -}}
{{- if .Values.backup.enabled -}}
- {level: amber, subject: backups, text: "none until there is a BackupSchedule", fix: "kubectl apply -f k8s/samples/backup-storage-s3.yaml -f k8s/samples/backup-schedule.yaml"}
{{- else if eq .Values.postgresql.mode "embedded" -}}
- level: red
  subject: backups
  text: this release takes none
  fix: {{ printf "for now: kubectl -n %s exec %s-0 -- pg_dump -U postgres -Fc sims >sims.dump" .Release.Namespace (include "sims.name" (dict "ctx" . "component" "postgresql")) | quote }}
{{- else -}}
- {level: amber, subject: backups, text: "this release takes none; see to those of your database"}
{{- end -}}
{{- end -}}

{{- define "sims.report.mail" -}}
{{- $smtp := .Values.smtp -}}
{{- if not $smtp.host -}}
- {level: red, subject: mail, text: "no relay: transcripts wait", fix: "--set smtp.host=…,smtp.from=…"}
{{- else if contains "@localhost" $smtp.from -}}
- {level: red, subject: mail, text: {{ printf "the sender is %s: relays will refuse it" $smtp.from | quote }}, fix: "--set smtp.from=…"}
{{- else if eq $smtp.security "none" -}}
- {level: amber, subject: mail, text: {{ printf "transcripts go to %s unencrypted" $smtp.host | quote }}, fix: "--set smtp.security=starttls"}
{{- else -}}
- {level: green, subject: mail, text: {{ printf "by %s, encrypted" $smtp.host | quote }}}
{{- end -}}
{{- end -}}

{{- define "sims.report.reach" -}}
{{- $values := .Values -}}
{{- if and $values.ingress.enabled $values.ingress.tls.secretName -}}
- {level: green, subject: TLS, text: {{ printf "the Ingress serves https://%s" $values.ingress.host | quote }}}
{{- else if $values.ingress.enabled -}}
- {level: red, subject: TLS, text: the Ingress has no certificate, fix: "--set ingress.tls.secretName=sims-tls,ingress.tls.clusterIssuer=…"}
{{- else if $values.httpRoute.enabled -}}
- {level: amber, subject: TLS, text: "the Gateway decides; see to it that its listener is HTTPS"}
{{- else if ne $values.api.service.type "ClusterIP" -}}
- {level: red, subject: TLS, text: {{ printf "a %s serves plain HTTP: passwords can be read on the way" $values.api.service.type | quote }}, fix: "--set api.service.type=ClusterIP,ingress.enabled=true,ingress.host=…,ingress.tls.secretName=sims-tls"}
{{- else -}}
- {level: amber, subject: TLS, text: nothing leads to SIMS from outside, fix: "--set ingress.enabled=true,ingress.host=…,ingress.tls.secretName=sims-tls"}
{{- end -}}
{{- end -}}

{{- define "sims.report.documents" -}}
{{- if .Values.documents.existingSecret -}}
- {level: green, subject: signature, text: {{ printf "transcripts are signed by Secret %s" .Values.documents.existingSecret | quote }}}
{{- else -}}
- {level: amber, subject: signature, text: "made for demonstration: each page says so", fix: "--set documents.existingSecret=…"}
{{- end }}
{{- with include "sims.publicUrl" . }}
- {level: green, subject: verification, text: {{ printf "QR codes lead to %s/verify/" (trimSuffix "/" .) | quote }}}
{{- else }}
- {level: amber, subject: verification, text: "QR codes lead to 127.0.0.1: nobody can verify", fix: "--set documents.publicUrl=https://…"}
{{- end }}
{{- if and (or .Values.ingress.enabled .Values.httpRoute.enabled) (not .Values.api.trustedProxies) }}
- {level: amber, subject: clients, text: "all have the proxy's address: one throttle for everybody's sign-ins", fix: "--set api.trustedProxies={…}"}
{{- end }}
{{- end -}}

{{- define "sims.report.database" -}}
{{- $postgresql := .Values.postgresql -}}
{{- if eq $postgresql.mode "embedded" -}}
- {level: amber, subject: database, text: "one pod, one volume; postgresql.mode cnpg or external for more"}
{{- else if and (eq $postgresql.mode "cnpg") (lt (int $postgresql.cnpg.instances) 2) -}}
- {level: amber, subject: database, text: CloudNativePG without a standby}
{{- else -}}
- {level: green, subject: database, text: {{ $postgresql.mode }}}
{{- end -}}
{{- end -}}
