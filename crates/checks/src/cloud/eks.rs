//! Clusters of Amazon EKS.

use super::{at, checks, is_on, pointer, text};
use crate::check::reference::{docs, kubescape, mitre};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Reference, Severity, Violation};

const ENDPOINT: Reference = docs("eks-endpoint", "https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html");
const PRIVATE: &[&str] = &["cluster", "resourcesVpcConfig", "endpointPrivateAccess"];
const PUBLIC: &[&str] = &["cluster", "resourcesVpcConfig", "endpointPublicAccess"];

checks! {
    "eks-config-map-auth", Low, "EKS cluster lets people in by a ConfigMap alone", ["eks.amazonaws.com/ClusterDescribe"], config_map_auth,
        [kubescape("C-0285"), docs("eks-access", "https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html")],
        "An EKS cluster whose authentication mode is `CONFIG_MAP`.",
        "Who may enter stands in the ConfigMap `aws-auth`. A mistake there locks everybody out, whoever may write it is an administrator, and AWS keeps no record of its changes.",
        "`aws eks update-cluster-config --name NAME --access-config authenticationMode=API_AND_CONFIG_MAP`, then move the entries to access entries.";
    "eks-private-endpoint-off", Medium, "EKS nodes reach the API server through the internet", ["eks.amazonaws.com/ClusterDescribe"], private_endpoint_off,
        [kubescape("C-0227"), kubescape("C-0228"), ENDPOINT],
        "An EKS cluster without private access to its endpoint.",
        "Nodes talk to the API server through its public address, which therefore has to be open to them.",
        "`aws eks update-cluster-config --name NAME --resources-vpc-config endpointPrivateAccess=true`.";
    "eks-public-endpoint", Medium, "API server of an EKS cluster has a public address", ["eks.amazonaws.com/ClusterDescribe"], public_endpoint,
        [kubescape("C-0228"), ENDPOINT, mitre("T1133")],
        "An EKS cluster with public access to its endpoint.",
        "A stolen credential or a fault of the API server can be used from outside of the network.",
        "`aws eks update-cluster-config --name NAME --resources-vpc-config endpointPrivateAccess=true,endpointPublicAccess=false`, and reach it through the VPC.";
    "eks-public-endpoint-open", High, "API server of an EKS cluster answers the whole internet", ["eks.amazonaws.com/ClusterDescribe"], public_endpoint_open,
        [kubescape("C-0229"), ENDPOINT, mitre("T1133")],
        "An EKS cluster whose public endpoint takes connections from every address (`0.0.0.0/0` or `::/0`).",
        "A stolen credential or a fault of the API server can be used from everywhere.",
        "`aws eks update-cluster-config --name NAME --resources-vpc-config publicAccessCidrs=YOUR_NETWORK`, or turn public access off.";
}

fn config_map_auth(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    const MODE: &[&str] = &["cluster", "accessConfig", "authenticationMode"];
    if text(object, MODE) == "CONFIG_MAP" {
        let violation = Violation::at(pointer(object, MODE), "only the ConfigMap `aws-auth` says who may enter");
        reporter.report(violation.advice("set the authentication mode to `API_AND_CONFIG_MAP`, then to `API`"));
    }
}

fn private_endpoint_off(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    match at(object, PRIVATE).map(|data| data.node.as_bool()) {
        Some(Some(true)) => {}
        Some(Some(false)) => {
            let violation = Violation::at(pointer(object, PRIVATE), "there is no private access to the API server");
            reporter.report(violation.advice("set `endpointPrivateAccess=true`"));
        }
        _ => reporter.unknown(format!("`endpointPrivateAccess` of `{}`", object.name)),
    }
}

fn public_endpoint(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    if at(object, PUBLIC).is_none() {
        reporter.unknown(format!("`endpointPublicAccess` of `{}`", object.name));
    } else if is_on(object, PUBLIC) {
        let violation = Violation::at(pointer(object, PUBLIC), "the API server has a public address");
        reporter.report(violation.advice("set `endpointPublicAccess=false`"));
    }
}

fn public_endpoint_open(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    const RANGES: &[&str] = &["cluster", "resourcesVpcConfig", "publicAccessCidrs"];
    let Some(ranges) = at(object, RANGES).filter(|_| is_on(object, PUBLIC)) else { return };
    if ranges.node.items().map(Node::text).any(|range| matches!(range, "0.0.0.0/0" | "::/0")) {
        let violation = Violation::at(ranges.pointer, "the API server answers every address");
        reporter.report(violation.advice("set `publicAccessCidrs` to the networks that need it"));
    }
}
