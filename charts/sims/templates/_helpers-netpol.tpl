{{/*
NetworkPolicies, made from files/connections.yaml.

sims.netpol        one pod's policy: dict "ctx" $ "component" "api" ["annotations" (map)].
                   Both directions are listed as types, so what is not allowed is refused.
sims.netpol.peers  who a name of the table is, as a YAML map {peers: [...], none: bool}: no
                   peers means anybody; none means that there is no such thing here
sims.netpol.ports  on which ports a name is reached
*/}}
{{- define "sims.netpol" -}}
{{- $rows := (.ctx.Files.Get "files/connections.yaml" | fromYaml).connections -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "sims.metadata" . | nindent 2 }}
  {{- with .annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  podSelector:
    matchLabels:
      {{- include "sims.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
  {{- range $rows }}
  {{- if eq .to $.component }}
    {{- include "sims.netpol.rule" (dict "ctx" $.ctx "row" . "side" "from") | nindent 4 }}
  {{- end }}
  {{- end }}
  egress:
  {{- range $rows }}
  {{- if eq .from $.component }}
    {{- include "sims.netpol.rule" (dict "ctx" $.ctx "row" . "side" "to") | nindent 4 }}
  {{- end }}
  {{- end }}
{{- end -}}

{{- define "sims.netpol.rule" -}}
{{- $found := include "sims.netpol.peers" (dict "ctx" .ctx "name" (get .row .side)) | fromYaml -}}
{{- if not $found.none -}}
- ports:
    {{- include "sims.netpol.ports" . | nindent 4 }}
  {{- with $found.peers }}
  {{ $.side }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
{{- end -}}

{{- define "sims.netpol.peers" -}}
{{- $policy := .ctx.Values.networkPolicy -}}
{{- $postgresql := .ctx.Values.postgresql -}}
{{- $redis := .ctx.Values.redis -}}
{{- if eq .name "clients" -}}
{{ dict "peers" $policy.apiFrom | toYaml }}
{{- else if eq .name "prometheus" -}}
{{ dict "peers" $policy.metricsFrom | toYaml }}
{{- else if eq .name "keda" -}}
{{ dict "peers" $policy.kedaFrom "none" (ne .ctx.Values.worker.autoscaling.mode "keda") | toYaml }}
{{- else if eq .name "dns" -}}
{{ dict "peers" $policy.dns | toYaml }}
{{- else if eq .name "smtp" -}}
{{ dict "peers" $policy.smtpTo "none" (not .ctx.Values.smtp.host) | toYaml }}
{{- else if eq .name "s3" -}}
{{ dict "peers" $policy.s3To | toYaml }}
{{- else if eq .name "kubernetes" -}}
{{ dict "peers" list | toYaml }}
{{- else if and (eq .name "postgresql") (eq $postgresql.mode "external") -}}
{{ include "sims.netpol.blocks" $postgresql.external.cidrs }}
{{- else if and (eq .name "postgresql") (eq $postgresql.mode "cnpg") -}}
peers:
  - podSelector:
      matchLabels:
        cnpg.io/cluster: {{ include "sims.name" (dict "ctx" .ctx "component" "postgresql") }}
{{- else if and (eq .name "redis") (eq $redis.mode "external") -}}
{{ include "sims.netpol.blocks" $redis.external.cidrs }}
{{- else -}}
peers:
  - podSelector:
      matchLabels:
        {{- include "sims.selector" (dict "ctx" .ctx "component" .name) | nindent 8 }}
{{- end -}}
{{- end -}}

{{- define "sims.netpol.blocks" -}}
peers:
{{- range . }}
  - ipBlock: {cidr: {{ . | quote }}}
{{- end }}
{{- end -}}

{{- define "sims.netpol.ports" -}}
{{- $values := .ctx.Values -}}
{{- $to := .row.to -}}
{{- if eq $to "dns" -}}
- {protocol: UDP, port: 53}
- {protocol: TCP, port: 53}
{{- else if eq $to "kubernetes" -}}
- {protocol: TCP, port: 443}
- {protocol: TCP, port: 6443}
{{- else if eq $to "s3" -}}
{{- range $values.networkPolicy.s3Ports }}
- {protocol: TCP, port: {{ . | int }}}
{{- end }}
{{- else if eq $to "smtp" -}}
- {protocol: TCP, port: {{ $values.smtp.port | int }}}
{{- else if and (eq $to "postgresql") (eq $values.postgresql.mode "external") -}}
- {protocol: TCP, port: {{ $values.postgresql.external.port | int }}}
{{- else if and (eq $to "redis") (eq $values.redis.mode "external") -}}
- {protocol: TCP, port: {{ $values.redis.external.port | int }}}
{{- else -}}
- {protocol: TCP, port: {{ .row.port | int }}}
{{- end -}}
{{- end -}}
