//! The resources of the plugin service, with every field of their OpenAPI schemas.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::root;
use crate::{dates::iso_8601, recordings::Account};

/// An uploaded plugin.
#[derive(Debug)]
pub(super) struct Plugin {
    pub(super) sid: String,
    pub(super) unique_name: String,
    pub(super) versions: Vec<Version>,
}

/// An uploaded version of a plugin.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) sid: String,
    pub(super) version: String,
}

/// A set of versions that can be released.
#[derive(Debug)]
pub(super) struct PluginConfiguration {
    pub(super) sid: String,
    pub(super) name: String,
    pub(super) plugins: Vec<Configured>,
}

/// A version in a configuration.
#[derive(Debug)]
pub(super) struct Configured {
    /// Its SID.
    pub(super) version: String,
    pub(super) phase: u32,
}

/// A release of a configuration.
#[derive(Debug)]
pub(super) struct Release {
    pub(super) sid: String,
    /// Its SID.
    pub(super) configuration: String,
}

impl Plugin {
    /// The schema `flex.v1.plugin`.
    pub(super) fn shown(&self, account: &Account<'_>) -> Value {
        let url = root(account, &format!("Plugins/{}", self.sid));
        json!({
            "account_sid": account.sid,
            "archived": false,
            "date_created": created(),
            "date_updated": created(),
            "description": null,
            "friendly_name": self.unique_name,
            "links": {"plugin_versions": format!("{url}/Versions")},
            "sid": self.sid,
            "unique_name": self.unique_name,
            "url": url,
        })
    }
}

impl Version {
    /// The schema `flex.v1.plugin.plugin_version`.
    pub(super) fn shown(&self, account: &Account<'_>, plugin: &Plugin) -> Value {
        json!({
            "account_sid": account.sid,
            "archived": false,
            "changelog": null,
            "date_created": created(),
            "plugin_sid": plugin.sid,
            "plugin_url": bundle(plugin, self),
            "private": true,
            "sid": self.sid,
            "url": root(account, &format!("Plugins/{}/Versions/{}", plugin.sid, self.sid)),
            "validated": true,
            "version": self.version,
        })
    }
}

impl PluginConfiguration {
    /// The schema `flex.v1.plugin_configuration`.
    pub(super) fn shown(&self, account: &Account<'_>) -> Value {
        let url = root(account, &format!("Configurations/{}", self.sid));
        json!({
            "account_sid": account.sid,
            "archived": false,
            "date_created": created(),
            "description": null,
            "links": {"plugins": format!("{url}/Plugins")},
            "name": self.name,
            "sid": self.sid,
            "url": url,
        })
    }
}

impl Configured {
    /// The resource ConfiguredPlugin, which Twilio documents and the OpenAPI description lacks.
    pub(super) fn shown(
        &self,
        account: &Account<'_>,
        configuration: &str,
        plugin: &Plugin,
        version: &Version,
    ) -> Value {
        let url = root(
            account,
            &format!("Configurations/{configuration}/Plugins/{}", plugin.sid),
        );
        json!({
            "account_sid": account.sid,
            "changelog": null,
            "configuration_sid": configuration,
            "date_created": created(),
            "description": null,
            "friendly_name": plugin.unique_name,
            "phase": self.phase,
            "plugin_archived": false,
            "plugin_sid": plugin.sid,
            "plugin_url": bundle(plugin, version),
            "plugin_version_archived": false,
            "plugin_version_sid": version.sid,
            "private": true,
            "unique_name": plugin.unique_name,
            "url": url,
            "version": version.version,
        })
    }
}

impl Release {
    /// The schema `flex.v1.plugin_release`.
    pub(super) fn shown(&self, account: &Account<'_>) -> Value {
        json!({
            "account_sid": account.sid,
            "configuration_sid": self.configuration,
            "date_created": created(),
            "sid": self.sid,
            "url": root(account, &format!("Releases/{}", self.sid)),
        })
    }
}

fn created() -> String {
    iso_8601(OffsetDateTime::UNIX_EPOCH)
}

fn bundle(plugin: &Plugin, version: &Version) -> String {
    format!(
        "https://plugins.example.com/{}/{}/bundle.js",
        plugin.unique_name, version.version
    )
}
