//! Maps of all sizes, and names that mean harm.

use super::fold::{Zone, fold};
use super::layout::{Rect, layout};
use super::route::curves;
use super::*;
use crate::escape::HOSTILE;
use std::collections::BTreeSet;

fn place(label: &str, region: Option<usize>) -> Place {
    let kind = if region.is_some() { PlaceKind::Workload } else { PlaceKind::Outside };
    Place { label: label.to_owned(), caption: format!("{label} kind"), region, kind, facts: vec![format!("{label} fact")] }
}

fn way(from: usize, to: usize, label: &str) -> Way {
    Way { from, to, label: label.to_owned(), state: WayState::Open, facts: vec![format!("{label} fact")] }
}

/// Regions with so many places each, some places outside, and as many ways as are asked for, here and there.
fn world(regions: usize, each: usize, outside: usize, ways: usize) -> Map {
    let mut map = Map { title: "world".to_owned(), ..Map::default() };
    map.regions = (0..regions).map(|at| format!("region-{at}")).collect();
    map.places = (0..regions * each).map(|at| place(&format!("place-{at}"), Some(at / each))).collect();
    map.places.extend((0..outside).map(|at| place(&format!("outside-{at}"), None)));
    let mut seed = 1_usize;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let count = map.places.len();
    let labels = ["TCP 80", "UDP 53", "all", "TCP 80; UDP 53", "SCTP 9"];
    for _ in 0..ways {
        // Mostly downstream, and the first places receive the most.
        let (one, two) = (next(count), next(count));
        let (from, to) = if next(4) == 0 { (one, two % 7 % count) } else { (one.min(two), one.max(two)) };
        map.ways.push(way(from, to, labels[next(labels.len())]));
    }
    map
}

/// Everybody with everybody, but for what leads to the last.
fn mesh(regions: usize, each: usize) -> Map {
    let mut map = world(regions, each, 1, 0);
    let count = map.places.len();
    map.ways = (0..count * (count - 1)).map(|at| way(at / (count - 1), at % (count - 1), "all")).filter(|way| way.from != way.to).collect();
    map
}

fn worlds() -> Vec<Map> {
    let sizes = [(1, 1, 0, 0), (1, 12, 1, 15), (3, 4, 2, 30), (6, 5, 5, 120), (20, 10, 6, 2000), (40, 5, 50, 700), (2, 90, 0, 400)];
    let mut worlds: Vec<_> = sizes.into_iter().map(|(regions, each, outside, ways)| world(regions, each, outside, ways)).collect();
    worlds.extend([mesh(5, 6), mesh(1, 30), world(0, 1, 5, 12), Map::default()]);
    worlds
}

fn written(map: &Map, form: Form) -> String {
    let mut out = Vec::new();
    render(map, form, &mut out).expect("written");
    String::from_utf8(out).expect("UTF-8")
}

/// What a page tells its script.
fn data(page: &str) -> serde_json::Value {
    let (_, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").expect("data");
    serde_json::from_str(rest.split_once("</script>").expect("an end").0).expect("JSON")
}

#[test]
fn every_way_is_drawn_once() {
    for map in worlds() {
        let folded = fold(&map);
        let lines = folded.lines.iter().map(|line| &line.ways).chain(folded.bundles.iter().map(|bundle| &bundle.ways));
        let mut drawn: Vec<usize> = lines.chain(folded.hubs.iter().map(|hub| &hub.ways)).flatten().copied().collect();
        drawn.sort_unstable();
        let wanted: Vec<usize> = (0..map.ways.len()).filter(|at| map.ways[*at].from != map.ways[*at].to).collect();
        assert_eq!(drawn, wanted);
        for hub in &folded.hubs {
            let pairs: BTreeSet<_> = hub.ways.iter().map(|at| (map.ways[*at].from, map.ways[*at].to)).collect();
            let all = hub.senders.iter().flat_map(|from| hub.receivers.iter().map(move |to| (*from, *to))).filter(|(from, to)| from != to);
            assert_eq!(pairs, all.collect());
        }
    }
}

#[test]
fn what_all_have_in_common_is_no_line() {
    let folded = fold(&mesh(5, 6));
    assert_eq!((folded.hubs.len(), folded.lines.len() + folded.bundles.len()), (1, 0));
    // Many ways make few lines.
    let many = world(20, 10, 6, 2000);
    let folded = fold(&many);
    assert!(folded.lines.len() + folded.bundles.len() < 700, "{} {}", folded.lines.len(), folded.bundles.len());
    // Few ways are all lines.
    let folded = fold(&world(3, 4, 2, 30));
    assert!(folded.hubs.is_empty() && folded.bundles.is_empty());
}

fn overlap(one: &Rect, two: &Rect) -> bool {
    one.x < two.right() && two.x < one.right() && one.y < two.bottom() && two.y < one.bottom()
}

fn holds(outer: &Rect, inner: &Rect) -> bool {
    outer.x < inner.x && inner.right() < outer.right() && outer.y < inner.y && inner.bottom() < outer.bottom()
}

#[test]
fn places_stand_in_their_regions_and_nothing_overlaps() {
    for map in worlds() {
        let layout = layout(&map, &fold(&map));
        let whole = Rect { x: 0.0, y: 0.0, width: layout.width, height: layout.height };
        let regions: Vec<&Rect> = layout.regions.iter().filter(|region| region.width > 0.0).collect();
        for (at, rect) in layout.places.iter().enumerate() {
            assert!(holds(&whole, rect), "{rect:?} {whole:?}");
            assert!(layout.places.iter().skip(at + 1).all(|other| !overlap(rect, other)));
            match Zone::of(&map, at) {
                Zone::Region(region) => assert!(holds(&layout.regions[region], rect)),
                Zone::Place(_) => assert!(regions.iter().all(|region| !overlap(region, rect))),
            }
        }
        for (at, rect) in regions.iter().enumerate() {
            assert!(holds(&whole, rect) && regions.iter().skip(at + 1).all(|other| !overlap(rect, other)));
        }
    }
}

#[test]
fn level_pieces_of_lines_cross_no_card() {
    for map in worlds() {
        let folded = fold(&map);
        let layout = layout(&map, &folded);
        let (lines, bundles) = curves(&folded, &layout);
        let mut pieces = 0;
        for curve in lines.iter().chain(&bundles) {
            // `…x yHx` is level at y.
            let parts: Vec<&str> = curve.path.split('H').collect();
            for pair in parts.windows(2) {
                let number = |text: &str| text.parse::<f64>().expect("a number");
                let (from, to) = (pair[0].rsplit([' ', 'C', 'M']).collect::<Vec<_>>(), pair[1].split('C').next().expect("x"));
                let (y, from, to) = (number(from[0]), number(from[1]), number(to));
                let (left, right) = (from.min(to), from.max(to));
                let is_hit = |card: &Rect| card.y < y && y < card.bottom() && card.x < right && left < card.right();
                assert!(!layout.places.iter().any(is_hit), "{}", curve.path);
                pieces += 1;
            }
        }
        assert!(pieces > 0 || map.ways.len() < 100 || !folded.hubs.is_empty());
    }
}

#[test]
fn everything_is_written() {
    let mut map = world(3, 4, 2, 30);
    map.ways[1].state = WayState::Added;
    map.ways[2].state = WayState::Removed;
    map.ways[3].state = WayState::Broken;
    map.ways.push(way(0, 99, "to nowhere"));
    map.places.push(Place { region: Some(77), kind: PlaceKind::Entrance, ..place("astray", None) });
    let (svg, page) = (written(&map, Form::Svg), written(&map, Form::Html));
    let folded = fold(&map);
    for text in [&svg, &page] {
        for (at, place) in map.places.iter().enumerate() {
            assert!(text.contains(&format!("data-place=\"{at}\"")) && text.contains(&format!(">{}</text>", place.label)));
        }
        for at in 0..folded.lines.len() {
            assert!(text.contains(&format!("data-line=\"{at}\"")));
        }
        assert!(map.regions.iter().all(|region| text.contains(&format!(">{region}</text>"))));
        for state in ["added", "removed", "broken"] {
            assert!(text.contains(&format!(" {state}\" data-line")), "{state}");
        }
        assert_eq!(text.matches("<g").count(), text.matches("</g>").count());
    }
    assert!(!svg.contains("to nowhere"));
    // Tooltips tell what is sent.
    let drawn = &map.ways[folded.lines[0].ways[0]];
    assert!(svg.contains(&format!("place-{} → ", drawn.from)) && svg.contains(&drawn.label));
    let data = data(&page);
    assert_eq!(data["places"].as_array().map(Vec::len), Some(map.places.len()));
    for (way, told) in map.ways.iter().zip(data["ways"].as_array().expect("ways")).filter(|(way, _)| way.to < map.places.len()) {
        let number = |at: usize| usize::try_from(told[at].as_u64().expect("a number")).expect("small");
        assert_eq!((way.from, way.to), (number(0), number(1)));
        assert_eq!((data["labels"][number(2)].as_str(), number(3)), (Some(way.label.as_str()), way.state as usize));
        assert_eq!(data["facts"][number(4)][0].as_str(), way.facts.first().map(String::as_str));
    }
    assert!(written(&Map::default(), Form::Html).contains("There is nobody here"));
}

#[test]
fn names_stay_text() {
    let mut hostile = mesh(2, 4);
    for place in &mut hostile.places {
        (place.label, place.caption, place.facts) = (HOSTILE.to_owned(), HOSTILE.to_owned(), vec![HOSTILE.to_owned(); 40]);
    }
    for way in &mut hostile.ways {
        (way.label, way.facts) = (HOSTILE.to_owned(), vec![HOSTILE.to_owned()]);
    }
    (hostile.title, hostile.summary, hostile.notes) = (HOSTILE.to_owned(), HOSTILE.to_owned(), vec![HOSTILE.to_owned()]);
    hostile.regions = vec![HOSTILE.to_owned(); 2];
    for form in [Form::Html, Form::Svg] {
        let text = written(&hostile, form);
        assert!(!text.contains("<script>alert") && !text.contains("<img") && !text.contains('\u{1b}'), "{text}");
        assert!(text.contains("&lt;script&gt;alert(1)"));
    }
    // Our own script and data, and nothing from elsewhere.
    let page = written(&hostile, Form::Html);
    assert_eq!((page.matches("<script").count(), page.matches("</script>").count()), (2, 2));
    let elsewhere = page.matches("http:").count() - page.matches("http://www.w3.org/2000/svg").count();
    assert_eq!((elsewhere, page.matches("https:").count(), page.matches("url(").count()), (0, 0, 0));
    assert_eq!(data(&page)["places"][0][0], HOSTILE);
    let is_quoted = |line: &str| line.replace("\\\\", "").replace("\\\"", "").matches('"').count().is_multiple_of(2);
    assert!(written(&hostile, Form::Dot).lines().all(is_quoted));
    assert!(serde_json::from_str::<serde_json::Value>(&written(&hostile, Form::Json)).is_ok());
}

#[test]
fn the_same_map_is_the_same_text() {
    for form in [Form::Html, Form::Svg, Form::Dot, Form::Json] {
        assert_eq!(written(&world(6, 5, 5, 120), form), written(&world(6, 5, 5, 120), form));
    }
}
