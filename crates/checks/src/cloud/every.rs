//! What is asked of the clusters and registries of every cloud.

use super::{at, checks, field, is_on, pointer, text};
use crate::check::reference::{docs, kubescape, mitre};
use crate::check::{Check, Run};
use crate::host::Data;
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Severity, Violation};

checks! {
    "audit-log-off", High, "Logs of a managed control plane are not kept", ["eks.amazonaws.com/ClusterDescribe", "container.googleapis.com/ClusterDescribe"], audit_log_off,
        [kubescape("C-0067"), mitre("T1562.001")],
        "An EKS cluster that does not log `api`, `audit`, `authenticator`, `controllerManager` and `scheduler`; a GKE cluster with no component's logs turned on.",
        "Nobody can tell afterwards who did what in the cluster.",
        "EKS: `aws eks update-cluster-config --name NAME --logging` with all types. GKE: `gcloud container clusters update NAME --logging=SYSTEM,WORKLOAD,API_SERVER`.";
    "image-scan-off", Medium, "Registry does not look for vulnerabilities in images", ["eks.amazonaws.com/DescribeRepositories", "container.googleapis.com/DescribeRepositories"], image_scan_off,
        [kubescape("C-0221"), docs("ecr-scan", "https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning.html")],
        "A repository of ECR that is not scanned on push, or of Artifact Registry without vulnerability scanning.",
        "Known vulnerabilities run until somebody looks for them.",
        "ECR: `aws ecr put-image-scanning-configuration --repository-name NAME --image-scanning-configuration scanOnPush=true`. Google: `gcloud artifacts repositories update NAME --allow-vulnerability-scanning`.";
    "secrets-key-not-own", Medium, "Secrets of a managed cluster are not encrypted with a key of one's own", ["eks.amazonaws.com/ClusterDescribe", "container.googleapis.com/ClusterDescribe", "management.azure.com/ClusterDescribe"], secrets_key_not_own,
        [kubescape("C-0066"), kubescape("C-0244"), mitre("T1552.001")],
        "An EKS cluster without an encryption configuration, a GKE cluster whose database encryption is not on, an AKS cluster without a key vault, without encryption of its resources and with nodes whose disks are not encrypted by the host.",
        "The cloud encrypts its disks with its own key. Who gets to the data by way of the cloud's account reads Secrets as they are; a key of one's own is one more right to have, and can be taken away.",
        "EKS: `eksctl utils enable-secrets-encryption`. GKE: `gcloud container clusters update NAME --database-encryption-key KEY`. AKS: `az aks update --enable-azure-keyvault-kms`.";
}

/// Types of logs of an EKS control plane.
const LOGS: &[&str] = &["api", "audit", "authenticator", "controllerManager", "scheduler"];

fn audit_log_off(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    if object.group() == "container.googleapis.com" {
        const PATH: &[&str] = &["loggingConfig", "componentConfig", "enableComponents"];
        if at(object, PATH).is_none_or(|components| components.node.items().next().is_none()) {
            let violation = Violation::at(pointer(object, PATH), "no component's logs are kept");
            reporter.report(violation.advice("turn on the logs of the system, of workloads and of the API server"));
        }
        return;
    }
    const PATH: &[&str] = &["cluster", "logging", "clusterLogging"];
    let Some(setups) = at(object, PATH) else {
        reporter.unknown(format!("`clusterLogging` of `{}`", object.name));
        return;
    };
    let kept: Vec<&str> = setups
        .items()
        .filter(|setup| field(setup, "enabled").and_then(|on| on.node.as_bool()) == Some(true))
        .flat_map(|setup| field(&setup, "types").into_iter().flat_map(|types| types.node.items().map(Node::text).collect::<Vec<_>>()))
        .collect();
    let missing: Vec<&str> = LOGS.iter().copied().filter(|log| !kept.contains(log)).collect();
    if !missing.is_empty() {
        let violation = Violation::at(setups.pointer, format!("logs that are not kept: {}", missing.join(", ")));
        reporter.report(violation.advice("turn on all types of control plane logs"));
    }
}

fn image_scan_off(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    let (list, path) = match object.group() {
        "eks.amazonaws.com" => ("repositories", ["imageScanningConfiguration", "scanOnPush"]),
        _ => ("registries", ["vulnerabilityScanningConfig", "enableVulnerabilityScanning"]),
    };
    for repository in at(object, &[list]).iter().flat_map(Data::items) {
        let on = field(&repository, path[0]).and_then(|part| field(&part, path[1]));
        if on.and_then(|on| on.node.as_bool()) != Some(true) {
            let name = ["repositoryName", "name"].iter().find_map(|key| field(&repository, key)).map_or("", |name| name.node.text());
            let which = if name.is_empty() { "a repository".to_owned() } else { format!("repository `{name}`") };
            let violation = Violation::at(repository.pointer, format!("images of {which} are not scanned"));
            reporter.report(violation.advice("turn on scanning"));
        }
    }
}

fn secrets_key_not_own(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    let (path, is_on): (&[&str], bool) = match object.group() {
        "eks.amazonaws.com" => {
            const PATH: &[&str] = &["cluster", "encryptionConfig"];
            let with_key = at(object, PATH).is_some_and(|all| {
                all.items().any(|one| {
                    let key = field(&one, "provider").and_then(|provider| field(&provider, "keyArn"));
                    let covers = field(&one, "resources").is_some_and(|resources| resources.node.items().next().is_some());
                    covers && key.is_some_and(|key| !key.node.text().is_empty())
                })
            });
            (PATH, with_key)
        }
        "container.googleapis.com" => {
            const PATH: &[&str] = &["databaseEncryption", "state"];
            (PATH, matches!(text(object, PATH), "1" | "ENCRYPTED"))
        }
        _ => {
            const PATH: &[&str] = &["properties", "securityProfile"];
            let pools = at(object, &["properties", "agentPoolProfiles"]);
            let pools: Vec<bool> = pools
                .iter()
                .flat_map(Data::items)
                .map(|pool| field(&pool, "enableEncryptionAtHost").and_then(|on| on.node.as_bool()) == Some(true))
                .collect();
            let by_host = !pools.is_empty() && pools.iter().all(|on| *on);
            let profile = ["properties", "securityProfile", "kubernetesResourceObjectEncryptionProfile", "infrastructureEncryption"];
            let vault = is_on(object, &["properties", "securityProfile", "azureKeyVaultKms", "enabled"]);
            (PATH, by_host || vault || text(object, &profile) == "Enabled")
        }
    };
    if !is_on {
        let violation = Violation::at(pointer(object, path), "Secrets are encrypted with no key of your own");
        reporter.report(violation.advice("give the cluster a key of the cloud's key management"));
    }
}
