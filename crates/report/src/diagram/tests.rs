//! Layouts, and names that mean harm.
use super::*;
use crate::escape::HOSTILE;

fn node(label: &str, group: Option<usize>, is_sink: bool, members: usize) -> Node {
    Node {
        label: label.to_owned(),
        caption: label.to_owned(),
        severity: Some(Severity::High),
        is_sink,
        group,
        members: (0..members).map(|at| format!("{label} {at}")).collect(),
    }
}

fn edge(from: usize, to: usize, label: &str) -> Edge {
    Edge { from, to, label: label.to_owned(), severity: Some(Severity::High), is_assumed: true, facts: vec![label.to_owned()] }
}

fn written(diagram: &Diagram, form: Form) -> String {
    let mut out = Vec::new();
    render(diagram, form, &mut out).expect("written");
    String::from_utf8(out).expect("UTF-8")
}

fn diagram(nodes: Vec<Node>, edges: Vec<Edge>) -> Diagram {
    Diagram {
        title: "ways".to_owned(),
        summary: "all".to_owned(),
        notes: Vec::new(),
        groups: vec![Group { name: "one".to_owned() }, Group { name: "two".to_owned() }],
        nodes,
        edges,
    }
}

#[test]
fn names_stay_text() {
    let mut hostile = diagram(vec![node(HOSTILE, Some(0), false, 40), node(HOSTILE, None, true, 1)], vec![edge(0, 1, HOSTILE)]);
    (hostile.title, hostile.summary) = (HOSTILE.to_owned(), HOSTILE.to_owned());
    (hostile.notes, hostile.groups) = (vec![HOSTILE.to_owned()], vec![Group { name: HOSTILE.to_owned() }]);
    for form in [Form::Html, Form::Svg] {
        let text = written(&hostile, form);
        assert!(!text.contains("<script>alert") && !text.contains("<img") && !text.contains('\u{1b}'), "{text}");
        assert!(text.contains("&lt;script&gt;alert(1)"));
    }
    // One script and one style of our own, and nothing from elsewhere.
    let page = written(&hostile, Form::Html);
    assert_eq!((page.matches("<script").count(), page.matches("</script>").count()), (1, 1));
    assert!(!page.contains("http:") || page.matches("http:").count() == page.matches("http://www.w3.org/2000/svg").count());
    let dot = written(&hostile, Form::Dot);
    let is_quoted = |line: &str| line.replace("\\\\", "").replace("\\\"", "").matches('"').count().is_multiple_of(2);
    assert!(dot.lines().all(is_quoted), "{dot}");
    assert!(serde_json::from_str::<serde_json::Value>(&written(&hostile, Form::Json)).is_ok());
}

#[test]
fn layers_lead_to_the_right_and_nothing_overlaps() {
    let many = 40;
    let mut nodes = vec![node("sink", None, true, 1), node("power", None, false, 1), node("other", None, false, 1)];
    let mut edges = vec![edge(1, 0, "root"), edge(2, 1, "steal")];
    for at in 0..many {
        nodes.push(node(&format!("who {at}"), Some(at % 2), false, 1));
        edges.push(edge(at + 3, [1, 2, 0][at % 3], "create-pods"));
        edges.push(edge(at + 3, [2, 0, 1][at % 3], "read-secrets"));
    }
    let diagram = diagram(nodes, edges);
    let layout = layout::layout(&diagram);
    for edge in &diagram.edges {
        let (from, to) = (layout.nodes[edge.from], layout.nodes[edge.to]);
        assert!(from.0 + layout::NODE_WIDTH < to.0, "{edge:?}");
    }
    for (at, one) in layout.nodes.iter().enumerate() {
        for other in layout.nodes.iter().skip(at + 1).filter(|other| (other.0 - one.0).abs() < 1.0) {
            assert!(one.1 + one.2 <= other.1 || other.1 + other.2 <= one.1, "{one:?} {other:?}");
        }
    }
    // All that starts a way stands in the first column, each group below its heading.
    assert!(layout.nodes.iter().skip(3).all(|node| (node.0 - layout::MARGIN).abs() < 1.0));
    assert_eq!(layout.headings.len(), 2);
    assert_eq!(layout.edges.len(), diagram.edges.len());
}

#[test]
fn circles_loops_and_edges_to_nowhere_are_drawn_or_left_out() {
    let circle = diagram(
        vec![node("a", None, false, 1), node("b", None, false, 1), node("c", None, true, 1)],
        vec![edge(0, 1, "x"), edge(1, 0, "y"), edge(1, 2, "z"), edge(2, 2, "self"), edge(0, 9, "nowhere")],
    );
    let layout = layout::layout(&circle);
    assert_eq!(layout.edges.len(), 3);
    assert!(layout.edges.iter().flat_map(|route| &route.points).all(|point| point.0.is_finite() && point.1.is_finite()));
    assert!(written(&Diagram::default(), Form::Html).contains("Nothing leads anywhere"));
}

#[test]
fn the_same_diagram_is_the_same_text() {
    let one = || diagram(vec![node("a", Some(0), false, 3), node("b", None, true, 1)], vec![edge(0, 1, "x")]);
    for form in [Form::Html, Form::Svg, Form::Dot, Form::Json] {
        assert_eq!(written(&one(), form), written(&one(), form));
    }
}
