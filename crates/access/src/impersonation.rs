//! Who may act as whom: the verb `impersonate`, and the constrained impersonation of Kubernetes 1.35 and later.
//!
//! Source: kubernetes apiserver `pkg/endpoints/filters/impersonation` (`constrained_impersonation.go`, `mode.go`); KEP-5284;
//! Kubernetes documentation, *User Impersonation*. Constrained impersonation is on since 1.36. With it, a requester needs a
//! verb on the identity, and for what is done under it another verb on what it is done to. The verb `impersonate` is asked
//! last, needs nothing else, and lets everything be done.

use crate::{Authorizer, Grant};
use plimsoll_model::names::{is_dns_label, is_dns_subdomain};
use plimsoll_model::rbac::{
    ANONYMOUS, AUTHENTICATED, MASTERS, NODE_PREFIX, NODES, Request, Resource, Rule, SERVICE_ACCOUNTS, Target, UNAUTHENTICATED, User,
    service_account,
};

/// The API group of the identities of constrained impersonation, and of uids and extra fields in either.
const GROUP: &str = "authentication.k8s.io";

/// Where authentication says on which node the pod of a service account's token runs.
const NODE_NAME: &str = "authentication.kubernetes.io/node-name";

/// From how many groups or extra values on `*` is asked for before each of them is.
const MANY: usize = 4;

/// A way to act as somebody else. In the order in which the API server tries them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// A service account as the node that its pod runs on.
    AssociatedNode,
    /// As any node.
    ArbitraryNode,
    /// As a service account.
    ServiceAccount,
    /// As anybody who is neither, with groups, uid and extra fields.
    UserInfo,
    /// The verb `impersonate`.
    Legacy,
}

/// How somebody may act as somebody else.
#[derive(Debug)]
pub struct How<'s, 'a> {
    /// The way that is open.
    pub mode: Mode,
    /// Who makes the request then, as the authorizers see it: with the groups that are implied.
    pub user: User,
    /// What allows it: for each permission that is needed the grant and the rule, the one on the request itself first. None
    /// for `system:masters`.
    pub allowed_by: Vec<(Grant<'s, 'a>, &'s Rule<'a>)>,
}

/// Why somebody may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The ways that were tried, and what each lacks, in the words of the API server (`status.message`, 403).
    pub tried: Vec<(Mode, String)>,
}

impl Refusal {
    /// The message of the API server: that of the first way that was tried. (To a requester who has impersonated before, it
    /// tries the way first that was open then.)
    pub fn message(&self) -> &str {
        self.tried.first().map_or("a request that acts as somebody has to name a user", |(_, message)| message)
    }
}

impl Mode {
    const ALL: [Self; 5] = [Self::AssociatedNode, Self::ArbitraryNode, Self::ServiceAccount, Self::UserInfo, Self::Legacy];

    /// The verb that is needed on the identity.
    pub fn verb(self) -> &'static str {
        match self {
            Self::AssociatedNode => "impersonate:associated-node",
            Self::ArbitraryNode => "impersonate:arbitrary-node",
            Self::ServiceAccount => "impersonate:serviceaccount",
            Self::UserInfo => "impersonate:user-info",
            Self::Legacy => "impersonate",
        }
    }

    /// The verb that is needed for a verb that is used under the identity; `None` where none is.
    pub fn verb_on(self, verb: &str) -> Option<String> {
        self.verb().split_once(':').map(|(_, mode)| format!("impersonate-on:{mode}:{verb}"))
    }

    /// Whether it is a way for `user` to act as `target` at all.
    fn is_about(self, user: &User, target: &User) -> bool {
        let has_name_only = target.groups.is_empty() && target.uid.is_empty() && target.extra.is_empty();
        let node = node(&target.name);
        match self {
            Self::AssociatedNode => has_name_only && node.is_some() && account(&user.name).is_some() && own_node(user) == node,
            Self::ArbitraryNode => has_name_only && node.is_some(),
            Self::ServiceAccount => has_name_only && account(&target.name).is_some(),
            Self::UserInfo => node.is_none() && account(&target.name).is_none(),
            Self::Legacy => true,
        }
    }
}

/// Says whether `user` may act as `target`, who has the groups, uid and extra fields that the request asks for and no others
/// ([`User::exactly`]), to do what `request` says.
///
/// Without a request, it is asked whether there is any way, and the one first that lets everything be done. What may be done
/// in another one is then not looked at: it takes the verb of [`Mode::verb_on`] on something.
///
/// # Errors
/// What `user` lacks in each way.
pub fn may_impersonate<'s, 'a>(
    authorizer: &'s Authorizer<'a>,
    user: &User,
    target: &User,
    request: Option<&Request<'_>>,
) -> Result<How<'s, 'a>, Refusal> {
    let mut modes = Mode::ALL;
    if request.is_none() {
        modes.rotate_right(1);
    }
    let mut tried = Vec::new();
    for mode in modes.into_iter().filter(|mode| !target.name.is_empty() && mode.is_about(user, target)) {
        let mut attempt = Attempt { authorizer, user, mode, allowed_by: Vec::new() };
        match attempt.check(target, request) {
            Ok(()) => return Ok(How { mode, user: becomes(mode, target), allowed_by: attempt.allowed_by }),
            Err(message) => tried.push((mode, message)),
        }
    }
    Err(Refusal { tried })
}

/// One way, as far as it was looked at.
struct Attempt<'q, 's, 'a> {
    authorizer: &'s Authorizer<'a>,
    user: &'q User,
    mode: Mode,
    allowed_by: Vec<(Grant<'s, 'a>, &'s Rule<'a>)>,
}

impl Attempt<'_, '_, '_> {
    fn check(&mut self, target: &User, request: Option<&Request<'_>>) -> Result<(), String> {
        if let Some(request) = request
            && let Some(verb) = self.mode.verb_on(request.verb)
        {
            self.allow(&Request { verb: &verb, target: request.target })?;
        }
        self.check_name(&target.name)?;
        if !target.uid.is_empty() {
            self.allow(&self.identity(GROUP, "uids", &target.uid))?;
        }
        self.check_groups(&target.groups)?;
        self.check_extra(target)
    }

    fn check_name(&mut self, name: &str) -> Result<(), String> {
        let request = match (self.mode, account(name), node(name)) {
            (mode, Some((namespace, name)), _) => Request::resource(mode.verb(), self.group(), "serviceaccounts", namespace, name),
            // The answer has to hold for every node that the service account has pods on.
            (Mode::AssociatedNode, None, Some(_)) => self.identity(GROUP, "nodes", "*"),
            (Mode::ArbitraryNode, None, Some(node)) => self.identity(GROUP, "nodes", node),
            _ => self.identity(self.group(), "users", name),
        };
        self.allow(&request)
    }

    fn check_groups(&mut self, groups: &[String]) -> Result<(), String> {
        let group = self.group();
        if self.mode != Mode::Legacy {
            if groups.iter().any(String::is_empty) {
                return Err(self.forbidden(&self.identity(group, "groups", ""), "impersonating the empty string group is not allowed"));
            }
            if groups.iter().any(|one| one == MASTERS) {
                let reason = "impersonating the system:masters group is not allowed";
                return Err(self.forbidden(&self.identity(group, "groups", MASTERS), reason));
            }
            if groups.len() >= MANY && self.allow(&self.identity(group, "groups", "*")).is_ok() {
                return Ok(());
            }
        }
        groups.iter().try_for_each(|one| self.allow(&self.identity(group, "groups", one)))
    }

    fn check_extra(&mut self, target: &User) -> Result<(), String> {
        if self.mode != Mode::Legacy {
            if let Some(reason) = target.extra.iter().find_map(|(key, values)| wrong_extra(key, values)) {
                return Err(self.forbidden(&self.identity(GROUP, "userextras", ""), &reason));
            }
            let is_many = target.extra.len() >= MANY || target.extra.values().map(Vec::len).sum::<usize>() >= MANY;
            if is_many && self.allow(&self.identity(GROUP, "userextras/*", "*")).is_ok() {
                return Ok(());
            }
        }
        for (key, values) in &target.extra {
            let resource = format!("userextras/{key}");
            values.iter().try_for_each(|value| self.allow(&self.identity(GROUP, &resource, value)))?;
        }
        Ok(())
    }

    /// The API group of users, groups and service accounts.
    fn group(&self) -> &'static str {
        if self.mode == Mode::Legacy { "" } else { GROUP }
    }

    fn identity<'n>(&self, group: &'n str, resource: &'n str, name: &'n str) -> Request<'n> {
        Request::resource(self.mode.verb(), group, resource, "", name)
    }

    fn allow(&mut self, request: &Request<'_>) -> Result<(), String> {
        let decision = self.authorizer.authorize(self.user, request);
        if !decision.is_allowed() {
            return Err(self.forbidden(request, &decision.reason()));
        }
        self.allowed_by.extend(decision.allowed_by);
        Ok(())
    }

    /// The message of a refusal (apiserver `pkg/endpoints/handlers/responsewriters/errors.go`).
    fn forbidden(&self, request: &Request<'_>, reason: &str) -> String {
        let (user, verb) = (&self.user.name, request.verb);
        let (subject, cannot) = match request.target {
            Target::Path(path) => ("forbidden".to_owned(), format!("User {user:?} cannot {verb} path {path:?}")),
            Target::Resource(Resource { group, resource, subresource, namespace, name }) => {
                let qualified = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
                let subject =
                    if name.is_empty() { format!("{qualified} is forbidden") } else { format!("{qualified} {name:?} is forbidden") };
                let resource = if subresource.is_empty() { resource.to_owned() } else { format!("{resource}/{subresource}") };
                let place =
                    if namespace.is_empty() { "at the cluster scope".to_owned() } else { format!("in the namespace {namespace:?}") };
                (subject, format!("User {user:?} cannot {verb} resource {resource:?} in API group {group:?} {place}"))
            }
        };
        // What could be taken for HTML is not shown as it is.
        let cannot = cannot.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        if reason.is_empty() { format!("{subject}: {cannot}") } else { format!("{subject}: {cannot}: {reason}") }
    }
}

/// Who the request is made as.
fn becomes(mode: Mode, target: &User) -> User {
    let mut user = target.clone();
    if mode != Mode::Legacy && node(&user.name).is_some() {
        user.groups = vec![NODES.to_owned()];
    } else if let Some((namespace, _)) = account(&user.name).filter(|_| user.groups.is_empty()) {
        user.groups = vec![SERVICE_ACCOUNTS.to_owned(), format!("{SERVICE_ACCOUNTS}:{namespace}")];
    }
    let implied = if user.name == ANONYMOUS { UNAUTHENTICATED } else { AUTHENTICATED };
    if !user.is_in(implied) && !user.is_in(UNAUTHENTICATED) {
        user.groups.push(implied.to_owned());
    }
    user
}

/// What constrained impersonation does not accept as an extra field.
fn wrong_extra(key: &str, values: &[String]) -> Option<String> {
    let is_of_path = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&byte);
    let is_domain_path = |(domain, path): (&str, &str)| is_dns_subdomain(domain) && path.bytes().all(is_of_path);
    let what = match key.split_once('/').filter(|(domain, path)| !domain.is_empty() && !path.is_empty()) {
        _ if key.is_empty() => "the empty string key in extra is not allowed".to_owned(),
        None => format!(
            "an invalid key in extra is not allowed: extra.key: Invalid value: {key:?}: must be a domain-prefixed path (such as \"acme.io/foo\")"
        ),
        Some(parts) if !is_domain_path(parts) => format!("an invalid key in extra is not allowed: extra.key: Invalid value: {key:?}"),
        Some(_) if key.to_lowercase() != key => format!("a non-lowercase key in extra is not allowed: {key:?}"),
        Some(_) if values.is_empty() => "empty values in extra is not allowed".to_owned(),
        Some(_) if values.iter().any(String::is_empty) => "the empty string value in extra is not allowed".to_owned(),
        Some(_) => return None,
    };
    Some(format!("impersonating {what}"))
}

/// Namespace and name of the service account that a user name means, if there can be such a one.
fn account(user: &str) -> Option<(&str, &str)> {
    service_account(user).filter(|(namespace, name)| is_dns_label(namespace) && is_dns_subdomain(name))
}

/// The node that a user name means, if there can be such a one.
fn node(user: &str) -> Option<&str> {
    user.strip_prefix(NODE_PREFIX).filter(|name| is_dns_subdomain(name))
}

/// The node that the pod of a service account runs on, as its token says.
fn own_node(user: &User) -> Option<&str> {
    match user.extra.get(NODE_NAME).map(Vec::as_slice) {
        Some([node]) => Some(node),
        _ => None,
    }
}
