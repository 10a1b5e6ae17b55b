//! Clusters of Azure Kubernetes Service.

use super::{at, checks, is_on, pointer, text};
use crate::check::reference::{docs, kubescape, mitre};
use crate::check::{Check, Run};
use crate::reporter::Reporter;
use plimsoll_model::{Node, Object, Severity, Violation};

const PRIVATE_CLUSTER: &[&str] = &["properties", "apiServerAccessProfile", "enablePrivateCluster"];

checks! {
    "aks-azure-rbac-off", Low, "AKS cluster does not ask Azure who may do what", ["management.azure.com/ClusterDescribe"], azure_rbac_off,
        [kubescape("C-0241"), docs("aks-rbac", "https://learn.microsoft.com/azure/aks/manage-azure-rbac")],
        "An AKS cluster without `aadProfile.enableAzureRBAC`.",
        "Rights in the cluster are given beside those in Azure, and are not taken away when somebody leaves.",
        "`az aks update -g GROUP -n NAME --enable-azure-rbac`.";
    "aks-endpoint-open", High, "API server of an AKS cluster answers the whole internet", ["management.azure.com/ClusterDescribe"], endpoint_open,
        [kubescape("C-0247"), docs("aks-ranges", "https://learn.microsoft.com/azure/aks/api-server-authorized-ip-ranges"), mitre("T1133")],
        "An AKS cluster that is not private and names no authorized ranges of addresses.",
        "A stolen credential or a fault of the API server can be used from everywhere.",
        "`az aks update -g GROUP -n NAME --api-server-authorized-ip-ranges YOUR_NETWORK`, or make the cluster private.";
    "aks-network-policy-off", Medium, "AKS cluster does not enforce network policies", ["management.azure.com/ClusterDescribe"], network_policy_off,
        [kubescape("C-0240"), docs("aks-policies", "https://learn.microsoft.com/azure/aks/use-network-policies")],
        "An AKS cluster whose network profile names no engine for network policies, or one that its plugin does not have.",
        "Network policies are taken and not enforced: pods that seem to be shut off are open.",
        "`az aks update -g GROUP -n NAME --network-policy cilium`, or `azure` or `calico`.";
    "aks-private-endpoint-off", Medium, "AKS cluster has no private endpoint", ["management.azure.com/ClusterDescribe"], private_endpoint_off,
        [kubescape("C-0252"), docs("aks-private", "https://learn.microsoft.com/azure/aks/private-clusters"), mitre("T1133")],
        "An AKS cluster without a `privateEndpoint`.",
        "Traffic to the API server leaves the virtual network, and its address is public.",
        "Make the cluster with `--enable-private-cluster`.";
    "aks-public-nodes", Medium, "AKS cluster is not private", ["management.azure.com/ClusterDescribe"], public_nodes,
        [kubescape("C-0248"), docs("aks-private", "https://learn.microsoft.com/azure/aks/private-clusters"), mitre("T1133")],
        "An AKS cluster without `apiServerAccessProfile.enablePrivateCluster`.",
        "Nodes and API server talk over public addresses.",
        "Make the cluster with `--enable-private-cluster`.";
    "aks-rbac-off", Critical, "AKS cluster has RBAC turned off", ["management.azure.com/ClusterDescribe"], rbac_off,
        [kubescape("C-0088"), docs("aks-rbac", "https://learn.microsoft.com/azure/aks/manage-azure-rbac")],
        "An AKS cluster whose `enableRBAC` is not `true`.",
        "Whoever gets in may do everything, each pod's service account included.",
        "RBAC cannot be turned on later: make a new cluster with it, which is the default.";
    "aks-service-principal-writes", Medium, "Service principal may change the registry", ["management.azure.com/ListEntitiesForPolicies"], principal_writes,
        [kubescape("C-0250"), docs("acr-roles", "https://learn.microsoft.com/azure/container-registry/container-registry-rbac-built-in-roles-overview"), mitre("T1525")],
        "A service principal with a role on the container registry that allows something other than reading.",
        "Nodes need to pull images only. Whoever takes over one could put its own image in the place of another.",
        "Give it the role `AcrPull` instead.";
}

fn azure_rbac_off(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    const PATH: &[&str] = &["properties", "aadProfile", "enableAzureRBAC"];
    if !is_on(object, PATH) {
        let violation = Violation::at(pointer(object, PATH), "`enableAzureRBAC` is not `true`");
        reporter.report(violation.advice(format!("`az aks update -n {} --enable-azure-rbac`", object.name)));
    }
}

fn endpoint_open(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    const PATH: &[&str] = &["properties", "apiServerAccessProfile", "authorizedIPRanges"];
    let is_limited = at(object, PATH).is_some_and(|ranges| ranges.node.items().next().is_some());
    if !is_limited && !is_on(object, PRIVATE_CLUSTER) {
        let violation = Violation::at(pointer(object, PATH), "no ranges of addresses limit who reaches the API server");
        reporter.report(violation.advice("name authorized ranges, or make the cluster private"));
    }
}

fn network_policy_off(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    const PATH: &[&str] = &["properties", "networkProfile", "networkPolicy"];
    let plugin = text(object, &["properties", "networkProfile", "networkPlugin"]);
    let policy = text(object, PATH);
    if !matches!((plugin, policy), ("azure", "azure" | "calico" | "cilium") | ("kubenet", "calico")) {
        let policy = if policy.is_empty() { "none" } else { policy };
        let plugin = if plugin.is_empty() { "none" } else { plugin };
        let violation =
            Violation::at(pointer(object, PATH), format!("network policies are not enforced: plugin {plugin}, engine {policy}"));
        reporter.report(violation.advice("choose an engine for network policies that the plugin has"));
    }
}

fn private_endpoint_off(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    const PATH: &[&str] = &["properties", "privateEndpoint", "id"];
    if text(object, PATH).is_empty() {
        reporter.report(Violation::at(pointer(object, PATH), "the cluster has no private endpoint").advice("make the cluster private"));
    }
}

fn public_nodes(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    if !is_on(object, PRIVATE_CLUSTER) {
        let violation = Violation::at(pointer(object, PRIVATE_CLUSTER), "`enablePrivateCluster` is not `true`");
        reporter.report(violation.advice("make the cluster private"));
    }
}

fn rbac_off(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    const PATH: &[&str] = &["properties", "enableRBAC"];
    if !is_on(object, PATH) {
        let violation = Violation::at(pointer(object, PATH), "`enableRBAC` is not `true`");
        reporter.report(violation.advice("make a new cluster with RBAC"));
    }
}

/// Assignments of roles to service principals, with the roles from the answer of the same name.
fn principal_writes(object: &Object<'_>, reporter: &mut Reporter<'_, '_>) {
    let Some(roles) = reporter.beside("PolicyVersion", object.name) else {
        reporter.unknown(format!("the role definitions (a PolicyVersion `{}`)", object.name));
        return;
    };
    let Some(assignments) = at(object, &["roleAssignments"]) else { return };
    for assignment in assignments.items() {
        let property = |key: &str| assignment.node.at(&["properties", key]).map_or("", Node::text);
        if property("principalType") != "ServicePrincipal" {
            continue;
        }
        let id = property("roleDefinitionId");
        let definitions = at(&roles, &["roleDefinitions"]);
        let role = definitions.iter().flat_map(|all| all.node.items()).find(|role| role.get("id").map_or("", Node::text) == id);
        let permissions = role.and_then(|role| role.at(&["properties", "permissions"])).into_iter().flat_map(Node::items);
        let mut actions = permissions.flat_map(|one| one.get("actions").into_iter().flat_map(Node::items)).map(Node::text);
        if let Some(action) = actions.find(|action| !action.ends_with("read")) {
            let violation = Violation::at(assignment.pointer, format!("a service principal may do `{action}`"));
            reporter.report(violation.advice("give it the role `AcrPull` instead"));
        }
    }
}
