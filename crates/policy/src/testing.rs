//! The format of tests of policies, in one file for every kind of them.

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value as Json;

/// The JSON schema of a test.
pub fn json_schema() -> Json {
    schema_for!(Test).to_value()
}

/// `kind: PolicyTest` of plimsoll.dev/v1.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Test {
    /// `plimsoll.dev/v1`
    pub api_version: String,
    /// `PolicyTest`
    pub kind: String,
    /// Files and directories with policies, bindings, templates, constraints, modules.
    pub policies: Vec<String>,
    /// Files with the objects that are judged.
    pub resources: Vec<String>,
    /// Files with what else is there: namespaces, parameters, RBAC. There is nothing else then.
    #[serde(default)]
    pub others: Vec<String>,
    /// What is expected.
    pub tests: Vec<Case>,
}

/// An expectation.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Case {
    /// What is tested; in reports.
    #[serde(default)]
    pub name: String,
    /// `Kind/name` or `Kind/namespace/name`.
    pub resource: String,
    /// The policy; without it, all of them together.
    #[serde(default)]
    pub policy: String,
    /// One of its rules.
    #[serde(default)]
    pub rule: String,
    /// What comes of it.
    pub expect: Expect,
    /// A regular expression that one of the messages fulfils.
    pub message: Option<String>,
    /// The JSON pointer of one of the breaches.
    pub at: Option<String>,
    /// A file with the object as a mutating policy makes it.
    pub changed: Option<String>,
    /// `CREATE`, `UPDATE` or `DELETE`.
    #[serde(default = "create")]
    pub operation: String,
    /// A file with the object before.
    pub old_object: Option<String>,
    /// Who sends it: `username`, `groups`.
    #[serde(default)]
    pub user_info: Json,
}

fn create() -> String {
    "CREATE".to_owned()
}

/// What a policy is expected to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Expect {
    /// It keeps to the policy.
    Pass,
    /// It breaks it.
    Fail,
    /// The policy is not about it.
    Skip,
    /// A mutating policy changes it.
    Change,
    /// A mutating policy leaves it as it is.
    Same,
    /// It cannot be said.
    Unknown,
}
