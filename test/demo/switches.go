package main

// switches is the text of demo switches.
const switches = `The operator and the images of the demo are stand-ins. These switches make them
misbehave, so that you can see what the plugin makes of it.

The operator's, on an IrisCluster (a - at the end of the name takes one away):

  kubectl annotate --overwrite iriscluster simple stand-in.kubectl-iris/...

  labels=frozen           the role labels no longer follow IRIS
  label-delay=30s         they follow late
  primary=simple-data-0-1 planned switch of the primary
  async=1                 a DR async member more; async-label=backup gives it a label
  mirror-map=drasync      no failover member in this cluster
  sidecar-ports=none      the sidecar declares no port
  web-server=own          IRIS has a web server of its own beside the sidecar; none: nowhere
  phase=Failed            the phase of the status, with reason=TEXT
  sync=1                  a sync now: it resets the annotations of the cluster's Services
  paused=true             as if there were no operator: a deleted IrisCluster stays

  bin/demo operator-stop and operator-start end and start the operator.

IRIS's, in a pod of a real node; stand-in reset takes all of them away:

  kubectl exec simple-data-0-1 -c stand-in-iris -- stand-in ...

  answer Failover "In Trouble"   member type and status
  state inhibited                the state in iris qlist: running, down, inhibited, transition,
                                 node, indeterminate, or any other text
  line "no such command"         iris qlist writes this text
  late 2s, hang                  iris qlist takes its time, or a minute
  page late 2s, page hang        so do the metrics and the pages
  metric iris_mirror_status 9    the value of a metric; none: it is missing
  metric all none                there are no metrics
  alerts                         how often /api/monitor/alerts was read: 0, or the plugin is wrong
  crash                          the container ends

  The command iris has stop, start, restart and force, too.

A Service of the cluster's name that is not its own, made before the IrisCluster:

  kubectl create service clusterip simple --tcp=81
`
