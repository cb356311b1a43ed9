{{/*
What pods have in common.

sims.image             dict "ctx" $ "image" .Values.api.image
sims.pod.labels        dict "ctx" $ "component" "api" "values" .Values.api
sims.pod.security      dict "user" 10001
sims.container.security
sims.pod.placement     dict "ctx" $ "component" "api" "values" .Values.api
sims.env               dict "base" (map of name to value) "extra" (list of variables)
*/}}
{{- define "sims.image" -}}
{{- $registry := default .image.registry (.ctx.Values.global).imageRegistry -}}
{{- with $registry }}{{ . }}/{{ end -}}
{{- .image.repository -}}
{{- if .image.digest -}}
@{{ .image.digest }}
{{- else -}}
:{{ default .ctx.Chart.AppVersion .image.tag }}
{{- end -}}
{{- end -}}

{{- define "sims.pod.pullSecrets" -}}
{{- with (.Values.global).imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* More labels than the selector's are allowed on pods; none may replace those. */}}
{{- define "sims.pod.labels" -}}
{{- $fixed := include "sims.labels" . | fromYaml -}}
{{- toYaml (merge $fixed .values.podLabels) -}}
{{- end -}}

{{- define "sims.pod.security" -}}
runAsNonRoot: true
runAsUser: {{ .user }}
runAsGroup: {{ .user }}
fsGroup: {{ .user }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "sims.container.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "sims.pod.placement" -}}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{/* Pods of a Deployment spread over nodes and zones where there are several. */}}
{{- define "sims.pod.spread" -}}
topologySpreadConstraints:
{{- if .values.topologySpreadConstraints }}
  {{- toYaml .values.topologySpreadConstraints | nindent 2 }}
{{- else }}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "sims.selector" $ | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}
{{- end -}}

{{/* A variable of the user replaces ours: server-side apply refuses a name that comes twice. */}}
{{- define "sims.env" -}}
{{- $theirs := dict -}}
{{- range .extra }}{{ $_ := set $theirs .name true }}{{ end -}}
{{- $all := list -}}
{{- range $name := keys .base | sortAlpha -}}
{{- if not (hasKey $theirs $name) -}}
{{- $all = append $all (dict "name" $name "value" (get $.base $name)) -}}
{{- end -}}
{{- end -}}
{{- toYaml (concat $all (.extra | default list)) -}}
{{- end -}}

{{/* The most pods that there can be. */}}
{{- define "sims.api.most" -}}
{{- ternary .Values.api.autoscaling.maxReplicas .Values.api.replicas .Values.api.autoscaling.enabled | int -}}
{{- end -}}

{{- define "sims.worker.most" -}}
{{- ternary .Values.worker.replicas .Values.worker.autoscaling.maxReplicas (eq .Values.worker.autoscaling.mode "none") | int -}}
{{- end -}}
