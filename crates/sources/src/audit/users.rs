//! Each user once in memory: a log names the same ones again and again.

use plimsoll_model::rbac::User;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// So many are remembered. Credentials that change every hour make new users all the time (their ids are in `extra`), so that a
/// long log would fill memory.
const REMEMBERED: usize = 1 << 16;

/// Users by the text that they were read from.
#[derive(Debug, Default)]
pub(super) struct Users {
    by_text: Mutex<HashMap<Box<str>, Arc<User>>>,
}

/// `authentication.k8s.io/v1` UserInfo.
#[derive(Deserialize)]
struct UserInfo {
    username: Option<String>,
    uid: Option<String>,
    groups: Option<Vec<String>>,
    extra: Option<BTreeMap<String, Option<Vec<String>>>>,
}

impl Users {
    /// The user that the JSON `text` describes.
    pub(super) fn get(&self, text: &str) -> Result<Arc<User>, serde_json::Error> {
        let lock = || self.by_text.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(user) = lock().get(text) {
            return Ok(user.clone());
        }
        let info: UserInfo = serde_json::from_str(text)?;
        let user = Arc::new(User {
            name: info.username.unwrap_or_default(),
            groups: info.groups.unwrap_or_default(),
            uid: info.uid.unwrap_or_default(),
            extra: info.extra.unwrap_or_default().into_iter().map(|(key, values)| (key, values.unwrap_or_default())).collect(),
        });
        let mut by_text = lock();
        if by_text.len() >= REMEMBERED {
            by_text.clear();
        }
        Ok(by_text.entry(text.into()).or_insert(user).clone())
    }
}
