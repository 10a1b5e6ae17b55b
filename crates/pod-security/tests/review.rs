//! The envelope: what is not an AdmissionReview, and in which version the answer is.

#![cfg(test)]

use plimsoll_model::{Origin, Source};
use plimsoll_pod_security::{Admission, State, review};
use serde_json::{Value, json};

#[test]
fn reviews_that_cannot_be_answered() {
    let envelope = |request: &str| format!("{{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{request}}}");
    let pods = "\"operation\":\"CREATE\",\"resource\":{\"version\":\"v1\",\"resource\":\"pods\"}";
    let table = [
        (String::new(), "0 documents instead of one AdmissionReview"),
        ("a: 1\n---\nb: 1\n".to_owned(), "2 documents instead of one AdmissionReview"),
        ("{\"a\":".to_owned(), "not valid JSON"),
        ("{}".to_owned(), "not an AdmissionReview"),
        (envelope("{}").replace("/v1", "/v2"), "not an AdmissionReview"),
        ("{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\"}".to_owned(), "the AdmissionReview has no `request`"),
        (envelope("[]"), "`request` must be a map"),
        (envelope("{}"), "the request does not say its `resource`"),
        (envelope(&format!("{{{pods},\"userInfo\":[]}}")), "`userInfo` must be a map, is a list"),
        (envelope(&format!("{{{pods},\"uid\":1}}")), "`uid` must be a string, is a number"),
        (envelope(&format!("{{{}}}", pods.replace("CREATE", "create"))), "`operation` must be CREATE, UPDATE, DELETE or CONNECT"),
        (envelope(&format!("{{{}}}", pods.replace("\"pods\"", "[]"))), "`resource` must be a string, is a list"),
    ];
    for (text, wanted) in table {
        let source = Source::new("-", Origin::Stdin, text.as_str());
        let problems = review(&source, &Admission::default(), &State::default(), &mut || true).expect_err(&text);
        assert!(problems[0].message.contains(wanted), "{text}: {problems:?}");
    }
    // The answer is in the version of the question, and of two keys the last counts.
    let text = envelope(&format!("{{{pods},\"uid\":\"a\",\"uid\":\"b\",\"requestSubResource\":\"exec\",\"userInfo\":null}}"));
    let text = text.replace("admission.k8s.io/v1", "admission.k8s.io/v1beta1");
    let (answer, _) = review(&Source::new("-", Origin::Stdin, text), &Admission::default(), &State::default(), &mut || true).unwrap();
    let wanted = json!({"apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview", "response": {"uid": "b", "allowed": true}});
    assert_eq!(serde_json::from_str::<Value>(&answer).unwrap(), wanted);
}
