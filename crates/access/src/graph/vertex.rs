//! What somebody can be, hold or control, and how one thing leads to another.

use super::primitive::Primitive;
use plimsoll_model::Severity;
use plimsoll_model::rbac::{Identity, MASTERS};
use std::borrow::Cow;
use std::fmt;

/// Something that somebody can be, hold or control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Vertex<'a> {
    /// Whoever reaches what is open to the network from outside.
    Outside,
    /// To act as somebody.
    Identity(Identity<'a>),
    /// To hold a role (its place among the roles) in a scope: what a binding hands out.
    Role(u32, Scope<'a>),
    /// To run code in a workload (its place in the inventory).
    Workload(u32),
    /// To be root on a node; empty for the node that something happens to run on.
    Machine(&'a str),
    /// A power over a scope.
    Power(Power, Scope<'a>),
    /// A role or account of a cloud; `*` for one of the attacker's choice.
    Cloud(&'a str),
}

/// Where a power holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope<'a> {
    /// In the whole cluster.
    Cluster,
    /// In a namespace.
    Namespace(&'a str),
}

/// What rights come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Power {
    /// Every verb on every resource: in the whole cluster, its administrator.
    Everything,
    /// To act as any service account.
    Accounts,
    /// To act as any user.
    Users,
    /// To act as a member of any group but `system:masters`.
    Groups,
    /// To run code in any running pod.
    Code,
    /// To start pods that nothing confines but admission.
    HostPods,
    /// To read every Secret.
    Secrets,
    /// To be root on any node.
    Machines,
    /// To act as any node: to read the Secrets of its pods, and to make tokens of their accounts.
    Nodes,
    /// To be root on a node of the control plane.
    ControlPlane,
}

/// One thing that leads to another.
#[derive(Debug)]
pub struct Edge<'a> {
    /// From which vertex, by its place.
    pub from: u32,
    /// To which.
    pub to: u32,
    /// By what.
    pub step: Step,
    /// What shows it.
    pub evidence: Evidence<'a>,
    /// What it depends on.
    pub condition: Option<Box<Condition>>,
}

/// The kind of an edge.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// One thing is a part of the other, or always comes with it: no step of its own.
    Implied,
    /// A binding gives a role.
    Bound,
    /// A right is used.
    Primitive(&'static Primitive),
    /// Something about a pod, a node or a cloud.
    Setting(&'static Setting),
}

/// A way that leads through a pod, a node or a cloud, and not through a rule.
#[derive(Debug)]
pub struct Setting {
    /// A stable name: `privileged-container`.
    pub name: &'static str,
    /// What it is, as a sentence without a subject: `runs privileged, which is root on the node`.
    pub what: &'static str,
    /// The technique of MITRE ATT&CK.
    pub technique: &'static str,
}

/// What shows an edge.
#[derive(Debug, Clone)]
pub enum Evidence<'a> {
    /// Nothing more than what the step says.
    Nothing,
    /// A subject of a binding: their places.
    Binding(u32, u32),
    /// A rule of a role: their places.
    Rule(u32, u32),
    /// Rules that are needed together, each with the binding and the subject that give it.
    Rules(Box<[Granted]>),
    /// A place in an object.
    Object(Box<(plimsoll_model::Object<'a>, String)>),
}

/// A rule with what gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// The binding's place.
    pub binding: u32,
    /// The subject's place in it.
    pub subject: u32,
    /// The role's place.
    pub role: u32,
    /// The rule's place in it.
    pub rule: u32,
}

/// What has to hold for an edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What, as a clause: `nothing refuses privileged pods in namespace shop`.
    pub text: Cow<'static, str>,
    /// Whether what was read shows that it does not hold: then the edge leads nowhere, and the text says what stops it.
    pub is_blocked: bool,
}

impl Condition {
    /// Something that was not read and is taken to hold.
    pub(super) fn assumed(text: impl Into<Cow<'static, str>>) -> Option<Box<Self>> {
        Some(Box::new(Self { text: text.into(), is_blocked: false }))
    }

    /// Something that does not hold.
    pub(super) fn blocked(text: impl Into<Cow<'static, str>>) -> Option<Box<Self>> {
        Some(Box::new(Self { text: text.into(), is_blocked: true }))
    }
}

impl Edge<'_> {
    /// Whether something that was read stops it.
    pub fn is_blocked(&self) -> bool {
        self.condition.as_ref().is_some_and(|condition| condition.is_blocked)
    }
}

impl Step {
    /// The stable name; empty for what is no step of its own.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Implied => "",
            Self::Bound => "role-bound",
            Self::Primitive(primitive) => primitive.name,
            Self::Setting(setting) => setting.name,
        }
    }

    /// The technique of MITRE ATT&CK.
    pub fn technique(&self) -> Option<&'static str> {
        match self {
            Self::Implied | Self::Bound => None,
            Self::Primitive(primitive) => Some(primitive.technique),
            Self::Setting(setting) => Some(setting.technique),
        }
    }
}

/// What attackers are after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sink<'a> {
    /// Every verb on every resource.
    ClusterAdmin,
    /// The group that no authorizer is asked about.
    Masters,
    /// Root on a node of the control plane.
    ControlPlane,
    /// Root on a node.
    Node,
    /// Every Secret of the cluster.
    EverySecret,
    /// The Secrets of kube-system.
    SystemSecrets,
    /// Tokens of every service account.
    Tokens,
    /// An identity of the cloud.
    CloudIdentity,
    /// A namespace taken over: everything in it, any of its accounts, or code in any of its pods. Between tenants.
    Namespace(&'a str),
}

impl<'a> Sink<'a> {
    /// All that every cluster has, the worst first.
    pub const ALL: [Self; 8] = [
        Self::ClusterAdmin,
        Self::Masters,
        Self::ControlPlane,
        Self::Tokens,
        Self::EverySecret,
        Self::Node,
        Self::SystemSecrets,
        Self::CloudIdentity,
    ];

    /// The sink of a name; `None` if there is none of that name.
    pub fn parse(name: &'a str) -> Option<Self> {
        match name.split_once(':') {
            Some(("namespace", "")) => None,
            Some(("namespace", namespace)) => Some(Self::Namespace(namespace)),
            _ => Self::ALL.into_iter().find(|sink| sink.name() == name || (*sink == Self::Masters && name == "masters")),
        }
    }

    /// How bad it is to reach it: who has the cluster has everything else.
    pub fn severity(&self) -> Severity {
        match self {
            Self::ClusterAdmin | Self::Masters | Self::ControlPlane | Self::EverySecret | Self::Tokens => Severity::Critical,
            Self::Node | Self::SystemSecrets | Self::CloudIdentity => Severity::High,
            Self::Namespace(_) => Severity::Medium,
        }
    }

    /// As the command line takes it.
    pub fn name(&self) -> Cow<'a, str> {
        Cow::Borrowed(match self {
            Self::ClusterAdmin => "cluster-admin",
            Self::Masters => MASTERS,
            Self::ControlPlane => "control-plane",
            Self::Node => "node",
            Self::EverySecret => "every-secret",
            Self::SystemSecrets => "kube-system-secrets",
            Self::Tokens => "token-minting",
            Self::CloudIdentity => "cloud-identity",
            Self::Namespace(name) => return Cow::Owned(format!("namespace:{name}")),
        })
    }

    /// Whether reaching a vertex is reaching it.
    pub fn is(&self, vertex: &Vertex<'_>) -> bool {
        match (self, vertex) {
            (Self::ClusterAdmin, Vertex::Power(Power::Everything, Scope::Cluster))
            | (Self::Masters, Vertex::Identity(Identity::Group(MASTERS)))
            | (Self::ControlPlane, Vertex::Power(Power::ControlPlane, _))
            | (Self::Node, Vertex::Power(Power::Machines, _) | Vertex::Machine(_))
            | (Self::EverySecret, Vertex::Power(Power::Secrets, Scope::Cluster))
            | (Self::SystemSecrets, Vertex::Power(Power::Secrets, Scope::Namespace("kube-system")))
            | (Self::Tokens, Vertex::Power(Power::Accounts, Scope::Cluster))
            | (Self::CloudIdentity, Vertex::Cloud(_)) => true,
            (Self::Namespace(name), Vertex::Power(Power::Everything | Power::Accounts | Power::Code, Scope::Namespace(one))) => name == one,
            _ => false,
        }
    }
}

impl fmt::Display for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster => f.write_str("the cluster"),
            Self::Namespace(name) => write!(f, "namespace {name}"),
        }
    }
}
