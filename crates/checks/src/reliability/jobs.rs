//! Jobs that pile up, start late, or cannot start.

use crate::check::reference::docs;
use crate::check::{Check, Run};
use plimsoll_model::{Node, Severity, Violation};

pub(super) static ALL: &[&Check] = &[&DEADLINE, &RESTART, &TTL];

static TTL: Check = Check {
    id: "REL-job-ttl",
    title: "Finished Job stays",
    severity: Severity::Info,
    docs: "
## What it detects
A Job of its own, not one of a CronJob, without `ttlSecondsAfterFinished`.

## Why it matters
It and its pods stay in etcd until somebody deletes them. CronJobs clean up after themselves.

## How to fix
Set `ttlSecondsAfterFinished` to as long as somebody may want to read its log.
",
    references: &[docs("TTL", "https://kubernetes.io/docs/concepts/workloads/controllers/ttlafterfinished/")],
    run: Run::Object(&["batch/Job"], |job, reporter| {
        if job.node.at(&["spec", "ttlSecondsAfterFinished"]).is_none() && job.controller().is_none() {
            let violation = Violation::at("/spec/ttlSecondsAfterFinished", format!("Job `{}` stays when it has finished", job.name));
            let violation = violation.cured_by("delete it after a day", Some(86_400.into()));
            reporter
                .report(violation.needs("how long its log is of use, and whether a tool that deploys it makes it anew when it is gone"));
        }
    }),
};

static DEADLINE: Check = Check {
    id: "REL-cron-job-deadline",
    title: "CronJob has no deadline for its start",
    severity: Severity::Info,
    docs: "
## What it detects
A CronJob without `startingDeadlineSeconds`.

## Why it matters
After 100 missed starts the controller gives up on it. With a deadline only the starts within it count.

## How to fix
Set `startingDeadlineSeconds` to how late is still useful, at least 10.
",
    references: &[docs("CronJob", "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#starting-deadline")],
    run: Run::Object(&["batch/CronJob"], |job, reporter| {
        if job.node.at(&["spec", "startingDeadlineSeconds"]).is_none() {
            let violation = Violation::at("/spec/startingDeadlineSeconds", format!("CronJob `{}` has no deadline", job.name));
            let violation = violation.cured_by("start within five minutes or not at all", Some(300.into()));
            reporter.report(violation.needs("how late is still useful"));
        }
    }),
};

static RESTART: Check = Check {
    id: "REL-restart-policy",
    title: "Restart policy does not fit the kind",
    severity: Severity::Medium,
    docs: "
## What it detects
A controller of pods that run on with another `restartPolicy` than `Always`, or a Job or CronJob with `Always` or none.

## Why it matters
The API server refuses it.

## How to fix
Remove the field from what runs on. Set `OnFailure` or `Never` for a Job.
",
    references: &[docs("Restart policy", "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy")],
    run: Run::Workload(|workload, reporter| {
        let policy = workload.pod.at(&["restartPolicy"]).map_or("Always", Node::text);
        let good = match workload.object.kind {
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "ReplicationController" if policy != "Always" => "Always",
            "Job" | "CronJob" if policy == "Always" => "OnFailure",
            _ => return,
        };
        let message = format!("a {} cannot have the restart policy `{policy}`", workload.object.kind);
        let violation = Violation::at("/spec/restartPolicy", message).cured_by(format!("set `{good}`"), Some(good.into()));
        reporter.report(violation.needs("whether the program may run twice"));
    }),
};
