//! Flex's plugin service: uploaded plugins, their versions, configurations that name versions, and releases.
//!
//! The newest release is active. Its configuration names every plugin that Flex loads, so a new one must carry the
//! others over.

mod resources;

use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use self::resources::{Configured, Plugin, PluginConfiguration, Release, Version};
use crate::{
    paging::{self, Page},
    problem::Problem,
    query::Query,
    recordings::Account,
};

/// The plugins of the account.
#[derive(Debug, Default)]
pub(crate) struct Plugins(Mutex<Service>);

#[derive(Debug, Default)]
struct Service {
    plugins: Vec<Plugin>,
    configurations: Vec<PluginConfiguration>,
    releases: Vec<Release>,
}

/// An entry of the form's `Plugins`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    plugin_version: String,
    phase: u32,
}

impl Plugins {
    /// # Errors
    /// 400 for a malformed page or an unknown parameter.
    pub(crate) fn list(&self, account: &Account<'_>, query: &Query) -> Result<Response, Problem> {
        let shown = self.lock().plugins.iter().map(|plugin| plugin.shown(account)).collect();
        listed(&root(account, "Plugins"), "plugins", shown, query)
    }

    /// # Errors
    /// 404 for an unknown plugin, 400 as for [`list`](Self::list).
    pub(crate) fn list_versions(&self, account: &Account<'_>, sid: &str, query: &Query) -> Result<Response, Problem> {
        let service = self.lock();
        let plugin = service.plugins.iter().find(|plugin| plugin.sid == sid);
        let plugin = plugin.ok_or_else(Problem::not_found)?;
        let shown = plugin
            .versions
            .iter()
            .map(|version| version.shown(account, plugin))
            .collect();
        listed(
            &root(account, &format!("Plugins/{sid}/Versions")),
            "plugin_versions",
            shown,
            query,
        )
    }

    /// # Errors
    /// 404 for an unknown configuration, 400 as for [`list`](Self::list).
    pub(crate) fn list_configured(&self, account: &Account<'_>, sid: &str, query: &Query) -> Result<Response, Problem> {
        let service = self.lock();
        let configuration = service.configuration(sid).ok_or_else(Problem::not_found)?;
        let entries = configuration.plugins.iter();
        let shown = entries
            .filter_map(|entry| {
                let (plugin, version) = service.version(&entry.version)?;
                Some(entry.shown(account, sid, plugin, version))
            })
            .collect();
        listed(
            &root(account, &format!("Configurations/{sid}/Plugins")),
            "plugins",
            shown,
            query,
        )
    }

    /// # Errors
    /// 400 for a form without a name, with an unknown version, or with two versions of one plugin.
    pub(crate) fn create_configuration(&self, account: &Account<'_>, form: &[u8]) -> Result<Response, Problem> {
        let form = Query::parse(form);
        form.only(&["Name", "Plugins"])?;
        let name = form.first("Name").ok_or_else(|| Problem::invalid("Name is required"))?;
        let entries: Result<Vec<Entry>, _> = form.all("Plugins").map(serde_json::from_str).collect();
        let entries = entries.map_err(|_| Problem::invalid("an entry of Plugins has other fields"))?;
        let mut service = self.lock();
        let mut plugins = Vec::new();
        for entry in &entries {
            let (plugin, _) = service
                .version(&entry.plugin_version)
                .ok_or_else(|| Problem::invalid("Plugins names an unknown version"))?;
            if plugins.contains(&plugin.sid) {
                return Err(Problem::invalid("Plugins names two versions of one plugin"));
            }
            plugins.push(plugin.sid.clone());
        }
        let chosen = entries.into_iter().map(|entry| Configured {
            version: entry.plugin_version,
            phase: entry.phase,
        });
        let created = service.configure(name, chosen.collect());
        Ok((StatusCode::CREATED, Json(created.shown(account))).into_response())
    }

    /// # Errors
    /// 404 if nothing was ever released.
    pub(crate) fn active_release(&self, account: &Account<'_>) -> Result<Response, Problem> {
        let service = self.lock();
        let active = service.releases.last().ok_or_else(Problem::not_found)?;
        Ok(Json(active.shown(account)).into_response())
    }

    /// # Errors
    /// 400 for a form without a known configuration.
    pub(crate) fn create_release(&self, account: &Account<'_>, form: &[u8]) -> Result<Response, Problem> {
        let form = Query::parse(form);
        form.only(&["ConfigurationId"])?;
        let mut service = self.lock();
        let named = form.first("ConfigurationId").and_then(|sid| service.configuration(sid));
        let sid = named.map(|configuration| configuration.sid.clone());
        let sid = sid.ok_or_else(|| Problem::invalid("ConfigurationId is no known configuration"))?;
        let released = service.release(sid).shown(account);
        Ok((StatusCode::CREATED, Json(released)).into_response())
    }

    pub(crate) fn add(&self, unique_name: &str, versions: &[&str]) -> Vec<String> {
        let mut service = self.lock();
        let number = service.plugins.len() + 1;
        let versions: Vec<_> = versions
            .iter()
            .enumerate()
            .map(|(index, version)| Version {
                sid: format!("FV{number:030x}{index:02x}"),
                version: (*version).to_owned(),
            })
            .collect();
        let sids = versions.iter().map(|version| version.sid.clone()).collect();
        service.plugins.push(Plugin {
            sid: format!("FP{number:032x}"),
            unique_name: unique_name.to_owned(),
            versions,
        });
        sids
    }

    pub(crate) fn release(&self, versions: &[String]) {
        let mut service = self.lock();
        let chosen = versions.iter().map(|version| Configured {
            version: version.clone(),
            phase: 3,
        });
        let sid = service
            .configure("by another administrator", chosen.collect())
            .sid
            .clone();
        service.release(sid);
    }

    pub(crate) fn active(&self) -> Vec<String> {
        let service = self.lock();
        let active = service.releases.last().map(|release| release.configuration.as_str());
        let configuration = active.and_then(|sid| service.configuration(sid));
        let entries = configuration
            .into_iter()
            .flat_map(|configuration| &configuration.plugins);
        entries
            .filter_map(|entry| service.version(&entry.version))
            .map(|(plugin, version)| format!("{}@{}", plugin.unique_name, version.version))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Service> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service {
    fn configuration(&self, sid: &str) -> Option<&PluginConfiguration> {
        self.configurations
            .iter()
            .find(|configuration| configuration.sid == sid)
    }

    fn version(&self, sid: &str) -> Option<(&Plugin, &Version)> {
        self.plugins.iter().find_map(|plugin| {
            let version = plugin.versions.iter().find(|version| version.sid == sid)?;
            Some((plugin, version))
        })
    }

    fn configure(&mut self, name: &str, plugins: Vec<Configured>) -> &PluginConfiguration {
        let sid = format!("FJ{:032x}", self.configurations.len() + 1);
        let name = name.to_owned();
        self.configurations.push(PluginConfiguration { sid, name, plugins });
        &self.configurations[self.configurations.len() - 1]
    }

    fn release(&mut self, configuration: String) -> &Release {
        let sid = format!("FK{:032x}", self.releases.len() + 1);
        self.releases.push(Release { sid, configuration });
        &self.releases[self.releases.len() - 1]
    }
}

fn root(account: &Account<'_>, path: &str) -> String {
    format!("{}/v1/PluginService/{path}", account.api_base)
}

fn listed(list: &str, key: &str, items: Vec<Value>, query: &Query) -> Result<Response, Problem> {
    query.only(&paging::PARAMETERS)?;
    let page = Page::parse(query)?;
    let sheet = page.of(items);
    let meta = page.meta(&sheet, list, key, query);
    Ok(Json(json!({"meta": meta, key: sheet.items})).into_response())
}
