//! Which ways in lead where, who sends on them, and what arrives.

#![cfg(test)]

use plimsoll_model::{Inventory, Limits, Origin, Snapshot, Source, WorkloadKinds, parse};
use plimsoll_network::entrances::{By, FromUnknown};
use plimsoll_network::matrix::Matrix;
use plimsoll_network::{Settings, World};

/// Pods, a Service for them, and what cases add.
const BASE: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: a}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, labels: {app: web}}, spec: {containers: [{name: c, image: web,
  ports: [{name: http, containerPort: 8080}, {name: admin, containerPort: 9090}]}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: old, namespace: shop, labels: {app: web}}, spec: {containers: [{name: c, image: web,
  ports: [{name: http, containerPort: 80}]}]}, status: {podIP: 10.0.0.9}}
---
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {selector: {app: web},
  ports: [{name: public, port: 80, targetPort: http}, {name: plain, port: 8443}]}}
";

/// The entrances one a line: `Kind name by WHO -> pod: traffic, pod: traffic`; `(…)` around what does not arrive.
fn ways(more: &str) -> Vec<String> {
    let text = format!("{BASE}---\n{more}");
    let (documents, problems) = parse(&Source::new("case", Origin::File, text), Limits::default());
    let snapshot = Snapshot { documents, problems };
    let inventory = Inventory::new(&snapshot, &WorkloadKinds::default());
    let world = World::new(&inventory, Settings::default());
    let matrix = Matrix::new(&world);
    let name = |at: &usize| world.endpoints.get(*at).map_or("", |endpoint| endpoint.name);
    let line = |entrance: &plimsoll_network::entrances::Entrance<'_>| {
        let arriving = entrance.arrives(&world, &matrix, &mut FromUnknown::default());
        let to: Vec<_> = entrance
            .leads_to
            .iter()
            .map(|(at, sent)| match arriving.get(at) {
                Some(traffic) => format!("{} {traffic}", name(at)),
                None => format!("({} {sent})", name(at)),
            })
            .collect();
        let by = match &entrance.by {
            By::Controller(pods) => pods.iter().map(name).collect::<Vec<_>>().join("+"),
            By::Unknown => "?".to_owned(),
            By::Clients(addresses) => addresses.to_string(),
        };
        format!("{} {} by {by}: {}", entrance.object.kind, entrance.object.name, to.join(", "))
    };
    let problems = snapshot.problems.iter().chain(&inventory.problems).chain(&world.problems);
    world.entrances.iter().map(line).chain(problems.map(|problem| format!("problem: {}", problem.message))).collect()
}

fn ingress(spec: &str) -> String {
    format!("{{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {{name: in, namespace: shop}}, spec: {spec}}}")
}

/// A policy for the Pod `web` that lets in what `rules` say.
fn policy(rules: &str) -> String {
    format!(
        "\n---\n{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: p, namespace: shop}},
  spec: {{podSelector: {{matchExpressions: [{{key: app, operator: Exists}}]}}, ingress: {rules}}}}}"
    )
}

const NGINX: &str = "
---
{apiVersion: v1, kind: Namespace, metadata: {name: edge, labels: {team: edge}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: nginx, namespace: edge}, spec: {containers: [{name: c,
  image: \"registry.k8s.io/ingress-nginx/controller:v1.11@sha256:00\"}]}}
---
{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: public}, spec: {controller: k8s.io/ingress-nginx}}
";

#[test]
fn ingresses_and_routes() {
    let by_name = "{rules: [{http: {paths: [{backend: {service: {name: web, port: {name: public}}}}]}}]}";
    let edge = "[{from: [{namespaceSelector: {matchLabels: {team: edge}}}]}]";
    let route =
        |spec: &str| format!("{{apiVersion: route.openshift.io/v1, kind: Route, metadata: {{name: r, namespace: shop}}, spec: {spec}}}");
    let table = [
        (ingress(by_name), "Ingress in by ?: old TCP 80, web TCP 8080"),
        // A number is the Service's; what names no port of a pod is the Service's number.
        (ingress("{defaultBackend: {service: {name: web, port: {number: 8443}}}}"), "Ingress in by ?: old TCP 8443, web TCP 8443"),
        (ingress("{backend: {serviceName: web, servicePort: 80}}"), "Ingress in by ?: old TCP 80, web TCP 8080"),
        (ingress("{defaultBackend: {service: {name: gone, port: {number: 80}}}}"), ""),
        (
            ingress("{defaultBackend: {service: {name: web}}}"),
            "problem: the backend `web` of the Ingress `in` needs a port, by `number` or `name`",
        ),
        // Who is not known is let in by rules about anyone only.
        (ingress(by_name) + &policy(edge), "Ingress in by ?: (old TCP 80), (web TCP 8080)"),
        (ingress(by_name) + &policy("[{from: [{namespaceSelector: {}}]}]"), "Ingress in by ?: old TCP 80, web TCP 8080"),
        (ingress(by_name) + &policy("[{ports: [{port: 8080}]}]"), "Ingress in by ?: (old TCP 80), web TCP 8080"),
        (ingress(by_name) + &policy("[{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]"), "Ingress in by ?: old TCP 80, web TCP 8080"),
        // A controller that was read is asked about itself.
        (ingress(by_name) + NGINX + &policy(edge), "Ingress in by nginx: old TCP 80, web TCP 8080"),
        (
            ingress("{ingressClassName: public, defaultBackend: {service: {name: web, port: {number: 80}}}}") + NGINX,
            "Ingress in by nginx: old TCP 80, web TCP 8080",
        ),
        (
            ingress("{ingressClassName: other, defaultBackend: {service: {name: web, port: {number: 80}}}}") + NGINX + &policy(edge),
            "Ingress in by ?: (old TCP 80), (web TCP 8080)",
        ),
        (route("{to: {kind: Service, name: web}}"), "Route r by ?: old TCP 80, 8443, web TCP 8080, 8443"),
        (route("{to: {name: web}, port: {targetPort: public}}"), "Route r by ?: old TCP 80, web TCP 8080"),
        // A number is that of the pods.
        (route("{to: {name: none}, alternateBackends: [{name: web}], port: {targetPort: 8080}}"), "Route r by ?: web TCP 8080"),
        (route("{to: {kind: Other, name: web}}"), ""),
    ];
    for (objects, wanted) in table {
        assert_eq!(ways(&objects).join("; "), wanted, "{objects}");
    }
}

#[test]
fn services_open_to_the_outside() {
    let service = |spec: &str| format!("{{apiVersion: v1, kind: Service, metadata: {{name: s, namespace: shop}}, spec: {spec}}}");
    let table = [
        (
            service("{type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: admin}]}"),
            "Service s by all addresses: web TCP 9090",
        ),
        (
            service("{selector: {app: web}, ports: [{port: 80}], externalIPs: [192.0.2.1]}"),
            "Service s by all addresses: old TCP 80, web TCP 80",
        ),
        (service("{selector: {app: web}, ports: [{port: 80}]}"), ""),
        (service("{type: LoadBalancer, clusterIP: None, ports: [{port: 80}]}"), ""),
        (
            service(
                "{type: LoadBalancer, loadBalancerSourceRanges: [203.0.113.0/24], selector: {app: web}, ports: [{port: 80, protocol: UDP}]}",
            ) + &policy("[{from: [{ipBlock: {cidr: 203.0.113.0/28}}]}]"),
            "Service s by 203.0.113.0/24: old UDP 80, web UDP 80",
        ),
        (
            service("{type: LoadBalancer, loadBalancerSourceRanges: [203.0.113.0/24], selector: {app: web}, ports: [{port: 80}]}")
                + &policy("[{from: [{ipBlock: {cidr: 198.51.100.0/24}}]}]"),
            "Service s by 203.0.113.0/24: (old TCP 80), (web TCP 80)",
        ),
        (
            service("{type: NodePort, selector: {app: web}, ports: [{port: 0}]}"),
            "problem: a port of a Service needs a `port` between 1 and 65535, and one of the protocols TCP, UDP and SCTP",
        ),
        (
            service("{type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}").replace(
                "namespace: shop}",
                "namespace: shop, annotations: {service.beta.kubernetes.io/azure-load-balancer-internal: 'true'}}",
            ),
            "Service s by 10.0.0.0/8, 100.64.0.0/10, 172.16.0.0/12, 192.168.0.0/16, fc00::/7: old TCP 80, web TCP 80",
        ),
        (
            service("{type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}").replace(
                "namespace: shop}",
                "namespace: shop, annotations: {service.beta.kubernetes.io/load-balancer-source-ranges: '192.0.2.0/24, x'}}",
            ),
            "Service s by 192.0.2.0/24: old TCP 80, web TCP 80; problem: the source range `x` has no prefix length, as in `10.0.0.0/8`",
        ),
        // Without a selector, slices say what is behind it.
        (
            service("{type: NodePort, ports: [{name: x, port: 80}]}")
                + "\n---\n{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: s-1, namespace: shop,
  labels: {kubernetes.io/service-name: s}}, endpoints: [{addresses: [10.0.0.9]}], ports: [{name: x, port: 81, protocol: TCP}]}",
            "Service s by all addresses: old TCP 81",
        ),
        (service("{type: ExternalName, externalName: example.org, selector: {app: web}, ports: [{port: 80}]}"), ""),
    ];
    for (objects, wanted) in table {
        assert_eq!(ways(&objects).join("; "), wanted, "{objects}");
    }
}

#[test]
fn routes_of_gateways() {
    let gateway = |listener: &str| {
        format!(
            "
---
{{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {{name: g, namespace: edge}}, spec: {{gatewayClassName: c,
  listeners: [{{name: l, port: 80, protocol: HTTP{listener}}}]}}}}
---
{{apiVersion: v1, kind: Pod, metadata: {{name: envoy, namespace: edge, labels: {{gateway.networking.k8s.io/gateway-name: g}}}},
  spec: {{containers: [{{name: c, image: envoy}}]}}}}"
        )
    };
    let route = |kind: &str, parent: &str, backend: &str| {
        format!(
            "{{apiVersion: gateway.networking.k8s.io/v1, kind: {kind}, metadata: {{name: r, namespace: shop}},
  spec: {{parentRefs: [{{name: g, namespace: edge{parent}}}], rules: [{{backendRefs: [{{name: web, port: 80{backend}}}]}}]}}}}"
        )
    };
    let all = ", allowedRoutes: {namespaces: {from: All}}";
    let some = |team: &str| format!(", allowedRoutes: {{namespaces: {{from: Selector, selector: {{matchLabels: {{team: {team}}}}}}}}}");
    let leads = "HTTPRoute r by envoy: old TCP 80, web TCP 8080";
    let table = [
        (route("HTTPRoute", "", "") + &gateway(all), leads),
        (route("HTTPRoute", "", "") + &gateway(&some("a")), leads),
        (route("HTTPRoute", "", "") + &gateway(&some("b")), ""),
        // By default a listener takes routes of its own namespace.
        (route("HTTPRoute", "", "") + &gateway(""), ""),
        (route("HTTPRoute", ", sectionName: l", "") + &gateway(all), leads),
        (route("HTTPRoute", ", sectionName: other", "") + &gateway(all), ""),
        (route("TCPRoute", "", "") + &gateway(all), ""),
        (route("HTTPRoute", ", kind: Service, group: ''", "") + &gateway(all), ""),
        (route("HTTPRoute", "", ", weight: 0") + &gateway(all), ""),
        // A Gateway that was not read may take it.
        (route("UDPRoute", "", ""), "UDPRoute r by ?: old TCP 80, web TCP 8080"),
        // Into another namespace it takes a grant of that one.
        (route("HTTPRoute", "", ", namespace: edge") + &gateway(all), ""),
    ];
    for (objects, wanted) in table {
        assert_eq!(ways(&objects).join("; "), wanted, "{objects}");
    }
    let elsewhere = |grant: &str| {
        route("HTTPRoute", "", "")
            .replace("namespace: shop}", "namespace: other}")
            .replace("name: web, port", "name: web, namespace: shop, port")
            + &gateway(all)
            + grant
    };
    let grant = "
---
{apiVersion: gateway.networking.k8s.io/v1beta1, kind: ReferenceGrant, metadata: {name: g, namespace: shop},
  spec: {from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: other}], to: [{group: '', kind: Service}]}}";
    assert_eq!((ways(&elsewhere("")).join("; "), ways(&elsewhere(grant)).join("; ")), (String::new(), leads.to_owned()));
}
