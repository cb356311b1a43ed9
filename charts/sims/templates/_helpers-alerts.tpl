{{/*
One alert: dict "ctx" $ "name" "SimsApiDown" "content" (text of its file in files/alerts).

`$$` in a file stands for what the release decides: `$$namespace$$`, `$$api$$`, `$$worker$$`
and `$$operator$$` (the jobs' names in Prometheus). Everything else is Prometheus's own, so files stay plain rules
that promtool reads after the same replacement.
*/}}
{{- define "sims.alert" -}}
{{- $job := printf "%s/%s" .ctx.Release.Namespace (include "sims.fullname" .ctx) -}}
{{- $text := .content
  | replace "$$namespace$$" .ctx.Release.Namespace
  | replace "$$api$$" (printf "%s-api" $job)
  | replace "$$worker$$" (printf "%s-worker" $job)
  | replace "$$operator$$" (printf "%s-backup-operator" $job)
-}}
{{- $rule := $text | fromYaml -}}
{{- $_ := set $rule "alert" .name -}}
{{- $_ := set $rule.annotations "runbook_url" (printf "%s/%s.md" (.ctx.Values.monitoring.prometheusRule.runbookUrl | trimSuffix "/") .name) -}}
{{- toYaml (list $rule) -}}
{{- end -}}
