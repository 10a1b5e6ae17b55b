//! Which workloads are the controllers that forward what comes in.

use super::By;
use crate::world::{Endpoint, World};
use plimsoll_model::{Inventory, Node, Object};
use std::collections::{BTreeMap, BTreeSet};

/// A controller that is known by its image or a label.
struct Known {
    /// `spec.controller` of its IngressClasses, or `spec.controllerName` of its GatewayClasses, up to the first slash.
    domain: &'static str,
    /// What its IngressClass is mostly called: tells where the class itself was not read.
    class: &'static str,
    /// How the repository of the image ends whose container sends to pods; empty where only the label tells.
    image: &'static str,
    /// A label of its pods.
    label: &'static str,
}

const KNOWN: [Known; 7] = [
    Known { domain: "k8s.io", class: "nginx", image: "ingress-nginx/controller", label: "" },
    Known { domain: "nginx.org", class: "nginx", image: "nginx/nginx-ingress", label: "" },
    Known { domain: "traefik.io", class: "traefik", image: "traefik", label: "" },
    Known { domain: "haproxy.org", class: "haproxy", image: "haproxytech/kubernetes-ingress", label: "" },
    Known { domain: "haproxy-ingress.github.io", class: "haproxy", image: "haproxy-ingress", label: "" },
    Known { domain: "ingress-controllers.konghq.com", class: "kong", image: "kong", label: "" },
    Known {
        domain: OPENSHIFT,
        class: "openshift-default",
        image: "haproxy-router",
        label: "ingresscontroller.operator.openshift.io/deployment-ingresscontroller",
    },
];

const OPENSHIFT: &str = "openshift.io";

/// The label of what a Gateway is made of (Gateway API, GEP-1762).
const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";

/// The controllers that were read.
pub(super) struct Controllers<'a> {
    /// Places of their endpoints, by [`Known::domain`].
    running: BTreeMap<&'static str, Vec<usize>>,
    /// The domain of each IngressClass.
    classes: BTreeMap<&'a str, &'a str>,
    /// The class of Ingresses that name none.
    default: Option<&'a str>,
    /// The domain of each GatewayClass.
    gateway_classes: BTreeMap<&'a str, &'a str>,
    /// Places of the endpoints of Gateways, by namespace and name.
    gateways: BTreeMap<(&'a str, &'a str), Vec<usize>>,
}

impl<'a> Controllers<'a> {
    pub(super) fn new(inventory: &Inventory<'a>, world: &World<'a>) -> Self {
        let mut running: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut gateways: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (at, endpoint) in world.endpoints.iter().enumerate() {
            for known in KNOWN.iter().filter(|known| known.is(endpoint)) {
                running.entry(known.domain).or_default().push(at);
            }
            if let Some(name) = endpoint.labels.get(GATEWAY_NAME) {
                gateways.entry((world.namespace_of(endpoint).name, name)).or_default().push(at);
            }
        }
        let domain = |object: &Object<'a>, key: &str| {
            let controller = object.node.at(&["spec", key]).map_or("", Node::text);
            (object.name, controller.split('/').next().unwrap_or_default())
        };
        let is_default = |object: &Object<'a>| {
            let annotations = object.node.at(&["metadata", "annotations"]);
            annotations.and_then(|all| all.get("ingressclass.kubernetes.io/is-default-class")).is_some_and(|word| word.text() == "true")
        };
        Self {
            running,
            classes: inventory.of_kind("IngressClass").map(|object| domain(&object, "controller")).collect(),
            default: inventory.of_kind("IngressClass").filter(is_default).map(|object| object.name).next(),
            gateway_classes: inventory.of_kind("GatewayClass").map(|object| domain(&object, "controllerName")).collect(),
            gateways,
        }
    }

    /// Whoever forwards what an Ingress says.
    pub(super) fn of_ingress(&self, object: Object<'a>) -> By {
        let annotation = || object.node.at(&["metadata", "annotations"])?.get("kubernetes.io/ingress.class");
        let named = object.node.at(&["spec", "ingressClassName"]).or_else(annotation).map(Node::text);
        let Some(class) = named.or(self.default) else {
            // Without any class it is for whoever is there.
            return self.by(|_| true);
        };
        match self.classes.get(class) {
            Some(domain) => self.by(|known| known.domain == *domain),
            None => self.by(|known| known.class == class),
        }
    }

    /// Whoever forwards what a Route says.
    pub(super) fn of_route(&self) -> By {
        self.by(|known| known.domain == OPENSHIFT)
    }

    /// Whoever forwards what comes to a Gateway of a class.
    pub(super) fn of_gateway(&self, namespace: &str, name: &str, class: &str) -> By {
        match (self.gateways.get(&(namespace, name)), self.gateway_classes.get(class)) {
            (Some(pods), _) => By::Controller(pods.clone()),
            (None, Some(domain)) => self.by(|known| known.domain == *domain),
            (None, None) => By::Unknown,
        }
    }

    fn by(&self, is_meant: impl Fn(&Known) -> bool) -> By {
        let running = KNOWN.iter().filter(|known| is_meant(known)).filter_map(|known| self.running.get(known.domain));
        let pods: BTreeSet<usize> = running.flatten().copied().collect();
        if pods.is_empty() { By::Unknown } else { By::Controller(pods.into_iter().collect()) }
    }
}

impl Known {
    fn is(&self, endpoint: &Endpoint<'_>) -> bool {
        if !self.label.is_empty() && endpoint.labels.get(self.label).is_some() {
            return true;
        }
        let containers = endpoint.template.and_then(|template| template.at(&["spec", "containers"])).into_iter().flat_map(Node::items);
        let mut images = containers.filter_map(|container| container.get("image")).map(Node::text);
        images.any(|image| {
            let repository = repository(image);
            repository.strip_suffix(self.image).is_some_and(|front| front.is_empty() || front.ends_with('/'))
        })
    }
}

/// An image reference without tag and digest.
fn repository(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or_default();
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    match name.get(last..).and_then(|last| last.find(':')) {
        Some(colon) => name.get(..last + colon).unwrap_or(name),
        None => name,
    }
}
